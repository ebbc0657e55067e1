"""The public API as a pharmacy's program uses it: every post is tried again until it is taken."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Self

import httpx
from stamina import retry_context

from stream.errors import Corrupt

BATCH: Final = 50
WAIT_SECONDS: Final = 10.0
MOST_SECONDS_BETWEEN: Final = 3.0
PAGE: Final = 1000
LATER: Final = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)


class Busy(Exception):
    """503 or 429: it wasn't done, or nobody knows."""


class Refused(Corrupt):
    """The API does not take what the demo sends: one of the two is wrong."""


class Client:
    """Use as an async context manager. Nothing here gives up while the API is away."""

    def __init__(self, url: str, auth: httpx.Auth) -> None:
        self._http = httpx.AsyncClient(base_url=url, auth=auth, timeout=WAIT_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        return _body(await self._ask("GET", path, params=parameters))

    async def overview(self, **parameters: str | int) -> tuple[dict[str, Any], datetime | None]:
        """The state at a glance, and the instant until which all that was accepted is in it."""
        answer = await self._ask("GET", "/v1/overview", params=parameters)
        told = answer.headers.get("Dawalog-As-Of")
        return _body(answer), None if told is None else datetime.fromisoformat(told)

    async def list_ids(self, path: str, name: str, id_field: str) -> set[str]:
        """All ids of a paged list."""
        ids: set[str] = set()
        parameters: dict[str, str | int] = {"limit": PAGE}
        while True:
            page = await self.get(path, **parameters)
            ids |= {each[id_field] for each in page[name]}
            if page["next_cursor"] is None:
                return ids
            parameters["cursor"] = page["next_cursor"]

    async def exists(self, path: str) -> bool:
        answer = await self._ask("GET", path)
        return answer.status_code != HTTPStatus.NOT_FOUND and bool(_body(answer))

    async def post(self, event: dict[str, Any]) -> None:
        """Once it is in the log; its id stays the same however often it is sent."""
        _body(await self._ask("POST", "/v1/events", json=event))

    async def post_all(self, path: str, elements: Sequence[dict[str, Any]]) -> None:
        """A batch at a time, in order; of a batch, what didn't go in is sent again."""
        for first in range(0, len(elements), BATCH):
            left = list(elements[first : first + BATCH])
            async for attempt in _again():
                with attempt:
                    body = _body(await self._ask("POST", path, json=left))
                    left = [left[index] for index in _not_taken(body["results"])]
                    if left:
                        raise Busy

    async def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        async for attempt in _again():
            with attempt:
                answer = await self._http.request(method, path, **request)
                if answer.status_code in LATER:
                    raise Busy
                return answer
        raise AssertionError("asked for ever")


def _again() -> Any:
    return retry_context(
        on=(Busy, httpx.TransportError),
        attempts=None,
        timeout=None,
        wait_initial=0.1,
        wait_max=MOST_SECONDS_BETWEEN,
    )


def _body(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise Refused(f"the API refused what the demo asked for: {answer.text[:300]}")
    body: dict[str, Any] = answer.json()
    return body


def _not_taken(results: Sequence[dict[str, Any]]) -> list[int]:
    """Indexes of what may be sent again; raises Refused for what can't be."""
    rejected = [result for result in results if result["status"] == "rejected"]
    for result in rejected:
        if result["problem"]["status"] != HTTPStatus.SERVICE_UNAVAILABLE:
            raise Refused(f"the API refused what the demo sent: {result['problem']['detail']}")
    return [result["index"] for result in rejected]
