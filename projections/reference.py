"""Reference records → rows, every version of each; decisions about dead letters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import asyncpg

from projections.decisions import Made, project_decisions
from stream.batches import LogRecord
from stream.codec import decode_reference
from stream.reference import LoggedDecision, ReferenceRecord, reference_id

_COMMON: Final = ("valid_from", "log_offset", "recorded_at", "body")
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "facility_record": (
        "facility_id",
        *_COMMON,
        "name",
        "level",
        "parent_facility_id",
        "district_id",
        "state",
        "time_zone",
    ),
    "item_record": ("item_id", *_COMMON, "name", "base_unit"),
    "district_record": ("district_id", *_COMMON, "name", "state"),
    "recall_record": ("recall_id", *_COMMON, "item_id", "lot", "manufacturer", "lifted"),
    "norm_record": (
        "norm_id",
        *_COMMON,
        "level",
        "item_id",
        "facility_id",
        "lead_time_days",
        "safety_days",
        "review_days",
        "window_days",
        "withdrawn",
    ),
    "closure_record": (
        "closure_id",
        *_COMMON,
        "facility_id",
        "district_id",
        "state",
        "first_day",
        "last_day",
        "withdrawn",
    ),
    "directive_record": (
        "directive_id",
        *_COMMON,
        "requires",
        "state",
        "deadline",
        "used_days",
        "of_open_days",
        "withdrawn",
    ),
    "chain_record": ("chain_id", *_COMMON, "state", "district_id", "withdrawn"),
    "threshold_record": (
        "threshold_id",
        *_COMMON,
        "rule",
        "level",
        "state",
        "district_id",
        "withdrawn",
    ),
}
"""Table → columns: the id, what each record has, and fields of the record that reads look for."""


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
    tables: dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]] = {
        table: (columns, []) for table, columns in COLUMNS.items()
    }
    for arrival in arrivals:
        record = arrival.reference
        if isinstance(record, LoggedDecision):
            continue  # its row depends on the one that stood before: see list_decisions
        columns, rows = tables[f"{record.kind}_record"]
        common = _common(arrival, record.valid_from)
        own = columns[len(common) + 1 :]
        rows.append((reference_id(record), *common, *(getattr(record, name) for name in own)))
    return tables


def _common(
    arrival: ReferenceArrival, valid_from: datetime | None
) -> tuple[datetime, int, datetime, str]:
    """valid_from, log_offset, recorded_at and body."""
    assert arrival.record.value is not None
    return (
        valid_from or arrival.recorded_at,
        arrival.record.offset,
        arrival.recorded_at,
        arrival.record.value.decode(),
    )
