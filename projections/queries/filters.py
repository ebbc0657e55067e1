"""Conditions for what is asked for, and nothing else.

A statement that says `$1 IS NULL OR district_id = $1` is planned for all facilities once its plan
is kept. One that compares only what is asked for finds a district's facilities by index.
"""

from collections.abc import Iterable


def is_asked(values: Iterable[object]) -> tuple[bool, ...]:
    """What statements differ by: which filters have a value."""
    return tuple(value is not None for value in values)


def conditions(columns: Iterable[str], asked: Iterable[bool], *, first: int = 1) -> str:
    """`columns` are compared with the parameters from $first on; all of those are texts."""
    return " AND ".join(
        f"{column} = ${number}" if one else f"${number}::text IS NULL"
        for number, (column, one) in enumerate(zip(columns, asked, strict=True), first)
    )


def of_places(condition: str) -> str:
    """For a walk that stops with its page: facilities of `facility_state` are found first, and each
    step looks them up in a hash. IS TRUE keeps the planner from joining them, all at once.
    """
    return f"(facility_no IN (SELECT facility_no FROM facility_state WHERE {condition})) IS TRUE"
