"""All kinds of discrepancies in one list, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from projections.discrepancies.clock_off import CLOCK_OFF
from projections.discrepancies.device_gap import DEVICE_GAP
from projections.discrepancies.expired_dispensed import EXPIRED_DISPENSED
from projections.discrepancies.expiry_differs import EXPIRY_DIFFERS
from projections.discrepancies.held_dispensed import HELD_DISPENSED
from projections.discrepancies.kind import COLUMNS, Kind
from projections.discrepancies.negative_stock import NEGATIVE_STOCK
from projections.discrepancies.possible_duplicate import POSSIBLE_DUPLICATE
from projections.discrepancies.recalled_dispensed import RECALLED_DISPENSED
from projections.discrepancies.receipt_and_transfer import RECEIPT_AND_TRANSFER
from projections.discrepancies.reversal_waiting import REVERSAL_WAITING
from projections.discrepancies.reversal_without_effect import REVERSAL_WITHOUT_EFFECT
from projections.discrepancies.unknown_item import UNKNOWN_ITEM
from projections.discrepancies.unrecorded_lot import UNRECORDED_LOT
from projections.discrepancies.unusual_quantity import UNUSUAL_QUANTITY
from projections.reading import FACILITY, ReadModel, Snapshot

State = Literal["open", "closed"]
Scope = Literal["facility", "district", "state"]

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        NEGATIVE_STOCK,
        UNRECORDED_LOT,
        UNKNOWN_ITEM,
        EXPIRED_DISPENSED,
        HELD_DISPENSED,
        RECALLED_DISPENSED,
        EXPIRY_DIFFERS,
        POSSIBLE_DUPLICATE,
        RECEIPT_AND_TRANSFER,
        UNUSUAL_QUANTITY,
        REVERSAL_WAITING,
        REVERSAL_WITHOUT_EFFECT,
        DEVICE_GAP,
        CLOCK_OFF,
    )
}

ONE_FACILITY: Final = """
    SELECT facility_no, asked.facility_id, zone_or_india(time_zone) AS zone
    FROM (SELECT * FROM facility_number WHERE facility_id = $1) AS asked
    LEFT JOIN (SELECT * FROM facility WHERE facility_id = $1) AS record USING (facility_id)
"""
_PLACES: Final[dict[Scope, str]] = {
    "facility": ONE_FACILITY,
    "district": """
    SELECT facility_no, facility_id, zone_or_india(time_zone) AS zone
    FROM facility JOIN facility_number USING (facility_id) WHERE district_id = $1
    """,
    "state": """
    SELECT facility_no, facility_id, zone_or_india(time_zone) AS zone
    FROM facility_number LEFT JOIN facility USING (facility_id) WHERE $1::text IS NULL
    """,
}
_STATES: Final[dict[State | None, str]] = {
    "open": "AND closed_at IS NULL",
    "closed": "AND closed_at IS NOT NULL",
    None: "",
}

# The id is of what makes a discrepancy the one that it is, so it is the same however often it is
# asked for; with the instant it opened it is the list's order.
LISTING: Final = f"""
WITH place AS MATERIALIZED ({{place}}), found AS ({{found}}), listed AS (
    SELECT *, md5(json_build_array(
        kind, facility_id, item_id, lot, line_no, opened_by)::text)::uuid AS discrepancy_id
    FROM found
    WHERE opened_at <= $4 AND (closed_at IS NULL OR closed_at >= $3) {{state}}
), page AS (
    SELECT * FROM listed WHERE (opened_at, discrepancy_id) < ($5::timestamptz, $6::uuid)
    ORDER BY opened_at DESC, discrepancy_id DESC LIMIT $7::bigint
)
SELECT {FACILITY},
    EXISTS (SELECT FROM place)
      OR EXISTS (SELECT FROM facility WHERE facility_id = $1::text) AS is_known,
    (SELECT json_agg(json_build_array(discrepancy_id, kind, {", ".join(COLUMNS)})
                     ORDER BY opened_at DESC, discrepancy_id DESC) FROM page) AS discrepancies
"""


class Discrepancy(NamedTuple):
    """Instants are RFC 3339 text in UTC; `closed_at` is None while it is open.

    `lot` '' is the item's unrecorded lot, None where no lot is meant. `opened_by` ends with the
    event that opened it; what it differs from, if there is such an event, comes before.
    """

    discrepancy_id: str
    kind: str
    facility_id: str
    item_id: str | None
    lot: str | None
    line_no: int | None
    opened_at: str
    opened_by: list[str]
    closed_at: str | None
    closed_by: list[str] | None
    facts: dict[str, Any]

    @property
    def sentence(self) -> str:
        return KINDS[self.kind].sentence.format_map(self.facts)


@dataclass(frozen=True, slots=True)
class Discrepancies:
    snapshot: Snapshot
    entries: list[Discrepancy]


async def list_discrepancies(
    model: ReadModel,
    *,
    scope: Scope,
    scope_id: str | None,
    partition: int | None = None,
    kind: str | None = None,
    state: State | None = None,
    since: datetime,
    until: datetime,
    before: tuple[datetime, str],
    limit: int,
) -> Discrepancies | None:
    """Newest first; None if it is asked of a facility that isn't known.

    Args:
        scope_id: facility_id or district_id; None for the whole state.
        partition: the facility's, None where it isn't known or not one facility is asked about.
        since: what ended before isn't listed, nor what events opened before that only a walk
            through them finds (`Kind.looks_back`).
        until: what opened later isn't listed.
        before: (opened_at, discrepancy_id) that the page comes after, in the list's order.
    """
    names = (kind,) if kind else tuple(KINDS)
    snapshot = await model.fetch(
        _statement(scope, names, state), scope_id, partition, since, until, *before, limit
    )
    if scope == "facility" and not snapshot.row["is_known"]:
        return None
    found = [Discrepancy(*fields) for fields in snapshot.loads("discrepancies")]
    return Discrepancies(snapshot, found)


@cache
def _statement(scope: Scope, names: Sequence[str], state: State | None) -> str:
    found = (
        f"SELECT '{name}' AS kind, found.* FROM ({part}) AS found ({', '.join(COLUMNS)})"
        for name in names
        for part in _parts(KINDS[name], state)
    )
    return LISTING.format(
        place=_PLACES[scope], found=" UNION ALL ".join(found), state=_STATES[state]
    )


def _parts(kind: Kind, state: State | None) -> Sequence[str]:
    if kind.ended is None:
        return (kind.found,)
    match state:
        case "open":
            return (kind.found,)
        case "closed":
            return (kind.ended,)
        case None:
            return (kind.found, kind.ended)
