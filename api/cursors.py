"""Cursors of keyset-paged lists: the last row's sort key, and the first page's `known_at`.

Opaque to clients: base64url of a JSON array.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from stream.errors import Fault, Rejected

_Key = TypeVar("_Key")


def encode_cursor(*key: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(key, option=orjson.OPT_UTC_Z)).rstrip(b"=").decode()


def decode_cursor(text: str, shape: TypeAdapter[_Key]) -> _Key:
    """Raises Rejected for anything that isn't a cursor of this list."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        return shape.validate_python(orjson.loads(raw))
    except (ValueError, binascii.Error, ValidationError):
        raise Rejected(
            "bad-parameter",
            "This cursor is none that this list gave out.",
            [Fault("/cursor", "must be the next_cursor of the page before")],
        ) from None
