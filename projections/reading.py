"""Reading the live model: each answer is one statement, so one snapshot, and knows its age.

A statement selects the columns of `SNAPSHOT` beside its own, from tables without a schema: the
connection's search_path names the live model. If another model went live meanwhile, the answer
says so itself; the search_path then follows and the statement is asked again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Self

import asyncpg
import orjson

from projections.settings import ReadingSettings
from stream.errors import Unavailable
from stream.tokens import PositionToken, TopicPartition

SNAPSHOT: Final = """
    (SELECT 'model_' || number = current_schema() FROM dawalog.live_model) AS model_is_live,
    (SELECT cluster_id FROM dawalog.installation) AS cluster_id,
    now() AS taken_at,
    (SELECT json_agg(json_build_array(topic, partition, next_offset, recorded_at)
                     ORDER BY topic, partition)
     FROM position
     WHERE {depends_on}) AS positions
"""

ALL_TOPICS: Final = SNAPSHOT.format(depends_on="true")

EVERYTHING: Final = SNAPSHOT.format(depends_on="topic <> 'alert-events'")
"""For answers about the stock of the whole state: alerts change nothing in them."""

REFERENCE_ALONE: Final = SNAPSHOT.format(depends_on="topic = 'reference'")

FACILITY: Final = SNAPSHOT.format(
    depends_on="topic = 'reference' "
    "OR topic = 'stock-events' AND partition = coalesce($2::integer, partition)"
)
"""For answers about one facility, with its partition as $2 (null while nobody knows it: all)."""

MODEL_SWITCHES: Final = 3
"""How often in a row the live model may change under one read."""

NOT_READY: Final = "The stock figures are being prepared. Please try again in a moment."
NOT_REACHED: Final = "The stock figures cannot be reached now. Please try again in a moment."
TOO_SLOW: Final = "This question took too long. Please ask for a shorter period or a smaller page."

AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
NO_MODEL: Final = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidSchemaNameError,
)


class Standing(NamedTuple):
    """How far a partition is projected; `recorded_at` is of the record before `next_offset`."""

    topic: str
    partition: int
    next_offset: int
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One answer of the read model. `standings` are of the partitions that it depends on."""

    row: Mapping[str, Any]
    cluster_id: str
    taken_at: datetime
    standings: Sequence[Standing]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        standings = [
            Standing(topic, partition, next_offset, recorded_at and parse_instant(recorded_at))
            for topic, partition, next_offset, recorded_at in orjson.loads(row["positions"] or "[]")
        ]
        return cls(row, row["cluster_id"], row["taken_at"], standings)

    def loads(self, column: str) -> Any:
        """The value of a JSON column; an aggregate over no rows is an empty list."""
        text = self.row[column]
        return [] if text is None else orjson.loads(text)

    @property
    def next_offsets(self) -> dict[TopicPartition, int]:
        return {(topic, partition): offset for topic, partition, offset, _ in self.standings}

    @property
    def known_at(self) -> datetime:
        """All that it holds was recorded by then, even if the broker's clock is ahead of ours."""
        stamps = [one.recorded_at for one in self.standings if one.recorded_at is not None]
        return max([self.taken_at, *stamps])

    @property
    def token(self) -> PositionToken:
        return PositionToken(self.cluster_id, self.next_offsets)


class ReadModel:
    """The live read model in Postgres, which need not be there yet when this starts."""

    def __init__(self, settings: ReadingSettings) -> None:
        self._settings = settings
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def start(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._settings.database_url,
            min_size=0,
            max_size=self._settings.read_connections,
            timeout=self._settings.read_connect_timeout_seconds,
            # of a server that stopped answering; a slow statement is ended by the server, sooner
            command_timeout=self._settings.read_statement_timeout_seconds + 5,
            reset=_keep_session,
            server_settings=session_settings(self._settings, "dawalog-read"),
        )

    async def stop(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def fetch(self, statement: str, *arguments: object) -> Snapshot:
        """Ask one statement, which yields one row with the columns of `SNAPSHOT`.

        Raises Unavailable where Postgres is away, the model isn't there yet, or it took too long.
        """
        if self._pool is None:
            raise Unavailable(NOT_REACHED)
        patience = self._settings.read_connect_timeout_seconds
        try:
            async with self._pool.acquire(timeout=patience) as connection:
                return await _fetch_live(connection, statement, arguments)
        except asyncpg.QueryCanceledError as error:
            raise Unavailable(TOO_SLOW, retry_after_seconds=5) from error
        except AWAY as error:
            raise Unavailable(NOT_REACHED, retry_after_seconds=2) from error
        except asyncpg.InterfaceError as error:
            if isinstance(error, ValueError):  # an argument of ours, not the connection
                raise
            raise Unavailable(NOT_REACHED, retry_after_seconds=2) from error


async def _fetch_live(connection: Any, statement: str, arguments: tuple[object, ...]) -> Snapshot:
    for _ in range(MODEL_SWITCHES):
        try:
            row = await connection.fetchrow(statement, *arguments)
        except NO_MODEL:
            row = None
        if row is not None and row["model_is_live"] and row["cluster_id"] is not None:
            return Snapshot.of(row)
        await _follow_live_model(connection)
    raise Unavailable(NOT_READY, retry_after_seconds=2)


async def _follow_live_model(connection: Any) -> None:
    try:
        await connection.execute(
            "SELECT set_config('search_path', 'model_' || number, false) FROM dawalog.live_model"
        )
    except NO_MODEL as error:
        raise Unavailable(NOT_READY, retry_after_seconds=2) from error


async def _keep_session(connection: Any) -> None:
    """No reset between reads: the search_path is to stay, and a round trip is saved."""


def session_settings(settings: ReadingSettings, application_name: str) -> dict[str, str]:
    return {
        "application_name": application_name,
        "timezone": "UTC",
        "jit": "off",  # compiling costs more than our short statements take
        "statement_timeout": str(int(settings.read_statement_timeout_seconds * 1000)),
        "default_transaction_read_only": "on",
    }


def parse_instant(text: str) -> datetime:
    """An instant as Postgres writes it in JSON, in sessions whose time zone is UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
