"""How old an answer is, by its snapshot's positions and where the log ended when asked."""

from datetime import UTC, datetime, timedelta

from api.freshness import as_of
from projections.reading import Snapshot, Standing
from stream.log_ends import AskedEnds

ASKED_AT = datetime(2026, 3, 31, 10, 0, 0, tzinfo=UTC)
RECORDED_AT = datetime(2026, 3, 31, 9, 59, 0, tzinfo=UTC)
REFERENCE = ("reference", 0)
STOCK = ("stock-events", 3)


def snapshot(reference: int, stock: int | None) -> Snapshot:
    standings = [Standing(*REFERENCE, reference, RECORDED_AT if reference else None)]
    if stock is not None:
        standings.append(Standing(*STOCK, stock, RECORDED_AT if stock else None))
    return Snapshot({}, "cluster", ASKED_AT, standings)


def ends(reference: int, stock: int, at: datetime = ASKED_AT) -> list[AskedEnds]:
    return [AskedEnds(at, {REFERENCE: reference, STOCK: stock})]


def test_all_partitions_at_the_end_are_current_as_of_the_asking() -> None:
    assert as_of(snapshot(7, 9), [REFERENCE, STOCK], ends(7, 8)) == ASKED_AT


def test_one_behind_holds_what_was_recorded_before_its_newest_record() -> None:
    assert as_of(snapshot(7, 9), [REFERENCE, STOCK], ends(7, 10)) == RECORDED_AT - timedelta(
        milliseconds=1
    )


def test_one_a_little_behind_is_as_old_as_the_asking_that_it_reaches() -> None:
    before = ASKED_AT - timedelta(seconds=0.5)
    askings = ends(7, 8, before - timedelta(seconds=0.5)) + ends(7, 9, before) + ends(7, 10)
    assert as_of(snapshot(7, 9), [REFERENCE, STOCK], askings) == before


def test_records_newer_than_the_asking_that_is_reached_tell_more() -> None:
    before = RECORDED_AT - timedelta(minutes=1)
    askings = ends(7, 9, before) + ends(7, 10)
    assert as_of(snapshot(7, 9), [STOCK], askings) == RECORDED_AT - timedelta(milliseconds=1)


def test_only_what_the_answer_depends_on_counts() -> None:
    assert as_of(snapshot(7, 9), [REFERENCE], ends(7, 10)) == ASKED_AT


def test_an_empty_partition_that_nobody_claimed_is_current() -> None:
    assert as_of(snapshot(0, None), [REFERENCE, STOCK], ends(0, 0)) == ASKED_AT


def test_a_partition_with_records_that_nobody_projected_has_no_age() -> None:
    assert as_of(snapshot(7, None), [REFERENCE, STOCK], ends(7, 1)) is None


def test_without_kafka_the_newest_record_tells() -> None:
    assert as_of(snapshot(7, 9), [REFERENCE, STOCK], []) == RECORDED_AT - timedelta(milliseconds=1)


def test_without_kafka_and_records_nothing_is_known() -> None:
    assert as_of(snapshot(7, 0), [REFERENCE, STOCK], []) is None
