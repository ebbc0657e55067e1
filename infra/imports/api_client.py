"""Dawalog's public API, as a program that posts much uses it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import httpx
import orjson
import stamina

from stream.errors import Rejected, Unavailable
from stream.tokens import PositionToken

PATIENCE_SECONDS: Final = 120.0
"""How long an API that is away is tried again."""

ANSWER_SECONDS: Final = 60.0
WAIT_SECONDS: Final = 30
NDJSON: Final = "application/x-ndjson"
LATER: Final = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)


class ApiClient:
    """Retries what may be retried; posting the same again is always safe.

    Every method raises Unavailable after `PATIENCE_SECONDS`, Rejected for what the API refuses.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._token: PositionToken | None = None

    @property
    def position(self) -> str | None:
        """Of all that was posted here."""
        return None if self._token is None else self._token.encode()

    async def check(self) -> None:
        """Raises Unavailable at once where no API answers."""
        await self._request("GET", "/healthz")

    async def post_batch(
        self, path: str, elements: Sequence[Mapping[str, Any]]
    ) -> list[str | None]:
        """Post up to 1,000 elements; each one's problem as a sentence, None if it was taken."""
        problems: list[str | None] = [None] * len(elements)
        left = list(range(len(elements)))
        async for attempt in _patiently():
            with attempt:
                results = await self._post(path, [elements[index] for index in left])
                answered, left = dict(zip(left, results, strict=True)), []
                for index, problem in answered.items():
                    if problem and problem["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
                        left.append(index)
                    elif problem:
                        problems[index] = _sentence(problem)
                if left:
                    raise Unavailable("Dawalog took only a part of what was posted")
        return problems

    async def _post(
        self, path: str, elements: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any] | None]:
        """One try; each element's problem document, None if it was taken."""
        response = await self._request(
            "POST",
            path,
            content=b"\n".join(map(orjson.dumps, elements)),
            headers={"Content-Type": NDJSON},
        )
        answer = response.json()
        if answer["position"]:
            self._advance(PositionToken.parse(answer["position"]))
        return [result.get("problem") for result in answer["results"]]

    async def until_projected(self) -> None:
        """Return once reads show all that was posted here."""
        if self._token is None:
            return
        headers = {
            "Dawalog-Min-Position": self._token.encode(),
            "Prefer": f"wait={WAIT_SECONDS}",
        }
        await self.get("/v1/districts", headers=headers, params={"limit": 1})

    async def get(self, path: str, **options: Any) -> Any:
        """The answer's JSON; None where there is nothing (404)."""
        async for attempt in _patiently():
            with attempt:
                response = await self._request("GET", path, **options)
        return None if response.status_code == HTTPStatus.NOT_FOUND else response.json()

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = await self._client.request(method, path, **options)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(
                f"Dawalog does not answer at {self._client.base_url}: {reason}"
            ) from error
        if response.status_code in LATER:
            raise Unavailable(_sentence_of(response))
        if response.is_error and response.status_code != HTTPStatus.NOT_FOUND:
            raise Rejected("refused", f"{path}: {_sentence_of(response)}")
        return response

    def _advance(self, token: PositionToken) -> None:
        self._token = token if self._token is None else PositionToken.merge((self._token, token))


def _patiently() -> Any:
    return stamina.retry_context(
        on=Unavailable, attempts=None, timeout=PATIENCE_SECONDS, wait_initial=0.2, wait_max=5
    )


def _sentence_of(response: httpx.Response) -> str:
    try:
        return _sentence(response.json())
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {response.status_code}"


def _sentence(problem: Mapping[str, Any]) -> str:
    # The detail tells the first fault already.
    others = [fault["detail"] for fault in problem.get("errors", ())[1:]]
    return "; ".join([problem["detail"], *others])
