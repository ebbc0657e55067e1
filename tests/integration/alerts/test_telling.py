"""What officers are told of open alerts, and that Alertmanager takes it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import httpx
import pytest

from alerts import alertmanager
from alerts.alertmanager import ALONE, Pusher
from alerts.rules import LOCAL, RULES, WHO_ACTS
from alerts.settings import AlertmanagerSettings
from alerts.wording import tell_digest, tell_group, tell_single
from infra.local.ports import free_port
from projections.figures.days import INDIA
from projections.queries.open_alerts import find_pressing, list_alerting_districts, list_digests
from projections.reading import ReadModel
from projections.settings import ReadingSettings
from stream.alerts import Subject
from tests.alert_facts import said
from tests.alertmanager import listening_receivers, running_alertmanager
from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    counted,
    dispensed,
    facility,
    item,
    received,
)
from tests.stack import Stack
from tests.waiting import until

URL = "http://dawalog"
AT = datetime(2026, 3, 3, 2, 30, tzinfo=UTC)
"""8 o'clock on the day after."""


@pytest.fixture
async def model(stack: Stack, timeline: Timeline) -> AsyncIterator[ReadModel]:
    """PHC-1 and PHC-2 of ajmer are out of both vital items and an essential one."""
    await timeline.register(
        {"kind": "district", "district_id": "ajmer", "name": "Ajmer", "state": "RJ"},
        facility(name="PHC Pushkar"),
        facility("PHC-2", name="PHC Kekri"),
        facility("PHC-9", district_id="kota"),
        item("ORS", "V"),
        item("PCM", "V", name="Paracetamol"),
        item("ZINC", "E"),
    )
    for place in (FACILITY, "PHC-2"):
        await timeline.post(counted(ORS=10, PCM=10, ZINC=10) | {"facility_id": place})
    await timeline.until(0, "10:00")
    for place in (FACILITY, "PHC-2"):
        for item_id in ("ORS", "PCM", "ZINC"):
            await timeline.post(dispensed(item_id, 10) | {"facility_id": place})
    await timeline.evaluate()
    model = ReadModel(ReadingSettings(database_url=stack.database_url))
    await model.start()
    yield model
    await model.stop()


async def test_what_cannot_wait_is_told_by_rule_and_district(model: ReadModel) -> None:
    singles, groups = await find_pressing(
        model, alone=[], local=LOCAL, most=100, who_acts=WHO_ACTS, at=AT
    )
    assert singles == []
    [group] = groups
    told = tell_group(group, URL)
    assert told["labels"] == {
        "alertname": "out_of_stock",
        "severity": "critical",
        "concern": "shortage",
        "district": "ajmer",
        "officer": "in_charge",
        "scope": "facility",
    }
    assert told["annotations"]["summary"].endswith(": 4 at 2 facilities of Ajmer")
    assert "Paracetamol at PHC Kekri" in told["annotations"]["description"]
    assert told["annotations"]["turn"] == "district officer: 4"
    assert told["generatorURL"] == (
        f"{URL}/v1/alerts?rule=out_of_stock&district=ajmer&severity=critical"
        "&state=open&state=acknowledged"
    )


async def test_one_by_one_where_the_rule_asks_for_it(model: ReadModel) -> None:
    singles, groups = await find_pressing(
        model, alone=["out_of_stock"], local=LOCAL, most=4, who_acts=WHO_ACTS, at=AT
    )
    assert groups == []
    told = [tell_single(one, URL) for one in singles]
    assert {(one["labels"]["facility_id"], one["labels"]["item_id"]) for one in told} == {
        (place, item_id) for place in (FACILITY, "PHC-2") for item_id in ("ORS", "PCM")
    }
    assert any("Paracetamol at PHC Pushkar" in one["annotations"]["summary"] for one in told)
    assert {one["annotations"]["turn"] for one in told} == {"district officer until 9 Mar 10:00"}


async def test_too_many_are_told_together(model: ReadModel) -> None:
    singles, groups = await find_pressing(
        model, alone=["out_of_stock"], local=LOCAL, most=3, who_acts=WHO_ACTS
    )
    assert (singles, [group.alerts for group in groups]) == ([], [4])


async def test_what_is_out_over_the_district_is_not_said_of_each(
    model: ReadModel, timeline: Timeline
) -> None:
    """What has nothing to do with it is."""
    await timeline.register(facility("PHC-3", name="PHC Nasirabad"))
    await timeline.post(counted(ORS=10, PCM=10, ZINC=10) | {"facility_id": "PHC-3"})
    await timeline.post(dispensed("ORS", 10) | {"facility_id": "PHC-3"})
    recall = {
        "kind": "recall",
        "recall_id": "R1",
        "item_id": "ORS",
        "lot": "B7",
        "reason": "colour",
    }
    await timeline.register(recall)
    await timeline.evaluate()
    await timeline.post(received("ORS", 5, lot="B7") | {"facility_id": "PHC-3"})
    assert "recalled_stock PHC-3 ORS B7: opened" in await timeline.evaluate()
    singles, groups = await find_pressing(
        model, alone=ALONE, local=LOCAL, most=100, who_acts=WHO_ACTS, at=AT
    )
    assert {(one.rule, one.about.item_id) for one in singles} == {
        ("district_shortage", "ORS"),
        ("recalled_stock", "ORS"),
    }
    assert [(group.rule, group.alerts) for group in groups] == [("out_of_stock", 2)]
    assert {about.item_id for about in groups[0].named} == {"PCM"}
    # told in groups, what else is critical stays
    _, groups = await find_pressing(
        model, alone=[], local=LOCAL, most=100, who_acts=WHO_ACTS, at=AT
    )
    assert {(group.rule, group.alerts) for group in groups} == {
        ("district_shortage", 1),
        ("recalled_stock", 1),
        ("out_of_stock", 2),
    }


async def test_nobody_is_reminded_of_what_was_snoozed(model: ReadModel, timeline: Timeline) -> None:
    subject = Subject(facility_id=FACILITY, item_id="ORS")
    until_then = datetime.now(UTC) + timedelta(days=1)
    await timeline.tell([said(subject, "snoozed", until=until_then, reason="comes on Tuesday")])
    _, groups = await find_pressing(model, alone=[], local=LOCAL, most=100, who_acts=WHO_ACTS)
    assert [group.alerts for group in groups] == [3]


async def test_a_digest_for_each_facility_and_officer(model: ReadModel) -> None:
    assert await list_alerting_districts(model) == ["ajmer", "kota"]
    digests = [
        digest
        for district in ("ajmer", "kota")
        for digest in await list_digests(
            model, district, at=AT, local=LOCAL, who_acts=WHO_ACTS, most=100
        )
    ]
    places = {(one.facility_id, one.officer, one.alerts) for one in digests}
    assert places == {
        (FACILITY, "in_charge", 1),
        ("PHC-2", "in_charge", 1),
        ("PHC-9", "in_charge", 1),  # not counted yet
    }
    [digest] = [one for one in digests if one.facility_id == FACILITY]
    told = tell_digest(digest, AT, URL)
    assert told["annotations"]["summary"] == "PHC Pushkar: 1 to do for the officer in charge"
    [line] = told["annotations"]["lines"].splitlines()
    assert line.startswith("- An essential item is out of stock: ZINC at PHC Pushkar, since 2 Mar")
    assert line.endswith(RULES["out_of_stock"].what_to_do)
    assert told["labels"]["day"] == "2026-03-03"


async def test_it_passes_up_with_the_officers_titles(model: ReadModel, timeline: Timeline) -> None:
    steps = [
        {"officer": "in_charge", "after_hours": 0},
        {"officer": "district", "title": "CMHO", "after_hours": 24, "critical_after_hours": 3},
        {"officer": "state", "title": "Mission Director", "after_hours": 120},
    ]
    await timeline.register({"kind": "chain", "chain_id": "RJ", "state": "RJ", "steps": steps})
    subject = Subject(facility_id="PHC-2", item_id="ZINC")
    await timeline.tell([said(subject, "acknowledged", note="ordered")])
    wednesday = AT + timedelta(days=1)
    digests = await list_digests(
        model, "ajmer", at=wednesday, local=LOCAL, who_acts=WHO_ACTS, most=100
    )
    told = {
        (one.facility_id, one.officer): tell_digest(one, wednesday, URL)["annotations"]
        for one in digests
    }
    assert told.keys() == {(FACILITY, "district"), ("PHC-2", "district")}
    assert told[FACILITY, "district"]["summary"] == "PHC Pushkar: 1 to do for the CMHO"
    assert told[FACILITY, "district"]["lines"].startswith("- Overdue: An essential item is out")
    # of Monday at 10 the first step ends on Tuesday at 10: acknowledged at once, it did as well
    assert (
        await list_digests(model, "ajmer", at=AT, local=LOCAL, who_acts=WHO_ACTS, most=100)
        != digests
    )
    _, [group] = await find_pressing(
        model, alone=[], local=LOCAL, most=100, who_acts=WHO_ACTS, at=timeline.at(0, "12:59")
    )
    assert tell_group(group, URL)["annotations"]["turn"] == "officer in charge: 4"
    _, [group] = await find_pressing(
        model, alone=[], local=LOCAL, most=100, who_acts=WHO_ACTS, at=timeline.at(0, "13:00")
    )
    assert tell_group(group, URL)["annotations"]["turn"] == "CMHO: 4"
    # how it is told apart doesn't change with it
    assert tell_group(group, URL)["labels"]["officer"] == "in_charge"


async def test_too_many_digests_are_told_together(model: ReadModel) -> None:
    [digest] = await list_digests(model, "ajmer", at=AT, local=LOCAL, who_acts=WHO_ACTS, most=1)
    assert (digest.facility_id, digest.alerts) == (None, 2)
    told = tell_digest(digest, datetime.now(UTC), URL)
    assert told["annotations"]["summary"] == "Ajmer: 2 to do for the officer in charge"
    assert {
        line.split(" at ")[1].split(",")[0] for line in told["annotations"]["lines"].splitlines()
    } == {
        "PHC Pushkar",
        "PHC Kekri",
    }


async def test_alertmanager_takes_it_all(
    model: ReadModel, timeline: Timeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alertmanager, "DIGEST_FROM", time(0, tzinfo=INDIA))
    monkeypatch.setattr(alertmanager, "DIGEST_FOR", timedelta(days=1))
    is_leader = True
    async with (
        listening_receivers() as receivers,
        running_alertmanager(tmp_path / "alertmanager", receivers, free_port()) as client,
    ):
        pusher = Pusher(
            model,
            AlertmanagerSettings(public_url=URL),
            client,
            is_ours=lambda: is_leader,
            alone=["out_of_stock"],
        )
        await pusher.push()
        await timeline.until(0, "11:00")

        async def are_told() -> bool:
            digests = receivers.alerts("digest-state", "firing", delivery="digest")
            vital = receivers.alerts("state", "firing", facility_id=FACILITY, item_id="ORS")
            return len(digests) >= 3 and bool(vital)

        await until(are_told, "the digests and what can't wait")
        restarted = Pusher(
            model, AlertmanagerSettings(public_url=URL), client, is_ours=lambda: True, alone=[]
        )
        await restarted.push()
        await timeline.post(received("ORS", 100))
        await timeline.evaluate()
        await pusher.push()

        async def is_over() -> bool:
            return bool(receivers.alerts("state", "resolved", facility_id=FACILITY, item_id="ORS"))

        await until(is_over, "it came")
        assert not receivers.alerts("digest-state", "resolved")
        told = [one["labels"]["facility_id"] for one in receivers.alerts("digest-state", "firing")]
        assert sorted(told) == [FACILITY, "PHC-2", "PHC-9"]  # once each, by whom it may be
        assert not receivers.alerts("state", "resolved", item_id="PCM")

        # another worker leads now: this one tells nothing more
        is_leader = False
        await timeline.until(0, "12:00")
        await timeline.post(received("PCM", 100))
        await timeline.evaluate()
        await pusher.push()
        [before] = await alerts_of(client, item_id="PCM", facility_id=FACILITY)
        assert before["status"]["state"] == "active"


async def alerts_of(client: httpx.AsyncClient, **labels: str) -> list[dict[str, dict[str, str]]]:
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    answer = await client.get("/api/v2/alerts", params={"filter": wanted})
    found: list[dict[str, dict[str, str]]] = answer.json()
    return found
