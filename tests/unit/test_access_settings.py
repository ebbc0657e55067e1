"""Settings of who may do what, and the key file of the local issuer."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from api.settings import AccessSettings
from api.token_issuer import ensure_key_file, issue_token, read_private_key
from api.trusted_issuers import create_verifier
from infra.local.failure import CannotStart
from infra.serving import require_access
from stream.errors import Corrupt, Rejected, Unavailable


@pytest.mark.parametrize(
    "issuer", ["https://login.example/realms/x", "http://127.0.0.1:8080", "http://localhost/x"]
)
def test_an_issuer_is_taken(issuer: str) -> None:
    AccessSettings(oidc_issuer=issuer, oidc_audience="dawalog")


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        ({"oidc_issuer": "http://login.example", "oidc_audience": "a"}, "oidc_issuer"),
        ({"oidc_issuer": "login.example", "oidc_audience": "a"}, "oidc_issuer"),
        ({"oidc_issuer": "", "oidc_audience": "a"}, "oidc_issuer"),
        ({"oidc_issuer": "https://login.example"}, "oidc_audience"),
        ({"oidc_issuer": "https://login.example", "oidc_audience": ""}, "oidc_audience"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], setting: str) -> None:
    with pytest.raises(ValidationError) as refused:
        AccessSettings(**wrong)
    assert [fault["loc"] for fault in refused.value.errors()] == [(setting,)]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "dawalog.example"])
def test_open_access_is_for_loopback_only(host: str) -> None:
    with pytest.raises(CannotStart, match="loopback only"):
        require_access(AccessSettings(open_access=True), host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_open_access_on_loopback(host: str) -> None:
    require_access(AccessSettings(open_access=True), host)


def test_somebodys_tokens_must_count(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="DAWALOG_OIDC_ISSUER"):
        require_access(AccessSettings(), "127.0.0.1")
    local = AccessSettings(token_key_file=tmp_path / "key")
    with pytest.raises(Unavailable, match="can't be read"):
        require_access(local, "0.0.0.0")
    ensure_key_file(tmp_path / "key")
    require_access(local, "0.0.0.0")
    issuer = AccessSettings(oidc_issuer="https://login.example", oidc_audience="dawalog")
    require_access(issuer, "0.0.0.0")


def test_the_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "token-key.json"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ensure_key_file, [path] * 8))
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    key = read_private_key(path)
    ensure_key_file(path)
    assert read_private_key(path).kid == key.kid
    path.chmod(0o640)
    with pytest.raises(Corrupt, match="chmod 600"):
        read_private_key(path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '"x"', '{"kty": "EC"}', "\0"])
def test_no_key_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(content)
    with pytest.raises(Corrupt, match="not a key file"):
        issue_token(path, "nhm")


def test_a_key_file_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="can't be made"):
        ensure_key_file(tmp_path / "file" / "key")


async def test_a_new_key_ends_the_old_ones_tokens(tmp_path: Path) -> None:
    path = tmp_path / "key"
    old = issue_token(path, "nhm")
    verifier = create_verifier(AccessSettings(token_key_file=path))
    assert (await verifier.verify(old)).recorded_by == "local:nhm"
    path.unlink()
    new = issue_token(path, "pharmacist", facilities=["F1"])
    verifier._issuers["dawalog-local"].keys._next_fetch_at = 0.0
    assert (await verifier.verify(new)).recorded_by == "local:pharmacist:F1"
    with pytest.raises(Rejected):
        await verifier.verify(old)
