"""Telling Alertmanager inside the worker, where one is set."""

import asyncio
from collections.abc import Callable
from typing import Final

import httpx

from alerts.alertmanager import Pusher
from alerts.settings import AlertmanagerSettings
from projections.reading import ReadModel
from projections.settings import ReadingSettings

PATIENCE_SECONDS: Final = 10.0


async def tell_alertmanager(is_ours: Callable[[], bool]) -> None:
    """For ever. Whatever Alertmanager does, nothing else waits for it."""
    settings = AlertmanagerSettings()
    if settings.alertmanager_url is None:
        await asyncio.Event().wait()
        return
    model = ReadModel(ReadingSettings(read_connections=1))
    await model.start()
    try:
        async with httpx.AsyncClient(
            base_url=settings.alertmanager_url, timeout=PATIENCE_SECONDS
        ) as client:
            await Pusher(model, settings, client, is_ours=is_ours).run()
    finally:
        await model.stop()
