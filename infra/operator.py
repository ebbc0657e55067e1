"""Who is at the keyboard, for records and audits of what an operator did."""

import getpass
import os


def find_operator() -> str:
    """The login name, behind sudo too; the numeric id where there is no name."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return "".join(sign for sign in name if sign.isprintable())[:200] or str(os.getuid())
