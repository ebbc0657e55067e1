"""What would be wrong with an event, before it is posted: by the rules of the discrepancies."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from projections.discrepancies.listing import ONE_FACILITY
from projections.discrepancies.unusual_quantity import history
from projections.discrepancies.warnings import SENTENCES, WARNINGS
from projections.entries import list_entries
from projections.reading import FACILITY, ReadModel, Snapshot
from stream.codec import OutgoingRecord, content_sha256
from stream.events import LoggedDispense, LoggedLotHeld, LoggedLotReleased, StockEvent

_NOW: Final = "(SELECT occurred_at FROM posted)"
_WARNINGS: Final = " UNION ALL ".join(
    f"SELECT line_no, '{name}' AS type, facts FROM ({select}) AS warning (line_no, facts)"
    for name, select in WARNINGS.items()
)

# $3 is the event as the log would hold it, $4 its entries, $5 its own id and that of the event
# that it corrects: their lines are no history, and are taken out of what is on hand, as they would
# be; $6 is the hash of its content. `asked` is also there for lots that have no card yet, so that a
# receipt's own expiry counts.
CHECK: Final = f"""
WITH place AS MATERIALIZED ({ONE_FACILITY}), posted AS MATERIALIZED (
    SELECT (SELECT facility_no FROM place) AS facility_no, $3::jsonb AS body,
           $3::jsonb ->> 'type' AS type, ($3::jsonb ->> 'occurred_at')::timestamptz AS occurred_at,
           coalesce((SELECT zone FROM place), zone_or_india(NULL)) AS zone, $5::uuid[] AS own,
           $6::bytea AS content_sha256
), asked AS MATERIALIZED (
    SELECT posted.*, line_no, item_id, item_no, line.lot, is_count, quantity, prescribed,
           least(line.expiry, known.expiry) AS expiry,
           sum(quantity) OVER (PARTITION BY item_id, line.lot ORDER BY line_no) AS moved
    FROM posted CROSS JOIN jsonb_to_recordset($4::jsonb) AS line (
        line_no integer, item_id text, lot text, is_count boolean, quantity bigint, expiry date,
        prescribed bigint)
    LEFT JOIN item_number USING (item_id)
    LEFT JOIN LATERAL (
        SELECT expiry FROM card WHERE card.facility_no = posted.facility_no
          AND card.item_no = item_number.item_no AND card.lot = line.lot
    ) AS known ON true
), line AS MATERIALIZED (
    SELECT * FROM ({history(_NOW, _NOW)}) AS earlier WHERE event_id <> ALL ($5)
    UNION ALL
    SELECT facility_no, NULL, NULL, type, occurred_at, line_no, item_id, lot, abs(quantity),
           prescribed, date_trunc('month', occurred_at AT TIME ZONE zone)
    FROM asked WHERE quantity <> 0 AND NOT is_count
)
SELECT {FACILITY},
    (SELECT json_agg(json_build_array(line_no, type, facts) ORDER BY line_no, type)
     FROM ({_WARNINGS}) AS warning) AS warnings
"""


class Warned(NamedTuple):
    """`line_no` is None for a hold or release, and what is of a whole event."""

    line_no: int | None
    type: str
    facts: dict[str, Any]

    @property
    def sentence(self) -> str:
        return SENTENCES[self.type].format_map(self.facts)


@dataclass(frozen=True, slots=True)
class Check:
    snapshot: Snapshot
    warnings: list[Warned]


async def check_event(
    model: ReadModel, event: StockEvent, *, draft: OutgoingRecord, partition: int | None
) -> Check:
    """`draft` is the event as the log would hold it; `partition` the facility's, if known."""
    own = [event.event_id, *([event.corrects] if event.corrects else [])]
    lines = orjson.dumps(list(_lines(event))).decode()
    content = content_sha256(draft.headers)
    snapshot = await model.fetch(
        CHECK, event.facility_id, partition, draft.value.decode(), lines, own, content
    )
    return Check(snapshot, [Warned(*warning) for warning in snapshot.loads("warnings")])


def _lines(event: StockEvent) -> Iterator[dict[str, Any]]:
    if isinstance(event, LoggedLotHeld | LoggedLotReleased):
        named = {"item_id": event.item_id, "lot": event.lot}
        yield named | {"line_no": None, "is_count": True, "quantity": 0}
    for item_id, lot, line_no, is_count, quantity, expiry in list_entries(event):
        prescribed = (
            event.lines[line_no - 1].prescribed if isinstance(event, LoggedDispense) else None
        )
        yield {
            "line_no": line_no,
            "item_id": item_id,
            "lot": lot,
            "is_count": is_count,
            "quantity": quantity,
            "expiry": expiry,
            "prescribed": prescribed,
        }
