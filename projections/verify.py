"""Proof that the read model is what the log says: every row, every position, every digest.

The log is read again and folded by `projections.definition`, partition by partition, in the memory
that one bucket of facilities takes, while writes go on.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from projections.decoding import PROJECTED_TOPICS
from projections.differences import Differences
from projections.figures_check import RecordsReader, compare_taken, compare_tallies
from projections.log_reading import LogReader, Offsets, open_log
from projections.partition_check import PartitionCheck, read_snapshot
from projections.schema import find_live_model
from projections.settings import DatabaseSettings
from projections.tables import FACILITY_TABLES, FIGURE_TABLES
from stream.errors import Corrupt, Unavailable
from stream.settings import KafkaSettings
from stream.topics import cluster_id

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""

PATIENCE_SECONDS: Final = 10.0
"""How long to wait for projection to go on, before comparing where it stands."""

POLL_SECONDS: Final = 0.1

SLICE_BYTES: Final = 6_000_000
"""Records of up to twice as many are folded at once, whether of one facility or of many: some
24,000 events of 3 lines. That takes 10 to 16 times as much, the more the longer events are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`events` and `lines`: distinct applied ones, up to the log's end when it began.

    `behind_records` were in the log by then and aren't projected yet: no drift, but not compared.
    So are the figures of `unsettled_partitions`, of which some were just being told anew.
    """

    events: int
    lines: int
    drift_rows: int
    partitions: int
    records: int
    behind_records: int
    unsettled_partitions: int
    seconds: float
    first_differences: tuple[str, ...]


async def verify(
    database: DatabaseSettings,
    kafka: KafkaSettings,
    *,
    model: int | None = None,
    share: float = 1.0,
    patience_seconds: float = PATIENCE_SECONDS,
    progress: Progress | None = None,
    slice_bytes: int = SLICE_BYTES,
) -> Verdict:
    """Compare a read model (default: the live one) with the log.

    Args:
        share: of the time, so much is spent working; the rest is paused, between partitions.
        patience_seconds: how long a standstill of projection is waited for. 0: not at all.
        slice_bytes: a facility with many more events is compared in slices of about so many.

    Raises Corrupt for a model of another definition and for a log with holes, Unavailable.
    """
    try:
        connection = await asyncpg.connect(
            database.database_url,
            server_settings={"application_name": "dawalog verify", "jit": "off"},
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"Postgres can't be reached: {error}") from error
    try:
        async with open_log(kafka) as log:
            if model is None:
                await find_live_model(connection, cluster_id=await cluster_id(kafka))
            verification = _Verification(connection, log, model, progress or _silent)
            return await verification.run(share, patience_seconds, slice_bytes)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise Corrupt(f"the read model is damaged: {error}; run `dawalog rebuild`") from error
    except (
        OSError,
        asyncpg.InterfaceError,
        asyncpg.OperatorInterventionError,
        asyncpg.PostgresConnectionError,
    ) as error:
        raise Unavailable(f"Postgres went away: {error}") from error
    finally:
        connection.terminate()


def _silent(_done: int, _total: int) -> None: ...


class _Verification:
    """One pass."""

    def __init__(
        self,
        connection: "asyncpg.Connection[Any]",
        log: LogReader,
        model: int | None,
        progress: Progress,
    ) -> None:
        self._connection = connection
        self._log = log
        self._model = model
        self._progress = progress
        self._differences = Differences()

    async def run(self, share: float, patience_seconds: float, slice_bytes: int) -> Verdict:
        began = time.monotonic()
        ends = await self._log.find_ends(PROJECTED_TOPICS)
        behind = await self._wait_until_projected(ends, patience_seconds)
        records = RecordsReader(self._log)
        checks = [
            PartitionCheck(
                place,
                end,
                connection=self._connection,
                log=self._log,
                model=self._model,
                differences=self._differences,
                records=records,
                slice_bytes=slice_bytes,
            )
            for place, end in sorted(ends.items())
        ]
        done, total = 0, 2 * sum(ends.values())
        for check in checks:
            started = time.monotonic()
            async for count in check.run():
                done += count
                self._progress(min(done, total), total)
            if share < 1 and check is not checks[-1]:
                await asyncio.sleep((time.monotonic() - started) * (1 / share - 1))
        await self._find_strays(ends)
        return Verdict(
            events=sum(check.tally.events for check in checks),
            lines=sum(check.tally.lines for check in checks),
            drift_rows=self._differences.rows,
            partitions=len(checks),
            records=sum(check.tally.records for check in checks),
            behind_records=behind,
            unsettled_partitions=sum(check.tally.unsettled for check in checks),
            seconds=round(time.monotonic() - began, 3),
            first_differences=tuple(self._differences.first),
        )

    async def _wait_until_projected(self, ends: Offsets, patience_seconds: float) -> int:
        """Until what is in the log now is projected, or nothing moves; how much is missing."""
        seen: int | None = None
        moved_at = time.monotonic()
        while True:
            behind = await self._count_behind(ends)
            if behind != seen:
                seen, moved_at = behind, time.monotonic()
            if not behind or time.monotonic() - moved_at >= patience_seconds:
                return behind
            await asyncio.sleep(POLL_SECONDS)

    async def _count_behind(self, ends: Offsets) -> int:
        async with read_snapshot(self._connection, self._model):
            rows = await self._connection.fetch(
                "SELECT topic, partition, next_offset FROM position"
            )
        stored = {(topic, partition): next_offset for topic, partition, next_offset in rows}
        return sum(max(0, end - stored.get(place, 0)) for place, end in ends.items())

    async def _find_strays(self, ends: Offsets) -> None:
        """Rows that belong to no partition, no facility: no check of a partition has seen them."""
        places = sorted(ends)
        async with read_snapshot(self._connection, self._model):
            await compare_taken(self._connection, self._differences)
            await compare_tallies(self._connection, self._differences)
            for table in ("position", "dead_letter"):
                for topic, partition, count in await self._connection.fetch(
                    f"SELECT topic, partition, count(*) FROM {table} WHERE (topic, partition)"
                    " NOT IN (SELECT * FROM unnest($1::text[], $2::int[]))"
                    " GROUP BY topic, partition",
                    [topic for topic, _ in places],
                    [partition for _, partition in places],
                ):
                    where = f"partition {partition} of {topic}"
                    self._differences.add(f"{table}: {count} rows of {where}, unknown", count)
            for table in (table.name for table in (*FACILITY_TABLES, *FIGURE_TABLES)):
                for number, count in await self._connection.fetch(
                    f"SELECT facility_no, count(*) FROM {table} WHERE NOT EXISTS (SELECT FROM"
                    f" facility_number AS f WHERE f.facility_no = {table}.facility_no)"
                    " GROUP BY facility_no"
                ):
                    self._differences.add(f"{table}: {count} rows of no facility ({number})", count)
