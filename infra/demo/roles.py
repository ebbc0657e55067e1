"""A token for each role, to try the demo with."""

from pathlib import Path
from typing import Final

from api.token_issuer import issue_token

DISTRICT: Final = "RJ-AJM"
HOSPITAL: Final = "RJ-AJM-DH"


def ready_tokens(key_file: Path) -> dict[str, str]:
    """By role, with whose it is behind the role's name."""
    return {
        f"pharmacist of {HOSPITAL}": issue_token(key_file, "pharmacist", facilities=[HOSPITAL]),
        f"cmho of {DISTRICT}": issue_token(key_file, "cmho", districts=[DISTRICT]),
        "nhm": issue_token(key_file, "nhm"),
        "integration": issue_token(key_file, "integration"),
        "public": issue_token(key_file, "public"),
    }
