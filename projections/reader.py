"""A role of the database that reads figures, for dashboards and reports: `dawalog_reader`.

It reads what is summed up and nothing that came with an event: no patient's pseudonym, no note.
It can't log in itself; an operator gives it to a user of theirs. Where we may not create roles, a
database administrator does, and `dawalog init` gives it what it may read.
"""

from typing import Any, Final

import asyncpg

ROLE: Final = "dawalog_reader"

READABLE: Final = (
    *("facility_number", "item_number", "position", "facility_activity"),
    *("facility_record", "item_record", "district_record", "facility", "item", "district"),
    *("consumption_day", "patient_day", "stock_out"),
    *("facility_state", "item_state", "item_tally", "alert"),
)
"""Tables and views of a read model."""

ENSURE: Final = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        BEGIN
            CREATE ROLE {ROLE} NOLOGIN;
        EXCEPTION
            WHEN insufficient_privilege THEN RETURN;
            WHEN duplicate_object OR unique_violation THEN NULL; -- another database's `init`
        END;
    END IF;
    GRANT USAGE ON SCHEMA dawalog TO {ROLE};
    GRANT SELECT ON dawalog.live_model TO {ROLE};
END $$
"""

GRANT: Final = f"""
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        GRANT USAGE ON SCHEMA {{schema}} TO {ROLE};
        GRANT SELECT ON {{tables}} TO {ROLE};
    END IF;
END $$
"""


async def ensure_reader(connection: "asyncpg.Connection[Any]") -> None:
    """Create the role, if we may and it isn't there."""
    await connection.execute(ENSURE)


async def let_read(connection: "asyncpg.Connection[Any]", schema: str) -> None:
    """Give the role, if it is there, what it may read of a read model."""
    tables = ", ".join(f"{schema}.{table}" for table in READABLE)
    await connection.execute(GRANT.format(schema=schema, tables=tables))
