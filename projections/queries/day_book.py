"""A facility's events, newest first, and what became of one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

import orjson

from projections.reading import FACILITY, ReadModel, Snapshot

_IS_KNOWN: Final = """
    EXISTS (SELECT FROM facility_number WHERE facility_id = $1)
      OR EXISTS (SELECT FROM facility WHERE facility_id = $1) AS is_known
"""

# The bound of occurred_at holds the cursor's too: a row comparison alone bounds no index scan.
DAY_BOOK: Final = f"""
WITH page AS (
    SELECT * FROM event
    WHERE facility_no = (SELECT facility_no FROM facility_number WHERE facility_id = $1)
      AND occurred_at BETWEEN $3 AND least($4, $5::timestamptz)
      AND (occurred_at, event_id) < ($5::timestamptz, $6::uuid)
      AND recorded_at <= $7
      {{filters}}
    ORDER BY occurred_at DESC, event_id DESC LIMIT $8::bigint
)
SELECT {FACILITY}, {_IS_KNOWN},
    (SELECT json_agg(json_build_array(
         body, recorded_at, coalesce(reversed_at <= $7, false),
         EXISTS (SELECT FROM dead_letter AS letter
                 LEFT JOIN dead_letter_decision USING (topic, partition, log_offset)
                 WHERE letter.facility_id = $1 AND letter.event_id = page.event_id
                   AND letter.kind = 'conflict' AND letter.topic = 'stock-events'
                   AND letter.recorded_at <= $7 AND decision IS DISTINCT FROM 'discarded'))
                     ORDER BY occurred_at DESC, event_id DESC)
     FROM page) AS events
"""

# Only those asked for are in the statement, so that the planner sees which index serves.
FILTERS: Final = {
    "event_type": "type = {}",
    "item_id": "body @> ANY ({}::jsonb[])",
    "document_no": "body ? 'document_no' AND body ->> 'document_no' = {}",
    "recorded_by": "body ->> 'recorded_by' = {}",
    "prescription_hashes": "body ? 'prescription_hash' "
    "AND body ->> 'prescription_hash' = ANY ({}::text[])",
}

EVENT: Final = f"""
SELECT {FACILITY},
    (SELECT json_build_array(body, recorded_at, partition, log_offset, reversed_at)
     FROM event
     WHERE facility_no = (SELECT facility_no FROM facility_number WHERE facility_id = $1)
       AND event_id = $3::uuid) AS applied,
    (SELECT json_agg(json_build_array(kind, letter.recorded_at, partition, log_offset,
                                      encode(record_value, 'base64'),
                                      decision IS NOT DISTINCT FROM 'discarded')
                     ORDER BY log_offset)
     FROM dead_letter AS letter
     LEFT JOIN dead_letter_decision USING (topic, partition, log_offset)
     WHERE facility_id = $1 AND event_id = $3::uuid AND topic = 'stock-events') AS dead_letters
"""


class DayBookEntry(NamedTuple):
    """`body` is the event as it stands in the log. `contradicted`: another one with other content
    came under its id later, and was set aside; nobody has discarded that one yet.
    """

    body: dict[str, Any]
    recorded_at: str
    reversed: bool
    contradicted: bool


@dataclass(frozen=True, slots=True)
class DayBook:
    snapshot: Snapshot
    entries: list[DayBookEntry]


class Applied(NamedTuple):
    body: dict[str, Any]
    recorded_at: str
    partition: int
    log_offset: int
    reversed_at: str | None


class Letter(NamedTuple):
    kind: str
    recorded_at: str
    partition: int
    log_offset: int
    value: str | None  # base64 of the record's bytes
    is_discarded: bool


@dataclass(frozen=True, slots=True)
class EventFate:
    """What became of the records with one event_id; at least one of the two is there."""

    snapshot: Snapshot
    applied: Applied | None
    letters: list[Letter]


async def list_events(
    model: ReadModel,
    *,
    facility_id: str,
    partition: int | None,
    occurred_from: datetime,
    occurred_to: datetime,
    before: tuple[datetime, str],
    known_at: datetime,
    limit: int,
    event_type: str | None = None,
    item_id: str | None = None,
    document_no: str | None = None,
    recorded_by: str | None = None,
    prescription_hashes: Sequence[str] | None = None,
) -> DayBook | None:
    """Newest first; None if the facility isn't known.

    Args:
        before: (occurred_at, event_id) that the page comes after, in the list's order.
        known_at: what was recorded later isn't told: events, reversals, others under their ids.
        prescription_hashes: the prescription's keyed hash under each key that may have made it.
    """
    asked = {
        "event_type": event_type,
        "item_id": None if item_id is None else _naming_item(item_id),
        "document_no": document_no,
        "recorded_by": recorded_by,
        "prescription_hashes": prescription_hashes,
    }
    filters = {name: value for name, value in asked.items() if value is not None}
    snapshot = await model.fetch(
        _statement(tuple(filters)),
        facility_id,
        partition,
        occurred_from,
        occurred_to,
        *before,
        known_at,
        limit,
        *filters.values(),
    )
    if not snapshot.row["is_known"]:
        return None
    return DayBook(snapshot, [DayBookEntry(*event) for event in snapshot.loads("events")])


@cache
def _statement(names: tuple[str, ...]) -> str:
    """The day book with these filters, their values from $9 on."""
    conditions = (FILTERS[name].format(f"${number}") for number, name in enumerate(names, 9))
    return DAY_BOOK.format(filters=" ".join(f"AND {condition}" for condition in conditions))


def _naming_item(item_id: str) -> list[str]:
    """What an event contains that names the item: in a line, or as a hold or release does."""
    named = {"item_id": item_id}
    return [orjson.dumps(part).decode() for part in ({"lines": [named]}, named)]


async def find_event(
    model: ReadModel, *, facility_id: str, partition: int | None, event_id: str
) -> EventFate | None:
    snapshot = await model.fetch(EVENT, facility_id, partition, event_id)
    applied = snapshot.loads("applied")
    letters = [Letter(*letter) for letter in snapshot.loads("dead_letters")]
    if not applied and not letters:
        return None
    return EventFate(snapshot, Applied(*applied) if applied else None, letters)
