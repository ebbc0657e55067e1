"""An issuer of tokens for tests, whose keys and mistakes the test chooses."""

from dataclasses import dataclass, field
from time import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

ISSUER = "https://login.example"
AUDIENCE = "dawalog"


def rsa_key(key_id: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": key_id})


def ec_key(key_id: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": key_id})


@dataclass
class FakeIssuer:
    """`keys` is what it publishes; `fetched` counts how often somebody asked."""

    keys: list[Key] = field(default_factory=lambda: [rsa_key("first")])
    issuer: str = ISSUER
    is_away: bool = False
    fetched: int = 0

    async def fetch(self) -> dict[str, Any]:
        self.fetched += 1
        if self.is_away:
            raise OSError("away")
        return self.key_set()

    def key_set(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) for key in self.keys]}

    def token(self, key: Key | None = None, **changed: Any) -> str:
        """A good nhm's token, but for what is `changed`; None leaves a claim out."""
        key = key or self.keys[0]
        return sign(key, **self.claims(**changed))

    def claims(self, **changed: Any) -> dict[str, Any]:
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "asha",
            "exp": int(time()) + 600,
            "role": "nhm",
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}


def sign(key: Key, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
    whole = {"alg": algorithm, "kid": key.kid, **(header or {})}
    return jwt.encode(whole, claims, key, algorithms=[whole["alg"]])
