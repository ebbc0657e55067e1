"""Checks of what is configured for Prometheus and Alertmanager, by their own tools.

Run by `make check`. A tool that isn't installed leaves its checks out, and says so; with
REQUIRE_TOOLS in the environment that is a failure.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

INFRA: Final = Path(__file__).parent

CHECKS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("promtool", "prometheus", "check rules", "prometheus/rules/*.yml"),
    ("promtool", "prometheus", "test rules", "prometheus/tests/*.yml"),
    ("promtool", "prometheus", "check config --syntax-only", "prometheus/prometheus.yml"),
    ("amtool", "prometheus-alertmanager", "check-config", "alertmanager/alertmanager.yml"),
)
"""The tool, its Debian package, what it is told, and the files."""


def main() -> None:
    passed = [_check(*check) for check in CHECKS]
    sys.exit(0 if all(passed) else 1)


def _check(tool: str, package: str, words: str, files: str) -> bool:
    if shutil.which(tool) is None:
        print(f"left out: {tool} {words}; it is in Debian's package {package}", file=sys.stderr)
        return not os.environ.get("REQUIRE_TOOLS")
    paths = sorted(map(str, INFRA.glob(files)))
    done = subprocess.run(
        [tool, *words.split(), *paths], check=False, capture_output=True, text=True
    )
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
    else:
        print(f"{tool} {words}: {files} is as it must be")
    return done.returncode == 0


if __name__ == "__main__":
    main()
