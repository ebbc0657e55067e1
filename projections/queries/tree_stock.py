"""The stock of a facility and of all that are part of it: a hospital, its store, its counters."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from projections.queries.item_rows import ROWS, ItemRow
from projections.queries.stock import SUSPECT
from projections.queries.transit import IN_TRANSIT
from projections.queries.trees import parts_of
from projections.reading import EVERYTHING, ReadModel, Snapshot, parse_instant

# OFFSET 0: as in `ROWS`.
TREE_STOCK: Final = f"""
WITH RECURSIVE tree AS (
    SELECT $1::text COLLATE "C" AS facility_id
    UNION
    SELECT record.facility_id FROM tree JOIN {parts_of("tree.facility_id", at="now()")}
), member AS MATERIALIZED (
    SELECT facility_id, name, level, facility_no
    FROM tree CROSS JOIN LATERAL (
        SELECT name, level FROM facility_record AS record
        WHERE record.facility_id = tree.facility_id AND valid_from <= now()
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1
    ) AS registered LEFT JOIN facility_number USING (facility_id)
), wanted AS MATERIALIZED (
    SELECT DISTINCT facility_no, item_no FROM member CROSS JOIN LATERAL (
        SELECT item_no FROM card
        WHERE card.facility_no = member.facility_no
          AND ($2::text IS NULL OR item_no = (SELECT item_no FROM item_number WHERE item_id = $2))
        OFFSET 0
    ) AS card
), {ROWS}, {IN_TRANSIT.format(facilities="IN (SELECT facility_id FROM tree)")}
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(facility_id, name, level, last_recorded_at)
                     ORDER BY facility_id)
     FROM member LEFT JOIN facility_activity USING (facility_no)) AS members,
    (SELECT min(counted_at) FROM member JOIN facility_state USING (facility_no)) AS counted_at,
    {SUSPECT.format(facilities="IN (SELECT facility_id FROM tree)")} AS suspect,
    (SELECT json_agg(json_build_array(item_id, item.name))
     FROM item JOIN member ON member.facility_id = $1
     WHERE body -> 'levels' ? level AND ($2 IS NULL OR item_id = $2)) AS essential,
    (SELECT json_agg(json_build_array(item_id, quantity)) FROM in_transit) AS in_transit,
    (SELECT rows FROM listed) AS rows
"""


class Member(NamedTuple):
    facility_id: str
    name: str
    level: str
    last_heard_at: datetime | None


class EssentialItem(NamedTuple):
    item_id: str
    name: str


@dataclass(frozen=True, slots=True)
class TreeStock:
    """`essential` is the list of the root's own level; `rows` are items with cards, by member.
    `counted_at`: when the first of its members was counted completely.
    `in_transit` is by item, also from one member to another.
    """

    snapshot: Snapshot
    members: list[Member]
    counted_at: datetime | None
    suspect: bool
    essential: list[EssentialItem]
    rows: list[ItemRow]
    in_transit: dict[str, int]

    @property
    def last_heard_at(self) -> datetime | None:
        """Of any member."""
        return max((m.last_heard_at for m in self.members if m.last_heard_at), default=None)


async def find_tree_stock(
    model: ReadModel, *, facility_id: str, item_id: str | None = None
) -> TreeStock | None:
    """As it is now; None if the facility isn't registered."""
    snapshot = await model.fetch(TREE_STOCK, facility_id, item_id)
    members = [
        Member(member_id, name, level, parse_instant(heard_at) if heard_at else None)
        for member_id, name, level, heard_at in snapshot.loads("members")
    ]
    if not members:
        return None
    return TreeStock(
        snapshot,
        members,
        snapshot.row["counted_at"],
        snapshot.row["suspect"],
        [EssentialItem(*fields) for fields in snapshot.loads("essential")],
        [ItemRow.of(*fields) for fields in snapshot.loads("rows")],
        dict(snapshot.loads("in_transit")),
    )
