"""Bodies to post, and what the log holds of them."""

import uuid
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from stream.codec import OutgoingRecord, encode_reference
from stream.posting import parse_reference
from stream.topics import STOCK_EVENTS, TOPICS
from tests.stack import PARTITIONS, Stack

FACILITY = {"name": "PHC One", "level": "PHC", "district_id": "jaipur", "state": "Rajasthan"}


def receipt(**changes: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "type": "stock_received",
        "facility_id": "F1",
        "occurred_at": "2026-01-31T10:15:00+05:30",
        "lines": [{"item_id": "PCM", "lot": "A", "expiry": "2027-03", "quantity": 100}],
    } | changes


def dispense(**changes: Any) -> dict[str, Any]:
    return (
        receipt(
            type="medicine_dispensed",
            channel="opd",
            lines=[{"item_id": "PCM", "lot": "A", "quantity": 10}],
        )
        | changes
    )


def record(number: int, partition: int = 0) -> OutgoingRecord:
    """Some record, to be appended to a partition of stock-events."""
    district = {"kind": "district", "district_id": f"D{number}", "name": "D", "state": "RJ"}
    encoded = encode_reference(parse_reference(district), recorded_by="open", source="api")
    return OutgoingRecord(STOCK_EVENTS, partition, encoded.key, encoded.value, encoded.headers)


async def read_log(stack: Stack, topic: str = STOCK_EVENTS) -> list["ConsumerRecord[bytes, bytes]"]:
    """All records of a topic, by partition and offset."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap_servers)
    await consumer.start()
    try:
        count = PARTITIONS if topic == STOCK_EVENTS else 1
        places = [TopicPartition(topic, partition) for partition in range(count)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        records: list[ConsumerRecord[bytes, bytes]] = []
        left = sum((await consumer.end_offsets(places)).values())
        while len(records) < left:
            batches = await consumer.getmany(timeout_ms=1000)
            records.extend(one for batch in batches.values() for one in batch)
        return sorted(records, key=lambda one: (one.partition, one.offset))
    finally:
        await consumer.stop()


async def count_records(stack: Stack) -> int:
    """How many records all topics hold."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap_servers)
    await consumer.start()
    try:
        places = [
            TopicPartition(topic, partition)
            for topic in TOPICS
            for partition in range(1 if topic == "reference" else PARTITIONS)
        ]
        return sum((await consumer.end_offsets(places)).values())
    finally:
        await consumer.stop()
