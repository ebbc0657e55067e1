"""The error tree as RFC 9457 problem documents: the one place that maps errors to HTTP."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from api.metrics import count_refused
from api.security_headers import SECURITY_HEADERS
from stream.errors import Conflict, Corrupt, DawalogError, Fault, Rejected, TooOften, Unavailable
from stream.faults import find_parameter_faults

MEDIA_TYPE: Final = "application/problem+json"
POSTS: Final = ("POST", "PUT")
UNAVAILABLE: Final = "unavailable"

# A Rejected of any other type is 422: it was understood and cannot be taken.
_STATUS: Final[Mapping[str, int]] = {
    "malformed-json": 400,
    "malformed-position": 400,
    "malformed-preference": 400,
    "other-installation": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "too-large": 413,
    "unsupported-media-type": 415,
    "too-many-requests": 429,
}
_HTTP_SENTENCES: Final[Mapping[int, str]] = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
}


def describe_problem(error: DawalogError) -> dict[str, Any]:
    """The problem document of an error."""
    match error:
        case Rejected():
            status = _STATUS.get(error.problem_type, 422)
            document = _document(error.problem_type, status, error.detail, error.errors)
            return document | error.members
        case Conflict():
            return _document("conflict", 409, error.detail)
        case Unavailable():
            return _document(UNAVAILABLE, 503, error.detail)
        case Corrupt():
            return _document("corrupt", 500, error.detail)
        case _:
            return _document("failed", 500, error.detail)


def answer_problem(document: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(
        orjson.dumps(document),
        status_code=document["status"],
        media_type=MEDIA_TYPE,
        headers=dict(headers),
    )


def answer_error(error: DawalogError) -> Response:
    headers = {}
    if isinstance(error, Unavailable | TooOften):
        headers["Retry-After"] = str(error.retry_after_seconds)
    document = describe_problem(error)
    if document["status"] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if document["status"] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        headers["Connection"] = "close"  # the rest of the body is not worth reading
    return answer_problem(document, headers)


def add_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(DawalogError, _on_dawalog_error)
    app.add_exception_handler(RequestValidationError, _on_bad_parameters)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_failure)


async def _on_dawalog_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DawalogError)
    if request.method in POSTS:
        count_refused(error)
    return answer_error(error)


async def _on_bad_parameters(_request: Request, error: Exception) -> Response:
    """A parameter's pointer is its name."""
    assert isinstance(error, RequestValidationError)
    return answer_error(bad_parameters(find_parameter_faults(error.errors())))


def bad_parameters(faults: Sequence[Fault]) -> Rejected:
    """Why something cannot be asked for in this way."""
    detail = f"This cannot be asked for: {faults[0].detail}."
    if len(faults) > 1:
        detail += f" {len(faults)} things are wrong with it, listed in errors."
    return Rejected("bad-parameter", detail, faults)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_of(request))
    phrase = HTTPStatus(error.status_code).phrase
    detail = _HTTP_SENTENCES.get(error.status_code, f"{error.detail}.")
    kind = phrase.lower().replace(" ", "-")
    return answer_problem(_document(kind, error.status_code, detail), headers)


def _methods_of(request: Request) -> list[str]:
    """Of all routes with this address; the router names those of the first alone."""
    methods: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return sorted(methods)


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it


async def _on_failure(_request: Request, _error: Exception) -> Response:
    """The server logs the traceback; whoever asked learns nothing of our insides."""
    detail = "Dawalog failed here. It has been logged; sending it again is safe."
    # The server answers this outside of all middleware.
    return answer_problem(_document("failed", 500, detail), SECURITY_HEADERS)


def _document(
    problem_type: str, status: int, detail: str, errors: Sequence[Fault] = ()
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": problem_type,
        "title": problem_type.replace("-", " ").capitalize().replace("json", "JSON"),
        "status": status,
        "detail": detail,
    }
    if errors:
        document["errors"] = [
            {"pointer": fault.pointer, "detail": fault.detail} for fault in errors
        ]
    return document
