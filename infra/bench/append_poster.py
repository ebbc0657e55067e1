"""`python -m infra.bench.append_poster`: posts as fast as the server answers.

A few connections, each with one request after the other, all made beforehand. At its end it prints
one JSON object.
"""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import cycle
from time import monotonic, process_time
from typing import Final

import orjson
import uvloop

from infra.bench.events import EventMaker, Mix
from infra.bench.http_load import OK, Answer, connect, make_request
from infra.bench.report import percentile

MADE_EVENTS: Final = 10_000
"""Then they are posted again: to the log that makes no difference."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to post; answers in `warm_up_seconds` don't count. `events_per_post` 1: single posts."""

    url: str
    connections: int
    events_per_post: int
    seconds: float
    warm_up_seconds: float


@dataclass(frozen=True, kw_only=True)
class Posted:
    posts_per_second: float
    p50_ms: float
    p99_ms: float
    refused: int
    poster_cpu_share: float


async def post_fast(order: Order) -> Posted:
    requests = cycle(list(_make_requests(order)))
    began, cpu = monotonic(), process_time()
    counted_from = began + order.warm_up_seconds
    ends_at = counted_from + order.seconds

    async def post_one_by_one() -> list[Answer]:
        connection, answers = await connect(order.url), []
        while monotonic() < ends_at:
            answers.append(await connection.request(next(requests)))
        connection.close()
        return answers

    answers = await asyncio.gather(*(post_one_by_one() for _ in range(order.connections)))
    cpu_share = (process_time() - cpu) / (monotonic() - began)
    done = [one for some in answers for one in some]
    counted = [one for one in done if counted_from <= one.answered_at < ends_at]
    delays = [(one.answered_at - one.sent_at) * 1000 for one in counted] or [0.0]
    return Posted(
        posts_per_second=len(counted) / order.seconds,
        p50_ms=round(percentile(delays, 0.5), 1),
        p99_ms=round(percentile(delays, 0.99), 1),
        refused=sum(one.status not in OK for one in done),
        poster_cpu_share=round(cpu_share, 3),
    )


def _make_requests(order: Order) -> Iterator[bytes]:
    maker, size = EventMaker(Mix(events=0)), order.events_per_post
    for _ in range(MADE_EVENTS // size):
        events = [maker.make(datetime.now(UTC)) for _ in range(size)]
        if size == 1:
            yield make_request(order.url, "/v1/events", orjson.dumps(events[0]))
        else:
            yield make_request(order.url, "/v1/events/batch", orjson.dumps(events))


if __name__ == "__main__":
    posted = uvloop.run(post_fast(Order(**orjson.loads(sys.argv[1]))))
    print(orjson.dumps(asdict(posted)).decode(), flush=True)
