"""What the environment says wrong is said in one line, whichever command meets it."""

import subprocess

import pytest

from infra.local.ports import free_port
from tests.system.service import DAWALOG, environment

pytestmark = pytest.mark.timeout(120)

WRONG = "DAWALOG_DATABASE_URL: must be an address such as postgresql://user@host:5432/dawalog"
COMMANDS = ("init --one-copy", "verify", "rebuild", "worker", "api", "dead-letters list")


def run(words: str, **settings: str) -> tuple[int, list[str]]:
    """The exit code, and the lines on stderr."""
    nowhere = f"127.0.0.1:{free_port()}"
    ours = {"DAWALOG_KAFKA_BOOTSTRAP_SERVERS": nowhere, "DAWALOG_OPEN_ACCESS": "true"}
    done = subprocess.run(
        [DAWALOG, *words.split()],
        check=False,
        capture_output=True,
        text=True,
        env=environment() | ours | settings,
        timeout=60,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("words", COMMANDS)
def test_wrong_database(words: str) -> None:
    assert run(words, DAWALOG_DATABASE_URL="mysql://me:secret@host/db") == (
        1,
        [f"dawalog: {WRONG}"],
    )


def test_a_wrong_setting_of_a_worker() -> None:
    code, said = run("worker", DAWALOG_VERIFY_SHARE="7")
    assert (code, len(said)) == (1, 1)
    assert said[0].startswith("dawalog: DAWALOG_VERIFY_SHARE: ")


def test_init_says_once_that_kafka_is_away() -> None:
    code, said = run("init --one-copy", DAWALOG_DATABASE_URL="postgresql://127.0.0.1:9/none")
    assert (code, len(said)) == (1, 1), said
    assert said[0].startswith("dawalog: Kafka can't be reached")


def test_a_worker_says_why_it_ends() -> None:
    code, said = run("worker", DAWALOG_DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/none")
    assert code == 1
    assert said[-1].startswith("dawalog: Postgres can't be reached: ")
