"""Whose tokens count, and that everything else is refused in one way."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from time import time
from typing import Any

import orjson
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from api.access import ROLES, UNSCOPED_INTEGRATION
from api.token_keys import TokenKeys
from api.tokens import MOST_REMEMBERED, ClaimNames, Issuer, Verifier
from stream.errors import Rejected, Unavailable
from tests.tokens import AUDIENCE, FakeIssuer, ec_key, rsa_key, sign


def verifier_of(
    issuer: FakeIssuer, names: ClaimNames | None = None, *, refetch_seconds: float = 0.0
) -> Verifier:
    keys = TokenKeys(issuer.fetch, refetch_seconds=refetch_seconds, retry_seconds=0.0)
    return Verifier([Issuer(issuer.issuer, AUDIENCE, keys, names or ClaimNames())])


async def refusal(verifier: Verifier, token: str) -> str:
    with pytest.raises(Rejected) as refused:
        await verifier.verify(token)
    assert refused.value.problem_type == "unauthenticated"
    return refused.value.detail


@pytest.mark.parametrize("key", [rsa_key("r"), ec_key("e")])
async def test_a_good_token_tells_who_asks(key: Any) -> None:
    issuer = FakeIssuer([key])
    caller = await verifier_of(issuer).verify(issuer.token())
    assert (caller.recorded_by, caller.source, caller.role) == ("asha", "nhm", ROLES["nhm"])


async def test_one_audience_of_several_is_ours() -> None:
    issuer = FakeIssuer()
    await verifier_of(issuer).verify(issuer.token(aud=["other", AUDIENCE]))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"iss": ["https://login.example"]},
        {"aud": "other"},
        {"aud": None},
        {"aud": []},
        {"aud": {"dawalog": 1}},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 201},
        {"sub": "a\nb"},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"role": 7},
        {"role": ["nhm", 7]},
        {"role": ["nhm", "cmho"]},
        {"role": {"nhm": True}},
        {"facilities": 7},
        {"districts": [["D1"]]},
    ],
    ids=str,
)
async def test_other_claims_are_refused(changed: dict[str, Any]) -> None:
    issuer = FakeIssuer()
    await refusal(verifier_of(issuer), issuer.token(**changed))


async def test_clocks_may_differ_by_a_minute() -> None:
    issuer = FakeIssuer()
    verifier = verifier_of(issuer)
    now = int(time())
    await verifier.verify(issuer.token(exp=now - 30))
    await verifier.verify(issuer.token(nbf=now + 30, iat=now + 30))
    assert "expired" in await refusal(verifier, issuer.token(exp=now - 61))
    await refusal(verifier, issuer.token(nbf=now + 120))


async def test_a_remembered_token_expires() -> None:
    issuer = FakeIssuer()
    verifier, token = verifier_of(issuer), issuer.token(exp=int(time()) + 600)
    await verifier.verify(token)
    with time_machine.travel(time() + 655, tick=False):
        await verifier.verify(token)
    with time_machine.travel(time() + 665, tick=False):
        assert "expired" in await refusal(verifier, token)


def part(document: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(document)).rstrip(b"=").decode()


def forged(issuer: FakeIssuer, algorithm: str, key: bytes | None) -> str:
    head = f"{part({'alg': algorithm, 'kid': 'first'})}.{part(issuer.claims())}"
    mac = hmac.digest(key, head.encode(), sha256) if key is not None else b""
    return f"{head}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
async def test_unsigned_tokens_are_refused(algorithm: str) -> None:
    issuer = FakeIssuer()
    await refusal(verifier_of(issuer), forged(issuer, algorithm, None))


async def test_a_public_key_is_no_secret() -> None:
    issuer = FakeIssuer()
    public = issuer.keys[0]
    assert isinstance(public, RSAKey)
    for secret in (public.as_pem(private=False), orjson.dumps(public.as_dict(private=False))):
        await refusal(verifier_of(issuer), forged(issuer, "HS256", secret))


async def test_a_secret_in_the_key_set_is_no_key() -> None:
    secret = OctKey.generate_key(256, {"kid": "secret"})
    issuer = FakeIssuer([rsa_key("first"), secret])
    token = jwt.encode({"alg": "HS256", "kid": "secret"}, issuer.claims(), secret)
    await refusal(verifier_of(issuer), token)


async def test_a_key_for_encryption_does_not_sign() -> None:
    key = rsa_key("first")
    issuer = FakeIssuer([key])
    published = key.as_dict(private=False) | {"use": "enc"}

    async def fetch() -> dict[str, Any]:
        return {"keys": [published, {"kty": "new"}, {"kty": "RSA"}, None]}

    verifier = Verifier([Issuer(issuer.issuer, AUDIENCE, TokenKeys(fetch))])
    await refusal(verifier, issuer.token())


async def test_a_key_of_another_kind_than_the_algorithm() -> None:
    issuer = FakeIssuer([rsa_key("first")])
    other = ec_key("first")
    await refusal(verifier_of(issuer), sign(other, **issuer.claims()))


async def test_somebody_elses_signature() -> None:
    issuer = FakeIssuer()
    await refusal(verifier_of(issuer), issuer.token(rsa_key("first")))
    head, claims, signature = issuer.token().split(".")
    other = part(issuer.claims(role="integration"))
    await refusal(verifier_of(issuer), f"{head}.{other}.{signature}")
    await refusal(verifier_of(issuer), f"{head}.{claims}.")


async def test_without_a_key_id_the_only_key_counts() -> None:
    issuer = FakeIssuer()
    token = jwt.encode({"alg": "RS256"}, issuer.claims(), issuer.keys[0])
    await verifier_of(issuer).verify(token)
    issuer.keys.append(rsa_key("second"))
    await refusal(verifier_of(issuer), token)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["alg", "kid", "iss", "b64", "crit", "exp"]), inner)
    ),
    max_leaves=8,
)
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku", "jwk", "x5c", "cty"]),
    ANYTHING | st.sampled_from(["RS256", "ES256", "HS256", "none", "dir", "first"]),
)


@given(header=HEADERS, claims=ANYTHING, signature=st.binary(max_size=300), glue=st.text(max_size=3))
async def test_whatever_it_is_it_is_refused(
    header: Any, claims: Any, signature: bytes, glue: str
) -> None:
    """Never another error, which would be answered as 500."""
    issuer = SHARED
    claims = issuer.claims() | claims if isinstance(claims, dict) else claims
    words = [part_of(header), part_of(claims), urlsafe_b64encode(signature).decode().rstrip("=")]
    for token in (".".join(words), glue.join(words), ".".join(words) + glue):
        await refusal(verifier_of(issuer), token)


def part_of(document: Any) -> str:
    try:
        return part(document)
    except (TypeError, ValueError):  # numbers that are too large, NaN
        return part(repr(document))


SHARED = FakeIssuer()


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é.é.é",
        "a" * 9000,
        "....",
        ".".join([urlsafe_b64encode(b"[" * 3000).decode()] * 3),
        "\0.\0.\0",
    ],
    ids=range(9),
)
async def test_what_is_no_token_is_refused(token: str) -> None:
    await refusal(verifier_of(SHARED), token)


async def test_a_new_key_is_fetched_when_a_token_names_it() -> None:
    issuer = FakeIssuer()
    verifier = verifier_of(issuer)
    await verifier.verify(issuer.token())
    issuer.keys.append(rsa_key("second"))
    await verifier.verify(issuer.token(issuer.keys[1]))
    assert issuer.fetched == 2


async def test_unknown_keys_are_not_fetched_each_time() -> None:
    issuer = FakeIssuer()
    verifier = verifier_of(issuer, refetch_seconds=60)
    await verifier.verify(issuer.token())
    for number in range(20):
        await refusal(verifier, issuer.token(ec_key(f"unknown-{number}")))
    assert issuer.fetched == 1


async def test_a_withdrawn_key_takes_its_tokens_with_it() -> None:
    issuer = FakeIssuer()
    verifier, token = verifier_of(issuer), issuer.token()
    await verifier.verify(token)
    issuer.keys = [rsa_key("second")]
    await verifier.verify(issuer.token())
    await refusal(verifier, token)


async def test_known_keys_go_on_while_the_issuer_is_away() -> None:
    issuer = FakeIssuer()
    verifier = verifier_of(issuer)
    await verifier.verify(issuer.token())
    issuer.is_away = True
    await refusal(verifier, issuer.token(rsa_key("unknown")))
    await verifier.verify(issuer.token(sub="birju"))


async def test_without_any_keys_nobody_can_tell() -> None:
    issuer = FakeIssuer(is_away=True)
    verifier = verifier_of(issuer)
    with pytest.raises(Unavailable):
        await verifier.verify(issuer.token())
    issuer.is_away = False
    await verifier.verify(issuer.token())


async def test_a_token_is_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = FakeIssuer()
    verifier, token = verifier_of(issuer), issuer.token()
    first = await verifier.verify(token)
    monkeypatch.setattr(jwt, "decode", None)
    assert await verifier.verify(token) is first


async def test_not_every_token_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.tokens.MOST_REMEMBERED", 3)
    assert MOST_REMEMBERED < 10_000
    issuer = FakeIssuer([ec_key("e")])
    verifier = verifier_of(issuer)
    tokens = [issuer.token(sub=f"s{number}") for number in range(4)]
    for token in tokens:
        await verifier.verify(token)
    assert list(verifier._verified) == tokens[1:]


@pytest.mark.parametrize(
    ("names", "claims", "role"),
    [
        (ClaimNames(), {"role": "cmho"}, "cmho"),
        (ClaimNames(), {"role": ["offline_access", "cmho"]}, "cmho"),
        (ClaimNames("realm_access.roles"), {"realm_access": {"roles": ["cmho"]}}, "cmho"),
        (
            ClaimNames("https://dawalog.example/role"),
            {"https://dawalog.example/role": "cmho"},
            "cmho",
        ),
        (ClaimNames("realm_access.roles"), {"realm_access": "cmho"}, "public"),
        (ClaimNames("realm_access.roles"), {}, "public"),
        (ClaimNames(), {"role": "director"}, "public"),
        (ClaimNames(), {"role": []}, "public"),
        (ClaimNames(), {"role": None}, "public"),
    ],
)
async def test_where_the_role_stands(names: ClaimNames, claims: dict[str, Any], role: str) -> None:
    issuer = FakeIssuer()
    token = issuer.token(**({"role": None} | claims))
    caller = await verifier_of(issuer, names).verify(token)
    assert (caller.source, caller.role) == (role, ROLES[role])


@pytest.mark.parametrize(
    ("role", "facilities", "districts"),
    [
        ("pharmacist", {"F1"}, set()),
        ("cmho", set(), {"D1"}),
        ("nhm", set(), set()),
        ("integration", {"F1"}, {"D1"}),
        ("public", set(), set()),
    ],
)
async def test_only_what_counts_for_the_role_is_its_scope(
    role: str, facilities: set[str], districts: set[str]
) -> None:
    issuer = FakeIssuer()
    token = issuer.token(role=role, facilities=["F1"], districts="D1")
    caller = await verifier_of(issuer).verify(token)
    assert set(caller.scope.facilities) == facilities
    assert set(caller.scope.districts) == districts
    assert caller.role is ROLES[role]


async def test_integration_is_unscoped_only_where_nothing_is_said() -> None:
    issuer = FakeIssuer()
    verifier = verifier_of(issuer)
    free = await verifier.verify(issuer.token(role="integration"))
    assert free.role is UNSCOPED_INTEGRATION
    scopes: tuple[dict[str, Any], ...] = (
        {"facilities": []},
        {"districts": []},
        {"districts": ["D1"]},
    )
    for scope in scopes:
        bound = await verifier.verify(issuer.token(role="integration", **scope))
        assert bound.role is ROLES["integration"]
