"""Every row of a read model, by natural keys, to compare one model with another."""

from typing import Any

from projections.partition_check import read_snapshot
from projections.tables import (
    ALERT_TABLES,
    DEAD_LETTER,
    FACILITY_TABLES,
    REFERENCE_TABLES,
    Table,
)
from stream.topics import REFERENCE, TOPICS
from tests.log_reading import Database
from tests.stack import PARTITIONS

AllRows = dict[str, dict[Any, Any]]


async def read_all_rows(connection: Database, model: int | None = None) -> AllRows:
    """Table → key → values, and the positions' digests; of the live model by default."""
    async with read_snapshot(connection, model):
        rows: AllRows = {table.name: {} for table in (*FACILITY_TABLES, *REFERENCE_TABLES)}
        numbers = [
            row[0] for row in await connection.fetch("SELECT facility_no FROM facility_number")
        ]
        for table in FACILITY_TABLES:
            rows[table.name] = await _read(table, connection, numbers)
        for table in REFERENCE_TABLES:
            ids = await connection.fetch(f"SELECT {table.key[0]} FROM {table.name}")
            rows[table.name] = await _read(table, connection, [row[0] for row in ids])
        for table in ALERT_TABLES:
            places = await connection.fetch(f"SELECT DISTINCT place FROM {table.name}")
            rows[table.name] = await _read(table, connection, [row[0] for row in places])
        rows["dead_letter"] = {}
        for topic in TOPICS:
            for partition in range(1 if topic == REFERENCE else PARTITIONS):
                rows["dead_letter"] |= await _read(DEAD_LETTER, connection, topic, partition, 1, 0)
        positions = await connection.fetch(
            "SELECT topic, partition, next_offset, recorded_at, chain_digest FROM position"
            " WHERE next_offset > 0"
        )
        rows["position"] = {(row[0], row[1]): tuple(row)[2:] for row in positions}
    return rows


async def _read(table: Table, connection: Database, *arguments: Any) -> dict[Any, Any]:
    return {key: values async for key, values in table.rows(connection, *arguments)}
