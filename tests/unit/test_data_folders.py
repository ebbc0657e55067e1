"""Each command acts on the installation that was meant, or on none."""

import os
from pathlib import Path
from typing import Any, Final

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from infra.cli import app
from infra.keys import create_keys
from infra.local.failure import CannotStart, NoInstallation
from infra.local.installation import open_installation

NEED_UP: Final = (
    "verify",
    "rebuild",
    "init --one-copy",
    "worker",
    "api",
    "dead-letters list",
    "dead-letters show stock-events/0/1",
    "dead-letters replay --all",
    "dead-letters discard --all --reason training",
    "keys find --scheme abha --id 1 --reason asked",
    "ps",
    "import sales.csv",
)
NEED_KEYS: Final = ("keys list", "keys create", "keys destroy", "keys destroy --year 2019 --yes")


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of our own, and with settings that end with the test."""
    monkeypatch.chdir(tmp_path)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DAWALOG_")}
    monkeypatch.setattr(os, "environ", ours)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """`.dawalog` in the current folder: stopped, with keys that are due."""
    return install(tmp_path / ".dawalog")


def install(folder: Path) -> Path:
    folder.mkdir()
    open_installation(folder, api_port=0)
    create_keys(folder / "keys.json", "XX", [2019])
    return folder


def run(words: str, *more: str) -> Result:
    return CliRunner().invoke(app, [*words.split(), *more])


def list_commands(group: Any) -> list[Any]:
    """The commands of the groups in it, too."""
    within = getattr(group, "commands", {}).values()
    return [each for one in within for each in list_commands(one)] or [group]


@pytest.mark.parametrize("command", list_commands(get_command(app)), ids=lambda one: one.name)
def test_every_command_takes_a_folder(command: Any) -> None:
    assert any("--data-dir" in parameter.opts for parameter in command.params)


@pytest.mark.parametrize("words", [*NEED_UP, *NEED_KEYS, "settings"])
def test_a_mistyped_folder_is_no_other(here: Path, tmp_path: Path, words: str) -> None:
    keys = (here / "keys.json").read_bytes()
    done = run(words, "--data-dir", str(tmp_path / "typo"))
    assert isinstance(done.exception, NoInstallation), done
    assert f"there is no installation in {tmp_path / 'typo'}:" in str(done.exception)
    assert (here / "keys.json").read_bytes() == keys
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("words", [*NEED_UP, *NEED_KEYS])
def test_nor_is_one_of_the_environment(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setenv("DAWALOG_DATA_DIR", str(tmp_path / "typo"))
    keys = (here / "keys.json").read_bytes()
    assert isinstance(run(words).exception, NoInstallation)
    assert (here / "keys.json").read_bytes() == keys


@pytest.mark.parametrize("words", [*NEED_UP, *NEED_KEYS])
def test_usual_ports_are_nobodys(words: str) -> None:
    assert isinstance(run(words).exception, NoInstallation)


@pytest.mark.parametrize("words", NEED_UP)
def test_what_needs_up_says_so(here: Path, words: str) -> None:
    done = run(words)
    assert isinstance(done.exception, CannotStart)
    assert f"no `dawalog up` is running in {here}:" in str(done.exception)


@pytest.mark.parametrize("words", NEED_KEYS)
def test_keys_need_no_up_and_are_named(here: Path, words: str) -> None:
    done = run(words)
    assert (done.exit_code, done.exception) == (0, None)
    assert "2019" in done.stdout or "create" in words
    assert (f"changing {here / 'keys.json'}\n" in done.stderr) == ("destroy" in words)


def test_no_keys_are_said_to_be_none(here: Path) -> None:
    (here / "keys.json").unlink()
    listed = run("keys list")
    assert (listed.stdout, listed.stderr) == ("", f"there are none in {here / 'keys.json'}\n")
    assert run("keys destroy").stderr.endswith("none is due\n")


def test_a_key_file_of_the_environment_wins_over_a_stray_folder(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = (here / "keys.json").read_bytes()
    monkeypatch.setenv("DAWALOG_KEY_FILE", str(tmp_path / "safe" / "keys.json"))
    create_keys(tmp_path / "safe" / "keys.json", "XX", [2019])
    done = run("keys destroy")
    assert f"changing {tmp_path / 'safe' / 'keys.json'}\n" in done.stderr
    assert "2019" in done.stdout
    assert (here / "keys.json").read_bytes() == stray


def test_settings_are_listed_before_there_is_an_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAWALOG_DATA_DIR", str(tmp_path / "soon"))
    done = run("settings")
    assert f"DAWALOG_KEY_FILE={tmp_path / 'soon' / 'keys.json'}\n" in done.stdout
    assert f"there is no installation in {tmp_path / 'soon'}:" in done.stderr


def test_a_named_folder_wins_over_the_environment(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAWALOG_KEY_FILE", str(here / "keys.json"))
    monkeypatch.setenv("DAWALOG_DATABASE_URL", "postgresql://127.0.0.1:9/none")
    other = install(tmp_path / "other")
    done = run("settings", "--data-dir", str(other))
    assert f"DAWALOG_KEY_FILE={other / 'keys.json'}\n" in done.stdout
    assert "127.0.0.1:9/none" not in done.stdout


def test_a_token_of_a_new_key_says_so(tmp_path: Path) -> None:
    first, second = (run("token --role nhm", "--data-dir", str(tmp_path / "soon")) for _ in "12")
    assert first.stderr == f"dawalog: made a new key: {tmp_path / 'soon' / 'token-key.json'}\n"
    assert second.stderr == ""
