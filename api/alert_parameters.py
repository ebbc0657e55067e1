"""Parameters of reads about alerts."""

from typing import Final, Literal

from alerts.rules import RULES

_NAMES: Final = tuple(RULES)
RuleName = Literal[_NAMES]  # type: ignore[valid-type]  # mypy wants the names here
"""Of one that a later version dropped, alerts are listed without this filter alone."""
