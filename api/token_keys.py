"""The public keys of an issuer: fetched, kept, and fetched again when they change."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Final

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey, import_key
from pydantic_core import from_json

from api.token_issuer import read_private_key
from stream.errors import DawalogError, Unavailable
from stream.tasks import end_task

REFRESH_SECONDS: Final = 600.0
"""After which a key that the issuer withdrew counts no more."""
REFETCH_SECONDS: Final = 10.0
"""Keys that nobody knows make us ask the issuer, but not more often."""
RETRY_SECONDS: Final = 2.0
"""The same while no keys are known at all."""
FETCH_TIMEOUT_SECONDS: Final = 5.0
LARGEST_BYTES: Final = 1024 * 1024

log = structlog.get_logger()

KeySet = Mapping[str, Any]
"""A JSON Web Key Set, as parsed JSON."""


class TokenKeys:
    """Keys that are known go on counting while their source is away."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[KeySet]],
        *,
        refresh_seconds: float = REFRESH_SECONDS,
        refetch_seconds: float = REFETCH_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """`fetch` raises httpx.HTTPError, OSError, ValueError or a DawalogError where it can't."""
        self.version = 0
        self._fetch = fetch
        self._refresh_seconds = refresh_seconds
        self._refetch_seconds = refetch_seconds
        self._retry_seconds = retry_seconds
        self._fetched: KeySet | None = None
        self._keys: list[tuple[str | None, Key]] = []
        self._next_fetch_at = 0.0
        self._fetching = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Goes on without keys where there are none yet."""
        self._refreshing = asyncio.create_task(self._keep_fresh(), name="token-keys")

    async def stop(self) -> None:
        await end_task(self._refreshing)

    async def find(self, key_id: str | None) -> Key | None:
        """The key of that id; without an id, the only key. None where there is no such.

        Raises Unavailable while no keys are known at all.
        """
        key = self._pick(key_id)
        if key is None:
            async with self._fetching:
                key = self._pick(key_id)  # somebody else may have asked meanwhile
                if key is None and monotonic() >= self._next_fetch_at:
                    await self._refresh()
                    key = self._pick(key_id)
        if key is None and self._fetched is None:
            raise Unavailable("Nobody can be recognised here just now. Please try again.", 5)
        return key

    def _pick(self, key_id: str | None) -> Key | None:
        if key_id is None:
            return self._keys[0][1] if len(self._keys) == 1 else None
        return next((key for known_id, key in self._keys if known_id == key_id), None)

    async def _keep_fresh(self) -> None:
        while True:
            async with self._fetching:
                if monotonic() >= self._next_fetch_at:  # else a request has just done it
                    await self._refresh()
            known = self._fetched is not None
            await asyncio.sleep(self._refresh_seconds if known else self._retry_seconds)

    async def _refresh(self) -> None:
        try:
            fetched = await self._fetch()
            keys = _import_keys(fetched)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, DawalogError) as error:
            log.warning("keys of tokens can't be fetched", why=str(error) or type(error).__name__)
        else:
            if fetched != self._fetched:
                self._fetched, self._keys = fetched, keys
                self.version += 1
        pause = self._retry_seconds if self._fetched is None else self._refetch_seconds
        self._next_fetch_at = monotonic() + pause


async def fetch_by_discovery(issuer: str) -> KeySet:
    """The key set that an OIDC issuer's configuration names. Raises as `TokenKeys` says."""
    async with httpx.AsyncClient(timeout=FETCH_TIMEOUT_SECONDS) as client:
        configuration = await _get(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if configuration.get("issuer") != issuer:
            raise ValueError(f"{issuer} says that it is {configuration.get('issuer')!r}")
        address = configuration.get("jwks_uri")
        if not isinstance(address, str) or address.split(":")[0] not in (
            "https",
            issuer.split(":", maxsplit=1)[0],
        ):
            raise ValueError(f"{issuer} names no keys that can be trusted: {address!r}")
        return await _get(client, address)


async def read_key_file(path: Path) -> KeySet:
    """The key set of the local issuer. Raises as `TokenKeys` says."""
    return {"keys": [read_private_key(path).as_dict(private=False)]}


async def _get(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    async with client.stream("GET", address) as answer:
        answer.raise_for_status()
        content = b""
        async for part in answer.aiter_bytes():
            content += part
            if len(content) > LARGEST_BYTES:
                raise ValueError(f"{address} answers with more than a key set is")
    document = from_json(content)
    if answer.status_code != httpx.codes.OK or not isinstance(document, dict):
        raise ValueError(f"{address} answers with something else")
    return document


def _import_keys(fetched: KeySet) -> list[tuple[str | None, Key]]:
    """Those that can verify; an issuer may also list keys of kinds that we don't know."""
    listed = fetched.get("keys")
    if not isinstance(listed, list):
        raise ValueError("this is no key set")  # noqa: TRY004 (the caller expects this)
    keys: list[tuple[str | None, Key]] = []
    for each in listed:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        try:
            key = import_key(each)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey | ECKey):
            keys.append((each.get("kid"), key))
    return keys
