"""`dawalog init` against a Kafka and a Postgres that someone else runs."""

import subprocess

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.topics import STOCK_EVENTS, count_partitions
from tests.stack import Stack
from tests.system.service import DAWALOG, environment

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def empty(running: Stack) -> Stack:
    """No topics, and a database without any schema of ours."""
    await running.empty_database()
    await running.delete_topics()
    return running


def init(settings: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [DAWALOG, "init", *words],
        check=False,
        capture_output=True,
        text=True,
        env=environment() | settings,
    )


async def test_refuses_few_copies_unless_told(empty: Stack) -> None:
    refused = init(empty.environment, "--replicas", "1")
    assert refused.returncode == 1
    assert "--one-copy" in refused.stderr
    assert await count_partitions(empty.kafka_settings) == {}

    for _ in range(2):  # safe to repeat
        done = init(empty.environment, "--one-copy", "--partitions", "4")
        assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert (await count_partitions(empty.kafka_settings))[STOCK_EVENTS] == 4
    connection = await asyncpg.connect(empty.database_url)
    assert await connection.fetchval("SELECT number FROM dawalog.live_model") == 1
    await connection.close()

    again = init(empty.environment)
    assert again.returncode == 1
    assert "can lose facts" in again.stderr


async def test_refuses_topics_with_other_settings(empty: Stack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=empty.bootstrap_servers)
    await admin.start()
    compacted = {"cleanup.policy": "compact"}
    await admin.create_topics([NewTopic(STOCK_EVENTS, 4, 1, topic_configs=compacted)])
    await admin.close()

    done = init(empty.environment, "--one-copy", "--partitions", "4")
    assert done.returncode == 1
    assert f"the topic {STOCK_EVENTS} has cleanup.policy=compact" in done.stderr


async def test_says_what_is_away(empty: Stack) -> None:
    away = empty.environment | {"DAWALOG_DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    done = init(away, "--one-copy")
    assert done.returncode == 1
    assert "Postgres can't be reached" in done.stderr
    assert "Traceback" not in done.stderr
