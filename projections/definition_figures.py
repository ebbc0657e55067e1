"""What the figures mean, as plain and slow Python: everything is tested against it.

A function of the set of events, the set of reference records, and the day on which the facility
was evaluated. Nothing here is shared with `projections.figures` but what one event or one record
says, and the days.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from math import floor
from operator import attrgetter
from typing import Any, Final

from projections.definition import Card, LedgerEntry
from projections.definition_places import Place
from projections.figures.consumption import count_patients, list_uses
from projections.figures.days import india_day, india_midnight
from projections.usable import LotStock, usable_quantity
from stream.events import (
    LoggedLotHeld,
    LoggedStockReceived,
)
from stream.reference import LoggedRecall

Rows = dict[tuple[Any, ...], tuple[Any, ...]]

DAY: Final = timedelta(days=1)
FOR_EVER: Final = datetime(9000, 1, 1, tzinfo=UTC)
STATUSES: Final = ("out", "low", "ok", "over", "unrated", "unknown")
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def list_figures(place: Place) -> dict[str, Rows]:
    """The rows of each table of figures, by natural keys, of one facility."""
    of_items, patients = list_item_figures(place), sum_patients(place)
    return of_items | {
        "patient_day": patients,
        "facility_state": {
            (place.facility_id,): facility_state(place, of_items["item_state"], patients),
        },
    }


def list_item_figures(place: Place) -> dict[str, Rows]:
    """Of these, what is said of items."""
    uses = _sum_uses(place)
    stock_outs = {item: _list_stock_outs(place, item) for item in place.cards}
    return {
        "consumption_day": uses,
        "stock_out": {
            (place.facility_id, item, began_at): (ended_at,)
            for item, spans in stock_outs.items()
            for began_at, ended_at in spans
        },
        "item_state": _list_item_states(place, uses, stock_outs),
    }


def sum_patients(place: Place) -> Rows:
    """(day, facility_id) → how they were served."""
    patients: dict[tuple[Any, ...], list[int]] = {}
    for event in place.standing:
        uses = list_uses(event)
        if uses and (counted := count_patients(event, uses)):
            key = (india_day(event.occurred_at), place.facility_id)
            sums = patients.setdefault(key, [0, 0, 0])
            sums[:] = [a + b for a, b in zip(sums, counted, strict=True)]
    return _frozen(patients)


def _sum_uses(place: Place) -> Rows:
    uses: dict[tuple[Any, ...], list[int]] = {}
    for event in place.standing:
        for item_id, *amounts in list_uses(event):
            if place.takes(item_id):
                key = (place.facility_id, item_id, india_day(event.occurred_at))
                known = uses.setdefault(key, [0, 0, 0, 0, 0])
                known[:] = [a + b for a, b in zip(known, amounts, strict=True)]
    return _frozen(uses)


def _frozen(sums: dict[tuple[Any, ...], list[int]]) -> Rows:
    return {key: tuple(values) for key, values in sums.items()}


def _list_stock_outs(place: Place, item_id: str) -> list[tuple[datetime, datetime | None]]:
    """By looking at every instant at which anything may have changed."""
    cards = place.cards[item_id]
    standing = [e.occurred_at for of_card in cards.values() for e in of_card if not e.reversed_at]
    if not standing:
        return []
    instants = {entry.occurred_at for of_card in cards.values() for entry in of_card}
    for card in cards:
        expiry = place.ledger.cards[card].expiry
        if expiry is not None and expiry < place.evaluated_on:
            instants.add(india_midnight(expiry + DAY))
    instants |= {event.occurred_at for event in place.holds.get(item_id, ())}
    for over_time in place.book.recalls_over_time(item_id):
        instants |= {india_midnight(d) for d, _ in over_time if d <= place.evaluated_on}
    spans: list[tuple[datetime, datetime | None]] = []
    for instant in sorted(one for one in instants if one >= min(standing)):
        is_out = _usable_at(place, item_id, instant) <= 0
        if is_out and (not spans or spans[-1][1] is not None):
            spans.append((instant, None))
        elif not is_out and spans and spans[-1][1] is None:
            spans[-1] = (spans[-1][0], instant)
    return spans


def _usable_at(place: Place, item_id: str, instant: datetime) -> int:
    today = min(india_day(instant), place.evaluated_on)
    return usable_quantity(_list_lots(place, item_id, instant), today)


def _list_lots(place: Place, item_id: str, instant: datetime) -> list[LotStock]:
    day = min(india_day(instant), place.evaluated_on)
    lots = []
    for card, entries in place.cards.get(item_id, {}).items():
        until = bisect_right(entries, instant, key=attrgetter("occurred_at"))
        lots.append(
            LotStock(
                card.lot,
                place.ledger.cards[card].expiry,
                entries[until - 1].balance if until else 0,
                _is_held(place, card, instant),
                _is_recalled(place, card, day),
            )
        )
    return lots


def _is_held(place: Place, card: Card, instant: datetime) -> bool:
    holds = [e for e in place.holds.get(card.item_id, ()) if e.lot == card.lot]
    until = [event for event in holds if event.occurred_at <= instant]
    return bool(until) and isinstance(until[-1], LoggedLotHeld)


def _is_recalled(place: Place, card: Card, day: date) -> bool:
    if not card.lot:
        return False
    for over_time in place.book.recalls_over_time(card.item_id):
        counting = [recall for from_day, recall in over_time if from_day <= day]
        if counting and _recalls(place, card, counting[-1]):
            return True
    return False


def _recalls(place: Place, card: Card, recall: LoggedRecall) -> bool:
    if recall.lifted or recall.item_id != card.item_id:
        return False
    if _spelling(recall.lot) != _spelling(card.lot):
        return False
    makers = {
        _spelling(line.manufacturer)
        for event in place.standing
        if isinstance(event, LoggedStockReceived)
        for line in event.lines
        if (line.item_id, line.lot) == (card.item_id, card.lot) and line.manufacturer is not None
    }
    return recall.manufacturer is None or not makers or _spelling(recall.manufacturer) in makers


def _spelling(written: str) -> str:
    return "".join(sign for sign in written.lower() if sign.isalnum()) or written


def _list_item_states(
    place: Place, uses: Rows, stock_outs: dict[str, list[tuple[datetime, datetime | None]]]
) -> Rows:
    facility, day = place.facility, place.evaluated_on
    essential = place.book.essential_items(facility.level, day) if facility else set()
    counted_at = place.known.counted_at
    listed = place.cards.keys() | (essential if counted_at is not None else set())
    states: Rows = {}
    for item_id in filter(place.takes, listed):
        lots = _list_lots(place, item_id, FOR_EVER)
        usable = usable_quantity(lots, day)
        rating = _rate(place, item_id, uses, stock_outs.get(item_id, []))
        status = _status(usable, *rating[-2:])
        open_span = [span for span in stock_outs.get(item_id, []) if span[1] is None]
        out_since = None if usable > 0 else open_span[0][0] if open_span else counted_at
        tallied_as = None
        if item_id in essential and counted_at is not None:
            tallied_as = "unknown" if _is_silent(place) else status
        product = place.book.item(item_id, day)
        expiring = _expiring(lots, day)
        price = (product.unit_cost_paise if product else None) or 0
        states[place.facility_id, item_id] = (
            sum(lot.on_hand for lot in lots),
            usable,
            expiring,
            status,
            out_since,
            item_id in essential,
            tallied_as,
            product.unit_cost_paise if product else None,
            expiring * price,
            max((e.occurred_at for e in _entries(place, item_id)), default=None),
            *rating,
        )
    return states


def _entries(place: Place, item_id: str) -> list[LedgerEntry]:
    of_cards = place.cards.get(item_id, {}).values()
    return [entry for entries in of_cards for entry in entries]


def _expiring(lots: list[LotStock], day: date) -> int:
    """What of usable is gone if all lots that expire within 90 days were taken away."""
    later = [lot._replace(held=lot.held or _is_expiring(lot, day)) for lot in lots]
    return usable_quantity(lots, day) - usable_quantity(later, day)


def _is_expiring(lot: LotStock, day: date) -> bool:
    return bool(lot.lot) and lot.expiry is not None and lot.expiry <= day + 90 * DAY


def _rate(
    place: Place, item_id: str, uses: Rows, spans: list[tuple[datetime, datetime | None]]
) -> tuple[datetime | None, int | None, int, int, int | None, int | None]:
    """first_at, window_days, consumed, available_seconds, min_quantity, max_quantity."""
    facility, day = place.facility, place.evaluated_on
    standing = [e.occurred_at for e in _entries(place, item_id) if e.reversed_at is None]
    first_at = min(standing, default=None)
    norm = place.book.norm(place.facility_id, facility.level if facility else None, item_id, day)
    if norm is None:
        return first_at, None, 0, 0, None, None
    from_day = day - norm.window_days * DAY
    counts_issues = facility is not None and facility.level in ("STORE", "WAREHOUSE")
    consumed = sum(
        dispensed + (issued if counts_issues else 0)
        for (_, used_item, used_on), (dispensed, issued, *_) in uses.items()
        if used_item == item_id and from_day <= used_on < day
    )
    if first_at is not None:
        from_day = max(from_day, india_day(first_at))
    available = _available_seconds(place, spans, from_day)
    if consumed <= 0 or available < 7 * 86_400:
        return first_at, norm.window_days, consumed, available, None, None
    least = norm.lead_time_days + norm.safety_days
    min_quantity = -(-consumed * least * 86_400 // available)
    max_quantity = consumed * (least + norm.review_days) * 86_400 // available
    return (
        first_at,
        norm.window_days,
        consumed,
        available,
        min_quantity,
        max(min_quantity, max_quantity),
    )


def _available_seconds(
    place: Place, spans: list[tuple[datetime, datetime | None]], from_day: date
) -> int:
    """Of the days from `from_day` to the one before; what is out while closed isn't lost."""
    day, facility = place.evaluated_on, place.facility
    closed = place.book.closed_days(place.facility_id, facility, day)
    seconds, one = max(0, (day - from_day).days) * 86_400, from_day
    lost = timedelta()
    while one < day:
        if one not in closed:
            begin, end = india_midnight(one), india_midnight(one + DAY)
            for began_at, ended_at in spans:
                out = min(ended_at or end, end) - max(began_at, begin)
                lost += max(out, timedelta())
        one += DAY
    return seconds - floor(lost / timedelta(seconds=1))


def _status(usable: int, min_quantity: int | None, max_quantity: int | None) -> str:
    if usable <= 0:
        return "out"
    if min_quantity is None or max_quantity is None:
        return "unrated"
    if usable < min_quantity:
        return "low"
    return "over" if usable > max_quantity else "ok"


def _is_silent(place: Place) -> bool:
    """Whether two whole open days have passed since a record came."""
    heard_at = place.known.heard_at
    if heard_at is None:
        return True
    facility, day = place.facility, india_day(heard_at) + DAY
    closed = place.book.closed_days(place.facility_id, facility, place.evaluated_on)
    weekdays = facility.closed_weekdays if facility else None
    shut = ("sunday",) if weekdays is None else weekdays
    open_days = 0
    while day < place.evaluated_on:
        open_days += WEEKDAYS[day.weekday()] not in shut and day not in closed
        day += DAY
    return open_days >= 2


def facility_state(place: Place, states: Rows, patients: Rows) -> tuple[Any, ...]:
    """`states`: of all its items; `patients`: of all its days."""
    facility = place.facility
    counts = dict.fromkeys(STATUSES, 0)
    paise = 0
    for row in states.values():
        if row[6] is not None:
            counts[row[6]] += 1
        paise += row[8]
    return (
        place.partition,
        place.evaluated_on,
        facility.level if facility else None,
        facility.district_id if facility else None,
        facility.state if facility else None,
        place.known.counted_at,
        _is_silent(place),
        *counts.values(),
        paise,
        *patients.get((place.evaluated_on, place.facility_id), (0, 0, 0)),
        facility.parent_facility_id if facility else None,
    )
