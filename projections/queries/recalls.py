"""Recalls of a lot: which are in force, where the lot is now, who got it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from projections.reading import EVERYTHING, ReadModel, Snapshot

# Those in force at a `moment` (as_of, known_at).
IN_FORCE: Final = """
    SELECT * FROM (
        SELECT DISTINCT ON (recall_id) * FROM recall_record
        WHERE valid_from <= (SELECT as_of FROM moment)
          AND recorded_at <= (SELECT known_at FROM moment)
        ORDER BY recall_id DESC, valid_from DESC, log_offset DESC
    ) AS newest WHERE NOT lifted
"""

# Whether receipts of the lot of `candidate` name its manufacturer; null where none names any. What
# came by transfer doesn't say who made it.
MADE_BY: Final = """(
    SELECT bool_or(spelling(maker.manufacturer) = spelling(candidate.manufacturer))
    FROM lot_manufacturer AS maker JOIN event USING (facility_no, event_id)
    WHERE maker.facility_no = candidate.facility_no AND maker.item_no = candidate.item_no
      AND maker.lot = candidate.lot AND event.recorded_at <= (SELECT known_at FROM moment)
      AND (event.reversed_at IS NULL OR event.reversed_at > (SELECT known_at FROM moment))
)"""

_STANDS: Final = """event.recorded_at <= (SELECT known_at FROM moment)
          AND (event.reversed_at IS NULL OR event.reversed_at > (SELECT known_at FROM moment))"""

# `written` walks the index from lot to lot, so that the ways of writing are compared, not the
# cards. Certain are lots written as the recall's, unless receipts name another manufacturer alone.
# A line without a lot may be of it where and since the lot has been.
TRACE: Final = f"""
WITH RECURSIVE moment AS MATERIALIZED (
    SELECT now() AS as_of, coalesce($9::timestamptz, 'infinity') AS known_at
), recall AS MATERIALIZED (
    SELECT recall_record.*, item_no, spelling(lot) AS spelt
    FROM recall_record LEFT JOIN item_number USING (item_id)
    WHERE recall_id = $1 AND valid_from <= (SELECT as_of FROM moment)
      AND recorded_at <= (SELECT known_at FROM moment)
    ORDER BY valid_from DESC, log_offset DESC LIMIT 1
), written AS (
    SELECT ''::text COLLATE "C" AS lot
    UNION ALL
    SELECT (SELECT lot FROM card
            WHERE item_no = (SELECT item_no FROM recall) AND card.lot > written.lot
            ORDER BY lot LIMIT 1)
    FROM written WHERE lot IS NOT NULL
), matched AS MATERIALIZED (
    SELECT written.lot, spelling(written.lot) = spelt AS is_same FROM written, recall
    WHERE written.lot <> ''
      AND (spelling(written.lot) = spelt OR is_near(spelling(written.lot), spelt))
), candidate AS MATERIALIZED (
    SELECT facility_id, card.*, is_same, manufacturer
    FROM recall JOIN matched ON true
    JOIN card ON card.item_no = recall.item_no AND card.lot = matched.lot
    JOIN facility_number USING (facility_no)
    WHERE $10::text[] IS NULL OR facility_id = ANY ($10)
), named AS MATERIALIZED (
    SELECT facility_id, facility_no, item_no, lot, on_hand, expiry,
           CASE WHEN NOT is_same THEN 'near_lot'
                WHEN manufacturer IS NULL OR coalesce({MADE_BY}, true) THEN 'lot'
                ELSE 'other_manufacturer' END AS why,
           '-infinity'::timestamptz AS since
    FROM candidate
), traced AS MATERIALIZED (
    SELECT * FROM named
    UNION ALL
    SELECT place.facility_id, card.facility_no, card.item_no, card.lot, card.on_hand, card.expiry,
           'no_lot', since
    FROM (
        SELECT facility_id, facility_no, item_no, min((
            SELECT min(occurred_at) FROM ledger_entry AS entry
            WHERE entry.facility_no = named.facility_no AND entry.item_no = named.item_no
              AND entry.lot = named.lot
        )) AS since
        FROM named WHERE why = 'lot' GROUP BY facility_id, facility_no, item_no
    ) AS place JOIN card USING (facility_no, item_no) WHERE card.lot = ''
), holding AS (
    SELECT * FROM traced
    WHERE $3::integer = 0 AND on_hand <> 0 AND (facility_id, lot) > ($4::text, $5::text)
    ORDER BY facility_id, lot LIMIT $2::bigint
), moving AS (
    SELECT line.from_facility_id, line.to_facility_id, line.transfer_id, line.lot, why,
           sum(quantity)::bigint AS quantity, min(event.occurred_at) AS dispatched_at
    FROM named JOIN transfer_line AS line USING (facility_no, item_no, lot)
    JOIN event USING (facility_no, event_id)
    WHERE $3 = 0 AND $4 = '' AND is_dispatch AND {_STANDS}
      AND NOT EXISTS (
          SELECT FROM transfer_line AS receipt JOIN event USING (facility_no, event_id)
          WHERE receipt.from_facility_id = line.from_facility_id
            AND receipt.to_facility_id = line.to_facility_id
            AND receipt.transfer_id = line.transfer_id AND NOT receipt.is_dispatch AND {_STANDS}
      )
    GROUP BY line.from_facility_id, line.to_facility_id, line.transfer_id, line.lot, why
), dispense AS (
    SELECT facility_id, lot, why, given.*
    FROM (
        SELECT * FROM traced WHERE $3 = 0 OR (facility_id, lot) >= ($4, $5)
        ORDER BY facility_id, lot
    ) AS traced CROSS JOIN LATERAL (
        SELECT entry.occurred_at, event_id, line_no, -quantity AS quantity,
               body ->> 'patient_pseudonym' AS patient_pseudonym,
               body ->> 'prescription_hash' AS prescription_hash
        FROM ledger_entry AS entry JOIN event USING (facility_no, event_id)
        WHERE facility_no = traced.facility_no AND entry.item_no = traced.item_no
          AND entry.lot = traced.lot AND entry.occurred_at >= since
          AND event.type = 'medicine_dispensed' AND quantity <> 0 AND {_STANDS}
          AND ($3 = 0 OR (traced.facility_id, traced.lot, entry.occurred_at, event_id, line_no)
                         > ($4, $5, $6::timestamptz, $7::uuid, $8::integer))
        ORDER BY entry.occurred_at, event_id, line_no LIMIT $2
    ) AS given
    ORDER BY facility_id, lot, occurred_at, event_id, line_no LIMIT $2
)
SELECT {EVERYTHING},
    (SELECT json_build_array(body, valid_from, recorded_at) FROM recall) AS recall,
    (SELECT coalesce(sum(on_hand), 0)::bigint FROM traced WHERE why = 'lot') AS on_hand,
    (SELECT json_agg(json_build_array(
         facility_id,
         (SELECT name FROM facility WHERE facility.facility_id = holding.facility_id),
         (SELECT district_id FROM facility WHERE facility.facility_id = holding.facility_id),
         lot, expiry, on_hand, why) ORDER BY facility_id, lot)
     FROM holding) AS holdings,
    (SELECT json_agg(json_build_array(from_facility_id, to_facility_id, transfer_id, lot,
                                      dispatched_at, quantity, why)
                     ORDER BY from_facility_id, to_facility_id, transfer_id, lot)
     FROM moving) AS in_transit,
    (SELECT json_agg(json_build_array(facility_id, lot, occurred_at, event_id, line_no, quantity,
                                      patient_pseudonym, prescription_hash, why)
                     ORDER BY facility_id, lot, occurred_at, event_id, line_no)
     FROM dispense) AS dispenses
"""

Why = Literal["lot", "near_lot", "other_manufacturer", "no_lot"]
"""`lot` is certain, the others are possible."""


class Holding(NamedTuple):
    facility_id: str
    facility_name: str | None
    district_id: str | None
    lot: str
    expiry: str | None
    on_hand: int
    why: Why


class Moving(NamedTuple):
    from_facility_id: str
    to_facility_id: str
    transfer_id: str
    lot: str
    dispatched_at: str
    quantity: int
    why: Why


class Dispense(NamedTuple):
    """The patient is a pseudonym, the prescription a keyed hash."""

    facility_id: str
    lot: str
    occurred_at: str
    event_id: str
    line_no: int
    quantity: int
    patient_pseudonym: str | None
    prescription_hash: str | None
    why: Why


class TraceKey(NamedTuple):
    """What a page comes after: a holding (section 0), or a dispense (1)."""

    section: int
    facility_id: str
    lot: str
    occurred_at: datetime
    event_id: str
    line_no: int


@dataclass(frozen=True, slots=True)
class Trace:
    """Of a recalled lot. `on_hand` is of the certain ones, of all pages together; `in_transit` is
    in the first page.
    """

    snapshot: Snapshot
    body: dict[str, Any]
    valid_from: str
    recorded_at: str
    on_hand: int
    holdings: list[Holding]
    in_transit: list[Moving]
    dispenses: list[Dispense]


async def trace_recall(
    model: ReadModel,
    *,
    recall_id: str,
    after: TraceKey,
    known_at: datetime | None,
    limit: int,
    facility_ids: list[str] | None = None,
) -> Trace | None:
    """First where the lot is, then who got it: up to `limit` of each. None if there is no such
    recall in force; one that was lifted is still traced.

    With `facility_ids`, as if it had never been at any other, but for what these sent.
    """
    snapshot = await model.fetch(TRACE, recall_id, limit, *after, known_at, facility_ids)
    recall = snapshot.loads("recall")
    if not recall:
        return None
    body, valid_from, recorded_at = recall
    return Trace(
        snapshot,
        body,
        valid_from,
        recorded_at,
        snapshot.row["on_hand"],
        [Holding(*fields) for fields in snapshot.loads("holdings")],
        [Moving(*fields) for fields in snapshot.loads("in_transit")],
        [Dispense(*fields) for fields in snapshot.loads("dispenses")],
    )
