"""The OpenAPI document: whole, and true of what is posted."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.app import create_app
from stream.events import EVENT_TYPES

WRITES = (
    ("/v1/events", "post"),
    ("/v1/events/batch", "post"),
    ("/v1/facilities/{facility_id}", "put"),
    ("/v1/items/{item_id}", "put"),
    ("/v1/districts/{district_id}", "put"),
    ("/v1/recalls/{recall_id}", "put"),
    ("/v1/norms/{norm_id}", "put"),
    ("/v1/closures/{closure_id}", "put"),
    ("/v1/directives/{directive_id}", "put"),
    ("/v1/chains/{chain_id}", "put"),
    ("/v1/thresholds/{threshold_id}", "put"),
    ("/v1/reference/batch", "post"),
    ("/v1/alerts/{alert_id}/acknowledgement", "post"),
    ("/v1/alerts/{alert_id}/snooze", "post"),
    ("/v1/alerts/{alert_id}/note", "post"),
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_whatever_is_referred_to_is_there(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for reference in references(document):
        prefix, _, name = reference.rpartition("/")
        assert prefix == "#/components/schemas"
        assert name in schemas


@pytest.mark.parametrize(("path", "method"), WRITES)
def test_writes_say_what_they_take_and_answer(
    document: dict[str, Any], path: str, method: str
) -> None:
    operation = document["paths"][path][method]
    assert operation["requestBody"]["required"]
    assert "application/json" in operation["requestBody"]["content"]
    assert {"400", "413", "415", "422", "503"} < set(operation["responses"])
    good = operation["responses"]["200" if "batch" in path else "202"]
    assert "Dawalog-Position" in good["headers"]
    names = [parameter["name"] for parameter in operation["parameters"]]
    assert "Dawalog-Min-Position" in names
    assert {name for name in names if f"{{{name}}}" in path} == set(re.findall(r"{(\w+)}", path))


def test_the_address_tells_kind_and_id(document: dict[str, Any]) -> None:
    body = document["paths"]["/v1/items/{item_id}"]["put"]["requestBody"]
    assert body["content"]["application/json"]["schema"]["required"] == ["name", "base_unit"]


def test_each_type_of_event_is_described(document: dict[str, Any]) -> None:
    posted = document["components"]["schemas"]["PostedEvent"]
    assert set(posted["discriminator"]["mapping"]) == set(EVENT_TYPES)


def test_every_list_has_the_same_limit(document: dict[str, Any]) -> None:
    limits = {
        path: parameter["schema"]
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
        if parameter["name"] == "limit"
    }
    assert {"/v1/shortages", "/v1/overview", "/v1/availability/{facility_id}"} < set(limits)
    for path, schema in limits.items():
        said = schema["minimum"], schema["maximum"], schema["default"]
        assert said == (1, 1000, 100), path


def test_no_parameter_is_told_twice(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            told = [(one["in"], one["name"]) for one in operation.get("parameters", ())]
            assert len(told) == len(set(told)), (method, path)
