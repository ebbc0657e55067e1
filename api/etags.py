"""ETags of answers: who asks again for what didn't change gets no body."""

from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response

UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "The answer is the one whose ETag If-None-Match names."}
}


def tag_answer(request: Request, response: Response) -> Response:
    """The tag is the body's alone: what the headers say of its age may be newer."""
    tag = f'"{sha256(response.body).hexdigest()[:32]}"'
    response.headers["ETag"] = tag
    named = request.headers.get("If-None-Match", "")
    if tag not in (each.strip().removeprefix("W/") for each in named.split(",")):
        return response
    kept = {
        name: value
        for name, value in response.headers.items()
        if name not in ("content-length", "content-type")
    }
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)
