"""The entries of stock cards in fold order."""

from datetime import UTC, datetime, timedelta

from api.card import FIRST
from api.parameters import EARLIEST, LATEST
from projections.queries.card import Card, CardEntry, CardKey, find_card
from projections.reading import ReadModel
from tests.integration.reading.rows import Rows, event_uuid

T = datetime(2026, 1, 1, tzinfo=UTC)


def minute(number: int) -> datetime:
    return T + timedelta(minutes=number)


async def card_of(
    model: ReadModel,
    *,
    lot: str | None = None,
    occurred_from: datetime = EARLIEST,
    occurred_to: datetime = LATEST,
    after: CardKey = FIRST,
    limit: int = 100,
) -> list[CardEntry]:
    card = await find_card(
        model,
        facility_id="F1",
        partition=0,
        item_id="A",
        lot=lot,
        occurred_from=occurred_from,
        occurred_to=occurred_to,
        after=after,
        limit=limit,
    )
    assert isinstance(card, Card)
    return card.entries


def key_of(entry: CardEntry) -> CardKey:
    occurred_at = datetime.fromisoformat(entry.occurred_at)
    return CardKey(occurred_at, entry.event_id, entry.line_no, entry.lot)


async def fill(rows: Rows) -> None:
    """Lot x: +10, a reversed −3, counted 8, −1. Lot y: +4, and 0 implied by the count of x."""
    await rows.add_facility("F1")
    await rows.add_card("F1", "A", "x", 7)
    await rows.add_card("F1", "A", "y", 0)
    for number, event_type in enumerate(
        ("stock_received", "stock_issued", "stock_counted", "stock_issued"), 1
    ):
        await rows.add_event("F1", event_uuid(number), event_type=event_type)
    x = "F1", "A", "x"
    await rows.add_entry(*x, event_uuid(1), occurred_at=minute(1), quantity=10, balance=10)
    await rows.add_entry(
        *x, event_uuid(2), occurred_at=minute(2), quantity=-3, balance=10, reversed_at=minute(9)
    )
    await rows.add_entry(
        *x, event_uuid(3), occurred_at=minute(3), quantity=8, balance=8, is_count=True
    )
    await rows.add_entry(*x, event_uuid(4), occurred_at=minute(4), quantity=-1, balance=7)
    y = "F1", "A", "y"
    await rows.add_entry(*y, event_uuid(1), occurred_at=minute(1), quantity=4, balance=4, line_no=2)
    await rows.add_entry(
        *y, event_uuid(3), occurred_at=minute(3), quantity=0, balance=0, is_count=True, line_no=0
    )


async def test_all_lots_in_fold_order(model: ReadModel, rows: Rows) -> None:
    await fill(rows)
    entries = await card_of(model)
    assert [(entry.lot, entry.quantity, entry.balance) for entry in entries] == [
        ("x", 10, 10),
        ("y", 4, 4),
        ("x", -3, 10),
        ("y", 0, 0),
        ("x", 8, 8),
        ("x", -1, 7),
    ]
    assert [entry.type for entry in entries][:3] == [
        "stock_received",
        "stock_received",
        "stock_issued",
    ]
    assert [entry.reversed for entry in entries] == [False, False, True, False, False, False]


async def test_variance_is_against_the_balance_before(model: ReadModel, rows: Rows) -> None:
    await fill(rows)
    assert [entry.variance for entry in await card_of(model) if entry.is_count] == [-4, -2]
    (alone,) = await card_of(model, lot="x", occurred_from=minute(3), occurred_to=minute(3))
    assert alone.variance == -2


async def test_one_lot_and_inclusive_bounds(model: ReadModel, rows: Rows) -> None:
    await fill(rows)
    assert len(await card_of(model, lot="x")) == 4
    assert await card_of(model, lot="") == []
    within = await card_of(model, lot="x", occurred_from=minute(2), occurred_to=minute(3))
    assert [entry.quantity for entry in within] == [-3, 8]


async def test_pages_join_without_gap_or_repetition(model: ReadModel, rows: Rows) -> None:
    await fill(rows)
    whole = await card_of(model)
    for limit in (1, 2, 3):
        read: list[CardEntry] = []
        while page := await card_of(model, after=key_of(read[-1]) if read else FIRST, limit=limit):
            read += page
        assert read == whole


async def test_implied_zeros_of_one_count_are_told_apart_by_lot(
    model: ReadModel, rows: Rows
) -> None:
    await rows.add_facility("F1")
    for lot in ("x", "y", "z"):
        await rows.add_card("F1", "A", lot, 0)
        await rows.add_entry(
            "F1", "A", lot, event_uuid(1), occurred_at=T, quantity=0, balance=0, line_no=0,
            is_count=True,
        )  # fmt: skip
    first, *_ = await card_of(model, limit=1)
    assert [entry.lot for entry in await card_of(model, after=key_of(first))] == ["y", "z"]


async def test_unknown_facility_and_item_without_cards(model: ReadModel, rows: Rows) -> None:
    missing = await find_card(
        model,
        facility_id="F1",
        partition=0,
        item_id="A",
        lot=None,
        occurred_from=EARLIEST,
        occurred_to=LATEST,
        after=FIRST,
        limit=1,
    )
    assert missing is None
    await rows.add_facility("F1")
    assert await card_of(model) == []
