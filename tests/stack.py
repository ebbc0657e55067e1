"""A real Kafka and a real Postgres for tests: started once a session, emptied by `reset`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.local.postgres import DATABASE
from infra.local.throwaway import Servers, running_servers
from projections.schema import prepare_schema
from stream.topics import ALERT_EVENTS, REFERENCE, STOCK_EVENTS, count_partitions, create_topics

PARTITIONS = 8
TEMPLATE = "dawalog_template"

END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""

# All that a test may have changed but rows of the read model.
LOOKS = """
md5(concat_ws('/',
    (SELECT string_agg(concat(oid::regclass, relkind, reloptions), ',' ORDER BY relname, oid)
     FROM pg_class WHERE relnamespace >= 16384 AND relkind IN ('r', 'i', 'v', 'S')),
    (SELECT string_agg(concat(attrelid::regclass, attname, attnum, atttypid, attnotnull), ','
                       ORDER BY attrelid, attnum)
     FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE relnamespace >= 16384 AND relkind IN ('r', 'v') AND NOT attisdropped AND attnum > 0),
    (SELECT string_agg(concat(pg_get_indexdef(indexrelid), indisvalid), ',' ORDER BY indexrelid)
     FROM pg_index WHERE indexrelid >= 16384),
    (SELECT string_agg(concat(conrelid::regclass, conname), ',' ORDER BY oid)
     FROM pg_constraint WHERE oid >= 16384),
    (SELECT string_agg(concat(oid::regprocedure, prosrc, prosqlbody), ',' ORDER BY oid)
     FROM pg_proc WHERE oid >= 16384),
    (SELECT string_agg(nspname, ',' ORDER BY oid) FROM pg_namespace WHERE oid >= 16384),
    (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_db_role_setting),
    (SELECT string_agg(row::text, ',') FROM dawalog.installation AS row),
    (SELECT string_agg(row::text, ',') FROM dawalog.live_model AS row),
    (SELECT string_agg(row::text, ',') FROM dawalog.rebuild AS row)
))
"""
IS_AS_MADE = f"""
SELECT {LOOKS} = shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1
"""
EMPTY_TABLES = """
DO $$
DECLARE
    one regclass;
    filled text[];
    has_rows boolean;
BEGIN
    FOR one, has_rows IN
        SELECT oid, EXISTS (SELECT FROM pg_attribute WHERE attrelid = oid AND attidentity <> '')
        FROM pg_class WHERE relnamespace = 'model_1'::regnamespace AND relkind = 'r'
    LOOP
        IF NOT has_rows THEN -- those with a sequence, which may have moved on, are emptied anyway
            EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one) INTO has_rows;
        END IF;
        IF has_rows THEN
            filled := filled || one::text;
        END IF;
    END LOOP;
    EXECUTE format('TRUNCATE %s RESTART IDENTITY', array_to_string(filled, ', '));
END $$
"""


@dataclass(frozen=True)
class Stack(Servers):
    """`kafka_pid` and `postgres_pid` are for tests that stop or freeze a server."""

    async def reset(self) -> None:
        """Empty topics, and a database as after the migrations with an empty live model 1.

        Ends sessions that a test left open in the database.
        """
        await asyncio.gather(self.reset_database(), self.reset_topics())

    async def reset_database(self) -> None:
        """The database as after the migrations.

        Made anew from a template only where the last test has changed more than rows of a read
        model: emptying the tables costs a quarter of that.
        """
        if await self._empty_tables():
            return
        async with self._administration() as connection:
            if not await connection.fetchval(
                "SELECT true FROM pg_database WHERE datname = $1", TEMPLATE
            ):
                await self._create_template(connection)
            await _recreate_database(connection, TEMPLATE)

    async def _list_used(self) -> set[str]:
        """Topics that aren't empty any more, or not of the number of partitions that they had."""
        numbers = {REFERENCE: 1, STOCK_EVENTS: PARTITIONS, ALERT_EVENTS: PARTITIONS}
        found = await count_partitions(self.kafka_settings)
        whole = [topic for topic in numbers if found.get(topic) == numbers[topic]]
        return (numbers.keys() - whole) | await self._list_filled(
            [TopicPartition(topic, each) for topic in whole for each in range(numbers[topic])]
        )

    async def _list_filled(self, places: Collection[TopicPartition]) -> set[str]:
        if not places:
            return set()
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap_servers)
        await consumer.start()
        try:
            ends = await consumer.end_offsets(places)
        finally:
            await consumer.stop()
        return {place.topic for place, end in ends.items() if end}

    async def _empty_tables(self) -> bool:
        """False where that would not give what the template has."""
        try:
            connection = await asyncpg.connect(self.database_url)
        except asyncpg.InvalidCatalogNameError:
            return False
        try:
            await connection.execute(END_OTHERS)
            if not await connection.fetchval(IS_AS_MADE, TEMPLATE):
                return False
            await connection.execute(EMPTY_TABLES)
        except asyncpg.UndefinedTableError:
            return False
        finally:
            await connection.close()
        return True

    async def empty_database(self) -> None:
        """The database as before `dawalog init`."""
        async with self._administration() as connection:
            await _recreate_database(connection, "template1")

    async def reset_topics(self) -> None:
        """Three empty topics: the last test's, where it has appended nothing."""
        used = await self._list_used()
        if not used:
            return
        await self.delete_topics(used)
        await create_topics(
            self.kafka_settings,
            partitions=PARTITIONS,
            replication_factor=1,
            min_insync_replicas=1,
            flush_each=False,
        )

    async def _create_template(self, connection: asyncpg.Connection) -> None:
        building = f"{TEMPLATE}_building"
        await connection.execute(f"DROP DATABASE IF EXISTS {building} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {building}")
        inside = await asyncpg.connect(self._url_of(building))
        try:
            await prepare_schema(inside, cluster_id=self.cluster_id)
            made = await inside.fetchval(f"SELECT {LOOKS}")
        finally:
            await inside.close()
        await connection.execute(f"COMMENT ON DATABASE {building} IS '{made}'")
        await connection.execute(f"ALTER DATABASE {building} RENAME TO {TEMPLATE}")

    @contextlib.asynccontextmanager
    async def _administration(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self._url_of("postgres"))
        try:
            yield connection
        finally:
            await connection.close()

    def _url_of(self, database: str) -> str:
        return self.database_url.rpartition("/")[0] + f"/{database}"


async def _recreate_database(connection: asyncpg.Connection, template: str) -> None:
    await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {template}")


@contextlib.contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Start both servers at the same time; end them when the block ends."""
    with running_servers(folder, durable=False) as servers:
        yield Stack(**vars(servers))
