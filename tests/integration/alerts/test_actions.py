"""Whose turn an alert is: timelines by hand, on the real projector."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from alerts.rules import LOCAL, RULES, WHO_ACTS
from projections.queries.actions import ActionRow, Actions, list_actions
from projections.reading import ReadModel, parse_instant
from projections.settings import ReadingSettings
from stream.alerts import Subject
from tests.alert_facts import found, said
from tests.integration.alerts.timeline import (
    FACILITY,
    INDIA,
    MONDAY,
    Timeline,
    counted,
    dispensed,
    facility,
    item,
    received,
)
from tests.stack import Stack

ORS = Subject(facility_id=FACILITY, item_id="ORS")
PCM = Subject(facility_id=FACILITY, item_id="PCM")
PATH = "/v1/districts/ajmer/actions"
STEPS: list[dict[str, Any]] = [
    {"officer": "in_charge", "after_hours": 0},
    {"officer": "district", "title": "Civil Surgeon", "after_hours": 12},
    {"officer": "state", "title": "SHS", "after_hours": 36},
]
CHAIN: dict[str, Any] = {"kind": "chain", "chain_id": "RJ", "state": "RJ", "steps": STEPS}


class Book:
    """The list as it is at an instant of the story."""

    def __init__(self, timeline: Timeline, model: ReadModel) -> None:
        self.timeline = timeline
        self._model = model

    async def read(self, day: int, clock: str = "09:00", **asked: Any) -> Actions:
        at: datetime = self.timeline.at(day, clock)
        read = await list_actions(
            self._model,
            district_id="ajmer",
            who_acts=WHO_ACTS,
            local=LOCAL,
            at=at,
            limit=100,
            **asked,
        )
        assert read is not None
        return read

    async def one(self, day: int, clock: str = "09:00", **asked: Any) -> ActionRow:
        [action] = (await self.read(day, clock, **asked)).actions
        return action

    async def turn(self, day: int, clock: str = "09:00") -> str:
        """`officer`, with `!` if overdue, and when the turn passes on."""
        action = await self.one(day, clock)
        until = "-"
        if action.passes_on_at:
            local = parse_instant(action.passes_on_at).astimezone(INDIA)
            until = f"{(local.date() - MONDAY.date()).days} {local:%H:%M}"
        return f"{action.officer}{'!' * action.is_overdue} until {until}"


@pytest.fixture
async def book(stack: Stack, timeline: Timeline) -> AsyncIterator[Book]:
    await timeline.register(facility(), item("ORS", "E"), item("PCM", "V"))
    model = ReadModel(ReadingSettings(database_url=stack.database_url))
    await model.start()
    yield Book(timeline, model)
    await model.stop()


async def open_ors(timeline: Timeline, **told: Any) -> None:
    await timeline.tell(
        [found(ORS, "opened", 1, **{"severity": "warning", "began_at": timeline.now, **told})]
    )


async def test_turns_where_no_chain_applies(book: Book) -> None:
    await open_ors(book.timeline)
    assert await book.turn(0) == "in_charge until 1 09:00"
    assert await book.turn(1, "08:59") == "in_charge until 1 09:00"
    assert await book.turn(1) == "block! until 2 09:00"
    assert await book.turn(2) == "district! until 7 09:00"
    assert await book.turn(7, "08:59") == "district! until 7 09:00"
    assert await book.turn(7) == "state! until -"


async def test_what_is_critical_is_the_districts_at_once(book: Book) -> None:
    await open_ors(book.timeline, severity="critical")
    assert await book.turn(0) == "district until 7 09:00"
    assert await book.turn(7) == "state! until -"
    assert (await book.one(0)).turn == 3


async def test_what_is_critical_may_pass_over_officers(book: Book) -> None:
    await open_ors(book.timeline, severity="critical")
    steps = [
        {"officer": "in_charge", "after_hours": 0},
        {"officer": "block", "after_hours": 24},
        {"officer": "district", "after_hours": 48, "critical_after_hours": 12},
    ]
    await book.timeline.register(CHAIN | {"steps": steps})
    assert await book.turn(0, "20:59") == "in_charge until 0 21:00"
    assert await book.turn(0, "21:00") == "district! until -"


async def test_it_begins_with_who_acts_by_the_rule(book: Book) -> None:
    subject = Subject(facility_id=FACILITY)
    await book.timeline.tell(
        [
            found(
                subject,
                "opened",
                1,
                rule="not_reporting",
                severity="warning",
                began_at=book.timeline.now,
            )
        ]
    )
    assert await book.turn(0) == "district until 7 09:00"
    assert await book.turn(3) == "district until 7 09:00"
    assert await book.turn(7) == "state! until -"
    steps = [{"officer": "in_charge", "after_hours": 0}, {"officer": "block", "after_hours": 5}]
    await book.timeline.register(CHAIN | {"steps": steps})  # nobody so high: the highest
    assert await book.turn(0) == "block until -"


async def test_chains_of_a_state_and_of_its_district(book: Book) -> None:
    await open_ors(book.timeline)
    await book.timeline.register(
        CHAIN | {"chain_id": "BR", "state": "Bihar"}, CHAIN | {"district_id": "kota"}
    )
    assert await book.turn(1) == "block! until 2 09:00"
    await book.timeline.register(CHAIN)
    assert await book.turn(0) == "in_charge until 0 21:00"
    assert await book.turn(0, "21:00") == "district! until 1 21:00"
    action = await book.one(1)
    assert (action.officer_title, action.turn) == ("Civil Surgeon", 2)
    assert await book.turn(1, "21:00") == "state! until -"
    own = [{"officer": "district", "title": "CMHO", "after_hours": 0}]
    await book.timeline.register(
        CHAIN | {"chain_id": "AJMER", "district_id": "ajmer", "steps": own}
    )
    assert await book.turn(1, "21:00") == "district until -"
    read = await book.read(1)
    assert [tuple(each) for each in read.by_officer] == [("district", "CMHO", 1, 0)]
    withdrawn = {"chain_id": "AJMER", "district_id": "ajmer", "steps": own, "withdrawn": True}
    await book.timeline.register(CHAIN | withdrawn)
    assert await book.turn(1, "21:00") == "state! until -"


async def test_a_chain_counts_from_when_it_is_valid(book: Book) -> None:
    await open_ors(book.timeline)
    await book.timeline.register(CHAIN | {"valid_from": book.timeline.at(3).isoformat()})
    assert await book.turn(2, "23:00") == "district! until 7 09:00"
    assert await book.turn(3) == "state! until -"


async def test_what_was_not_known_does_not_count(book: Book) -> None:
    """Began 5 days before anybody could know."""
    began_at = book.timeline.now
    await book.timeline.until(5)
    await open_ors(book.timeline, began_at=began_at)
    assert await book.turn(5) == "in_charge until 6 09:00"
    assert parse_instant((await book.one(5)).began_at) == began_at


async def test_what_has_come_further_up_is_worse(book: Book) -> None:
    """Whatever has been so for longer."""
    began_at = book.timeline.now - timedelta(days=1)
    await open_ors(book.timeline)
    await book.timeline.until(1)
    told = found(PCM, "opened", 1, severity="warning", began_at=began_at)
    await book.timeline.tell([told])
    actions = (await book.read(1)).actions
    assert [(each.item_id, each.officer) for each in actions] == [
        ("ORS", "block"),
        ("PCM", "in_charge"),
    ]


async def test_who_acknowledges_has_the_time_anew(book: Book) -> None:
    await open_ors(book.timeline)
    await book.timeline.until(1, "10:30")  # the block officer's, since 09:00
    await book.timeline.tell([said(ORS, "acknowledged", note="ordered")])
    assert await book.turn(1, "10:30") == "block! until 2 10:30"
    assert await book.turn(2, "10:00") == "block! until 2 10:30"
    assert await book.turn(2, "10:30") == "district! until 7 10:30"
    await book.timeline.until(7)  # by what had gone by since it began, the state's
    await book.timeline.tell([said(ORS, "acknowledged", note="again")])
    assert await book.turn(7) == "state! until -"


async def test_what_is_snoozed_is_put_off(book: Book) -> None:
    await open_ors(book.timeline)
    await book.timeline.tell([found(PCM, "opened", 1, began_at=book.timeline.now)])
    until = book.timeline.at(3)
    await book.timeline.tell([said(PCM, "snoozed", until=until, reason="comes on Thursday")])
    read = await book.read(1)
    assert [(each.item_id, each.is_put_off) for each in read.actions] == [
        ("ORS", False),
        ("PCM", True),
    ]
    assert parse_instant(read.actions[1].snoozed_until or "") == until
    [counts] = read.by_rule
    assert counts._asdict() == {
        "rule": "out_of_stock",
        "open": 2,
        "overdue": 1,
        "put_off": 1,
        "done": 0,
    }
    await book.timeline.tell([said(ORS, "snoozed", until=until, reason="too")])
    assert not any(each.is_overdue for each in (await book.read(2)).actions)
    read = await book.read(3)
    assert [(each.item_id, each.is_put_off, each.is_overdue) for each in read.actions] == [
        ("PCM", False, False),
        ("ORS", False, True),
    ]


async def test_what_is_done_stands_as_it_stood(book: Book) -> None:
    await open_ors(book.timeline)
    await book.timeline.until(1, "15:00")
    began_at = book.timeline.at(0)
    closing = found(ORS, "closed", 2, severity="warning", began_at=began_at)
    await book.timeline.tell([closing])
    assert (await book.read(2)).actions == []
    action = await book.one(8, "14:59", state="done")
    assert (action.officer, action.is_overdue, action.passes_on_at) == ("block", True, None)
    assert (await book.read(8, "15:00", state="done")).actions == []
    [counts] = (await book.read(2)).by_rule
    assert (counts.open, counts.overdue, counts.done) == (0, 0, 1)


async def test_a_late_fact_moves_the_start(book: Book) -> None:
    """Out at 10:00; a tablet tells two days later of a parcel that was used up a day after."""
    timeline = book.timeline
    await timeline.post(counted(ORS=10, PCM=10))
    await timeline.until(0, "10:00")
    await timeline.post(dispensed("ORS", 10))
    await timeline.evaluate()
    assert await book.turn(1, "11:00") == "block! until 2 10:00"
    await timeline.until(1, "12:00")
    await timeline.post(
        received("ORS", 5) | {"occurred_at": timeline.at(0, "10:30")},
        dispensed("ORS", 5) | {"occurred_at": timeline.at(1, "09:30")},
    )
    await timeline.evaluate()
    assert (await timeline.alert("out_of_stock"))["began_at"] == timeline.at(1, "09:30")
    [action] = [
        each for each in (await book.read(1, "12:00")).actions if each.rule == "out_of_stock"
    ]
    assert (action.officer, action.is_overdue) == ("in_charge", False)
    assert parse_instant(action.passes_on_at or "") == timeline.at(2, "09:30")


async def test_the_worst_come_first_page_by_page(
    client: httpx.AsyncClient, timeline: Timeline
) -> None:
    """Of March, and so all the state officer's by now."""
    await timeline.register(
        facility(),
        facility("CHC-2", district_id="kota"),
        *(item(f"I{n}") for n in range(6)),
        {"kind": "district", "district_id": "ajmer", "name": "Ajmer", "state": "RJ"},
    )
    severities = ["info", "critical", "warning", "critical", "warning", "critical"]
    for n, severity in enumerate(severities):
        subject = Subject(facility_id=FACILITY, item_id=f"I{n}")
        await timeline.tell([found(subject, "opened", 1, severity=severity, began_at=timeline.now)])
        await timeline.until(0, f"{10 + n}:00")
    await timeline.tell(
        [
            found(Subject(facility_id="CHC-2", item_id="I0"), "opened", 1),
            found(Subject(district_id="ajmer", item_id="I5"), "opened", 1, rule="surge"),
            found(Subject(district_id="kota", item_id="I5"), "opened", 1, rule="surge"),
            said(
                Subject(facility_id=FACILITY, item_id="I3"),
                "snoozed",
                until=datetime.fromisoformat("2126-03-02T09:00:00Z"),
                reason="an age",
            ),
        ]
    )
    expected = ["I1", "I5", "I5", "I2", "I4", "I0", "I3"]
    whole = (await client.get(PATH)).json()
    assert [each["item_id"] for each in whole["actions"]] == expected
    assert [each["state"] for each in whole["actions"]] == ["open"] * 6 + ["put_off"]
    assert whole["by_officer"][3] == {"officer": "state", "title": None, "open": 7, "overdue": 6}
    assert [(each["rule"], each["open"]) for each in whole["by_rule"]] == [
        ("out_of_stock", 6),
        ("surge", 1),
    ]
    seen: list[str] = []
    page: dict[str, Any] = (await client.get(PATH, params={"limit": 2})).json()
    seen += [each["alert_id"] for each in page["actions"]]
    while page["next_cursor"]:
        at = page["at"]
        asked = {"limit": 2, "cursor": page["next_cursor"]}
        page = (await client.get(PATH, params=asked)).json()
        assert page["at"] == at
        seen += [each["alert_id"] for each in page["actions"]]
    assert seen == [each["alert_id"] for each in whole["actions"]]
    overdue = (await client.get(PATH, params={"overdue": True, "officer": "state"})).json()
    assert len(overdue["actions"]) == 6
    nobody = (await client.get(PATH, params={"officer": "block"})).json()
    assert nobody["actions"] == []
    assert nobody["by_officer"] == whole["by_officer"]


async def test_an_action_as_it_is_told(client: httpx.AsyncClient, timeline: Timeline) -> None:
    await timeline.register(facility(), item("ORS", "E", name="ORS 20 g"), CHAIN)
    await open_ors(timeline)
    [action] = (await client.get(PATH)).json()["actions"]
    del action["alert_id"]
    assert action == {
        "rule": "out_of_stock",
        "title": "An essential item is out of stock",
        "severity": "warning",
        "state": "open",
        "facility_id": FACILITY,
        "facility_name": FACILITY,
        "item_id": "ORS",
        "item_name": "ORS 20 g",
        "lot": None,
        "item_class": None,
        "began_at": "2026-03-02T03:30:00Z",
        "opened_at": "2026-03-02T03:30:00Z",
        "closed_at": None,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "snoozed_until": None,
        "snoozed_by": None,
        "officer": "state",
        "officer_title": "SHS",
        "step": 3,
        "passes_on_at": None,
        "overdue": True,
        "what_to_do": RULES["out_of_stock"].what_to_do,
        "rescue": f"/v1/facilities/{FACILITY}/items/ORS/rescue",
        "nearest_surplus": None,
        "ends": RULES["out_of_stock"].ends,
        "runbook": "/docs/runbooks/out_of_stock.md",
        "evidence": {"usable": 0},
    }
    assert (await client.get(action["rescue"])).status_code == httpx.codes.OK


async def test_what_cannot_be_asked(client: httpx.AsyncClient, timeline: Timeline) -> None:
    await timeline.register(facility())
    empty = (await client.get(PATH)).json()
    assert (empty["actions"], empty["by_rule"], empty["next_cursor"]) == ([], [], None)
    assert (await client.get("/v1/districts/nowhere/actions")).status_code == httpx.codes.NOT_FOUND
    for asked in ({"officer": "cmho"}, {"state": "closed"}, {"cursor": "x"}, {"overdue": "late"}):
        answer = await client.get(PATH, params=asked)
        assert answer.status_code in (400, 422), answer.text
