"""Who has the module in use as a directive asks, with the events that show it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from projections.queries.directive_use import use_statement
from projections.queries.turns import turn_arguments
from projections.reading import ReadModel, Snapshot
from projections.standing import Standing, Use, judge_standing


class Proof(NamedTuple):
    """An event, and which part of the facility posted it."""

    event_id: str
    facility_id: str
    occurred_at: str


@dataclass(frozen=True, slots=True)
class FacilityStanding:
    """`dispensed_on`: days of those asked for, with a prescription at one of its parts."""

    facility_id: str
    name: str
    level: str
    district_id: str
    counters: int
    counters_active: int
    count: Proof | None
    receipt: Proof | None
    dispense: Proof | None
    dispensed_on: Sequence[str]
    standing: Standing


class Answering(NamedTuple):
    """Who answers for a district: until the deadline is over, with whom it begins."""

    district_id: str
    state: str
    officer: str
    title: str | None


@dataclass(frozen=True, slots=True)
class DirectiveStanding:
    """`directive` as it stands in the log. `districts`: how many facilities of each that it binds
    stand how. `facilities`: the page, by id.
    """

    snapshot: Snapshot
    directive: dict[str, Any]
    today: date
    districts: Mapping[str, Counter[Standing]]
    facilities: list[FacilityStanding]
    officers: list[Answering]


async def find_standing(
    model: ReadModel,
    directive_id: str,
    *,
    known_at: datetime | None = None,
    district_id: str | None = None,
    after: str = "",
    limit: int = 0,
    who_acts: Mapping[str, str],
) -> DirectiveStanding | None:
    """None if there was no such directive. `who_acts`: with whom the chain of command begins, by
    rule.
    """
    statement = use_statement(is_past=known_at is not None, in_district=district_id is not None)
    snapshot = await model.fetch(
        statement, directive_id, known_at, district_id, after, limit, *turn_arguments(who_acts)
    )
    if snapshot.row["directive"] is None:
        return None
    body, valid_from, used_days, today = snapshot.loads("directive")
    districts: dict[str, Counter[Standing]] = {}
    for district, *use, facilities in snapshot.loads("uses"):
        districts.setdefault(district, Counter())[_judge(use, used_days)] += facilities
    return DirectiveStanding(
        snapshot,
        body | {"valid_from": valid_from},
        date.fromisoformat(today),
        districts,
        [_facility(fields, used_days) for fields in snapshot.loads("facilities")],
        [Answering(*fields) for fields in snapshot.loads("officers")],
    )


def _judge(use: Sequence[Any], days_asked: int) -> Standing:
    counted, received, dispensed, days_used, was_used = use
    return judge_standing(Use(counted, received, dispensed, days_used, days_asked, was_used))


def _facility(fields: Sequence[Any], days_asked: int) -> FacilityStanding:
    facility_id, name, level, district_id, counters, counters_active, *rest = fields
    *use, count, receipt, dispense, dispensed_on = rest
    return FacilityStanding(
        facility_id=facility_id,
        name=name,
        level=level,
        district_id=district_id,
        counters=counters,
        counters_active=counters_active,
        count=count and Proof(*count),
        receipt=receipt and Proof(*receipt),
        dispense=dispense and Proof(*dispense),
        dispensed_on=dispensed_on or (),
        standing=_judge(use, days_asked),
    )
