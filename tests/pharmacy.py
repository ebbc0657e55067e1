"""Days at pharmacies: events in order, as the fault tests post or append them."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from stream.codec import OutgoingRecord, encode_event
from stream.events import posted_event
from stream.keyring import KeyRing

ITEMS = ("paracetamol", "amoxicillin", "ors", "zinc", "iron")
LOTS = ("A1", "B2")

Event = dict[str, Any]


def events_of(facility_id: str, seed: int = 0) -> Iterator[Event]:
    """Receipts, dispenses, counts and some reversals without end, a second apart, each id once.

    The same arguments give the same ids and lines.
    """
    dice = random.Random(f"{seed} {facility_id}")
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    number = 0
    while True:
        yield {
            "event_id": event_id(facility_id, number, seed),
            "facility_id": facility_id,
            "occurred_at": (began + timedelta(seconds=number)).isoformat(),
            **_what_happened(dice, facility_id, number, seed),
        }
        number += 1


def event_id(facility_id: str, number: int, seed: int) -> str:
    return str(uuid5(NAMESPACE_OID, f"{seed} {facility_id} {number}"))


def encode(event: Event, keys: KeyRing, partitions: int) -> OutgoingRecord:
    """The record that the API would append."""
    return encode_event(
        posted_event.validate_python(event),
        recorded_by="test",
        source="api",
        partitions=partitions,
        keys=keys,
    )


def _what_happened(dice: random.Random, facility_id: str, number: int, seed: int) -> Event:
    kind = dice.choices(("dispense", "receive", "count", "reverse"), (60, 25, 10, 5))[0]
    if kind == "receive" or number == 0:
        lines = [
            {"item_id": item, "lot": lot, "expiry": "2031-06", "quantity": dice.randint(1, 500)}
            for item, lot in _cards(dice)
        ]
        return {"type": "stock_received", "lines": lines}
    if kind == "count":
        lines = [
            {"item_id": item, "lot": lot, "counted": dice.randint(0, 900)}
            for item, lot in _cards(dice)
        ]
        return {"type": "stock_counted", "complete": dice.random() < 0.3, "lines": lines}
    if kind == "reverse":
        target = event_id(facility_id, dice.randrange(number), seed)
        return {"type": "event_reversed", "reverses": target, "reason": "typed twice"}
    lines = [
        {"item_id": item, "lot": dice.choice((lot, lot, None)), "quantity": dice.randint(1, 20)}
        for item, lot in _cards(dice)
    ]
    patient = {"scheme": "opd", "id": f"P-{number}"}
    return {"type": "medicine_dispensed", "channel": "opd", "patient": patient, "lines": lines}


def _cards(dice: random.Random) -> list[tuple[str, str]]:
    cards = [(item, lot) for item in ITEMS for lot in LOTS]
    return dice.sample(cards, dice.randint(1, 3))
