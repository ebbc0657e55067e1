"""`python -m infra.bench.reader`: reads at a steady rate.

Starts each read when its time has come, answered or not what went before. A read's time runs from
that moment, so it includes any wait. Where several servers are compared they are read in turn, in
the same seconds, so that all meet the same load. At its end it prints one JSON object.
"""

import asyncio
import random
import sys
from dataclasses import asdict, dataclass
from time import monotonic, process_time

import orjson
import uvloop

from infra.bench.http_load import OK, Answer, Connections, make_read
from infra.bench.report import percentile


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to read, each time one of `paths`; `warm_up_seconds` come before and don't count.

    `reads_per_second` are of all `urls` together.
    """

    urls: list[str]
    paths: list[str]
    reads_per_second: float
    seconds: float
    warm_up_seconds: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Taken:
    reads: int
    p50_ms: float
    p99_ms: float
    greatest_ms: float
    kilobytes: float
    refused: int
    refusal: str
    reader_cpu_share: float


async def read_steadily(order: Order) -> list[Taken]:
    """Of each server."""
    servers = [Connections(url) for url in order.urls]
    requests = [[make_read(url, path) for path in order.paths] for url in order.urls]
    dice, count = random.Random(order.seed), len(order.urls)
    warm_up = round(order.reads_per_second * order.warm_up_seconds)
    reads = warm_up + round(order.reads_per_second * order.seconds)
    began, cpu = monotonic(), process_time()
    due = [began + number / order.reads_per_second for number in range(reads)]
    answers: list[asyncio.Task[Answer]] = []
    for number, moment in enumerate(due):
        await asyncio.sleep(moment - monotonic())
        of = number % count
        answers.append(asyncio.create_task(servers[of].request(dice.choice(requests[of]))))
    done = await asyncio.gather(*answers)
    cpu_share = (process_time() - cpu) / (monotonic() - began)
    for server in servers:
        server.close()
    return [
        _tell(done[of::count], due[of::count], warm_up // count, cpu_share) for of in range(count)
    ]


def _tell(done: list[Answer], due: list[float], warm_up: int, cpu_share: float) -> Taken:
    delays = [(one.answered_at - moment) * 1000 for one, moment in zip(done, due, strict=True)]
    counted = delays[warm_up:]
    refused = [one for one in done if one.status not in OK]
    return Taken(
        reads=len(counted),
        p50_ms=round(percentile(counted, 0.5), 2),
        p99_ms=round(percentile(counted, 0.99), 2),
        greatest_ms=round(max(counted), 1),
        kilobytes=round(sum(len(one.body) for one in done) / len(done) / 1000, 1),
        refused=len(refused),
        refusal=refused[0].body.decode() if refused else "",
        reader_cpu_share=round(cpu_share, 3),
    )


if __name__ == "__main__":
    taken = uvloop.run(read_steadily(Order(**orjson.loads(sys.argv[1]))))
    print(orjson.dumps({"read": [asdict(one) for one in taken]}).decode(), flush=True)
