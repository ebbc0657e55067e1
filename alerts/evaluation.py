"""Evaluation of the rules: of what something happened to at once, of everything else in turn.

It reads committed rows in one state at known positions, and appends what differs to
`alert-events`; the projector makes alerts of that. Nothing is kept that a crash could lose: what
was appended and isn't projected yet is appended again under the same id, which changes nothing.

Each worker looks at the partitions that it owns, the owner of `reference` at the districts, too.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from alerts.appending import Appender
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
from stream.log import EventLog
from stream.topics import REFERENCE, STOCK_EVENTS

Place = tuple[str, int]
Pair = tuple[int, int]

MOST_RECORDS: Final = 10_000
"""With more new records than that, whatever happened is found partition by partition."""

MOST_WAITING: Final = 2_000
"""With more records waiting to be projected, that comes first: some seconds' work at the most."""

APPEND_AT_ONCE: Final = 100
"""Making and encoding them holds the projector up for so many times 36 µs."""

POLL_SECONDS: Final = 1.0
STATEMENT_TIMEOUT: Final = "60s"

LOOK_SHARE: Final = 0.25
"""Of the time, for looks: one that takes long is followed by a longer pause, up to the most."""

MOST_LOOK_SECONDS: Final = 0.5
"""From a look's begin to the next one's, however long it takes: what happens shows in a second."""

PIECE_SECONDS: Final = 0.05
"""Nothing is looked at while a partition's turn goes on, so it is taken in pieces: as many rules as
are begun within that time, and one at least."""

LEAST_PAUSE_SECONDS: Final = 1.0
"""After a turn."""

DUE_SHARE: Final = 0.3
"""Of the time, for partitions that were just taken over or were behind."""

DISTRICTS: Final = -1
"""Stands for the districts among the partitions to walk."""

CHANGED_PAIRS: Final = f"""
WITH RECURSIVE {CHANGED}
SELECT facility_no, item_no, place.partition, (SELECT records > $5 FROM behind) AS too_many
FROM (SELECT records FROM behind) AS counted
LEFT JOIN (changed JOIN facility_state AS place USING (facility_no)) ON true
"""

PLAN_FOR_MANY: Final = "SET LOCAL plan_cache_mode = force_custom_plan"


@dataclass(slots=True)
class Turn:
    """What is left of one; `number` is of a partition, or DISTRICTS."""

    number: int
    rules: list[Rule]
    is_due: bool = False


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
        self._appender = Appender(connection, event_log)
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
        self._turn = Turn(DISTRICTS, [])
        self._look_after = 0.0
        self._walk_after = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(
                    min(POLL_SECONDS, max(0.0, self._walk_after - loop.time()))
                ):
                    await self._news.wait()
            self._news.clear()
            await self.look()
            if loop.time() >= self._walk_after:
                await self._walk()
            await asyncio.sleep(max(0.0, self._look_after - loop.time()))

    async def look(self) -> None:
        """Evaluate what something happened to since the last look that could be made."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        if self._is_busy():
            self._look_after = began + self._settings.alert_look_seconds
            return
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            await self._look()
        pause = min((loop.time() - began) / LOOK_SHARE, MOST_LOOK_SECONDS)
        self._look_after = began + max(self._settings.alert_look_seconds, pause)
        await self._appender.until_projected()

    async def _look(self) -> None:
        mark = await self._find_mark()
        able = self._find_able(mark)
        since, self._mark = self._mark, mark
        if since is None or mark == since:
            return
        changed = await self._find_changed(since, able)
        ours = [pair for pair, partition in changed.items() if partition in able]
        rules = [rule for rule in self._rules if rule.on_change]
        if ours:
            await self._evaluate(rules, touched(ours))
        if changed and DISTRICTS in able:
            await self._evaluate(rules, touched_districts(changed))

    async def evaluate_all(self) -> None:
        """Evaluate everything that this worker may, now."""
        for number in sorted(await self._find_able_now()):
            self._due.discard(number)
            turn = Turn(number, list(self._rules))
            while turn.rules:
                await self._take(turn)

    async def _walk(self) -> None:
        """A piece of a turn: of a partition's, or the districts'; those first that something may
        have been missed of.
        """
        loop = asyncio.get_running_loop()
        able = await self._find_able_now()
        if not self._turn.rules or self._turn.number not in able:
            number = self._next_turn(able)
            if number is None:
                self._walk_after = loop.time() + LEAST_PAUSE_SECONDS
                return
            self._turn = Turn(number, list(self._rules), is_due=number in self._due)
            self._due.discard(number)
        began = loop.time()
        await self._take(self._turn)
        took = loop.time() - began
        share = DUE_SHARE if self._turn.is_due else self._settings.alert_walk_share
        is_over = not self._turn.rules and not self._turn.is_due
        pause = max(LEAST_PAUSE_SECONDS if is_over else 0.0, took / share - took)
        self._walk_after = loop.time() + pause

    def _next_turn(self, able: Collection[int]) -> int | None:
        due = self._due & set(able)
        self._turns.extend(sorted(set(able) - set(self._turns)))
        for _ in range(len(self._turns)):
            number = self._turns.popleft()
            if number in able:
                self._turns.append(number)
            if number in (due or able):
                return number
        return None

    async def _take(self, turn: Turn) -> None:
        """The first of its rules, and more while there is time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PIECE_SECONDS
        scope = all_districts() if turn.number == DISTRICTS else all_of_partition(turn.number)
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            await self._connection.execute(PLAN_FOR_MANY)
            await self._evaluate([turn.rules.pop(0)], scope)
            while turn.rules and loop.time() < until:
                await self._evaluate([turn.rules.pop(0)], scope)
        await self._appender.until_projected()

    async def _find_able_now(self) -> set[int]:
        if self._is_busy():
            return set()
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            return self._find_able(await self._find_mark())

    def _is_busy(self) -> bool:
        """Whether so much waits to be projected that this is the wrong time."""
        lags = self._lags().items()
        return sum(lag for (topic, _), lag in lags if topic == STOCK_EVENTS) > MOST_WAITING

    def _find_able(self, mark: Mark) -> set[int]:
        """The partitions that may be evaluated now; the others become due."""
        owned, lags = self._owned(), self._lags()
        stamps = mark.recorded_at or {}
        late = self._clock() - timedelta(seconds=self._settings.alert_most_lag_seconds)
        ours = {partition for topic, partition in owned if topic == STOCK_EVENTS}
        if (REFERENCE, 0) in owned:
            ours.add(DISTRICTS)
        able = {
            turn
            for turn in ours
            if not lags.get((STOCK_EVENTS, turn))
            or (stamps.get(turn) or datetime.min.replace(tzinfo=UTC)) > late
        }
        self._due |= (ours - able) | (ours - self._ours)
        self._ours = ours
        return able

    async def _find_changed(self, since: Mark, able: Collection[int]) -> dict[Pair, int]:
        """The items that something happened to, with their partition. All partitions become due
        where that is too much to ask for.
        """
        rows = await self._connection.fetch(CHANGED_PAIRS, *since.arguments(), MOST_RECORDS)
        if rows and rows[0]["too_many"]:
            self._due.update(able)
            return {}
        return {
            (facility_no, item_no): partition
            for facility_no, item_no, partition, _ in rows
            if partition is not None
        }

    async def _evaluate(self, rules: Iterable[Rule], scope: Scope) -> None:
        """Those of the rules that are about what the scope is of."""
        now = self._clock()
        findings: list[Finding] = []
        asked = [rule for rule in rules if rule.is_of_district is scope.of_districts]
        if not asked:
            return
        async for finding in find_differences(
            self._connection, asked, scope, now=now, damping=self._damping
        ):
            findings.append(finding)
            if len(findings) == APPEND_AT_ONCE:
                await self._append(findings)
                findings = []
        await self._append(findings)

    async def _append(self, findings: Sequence[Finding]) -> None:
        if not await self._appender.append(findings):
            self._due.update(self._ours)

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
        max_cacheable_statement_size=0,  # without a bound: all rules are one statement
        server_settings={
            "application_name": "dawalog worker: alerts",
            "search_path": model_schema(model),
            "timezone": "UTC",
            "jit": "off",
            "statement_timeout": STATEMENT_TIMEOUT,
            "default_transaction_read_only": "on",
            # Planning took longer than looking. What is for one item serves for hundreds, but not
            # for all of a partition (PLAN_FOR_MANY).
            "plan_cache_mode": "force_generic_plan",
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
