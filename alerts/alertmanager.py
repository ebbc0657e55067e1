"""Telling Alertmanager, which tells people: what can't wait at once, the rest each morning.

Alertmanager forgets an alert that isn't sent again, and so knows after minutes what is over even
if nobody here could say it any more. Nothing is kept here that a crash could lose: what is open is
in the read model, and is sent anew by whoever leads then. What was told and is over is told once
more with its end, so that people hear of it at once.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import httpx
import orjson
import structlog

from alerts.metrics import PUSHES
from alerts.rules import LOCAL, RULES, WHO_ACTS
from alerts.settings import AlertmanagerSettings
from alerts.wording import Outgoing, tell_digest, tell_group, tell_single
from projections.figures.days import INDIA
from projections.queries.open_alerts import (
    find_change,
    find_pressing,
    list_alerting_districts,
    list_digests,
)
from projections.reading import ReadModel
from stream.errors import Unavailable

log = structlog.get_logger()

MOST_ALERTS: Final = 5_000
"""Told at once, one by one and by rule and district together."""

MOST_DIGESTS: Final = 2_500
"""Of a district; beyond that they are told by officer."""

AT_ONCE: Final = 500
LOOK_SECONDS: Final = 0.5
SHARE: Final = 0.05
"""Of the time, at most: with many alerts open, each look at them takes a while."""

RETRY_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 60.0
COUNTS_FOR: Final = timedelta(minutes=5)
"""For so long Alertmanager holds an alert to be firing after it was sent: several sendings."""

NEVER: Final = datetime.min.replace(tzinfo=UTC)

DIGEST_FROM: Final = time(8, tzinfo=INDIA)
DIGEST_FOR: Final = timedelta(hours=10)
"""So long a digest counts: who starts before it is over tells it, and nobody is told twice."""

DIGEST_TOLD_FOR: Final = timedelta(hours=1)
DIGEST_AGAIN: Final = timedelta(minutes=10)
"""Alertmanager keeps no alert over a restart, so that it is sent again within the hour."""

ALONE: Final = tuple(rule.id for rule in RULES.values() if rule.told_alone)

Clock = Callable[[], datetime]


class Pusher:
    """`run` never returns. Only the process for which `is_ours` holds tells anything."""

    def __init__(
        self,
        model: ReadModel,
        settings: AlertmanagerSettings,
        client: httpx.AsyncClient,
        *,
        is_ours: Callable[[], bool],
        clock: Clock = lambda: datetime.now(UTC),
        alone: Collection[str] = ALONE,
    ) -> None:
        self._model = model
        self._public_url = settings.public_url.rstrip("/")
        self._client = client
        self._is_ours = is_ours
        self._clock = clock
        self._alone = alone
        self._told: dict[bytes, Outgoing] = {}
        self._change: int | None = None
        self._again_at = NEVER
        self._digests = Digests()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        is_away = False
        while True:
            began = loop.time()
            try:
                await self.push()
                is_away = False
            except (httpx.HTTPError, Unavailable) as error:
                PUSHES.labels("failed").inc()
                if not is_away:
                    log.warning("Alertmanager is not told", why=str(error) or repr(error))
                is_away = True
                self._again_at = NEVER  # all is sent again
                await asyncio.sleep(RETRY_SECONDS)
                continue
            took = loop.time() - began
            await asyncio.sleep(min(max(LOOK_SECONDS, took / SHARE - took), AGAIN_SECONDS / 2))

    async def push(self) -> None:
        """Tell what there is to tell now. Raises httpx.HTTPError and Unavailable."""
        if not self._is_ours():
            self._told, self._change = {}, None  # its next owner tells, or Alertmanager forgets
            self._again_at = NEVER
            return
        now = self._clock()
        change = await find_change(self._model)
        again = now >= self._again_at
        if change != self._change or again:
            await self._push_pressing(now, again=again)
            self._change = change
        if again:
            self._again_at = now + timedelta(seconds=AGAIN_SECONDS)
        if self._digests.are_due(now):
            await self._push_digests(now)

    async def _push_pressing(self, now: datetime, *, again: bool) -> None:
        """All of it, or else what is another than was told."""
        singles, groups = await find_pressing(
            self._model,
            alone=self._alone,
            local=LOCAL,
            who_acts=WHO_ACTS,
            most=MOST_ALERTS // 2,
            at=now,
        )
        pressing = [tell_single(one, self._public_url) for one in singles]
        pressing += [tell_group(one, self._public_url) for one in groups]
        firing = {_key(alert): alert for alert in pressing}
        over = [alert for key, alert in self._told.items() if key not in firing]
        fresh = [one for key, one in firing.items() if again or self._told.get(key) != one]
        self._told |= firing
        if fresh or again:
            await self._post(fresh, ends_at=now + COUNTS_FOR)
        if over:
            await self._post(over, ends_at=now)
        self._told = firing

    async def _push_digests(self, now: datetime) -> None:
        """District by district, so that no more than one's is in memory. It is what was open at 8
        o'clock, and whose turn it was then, so that the same is told again.
        """
        began_at = self._digests.began_at(now)
        count = 0
        for district in await list_alerting_districts(self._model):
            digests = await list_digests(
                self._model,
                district,
                at=began_at,
                local=LOCAL,
                who_acts=WHO_ACTS,
                most=MOST_DIGESTS,
            )
            await self._post(
                [tell_digest(digest, began_at, self._public_url) for digest in digests],
                ends_at=max(began_at + DIGEST_FOR, now + DIGEST_AGAIN),
            )
            count += len(digests)
        self._digests.were_told(now)
        log.info("the day's digests are told", digests=count)

    async def _post(self, alerts: Sequence[Outgoing], *, ends_at: datetime) -> None:
        """At least one request: that Alertmanager takes nothing shows that it is there."""
        ending = [alert | {"endsAt": ends_at.isoformat()} for alert in alerts]
        for first in range(0, max(1, len(ending)), AT_ONCE):
            answer = await self._client.post(
                "/api/v2/alerts",
                content=orjson.dumps(ending[first : first + AT_ONCE]),
                headers={"Content-Type": "application/json"},
            )
            answer.raise_for_status()
            PUSHES.labels("taken").inc()


class Digests:
    """When the day's digests are to be told: at 8 in India, and again within the hour.

    Who starts later, or finds Alertmanager back, tells them until the evening: whom it has told it
    doesn't tell twice, as the digests count until then.
    """

    def __init__(self) -> None:
        self._told_on: date | None = None
        self._next_at = NEVER

    @staticmethod
    def began_at(now: datetime) -> datetime:
        """8 o'clock of the day."""
        return datetime.combine(now.astimezone(INDIA).date(), DIGEST_FROM)

    def are_due(self, now: datetime) -> bool:
        began_at = self.began_at(now)
        is_told = self._told_on == began_at.date()
        tells_for = DIGEST_TOLD_FOR if is_told else DIGEST_FOR
        return began_at <= now < began_at + tells_for and now >= self._next_at

    def were_told(self, now: datetime) -> None:
        self._told_on = now.astimezone(INDIA).date()
        self._next_at = now + DIGEST_AGAIN


def _key(alert: Outgoing) -> bytes:
    """Alertmanager tells alerts apart by all of their labels."""
    labels: dict[str, Any] = alert["labels"]
    return orjson.dumps(labels, option=orjson.OPT_SORT_KEYS)
