"""Position tokens: how far into the log something reaches, opaque to clients.

base64url, without padding, of `[cluster id, {topic: {partition: next offset}}]`. The cluster's id
keeps one installation's token from being taken for another's.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import orjson

from stream.errors import Rejected
from stream.topics import TOPICS

TopicPartition = tuple[str, int]

MALFORMED: Final = "malformed-position"
OTHER_INSTALLATION: Final = "other-installation"

_LONGEST: Final = 16_384
_MAX_INT64: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PositionToken:
    """Everything before each of `offsets` (the first one not included, per partition)."""

    cluster_id: str
    offsets: Mapping[TopicPartition, int]

    def encode(self) -> str:
        topics: dict[str, dict[str, int]] = {}
        for (topic, partition), next_offset in sorted(self.offsets.items()):
            topics.setdefault(topic, {})[str(partition)] = next_offset
        return urlsafe_b64encode(orjson.dumps([self.cluster_id, topics])).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises Rejected (malformed-position) for what is no token."""
        try:
            cluster_id, topics = _decode(text)
            offsets = {
                _topic_partition(topic, partition): _next_offset(next_offset)
                for topic, partitions in topics.items()
                for partition, next_offset in partitions.items()
            }
        except (ValueError, TypeError, AttributeError):
            raise Rejected(
                MALFORMED,
                "This position is none that Dawalog gave out: send it as it was received.",
            ) from None
        return cls(cluster_id, offsets)

    @classmethod
    def merge(cls, tokens: Iterable[Self]) -> Self:
        """The token that asks for all of what `tokens` ask for (at least one)."""
        first, *others = tokens
        offsets = dict(first.offsets)
        for token in others:
            token.require_cluster(first.cluster_id)
            for place, next_offset in token.offsets.items():
                offsets[place] = max(next_offset, offsets.get(place, 0))
        return cls(first.cluster_id, offsets)

    @classmethod
    def earliest(cls, tokens: Iterable[Self]) -> Self:
        """The token behind which all is that is behind any of `tokens` (at least one, all of one
        cluster).
        """
        known = list(tokens)
        places = set.intersection(*(set(token.offsets) for token in known))
        offsets = {place: min(token.offsets[place] for token in known) for place in places}
        return cls(known[0].cluster_id, offsets)

    def require_cluster(self, cluster_id: str) -> None:
        """Raises Rejected (other-installation) if the token is of another cluster's log."""
        if self.cluster_id != cluster_id:
            raise Rejected(
                OTHER_INSTALLATION, "This position is from another Dawalog installation."
            )

    def reached_by(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Whether `positions` (next offsets) hold everything that the token asks for."""
        return all(
            positions.get(place, 0) >= next_offset for place, next_offset in self.offsets.items()
        )


def _decode(text: str) -> tuple[str, dict[str, dict[str, Any]]]:
    if len(text) > _LONGEST:
        raise ValueError("longer than any token")
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    cluster_id, topics = orjson.loads(raw)
    if not isinstance(cluster_id, str):
        raise TypeError("the cluster id is no text")
    return cluster_id, topics


def _topic_partition(topic: str, partition: str) -> TopicPartition:
    if topic not in TOPICS or not (partition.isascii() and partition.isdigit()):
        raise ValueError("no partition of ours")
    return topic, int(partition)


def _next_offset(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_INT64:
        raise ValueError("no offset")
    return value
