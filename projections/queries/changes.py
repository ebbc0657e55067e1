"""What changed since a mark in the log, and where to go on from.

A mark is a position with what a position alone doesn't tell: which replays of dead letters are
under way. A replayed record keeps its old place in the log, so nothing behind a mark names it but
the decision, which may come long before its effect. A mark's token therefore stays before the
decisions that are not worked off yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Self

from projections.queries.changed import CHANGED
from projections.queries.item_rows import ROWS, ItemRow
from projections.reading import EVERYTHING, ReadModel, Snapshot
from stream.tokens import PositionToken, TopicPartition
from stream.topics import REFERENCE, STOCK_EVENTS

MARK: Final = f"""
    {EVERYTHING}, current_schema() AS model,
    (SELECT json_agg(decided_offset) FROM dead_letter_decision AS decision
     JOIN dead_letter AS letter USING (topic, partition, log_offset)
     WHERE decision = 'replayed' AND kind <> 'conflict'
       AND tried_offset IS DISTINCT FROM decided_offset) AS replaying
"""
"""Beside the positions: decisions to replay a dead letter that no worker has worked off yet."""

FIND_MARK: Final = f"SELECT {MARK}"

CHANGES: Final = f"""
WITH RECURSIVE {CHANGED}, wanted AS MATERIALIZED (
    SELECT * FROM changed WHERE (SELECT count(*) FROM changed) <= $6
), {ROWS}
SELECT {MARK}, (SELECT rows FROM listed) AS rows,
    (SELECT records > $5 FROM behind) OR (SELECT count(*) > $6 FROM changed) AS too_many
"""


class Filters(NamedTuple):
    """None: whatever it is. They are and'ed."""

    facility_ids: frozenset[str] | None = None
    district_ids: frozenset[str] | None = None
    item_ids: frozenset[str] | None = None

    def match(self, row: ItemRow) -> bool:
        facility_ids, district_ids, item_ids = self
        return (
            (facility_ids is None or row.facility_id in facility_ids)
            and (district_ids is None or row.district_id in district_ids)
            and (item_ids is None or row.stock.item_id in item_ids)
        )


REFERENCE_PLACE: Final[TopicPartition] = (REFERENCE, 0)


@dataclass(frozen=True, slots=True)
class Mark:
    """`replaying`: offsets of decisions in `reference`. `recorded_at` by partition of stock-events
    is None where nobody knows it."""

    cluster_id: str
    next_offsets: Mapping[TopicPartition, int]
    replaying: Sequence[int] = ()
    recorded_at: Mapping[int, datetime | None] | None = None

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Of an answer with the columns of `MARK`."""
        stamps = {
            one.partition: one.recorded_at
            for one in snapshot.standings
            if one.topic == STOCK_EVENTS
        }
        return cls(snapshot.cluster_id, snapshot.next_offsets, snapshot.loads("replaying"), stamps)

    @classmethod
    def of_token(cls, token: PositionToken) -> Self:
        return cls(token.cluster_id, token.offsets)

    @property
    def token(self) -> PositionToken:
        reference = min([self.next_offsets.get(REFERENCE_PLACE, 0), *self.replaying])
        return PositionToken(self.cluster_id, {**self.next_offsets, REFERENCE_PLACE: reference})

    def records_since(self, token: PositionToken) -> int:
        """How many records of stock-events are between."""
        return sum(
            max(0, next_offset - token.offsets.get(place, 0))
            for place, next_offset in self.next_offsets.items()
            if place[0] == STOCK_EVENTS
        )

    def arguments(self) -> tuple[object, ...]:
        """$1 to $4 of `CHANGED`."""
        partitions = 1 + max(
            (partition for topic, partition in self.next_offsets if topic == STOCK_EVENTS),
            default=-1,
        )
        stamps = self.recorded_at
        return (
            [self.next_offsets.get((STOCK_EVENTS, number), 0) for number in range(partitions)],
            self.next_offsets.get(REFERENCE_PLACE, 0),
            list(self.replaying),
            None if stamps is None else [stamps.get(number) for number in range(partitions)],
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """`model`: which read model answered. `rows` is empty where there are too many."""

    mark: Mark
    model: str
    taken_at: datetime
    rows: Sequence[ItemRow] = ()
    too_many: bool = False

    @property
    def source(self) -> tuple[str, str]:
        """Marks of another source can't be gone on from."""
        return self.mark.cluster_id, self.model


async def find_mark(model: ReadModel) -> Changes:
    """Where things stand now."""
    snapshot = await model.fetch(FIND_MARK)
    return Changes(Mark.of(snapshot), snapshot.row["model"], snapshot.taken_at)


async def find_changes(
    model: ReadModel, since: Mark, *, most_records: int, most_rows: int
) -> Changes:
    """What changed since a mark; all in one snapshot, so each row is as of the new mark.

    With more new records, or changed rows, than asked for, there are no rows.
    """
    snapshot = await model.fetch(CHANGES, *since.arguments(), most_records, most_rows)
    rows = [ItemRow.of(*fields) for fields in snapshot.loads("rows")]
    return Changes(
        Mark.of(snapshot),
        snapshot.row["model"],
        snapshot.taken_at,
        rows,
        snapshot.row["too_many"],
    )
