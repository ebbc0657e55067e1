"""What every write does, whatever is written: drafts into the log, answers out of it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import orjson
from fastapi import Response

from api.metrics import count_refused
from api.problems import answer_error, describe_problem
from stream.appending import Appended
from stream.codec import OutgoingRecord
from stream.errors import DawalogError, Rejected, Unavailable
from stream.log import EventLog
from stream.tokens import PositionToken

MAX_BATCH: Final = 1_000
YIELD_EVERY: Final = 50
"""Elements of a batch after which others get their turn: a counter waits for its one post."""

Name: TypeAlias = dict[str, Any]
"""How an answer names what it is about, such as `{"event_id": …}`."""

_Out = TypeVar("_Out")


def attempt(step: Callable[[Any], _Out], value: Any) -> _Out | DawalogError:
    """A step of an element's way; what failed before stays as it is."""
    if isinstance(value, DawalogError):
        return value
    try:
        return step(value)
    except DawalogError as error:
        return error


async def attempt_each(
    step: Callable[[Any], _Out], values: Iterable[Any]
) -> list[_Out | DawalogError]:
    """The step's outcome for each value; where it failed, or a step before did, the error."""
    results: list[_Out | DawalogError] = []
    for number, value in enumerate(values, 1):
        results.append(attempt(step, value))
        if number % YIELD_EVERY == 0:
            await asyncio.sleep(0)
    return results


def require_batch(elements: Iterable[Any]) -> list[Any]:
    """Raises Rejected for an empty batch and one of more than 1,000 elements."""
    batch: list[Any] = []
    for element in elements:
        if len(batch) == MAX_BATCH:
            raise Rejected("invalid-batch", f"A batch holds at most {MAX_BATCH} entries.")
        batch.append(element)
    if not batch:
        raise Rejected("invalid-batch", "This batch is empty.")
    return batch


async def record(log: EventLog, draft: OutgoingRecord) -> Appended:
    """Raises Unavailable if it isn't known to be in the log."""
    (answer,) = await log.append([draft])
    if isinstance(answer, Unavailable):
        raise answer
    return answer


async def record_each(
    log: EventLog, drafts: Sequence[OutgoingRecord | DawalogError]
) -> list[Appended | DawalogError]:
    """One outcome a draft: what failed before, or what the log answered."""
    records = [draft for draft in drafts if isinstance(draft, OutgoingRecord)]
    answers = iter(await log.append(records))
    return [draft if isinstance(draft, DawalogError) else next(answers) for draft in drafts]


def answer_recorded(log: EventLog, name: Name, appended: Appended) -> Response:
    position = encode_position(log, [appended])
    content = name | {"position": position, "recorded_at": appended.recorded_at}
    return _answer(202, content, position)


def answer_batch(
    log: EventLog, names: Sequence[Name], outcomes: Sequence[Appended | DawalogError]
) -> Response:
    """One result an element. Where the log took nothing though it should have: 503 as a whole."""
    appended = [outcome for outcome in outcomes if isinstance(outcome, Appended)]
    if not appended:
        for outcome in outcomes:
            if isinstance(outcome, Unavailable):
                return answer_error(outcome)
    position = encode_position(log, appended) if appended else None
    content = {
        "accepted": len(appended),
        "rejected": len(outcomes) - len(appended),
        "position": position,
        "results": [
            {"index": index} | name | _describe(outcome)
            for index, (name, outcome) in enumerate(zip(names, outcomes, strict=True))
        ],
    }
    return _answer(200, content, position)


def encode_position(log: EventLog, appended: Iterable[Appended]) -> str:
    next_offsets: dict[tuple[str, int], int] = {}
    for one in appended:
        place = (one.topic, one.partition)
        next_offsets[place] = max(next_offsets.get(place, 0), one.offset + 1)
    return PositionToken(log.cluster_id, next_offsets).encode()


def _describe(outcome: Appended | DawalogError) -> dict[str, Any]:
    if isinstance(outcome, Appended):
        return {"status": "accepted", "recorded_at": outcome.recorded_at}
    count_refused(outcome)
    return {"status": "rejected", "problem": describe_problem(outcome)}


def _answer(status: int, content: Mapping[str, Any], position: str | None) -> Response:
    return Response(
        orjson.dumps(content, option=orjson.OPT_UTC_Z),
        status_code=status,
        media_type="application/json",
        headers={"Dawalog-Position": position} if position else None,
    )
