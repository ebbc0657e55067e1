"""What a program doesn't import, so that it starts at once and stays small."""

import subprocess
import sys


def test_up_has_no_use_for_the_projector() -> None:
    """It would take 0.5 s of each start and 27 MiB for good: workers are processes of their own."""
    code = "import infra.cli, infra.local.embedded, sys; print('faust' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
