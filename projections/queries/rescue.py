"""Who near a facility has more of an item than it should keep, lot by lot."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from projections.figures.rating import LEAST_AVAILABLE_DAYS, SECONDS_A_DAY
from projections.queries.distances import LOCATED, NEIGHBOURS, givers_elsewhere, givers_near
from projections.queries.item_rows import ROWS, ItemRow
from projections.queries.transit import IN_TRANSIT
from projections.reading import FACILITY, ReadModel, Snapshot
from projections.rescue import GivenLot, Need, choose_lots
from projections.usable import LotStock

LOOKED_AT: Final = 20
"""Donors that are looked at: the nearest, of the own district first."""

# Who has too much needs nothing, and so isn't offered their own. ROWS tells what is there of the
# pairs of `wanted`.
RESCUE: Final = f"""
WITH here AS MATERIALIZED (
    SELECT known.facility_no, item_no, district_id, lat, lon, neighbours
    FROM item_number CROSS JOIN facility_number AS known
    JOIN facility_state AS place USING (facility_no)
    CROSS JOIN LATERAL {LOCATED} AS located
    CROSS JOIN LATERAL {NEIGHBOURS} AS near
    WHERE known.facility_id = $1 AND item_id = $3
), near AS MATERIALIZED (
    SELECT false AS is_elsewhere, item_no, giver.*
    FROM here CROSS JOIN LATERAL ({givers_near(LOOKED_AT)}) AS giver
), elsewhere AS (
    SELECT true AS is_elsewhere, item_no, giver.*
    FROM here CROSS JOIN LATERAL (
        {givers_elsewhere(LOOKED_AT, f"(SELECT count(*) < {LOOKED_AT} FROM near)")}) AS giver
), donor AS MATERIALIZED (
    TABLE near UNION ALL TABLE elsewhere
    ORDER BY is_elsewhere, distance_km, facility_id LIMIT {LOOKED_AT}
), wanted AS (
    SELECT facility_no, item_no FROM donor
), {ROWS}, {IN_TRANSIT.format(facilities="= (SELECT $1::text)")}
SELECT {FACILITY},
    india_day(now()) AS today,
    EXISTS (SELECT FROM facility_record WHERE facility_id = $1) AS is_known_facility,
    EXISTS (SELECT FROM item_record WHERE item_id = $3)
      OR EXISTS (SELECT FROM item_number WHERE item_id = $3) AS is_known_item,
    (SELECT json_build_array(usable, max_quantity, consumed, available_seconds)
     FROM here JOIN item_state USING (facility_no, item_no)) AS need,
    coalesce((SELECT quantity FROM in_transit WHERE item_id = $3), 0) AS in_transit,
    (SELECT json_agg(json_build_array(
         facility_id, name, district_id, distance_km, usable, max_quantity))
     FROM donor) AS donors,
    rows FROM listed
"""


class Donor(NamedTuple):
    facility_id: str
    name: str
    district_id: str | None
    distance_km: float | None
    usable: int
    max_quantity: int


class Offer(NamedTuple):
    """Never more than what leaves the donor its own maximum."""

    donor: Donor
    lots: list[GivenLot]

    @property
    def quantity(self) -> int:
        return sum(lot.quantity for lot in self.lots)

    @property
    def soonest_expiry(self) -> date | None:
        return self.lots[0].expiry


@dataclass(frozen=True, slots=True)
class Rescue:
    snapshot: Snapshot
    need: Need
    in_transit: int
    offers: list[Offer]


async def find_rescue(
    model: ReadModel, *, facility_id: str, partition: int | None, item_id: str
) -> Rescue | None:
    """Most that can be given first, then the nearest, then what expires soonest; None if facility
    or item isn't known. `partition` is as in `find_stock`.
    """
    snapshot = await model.fetch(RESCUE, facility_id, partition, item_id)
    row = snapshot.row
    if not (row["is_known_facility"] and row["is_known_item"]):
        return None
    need = _need(snapshot.loads("need"), row["in_transit"])
    rows = (ItemRow.of(*fields) for fields in snapshot.loads("rows"))
    lots = {each.facility_id: each.stock.lots for each in rows}
    donors = (Donor(*fields) for fields in snapshot.loads("donors"))
    offers = [
        _offer(donor, lots.get(donor.facility_id, []), need, row["today"]) for donor in donors
    ]
    ranked = sorted((each for each in offers if each.lots), key=_rank)
    return Rescue(snapshot, need, row["in_transit"], ranked)


def _need(figures: list[Any], in_transit: int) -> Need:
    """Of an item without a state nothing is known."""
    if not figures:
        return Need(None, None)
    usable, max_quantity, consumed, available_seconds = figures
    quantity = None if max_quantity is None else max(0, max_quantity - usable - in_transit)
    is_rated = consumed > 0 and available_seconds >= LEAST_AVAILABLE_DAYS * SECONDS_A_DAY
    return Need(quantity, consumed * SECONDS_A_DAY / available_seconds if is_rated else None)


def _offer(donor: Donor, lots: list[LotStock], need: Need, today: date) -> Offer:
    surplus = donor.usable - donor.max_quantity
    at_most = surplus if need.quantity is None else min(surplus, need.quantity)
    return Offer(donor, choose_lots(lots, at_most=at_most, per_day=need.per_day, today=today))


def _rank(offer: Offer) -> tuple[Any, ...]:
    distance = offer.donor.distance_km
    return (
        -offer.quantity,
        distance is None,
        distance or 0,
        offer.soonest_expiry or date.max,
        offer.donor.facility_id,
    )
