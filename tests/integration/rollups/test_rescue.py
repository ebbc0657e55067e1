"""Who could send some of an item, and the transfer that they would post."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx

from stream.events import posted_event
from stream.facts import TransferDispatched
from tests.integration.reading.rows import DAY
from tests.integration.rollups.figures import Figures


async def ask(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/v1/facilities/F1/items/PCM/rescue")
    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    return body


def at(lat: float) -> dict[str, Any]:
    return {"location": {"lat": lat, "lon": 75.0}}


async def add_donor(
    figures: Figures, facility_id: str, lots: dict[str, tuple[int, date | None]], **place: Any
) -> None:
    """With a maximum of 100."""
    await figures.add_place(facility_id, **place)
    for lot, (on_hand, expiry) in lots.items():
        await figures.add_card(facility_id, "PCM", lot, on_hand, expiry=expiry)
    usable = sum(on_hand for on_hand, _ in lots.values())
    await figures.add_state(facility_id, "PCM", "over", usable=usable, kept=(50, 100))


async def add_needy(figures: Figures, *, per_day: int, most: int) -> None:
    await figures.add_item("PCM")
    await figures.add_place("F1", **at(26.0))
    await figures.add_state(
        "F1",
        "PCM",
        "out",
        consumed=per_day * 60,
        available=timedelta(days=60),
        kept=(most // 2, most),
    )


async def test_drafts_leave_the_givers_their_maximum(
    client: httpx.AsyncClient, figures: Figures
) -> None:
    await add_needy(figures, per_day=10, most=300)
    late = figures.today + 900 * DAY
    await add_donor(figures, "D-FAR", {"A": (150, late)}, **at(27.0))
    await add_donor(figures, "D-NEAR", {"A": (150, late)}, **at(26.5))
    await add_donor(
        figures,
        "D-MOST",
        {"B": (500, late), "A": (40, figures.today + DAY), "OLD": (0, figures.today - DAY)},
        district_id="D2",
    )
    await add_donor(figures, "D-NONE", {"A": (100, late)})
    await add_donor(figures, "D-SILENT", {"A": (999, late)}, silent=True)
    body = await ask(client)
    assert body["needed"] == 300
    told = [
        (each["facility_id"], each["can_give"], each["left_with"], each["distance_km"])
        for each in body["donors"]
    ]
    assert told == [
        ("D-MOST", 300, 240, None),
        ("D-NEAR", 50, 100, 55.6),
        ("D-FAR", 50, 100, 111.2),
    ]
    # of A, which is good today and tomorrow, 20 are used; then 280 of B
    tomorrow = (figures.today + DAY).isoformat()
    draft = body["donors"][0]["draft"]
    assert draft["lines"] == [
        {"item_id": "PCM", "lot": "A", "quantity": 20, "expiry": tomorrow},
        {"item_id": "PCM", "lot": "B", "quantity": 280, "expiry": late.isoformat()},
    ]
    assert body["donors"][0]["soonest_expiry"] == tomorrow
    event = posted_event.validate_python(draft | {"event_id": str(uuid4())})
    assert isinstance(event, TransferDispatched)
    assert (event.facility_id, event.to_facility_id) == ("D-MOST", "F1")
    assert (await ask(client))["donors"][0]["draft"]["transfer_id"] == event.transfer_id


async def test_what_may_not_be_given(client: httpx.AsyncClient, figures: Figures) -> None:
    """Expired and recalled lots, the unrecorded lot, and what a deficit took from a lot."""
    await add_needy(figures, per_day=10, most=300)
    late = figures.today + 900 * DAY
    await figures.add_place("D")
    for lot, on_hand, expiry in (
        ("A", 30, late),
        ("B", 70, late),
        ("C", 50, late),
        ("E", 80, figures.today - DAY),
        ("", -100, None),  # took E, and 20 of A
    ):
        await figures.add_card("D", "PCM", lot, on_hand, expiry=expiry)
    await figures.connection.execute(
        "INSERT INTO recall_record VALUES ('R', now(), 0, now(), 'PCM', 'b', NULL, false, '{}')"
    )
    await figures.add_state("D", "PCM", "over", usable=60, kept=(0, 5))
    (donor,) = (await ask(client))["donors"]
    lines = [(line["lot"], line["quantity"]) for line in donor["draft"]["lines"]]
    assert lines == [("A", 10), ("C", 45)]
    assert (donor["can_give"], donor["left_with"]) == (55, 5)


async def test_nobody_knows_them(client: httpx.AsyncClient, figures: Figures) -> None:
    await figures.add_item("PCM")
    await figures.add_facility("F1")
    assert (await ask(client))["donors"] == []
    for path in ("F1/items/NONE", "F9/items/PCM"):
        answer = await client.get(f"/v1/facilities/{path}/rescue")
        assert answer.status_code == httpx.codes.NOT_FOUND


async def test_a_need_that_nobody_knows(client: httpx.AsyncClient, figures: Figures) -> None:
    """Without a norm, all that is above a giver's maximum."""
    await figures.add_item("PCM")
    await figures.add_place("F1")
    await add_donor(figures, "D", {"A": (130, figures.today + DAY)})
    body = await ask(client)
    assert body["needed"] is None
    assert [(each["can_give"], each["left_with"]) for each in body["donors"]] == [(30, 100)]
