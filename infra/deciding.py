"""Deciding about dead letters: recorded in the log, then waited for until it is in effect."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from pydantic import TypeAdapter, ValidationError

from infra.operator import find_operator
from projections.queries.dead_letters import (
    Database,
    Letter,
    Place,
    count_projected_decisions,
    find_letters,
)
from projections.schema import find_live_model, model_schema
from projections.settings import DatabaseSettings
from stream.appending import Appended
from stream.codec import encode_reference
from stream.errors import Conflict, Rejected, Unavailable
from stream.faults import describe_first
from stream.fields import Reason
from stream.identity_numbers import find_identity_number
from stream.log import EventLog
from stream.reference import DeadLetterDecision, Decision
from stream.settings import KafkaSettings
from stream.topics import ALERT_EVENTS, cluster_id

POLL_SECONDS: Final = 0.05
APPEND_RECORDS: Final = 1000
NOT_YET: Final = "it is recorded, and takes effect once a worker runs"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision. `why` is a sentence where it isn't in effect."""

    place: Place
    in_effect: bool
    why: str = ""


async def decide(
    letters: Sequence[Letter], decision: Decision, reason: str, *, wait_seconds: float
) -> list[Outcome]:
    """Record the same decision about each letter and wait for what comes of it.

    Raises Conflict if it can't be made about one of them (none is recorded then), Rejected for a
    reason that can't be kept, Unavailable.
    """
    _check_reason(reason)
    for letter in letters:
        if refusal := find_refusal(letter, decision):
            raise Conflict(f"{letter.place}: {refusal}")
    decided = await _record(letters, decision, reason)
    async with live_model() as connection:
        return await _wait(connection, decided, wait_seconds)


def find_refusal(letter: Letter, decision: Decision) -> str | None:
    """Why this can't be decided, as the letter is now."""
    match letter.state, decision:
        case "replayed", _:
            return "it was replayed and counts; what should not count is reversed by an event"
        case "pending", _:
            return "it is being replayed: wait for what comes of it"
        case "discarded", "discarded":
            return "it is discarded already"
    if letter.is_decision:
        return "it is a decision itself: decide anew about the letter that it names"
    return _find_no_replay(letter) if decision == "replayed" else None


def _find_no_replay(letter: Letter) -> str | None:
    if letter.kind == "conflict":
        return "another event has this id: a conflict can only be discarded"
    if letter.topic == ALERT_EVENTS:
        return "rules were evaluated again since: a record of alert-events can only be discarded"
    return None


def _check_reason(reason: str) -> None:
    """It is kept for ever, and read by people."""
    try:
        TypeAdapter(Reason).validate_python(reason)
    except ValidationError as error:
        raise Rejected(
            "invalid-record", f"the reason can't be kept: {describe_first(error)}"
        ) from None
    if name := find_identity_number(reason):
        raise Rejected("identity-number", f"the reason holds what looks like {name} number")


@asynccontextmanager
async def live_model() -> AsyncIterator[Database]:
    """A connection to the live read model, by the environment's settings. Raises Unavailable."""
    try:
        connection = await asyncpg.connect(
            DatabaseSettings().database_url,
            server_settings={"application_name": "dawalog dead-letters", "timezone": "UTC"},
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"Postgres can't be reached: {error}") from error
    try:
        model = await find_live_model(connection, cluster_id=await cluster_id(KafkaSettings()))
        await connection.execute(f"SET search_path = {model_schema(model)}")
        yield connection
    finally:
        connection.terminate()


async def _record(letters: Sequence[Letter], decision: Decision, reason: str) -> dict[Place, int]:
    """Append the decisions; returns the offset of each."""
    log = EventLog(KafkaSettings())
    await log.start()
    try:
        offsets: list[int] = []
        for first in range(0, len(letters), APPEND_RECORDS):
            some = letters[first : first + APPEND_RECORDS]
            drafts = [
                encode_reference(
                    _make(letter, decision, reason), recorded_by=find_operator(), source="cli"
                )
                for letter in some
            ]
            offsets += [_offset(answer) for answer in await log.append(drafts)]
    finally:
        await log.stop()
    return dict(zip((letter.place for letter in letters), offsets, strict=True))


def _make(letter: Letter, decision: Decision, reason: str) -> DeadLetterDecision:
    return DeadLetterDecision.model_validate(
        {
            "kind": "dead_letter_decision",
            "topic": letter.topic,
            "partition": letter.partition,
            "log_offset": letter.log_offset,
            "letter_kind": letter.kind,
            "decision": decision,
            "reason": reason,
            "follows": letter.decided_offset,
        }
    )


def _offset(answer: Any) -> int:
    if isinstance(answer, Appended):
        return answer.offset
    raise answer


async def _wait(
    connection: Database, decided: Mapping[Place, int], wait_seconds: float
) -> list[Outcome]:
    """Until all are projected and worked off, or the time is over."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait_seconds
    while True:
        projected = await count_projected_decisions(connection)
        letters = await find_letters(connection, list(decided))
        done = projected > max(decided.values(), default=-1) and not any(
            letter.state == "pending" for letter in letters.values()
        )
        if done or clock() > deadline:
            return [
                _judge(place, letters.get(place), offset, projected)
                for place, offset in decided.items()
            ]
        await asyncio.sleep(POLL_SECONDS)


def _judge(place: Place, letter: Letter | None, offset: int, projected: int) -> Outcome:
    if projected <= offset or letter is None or letter.state == "pending":
        return Outcome(place, in_effect=False, why=NOT_YET)
    if letter.decided_offset != offset:
        return Outcome(place, in_effect=False, why="another decision about it came in between")
    if letter.state == "open":
        return Outcome(place, in_effect=False, why=f"it failed again: {letter.reason}")
    return Outcome(place, in_effect=True)
