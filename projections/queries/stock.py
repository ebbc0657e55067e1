"""A facility's stock by item and lot, now or at a past moment."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

import orjson

from projections.discrepancies.counting import COUNT_OPEN
from projections.figures.rating import SUPPLIERS, TERMS
from projections.queries.moments import CARDS_AT, KNOWN_UNTIL, PRESENT, Moment
from projections.queries.recalls import IN_FORCE, MADE_BY
from projections.queries.transit import IN_TRANSIT
from projections.reading import FACILITY, ReadModel, Snapshot
from projections.stock_norm import Rating
from projections.usable import LotStock

# As it is now: the cards hold it. A statement's `moment` is as in `projections.queries.moments`.
CARDS_NOW: Final = """
    SELECT facility_no, item_no, lot, expiry, on_hand, occurred_at
    FROM card WHERE facility_no = (SELECT facility_no FROM place)
"""
NOW: Final = """
    SELECT now() AS as_of, 'infinity'::timestamptz AS known_at, 'infinity'::timestamptz AS cut_at,
           'infinity'::timestamptz AS known_until
"""
THEN: Final = f"""
    SELECT coalesce($6, now()) AS as_of, known_at, cut_at, known_until,
           least(cut_at, known_until) AS until
    FROM (VALUES (coalesce($7::timestamptz, 'infinity'), coalesce($6::timestamptz, 'infinity')))
        AS asked (known_at, cut_at) CROSS JOIN LATERAL ({KNOWN_UNTIL}) AS activity
"""

# The newest that is left of what was known, among the events that occurred last. One that came
# days late isn't looked for.
LAST_HEARD: Final = """(
    SELECT max(recorded_at) FROM (
        SELECT recorded_at FROM event
        WHERE event.facility_no = activity.facility_no AND event.occurred_at <= known_until
          AND event.recorded_at <= known_at
        ORDER BY occurred_at DESC, event_id DESC LIMIT 100
    ) AS newest
)"""

# Whether events of these facilities can't be counted, as known at `moment`.
SUSPECT: Final = """EXISTS (
    SELECT FROM dead_letter AS letter
    LEFT JOIN dead_letter_decision AS decided USING (topic, partition, log_offset)
    WHERE letter.facility_id {facilities} AND letter.kind = 'failed'
      AND letter.recorded_at <= (SELECT known_at FROM moment)
      AND (decision = 'discarded' AND decided.recorded_at <= (SELECT known_at FROM moment))
          IS NOT TRUE
)"""

# What an item's figures say of it, by key: of an essential one that has no card yet, too.
_RATED: Final = """LEFT JOIN unmet USING (item_no) LEFT JOIN LATERAL (
    SELECT json_build_array(out_since, window_days, consumed, available_seconds, min_quantity,
                            max_quantity, pack_size,
                            (SELECT coalesce(sum(quantity), 0) FROM in_transit
                             WHERE in_transit.item_id = listed.item_id),
                            CASE WHEN window_days IS NOT NULL THEN coalesce(unmet, 0) END
                            {spread}) AS rating
    FROM item_state {spreading}
    WHERE facility_no = (SELECT facility_no FROM place)
      AND item_state.item_no = coalesce(listed.item_no, (
          SELECT item_no FROM item_number WHERE item_number.item_id = listed.item_id))
) AS rated ON true"""
RATED: Final = _RATED.format(spread="", spreading="")

# Of one item alone: how long its lead time is, and how much its consumption varies from day to day.
RATED_ALONE: Final = _RATED.format(
    spread=", lead_time_days, squares",
    spreading=f"""LEFT JOIN LATERAL (
        SELECT lead_time_days, squares FROM (
            SELECT facility_id, listed.item_id, level, evaluated_on
            FROM place JOIN facility_state USING (facility_no)
        ) AS pair {TERMS} CROSS JOIN LATERAL (
            SELECT coalesce(sum(power(
                       dispensed + CASE WHEN pair.level IN {SUPPLIERS} THEN issued ELSE 0 END, 2
                   )), 0)::float8 AS squares
            FROM consumption_day AS used
            WHERE used.facility_no = item_state.facility_no
              AND used.item_no = item_state.item_no
              AND day >= evaluated_on - item_state.window_days AND day < evaluated_on
        ) AS spread
    ) AS spread ON true""",
)

# Days on which something was lacking are few, and have an index; no norm looks back for more than
# 366 days.
UNMET: Final = """
unmet AS MATERIALIZED (
    SELECT item_no, sum(unmet)::bigint AS unmet
    FROM (
        SELECT item_no, day, unmet FROM consumption_day
        WHERE facility_no = (SELECT facility_no FROM place) AND unserved > 0
          AND day >= (SELECT evaluated_on - 366 FROM facility_state JOIN place USING (facility_no))
        OFFSET 0
    ) AS lacking
    JOIN item_state AS state USING (item_no) JOIN facility_state AS stands USING (facility_no)
    WHERE facility_no = (SELECT facility_no FROM place)
      AND day >= evaluated_on - window_days AND day < evaluated_on
    GROUP BY item_no
)"""
ASIDE: Final = f"""{IN_TRANSIT.format(facilities="= (SELECT facility_id FROM place)")}, {UNMET},"""
NOT_RATED: Final = "CROSS JOIN (SELECT NULL AS rating) AS rated"

# The catalogue is read backwards along its key, which gives each item's record in force without a
# sort. Lots that are 0 and didn't move for 90 days are left out. The CASE keeps the planner from
# expecting one item, and so from a nested loop over all cards. A facility that is known now was
# known always: what wasn't known of it then is left out of the answer.
STOCK: Final = f"""
WITH place AS (
    SELECT facility_id, facility_no,
           facility_no IS NOT NULL
             OR EXISTS (SELECT FROM facility WHERE facility_id = $1) AS is_known
    FROM (VALUES ($1::text)) AS asked (facility_id) LEFT JOIN facility_number USING (facility_id)
), moment AS MATERIALIZED (
    {{moment}}
), record AS (
    SELECT level, time_zone FROM facility_record
    WHERE facility_id = $1 AND valid_from <= (SELECT as_of FROM moment)
      AND recorded_at <= (SELECT known_at FROM moment)
    ORDER BY valid_from DESC, log_offset DESC LIMIT 1
), held AS MATERIALIZED (
    {{cards}}
), stocked AS MATERIALIZED (
    SELECT item_no, item_id FROM (SELECT DISTINCT item_no FROM held) AS item
    JOIN item_number USING (item_no)
), catalogue AS MATERIALIZED (
    SELECT DISTINCT ON (item_id) item_id, name,
           coalesce(body -> 'levels' ? (SELECT level FROM record), false) AS essential,
           body -> 'pack_size' AS pack_size
    FROM item_record
    WHERE valid_from <= (SELECT as_of FROM moment)
      AND recorded_at <= (SELECT known_at FROM moment)
    ORDER BY item_id DESC, valid_from DESC, log_offset DESC
), listed AS MATERIALIZED (
    SELECT item_id, item_no, name, coalesce(essential, false) AS essential, pack_size
    FROM stocked FULL JOIN catalogue USING (item_id)
    WHERE (item_no IS NOT NULL OR essential)
      AND item_id > $3 AND CASE WHEN $4::text IS NULL THEN true ELSE item_id = $4 END
    ORDER BY item_id LIMIT $5::bigint
), {{aside}} withheld AS MATERIALIZED (
    SELECT DISTINCT ON (item_no, lot) item_no, lot, is_hold
    FROM lot_hold JOIN event USING (facility_no, event_id)
    WHERE facility_no = (SELECT facility_no FROM place)
      AND lot_hold.occurred_at <= (SELECT cut_at FROM moment)
      AND recorded_at <= (SELECT known_at FROM moment)
      AND (reversed_at IS NULL OR reversed_at > (SELECT known_at FROM moment))
    ORDER BY item_no, lot, lot_hold.occurred_at DESC, event_id DESC
), recalled AS MATERIALIZED (
    SELECT DISTINCT item_no, lot
    FROM (
        SELECT held.*, recall.lot AS recalled_lot, recall.manufacturer
        FROM ({IN_FORCE}) AS recall JOIN item_number USING (item_id) JOIN held USING (item_no)
        WHERE held.lot <> ''
        OFFSET 0 -- spellings are dear: those of the recalled items' lots alone
    ) AS candidate
    WHERE spelling(lot) = spelling(recalled_lot)
      AND (manufacturer IS NULL OR coalesce({MADE_BY}, true))
), lots AS (
    SELECT item_no,
           json_agg(json_build_array(lot, expiry, on_hand, coalesce(is_hold, false),
                                     recalled.lot IS NOT NULL) ORDER BY expiry, lot) AS lots
    FROM held JOIN listed USING (item_no)
    LEFT JOIN withheld USING (item_no, lot) LEFT JOIN recalled USING (item_no, lot)
    WHERE on_hand <> 0 OR occurred_at >= (SELECT as_of FROM moment) - interval '90 days'
    GROUP BY item_no
)
SELECT {FACILITY},
    (SELECT is_known FROM place) AS is_known,
    (SELECT time_zone FROM record) AS time_zone,
    (SELECT CASE WHEN last_recorded_at <= known_at THEN last_recorded_at ELSE {LAST_HEARD} END
     FROM facility_activity AS activity, moment
     WHERE facility_no = (SELECT facility_no FROM place)) AS last_heard_at,
    {SUSPECT.format(facilities="= $1")} AS suspect,
    {COUNT_OPEN} AS open_discrepancies,
    (SELECT array_agg(json_build_array(item_id, name, essential, lots, rating)::text
                      ORDER BY item_id)
     FROM listed LEFT JOIN lots USING (item_no) {{rated}}) AS items
"""
STOCK_NOW: Final = STOCK.format(moment=NOW, cards=CARDS_NOW, rated=RATED, aside=ASIDE)
STOCK_OF_ITEM: Final = STOCK.format(moment=NOW, cards=CARDS_NOW, rated=RATED_ALONE, aside=ASIDE)
STOCK_THEN: Final = STOCK.format(moment=THEN, cards=CARDS_AT, rated=NOT_RATED, aside="")


class ItemStock(NamedTuple):
    """`name` is None where the catalogue doesn't know the item. Lots: first expiry first.

    `rating` is None of a past moment, and where no figures are kept of the item yet.
    """

    item_id: str
    name: str | None
    essential: bool
    lots: list[LotStock]
    rating: Rating | None = None

    @property
    def on_hand(self) -> int:
        return sum(lot.on_hand for lot in self.lots)


@dataclass(frozen=True)
class FacilityStock:
    """`open_discrepancies` counts those of `projections.discrepancies.counting.COUNTED`; `rows` are
    what `read_item` takes: one that is the same says the same.
    """

    snapshot: Snapshot
    time_zone: str | None
    last_heard_at: datetime | None
    suspect: bool
    open_discrepancies: int
    rows: list[str]

    @cached_property
    def items(self) -> list[ItemStock]:
        return [read_item(row) for row in self.rows]


async def find_stock(
    model: ReadModel,
    *,
    facility_id: str,
    partition: int | None,
    moment: Moment = PRESENT,
    item_id: str | None = None,
    after_item_id: str = "",
    limit: int | None = None,
) -> FacilityStock | None:
    """Every item that ever had a card and the level's essential ones, by item_id; None if the
    facility isn't known. `partition` is the facility's in stock-events, None if nobody knows it.
    """
    asked = (facility_id, partition, after_item_id, item_id, limit)
    if moment == PRESENT:
        snapshot = await model.fetch(STOCK_OF_ITEM if item_id else STOCK_NOW, *asked)
    else:
        snapshot = await model.fetch(STOCK_THEN, *asked, *moment)
    row = snapshot.row
    if not row["is_known"]:
        return None
    return FacilityStock(
        snapshot,
        row["time_zone"],
        row["last_heard_at"],
        row["suspect"],
        row["open_discrepancies"],
        row["items"] or [],
    )


def read_item(row: str) -> ItemStock:
    """A row of `FacilityStock`."""
    return item_stock(*orjson.loads(row))


def item_stock(
    item_id: str,
    name: str | None,
    essential: bool,
    lots: list[Any] | None,
    rating: list[Any] | None,
) -> ItemStock:
    return ItemStock(
        item_id,
        name,
        essential,
        [
            LotStock(lot, expiry and date.fromisoformat(expiry), on_hand, held, recalled)
            for lot, expiry, on_hand, held, recalled in lots or ()
        ],
        Rating.of(*rating) if rating else None,
    )
