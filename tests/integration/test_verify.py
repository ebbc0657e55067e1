"""`verify` finds whatever isn't as the log says, and nothing else."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from projections.settings import DatabaseSettings
from projections.tables import (
    ALERT_TABLES,
    DEAD_LETTER,
    FACILITY_TABLES,
    FIGURE_TABLES,
    REFERENCE_TABLES,
)
from projections.verify import SLICE_BYTES, Verdict, verify
from stream.errors import Corrupt
from stream.topics import STOCK_EVENTS, partition_for
from tests.feeding import feeding
from tests.full_log import FACILITY, append_bytes, append_everything, project_log
from tests.log_reading import Database
from tests.stack import PARTITIONS, Stack
from tests.workers import running_worker

TABLES = {
    table.name: table
    for table in (*FACILITY_TABLES, *FIGURE_TABLES, *REFERENCE_TABLES, *ALERT_TABLES, DEAD_LETTER)
}

DAMAGES = {
    "event": "SET body = jsonb_set(body, '{recorded_by}', '\"nobody\"')",
    "reversal": "SET recorded_at = recorded_at + interval '1 microsecond'",
    "ledger_entry": "SET balance = balance + 1",
    "card": "SET on_hand = on_hand - 1",
    "complete_count": "SET occurred_at = occurred_at + interval '1 s'",
    "transfer_line": "SET damaged = damaged + 1",
    "lot_hold": "SET is_hold = NOT is_hold",
    "lot_manufacturer": "SET manufacturer = 'another'",
    "facility_activity": "SET last_recorded_at = last_recorded_at - interval '1 ms'",
    "facility_record": "SET name = 'another'",
    "item_record": "SET base_unit = 'ml'",
    "district_record": "SET body = body - 'state'",
    "recall_record": "SET lifted = NOT lifted",
    "norm_record": "SET window_days = window_days + 1",
    "closure_record": "SET last_day = last_day + 1",
    "directive_record": "SET deadline = deadline + 1",
    "chain_record": "SET withdrawn = NOT withdrawn",
    "threshold_record": "SET rule = 'low_stock'",
    "dead_letter_decision": "SET recorded_by = 'nobody'",
    "dead_letter": "SET record_value = 'another'",
    "consumption_day": "SET dispensed = dispensed + 1",
    "patient_day": "SET sent_away = sent_away + 1",
    "stock_out": "SET ended_at = coalesce(ended_at, now()) + interval '1 s'",
    "item_state": "SET usable = usable + 1",
    "facility_state": "SET items_out = items_out + 1",
    "item_tally": "SET items_out = items_out + 1",
    "alert": "SET severity = 'info'",
    "alert_event": "SET log_offset = log_offset + 1",
    "position": "SET chain_digest = sha256(chain_digest)",
}

# Rows that no roll-up counts, which would miss them too.
UNCOUNTED = {"item_state": "tallied_as IS NULL", "facility_state": "counted_at IS NULL"}


IN_SLICES = pytest.mark.parametrize("slice_bytes", [SLICE_BYTES, 1_500])
"""As a whole, and as a large facility is compared."""


async def check(stack: Stack, slice_bytes: int = SLICE_BYTES) -> Verdict:
    return await verify(
        DatabaseSettings(database_url=stack.database_url),
        stack.kafka_settings,
        patience_seconds=0,
        slice_bytes=slice_bytes,
    )


@pytest.fixture
async def full(stack: Stack, database: Database, tmp_path: Path) -> Database:
    """A read model with rows in each table."""
    await append_everything(stack, tmp_path)
    await project_log(stack)
    return database


@IN_SLICES
async def test_finds_nothing_in_a_sound_model(
    stack: Stack, full: Database, slice_bytes: int
) -> None:
    verdict = await check(stack, slice_bytes)
    assert (verdict.drift_rows, verdict.first_differences) == (0, ())
    assert verdict.events == await full.fetchval("SELECT count(*) FROM event")
    assert verdict.lines == await full.fetchval(
        "SELECT count(*) FROM ledger_entry WHERE line_no > 0"
    )
    assert verdict.records == await full.fetchval("SELECT sum(next_offset) FROM position")
    assert verdict.behind_records == 0


async def test_compares_every_table(database: Database) -> None:
    """A table that is left out here would never be proven. New ones need a damage below too."""
    rows = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'model_1'")
    beside = {"facility_number", "item_number", "reference_taken"}  # the last has a test below
    assert {row[0] for row in rows} - beside == DAMAGES.keys()
    assert DAMAGES.keys() == {*TABLES, "position", "item_tally"}


@IN_SLICES
async def test_finds_one_damaged_row_of_each_table(
    stack: Stack, full: Database, slice_bytes: int
) -> None:
    for table, damage in DAMAGES.items():
        one = f"ctid = (SELECT max(ctid) FROM {table})"
        assert await full.execute(f"UPDATE {table} {damage} WHERE {one}") == "UPDATE 1", table
    verdict = await check(stack, slice_bytes)
    said = Counter(difference.split(" (")[0] for difference in verdict.first_differences)
    # The damage there is to the key: one row is missing, another is too much.
    assert said == Counter(DAMAGES.keys()) + Counter(["complete_count"])
    assert verdict.drift_rows == said.total()


@IN_SLICES
async def test_finds_one_missing_row_of_each_table(
    stack: Stack, full: Database, slice_bytes: int
) -> None:
    for table in TABLES:
        one = f"SELECT max(ctid) FROM {table} WHERE {UNCOUNTED.get(table, 'true')}"
        assert await full.execute(f"DELETE FROM {table} WHERE ctid = ({one})") == "DELETE 1"
    verdict = await check(stack, slice_bytes)
    said = Counter(difference.split(" (")[0] for difference in verdict.first_differences)
    assert said == Counter(TABLES.keys())
    assert all(said.endswith("the row is missing") for said in verdict.first_differences)


async def test_says_what_differs(stack: Stack, full: Database) -> None:
    await full.execute(
        "UPDATE card SET on_hand = 7777, expiry = '2020-02-29'"
        " FROM facility_number AS f, item_number AS i"
        " WHERE f.facility_no = card.facility_no AND f.facility_id = $1"
        " AND i.item_no = card.item_no AND i.item_id = 'ors' AND lot = 'B2'",
        FACILITY,
    )
    verdict = await check(stack)
    assert verdict.drift_rows == 1
    said = verdict.first_differences[0]
    assert said.startswith(
        f"card (facility_id {FACILITY}, item_id ors, lot B2): on_hand is 7777 and must be "
    )
    assert "expiry is 2020-02-29 and must be " in said


@IN_SLICES
async def test_finds_rows_that_the_log_does_not_give(
    stack: Stack, full: Database, slice_bytes: int
) -> None:
    await full.execute("INSERT INTO facility_number (facility_id) VALUES ('invented')")
    await full.execute(
        "INSERT INTO facility_activity SELECT facility_no, now() FROM facility_number"
        " WHERE facility_id = 'invented'"
    )
    await full.execute("INSERT INTO facility_activity VALUES (987654, now())")
    await full.execute("INSERT INTO position (topic, partition) VALUES ('stock-events', 99)")
    await full.execute(
        "INSERT INTO district_record SELECT 'invented', valid_from, log_offset, recorded_at, name,"
        " state, body FROM district_record"
    )
    # Of an item that no dictionary knows: which slice would that be in?
    await full.execute(
        "INSERT INTO card SELECT facility_no, 987654, lot, on_hand, expiry, occurred_at, event_id,"
        " line_no FROM card LIMIT 1"
    )
    verdict = await check(stack, slice_bytes)
    assert verdict.drift_rows == 5
    assert all(
        any(words in said for said in verdict.first_differences)
        for words in (
            "facility_id invented",
            "987654",
            "#987654",
            "partition 99",
            "district_id invented",
        )
    )


async def test_finds_a_moved_position(stack: Stack, full: Database) -> None:
    await full.execute(
        "UPDATE position SET next_offset = next_offset - 1 WHERE topic = 'stock-events'"
        " AND next_offset = (SELECT max(next_offset) FROM position WHERE topic = 'stock-events')"
    )
    verdict = await check(stack)
    assert any(said.startswith("position (") for said in verdict.first_differences)
    assert verdict.behind_records == 1


async def test_finds_records_taken_up_that_there_are_not(stack: Stack, full: Database) -> None:
    """Of such a partition, too, figures are compared."""
    partition = partition_for(FACILITY, PARTITIONS)
    await full.execute(
        "UPDATE reference_taken SET reference_offset = 999 WHERE partition = $1", partition
    )
    await full.execute(
        "UPDATE item_state SET usable = usable + 1 WHERE (facility_no, item_no) ="
        " (SELECT facility_no, item_no FROM item_state JOIN facility_number USING (facility_no)"
        "  WHERE facility_id = $1 LIMIT 1)",
        FACILITY,
    )
    verdict = await check(stack)
    assert (verdict.drift_rows, verdict.unsettled_partitions) == (2, 0), verdict.first_differences
    figure, taken = verdict.first_differences
    assert figure.startswith(f"item_state (facility_id {FACILITY}, ")
    assert taken.startswith(f"reference_taken (partition {partition}): reference_offset is 999 ")


async def test_what_is_not_taken_up_yet_is_no_drift(stack: Stack, full: Database) -> None:
    await full.execute(
        "UPDATE reference_taken SET reference_offset = 0 WHERE partition = $1",
        partition_for(FACILITY, PARTITIONS),
    )
    verdict = await check(stack)
    assert (verdict.drift_rows, verdict.unsettled_partitions) == (0, 1)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-P", "-m", "infra.cli", "verify"],
        env=os.environ | stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "figures of 1 partitions are being told anew and not compared" in done.stderr


async def test_finds_another_record_in_the_log(
    stack: Stack, full: Database, tmp_path: Path
) -> None:
    """The same events appended again: other stamps, another key, as many records at each offset."""
    await stack.reset_topics()
    await append_everything(stack, tmp_path / "again")
    verdict = await check(stack)
    assert any(said.startswith("position (") for said in verdict.first_differences)


async def test_finds_a_log_that_lost_its_end(stack: Stack, full: Database, tmp_path: Path) -> None:
    await stack.reset_topics()
    verdict = await check(stack)
    assert verdict.drift_rows > await full.fetchval("SELECT count(*) FROM event")
    assert verdict.events == 0


async def test_what_is_not_projected_yet_is_no_drift(
    stack: Stack, full: Database, tmp_path: Path
) -> None:
    await append_bytes(stack, STOCK_EVENTS, b"later", partition=3)
    verdict = await check(stack)
    assert (verdict.drift_rows, verdict.behind_records) == (0, 1)


async def test_refuses_a_model_of_another_definition(stack: Stack, full: Database) -> None:
    await full.execute("UPDATE dawalog.live_model SET definition = 999")
    with pytest.raises(Corrupt, match="dawalog rebuild"):
        await check(stack)


@pytest.mark.timeout(120)
async def test_finds_nothing_while_writes_go_on(stack: Stack, tmp_path: Path) -> None:
    with running_worker(stack, tmp_path / "worker.log") as worker:
        await worker.until_claimed()
        async with feeding(stack, tmp_path):
            events = 0
            for _ in range(4):
                verdict = await check(stack)
                assert verdict.drift_rows == 0, verdict.first_differences
                assert verdict.events >= events
                events = verdict.events
    assert events > 0
