"""How often one subject may ask, counted in each API process by itself."""

from math import ceil
from time import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from stream.errors import TooOften

OFF = "off"


class RateLimit:
    """`limit` as in `api.settings`."""

    def __init__(self, limit: str) -> None:
        self._limit = None if limit == OFF else parse(limit)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, subject: str) -> None:
        """Raises TooOften."""
        if self._limit is None or self._limiter.hit(self._limit, subject):
            return
        reset_at = self._limiter.get_window_stats(self._limit, subject).reset_time
        seconds = max(1, ceil(reset_at - time()))
        raise TooOften(f"That was too much at once. Please try again in {seconds} s.", seconds)


def check_limit(limit: str) -> str:
    """Raises ValueError for what is neither a limit nor `off`."""
    if limit != OFF:
        parse(limit)
    return limit
