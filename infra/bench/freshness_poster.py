"""`python -m infra.bench.freshness_poster`: posts at a steady rate and notes each answer.

Starts each post when its time has come, answered or not what went before. At its end it prints one
JSON object: for each post when it was acknowledged and up to where it must be projected.
"""

import asyncio
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from time import monotonic, process_time
from typing import Any

import orjson
import uvloop

from infra.bench.events import EventMaker, Mix
from infra.bench.http_load import OK, Answer, Connections, make_request
from stream.tokens import PositionToken

PATHS = {True: "/v1/events", False: "/v1/events/batch"}


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to post; `warm_up_seconds` come before and aren't noted."""

    url: str
    posts_per_second: float
    events_per_post: int
    seconds: float
    warm_up_seconds: float
    seed: int
    mix: dict[str, Any] = field(default_factory=dict)
    """What `Mix` should have otherwise than by default."""


@dataclass(frozen=True)
class Acknowledged:
    """`next_offsets` by partition of stock-events."""

    at: float
    next_offsets: dict[str, int]


@dataclass
class Posted:
    posts: list[Acknowledged] = field(default_factory=list)
    refused: int = 0
    cpu_share: float = 0.0


async def post_steadily(order: Order) -> Posted:
    maker, connections = EventMaker(mix_of(order)), Connections(order.url)
    warm_up = round(order.posts_per_second * order.warm_up_seconds)
    count = warm_up + round(order.posts_per_second * order.seconds)
    answers: list[asyncio.Task[Answer]] = []
    began, cpu = monotonic(), process_time()
    for number in range(count):
        await asyncio.sleep(began + number / order.posts_per_second - monotonic())
        request = _make(order, maker)
        answers.append(asyncio.create_task(connections.request(request)))
    done = await asyncio.gather(*answers)
    cpu_share = (process_time() - cpu) / (monotonic() - began)
    connections.close()
    return Posted(
        [_acknowledged(one) for one in done[warm_up:] if one.status in OK],
        sum(one.status not in OK for one in done),
        round(cpu_share, 3),
    )


def mix_of(order: Order) -> Mix:
    return Mix(**({"events": 0} | order.mix | {"seed": order.seed}))


def _make(order: Order, maker: EventMaker) -> bytes:
    now, single = datetime.now(UTC), order.events_per_post == 1
    events = [maker.make(now) for _ in range(order.events_per_post)]
    return make_request(order.url, PATHS[single], orjson.dumps(events[0] if single else events))


def _acknowledged(answer: Answer) -> Acknowledged:
    token = PositionToken.parse(orjson.loads(answer.body)["position"])
    places = {str(partition): offset for (_, partition), offset in token.offsets.items()}
    return Acknowledged(answer.answered_at, places)


if __name__ == "__main__":
    posted = uvloop.run(post_steadily(Order(**orjson.loads(sys.argv[1]))))
    print(orjson.dumps(asdict(posted)).decode(), flush=True)
