"""The guide's examples do what they say, in the order in which they stand."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.service import Service

GUIDE = Path("docs/guide.md")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None, reason="the guide's examples need curl: apt-get install curl"
)


@pytest.mark.timeout(180)
def test_the_guide_can_be_followed(service: Service, tmp_path: Path) -> None:
    service.asks_for_tokens = True
    settings = {
        "URL": service.start(),
        "STATE": service.token("--role", "integration"),
        "PHARMACIST": service.token("--role", "pharmacist", "--facility", "PHC-KOTRA"),
        "CMHO": service.token("--role", "cmho", "--district", "AJMER"),
        "NHM": service.token("--role", "nhm"),
    }
    given = "".join(f"{name}={value}\n" for name, value in settings.items())
    assert len(BLOCKS) > 5
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-x"],
        input=given + "\n".join(BLOCKS),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
