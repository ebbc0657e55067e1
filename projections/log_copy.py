"""A partition's records on disk, in buckets by key: each is read back and folded on its own.

So a partition of any size is folded in the memory that one bucket takes. A bucket has whole
facilities; one that is too large for that is divided further by `projections.sliced_check`.
The files have no names: they are gone with the process, however it ends.
"""

import hashlib
import marshal
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import ConsumerRecord

from stream.batches import LogRecord

BUCKET_RECORDS: Final = 8_000
"""About so many records are folded at a time, unless they are large (`projections.verify`)."""

MOST_BUCKETS: Final = 250
"""Each is an open file."""

LENGTH_BYTES: Final = 4


def bucket_of(key: bytes | None, buckets: int) -> int:
    """As `projections.tables.OF_KEYS` has it in SQL."""
    return int.from_bytes(hashlib.sha256(key or b"").digest()[:2], "big") % buckets


class RecordFiles:
    """Records of one partition, in files by number."""

    def __init__(self, topic: str, partition: int, files: int) -> None:
        self._topic, self._partition = topic, partition
        self.counts = [0] * files
        """How many records each file has."""
        self.sizes = [0] * files
        """How many bytes they take."""
        self._open = ExitStack()
        self._files = [
            self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (is on the stack)
            for _ in range(files)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def write(self, record: LogRecord, recorded_ms: int, files: Iterable[int]) -> None:
        row = (
            record.offset,
            recorded_ms,
            record.key,
            record.value,
            [tuple(header) for header in record.headers],
        )
        frame = marshal.dumps(row)
        frame = len(frame).to_bytes(LENGTH_BYTES, "big") + frame
        for number in files:
            self._files[number].write(frame)
            self.counts[number] += 1
            self.sizes[number] += len(frame)

    def read(self, number: int) -> Iterator[tuple[LogRecord, datetime]]:
        """The records of a file, in the order of writing, with their recorded_at."""
        file = self._files[number]
        file.seek(0)
        while length := file.read(LENGTH_BYTES):
            yield self._restore(*marshal.loads(file.read(int.from_bytes(length, "big"))))

    def empty(self, number: int) -> None:
        """Give its place on disk back."""
        self._files[number].truncate(0)

    def _restore(
        self, offset: int, recorded_ms: int, key: Any, value: Any, headers: Any
    ) -> tuple[LogRecord, datetime]:
        record: LogRecord = ConsumerRecord(
            topic=self._topic,
            partition=self._partition,
            offset=offset,
            timestamp=recorded_ms,
            timestamp_type=1,
            key=key,
            value=value,
            checksum=None,
            serialized_key_size=-1,
            serialized_value_size=-1,
            headers=headers,
        )
        return record, datetime.fromtimestamp(recorded_ms / 1000, UTC)


class LogCopy(RecordFiles):
    """All records of one partition, in the log's order within each bucket."""

    def __init__(self, topic: str, partition: int, *, records: int) -> None:
        """`records`: how many there will be, about."""
        self.buckets = max(1, min(MOST_BUCKETS, records // BUCKET_RECORDS))
        super().__init__(topic, partition, self.buckets)
        self._recorded_ms = 0

    def add(self, record: LogRecord) -> None:
        """Records come in the log's order: recorded_at is never before its predecessor's."""
        self._recorded_ms = max(self._recorded_ms, record.timestamp)
        self.write(record, self._recorded_ms, [bucket_of(record.key, self.buckets)])
