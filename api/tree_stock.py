"""A facility's stock with all that are part of it: items summed over the tree."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from fastapi import Request, Response
from pydantic import TypeAdapter

from api.answers import answer, facility_not_found
from api.cursors import decode_cursor, encode_cursor
from api.items import describe_item, zone
from api.services import services_of
from projections.figures.rating import SUPPLIERS
from projections.queries.item_rows import ItemRow
from projections.queries.tree_stock import TreeStock, find_tree_stock
from projections.stock_norm import FORMULAS, Rating, status_of, summed_norm
from stream.fields import Id, Instant

TREE_CURSOR: Final[TypeAdapter[tuple[Id, Instant]]] = TypeAdapter(tuple[Id, Instant])

Lot = tuple[str | None, date | None, str]


async def read_tree_stock(
    request: Request,
    facility_id: str,
    *,
    item_id: str | None,
    status: str | None,
    limit: int,
    cursor: str | None,
) -> Response:
    reading = services_of(request).reading
    after = decode_cursor(cursor, TREE_CURSOR)[0] if cursor else ""
    stock = await find_tree_stock(reading.model, facility_id=facility_id, item_id=item_id)
    if stock is None:
        raise facility_not_found(facility_id)
    taken_at = stock.snapshot.taken_at
    items = [
        item
        for item in sum_items(stock, taken_at)
        if item["item_id"] > after and status in (None, item["status"])
    ]
    more = len(items) > limit
    items = items[:limit]
    heard = [member.last_heard_at for member in stock.members if member.last_heard_at]
    body = {
        "facility_id": facility_id,
        "as_of": taken_at,
        "known_at": stock.snapshot.known_at,
        "position": stock.snapshot.token.encode(),
        "last_heard_at": min(heard, default=None),
        "reporting": None,
        "suspect": stock.suspect,
        "open_discrepancies": None,
        "facilities": [member._asdict() for member in stock.members],
        "formulas": FORMULAS,
        "items": items,
        "next_cursor": encode_cursor(items[-1]["item_id"], taken_at) if more else None,
    }
    return answer(request, reading, body, stock.snapshot, whole_state=True)


def sum_items(stock: TreeStock, at: datetime) -> list[dict[str, Any]]:
    """By item_id; `at` says which day it is at each facility."""
    levels = {member.facility_id: member.level for member in stock.members}
    names: dict[str, str | None] = {row.stock.item_id: row.stock.name for row in stock.rows}
    essential = {item.item_id: item.name for item in stock.essential}
    parts: dict[str, list[ItemRow]] = defaultdict(list)
    for row in stock.rows:
        parts[row.stock.item_id].append(row)
    return [
        {
            "item_id": item_id,
            "name": name,
            "essential": item_id in essential,
            **_sum(parts.get(item_id, ()), levels, at, stock.in_transit.get(item_id, 0)),
        }
        for item_id, name in sorted((names | essential).items())
    ]


def _sum(
    rows: Iterable[ItemRow], levels: Mapping[str, str], at: datetime, in_transit: int
) -> dict[str, Any]:
    """A store's consumption is what it issues to the counters, which give it out: not twice."""
    told = [describe_item(row.stock, at.astimezone(zone(row.time_zone)).date()) for row in rows]
    usable = sum(part["usable"] for part in told)
    rated: list[Rating] = [
        row.stock.rating
        for row in rows
        if levels[row.facility_id] not in SUPPLIERS
        and row.stock.rating is not None
        and row.stock.rating.min_quantity is not None
    ]
    norm = summed_norm(usable, rated, in_transit)
    since = [part["out_since"] for part in told if part["out_since"]]
    lots: dict[Lot, int] = defaultdict(int)
    for part in told:
        for lot in part["lots"]:
            lots[lot["lot"], lot["expiry"], lot["state"]] += lot["on_hand"]
    return {
        "on_hand": sum(part["on_hand"] for part in told),
        "usable": usable,
        "status": status_of(usable, norm and norm["min_quantity"], norm and norm["max_quantity"]),
        "out_since": max(since, default=None) if usable <= 0 else None,
        "norm": norm,
        "expiring": sum(part["expiring"] for part in told),
        "expected_waste": None,
        "lots": [
            {"lot": lot, "expiry": expiry, "on_hand": on_hand, "state": state}
            for (lot, expiry, state), on_hand in sorted(lots.items(), key=_first_expiry_first)
        ],
    }


def _first_expiry_first(lot: tuple[Lot, int]) -> tuple[date, str, str]:
    (name, expiry, state), _ = lot
    return expiry or date.max, name or "", state
