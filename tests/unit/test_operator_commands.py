"""`dawalog dead-letters` and `dawalog keys`: wrong usage is said before anything is touched."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli import app
from infra.key_audit import audit, audit_file

runner = CliRunner()


@pytest.fixture(autouse=True)
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys.json"
    monkeypatch.setenv("DAWALOG_KEY_FILE", str(path))
    monkeypatch.setenv("DAWALOG_STATE", "RJ")
    monkeypatch.setenv("DAWALOG_DATABASE_URL", "postgresql://127.0.0.1:9/none")
    return path


@pytest.mark.parametrize(
    "words",
    [
        "dead-letters replay",
        "dead-letters replay stock-events/3/1 --all",
        "dead-letters replay stock-events/3",
        "dead-letters replay stock-events/x/1",
        "dead-letters show 1042",
        "dead-letters discard stock-events/3/1",
        "dead-letters list --kind lost",
        "keys destroy --year 2026",
        "keys find --scheme abha",
    ],
)
def test_wrong_usage(words: str) -> None:
    assert runner.invoke(app, words.split()).exit_code == 2


def test_the_life_of_keys(key_file: Path) -> None:
    made = json.loads(runner.invoke(app, ["keys", "create", "--year", "2019", "--json"]).stdout)
    assert [(keys["year"], keys["status"]) for keys in made] == [(2019, "due")]
    ahead = json.loads(runner.invoke(app, ["keys", "create", "--json"]).stdout)
    assert [keys["status"] for keys in ahead] == ["in use", "ahead"]
    gone = json.loads(runner.invoke(app, ["keys", "destroy", "--json"]).stdout)
    assert [(keys["year"], keys["status"]) for keys in gone] == [(2019, "destroyed")]
    listed = json.loads(runner.invoke(app, ["keys", "list", "--json"]).stdout)
    assert [keys["status"] for keys in listed] == ["destroyed", "in use", "ahead"]
    again = runner.invoke(app, ["keys", "create", "--year", "2019"])
    assert "never made again" in str(again.exception)
    did = [json.loads(line)["did"] for line in audit_file(key_file).read_text().splitlines()]
    assert did == ["create", "create", "create", "destroy"]


def test_the_audit_only_grows(key_file: Path) -> None:
    audit(key_file, "find", reason="one")
    before = audit_file(key_file).read_bytes()
    audit(key_file, "find", reason="two")
    assert audit_file(key_file).read_bytes().startswith(before)
    assert audit_file(key_file).stat().st_mode & 0o077 == 0
