"""Every route, for every role, for what is its own and what is somebody else's.

What is expected stands here once more, role by role, and not as `api.access` has it.
"""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.access import RULES, Rule
from tests.integration.access.callers import Callers, receipt

OWN, OTHER = {"facility": "F1", "district": "D1"}, {"facility": "F2", "district": "D2"}

ALL = {"pharmacist", "cmho", "nhm", "integration", "integration of F1", "integration of D1"}
EVERYBODY = ALL | {"public", "nobody"}
UNBOUND = {"nhm", "integration"}
OF_DISTRICT = {"cmho", "integration of D1"}
BY_EITHER = (Rule.BY_FILTER, Rule.ENDLESS)
POSTING = {"pharmacist", "integration of F1", "integration of D1", "integration"}

# (own, somebody else's): who gets in
EXPECTED: dict[Rule, tuple[set[str], set[str]]] = {
    Rule.OPEN: (EVERYBODY, EVERYBODY),
    Rule.PUBLIC: (EVERYBODY, EVERYBODY),
    Rule.CATALOGUE: (ALL, ALL),
    Rule.FACILITY: (ALL, UNBOUND),
    Rule.DISTRICT: (UNBOUND | OF_DISTRICT, UNBOUND),
    Rule.BY_DISTRICT: (UNBOUND | OF_DISTRICT, UNBOUND),
    Rule.BY_FILTER: (ALL, UNBOUND),
    Rule.ENDLESS: (ALL, UNBOUND),
    Rule.NARROWED: (ALL, ALL),
    Rule.STATE: (UNBOUND, UNBOUND),
    Rule.POST: (POSTING, {"integration"}),
    Rule.REGISTER: (UNBOUND, UNBOUND),
}

RECORDS: dict[str, dict[str, Any]] = {
    "facilities": {"name": "N", "level": "PHC", "district_id": "D9", "state": "RJ"},
    "items": {"name": "N", "base_unit": "tablet"},
    "districts": {"name": "N", "state": "RJ"},
    "recalls": {"item_id": "PCM", "lot": "A1", "reason": "bad"},
    "norms": {"lead_time_days": 30, "safety_days": 15, "review_days": 30},
    "closures": {"first_day": "2026-10-20", "last_day": "2026-10-21", "reason": "Diwali"},
    "directives": {
        "title": "In use",
        "requires": "module_in_use",
        "levels": ["PHC"],
        "deadline": "2026-10-21",
    },
    "chains": {"state": "RJ", "steps": [{"officer": "district", "after_hours": 0}]},
    "thresholds": {"rule": "no_count", "parameters": {"days": 30}},
}


def request_of(name: str, place: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
    """A good request to the route, about the facility (or the district) of `place`."""
    method, path = name.split()
    addressed = path.replace("{path:path}", "{path}").format(
        facility_id=place["facility"] if method == "GET" else "NEW",
        item_id="PCM",
        district_id=place["district"] if method == "GET" else "D9",
        recall_id="R1",
        norm_id="N1",
        closure_id="C1",
        directive_id="DIR1",
        chain_id="CH1",
        threshold_id="TH1",
        event_id=uuid4(),
        alert_id=uuid4(),
        name="page.js",
        path="guide.md",
    )
    if path == "/v1/events/batch":
        return method, addressed, {"json": [receipt(place["facility"])]}
    if path == "/v1/reference/batch":
        record = {"kind": "item", "item_id": "X", **RECORDS["items"]}
        return method, addressed, {"json": [record]}
    if method == "POST":
        return method, addressed, {"json": receipt(place["facility"])}
    if method == "PUT":
        return method, addressed, {"json": RECORDS[path.split("/")[2]]}
    return method, addressed, {}


def filters_of(rule: Rule, place: dict[str, str], caller: str) -> dict[str, str]:
    """A district's officer asks for the district, all others for the facility."""
    if rule is Rule.BY_DISTRICT or (rule in BY_EITHER and caller in OF_DISTRICT):
        return {"district": place["district"]}
    return {"facility_id": place["facility"]} if rule in BY_EITHER else {}


def gets_in(answer: httpx.Response) -> bool:
    """Whatever the route itself then says. A batch of one counts as what became of that one."""
    status = answer.status_code
    if status == httpx.codes.OK and '"results"' in answer.text[:200]:
        [result] = answer.json()["results"]
        status = result.get("problem", {}).get("status", status)
    assert status < 500, answer.text
    assert status not in (405, 429), answer.text
    return status not in (401, 403)


@pytest.mark.timeout(240)
async def test_everybody_gets_in_where_they_may(callers: Callers) -> None:
    wrong = []
    for name, rule in RULES.items():
        for whose, place, allowed in zip(
            ("own", "other"), (OWN, OTHER), EXPECTED[rule], strict=True
        ):
            for caller, token in callers.tokens.items():
                if rule is Rule.ENDLESS and caller in allowed:
                    continue
                method, path, request = request_of(name, place)
                answer = await callers.ask(
                    token, method, path, params=filters_of(rule, place, caller), **request
                )
                if gets_in(answer) is not (caller in allowed):
                    wrong.append((name, whose, caller, answer.status_code, answer.text[:150]))
    assert wrong == []


async def test_who_has_no_token_is_told_what_to_send(callers: Callers) -> None:
    for name, rule in RULES.items():
        if rule in (Rule.OPEN, Rule.PUBLIC):
            continue
        method, path, request = request_of(name, OWN)
        answer = await callers.ask(None, method, path, **request)
        assert answer.status_code == httpx.codes.UNAUTHORIZED, name
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "unauthenticated"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z", "Bearer \xff", "x" * 9000]
)
async def test_headers_that_are_no_token(callers: Callers, header: str) -> None:
    answer = await callers.client.get(
        "/v1/items", headers=[(b"Authorization", header.encode("latin-1"))]
    )
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_stream_ends_with_its_token(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.tokens.LEEWAY_SECONDS", 0)
    token = callers.issue("pharmacist", facilities=["F1"], hours=2 / 3600)
    answer = await callers.ask(token, "GET", "/v1/live?facility_id=F1")
    assert answer.status_code == httpx.codes.OK
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    again = await callers.ask(token, "GET", "/v1/live?facility_id=F1")
    assert again.status_code == httpx.codes.UNAUTHORIZED
