"""Evaluation of the rules inside the worker, beside the projector."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import asyncpg
import structlog

from alerts.evaluation import Evaluation, open_connection
from alerts.settings import AlertSettings
from projections.projector import Projector
from stream.errors import Unavailable
from stream.log import EventLog
from stream.settings import KafkaSettings

log = structlog.get_logger()

AGAIN_SECONDS: Final = 2.0


async def evaluate_rules(
    settings: AlertSettings,
    kafka: KafkaSettings,
    *,
    model: int,
    projector: Projector,
    lags: Callable[[], Mapping[tuple[str, int], int]],
) -> None:
    """For ever. Projection never waits for it: where it can't go on it begins anew."""
    if not settings.alert_evaluation:
        await asyncio.Event().wait()
    event_log = EventLog(kafka)
    await event_log.start()
    news = asyncio.Event()
    projector.on_news(news.set)
    while True:
        try:
            async with open_connection(settings, model) as connection:
                await Evaluation(
                    connection,
                    event_log,
                    settings,
                    news=news,
                    owned=projector.next_offsets,
                    lags=lags,
                ).run()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, Unavailable) as error:
            log.warning("rules are not evaluated for a moment", reason=repr(error))
            await asyncio.sleep(AGAIN_SECONDS)
