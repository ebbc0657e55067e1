"""The local issuer: tokens signed with a key that lies in a file of this installation."""

import json
import os
import secrets
from collections.abc import Collection
from pathlib import Path
from time import time
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from stream.errors import Corrupt, Unavailable

ISSUER: Final = "dawalog-local"
AUDIENCE: Final = "dawalog"
ALGORITHM: Final = "ES256"
USUAL_HOURS: Final = 12.0


def ensure_key_file(path: Path) -> None:
    """Make the key where there is none yet; of several who do at once, all get the same.

    Raises Unavailable.
    """
    if path.exists():
        return
    key = ECKey.generate_key("P-256", auto_kid=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(json.dumps(key.as_dict(private=True)))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    except OSError as error:
        raise Unavailable(f"the key file {path} can't be made: {error.strerror}") from error


def read_private_key(path: Path) -> ECKey:
    """Raises Corrupt for no key file and one that others can read, Unavailable for no reading."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise Corrupt(f"other users can read the key file {path}: chmod 600 it")
            content = file.read()
    except OSError as error:
        raise Unavailable(f"the key file {path} can't be read: {error.strerror}") from error
    try:
        key = ECKey.import_key(json.loads(content))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        # its text would show the key
        raise Corrupt(f"{path} is not a key file of Dawalog's local issuer") from None
    if not key.is_private:
        raise Corrupt(f"{path} holds no private key")
    return key


def issue_token(
    key_file: Path,
    role: str,
    *,
    facilities: Collection[str] = (),
    districts: Collection[str] = (),
    hours: float = USUAL_HOURS,
) -> str:
    """A token of the local issuer. An empty scope is left out. Raises as the key file's readers."""
    ensure_key_file(key_file)
    key = read_private_key(key_file)
    now = int(time())
    scope = {"facilities": sorted(facilities), "districts": sorted(districts)}
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": _subject(role, [*facilities, *districts]),
        "iat": now,
        "exp": now + round(hours * 3600),
        "role": role,
        **{name: ids for name, ids in scope.items() if ids},
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])


def _subject(role: str, scope: list[str]) -> str:
    """Records say it: with the id where there is one."""
    return ":".join(["local", role, *scope]) if len(scope) == 1 else f"local:{role}"
