"""What an evaluation looks at: all of a partition, what something happened to, or districts.

Each gives the relations that rules read (`alerts.rule`), and which alerts they may close.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from alerts.rule import Rule
from alerts.thresholds import IN_FORCE, with_parameters

_PLACE: Final = """
    SELECT facility_no, facility_id, partition, level, district_id, state, counted_at, silent,
           evaluated_on
    FROM facility_state JOIN facility_number USING (facility_no)
"""
_STOCKED: Final = """
    SELECT * FROM place JOIN item_state USING (facility_no)
"""
_AREA: Final = """
    SELECT district_id, min(state) AS state FROM facility_state
    WHERE {which} GROUP BY district_id
"""
_TALLIED: Final = """
    SELECT area.*, item_no, items_out, items_low, items_ok, items_over, items_unrated,
           items_unknown,
           items_out + items_low + items_ok + items_over + items_unrated + items_unknown
             AS facilities
    FROM (
        SELECT place, item_no, sum(items_out)::bigint AS items_out,
               sum(items_low)::bigint AS items_low, sum(items_ok)::bigint AS items_ok,
               sum(items_over)::bigint AS items_over, sum(items_unrated)::bigint AS items_unrated,
               sum(items_unknown)::bigint AS items_unknown
        FROM item_tally WHERE scope = 'district' {which} GROUP BY place, item_no
    ) AS summed JOIN area ON area.district_id = place
"""
_IMPORTANCE: Final = """
    SELECT DISTINCT ON (item_no) item_no, body ->> 'ved' AS ved
    FROM item_number LEFT JOIN item_record
      ON item_record.item_id = item_number.item_id AND valid_from <= $1
    {which} ORDER BY item_no, valid_from DESC, log_offset DESC
"""
# As the index on what is open at a place has it.
_IS_OPEN: Final = "coalesce(closed_at, 'infinity') = 'infinity'"


@dataclass(frozen=True, slots=True)
class Scope:
    """`places`: a SELECT of the facilities, or the districts; `relations`: the others, as a WITH
    clause has them after it; both with arguments from $4 on. `known`: the condition on alerts.
    """

    places: str
    relations: str
    known: str
    arguments: Sequence[Any]
    of_districts: bool = False

    def relations_of(self, rules: Collection[Rule]) -> str:
        """All that the rules read, for a WITH RECURSIVE clause: in any order."""
        name = "area" if self.of_districts else "place"
        places = with_parameters(rules, self.places, have_levels=not self.of_districts)
        return f"{IN_FORCE}, {name} AS MATERIALIZED ({places}), {self.relations}"


def all_of_partition(partition: int) -> Scope:
    return Scope(
        f"{_PLACE} WHERE partition = $4::int",
        f"""stocked AS ({_STOCKED}),
        importance AS MATERIALIZED ({_IMPORTANCE.format(which="")})""",
        "facility_no IN (SELECT facility_no FROM place)",
        [partition],
    )


def touched(pairs: Collection[tuple[int, int]]) -> Scope:
    """(facility_no, item_no)"""
    return Scope(
        f"{_PLACE} WHERE facility_no = ANY ($4::int[])",
        f"""pair AS MATERIALIZED (
            SELECT * FROM unnest($4::int[], $5::int[]) AS pair (facility_no, item_no)
        ),
        stocked AS (
            SELECT * FROM pair JOIN place USING (facility_no)
            JOIN item_state USING (facility_no, item_no)
        ),
        importance AS MATERIALIZED (
            {_IMPORTANCE.format(which="WHERE item_no = ANY ($5::int[])")}
        )""",
        "facility_no = ANY ($4::int[])"
        " AND (item_no = 0 OR (facility_no, item_no) IN (SELECT * FROM pair))",
        [[facility_no for facility_no, _ in pairs], [item_no for _, item_no in pairs]],
    )


def all_districts() -> Scope:
    return Scope(
        _AREA.format(which="district_id IS NOT NULL"),
        f"""tallied AS ({_TALLIED.format(which="")}),
        importance AS MATERIALIZED ({_IMPORTANCE.format(which="")})""",
        "facility_no = 0",
        [],
        of_districts=True,
    )


def touched_districts(pairs: Collection[tuple[int, int]]) -> Scope:
    """(facility_no, item_no). Where it is not out, nothing can begin to be wrong over the district
    by it: then it is looked at only to see whether what is open is over.
    """
    return Scope(
        _AREA.format(which="district_id IN (SELECT district_id FROM pair)"),
        f"""known_pair AS MATERIALIZED (
            SELECT district_id, item_no FROM alert WHERE facility_no = 0 AND {_IS_OPEN}
        ), pair AS MATERIALIZED (
            SELECT DISTINCT district_id, item_no
            FROM unnest($4::int[], $5::int[]) AS touched (facility_no, item_no)
            JOIN facility_state USING (facility_no) JOIN item_state USING (facility_no, item_no)
            WHERE tallied_as = 'out' AND district_id IS NOT NULL
               OR (district_id, item_no) IN (SELECT * FROM known_pair)
        ), tallied AS ({_TALLIED.format(which="AND (place, item_no) IN (SELECT * FROM pair)")}),
        importance AS MATERIALIZED (
            {_IMPORTANCE.format(which="WHERE item_no = ANY ($5::int[])")}
        )""",
        "facility_no = 0 AND (district_id, item_no) IN (SELECT * FROM pair)",
        [[facility_no for facility_no, _ in pairs], [item_no for _, item_no in pairs]],
        of_districts=True,
    )
