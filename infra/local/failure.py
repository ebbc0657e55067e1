"""Why the embedded stack can't run, in one sentence for the person at the terminal."""

from stream.errors import DawalogError


class CannotStart(DawalogError):
    """The embedded stack can't start or go on; the message says why and what to do."""


class NoInstallation(CannotStart):
    """Nothing was ever started in the data folder."""
