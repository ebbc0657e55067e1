"""All that changed since a position, or everything: in constant memory, in one snapshot.

Each pull has a connection of its own for as long as its reader takes, so there are few at a time.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import orjson

from projections.queries.changed import CHANGED
from projections.queries.changed_apart import CHANGED_APART, TAKEN_UP
from projections.queries.changes import FIND_MARK, REFERENCE_PLACE, Filters, Mark
from projections.queries.item_rows import ROWS, ItemRow
from projections.reading import (
    AWAY,
    NO_MODEL,
    NOT_REACHED,
    NOT_READY,
    TOO_SLOW,
    Snapshot,
    session_settings,
)
from projections.settings import ReadingSettings
from stream.errors import Unavailable
from stream.tasks import end_task
from stream.tokens import PositionToken

MOST_AT_ONCE: Final = 4
BATCH_ROWS: Final = 500
STATEMENT_SECONDS: Final = 300
"""To find what changed, before the first row, may take a while."""
SILENT_SECONDS: Final = 60
"""A reader that takes nothing for so long holds the snapshot no longer."""
ALL_RECORDS: Final = 2**62
TOO_MANY: Final = "Others are reading all changes just now. Please try again in a moment."

BEGIN: Final = f"""
SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s';
SET LOCAL idle_in_transaction_session_timeout = '{SILENT_SECONDS}s';
SELECT set_config('search_path', 'model_' || number, true) FROM dawalog.live_model
"""

CURRENT_ROWS: Final = f"""
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($1::int[], $2::int[]) AS pair (facility_no, item_no)
), {ROWS}
SELECT rows FROM listed
"""


def _filtered(first: int) -> str:
    """The condition that `Filters` set, as parameters $first and the two after it."""
    facility_ids, district_ids, item_ids = (f"${first + number}::text[]" for number in range(3))
    return f"""
        ({facility_ids} IS NULL OR facility_no IN (
            SELECT facility_no FROM facility_number WHERE facility_id = ANY ({facility_ids})))
        AND ({district_ids} IS NULL OR facility_no IN (
            SELECT facility_no FROM facility JOIN facility_number USING (facility_id)
            WHERE district_id = ANY ({district_ids})))
        AND ({item_ids} IS NULL OR item_no IN (
            SELECT item_no FROM item_number WHERE item_id = ANY ({item_ids})))
    """


ALL_PAIRS: Final = f"""
SELECT DISTINCT facility_no, item_no FROM card WHERE {_filtered(1)} ORDER BY facility_no, item_no
"""
CHANGED_PAIRS: Final = f"""
WITH RECURSIVE {CHANGED}, {CHANGED_APART}
SELECT facility_no, item_no FROM (TABLE changed UNION TABLE changed_apart) AS changed
WHERE {_filtered(6)} ORDER BY facility_no, item_no
"""

Pairs = list[asyncpg.Record]


@dataclass(frozen=True, slots=True)
class Pull:
    """`snapshot` has the positions of all that it gives; the next pull begins at `next_token`."""

    snapshot: Snapshot
    next_token: PositionToken
    batches: AsyncGenerator[Sequence[ItemRow], None]


class Pulls:
    """Those of this process."""

    def __init__(self, settings: ReadingSettings) -> None:
        self._settings = settings
        self._open = 0

    @asynccontextmanager
    async def open(self, after: PositionToken | None, filters: Filters) -> AsyncIterator[Pull]:
        """What changed since `after`, or all; what is found first is found before this enters.

        Raises Unavailable, Rejected if the token is another installation's.
        """
        if self._open >= MOST_AT_ONCE:
            raise Unavailable(TOO_MANY, retry_after_seconds=5)
        self._open += 1
        try:
            async with (
                self._connect() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                pull = await _begin(connection, after, filters)
                async with aclosing(pull.batches):  # the connection isn't ours alone before
                    yield pull
        finally:
            self._open -= 1

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        timeout = self._settings.read_connect_timeout_seconds
        try:
            connection = await asyncpg.connect(
                self._settings.database_url,
                timeout=timeout,
                server_settings=session_settings(self._settings, "dawalog-pull"),
            )
        except AWAY as error:
            raise Unavailable(NOT_REACHED, retry_after_seconds=2) from error
        try:
            yield connection
        finally:
            connection.terminate()


async def _begin(
    connection: "asyncpg.Connection[Any]", after: PositionToken | None, filters: Filters
) -> Pull:
    try:
        await connection.execute(BEGIN)
        row = await connection.fetchrow(FIND_MARK)
        if row is None or not row["cluster_id"]:
            raise Unavailable(NOT_READY, retry_after_seconds=2)
        snapshot = Snapshot.of(row)
        next_token = await _find_next(connection, snapshot, after)
        pairs = await _find_pairs(connection, snapshot, after, filters)
        first = await pairs.fetch(BATCH_ROWS)
    except NO_MODEL as error:
        raise Unavailable(NOT_READY, retry_after_seconds=2) from error
    except asyncpg.QueryCanceledError as error:
        raise Unavailable(TOO_SLOW, retry_after_seconds=5) from error
    return Pull(snapshot, next_token, _read_rows(connection, pairs, first))


async def _find_next(
    connection: "asyncpg.Connection[Any]", snapshot: Snapshot, after: PositionToken | None
) -> PositionToken:
    """Before reference records whose effect isn't in the rows yet."""
    token = Mark.of(snapshot).token
    taken_up = await connection.fetchval(TAKEN_UP)
    if taken_up is None:
        taken_up = after.offsets.get(REFERENCE_PLACE, 0) if after else 0
    reference = min(token.offsets[REFERENCE_PLACE], taken_up)
    return PositionToken(token.cluster_id, {**token.offsets, REFERENCE_PLACE: reference})


async def _find_pairs(
    connection: "asyncpg.Connection[Any]",
    snapshot: Snapshot,
    after: PositionToken | None,
    filters: Filters,
) -> Any:
    wanted = [None if ids is None else list(ids) for ids in filters]
    if after is None:
        return await connection.cursor(ALL_PAIRS, *wanted)
    after.require_cluster(snapshot.cluster_id)
    since = Mark.of_token(after).arguments()
    return await connection.cursor(CHANGED_PAIRS, *since, ALL_RECORDS, *wanted)


async def _read_rows(
    connection: "asyncpg.Connection[Any]", cursor: Any, pairs: Pairs
) -> AsyncGenerator[Sequence[ItemRow], None]:
    """Postgres is at the next batch while the reader is given one: no more than two are held."""
    ahead = asyncio.create_task(_read_batch(connection, cursor, pairs))
    try:
        while batch := await ahead:
            rows, pairs = batch
            ahead = asyncio.create_task(_read_batch(connection, cursor, pairs))
            await asyncio.sleep(0)  # it is asked before the reader makes anything of these
            yield [ItemRow.of(*fields) for fields in orjson.loads(rows or "[]")]
    finally:
        await end_task(ahead)


async def _read_batch(
    connection: "asyncpg.Connection[Any]", cursor: Any, pairs: Pairs
) -> tuple[str | None, Pairs] | None:
    """Rows of these pairs as JSON, and the pairs after them; None where there are no pairs."""
    if not pairs:
        return None
    facility_nos, item_nos = zip(*pairs, strict=True)
    rows = await connection.fetchval(CURRENT_ROWS, facility_nos, item_nos)
    return rows, await cursor.fetch(BATCH_ROWS)
