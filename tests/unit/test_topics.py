"""Partitions as any Kafka client would choose them."""

import pytest
from aiokafka.partitioner import DefaultPartitioner

from stream.topics import partition_for, topic_configs


@pytest.mark.parametrize("partitions", [1, 8, 32])
def test_the_partition_is_what_kafka_clients_choose(partitions: int) -> None:
    everyone = list(range(partitions))
    choose = DefaultPartitioner()
    for number in range(300):
        facility_id = f"IN08{number:07d}"[: 3 + number % 10]
        assert partition_for(facility_id, partitions) == choose(
            facility_id.encode(), everyone, everyone
        )


def test_partitions_are_murmur2_as_in_java() -> None:
    """From Kafka's own UtilsTest: the hash must never change, or keys would move."""
    assert partition_for("foobar", 2**31) == -790332482 & 0x7FFFFFFF
    assert partition_for("a-little-bit-long-string", 2**31) == -985981536 & 0x7FFFFFFF
    assert partition_for("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 2**31) == (
        -58897971 & 0x7FFFFFFF
    )


def test_topics_are_kept_for_ever() -> None:
    configs = topic_configs(min_insync_replicas=2, flush_each=False)
    assert configs["cleanup.policy"] == "delete"
    assert configs["retention.ms"] == configs["retention.bytes"] == "-1"
    assert configs["message.timestamp.type"] == "LogAppendTime"
    assert "flush.messages" not in configs
    assert topic_configs(min_insync_replicas=1, flush_each=True)["flush.messages"] == "1"
