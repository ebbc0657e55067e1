"""A new read model from the log's beginning, beside the live one; checked, then switched to."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import asyncpg
import structlog

from projections.cut_over import cut_over
from projections.decoding import PROJECTED_TOPICS
from projections.filling import Filling, open_filling
from projections.log_reading import LogReader, open_log
from projections.models import begin_model, drop_unused_models, find_unfinished
from projections.schema import migrate_database, model_schema
from projections.settings import ProjectorSettings
from projections.verify import Verdict, verify
from stream.errors import Conflict, Corrupt, Unavailable
from stream.settings import KafkaSettings
from stream.topics import cluster_id

log = structlog.get_logger()

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many records of it are done, and how many there are."""

REBUILD_LOCK: Final = 0x6461_7762
"""Advisory lock: one rebuild at a time."""

NEAR_RECORDS: Final = 500
"""So close to the log's end the rest is applied while the live positions are held."""

MOST_ROUNDS: Final = 20
"""Catching up again and again, before the live positions are held for a longer rest."""

GRACE_SECONDS: Final = 5.0
"""Reads that began in the old model may end before it is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """`records` were projected by this run; a resumed one had some already.

    `held_seconds`: nothing was projected for so long, for the switch.
    """

    model: int
    resumed: bool
    records: int
    fill_seconds: float
    held_seconds: float
    seconds: float
    verdict: Verdict | None


async def rebuild(
    settings: ProjectorSettings,
    kafka: KafkaSettings,
    *,
    verified: bool = True,
    grace_seconds: float = GRACE_SECONDS,
    progress: Progress | None = None,
) -> Rebuilt:
    """Fill a new model, verify it, make it live and drop the old one. Goes on where one stopped.

    Raises Conflict while another rebuild runs, Corrupt if the new model has drift (the live one
    stays), Unavailable.
    """
    began = time.monotonic()
    show = progress or _silent
    async with _only_rebuild(settings, kafka) as control, open_log(kafka) as reader:
        await drop_unused_models(control)
        model, resumed = await _begin(control, settings, kafka, reader)
        async with open_filling(settings, kafka, reader, model=model) as filling:
            before = sum(filling.next_offsets().values())
            filling_began = time.monotonic()
            await _fill(filling, reader, show)
            fill_seconds = time.monotonic() - filling_began
            await _analyse(control, model)
            verdict = await _verify(control, settings, kafka, model, show) if verified else None
            await _fill(filling, reader, show)
            show("switching", 0, 1)
            held_seconds = await cut_over(control, filling, reader, model=model)
            show("switching", 1, 1)
            records = sum(filling.next_offsets().values()) - before
        seconds = time.monotonic() - began
        await asyncio.sleep(grace_seconds)
        await _drop_old(control)
    return Rebuilt(
        model=model,
        resumed=resumed,
        records=records,
        fill_seconds=round(fill_seconds, 3),
        held_seconds=round(held_seconds, 3),
        seconds=round(seconds, 3),
        verdict=verdict,
    )


@asynccontextmanager
async def _only_rebuild(
    settings: ProjectorSettings, kafka: KafkaSettings
) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection that holds the lock, to a database that is this log's and has all migrations."""
    try:
        connection = await asyncpg.connect(
            settings.database_url, server_settings={"application_name": "dawalog rebuild"}
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"Postgres can't be reached: {error}") from error
    try:
        await migrate_database(connection, cluster_id=await cluster_id(kafka))
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", REBUILD_LOCK):
            raise Conflict("a rebuild is running already")
        yield connection
    except (
        asyncpg.InterfaceError,
        asyncpg.OperatorInterventionError,
        asyncpg.PostgresConnectionError,
    ) as error:
        raise Unavailable(f"Postgres went away: {error}; start the rebuild again") from error
    finally:
        connection.terminate()


async def _begin(
    control: "asyncpg.Connection[Any]",
    settings: ProjectorSettings,
    kafka: KafkaSettings,
    reader: LogReader,
) -> tuple[int, bool]:
    """The model to fill, and whether it was begun before."""
    unfinished = await find_unfinished(control)
    if unfinished is not None:
        try:
            async with open_filling(settings, kafka, reader, model=unfinished):
                return unfinished, True
        except Corrupt as error:
            log.warning("the unfinished model is of another log, starting over", why=error.detail)
    model = await begin_model(control)
    await drop_unused_models(control)
    return model, False


async def _fill(filling: Filling, reader: LogReader, show: Progress) -> None:
    """Up to near the log's end, which may move on meanwhile."""
    ends = await reader.find_ends(PROJECTED_TOPICS)
    for _ in range(MOST_ROUNDS):
        await filling.reach(ends, partial(_show_filled, show, sum(ends.values())))
        ends = await reader.find_ends(PROJECTED_TOPICS)
        if sum(ends.values()) - sum(filling.next_offsets().values()) <= NEAR_RECORDS:
            break
    show("evaluating", 0, 1)
    await filling.settle()
    show("evaluating", 1, 1)


def _show_filled(show: Progress, total: int, done: int) -> None:
    show("filling", done, total)


async def _analyse(control: "asyncpg.Connection[Any]", model: int) -> None:
    """The first reads would be planned without statistics, before autovacuum has come by."""
    rows = await control.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = $1", model_schema(model)
    )
    for row in rows:
        await control.execute(f"ANALYZE {model_schema(model)}.{row['tablename']}")


async def _verify(
    control: "asyncpg.Connection[Any]",
    settings: ProjectorSettings,
    kafka: KafkaSettings,
    model: int,
    show: Progress,
) -> Verdict:
    verdict = await verify(
        settings,
        kafka,
        model=model,
        patience_seconds=0,
        progress=partial(show, "verifying"),
    )
    if verdict.drift_rows:
        await control.execute("DELETE FROM dawalog.rebuild")  # the next one starts over
        raise Corrupt(
            f"{verdict.drift_rows} rows of the new model are not what the log says, so it does not "
            f"go live: {'; '.join(verdict.first_differences[:3])}"
        )
    return verdict


async def _drop_old(control: "asyncpg.Connection[Any]") -> None:
    try:
        await drop_unused_models(control)
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        log.warning("the old model is still read and stays until the next rebuild")


def _silent(_what: str, _done: int, _total: int) -> None: ...
