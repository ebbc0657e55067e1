"""One worker process: the Faust app of `stream` on the projector of `projections`.

Whatever breaks ends the process with exit code 1 at once: nothing is lost by that, for the rows
and the positions move together, and the supervisor starts it again.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import asyncpg
import structlog
import uvloop
from prometheus_client import REGISTRY

from alerts.settings import AlertmanagerSettings, AlertSettings
from infra.alerting import evaluate_rules
from infra.drift import watch_drift
from infra.metrics import STANDSTILL_SECONDS
from infra.telling import tell_alertmanager
from projections.decoding import PROJECTED_TOPICS
from projections.metrics import LAG
from projections.positions import Superseded
from projections.projector import Projector, open_projector
from projections.reading import ReadModel
from projections.schema import find_live_model
from projections.settings import ProjectorSettings, ReadingSettings, VerifierSettings
from projections.state_metrics import StateMetrics
from stream.batches import RecordBatchApp
from stream.errors import DawalogError, Unavailable
from stream.health import serve_health
from stream.log_ends import LogEnds
from stream.settings import KafkaSettings, WorkerSettings
from stream.topics import REFERENCE, cluster_id
from stream.worker import HEARTBEAT_SHARE, create_app

log = structlog.get_logger()

STOP_SECONDS: Final = 5.0
"""How long an orderly stop may take; after that the process just ends, which is as safe."""

WATCH_SECONDS: Final = 1.0
STANDSTILL_WATCH_SECONDS: Final = 0.25

GC_THRESHOLDS: Final = (200_000, 10, 10)


SETTINGS: Final = (
    ProjectorSettings,
    ReadingSettings,
    VerifierSettings,
    KafkaSettings,
    WorkerSettings,
    AlertSettings,
    AlertmanagerSettings,
)


def main() -> None:
    """Run until SIGTERM or SIGINT (exit 0), or until something breaks (exit 1).

    Raises pydantic's ValidationError for a setting that is none.
    """
    for settings in SETTINGS:
        settings()
    # Millions of short-lived objects without cycles: by default a third of the time went to
    # looking for cycles among them.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_work())
    except BaseExceptionGroup as group:
        _fail(_first(group))
    except Exception as error:
        _fail(error)
    # Faust's consumer thread may still be closing; everything that matters is committed.
    _exit(0)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, which saves a sixth of a line's work, but not over TLS.

    There one in three starts stood still for half a minute: Faust's consumer is a second loop in
    a thread of its own, and with uvloop's own TLS one of the two connections now and then gets no
    answer (tests/system/test_secured_broker.py).
    """
    is_plain = not KafkaSettings().kafka_security_protocol.endswith("SSL")
    return uvloop.new_event_loop if is_plain else None


async def _work() -> None:
    projector_settings, kafka, worker = ProjectorSettings(), KafkaSettings(), WorkerSettings()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    model = await _find_model(projector_settings, kafka)
    async with AsyncExitStack() as parts:
        projector = await parts.enter_async_context(
            open_projector(projector_settings, kafka, model=model)
        )
        app = create_app(projector, kafka, worker, PROJECTED_TOPICS)
        ends = LogEnds(kafka)
        parts.push_async_callback(ends.stop)
        await ends.start()
        if worker.worker_metrics_port:
            await parts.enter_async_context(_serve_metrics(worker, projector))
        await _run(app, projector, ends, stop, settings=worker, model=model)


@asynccontextmanager
async def _serve_metrics(worker: WorkerSettings, projector: Projector) -> AsyncIterator[None]:
    model = ReadModel(ReadingSettings(read_connections=1))
    state = StateMetrics(model, lambda: _is_leader(projector))
    REGISTRY.register(state)
    await model.start()
    try:
        async with serve_health(
            worker.worker_metrics_host,
            worker.worker_metrics_port,
            lambda: bool(projector.next_offsets()),
            state.refresh,
        ):
            yield
    finally:
        await model.stop()


def _is_leader(projector: Projector) -> bool:
    """Whether what one worker does for all is this one's to do."""
    return (REFERENCE, 0) in projector.next_offsets()


async def _run(
    app: RecordBatchApp,
    projector: Projector,
    ends: LogEnds,
    stop: asyncio.Event,
    *,
    settings: WorkerSettings,
    model: int,
) -> None:
    """Until `stop` is set; raises what broke in Faust, the projector or the watches."""
    tasks = [
        asyncio.create_task(
            evaluate_rules(
                AlertSettings(),
                KafkaSettings(),
                model=model,
                projector=projector,
                lags=lambda: _report_lag(ends, projector.next_offsets()),
            )
        ),
        asyncio.create_task(projector.run()),
        asyncio.create_task(_run_faust(app)),
        asyncio.create_task(_watch(ends, projector, settings.worker_stuck_seconds)),
        asyncio.create_task(watch_standstill(settings.worker_session_timeout_seconds)),
        asyncio.create_task(watch_drift(lambda: _is_leader(projector))),
        asyncio.create_task(tell_alertmanager(lambda: _is_leader(projector))),
        asyncio.create_task(stop.wait()),
    ]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    log.info("worker stops")
    await asyncio.wait([asyncio.create_task(app.stop())], timeout=STOP_SECONDS)
    _exit(0)


async def _run_faust(app: RecordBatchApp) -> None:
    await app.start()
    await app.wait_until_stopped()
    raise app.crash_reason or Unavailable("the Faust app stopped by itself")


async def _watch(ends: LogEnds, projector: Projector, stuck_seconds: float) -> None:
    """Report the lag; raise if there is some and nothing moves (Faust #175, #523, #532)."""
    loop = asyncio.get_running_loop()
    seen: dict[tuple[str, int], int] = {}
    moved_at = loop.time()
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        positions = projector.next_offsets()
        lag = sum(_report_lag(ends, positions).values())
        if positions != seen or not lag:
            seen, moved_at = positions, loop.time()
        STANDSTILL_SECONDS.set(loop.time() - moved_at)
        if loop.time() - moved_at > stuck_seconds:
            raise Unavailable(f"{lag} records are waiting and nothing moved; the worker restarts")


async def watch_standstill(session_seconds: float) -> None:
    """Raise once this process stood still for so long that its session may have ended.

    Others have its partitions by then, and what it holds is stale. The positions would stop it,
    but only when it next had something to write.
    """
    loop = asyncio.get_running_loop()
    while True:
        seen = loop.time()
        await asyncio.sleep(STANDSTILL_WATCH_SECONDS)
        stood_seconds = loop.time() - seen - STANDSTILL_WATCH_SECONDS
        if stood_seconds > session_seconds * (1 - HEARTBEAT_SHARE):
            raise Unavailable(
                f"the worker stood still for {stood_seconds:.1f} s, and its session lasts "
                f"{session_seconds:.0f} s: it starts again"
            )


def _report_lag(ends: LogEnds, positions: dict[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    """By ends that are asked beside the consumer: one that died tells of no more records."""
    known = ends.latest.next_offsets if ends.latest else {}
    lags = {}
    for (topic, partition), next_offset in positions.items():
        lags[topic, partition] = max(0, known.get((topic, partition), 0) - next_offset)
        LAG.labels(topic, str(partition)).set(lags[topic, partition])
    return lags


async def _find_model(settings: ProjectorSettings, kafka: KafkaSettings) -> int:
    try:
        connection = await asyncpg.connect(settings.database_url)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"Postgres can't be reached: {error}") from error
    try:
        return await find_live_model(connection, cluster_id=await cluster_id(kafka))
    finally:
        await connection.close()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _fail(error: BaseException) -> None:
    if isinstance(error, Superseded):
        log.info(error.detail)  # nothing is wrong: a rebuild went live
    elif isinstance(error, DawalogError):
        log.critical(error.detail)
        print(f"dawalog: {error.detail}", file=sys.stderr)  # as every command says it
    else:
        log.critical("the worker broke", exc_info=error)
    _exit(1)


def _exit(code: int) -> None:
    """End now: threads of Faust's that hang don't keep the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
