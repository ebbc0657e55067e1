"""Which facts about alerts count, in the log's order.

Broken on purpose once, to see these tests fail: `_find` without its check of the revision, `tell`
without that of the event's id, and of what was said with it.
"""

from datetime import timedelta

from projections.alerts import Alert, AlertArrival, AlertBook
from stream.alerts import DraftAlertEvent, Subject
from stream.codec import decode_alert_event
from tests.alert_facts import WHEN, encode_alert, found, said
from tests.records import raw_record

ITEM = Subject(facility_id="PHC-1", item_id="PCM")


def book_of(*facts: DraftAlertEvent) -> AlertBook:
    """Told a minute apart."""
    book = AlertBook()
    for number, fact in enumerate(facts):
        outgoing = encode_alert(fact)
        event = decode_alert_event(outgoing.key, outgoing.value, outgoing.headers)
        arrival = AlertArrival(raw_record(number), event)
        arrival.recorded_at = WHEN + timedelta(minutes=number)
        book.tell(arrival)
    return book


def alert_of(*facts: DraftAlertEvent) -> Alert:
    [alert] = book_of(*facts).alerts.values()
    return alert


def test_a_finding_counts_if_it_follows_on_the_last() -> None:
    assert alert_of(found(ITEM, "opened", 1), found(ITEM, "closed", 3)).closed_at is None
    book = book_of(found(ITEM, "changed", 2), found(ITEM, "closed", 1), said(ITEM, "acknowledged"))
    assert (book.alerts, book.counted) == ({}, [])


def test_of_two_findings_at_once_the_first_recorded_stands() -> None:
    alert = alert_of(
        found(ITEM, "opened", 1),
        found(ITEM, "changed", 2, severity="warning"),
        found(ITEM, "closed", 2),
    )
    assert (alert.severity, alert.closed_at) == ("warning", None)


def test_what_somebody_says_counts_once() -> None:
    note = said(ITEM, "noted", note="came")
    book = book_of(found(ITEM, "opened", 1), note, note)
    assert [arrival.event.type for arrival in book.counted] == ["alert_opened", "alert_noted"]


def test_with_one_id_nobody_says_two_things() -> None:
    note = said(ITEM, "noted", note="came")
    other = said(ITEM, "noted", note="went", event_id=note.event_id)
    seen = said(ITEM, "acknowledged", event_id=note.event_id)
    book = book_of(found(ITEM, "opened", 1), note, other, note, seen)
    assert [arrival.event.type for arrival in book.counted] == ["alert_opened", "alert_noted"]
    assert [arrival.event.type for arrival in book.conflicts] == [
        "alert_noted",
        "alert_acknowledged",
    ]
    changed = found(ITEM, "changed", 2)
    assert book_of(found(ITEM, "opened", 1), changed, found(ITEM, "closed", 2)).conflicts == []


def test_opened_again_it_is_nobodys_and_keeps_when_it_was_opened_first() -> None:
    facts = (
        found(ITEM, "opened", 1),
        said(ITEM, "acknowledged"),
        said(ITEM, "snoozed", until=WHEN, reason="comes"),
    )
    alert = alert_of(*facts)
    assert (alert.acknowledged_by, alert.snoozed_until) == ("test", WHEN)
    alert = alert_of(*facts, found(ITEM, "closed", 2), found(ITEM, "opened", 3))
    assert (alert.opened_at, alert.closed_at) == (WHEN, None)
    assert (alert.acknowledged_at, alert.snoozed_until) == (None, None)
