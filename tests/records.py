"""Log records made by hand, for what no API would append."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import ConsumerRecord

from stream.batches import LogRecord, RecordBatch
from stream.keyring import KeyRing
from stream.topics import STOCK_EVENTS
from tests.pharmacy import Event, encode

STAMP = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp() * 1000)

Headers = Sequence[tuple[str, bytes | None]]


def raw_record(
    offset: int,
    *,
    key: bytes | None = b"PHC-1",
    value: bytes | None = b"{}",
    headers: Headers = (),
    topic: str = STOCK_EVENTS,
    partition: int = 0,
) -> LogRecord:
    """Any bytes, as a consumer would hand them on."""
    return ConsumerRecord(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=STAMP + offset,
        timestamp_type=1,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=len(key or b""),
        serialized_value_size=len(value or b""),
        headers=tuple(headers),
    )


class Writer:
    """Makes the records of one partition of `stock-events`, with offsets in a row."""

    def __init__(self, folder: Path, partition: int = 0, epoch: int = 1) -> None:
        self.next_offset = 0
        self.partition = partition
        self.epoch = epoch
        self._keys = KeyRing(folder / "keys.json", "RJ")

    def event(self, event: Event) -> LogRecord:
        outgoing = encode(event, self._keys, 1)
        return self.raw(key=outgoing.key, value=outgoing.value, headers=outgoing.headers)

    def raw(
        self,
        *,
        key: bytes | None = b"PHC-1",
        value: bytes | None = b"{}",
        headers: Headers = (),
    ) -> LogRecord:
        offset = self.next_offset
        self.next_offset += 1
        return raw_record(offset, key=key, value=value, headers=headers, partition=self.partition)

    def batch(self, *records: LogRecord) -> RecordBatch:
        return RecordBatch(STOCK_EVENTS, self.partition, self.epoch, records)
