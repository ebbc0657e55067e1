"""A log that gives every table of the read model rows, and projecting it without a worker."""

from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from projections.decoding import PROJECTED_TOPICS
from projections.filling import open_filling
from projections.log_reading import open_log
from projections.settings import ProjectorSettings
from stream.alerts import Subject
from stream.appending import Appended
from stream.codec import encode_reference
from stream.keyring import KeyRing
from stream.log import EventLog
from stream.reference import DeadLetterDecision, posted_reference
from stream.topics import TOPICS
from tests.alert_facts import encode_alert, found, history
from tests.feeding import FACILITIES, append_some
from tests.pharmacy import encode, event_id
from tests.stack import PARTITIONS, Stack

FACILITY = FACILITIES[0]
WHEN = "2026-03-02T09:00:00+05:30"

LOT = {"item_id": "paracetamol", "lot": "A1"}
EVENTS: list[dict[str, Any]] = [
    {"type": "stock_counted", "complete": True, "lines": [LOT | {"counted": 70}]},
    {
        "type": "transfer_dispatched",
        "transfer_id": "T1",
        "to_facility_id": FACILITIES[1],
        "lines": [LOT | {"quantity": 5}],
    },
    {
        "type": "transfer_received",
        "transfer_id": "T2",
        "from_facility_id": FACILITIES[1],
        "lines": [LOT | {"quantity": 3, "damaged": 1}],
    },
    {"type": "stock_received", "lines": [LOT | {"quantity": 8, "manufacturer": "Sun"}]},
    {"type": "lot_held", **LOT, "reason": "broken seal"},
    {"type": "event_reversed", "reverses": event_id(FACILITY, 0, seed=0), "reason": "typed twice"},
    {"type": "medicine_returned", "lines": [LOT | {"quantity": 2}]},
]
REFERENCES: list[dict[str, Any]] = [
    {"kind": "district", "district_id": "ajmer", "name": "Ajmer", "state": "RJ"},
    {
        "kind": "item",
        "item_id": "paracetamol",
        "name": "Paracetamol",
        "base_unit": "tablet",
        "levels": ["PHC"],
        "unit_cost_paise": 45,
    },
    {
        "kind": "recall",
        "recall_id": "R1",
        "item_id": "paracetamol",
        "lot": "A1",
        "reason": "colour",
    },
    {"kind": "norm", "norm_id": "N1", "lead_time_days": 30, "safety_days": 15, "review_days": 30},
    {
        "kind": "closure",
        "closure_id": "C1",
        "first_day": "2026-03-04",
        "last_day": "2026-03-04",
        "reason": "Holi",
    },
    {
        "kind": "directive",
        "directive_id": "DIR1",
        "title": "Module in use",
        "requires": "module_in_use",
        "levels": ["PHC"],
        "district_ids": ["ajmer"],
        "deadline": "2026-03-10",
    },
    {
        "kind": "chain",
        "chain_id": "CH1",
        "state": "RJ",
        "district_id": "ajmer",
        "steps": [{"officer": "district", "title": "CMHO", "after_hours": 0}],
    },
    {
        "kind": "threshold",
        "threshold_id": "TH1",
        "rule": "no_count",
        "level": "PHC",
        "state": "RJ",
        "parameters": {"days": 30},
    },
    *(
        {
            "kind": "facility",
            "facility_id": facility_id,
            "name": facility_id,
            "level": "PHC",
            "district_id": "ajmer",
            "state": "RJ",
            "location": {"lat": 26.45, "lon": 74.0},
        }
        for facility_id in FACILITIES
    ),
]
DECISION = DeadLetterDecision(
    kind="dead_letter_decision",
    topic="stock-events",
    partition=7,
    log_offset=0,
    letter_kind="conflict",
    decision="discarded",
    reason="typed on another tablet",
)
"""About a record that is no dead letter: it stands, and changes nothing."""


async def append_everything(stack: Stack, folder: Path, rounds: int = 8) -> None:
    """Some rounds of all facilities, and what gives rows to every other table."""
    keys = KeyRing(folder / "keys.json", "RJ")
    await append_some(stack, folder, rounds)
    events = [
        {
            "event_id": event_id("full log", number, seed=0),
            "facility_id": FACILITY,
            "occurred_at": WHEN,
        }
        | event
        for number, event in enumerate(EVENTS)
    ]
    again = events[-1] | {"lines": [LOT | {"quantity": 9}]}
    log = EventLog(stack.kafka_settings)
    await log.start()
    answers = await log.append(
        [
            *(encode(event, keys, PARTITIONS) for event in (*events, events[0], again)),
            *(
                encode_reference(
                    posted_reference.validate_python(record), recorded_by="test", source="api"
                )
                for record in REFERENCES
            ),
            encode_reference(DECISION, recorded_by="test", source="cli"),
            *(encode_alert(fact) for fact in history(FACILITY)),
            encode_alert(found(Subject(district_id="ajmer", item_id="ors"), "opened", 1)),
        ]
    )
    await log.stop()
    assert all(isinstance(answer, Appended) for answer in answers)
    for topic in TOPICS:
        await append_bytes(stack, topic, b"no event")


async def append_bytes(stack: Stack, topic: str, value: bytes, partition: int = 0) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers)
    await producer.start()
    await producer.send_and_wait(topic, value, partition=partition)
    await producer.stop()


async def project_log(stack: Stack, model: int = 1) -> None:
    """Project up to the log's end, as a worker would."""
    settings = ProjectorSettings(database_url=stack.database_url)
    kafka = stack.kafka_settings
    async with (
        open_log(kafka) as log,
        open_filling(settings, kafka, log, model=model) as filling,
    ):
        await filling.reach(await log.find_ends(PROJECTED_TOPICS))
        await filling.settle()
