"""Evaluation of the rules: of what something happened to at once, of everything else in turn.

It reads committed rows in one state at known positions, and appends what differs to
`alert-events`; the projector makes alerts of that. Nothing is kept that a crash could lose: what
was appended and isn't projected yet is appended again under the same id, which changes nothing.

Each worker looks at the partitions that it owns, the owner of `reference` at the districts, too.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import structlog

from alerts.difference import Damping, Finding, find_differences
from alerts.rule import Rule
from alerts.rules import RULES
from alerts.scopes import Scope, all_districts, all_of_partition, touched, touched_districts
from alerts.settings import AlertSettings
from projections.queries.changed import CHANGED
from projections.queries.changes import FIND_MARK, Mark
from projections.reading import Snapshot
from projections.schema import model_schema
from projections.settings import DatabaseSettings
from stream.appending import Appended
from stream.codec import encode_alert_event
from stream.log import EventLog
from stream.topics import REFERENCE, STOCK_EVENTS

log = structlog.get_logger()

Place = tuple[str, int]
Pair = tuple[int, int]

SOURCE: Final = "alerts"
MOST_RECORDS: Final = 10_000
"""With more new records than that, whatever happened is found partition by partition."""

MOST_WAITING: Final = 2_000
"""With more records waiting to be projected, that comes first: some seconds' work at the most."""

APPEND_AT_ONCE: Final = 500
POLL_SECONDS: Final = 1.0
PROJECTED_WITHIN_SECONDS: Final = 10.0
"""For so long what was appended is waited for before the next look."""

STATEMENT_TIMEOUT: Final = "60s"
LEAST_PAUSE_SECONDS: Final = 1.0
DUE_SHARE: Final = 0.3
"""Of the time, for partitions that were just taken over or were behind."""

DISTRICTS: Final = -1
"""Stands for the districts among the partitions to walk."""

CHANGED_PAIRS: Final = f"""
WITH RECURSIVE {CHANGED}
SELECT facility_no, item_no, place.partition, district_id,
       (SELECT records > $5 FROM behind) AS too_many
FROM (SELECT records FROM behind) AS counted
LEFT JOIN (changed JOIN facility_state AS place USING (facility_no)) ON true
"""


class Evaluation:
    """Of one worker; `run` never returns.

    Args:
        news: set after each commit of the projector.
        owned: the positions of the partitions that this worker projects, by topic and partition.
        lags: how many records wait in each of them.
        clock: the instant for which rules are evaluated.
    """

    def __init__(
        self,
        connection: "asyncpg.Connection[Any]",
        event_log: EventLog,
        settings: AlertSettings,
        *,
        news: asyncio.Event,
        owned: Callable[[], Mapping[Place, int]],
        lags: Callable[[], Mapping[Place, int]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        rules: Collection[Rule] = tuple(RULES.values()),
    ) -> None:
        self._connection = connection
        self._log = event_log
        self._settings = settings
        self._owned = owned
        self._lags = lags
        self._clock = clock
        self._rules = rules
        self._damping = Damping()
        self._news = news
        self._mark: Mark | None = None
        self._ours: set[int] = set()
        self._turns: deque[int] = deque()
        self._due: set[int] = set()
        self._appended: dict[Place, int] = {}
        self._walk_after = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._news.wait()
            self._news.clear()
            began = loop.time()
            await self.look()
            if loop.time() >= self._walk_after:
                await self._walk()
            await asyncio.sleep(max(0.0, began + self._settings.alert_look_seconds - loop.time()))

    async def look(self) -> None:
        """Evaluate what something happened to since the last look."""
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            mark = await self._find_mark()
            able = self._find_able(mark)
            since, self._mark = self._mark, mark
            if since is None or mark == since:
                return
            pairs = await self._find_changed(since, able)
            if not pairs:
                return
            await self._evaluate(touched(list(pairs)))
            if DISTRICTS in able:
                districts = {(district, item) for (_, item), district in pairs.items() if district}
                await self._evaluate(touched_districts(list(districts)))
        await self._until_projected()

    async def evaluate_all(self) -> None:
        """Evaluate everything that this worker may, now."""
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            able = self._find_able(await self._find_mark())
        for turn in sorted(able):
            await self._take_turn(turn)
            self._due.discard(turn)

    async def _walk(self) -> None:
        """One partition, or the districts; those first that something may have been missed of."""
        loop = asyncio.get_running_loop()
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            able = self._find_able(await self._find_mark())
        due = self._due & able
        self._turns.extend(sorted(able - set(self._turns)))
        for _ in range(len(self._turns)):
            turn = self._turns.popleft()
            if turn in (due or able):
                break
            if turn in able:
                self._turns.append(turn)
        else:
            return
        self._turns.append(turn)
        self._due.discard(turn)
        began = loop.time()
        await self._take_turn(turn)
        took = loop.time() - began
        share = DUE_SHARE if due else self._settings.alert_walk_share
        least = 0.0 if due else LEAST_PAUSE_SECONDS
        self._walk_after = loop.time() + max(least, took / share - took)

    async def _take_turn(self, turn: int) -> None:
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            if turn == DISTRICTS:
                await self._evaluate(all_districts(), is_turn=True)
            else:
                await self._evaluate(all_of_partition(turn), is_turn=True)
        await self._until_projected()

    def _find_able(self, mark: Mark) -> set[int]:
        """The partitions that may be evaluated now; the others become due."""
        owned, lags = self._owned(), self._lags()
        stamps = mark.recorded_at or {}
        late = self._clock() - timedelta(seconds=self._settings.alert_most_lag_seconds)
        ours = {partition for topic, partition in owned if topic == STOCK_EVENTS}
        if (REFERENCE, 0) in owned:
            ours.add(DISTRICTS)
        waiting = sum(lag for (topic, _), lag in lags.items() if topic == STOCK_EVENTS)
        able = {
            turn
            for turn in ours
            if waiting <= MOST_WAITING
            if not lags.get((STOCK_EVENTS, turn))
            or (stamps.get(turn) or datetime.min.replace(tzinfo=UTC)) > late
        }
        self._due |= (ours - able) | (ours - self._ours)
        self._ours = ours
        return able

    async def _find_changed(self, since: Mark, able: Collection[int]) -> dict[Pair, str | None]:
        """The items that something happened to, with their district. All partitions become due
        where that is too much to ask for.
        """
        rows = await self._connection.fetch(CHANGED_PAIRS, *since.arguments(), MOST_RECORDS)
        if rows and rows[0]["too_many"]:
            self._due.update(able)
            return {}
        return {
            (facility_no, item_no): district_id
            for facility_no, item_no, partition, district_id, _ in rows
            if partition in able
        }

    async def _evaluate(self, scope: Scope, *, is_turn: bool = False) -> None:
        now = self._clock()
        findings: list[Finding] = []
        for rule in self._rules:
            if rule.is_of_district is not scope.of_districts or not (is_turn or rule.on_change):
                continue
            async for finding in find_differences(
                self._connection, rule, scope, now=now, damping=self._damping
            ):
                findings.append(finding)
                if len(findings) == APPEND_AT_ONCE:
                    await self._append(findings)
                    findings = []
        await self._append(findings)

    async def _append(self, findings: Sequence[Finding]) -> None:
        records = [
            encode_alert_event(
                finding, recorded_by=SOURCE, source=SOURCE, partitions=self._log.partitions
            )
            for finding in findings
        ]
        for answer in await self._log.append(records):
            if isinstance(answer, Appended):
                place = (answer.topic, answer.partition)
                self._appended[place] = max(answer.offset + 1, self._appended.get(place, 0))
            else:
                self._due.update(self._ours)
                log.warning("what was found could not be appended", reason=answer.detail)
                return

    async def _until_projected(self) -> None:
        """What was found must be visible before the next look, or it would be found once more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PROJECTED_WITHIN_SECONDS):
                while self._appended:
                    rows = await self._connection.fetch(
                        "SELECT topic, partition, next_offset FROM position"
                    )
                    for topic, partition, next_offset in rows:
                        if next_offset >= self._appended.get((topic, partition), 2**63):
                            del self._appended[topic, partition]
                    if self._appended:
                        await asyncio.sleep(0.02)
        self._appended.clear()

    async def _find_mark(self) -> Mark:
        row = await self._connection.fetchrow(FIND_MARK)
        assert row is not None
        return Mark.of(Snapshot.of(dict(row)))


@asynccontextmanager
async def open_connection(
    settings: DatabaseSettings, model: int
) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection that evaluation reads read model `model` on. Raises as asyncpg.connect."""
    connection = await asyncpg.connect(
        settings.database_url,
        server_settings={
            "application_name": "dawalog worker: alerts",
            "search_path": model_schema(model),
            "timezone": "UTC",
            "jit": "off",
            "statement_timeout": STATEMENT_TIMEOUT,
            "default_transaction_read_only": "on",
            # Each statement is for one item or for a hundred thousand: planned for what is asked,
            # and to be read to its end.
            "plan_cache_mode": "force_custom_plan",
            "cursor_tuple_fraction": "1",
            # Always by facility: else the whole state is read for each partition.
            "enable_seqscan": "off",
            "enable_mergejoin": "off",
        },
    )
    try:
        yield connection
    finally:
        connection.terminate()
