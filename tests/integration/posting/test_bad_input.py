"""Whatever comes, the answer is a 4xx problem document, and nothing is appended."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
import uvicorn
from fastapi import FastAPI

from tests.integration.posting.bodies import count_records, receipt
from tests.stack import Stack

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
EVENT = orjson.dumps(receipt())


def with_quantity(literal: bytes) -> bytes:
    return EVENT.replace(b'"quantity":100', b'"quantity":' + literal)


BAD_BODIES = {
    "empty": (b"", 400),
    "blank": (b" \n", 400),
    "cut off": (EVENT[:-1], 400),
    "two values": (EVENT + EVENT, 400),
    "single quotes": (EVENT.replace(b'"', b"'"), 400),
    "deep arrays": (b"[" * 500_000, 400),
    "deep objects": (b'{"a":' * 100_000, 400),
    "deep and closed": (b"[" * 100_000 + b"]" * 100_000, 400),
    "NaN": (with_quantity(b"NaN"), 400),
    "Infinity": (with_quantity(b"Infinity"), 400),
    "minus Infinity": (with_quantity(b"-Infinity"), 400),
    "NUL byte": (EVENT.replace(b'"PCM"', b'"P\x00M"'), 400),
    "NUL escaped": (EVENT.replace(b'"PCM"', rb'"P\u0000M"'), 422),
    "NUL in a field's name": (EVENT.replace(b'"lot"', rb'"lot\u0000"'), 422),
    "lone surrogate": (EVENT.replace(b'"A"', rb'"\ud800"'), 400),
    "UTF-16": (EVENT.decode().encode("utf-16"), 400),
    "Latin-1": (EVENT.replace(b'"A"', b'"\xe9"'), 400),
    "byte order mark": (b"\xef\xbb\xbf" + EVENT, 400),
    "overlong UTF-8": (EVENT.replace(b'"A"', b'"\xc0\xaf"'), 400),
    "2^63": (with_quantity(b"9223372036854775808"), 422),
    "-2^63": (with_quantity(b"-9223372036854775808"), 422),
    "4,000 digits": (with_quantity(b"9" * 4000), 422),
    "100,000 digits": (with_quantity(b"9" * 100_000), 400),
    "1e400": (with_quantity(b"1e400"), 422),
    "1e3": (with_quantity(b"1e3"), 422),
    "-0": (with_quantity(b"-0"), 422),
    "null": (b"null", 422),
    "a number": (b"7", 422),
    "a list": (b"[" + EVENT + b"]", 422),
}


async def test_bad_bodies(client: httpx.AsyncClient, stack: Stack) -> None:
    before = await count_records(stack)
    statuses = {}
    for name, (body, _) in BAD_BODIES.items():
        answer = await client.post("/v1/events", content=body, headers=JSON)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        statuses[name] = answer.status_code
    assert statuses == {name: status for name, (_, status) in BAD_BODIES.items()}
    assert await count_records(stack) == before


async def test_bad_bodies_elsewhere(client: httpx.AsyncClient, stack: Stack) -> None:
    before = await count_records(stack)
    for name, (body, _) in BAD_BODIES.items():
        put = await client.put("/v1/items/PCM", content=body, headers=JSON)
        assert put.status_code in (400, 422), name
        array = await client.post("/v1/events/batch", content=b"[" + body + b"]", headers=JSON)
        assert array.status_code in (200, 400, 422), name
        lines = await client.post("/v1/events/batch", content=body, headers=NDJSON)
        assert lines.status_code in (200, 422), name
        for batch in (array, lines):
            assert batch.json().get("accepted", 0) == 0, name
    assert await count_records(stack) == before


async def test_other_kinds_of_content(client: httpx.AsyncClient) -> None:
    for headers in (
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/x-ndjson"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": ""},
        JSON | {"Content-Encoding": "gzip"},
        JSON | {"Content-Encoding": "identity"},
    ):
        request = client.build_request("POST", "/v1/events", content=EVENT)
        request.headers.update(headers)
        answer = await client.send(request)
        assert answer.status_code == 415, headers
        assert answer.json()["type"] == "unsupported-media-type"


async def test_ways_to_say_json(client: httpx.AsyncClient) -> None:
    for content_type in (
        "application/json",
        "APPLICATION/JSON",
        'application/json; charset="UTF-8"',
    ):
        headers = {"Content-Type": content_type}
        answer = await client.post("/v1/events", content=EVENT, headers=headers)
        assert answer.status_code == 202, content_type


async def test_what_is_no_batch(client: httpx.AsyncClient) -> None:
    no_lists = [(body, JSON) for body in (b"[]", b"{}", b"7", b'"x"', EVENT)]
    no_lines = [(body, NDJSON) for body in (b"", b"\n\n", b" \r\n")]
    for body, headers in no_lists + no_lines:
        answer = await client.post("/v1/events/batch", content=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "invalid-batch"), body


async def test_addresses_and_methods_that_are_not(client: httpx.AsyncClient) -> None:
    missing = await client.get("/v1/nothing")
    assert (missing.status_code, missing.json()["type"]) == (404, "not-found")
    wrong = await client.delete("/v1/events")
    assert (wrong.status_code, wrong.json()["type"]) == (405, "method-not-allowed")
    assert wrong.headers["Allow"] == "POST"


async def test_a_position_that_is_none(client: httpx.AsyncClient) -> None:
    headers = {"Dawalog-Min-Position": "x"}
    answer = await client.post("/v1/events", json=receipt(), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "malformed-position")


@pytest.fixture
async def served(app: FastAPI) -> AsyncIterator[tuple[str, int]]:
    """The app on a socket, as in production."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, loop="none", http="httptools", lifespan="off", log_config=None)
    )
    serving = asyncio.create_task(server._serve([listener]))
    async with asyncio.timeout(30):
        while not server.started:
            await asyncio.sleep(0.01)
    yield listener.getsockname()
    server.should_exit = True
    await serving


HEAD = b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LENGTH = b"Content-Length: 10485760\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


@pytest.mark.parametrize("path", [b"/v1/events", b"/v1/events/batch"])
@pytest.mark.parametrize(("framing", "part"), [(LENGTH, b" " * 0x10000), (CHUNKED, CHUNK)])
async def test_ten_megabytes_are_refused(
    served: tuple[str, int], stack: Stack, path: bytes, framing: bytes, part: bytes
) -> None:
    """A client that sends it all before it reads is told why, and the connection ends."""
    reader, writer = await asyncio.open_connection(*served)
    writer.write(b"POST " + path + HEAD + framing)
    for _ in range(160):
        writer.write(part)
        await writer.drain()
    if framing == CHUNKED:
        writer.write(b"0\r\n\r\n")
    answer = await reader.read()  # to the end: the server closes
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()
    assert b'"type":"too-large"' in answer
    assert await count_records(stack) == 1  # the facility's
    writer.close()


async def test_a_client_that_asks_first_is_refused_at_once(served: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*served)
    writer.write(b"POST /v1/events" + HEAD + b"Expect: 100-continue\r\n" + LENGTH)
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


async def test_a_body_without_end_is_cut_off(served: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*served)
    writer.write(b"POST /v1/events" + HEAD + CHUNKED)
    with contextlib.suppress(ConnectionError):
        while not reader.at_eof():
            writer.write(CHUNK)
            await writer.drain()
            await asyncio.sleep(0)
    with contextlib.suppress(ConnectionError):
        await reader.read()
    writer.close()


async def test_a_body_that_never_ends_does_not_count(served: tuple[str, int], stack: Stack) -> None:
    _, writer = await asyncio.open_connection(*served)
    writer.write(b"POST /v1/events" + HEAD + b"Content-Length: 9999\r\n\r\n" + EVENT)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    reader, writer = await asyncio.open_connection(*served)
    writer.write(b"POST /v1/events" + HEAD + b"Content-Length: %d\r\n\r\n" % len(EVENT) + EVENT)
    assert (await reader.readline()).startswith(b"HTTP/1.1 202")
    writer.close()
    assert await count_records(stack) == 2
