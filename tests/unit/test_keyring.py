"""The key file: made once, kept private, shared by processes, never silently replaced."""

import multiprocessing
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stream.errors import Corrupt, Rejected, Unavailable
from stream.keyring import KeyFile, KeyRing

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keys.json"


def test_keys_are_made_once_and_kept(path: Path) -> None:
    made = KeyRing(path, "RJ").year_keys(NOON)
    assert KeyRing(path, "RJ").year_keys(NOON) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_years_are_indian_years(path: Path) -> None:
    ring = KeyRing(path, "RJ")
    last, first = (datetime(2025, 12, 31, 18, minute, tzinfo=UTC) for minute in (29, 30))
    assert ring.year_keys(last).key_id.startswith("RJ-2025-")
    assert ring.year_keys(first).key_id.startswith("RJ-2026-")


def test_states_have_keys_of_their_own(path: Path) -> None:
    assert KeyRing(path, "RJ").year_keys(NOON) != KeyRing(path, "BR").year_keys(NOON)
    assert len(KeyRing(path, "BR").living_keys()) == 1


def make_keys(path: Path) -> str:
    return KeyRing(path, "RJ").year_keys(NOON).key_id


def test_processes_that_start_together_make_the_same_keys(path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(make_keys, [path] * 8))) == 1


def test_destroyed_keys_are_not_made_again(path: Path) -> None:
    KeyRing(path, "RJ").year_keys(NOON)
    (stored,) = KeyFile.model_validate_json(path.read_bytes()).keys
    destroyed = stored.model_copy(
        update={"pseudonym_key": None, "seal_key": None, "destroyed_at": NOON}
    )
    path.write_text(KeyFile(keys=(destroyed,)).model_dump_json())
    ring = KeyRing(path, "RJ")
    with pytest.raises(Rejected, match="destroyed"):
        ring.year_keys(NOON)
    assert ring.living_keys() == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"keys": [{"key_id": "secret"}]}'])
def test_a_damaged_file_is_said_and_not_shown(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    path.write_text(content)
    with pytest.raises(Corrupt, match="is not a key file") as caught:
        KeyRing(path, "RJ").year_keys(NOON)
    assert "secret" not in str(caught.value)


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    KeyRing(path, "RJ").year_keys(NOON)
    path.chmod(0o644)
    with pytest.raises(Corrupt, match="chmod 600"):
        KeyRing(path, "RJ").check()


def test_where_no_key_can_be_written_nothing_can_be_recorded(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="key file"):
        KeyRing(tmp_path / "file" / "keys.json", "RJ").year_keys(NOON)
