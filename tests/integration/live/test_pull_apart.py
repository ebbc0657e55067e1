"""Who pulls is told of what changed without an event: expired lots, norms, items, facilities.

Broken on purpose once, to see these tests fail: the mark's day taken for today; only the newest
version of a norm looked at; `next` ahead of what is worked off; records that came into force left
out.
"""

from typing import Any

import httpx
import orjson

from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    dispensed,
    facility,
    item,
    received,
)

ELSEWHERE = {"facility_id": "CHC-2"}
NORM = {
    "kind": "norm",
    "norm_id": "N",
    "level": "PHC",
    "item_id": "PCM",
    "lead_time_days": 5,
    "safety_days": 5,
    "review_days": 10,
    "window_days": 14,
}
Rows = dict[tuple[str, str], str]


async def pull(client: httpx.AsyncClient, after: str | None = None) -> tuple[Rows, str]:
    """Statuses by facility and item, and where to go on."""
    answer = await client.get("/v1/changes", params={"after": after} if after else {})
    assert answer.status_code == httpx.codes.OK, answer.text
    *rows, last = map(orjson.loads, answer.text.splitlines())
    return {(row["facility_id"], row["item_id"]): row["status"] for row in rows}, last["next"]


async def begin(lately: Timeline, **line: Any) -> None:
    """PCM and ORS at a PHC and a CHC, the CHC's long-lived. Recorded two days ago."""
    await lately.register(
        facility(), facility("CHC-2", level="CHC"), item("PCM", levels=["PHC"]), item("ORS")
    )
    await lately.until(28)
    long = {"expiry": "2099-01"}
    for item_id in ("PCM", "ORS"):
        await lately.post(
            received(item_id, 100, **(long | line)), received(item_id, 100, **long) | ELSEWHERE
        )


async def test_a_lot_that_expired_since(client: httpx.AsyncClient, lately: Timeline) -> None:
    await begin(lately, expiry=lately.at(29).date().isoformat())
    _, mark = await pull(client)  # knows of nothing that is newer than two days
    expired = {(FACILITY, "PCM"): "out", (FACILITY, "ORS"): "out"}
    assert (await pull(client, mark))[0] == expired
    await lately.until(30, "00:00")
    await lately.post(received("ORS", 1, lot="NEW", expiry="2099-01"))
    rows, mark = await pull(client, mark)
    assert rows == expired | {(FACILITY, "ORS"): "unrated"}
    assert await pull(client, mark) == ({}, mark)


async def test_a_norm(client: httpx.AsyncClient, lately: Timeline) -> None:
    await lately.register(facility(), facility("CHC-2", level="CHC"), item("PCM"), item("ORS"))
    await lately.until(10)
    for item_id in ("PCM", "ORS"):
        await lately.post(received(item_id, 200), received(item_id, 200) | ELSEWHERE)
    for day in range(16, 30):
        await lately.until(day)
        await lately.post(dispensed("PCM", 2))
    await lately.until(30, "00:00")
    _, mark = await pull(client)
    # until it is worked off, it is told again and again
    await lately.record(NORM)
    rows, waiting = await pull(client, mark)
    assert rows == {(FACILITY, "PCM"): "unrated"}
    await lately.settle()
    rows, mark = await pull(client, waiting)
    assert rows == {(FACILITY, "PCM"): "over"}
    assert await pull(client, mark) == ({}, mark)
    # what an earlier version was of is concerned, too
    await lately.register(NORM | {"item_id": "ORS"})
    rows, mark = await pull(client, mark)
    assert rows == {(FACILITY, "PCM"): "unrated", (FACILITY, "ORS"): "unrated"}
    # of every item of a level
    await lately.record(NORM | {"norm_id": "M", "item_id": None})
    _, waiting = await pull(client, mark)
    await lately.settle()
    rows, mark = await pull(client, waiting)
    assert rows == {(FACILITY, "PCM"): "over", (FACILITY, "ORS"): "unrated"}
    assert await pull(client, mark) == ({}, mark)


async def test_items_and_facilities(client: httpx.AsyncClient, lately: Timeline) -> None:
    await begin(lately)
    _, mark = await pull(client)
    await lately.register(item("ORS", levels=["CHC"]))
    rows, mark = await pull(client, mark)
    assert rows.keys() == {(FACILITY, "ORS"), ("CHC-2", "ORS")}
    await lately.register(facility("CHC-2", level="PHC"))
    rows, mark = await pull(client, mark)
    assert rows.keys() == {("CHC-2", "PCM"), ("CHC-2", "ORS")}
    assert await pull(client, mark) == ({}, mark)


async def test_a_record_whose_day_has_come(client: httpx.AsyncClient, lately: Timeline) -> None:
    await begin(lately)
    day = lately.at(29).isoformat()
    await lately.register(
        item("ORS", levels=["CHC"]) | {"valid_from": day}
    )  # which is then to come
    _, mark = await pull(client)
    rows, _ = await pull(client, mark)
    assert rows.keys() == {(FACILITY, "ORS"), ("CHC-2", "ORS")}
