"""Past moments, lots, recalls and transfers over HTTP: API, Kafka, worker and Postgres together."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.reading.asking import FACILITY, after, get, put
from tests.integration.reading.rows import event_uuid

ITEM = {"name": "Paracetamol", "base_unit": "tablet"}


def minutes_ago(minutes: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


class Pharmacy:
    """Posts events, each once those before are projected."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.position = ""
        self.number = 0

    async def register(self, *facility_ids: str) -> None:
        await put(self.client, "/v1/items/PCM", ITEM)
        for facility_id in facility_ids:
            self.position = await put(self.client, f"/v1/facilities/{facility_id}", FACILITY)

    async def post(self, event_type: str, occurred: float, at: str = "F1", **fields: Any) -> str:
        """Returns when it was recorded. `occurred`: minutes ago."""
        self.number += 1
        event = {
            "event_id": event_uuid(self.number),
            "type": event_type,
            "facility_id": at,
            "occurred_at": minutes_ago(occurred),
            **fields,
        }
        answer = await self.client.post("/v1/events", json=event, headers=after(self.position))
        assert answer.status_code == 202, answer.text
        self.position = answer.headers["Dawalog-Position"]
        recorded_at: str = answer.json()["recorded_at"]
        return recorded_at

    async def get(self, path: str, **asked: Any) -> dict[str, Any]:
        return await get(self.client, path, self.position, **asked)


@pytest.fixture
def pharmacy(client: httpx.AsyncClient, worker: object) -> Pharmacy:
    return Pharmacy(client)


def line(lot: str | None, quantity: int, **more: Any) -> list[dict[str, Any]]:
    return [{"item_id": "PCM", "lot": lot, "quantity": quantity, **more}]


async def test_past_moments(pharmacy: Pharmacy) -> None:
    await pharmacy.register("F1")
    await pharmacy.post("stock_received", 60, lines=line("A", 100, expiry="2031-01"))
    await pharmacy.post("medicine_dispensed", 30, channel="opd", lines=line("A", 10))
    known_at = await pharmacy.post("stock_received", 20, lines=line("B", 7))
    await pharmacy.post("medicine_dispensed", 45, channel="opd", lines=line("A", 5))

    async def on_hand(**asked: Any) -> list[tuple[str, int]]:
        stock = await pharmacy.get("/v1/facilities/F1/stock", **asked)
        return [(lot["lot"], lot["on_hand"]) for item in stock["items"] for lot in item["lots"]]

    assert await on_hand() == [("A", 85), ("B", 7)]
    assert await on_hand(as_of=minutes_ago(40)) == [("A", 95)]
    assert await on_hand(known_at=known_at) == [("A", 90), ("B", 7)]
    assert await on_hand(as_of=minutes_ago(40), known_at=known_at) == [("A", 100)]
    assert await on_hand(as_of=minutes_ago(61)) == []
    for extreme in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        await on_hand(as_of=extreme, known_at=extreme)

    as_of = minutes_ago(40)
    stock = await pharmacy.get("/v1/facilities/F1/stock", as_of=as_of, known_at=known_at)
    assert datetime.fromisoformat(stock["as_of"]) == datetime.fromisoformat(as_of)
    assert stock["known_at"] == known_at
    card = await pharmacy.get("/v1/facilities/F1/items/PCM/card", lot="A", known_at=known_at)
    assert [entry["balance"] for entry in card["entries"]] == [100, 90]
    card = await pharmacy.get("/v1/facilities/F1/items/PCM/card", as_of=minutes_ago(40))
    assert [entry["balance"] for entry in card["entries"]] == [100, 95]


async def test_further_pages_are_of_the_first_pages_moment(pharmacy: Pharmacy) -> None:
    await pharmacy.register("F1")
    ors = {"item_id": "ORS", "lot": "A", "quantity": 1}
    await pharmacy.post("stock_received", 60, lines=[*line("A", 100), ors])
    card = await pharmacy.get("/v1/facilities/F1/items/ORS/card", limit=1)
    assert card["next_cursor"] is None
    await pharmacy.post("medicine_dispensed", 30, channel="opd", lines=line("A", 10))
    first = await pharmacy.get("/v1/facilities/F1/stock", limit=1)
    cards = await pharmacy.get("/v1/facilities/F1/items/PCM/card", limit=1)
    await pharmacy.post("medicine_dispensed", 45, channel="opd", lines=line("A", 5))
    rest = await pharmacy.get("/v1/facilities/F1/stock", cursor=first["next_cursor"])
    assert [(item["item_id"], item["on_hand"]) for item in rest["items"]] == [("PCM", 90)]
    assert (rest["as_of"], rest["known_at"]) == (first["as_of"], first["known_at"])
    more = await pharmacy.get("/v1/facilities/F1/items/PCM/card", cursor=cards["next_cursor"])
    assert [entry["balance"] for entry in more["entries"]] == [90]


async def test_holds_and_recalls_rule_lots_out(pharmacy: Pharmacy) -> None:
    await pharmacy.register("F1")
    await pharmacy.post(
        "stock_received", 60,
        lines=line("none", 1) + line("b-2", 10, expiry="2031-01")
        + line("A/1", 20, expiry="2030-01", manufacturer="Cipla Ltd."),
    )  # fmt: skip
    await pharmacy.post("lot_held", 50, item_id="PCM", lot="b-2", reason="broken seal")

    async def states(**asked: Any) -> tuple[int, list[tuple[str, str]]]:
        (item,) = (await pharmacy.get("/v1/facilities/F1/stock", **asked))["items"]
        return item["usable"], [(lot["lot"], lot["state"]) for lot in item["lots"]]

    assert await states() == (21, [("A/1", "usable"), ("b-2", "held"), ("none", "usable")])
    held_until = await pharmacy.post(
        "lot_released", 40, item_id="PCM", lot="b-2", reason="seal was whole"
    )
    assert (await states())[0] == 31
    assert (await states(as_of=minutes_ago(45)))[0] == 21

    recall = {"item_id": "PCM", "lot": "a1", "reason": "fails dissolution"}
    other = recall | {"manufacturer": "Sun"}
    pharmacy.position = await put(pharmacy.client, "/v1/recalls/R1", other)
    assert (await states())[0] == 31
    pharmacy.position = await put(
        pharmacy.client, "/v1/recalls/R1", recall | {"manufacturer": "CIPLA LTD"}
    )
    assert await states() == (11, [("A/1", "recalled"), ("b-2", "usable"), ("none", "usable")])
    assert (await states(known_at=held_until))[0] == 31
    assert (await states(as_of=minutes_ago(1)))[0] == 31
    lifted = recall | {"lifted": True}
    pharmacy.position = await put(pharmacy.client, "/v1/recalls/R1", lifted)
    assert (await states())[0] == 31
    recalls = await pharmacy.get("/v1/recalls", item_id="PCM")
    assert [(one["recall_id"], one["lifted"]) for one in recalls["recalls"]] == [("R1", True)]


async def test_a_recall_tells_where_the_lot_is_and_who_got_it(pharmacy: Pharmacy) -> None:
    await pharmacy.register("F1", "F2", "F3")
    await pharmacy.post("stock_received", 60, lines=line("AB-012", 100) + line("ABO12", 5))
    await pharmacy.post("stock_received", 60, at="F2", lines=line("ab 012", 40, manufacturer="Sun"))
    await pharmacy.post("stock_received", 60, at="F3", lines=line("AB-013", 40))
    patient = {"scheme": "opd", "id": "P-1"}
    dispensed: dict[str, Any] = {
        "channel": "opd",
        "patient": patient,
        "prescription_ref": "OPD-7",
    }
    await pharmacy.post("medicine_dispensed", 50, lines=line("AB-012", 10), **dispensed)
    await pharmacy.post("medicine_dispensed", 49, lines=line(None, 3), **dispensed)
    await pharmacy.post("medicine_dispensed", 70, lines=line(None, 2), **dispensed)
    await pharmacy.post("medicine_dispensed", 40, at="F3", lines=line("AB-013", 1), **dispensed)
    await pharmacy.post(
        "transfer_dispatched", 30, transfer_id="T1", to_facility_id="F3", lines=line("AB-012", 20)
    )
    recall = {"item_id": "PCM", "lot": "AB012", "reason": "wrong label", "manufacturer": "Cipla"}
    pharmacy.position = await put(pharmacy.client, "/v1/recalls/R1", recall)

    trace = await pharmacy.get("/v1/recalls/R1")
    assert trace["on_hand"] == 70
    holdings = [
        (one["facility_id"], one["lot"], one["on_hand"], one["match"], one["why"])
        for one in trace["holdings"]
    ]
    assert holdings == [
        ("F1", None, -5, "possible", "no_lot"),
        ("F1", "AB-012", 70, "certain", "lot"),
        ("F1", "ABO12", 5, "possible", "near_lot"),
        ("F2", "ab 012", 40, "possible", "other_manufacturer"),
    ]
    assert [(one["to_facility_id"], one["quantity"]) for one in trace["in_transit"]] == [("F3", 20)]
    dispenses = [
        (one["facility_id"], one["lot"], one["quantity"], one["why"]) for one in trace["dispenses"]
    ]
    assert dispenses == [("F1", None, 3, "no_lot"), ("F1", "AB-012", 10, "lot")]
    one, other = trace["dispenses"]
    assert one["patient_pseudonym"] == other["patient_pseudonym"] is not None
    assert one["prescription_hash"] == other["prescription_hash"] is not None
    assert "P-1" not in str(trace)

    pages: list[Any] = []
    cursor = None
    while True:
        asked = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = await pharmacy.get("/v1/recalls/R1", **asked)
        pages += page["holdings"] + page["dispenses"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == trace["holdings"] + trace["dispenses"]
    assert (await pharmacy.client.get("/v1/recalls/R2")).status_code == 404


async def test_transfers_from_both_ends(pharmacy: Pharmacy) -> None:
    await pharmacy.register("F1", "F2")
    await pharmacy.post("stock_received", 60, lines=line("A", 100))
    sent = {"transfer_id": "T1", "to_facility_id": "F2"}
    await pharmacy.post("transfer_dispatched", 50, lines=line("A-1", 30), **sent)
    for facility_id in ("F1", "F2"):
        (one,) = (await pharmacy.get("/v1/transfers", facility_id=facility_id))["transfers"]
        assert (one["status"], one["items"][0]["in_transit"]) == ("in_transit", 30)
    late = await pharmacy.get(
        "/v1/transfers", as_of=(datetime.now(UTC) + timedelta(days=8)).isoformat(), status="overdue"
    )
    assert late["transfers"][0]["statuses"] == ["overdue", "in_transit"]

    got = {"transfer_id": "T1", "from_facility_id": "F1", "at": "F2"}
    await pharmacy.post("transfer_received", 40, lines=line("A1", 25, damaged=2), **got)
    (one,) = (await pharmacy.get("/v1/transfers", district="D1"))["transfers"]
    assert one["statuses"] == ["short", "damaged"]
    (item,) = one["items"]
    assert (item["dispatched"], item["received"], item["damaged"], item["short"]) == (30, 25, 2, 3)
    assert [(lot["lot"], lot["short"], lot["over"]) for lot in item["lots"]] == [
        ("A-1", 30, 0),
        ("A1", 0, 27),
    ]
    await pharmacy.post("transfer_received", 30, lines=line("A1", 3), **got)
    await pharmacy.post(
        "transfer_received", 30, lines=line("A1", 3), **(got | {"transfer_id": "X"})
    )
    first = await pharmacy.get("/v1/transfers", limit=1)
    rest = await pharmacy.get("/v1/transfers", cursor=first["next_cursor"])
    assert [one["status"] for one in first["transfers"] + rest["transfers"]] == [
        "damaged",
        "unmatched",
    ]
    assert (await pharmacy.client.get("/v1/transfers?facility_id=F9")).status_code == 404
