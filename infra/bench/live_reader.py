"""`python -m infra.bench.live_reader`: opens live streams and notes when what came.

It says `ready` once all are open. When it is told to stop it prints one JSON object: for each
stream the instants at which something came, and the position that its reader held from then on.
"""

import asyncio
import signal
import sys
from dataclasses import asdict, dataclass
from time import monotonic, process_time
from typing import cast
from urllib.parse import urlencode, urlsplit

import orjson
import uvloop

from stream.tokens import PositionToken
from stream.topics import STOCK_EVENTS

READY = "ready"


@dataclass(frozen=True, kw_only=True)
class Order:
    """One stream for each list of facilities."""

    url: str
    streams: list[list[str]]


@dataclass(frozen=True)
class Arrivals:
    """`held[i]`: next offsets by partition of stock-events, of a reader that got all by `at[i]`."""

    at: list[float]
    held: list[dict[str, int]]


class Stream(asyncio.Protocol):
    """Only notes, so that reading costs little while the server is measured."""

    def __init__(self, request: bytes) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._came: list[tuple[float, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        self._came.append((monotonic(), data))
        if not self.opened.done() and b"\nid: " in data:
            self.opened.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionError("the server hung up"))

    def arrivals(self) -> Arrivals:
        found = Arrivals([], [])
        rest = b""
        for at, data in self._came:
            *lines, rest = (rest + data).split(b"\n")
            ids = [line[4:] for line in lines if line.startswith(b"id: ")]
            if ids:
                offsets = PositionToken.parse(ids[-1].decode()).offsets
                found.at.append(at)
                found.held.append(
                    {
                        str(partition): offset
                        for (topic, partition), offset in offsets.items()
                        if topic == STOCK_EVENTS
                    }
                )
        return found


async def read(order: Order) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    streams = [await _open(order.url, facility_ids) for facility_ids in order.streams]
    await asyncio.gather(*(stream.opened for stream in streams))
    print(READY, flush=True)
    began, cpu = monotonic(), process_time()
    await stopped.wait()
    cpu_share = (process_time() - cpu) / (monotonic() - began)
    arrivals = [asdict(stream.arrivals()) for stream in streams]
    print(orjson.dumps({"streams": arrivals, "cpu_share": cpu_share}).decode(), flush=True)


async def _open(url: str, facility_ids: list[str]) -> Stream:
    address = urlsplit(url)
    query = urlencode([("facility_id", one) for one in facility_ids])
    head = f"GET /v1/live?{query} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n"
    _, stream = await asyncio.get_running_loop().create_connection(
        lambda: Stream(head.encode()), address.hostname or "", address.port or 80
    )
    return stream


if __name__ == "__main__":
    uvloop.run(read(Order(**orjson.loads(sys.argv[1]))))
