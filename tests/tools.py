"""Programs that a test needs and a machine may not have."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}


def require(*programs: str) -> None:
    """Leave the test out where one is missing, and say how to get it; with REQUIRE_TOOLS, fail."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    packages = " ".join(sorted({PACKAGES[program] for program in missing}))
    reason = f"{', '.join(missing)} not installed: apt-get install {packages}"
    if os.environ.get("REQUIRE_TOOLS"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running(*words: str, log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A program until the block ends."""
    require(words[0])
    with log.open("ab") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
