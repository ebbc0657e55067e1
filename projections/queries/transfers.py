"""Transfers between facilities: a query over what both ends posted, never rows of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final, NamedTuple

from projections.queries.moments import PRESENT, Moment
from projections.reading import EVERYTHING, ReadModel, Snapshot
from projections.transfers import Sent

# Keys in order of the index on them, so that a page of all transfers stops early.
ALL_KEYS: Final = """
    SELECT DISTINCT from_facility_id, to_facility_id, transfer_id FROM transfer_line
    WHERE (from_facility_id, to_facility_id, transfer_id) > ($1::text, $2::text, $3::text)
"""
KEYS_OF: Final = """
    SELECT from_facility_id, to_facility_id, transfer_id FROM transfer_line
    WHERE from_facility_id = ANY ({ids})
      AND (from_facility_id, to_facility_id, transfer_id) > ($1::text, $2::text, $3::text)
    UNION
    SELECT from_facility_id, to_facility_id, transfer_id FROM transfer_line
    WHERE to_facility_id = ANY ({ids}) AND line_no = 1
      AND (from_facility_id, to_facility_id, transfer_id) > ($1::text, $2::text, $3::text)
"""
OF_DISTRICT: Final = "ARRAY(SELECT facility_id FROM facility WHERE district_id = $11)"

# Per lot, per item, per transfer: `projections.transfers` says what the sums mean. Where the ends
# typed different lots, the lots differ and the item's sums agree.
TRANSFERS: Final = f"""
WITH moment AS MATERIALIZED (
    SELECT coalesce($7::timestamptz, now()) AS as_of,
           coalesce($7, 'infinity') AS cut_at, coalesce($8::timestamptz, 'infinity') AS known_at
), page AS MATERIALIZED (
    SELECT * FROM (
        {{keys}} ORDER BY 1, 2, 3 LIMIT $10::bigint
    ) AS transfer CROSS JOIN LATERAL (
        SELECT min(dispatched_at) AS dispatched_at, min(received_at) AS received_at,
               bool_or(dispatched > received + damaged) AS is_short,
               bool_or(dispatched < received + damaged) AS is_over,
               bool_or(damaged > 0) AS is_damaged,
               json_agg(json_build_array(item_id, dispatched, received, damaged, lots)
                        ORDER BY item_id) AS items
        FROM (
            SELECT item_no, sum(dispatched)::bigint AS dispatched,
                   sum(received)::bigint AS received, sum(damaged)::bigint AS damaged,
                   min(dispatched_at) AS dispatched_at, min(received_at) AS received_at,
                   json_agg(json_build_array(lot, dispatched, received, damaged) ORDER BY lot)
                       AS lots
            FROM (
                SELECT item_no, lot,
                       coalesce(sum(quantity) FILTER (WHERE is_dispatch), 0)::bigint AS dispatched,
                       coalesce(sum(quantity) FILTER (WHERE NOT is_dispatch), 0)::bigint
                           AS received,
                       sum(damaged)::bigint AS damaged,
                       min(occurred_at) FILTER (WHERE is_dispatch) AS dispatched_at,
                       min(occurred_at) FILTER (WHERE NOT is_dispatch) AS received_at
                FROM transfer_line AS line JOIN event USING (facility_no, event_id)
                WHERE line.from_facility_id = transfer.from_facility_id
                  AND line.to_facility_id = transfer.to_facility_id
                  AND line.transfer_id = transfer.transfer_id
                  AND event.occurred_at <= (SELECT cut_at FROM moment)
                  AND event.recorded_at <= (SELECT known_at FROM moment)
                  AND (event.reversed_at IS NULL
                       OR event.reversed_at > (SELECT known_at FROM moment))
                GROUP BY item_no, lot
            ) AS lot GROUP BY item_no
        ) AS item JOIN item_number USING (item_no)
    ) AS told CROSS JOIN LATERAL (
        SELECT CASE
            WHEN dispatched_at IS NULL THEN ARRAY['unmatched']
            WHEN received_at IS NOT NULL THEN array_remove(ARRAY[
                CASE WHEN is_short THEN 'short' END, CASE WHEN is_over THEN 'over' END], NULL)
            WHEN dispatched_at < (SELECT as_of FROM moment) - $5::interval
                THEN ARRAY['overdue', 'in_transit']
            ELSE ARRAY['in_transit']
        END || CASE WHEN is_damaged THEN ARRAY['damaged'] ELSE '{{{{}}}}'::text[] END AS faults
    ) AS judged CROSS JOIN LATERAL (
        SELECT CASE faults WHEN '{{{{}}}}' THEN ARRAY['received'] ELSE faults END AS statuses
    ) AS named
    WHERE (dispatched_at IS NOT NULL OR received_at IS NOT NULL)
      AND ($4::text IS NULL OR $4 = ANY (statuses))
      {{filters}}
    ORDER BY from_facility_id, to_facility_id, transfer_id LIMIT $6::bigint
)
SELECT {EVERYTHING},
    $9::text IS NULL OR EXISTS (SELECT FROM facility_number WHERE facility_id = $9)
      OR EXISTS (SELECT FROM facility WHERE facility_id = $9)
      OR EXISTS (SELECT FROM page) AS is_known, -- the other end may name anybody
    (SELECT json_agg(json_build_array(from_facility_id, to_facility_id, transfer_id, statuses,
                                      dispatched_at, received_at, items)
                     ORDER BY from_facility_id, to_facility_id, transfer_id)
     FROM page) AS transfers,
    CASE WHEN (SELECT count(*) FROM page) < $6 THEN (
        SELECT json_build_array(from_facility_id, to_facility_id, transfer_id)
        FROM ({{keys}} ORDER BY 1, 2, 3 LIMIT 1 OFFSET $10 - 1) AS last
    ) END AS looked_at_to
"""

LOOKED_AT: Final = 5_000
"""Transfers that are added up for one page at the most: with a rare status it would walk all."""


class TransferKey(NamedTuple):
    from_facility_id: str
    to_facility_id: str
    transfer_id: str


FIRST: Final = TransferKey("", "", "")


class SentItem(NamedTuple):
    """Of one item: all lots together, and each lot as the ends named them."""

    item_id: str
    sent: Sent
    lots: list[tuple[str, Sent]]


@dataclass(frozen=True, slots=True)
class Transfer:
    """`statuses`: what matters most first. Instants: the first dispatch and the first receipt."""

    key: TransferKey
    statuses: list[str]
    dispatched_at: str | None
    received_at: str | None
    items: list[SentItem]


@dataclass(frozen=True, slots=True)
class Transfers:
    """`looked_at_to`: where the page stopped though it isn't full and there may be more."""

    snapshot: Snapshot
    transfers: list[Transfer]
    looked_at_to: TransferKey | None


async def list_transfers(
    model: ReadModel,
    *,
    facility_id: str | None = None,
    district_id: str | None = None,
    status: str | None = None,
    overdue_after: timedelta,
    after: TransferKey = FIRST,
    moment: Moment = PRESENT,
    limit: int,
    looked_at: int = LOOKED_AT,
) -> Transfers | None:
    """By key, those with an end at the facility, and at a facility of the district, if given.

    None if the facility isn't known. With `status`, those that have it among their statuses, of
    the next `looked_at` transfers.
    """
    snapshot = await model.fetch(
        _statement(facility_id is not None, district_id is not None),
        *after,
        status,
        overdue_after,
        limit,
        *moment,
        facility_id,
        looked_at,
        *(() if district_id is None else (district_id,)),
    )
    if not snapshot.row["is_known"]:
        return None
    stopped_at = snapshot.loads("looked_at_to")
    return Transfers(
        snapshot,
        [_transfer(fields) for fields in snapshot.loads("transfers")],
        TransferKey(*stopped_at) if stopped_at else None,
    )


@cache
def _statement(by_facility: bool, by_district: bool) -> str:
    """The ends asked for are in the statement, so that the planner sees which index serves."""
    keys = ALL_KEYS
    if by_facility:
        keys = KEYS_OF.format(ids="ARRAY[$9]")
    elif by_district:
        keys = KEYS_OF.format(ids=OF_DISTRICT)
    both = by_facility and by_district
    filters = f"AND ARRAY[from_facility_id, to_facility_id] && {OF_DISTRICT}" if both else ""
    return TRANSFERS.format(keys=keys, filters=filters)


def _transfer(fields: Sequence[Any]) -> Transfer:
    *key, statuses, dispatched_at, received_at, items = fields
    return Transfer(
        TransferKey(*key),
        statuses,
        dispatched_at,
        received_at,
        [
            SentItem(item_id, Sent(*sums), [(lot, Sent(*of_lot)) for lot, *of_lot in lots])
            for item_id, *sums, lots in items
        ],
    )
