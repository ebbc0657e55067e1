"""Why the embedded stack can't run, in one sentence for the person at the terminal."""

from typing import Final

from stream.errors import DawalogError

NOT_INSTALLED: Final = (
    "the embedded stack is not installed: `make setup` in a checkout of Dawalog does it, "
    "or `pip install '.[local]'`"
)


class CannotStart(DawalogError):
    """The embedded stack can't start or go on; the message says why and what to do."""


class NoInstallation(CannotStart):
    """Nothing was ever started in the data folder."""
