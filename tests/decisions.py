"""Decisions about dead letters, as `dawalog dead-letters` records them."""

from aiokafka import ConsumerRecord

from projections.decisions import Place
from stream.batches import LogRecord
from stream.codec import OutgoingRecord, encode_reference
from stream.reference import DeadLetterDecision, Decision, LetterKind
from tests.histories import START


def encode_decision(
    place: Place,
    decision: Decision,
    *,
    follows: int | None = None,
    letter_kind: LetterKind = "failed",
) -> OutgoingRecord:
    topic, partition, log_offset = place
    made = DeadLetterDecision.model_validate(
        {
            "kind": "dead_letter_decision",
            "topic": topic,
            "partition": partition,
            "log_offset": log_offset,
            "letter_kind": letter_kind,
            "decision": decision,
            "reason": "tested",
            "follows": follows,
        }
    )
    return encode_reference(made, recorded_by="test", source="cli")


def decision_record(
    place: Place, decision: Decision, *, decided_offset: int, follows: int | None = None
) -> LogRecord:
    """As it stands in the log."""
    outgoing = encode_decision(place, decision, follows=follows)
    return ConsumerRecord(
        topic=outgoing.topic,
        partition=0,
        offset=decided_offset,
        timestamp=int(START.timestamp() * 1000) + decided_offset,
        timestamp_type=1,
        key=outgoing.key,
        value=outgoing.value,
        checksum=None,
        serialized_key_size=len(outgoing.key),
        serialized_value_size=len(outgoing.value),
        headers=outgoing.headers,
    )
