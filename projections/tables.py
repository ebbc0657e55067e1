"""The read model's tables as they are compared: by natural keys, each row whole.

A row is (key…, values…); ids stand for the dictionaries' numbers, which differ between rebuilds.
"""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import orjson

from projections import alerts, dead_letters, decisions, reference

FETCH_ROWS: Final = 2000
"""Rows taken from Postgres at a time."""

JSON: Final = frozenset({"body", "evidence", "headers"})

EXPRESSIONS: Final = {
    "event_id": "event_id::text",
    "alert_id": "alert_id::text",
    "evidence": "evidence::text",
    "reversed_id": "reversed_id::text",
    "body": "body::text",
    "headers": "headers::text",
    # A number that the dictionary doesn't know is drift, and must not drop out of a join.
    "item_id": "coalesce(item_id, '#' || item_no)",
}

# Of an alert, where no number stands for "none".
SUBJECT: Final = {
    "facility_no": "CASE WHEN facility_no <> 0 THEN coalesce(facility_id, '#' || facility_no) END",
    "item_no": "CASE WHEN item_no <> 0 THEN coalesce(item_id, '#' || item_no) END",
}

OF_FACILITIES: Final = """
SELECT {columns} FROM {table} JOIN facility_number USING (facility_no) {items}
WHERE facility_no = ANY ($1::int[])
"""

OF_PLACES: Final = """
SELECT {columns} FROM {table} WHERE place = ANY ($1::text[])
"""

OF_IDS: Final = "SELECT {columns} FROM {table} WHERE {table}.{id} = ANY ($1::text[])"

# A bucket of keys, as `projections.log_copy.bucket_of` has it.
OF_KEYS: Final = """
SELECT {columns} FROM dead_letter
CROSS JOIN LATERAL (SELECT sha256(coalesce(record_key, ''::bytea)) AS hash) AS key
WHERE topic = $1 AND partition = $2
  AND (get_byte(hash, 0) * 256 + get_byte(hash, 1)) % $3::int = $4::int
"""


@dataclass(frozen=True, slots=True)
class Table:
    """`select` takes what names the rows wanted, and yields the columns of `key` and `values`."""

    name: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    select: str

    async def rows(
        self, connection: "asyncpg.Connection[Any]", *arguments: Any
    ) -> AsyncIterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """(key, values) of each row; within a transaction."""
        width = len(self.key)
        columns = (*self.key, *self.values)
        json_at = [place for place, column in enumerate(columns) if column in JSON]
        async for record in connection.cursor(self.select, *arguments, prefetch=FETCH_ROWS):
            row = list(record)
            for place in json_at:
                row[place] = orjson.loads(row[place])
            yield tuple(row[:width]), tuple(row[width:])


def _columns(*names: str) -> str:
    return ", ".join(EXPRESSIONS.get(name, name) for name in names)


def _of_facilities(name: str, key: str, values: str = "") -> Table:
    names = (tuple(key.split()), tuple(values.split()))
    items = "LEFT JOIN item_number USING (item_no)" if "item_id" in (*names[0], *names[1]) else ""
    columns = _columns(*names[0], *names[1])
    return Table(name, *names, OF_FACILITIES.format(columns=columns, table=name, items=items))


def _of_reference(name: str, columns: Collection[str]) -> Table:
    id_column, *_ = names = tuple(columns)
    listed = ", ".join(f"{column}::text" if column in JSON else column for column in names)
    select = OF_IDS.format(columns=listed, table=name, id=id_column)
    return Table(name, names[:3], names[3:], select)


FACILITY_TABLES: Final = (
    _of_facilities(
        "event",
        "facility_id event_id",
        "type occurred_at recorded_at reversed_at partition log_offset content_sha256 body",
    ),
    _of_facilities("reversal", "facility_id reversed_id event_id", "recorded_at"),
    _of_facilities(
        "ledger_entry",
        "facility_id item_id lot occurred_at event_id line_no",
        "is_count quantity balance recorded_at reversed_at expiry settled_at",
    ),
    _of_facilities(
        "card", "facility_id item_id lot", "on_hand expiry occurred_at event_id line_no"
    ),
    _of_facilities("complete_count", "facility_id item_id occurred_at event_id"),
    _of_facilities(
        "transfer_line",
        "facility_id event_id line_no",
        "from_facility_id to_facility_id transfer_id is_dispatch item_id lot quantity damaged",
    ),
    _of_facilities("lot_hold", "facility_id item_id lot occurred_at event_id", "is_hold"),
    _of_facilities("lot_manufacturer", "facility_id item_id lot event_id line_no", "manufacturer"),
    _of_facilities("facility_activity", "facility_id", "last_recorded_at ahead first_recorded_at"),
)
"""Selected by facility_no."""

FIGURE_TABLES: Final = (
    _of_facilities(
        "consumption_day",
        "facility_id item_id day",
        "dispensed issued unmet unserved prescriptions",
    ),
    _of_facilities("patient_day", "day facility_id", "served served_in_part sent_away"),
    _of_facilities("stock_out", "facility_id item_id began_at", "ended_at"),
    _of_facilities(
        "item_state",
        "facility_id item_id",
        "on_hand usable expiring status out_since essential tallied_as unit_cost_paise "
        "expiring_paise last_at first_at window_days consumed available_seconds min_quantity "
        "max_quantity",
    ),
    _of_facilities(
        "facility_state",
        "facility_id",
        "partition evaluated_on level district_id state counted_at silent items_out items_low "
        "items_ok items_over items_unrated items_unknown expiring_paise patients_served "
        "patients_served_in_part patients_sent_away parent_id",
    ),
)
"""Selected by facility_no; as `projections.definition_figures` has them."""

ALERT_TABLES: Final = (
    Table(
        "alert",
        tuple(alerts.COLUMNS)[:2],
        tuple(alerts.COLUMNS)[2:],
        OF_PLACES.format(
            columns=_columns(*(SUBJECT.get(name, name) for name in alerts.COLUMNS)),
            table="alert"
            " LEFT JOIN facility_number USING (facility_no) LEFT JOIN item_number USING (item_no)",
        ),
    ),
    Table(
        "alert_event",
        alerts.EVENT_COLUMNS[:3],
        alerts.EVENT_COLUMNS[3:],
        OF_PLACES.format(columns=_columns(*alerts.EVENT_COLUMNS), table="alert_event"),
    ),
)
"""Selected by place."""

REFERENCE_TABLES: Final = (
    *(_of_reference(name, columns) for name, columns in reference.COLUMNS.items()),
    _of_reference("dead_letter_decision", decisions.Standing._fields),
)
"""Selected by the id in their first column."""

DEAD_LETTER: Final = Table(
    "dead_letter",
    dead_letters.COLUMNS[:3],
    dead_letters.COLUMNS[3:],
    OF_KEYS.format(columns=_columns(*dead_letters.COLUMNS)),
)
"""Selected by topic, partition, number of buckets and bucket."""
