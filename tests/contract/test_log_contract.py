"""What /asyncapi.json says of records, held against the golden records themselves."""

import json
from typing import Any

import jsonschema_rs
import pytest

from api.log_contract import describe_log
from stream.alerts import ALERT_TYPES
from stream.events import EVENT_TYPES
from stream.reference import DECISION, REFERENCE_KINDS
from tests.contract.test_golden import read_golden

RECORDS = (*EVENT_TYPES, *ALERT_TYPES, *REFERENCE_KINDS, DECISION)
LOG = describe_log()


def validator(name: str) -> jsonschema_rs.Validator:
    payload = LOG["components"]["messages"][name]["payload"]
    return jsonschema_rs.Draft202012Validator(
        payload | {"components": LOG["components"]}, validate_formats=True
    )


def faults(name: str, record: Any) -> list[str]:
    return [error.message for error in validator(name).iter_errors(record)]


@pytest.mark.parametrize("name", RECORDS)
def test_each_record_is_as_told(name: str) -> None:
    golden = read_golden(name)
    record = json.loads(golden["value"])
    assert faults(name, record) == []
    assert faults(name, record | {"more": 1})
    assert set(golden["headers"]) == set(LOG["components"]["messages"][name]["headers"]["required"])
    assert name in LOG["channels"][golden["topic"]]["messages"]


def test_every_reference_leads_somewhere() -> None:
    def refs(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*map(refs, part.values()))
        return set().union(*map(refs, part)) if isinstance(part, list) else set()

    for ref in refs(LOG):
        found: Any = LOG
        for step in ref.removeprefix("#/").split("/"):
            found = found[step]
