"""How often one subject may ask, counted in each API process by itself.

The limit is written as the library `limits` has it; why its storage in memory isn't used says
docs/decisions/0024-rate-limits-are-counted-here.md.
"""

from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Final

from limits import parse

from stream.errors import TooOften

OFF: Final = "off"
LEAST_SWEPT: Final = 1_000


@dataclass(slots=True)
class _Window:
    ends_at: float
    count: int = 0


class RateLimit:
    """`limit` as in `api.settings`. A subject's window begins with its first request."""

    def __init__(self, limit: str) -> None:
        self._limit = None if limit == OFF else parse(limit)
        self._windows: dict[str, _Window] = {}
        self._sweep_at = LEAST_SWEPT

    def count(self, subject: str) -> None:
        """Raises TooOften."""
        if self._limit is None:
            return
        now = monotonic()
        window = self._windows.get(subject)
        if window is None or window.ends_at <= now:
            self._sweep(now)
            window = self._windows[subject] = _Window(now + self._limit.get_expiry())
        window.count += 1
        if window.count > self._limit.amount:
            seconds = ceil(window.ends_at - now)
            raise TooOften(f"That was too much at once. Please try again in {seconds} s.", seconds)

    def _sweep(self, now: float) -> None:
        """Forget whose window has ended, each time that there are twice as many."""
        if len(self._windows) >= self._sweep_at:
            self._windows = {
                subject: window for subject, window in self._windows.items() if window.ends_at > now
            }
            self._sweep_at = max(LEAST_SWEPT, 2 * len(self._windows))


def check_limit(limit: str) -> str:
    """Raises ValueError for what is neither a limit nor `off`."""
    if limit != OFF:
        parse(limit)
    return limit
