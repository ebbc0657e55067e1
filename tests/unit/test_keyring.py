"""The key file: made once, kept private, shared by processes, never silently replaced."""

import multiprocessing
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from stream.errors import Corrupt, Unavailable
from stream.key_file import change_keys, read_keys
from stream.keyring import KeyRing

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keys.json"


def key_id(ring: KeyRing, instant: datetime) -> str:
    keys = ring.year_keys(instant)
    assert keys is not None
    return keys.key_id


def test_keys_are_made_once_and_kept(path: Path) -> None:
    made = KeyRing(path, "RJ").year_keys(NOON)
    assert KeyRing(path, "RJ").year_keys(NOON) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_years_are_indian_years(path: Path) -> None:
    ring = KeyRing(path, "RJ")
    last, first = (datetime(2025, 12, 31, 18, minute, tzinfo=UTC) for minute in (29, 30))
    assert key_id(ring, last).startswith("RJ-2025-")
    assert key_id(ring, first).startswith("RJ-2026-")


def test_states_have_keys_of_their_own(path: Path) -> None:
    assert KeyRing(path, "RJ").year_keys(NOON) != KeyRing(path, "BR").year_keys(NOON)
    assert len(KeyRing(path, "BR").living_keys()) == 1


def make_keys(path: Path) -> str:
    return key_id(KeyRing(path, "RJ"), NOON)


def test_processes_that_start_together_make_the_same_keys(path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(make_keys, [path] * 8))) == 1


def destroy_all(path: Path) -> None:
    change_keys(path, lambda file: file.with_keys(*(keys.destroy(NOON) for keys in file.keys)))


def secrets_in(path: Path) -> list[str]:
    (stored,) = read_keys(path).keys
    assert stored.pseudonym_key
    assert stored.seal_key
    return [stored.pseudonym_key, stored.seal_key]


def test_destroyed_keys_are_not_made_again(path: Path) -> None:
    running = KeyRing(path, "RJ")
    assert running.year_keys(NOON) is not None
    destroy_all(path)
    for ring in (running, KeyRing(path, "RJ")):
        assert ring.year_keys(NOON) is None
        assert ring.living_keys() == []
        assert ring.create(NOON.year).destroyed_at == NOON
        assert ring.year_keys(NOON) is None
    other_year = NOON.replace(year=2027)
    assert running.year_keys(other_year) is not None
    assert running.year_keys(NOON) is None


def test_nothing_of_a_destroyed_key_is_left_on_the_disk(path: Path) -> None:
    KeyRing(path, "RJ").year_keys(NOON)
    keys = secrets_in(path)
    left_behind = path.with_name("keys.json.new")
    left_behind.write_bytes(path.read_bytes())
    # through these, blocks can still be read that no file has any more
    with path.open("rb") as before, left_behind.open("rb") as torn:
        destroy_all(path)
        for old in (before.read(), torn.read()):
            assert old.strip(b"\0") == b""
            assert len(old) > 100
    for file in path.parent.iterdir():
        assert not any(key in file.read_text() for key in keys), file
    assert {file.name for file in path.parent.iterdir()} == {"keys.json", "keys.json.lock"}


def test_each_change_overwrites_what_was_there(path: Path) -> None:
    KeyRing(path, "RJ").year_keys(NOON)
    with path.open("rb") as before:
        KeyRing(path, "RJ").create(2027)
        assert before.read().strip(b"\0") == b""
    assert len(KeyRing(path, "RJ").living_keys()) == 2


def test_keys_live_three_years_after_the_end_of_theirs(path: Path) -> None:
    stored = KeyRing(path, "RJ").create(2026)
    assert stored.due_on == date(2030, 1, 1)
    last, first = (datetime(2029, 12, 31, 18, minute, tzinfo=UTC) for minute in (29, 30))
    assert (stored.is_due(last), stored.is_due(first)) == (False, True)
    assert not stored.destroy(first).is_due(first)


def test_a_running_process_makes_no_new_keys_for_lost_ones(path: Path) -> None:
    ring = KeyRing(path, "RJ")
    ring.year_keys(NOON)
    ring.year_keys(NOON)
    path.unlink()
    with pytest.raises(Unavailable, match="restore it"):
        ring.year_keys(NOON)


def test_what_may_make_no_keys_says_which_are_missing(path: Path) -> None:
    ring = KeyRing(path, "RJ", makes=False)
    with pytest.raises(
        Unavailable, match=r"no keys of RJ for 2026.*dawalog keys create --year 2026"
    ):
        ring.year_keys(NOON)
    assert not path.exists()
    made = KeyRing(path, "RJ").year_keys(NOON)
    assert ring.year_keys(NOON) == made


def test_no_keys_are_made_whose_life_is_over(path: Path) -> None:
    long_ago = datetime(datetime.now(UTC).year - 5, 6, 1, tzinfo=UTC)
    ring = KeyRing(path, "RJ")
    assert ring.year_keys(long_ago) is None
    assert not path.exists()
    ring.create(long_ago.year)  # as an earlier version did: they work until they are destroyed
    assert ring.year_keys(long_ago) is not None


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
