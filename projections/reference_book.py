"""Reference records by the definition: which one counts on a day. Plain and slow.

Of a record's versions the newest by (valid_from, log_offset) of those valid before the day's end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar

from projections.figures.days import india_day, india_midnight
from stream.reference import (
    LoggedClosure,
    LoggedDecision,
    LoggedFacility,
    LoggedItem,
    LoggedNorm,
    LoggedRecall,
    ReferenceRecord,
    reference_id,
)

_T = TypeVar("_T")


class Version(NamedTuple):
    valid_from: datetime
    log_offset: int
    record: ReferenceRecord


@dataclass(slots=True)
class ReferenceBook:
    """All reference records, by kind and then id: most questions are about a kind with few."""

    versions: dict[str, dict[str, list[Version]]] = field(default_factory=dict)

    @classmethod
    def of(cls, versions: Iterable[Version]) -> "ReferenceBook":
        book = cls()
        for version in versions:
            if not isinstance(version.record, LoggedDecision):
                of_kind = book.versions.setdefault(version.record.kind, {})
                of_kind.setdefault(reference_id(version.record), []).append(version)
        for of_kind in book.versions.values():
            for of_record in of_kind.values():
                of_record.sort(key=lambda version: version[:2])
        return book

    def facility(self, facility_id: str, day: date) -> LoggedFacility | None:
        return self._one(LoggedFacility, "facility", facility_id, day)

    def item(self, item_id: str, day: date) -> LoggedItem | None:
        return self._one(LoggedItem, "item", item_id, day)

    def essential_items(self, level: str, day: date) -> set[str]:
        items = self._all(LoggedItem, "item", day)
        return {item.item_id for item in items if level in (item.levels or ())}

    def norm(
        self, facility_id: str, level: str | None, item_id: str, day: date
    ) -> LoggedNorm | None:
        """The most specific one: of the facility, of its level, of the item, of everything."""
        norms = [
            norm
            for norm in self._all(LoggedNorm, "norm", day)
            if not norm.withdrawn
            and norm.facility_id in (None, facility_id)
            and norm.level in (None, level)
            and norm.item_id in (None, item_id)
        ]
        return max(norms, key=_how_specific, default=None)

    def closed_days(
        self, facility_id: str, facility: LoggedFacility | None, day: date
    ) -> set[date]:
        """Those of closures; weekdays on which it is closed anyway are not among them."""
        district_id = facility.district_id if facility else None
        state = facility.state if facility else None
        days: set[date] = set()
        for closure in self._all(LoggedClosure, "closure", day):
            if closure.withdrawn or not (
                closure.facility_id in (None, facility_id)
                and closure.district_id in (None, district_id)
                and closure.state in (None, state)
            ):
                continue
            length = (closure.last_day - closure.first_day).days + 1
            days.update(closure.first_day + timedelta(days=number) for number in range(length))
        return days

    def recalls_over_time(self, item_id: str) -> Iterator[list[tuple[date, LoggedRecall]]]:
        """Of each recall that ever named the item: from which day on which version counts."""
        for of_record in self.versions.get("recall", {}).values():
            recalls = {
                india_day(version.valid_from): version.record
                for version in of_record
                if isinstance(version.record, LoggedRecall)
            }
            if any(recall.item_id == item_id for recall in recalls.values()):
                yield sorted(recalls.items(), key=lambda of_day: of_day[0])

    def _all(self, kind: type[_T], name: str, day: date) -> Iterator[_T]:
        for of_record in self.versions.get(name, {}).values():
            record = _newest(of_record, day)
            if isinstance(record, kind):
                yield record

    def _one(self, kind: type[_T], name: str, id_: str, day: date) -> _T | None:
        record = _newest(self.versions.get(name, {}).get(id_, []), day)
        return record if isinstance(record, kind) else None


def _newest(versions: list[Version], day: date) -> ReferenceRecord | None:
    end = india_midnight(day + timedelta(days=1))
    counting = [version.record for version in versions if version.valid_from < end]
    return counting[-1] if counting else None


def _how_specific(norm: LoggedNorm) -> tuple[bool, bool, bool, str]:
    return (
        norm.facility_id is not None,
        norm.level is not None,
        norm.item_id is not None,
        norm.norm_id,
    )
