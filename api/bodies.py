"""Request bodies: limited while they stream in, and parsed as JSON or NDJSON."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, Final

from fastapi import Request
from pydantic_core import from_json

from stream.errors import Rejected

MAX_SINGLE_BYTES: Final = 1024 * 1024
MAX_BATCH_BYTES: Final = 5 * 1024 * 1024

MAX_DISCARDED_BYTES: Final = 32 * 1024 * 1024
DISCARD_SECONDS: Final = 5.0

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"


async def read_single(request: Request) -> Any:
    """One JSON value of at most 1 MiB. Raises Rejected."""
    require_media_type(request, JSON)
    return parse_json(await _read(request, MAX_SINGLE_BYTES))


async def read_batch(request: Request) -> Iterator[Any]:
    """The elements of a JSON array, or the lines of NDJSON; a bad line is a Rejected among them."""
    media_type = require_media_type(request, JSON, NDJSON)
    body = await _read(request, MAX_BATCH_BYTES)
    if media_type == NDJSON:
        _refuse_spread_json(body)
        lines = enumerate(body.split(b"\n"), 1)
        return (_parse_line(line, number) for number, line in lines if line.strip())
    elements = parse_json(body)
    if not isinstance(elements, list):
        raise Rejected("invalid-batch", "A batch must be a JSON array, or NDJSON.")
    return iter(elements)


def require_media_type(request: Request, *allowed: str) -> str:
    """The body's media type. Raises Rejected (unsupported-media-type) if it isn't allowed."""
    if "content-encoding" in request.headers:
        raise Rejected("unsupported-media-type", "Send the body as it is, with no encoding.")
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    media_type = media_type.strip()
    charsets = {
        value.strip(' "')
        for name, _, value in (parameter.partition("=") for parameter in parameters)
        if name.strip() == "charset"
    }
    if media_type not in allowed or charsets - {"utf-8", "utf8"}:
        raise Rejected(
            "unsupported-media-type",
            f"Send the body as {' or '.join(allowed)}, in UTF-8, and say so in Content-Type.",
        )
    return media_type


def parse_json(text: bytes) -> Any:
    """Strict JSON: UTF-8, no NaN, no lone surrogates, no nesting beyond what a parser stands."""
    try:
        return from_json(text, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise Rejected("malformed-json", f"The body is not JSON: {error}.") from None


def _refuse_spread_json(body: bytes) -> None:
    """Raises Rejected for one JSON value over many lines: once, not for each of them."""
    first, _, rest = body.strip().partition(b"\n")
    if first.strip() not in (b"{", b"[") or not rest:
        return
    try:
        parse_json(body)
    except Rejected:  # just a bad line, before others
        return
    raise Rejected(
        "invalid-batch",
        "NDJSON is one JSON object a line, and this one is spread over several: write each on "
        f"a line of its own, or send an array as {JSON}.",
    )


def _parse_line(line: bytes, number: int) -> Any:
    try:
        return parse_json(line)
    except Rejected as error:
        detail = error.detail.replace("The body", f"Line {number}").replace(
            " at line 1 column", " at column"
        )
        return Rejected(error.problem_type, detail, error.errors)


async def _read(request: Request, limit: int) -> bytes:
    """Raises Rejected (too-large), having read on for a while as `_discard` says."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        await _discard(request)
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            parts.clear()
            await _discard(request)
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


async def _discard(request: Request) -> None:
    """Take in what is left, within bounds: a connection that is closed on a client which is still
    sending is reset, and the client never reads why.
    """
    if "expect" in request.headers:
        return  # it waits to be asked for the body
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while size < MAX_DISCARDED_BYTES:
                message = await request.receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _too_large(limit: int) -> Rejected:
    return Rejected("too-large", f"The body is larger than {limit // (1024 * 1024)} MiB.")
