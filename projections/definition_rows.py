"""The definition as rows: for each table, natural key → values, as `projections.tables` names them.

Numbers of the dictionaries don't appear: they differ between rebuilds.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypeAlias

import orjson

from projections.alerts import AlertArrival, AlertBook, event_row
from projections.arrivals import Arrival
from projections.companions import list_manufacturers, list_transfer_lines
from projections.dead_letters import COLUMNS, DeadLetter, dead_letter_row
from projections.decisions import settle
from projections.definition import Ledger, Recorded
from projections.entries import list_entries, reversed_event_id
from projections.reference import ReferenceArrival, list_decisions, list_reference_rows
from stream.events import LoggedLotHeld, LoggedLotReleased

Rows: TypeAlias = dict[tuple[Any, ...], tuple[Any, ...]]


def as_recorded(arrival: Arrival, *, set_aside: bool, with_body: bool = True) -> Recorded:
    """The event as the definition takes it; the body, which is large, only where it is compared."""
    record = arrival.record
    return Recorded(
        arrival.event,
        arrival.content_sha256,
        arrival.recorded_at,
        record.offset,
        record.partition,
        arrival.body.encode() if with_body else b"",
        set_aside,
    )


def list_rows(ledger: Ledger) -> dict[str, Rows]:
    """The rows of every table that is computed from events."""
    activity: dict[str, Rows] = {"facility_activity": list_activity(ledger)}
    return list_event_rows(ledger) | list_card_rows(ledger) | activity


def list_event_rows(ledger: Ledger) -> dict[str, Rows]:
    """The rows that say what an event says."""
    return {
        "event": {key: _event(ledger, key, record) for key, record in ledger.events.items()},
        "reversal": _list_reversals(ledger),
        "complete_count": _list_complete_counts(ledger),
        "transfer_line": _list_transfer_lines(ledger),
        "lot_hold": _list_holds(ledger),
        "lot_manufacturer": _list_manufacturers(ledger),
    }


def list_card_rows(ledger: Ledger) -> dict[str, Rows]:
    """The rows of stock cards."""
    return {
        "ledger_entry": {
            (*card, *entry[:3]): entry[3:]
            for card, entries in ledger.entries.items()
            for entry in entries
        },
        "card": {
            card: (*state, *ledger.entries[card][-1][:3]) for card, state in ledger.cards.items()
        },
    }


def _event(ledger: Ledger, key: tuple[str, str], record: Recorded) -> tuple[Any, ...]:
    return (
        record.event.type,
        record.event.occurred_at,
        record.recorded_at,
        ledger.reversed_at.get(key),
        record.partition,
        record.log_offset,
        record.content_sha256,
        orjson.loads(record.body),
    )


def _list_reversals(ledger: Ledger) -> Rows:
    """Which event reverses which, also where the reversed one isn't there."""
    return {
        (facility_id, target, event_id): (record.recorded_at,)
        for (facility_id, event_id), record in ledger.events.items()
        if (target := reversed_event_id(record.event)) is not None
    }


def _list_complete_counts(ledger: Ledger) -> Rows:
    return {
        (facility_id, entry[0], record.event.occurred_at, event_id): ()
        for (facility_id, event_id), record in ledger.events.items()
        if record.event.type == "stock_counted" and record.event.complete
        for entry in list_entries(record.event)
    }


def _list_transfer_lines(ledger: Ledger) -> Rows:
    return {
        (facility_id, event_id, line[0]): line[1:]
        for (facility_id, event_id), record in ledger.events.items()
        for line in list_transfer_lines(record.event)
    }


def _list_holds(ledger: Ledger) -> Rows:
    rows: Rows = {}
    for (facility_id, event_id), record in ledger.events.items():
        event = record.event
        if isinstance(event, LoggedLotHeld | LoggedLotReleased):
            key = (facility_id, event.item_id, event.lot, event.occurred_at, event_id)
            rows[key] = (event.type == "lot_held",)
    return rows


def _list_manufacturers(ledger: Ledger) -> Rows:
    return {
        (facility_id, item_id, lot, event_id, line_no): (manufacturer,)
        for (facility_id, event_id), record in ledger.events.items()
        for item_id, lot, line_no, manufacturer in list_manufacturers(record.event)
    }


def list_activity(ledger: Ledger) -> Rows:
    """A facility was last heard of by its newest applied event; a repetition tells nothing new."""
    heard: Rows = {}
    for (facility_id, _), record in ledger.events.items():
        at = record.recorded_at
        last, ahead, first = heard.get((facility_id,), (at, timedelta(), at))
        heard[facility_id,] = (
            max(last, at),
            max(ahead, record.event.occurred_at - at),
            min(first, at),
        )
    return heard


def list_records(arrivals: Iterable[ReferenceArrival]) -> dict[str, Rows]:
    """The rows of reference records: one a record, and of each letter the decision that stands.

    With all the records about a letter that there are, in the log's order.
    """
    arrivals = list(arrivals)
    rows: dict[str, Rows] = {
        table: {
            row[:3]: tuple(
                orjson.loads(value) if column == "body" else value
                for column, value in zip(columns[3:], row[3:], strict=True)
            )
            for row in rows
        }
        for table, (columns, rows) in list_reference_rows(arrivals).items()
    }
    standing = settle(list_decisions(arrivals), {})
    return rows | {"dead_letter_decision": {one[:3]: one[3:] for one in standing.values()}}


def list_alert_rows(
    arrivals: Iterable[AlertArrival],
) -> tuple[dict[str, Rows], list[AlertArrival]]:
    """The rows of facts about alerts, and conflicts. All of a place, in the log's order."""
    book = AlertBook()
    for arrival in arrivals:
        book.tell(arrival)
    events: Rows = {}
    for arrival in book.counted:
        *values, body = event_row(arrival)
        place, alert_id, event_id = values[:3]
        events[place, str(alert_id), str(event_id)] = (*values[3:], orjson.loads(body))
    rows: dict[str, Rows] = {
        "alert": {
            key: alert.row(alert.subject.facility_id, alert.subject.item_id)
            for key, alert in book.alerts.items()
        },
        "alert_event": events,
    }
    return rows, book.conflicts


def list_letters(letters: Iterable[DeadLetter]) -> dict[str, Rows]:
    """The rows of records that are not applied."""
    rows: Rows = {}
    for letter in letters:
        row = dict(zip(COLUMNS, dead_letter_row(letter), strict=True))
        row["event_id"] = None if letter.event_id is None else str(letter.event_id)
        row["headers"] = orjson.loads(row["headers"])
        values = tuple(row.values())
        rows[values[:3]] = values[3:]
    return {"dead_letter": rows}
