"""Verifying bearer tokens: JWTs of the issuers that this installation trusts."""

from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from time import time
from typing import Any, Final, NamedTuple, NoReturn

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from api.access import ROLES, Caller, caller_of
from api.token_keys import TokenKeys
from stream.errors import Rejected
from stream.fields import Name

ALGORITHMS: Final = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
)
"""Asymmetric ones alone: a public key must never pass for a shared secret."""

LEEWAY_SECONDS: Final = 60
LONGEST: Final = 8192
MOST_REMEMBERED: Final = 4096

_SUBJECT: Final[TypeAdapter[str]] = TypeAdapter(Name)


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Where a token says what. A name with dots is looked for as it is, then level by level."""

    role: str = "role"
    facilities: str = "facilities"
    districts: str = "districts"


@dataclass(frozen=True, slots=True)
class Issuer:
    """`name` is its tokens' `iss`, `audience` must be among their `aud`."""

    name: str
    audience: str
    keys: TokenKeys
    claim_names: ClaimNames = ClaimNames()


class _Verified(NamedTuple):
    caller: Caller
    keys: TokenKeys
    keys_version: int


class Verifier:
    """A token that was verified is remembered until it expires or its issuer's keys change."""

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._verified: OrderedDict[str, _Verified] = OrderedDict()

    async def start(self) -> None:
        for issuer in self._issuers.values():
            await issuer.keys.start()

    async def stop(self) -> None:
        for issuer in self._issuers.values():
            await issuer.keys.stop()

    async def verify(self, token: str) -> Caller:
        """Raises Rejected (unauthenticated), Unavailable while no keys of the issuer are known."""
        known = self._verified.get(token)
        if known is not None:
            if known.caller.good_until > time() and known.keys.version == known.keys_version:
                self._verified.move_to_end(token)
                return known.caller
            del self._verified[token]
        verified = await self._verify(token)
        self._verified[token] = verified
        if len(self._verified) > MOST_REMEMBERED:
            self._verified.popitem(last=False)
        return verified.caller

    async def _verify(self, token: str) -> _Verified:
        header, claims = _read_unverified(token)
        name = claims.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            _refuse("it is not from an issuer that is trusted here")
        key_id = header.get("kid")
        key = await issuer.keys.find(key_id) if isinstance(key_id, str | None) else None
        if key is None:
            _refuse("its key is not one of its issuer's")
        version = issuer.keys.version
        try:
            claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
            _claims_of(issuer).validate(claims)
        except ExpiredTokenError:
            _refuse("it has expired")
        except (JoseError, ValueError, TypeError):
            _refuse("it is not what its issuer gives out for Dawalog")
        return _Verified(_caller(claims, issuer.claim_names), issuer.keys, version)


def _read_unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, to see whose key it takes; nothing of it is to be believed yet."""
    parts = token.split(".") if len(token) <= LONGEST else ()
    if len(parts) != 3:
        _refuse("it is not a JWT")
    try:
        header, claims = (
            from_json(urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2]
        )
    except ValueError:
        _refuse("it is not a JWT")
    if not isinstance(header, dict) or not isinstance(claims, dict):
        _refuse("it is not a JWT")
    return header, claims


def _claims_of(issuer: Issuer) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer.name},
        aud={"essential": True, "value": issuer.audience},
        exp={"essential": True},
        sub={"essential": True},
    )


def _caller(claims: Mapping[str, Any], names: ClaimNames) -> Caller:
    try:
        subject = _SUBJECT.validate_python(claims["sub"])
    except ValidationError:
        _refuse("its subject can't stand in a record")
    return caller_of(
        subject,
        _find_role(_texts(_find(claims, names.role))),
        facilities=_texts(_find(claims, names.facilities)),
        districts=_texts(_find(claims, names.districts)),
        good_until=claims["exp"] + LEEWAY_SECONDS,
    )


def _find_role(named: Collection[str] | None) -> str:
    """The one role of ours among those named. Of two, nobody could say which scope is whose."""
    ours = sorted(ROLES.keys() & set(named or ()))
    if len(ours) > 1:
        _refuse(f"it names several roles: {', '.join(ours)}")
    return ours[0] if ours else "public"


def _find(claims: Mapping[str, Any], name: str) -> Any:
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _texts(value: Any) -> list[str] | None:
    """A claim's text, or its list of texts; None where it isn't there."""
    texts = [value] if isinstance(value, str) else value
    if texts is not None and not (
        isinstance(texts, list) and all(isinstance(text, str) for text in texts)
    ):
        _refuse("its role or scope is not text")
    return texts


def _refuse(why: str) -> NoReturn:
    raise Rejected("unauthenticated", f"This token does not count: {why}. Please sign in again.")
