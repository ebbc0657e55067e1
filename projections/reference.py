"""Reference records → rows, every version of each; decisions about dead letters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, assert_never

import asyncpg

from projections.decisions import Made, project_decisions
from stream.batches import LogRecord
from stream.codec import decode_reference
from stream.reference import (
    LoggedDecision,
    LoggedDistrict,
    LoggedFacility,
    LoggedItem,
    LoggedRecall,
    ReferenceRecord,
)

FACILITY_COLUMNS: Final = (
    "facility_id",
    "valid_from",
    "log_offset",
    "recorded_at",
    "body",
    "name",
    "level",
    "parent_facility_id",
    "district_id",
    "state",
    "time_zone",
)
ITEM_COLUMNS: Final = (
    "item_id",
    "valid_from",
    "log_offset",
    "recorded_at",
    "body",
    "name",
    "base_unit",
)
DISTRICT_COLUMNS: Final = (
    "district_id",
    "valid_from",
    "log_offset",
    "recorded_at",
    "body",
    "name",
    "state",
)
RECALL_COLUMNS: Final = (
    "recall_id",
    "valid_from",
    "log_offset",
    "recorded_at",
    "body",
    "item_id",
    "lot",
    "manufacturer",
    "lifted",
)


@dataclass(slots=True)
class ReferenceArrival:
    """A decoded reference record; `recorded_at` is set when its turn comes."""

    record: LogRecord
    reference: ReferenceRecord
    recorded_at: datetime = field(init=False)


def decode_reference_arrival(record: LogRecord) -> ReferenceArrival:
    """Raises `Undecodable` or `NewerSchema` as `decode_reference`."""
    return ReferenceArrival(record, decode_reference(record.key, record.value, record.headers))


async def project_reference(
    connection: "asyncpg.Connection[Any]", arrivals: Sequence[ReferenceArrival]
) -> None:
    """Write the records' rows within the caller's transaction."""
    for table, (columns, rows) in list_reference_rows(arrivals).items():
        if rows:
            await connection.copy_records_to_table(table, columns=columns, records=rows)
    if made := list_decisions(arrivals):
        await project_decisions(connection, made)


def list_decisions(arrivals: Iterable[ReferenceArrival]) -> list[Made]:
    """The decisions about dead letters among them."""
    return [
        Made(arrival.reference, arrival.record.offset, arrival.recorded_at)
        for arrival in arrivals
        if isinstance(arrival.reference, LoggedDecision)
    ]


def list_reference_rows(
    arrivals: Iterable[ReferenceArrival],
) -> dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]]:
    """Table → columns and rows, one a record. The first three columns are the key."""
    facilities: list[tuple[Any, ...]] = []
    items: list[tuple[Any, ...]] = []
    districts: list[tuple[Any, ...]] = []
    recalls: list[tuple[Any, ...]] = []
    for arrival in arrivals:
        match arrival.reference:
            case LoggedFacility() as facility:
                facilities.append(_facility_row(arrival, facility))
            case LoggedItem() as item:
                items.append((item.item_id, *_common(arrival), item.name, item.base_unit))
            case LoggedDistrict() as district:
                districts.append(
                    (district.district_id, *_common(arrival), district.name, district.state)
                )
            case LoggedRecall() as recall:
                recalls.append(_recall_row(arrival, recall))
            case LoggedDecision():
                continue  # its row depends on the one that stood before: see list_decisions
            case _:
                assert_never(arrival.reference)
    return {
        "facility_record": (FACILITY_COLUMNS, facilities),
        "item_record": (ITEM_COLUMNS, items),
        "district_record": (DISTRICT_COLUMNS, districts),
        "recall_record": (RECALL_COLUMNS, recalls),
    }


def _facility_row(arrival: ReferenceArrival, facility: LoggedFacility) -> tuple[Any, ...]:
    return (
        facility.facility_id,
        *_common(arrival),
        facility.name,
        facility.level,
        facility.parent_facility_id,
        facility.district_id,
        facility.state,
        facility.time_zone,
    )


def _recall_row(arrival: ReferenceArrival, recall: LoggedRecall) -> tuple[Any, ...]:
    return (
        recall.recall_id,
        *_common(arrival),
        recall.item_id,
        recall.lot,
        recall.manufacturer,
        recall.lifted,
    )


def _common(arrival: ReferenceArrival) -> tuple[datetime, int, datetime, str]:
    """valid_from, log_offset, recorded_at and body."""
    assert arrival.record.value is not None
    assert not isinstance(arrival.reference, LoggedDecision)
    return (
        arrival.reference.valid_from or arrival.recorded_at,
        arrival.record.offset,
        arrival.recorded_at,
        arrival.record.value.decode(),
    )
