"""`dawalog import` of a real pharmacy's sales into a real `dawalog up`, to the unit."""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.system.service import Service, copy_folder, dawalog

pytestmark = pytest.mark.timeout(240)

DATA = Path(__file__).parents[3] / "shared" / "data"
SALES = DATA / "pharmacy-sales-hourly.csv"
EXPECTED = DATA / "pharmacy-sales-hourly.expected.json"

PER_MONTH = """
SELECT item_id, to_char(occurred_at AT TIME ZONE 'Asia/Kolkata', 'YYYY-MM') AS month,
       sum(-quantity)::bigint AS quantity
FROM ledger_entry JOIN item_number USING (item_no) GROUP BY item_id, month
"""
ROWS = """
SELECT (SELECT count(*) FROM event) AS events,
       (SELECT count(*) FROM ledger_entry) AS lines,
       (SELECT count(*) FROM dead_letter) AS dead_letters,
       (SELECT count(*) FROM facility_record) AS facilities,
       (SELECT count(*) FROM item_record) AS items,
       (SELECT array_agg((item_id, on_hand) ORDER BY item_id)::text
        FROM card JOIN item_number USING (item_no)) AS cards
"""


@pytest.fixture(scope="module")
def running_service(
    stopped_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = copy_folder(stopped_folder, tmp_path_factory.mktemp("import") / "data")
    service = Service(folder=folder, asks_for_tokens=True)
    try:
        service.start()
        yield service
    finally:
        service.close()


@pytest.fixture
async def model(running_service: Service) -> "asyncpg.Connection[Any]":
    url = running_service.database_url
    return await asyncpg.connect(url, server_settings={"search_path": "model_1"})


async def test_imports_real_sales_exactly(
    running_service: Service, model: "asyncpg.Connection[Any]"
) -> None:
    if not SALES.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"the real sales are not beside the project: {SALES} is missing")
    expected = json.loads(EXPECTED.read_text())

    first = import_sales(running_service)
    assert first["accepted"] == expected["rows"]
    per_month: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await model.fetch(PER_MONTH):
        per_month[row["item_id"]][row["month"]] = row["quantity"]
    assert per_month == expected["per_atc_month"]
    totals = {item: sum(months.values()) for item, months in per_month.items()}
    assert totals == expected["total_per_atc"]

    rows = await model.fetchrow(ROWS)
    second = import_sales(running_service)
    assert second["accepted"] == expected["rows"]
    assert second["position"] != first["position"]
    assert await model.fetchrow(ROWS) == rows
    await model.close()


def import_sales(service: Service) -> dict[str, Any]:
    done = dawalog("import", str(SALES), "--json", folder=service.folder)
    assert done.returncode == 0, done.stderr
    totals: dict[str, Any] = json.loads(done.stdout)
    assert totals["facility_id"] == "pharmacy-sales-hourly"
    assert totals["rejected"] == 0
    return totals


def test_names_bad_rows_and_takes_the_others(running_service: Service, tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text(
        "hour,atc,packs\n"
        "2019-11-01T08:00,R06,1\n"
        "2019-11-01T09:00,R06,one\n"
        "2009-11-01T10:00,R06,1\n"
        "2019-11-01T11:00,R06,1\n"
    )
    done = dawalog("import", str(file), "--json", folder=running_service.folder)
    assert done.returncode == 1
    totals = json.loads(done.stdout)
    assert (totals["accepted"], totals["rejected"]) == (2, 2)
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["line 3", "line 4", "dawalog"]


@pytest.mark.parametrize(
    ("content", "words", "sentence"),
    [
        ("date,medicine\n", (), "Known kinds: pharmacy-sales-hourly (columns hour,atc,packs)"),
        ("", (), "Known kinds"),
        ("hour,atc,packs\n", ("--kind", "sales"), "no kind of file sales"),
        ("hour,atc,packs\n", ("--facility", "nowhere"), "No facility nowhere is registered"),
        ("hour,atc,packs\n", ("--facility", "a b"), "'a b' is no facility"),
        ("hour,atc,packs\n", ("--api", "http://127.0.0.1:1"), "does not answer"),
    ],
)
def test_says_what_cannot_be_imported(
    running_service: Service, tmp_path: Path, content: str, words: tuple[str, ...], sentence: str
) -> None:
    file = tmp_path / "file.csv"
    file.write_text(content)
    assert_refused(dawalog("import", str(file), *words, folder=running_service.folder), sentence)


def test_needs_a_file_and_a_dawalog(tmp_path: Path) -> None:
    file = tmp_path / "none.csv"
    up_is_missing = dawalog("import", str(file), folder=tmp_path / "data")
    assert_refused(up_is_missing, "there is no installation in")
    file_is_missing = dawalog("import", str(file), "--api", "http://127.0.0.1:1")
    assert_refused(file_is_missing, "no such file")


def assert_refused(done: Any, sentence: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("dawalog: ")
    assert sentence in line
