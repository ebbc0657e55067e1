"""Rows of a read model, as the projector would write them."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from projections.figures.days import india_day
from projections.queries.stock import ItemStock

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def this_second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def event_uuid(number: int) -> str:
    return str(UUID(int=number))


def as_pushed(item: ItemStock) -> ItemStock:
    """As its row of live push or pull has it, which is looked up for many and so knows less."""
    return item._replace(rating=item.rating and item.rating._replace(in_transit=None, unmet=None))


@dataclass
class Rows:
    """`now`: when the test began."""

    connection: asyncpg.Connection
    offsets: "count[int]" = field(default_factory=count)
    now: datetime = field(default_factory=this_second)

    @property
    def today(self) -> date:
        """India's day, which doesn't end during the test."""
        return india_day(self.now)

    async def add_position(
        self, topic: str, partition: int, next_offset: int, recorded_at: datetime | None = LONG_AGO
    ) -> None:
        await self.connection.execute(
            "INSERT INTO position (topic, partition, next_offset, recorded_at) "
            "VALUES ($1, $2, $3, $4) ON CONFLICT (topic, partition) "
            "DO UPDATE SET next_offset = $3, recorded_at = $4",
            topic,
            partition,
            next_offset,
            recorded_at,
        )

    async def add_facility(
        self,
        facility_id: str,
        *,
        valid_from: datetime = LONG_AGO,
        level: str = "PHC",
        district_id: str = "D1",
        parent: str | None = None,
        time_zone: str = "Asia/Kolkata",
        name: str | None = None,
        **more: Any,
    ) -> None:
        body = {
            "kind": "facility",
            "schema_version": 1,
            "facility_id": facility_id,
            "name": name or f"Facility {facility_id}",
            "level": level,
            "district_id": district_id,
            "state": "RJ",
            "time_zone": time_zone,
            "recorded_by": "open",
            "source": "api",
            **more,
        } | ({"parent_facility_id": parent} if parent else {})
        await self.connection.execute(
            "INSERT INTO facility_record VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'RJ', $9, $10)",
            facility_id,
            valid_from,
            next(self.offsets),
            LONG_AGO,
            body["name"],
            level,
            parent,
            district_id,
            time_zone,
            orjson.dumps(body).decode(),
        )

    async def add_item(
        self,
        item_id: str,
        *,
        name: str | None = None,
        valid_from: datetime = LONG_AGO,
        **more: Any,
    ) -> None:
        body = {"kind": "item", "item_id": item_id, "base_unit": "tablet", **more}
        body["name"] = name or f"Item {item_id}"
        await self.connection.execute(
            "INSERT INTO item_record VALUES ($1, $2, $3, $4, $5, 'tablet', $6)",
            item_id,
            valid_from,
            next(self.offsets),
            LONG_AGO,
            body["name"],
            orjson.dumps(body).decode(),
        )

    async def add_district(self, district_id: str, *, state: str = "RJ") -> None:
        body = {"kind": "district", "district_id": district_id, "name": district_id, "state": state}
        await self.connection.execute(
            "INSERT INTO district_record VALUES ($1, $2, $3, $2, $1, $4, $5)",
            district_id,
            LONG_AGO,
            next(self.offsets),
            state,
            orjson.dumps(body).decode(),
        )

    async def add_norm(
        self,
        norm_id: str,
        *,
        item_id: str | None = None,
        level: str | None = None,
        withdrawn: bool = False,
        valid_from: datetime = LONG_AGO,
    ) -> None:
        body = {"norm_id": norm_id, "item_id": item_id, "level": level, "withdrawn": withdrawn}
        await self.connection.execute(
            "INSERT INTO norm_record VALUES ($1, $2, $3, $4, $5, $6, NULL, 30, 15, 30, 90, $7, $8)",
            norm_id,
            valid_from,
            next(self.offsets),
            LONG_AGO,
            level,
            item_id,
            withdrawn,
            orjson.dumps(body).decode(),
        )

    async def add_closure(
        self,
        closure_id: str,
        first_day: date,
        last_day: date,
        *,
        facility_id: str | None = None,
        district_id: str | None = None,
        state: str | None = None,
        withdrawn: bool = False,
        valid_from: datetime = LONG_AGO,
    ) -> None:
        body = {"closure_id": closure_id, "first_day": first_day, "last_day": last_day}
        await self.connection.execute(
            "INSERT INTO closure_record VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            closure_id,
            valid_from,
            next(self.offsets),
            LONG_AGO,
            facility_id,
            district_id,
            state,
            first_day,
            last_day,
            withdrawn,
            orjson.dumps(body | {"withdrawn": withdrawn}).decode(),
        )

    async def facility_no(self, facility_id: str) -> int:
        return await self._number("facility", facility_id)

    async def item_no(self, item_id: str) -> int:
        return await self._number("item", item_id)

    async def add_card(
        self,
        facility_id: str,
        item_id: str,
        lot: str,
        on_hand: int,
        *,
        expiry: date | None = None,
        moved_days_ago: float = 1,
    ) -> None:
        await self.connection.execute(
            "INSERT INTO card VALUES ($1, $2, $3, $4, $5, $6, $7, 1)",
            await self.facility_no(facility_id),
            await self.item_no(item_id),
            lot,
            on_hand,
            expiry,
            datetime.now(UTC) - timedelta(days=moved_days_ago),
            event_uuid(1),
        )

    async def add_item_state(
        self,
        facility_id: str,
        item_id: str,
        *,
        out_since: datetime | None = None,
        window_days: int | None = 30,
        consumed: int = 0,
        available_days: int = 30,
        kept: tuple[int | None, int | None] = (None, None),
    ) -> None:
        """`kept`: the minimum and the maximum. What the reads don't take from it isn't said."""
        await self.connection.execute(
            "INSERT INTO item_state VALUES ($1, $2, 0, 0, 0, 'out', $3, false, NULL, NULL, 0, NULL,"
            " NULL, $4, $5, $6, $7, $8)",
            await self.facility_no(facility_id),
            await self.item_no(item_id),
            out_since,
            window_days,
            consumed,
            available_days * 86_400,
            *kept,
        )

    async def add_event(
        self,
        facility_id: str,
        event_id: str,
        *,
        occurred_at: datetime = LONG_AGO,
        recorded_at: datetime = LONG_AGO,
        reversed_at: datetime | None = None,
        event_type: str = "stock_received",
        partition: int = 0,
        **fields: Any,
    ) -> None:
        body = {
            "event_id": event_id,
            "type": event_type,
            "facility_id": facility_id,
            "occurred_at": occurred_at,
            "recorded_by": "open",
            "source": "api",
            **fields,
        }
        await self.connection.execute(
            "INSERT INTO event VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '\\x', $9)",
            await self.facility_no(facility_id),
            event_id,
            event_type,
            occurred_at,
            recorded_at,
            reversed_at,
            partition,
            next(self.offsets),
            orjson.dumps(body, option=orjson.OPT_UTC_Z).decode(),
        )

    async def add_entry(
        self,
        facility_id: str,
        item_id: str,
        lot: str,
        event_id: str,
        *,
        occurred_at: datetime,
        quantity: int,
        balance: int,
        is_count: bool = False,
        line_no: int = 1,
        reversed_at: datetime | None = None,
    ) -> None:
        await self.connection.execute(
            "INSERT INTO ledger_entry VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            await self.facility_no(facility_id),
            await self.item_no(item_id),
            lot,
            occurred_at,
            event_id,
            line_no,
            is_count,
            quantity,
            balance,
            LONG_AGO,
            reversed_at,
        )

    async def add_dead_letter(
        self, facility_id: str, event_id: str, kind: str, value: bytes = b"{}"
    ) -> None:
        await self.connection.execute(
            "INSERT INTO dead_letter (topic, partition, log_offset, kind, reason, facility_id,"
            " event_id, recorded_at, record_key, record_value, headers) VALUES"
            " ('stock-events', 0, $1, $2, 'a reason', $3, $4, $5, $6, $7, '[]')",
            next(self.offsets),
            kind,
            facility_id,
            event_id,
            LONG_AGO,
            facility_id.encode(),
            value,
        )

    async def _number(self, kind: str, text_id: str) -> int:
        await self.connection.execute(
            f"INSERT INTO {kind}_number ({kind}_id) VALUES ($1) ON CONFLICT DO NOTHING", text_id
        )
        number: int = await self.connection.fetchval(
            f"SELECT {kind}_no FROM {kind}_number WHERE {kind}_id = $1", text_id
        )
        return number
