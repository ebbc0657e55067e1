"""Bearer tokens for programs of ours that talk to the API."""

from collections.abc import Generator
from pathlib import Path
from time import monotonic
from typing import Final

import httpx

from api.token_issuer import issue_token

HOURS: Final = 1.0
RENEW_SECONDS: Final = 1800.0


class GivenToken(httpx.Auth):
    """One token, for as long as it is good."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class LocalTokens(httpx.Auth):
    """Tokens of the local issuer that may do everything, made anew as they get old."""

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._token = ""
        self._renew_at = float("-inf")

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if monotonic() >= self._renew_at:
            self._token = issue_token(self._key_file, "integration", hours=HOURS)
            self._renew_at = monotonic() + RENEW_SECONDS
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
