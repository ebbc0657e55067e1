"""What the OpenAPI document says of bodies and answers that routes read and write by themselves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, TypeAdapter

from api.bodies import JSON, NDJSON
from api.freshness import require_position
from api.problems import MEDIA_TYPE
from api.recording import MAX_BATCH
from stream.alerts import Acknowledgement, Noted, Snooze
from stream.chains import Chain
from stream.events import posted_event
from stream.fields import EventId
from stream.reference import (
    Closure,
    Directive,
    District,
    Facility,
    Item,
    Norm,
    Recall,
    posted_reference,
)
from stream.thresholds import Threshold

_REF: Final = "#/components/schemas/{model}"

DESCRIPTION: Final = """
Live, provable medicine stock for public health facilities. Events are facts that happened in a
pharmacy; they are appended to a log and never edited, and stock is computed from them. Posting
the same event again is always safe.
"""


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class FaultShape(Shape):
    pointer: str
    detail: str


class Problem(Shape):
    """RFC 9457. `type` is stable; `server_time` comes with clock-ahead and clock-behind."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultShape] | None = None
    server_time: datetime | None = None


class Recorded(Shape):
    """With the id of what was recorded."""

    model_config = ConfigDict(extra="allow")

    position: str
    recorded_at: datetime


class BatchResult(Shape):
    """With the id of the element, where it could be told."""

    model_config = ConfigDict(extra="allow")

    index: int
    status: Literal["accepted", "rejected"]
    recorded_at: datetime | None = None
    problem: Problem | None = None


class BatchRecorded(Shape):
    accepted: int
    rejected: int
    position: str | None
    results: list[BatchResult]


_SHAPES: Final[Mapping[str, TypeAdapter[Any]]] = {
    "PostedEvent": posted_event,
    "PostedReference": posted_reference,
    "Problem": TypeAdapter(Problem),
    "Recorded": TypeAdapter(Recorded),
    "BatchRecorded": TypeAdapter(BatchRecorded),
}


def _ref(model: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=model)}


def _json(schema: Mapping[str, Any], media_type: str = JSON) -> dict[str, Any]:
    return {"content": {media_type: {"schema": schema}}}


# Declared here, not by a dependency, which costs a post or a read a tenth of its time.
_PARAMETERS: Final = [
    {
        "name": "Dawalog-Min-Position",
        "in": "header",
        "required": False,
        "description": "Answer only once these positions (comma-separated, at most 64) are "
        "projected; otherwise 503.",
        "schema": {"type": "string"},
    },
    {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "description": "`wait=N`: for how many seconds (at most 30).",
        "schema": {"type": "string"},
    },
]


def _operation(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"parameters": _PARAMETERS, "requestBody": {"required": True, "content": content}}


def _body(schema: Mapping[str, Any]) -> dict[str, Any]:
    return _operation({JSON: {"schema": schema}})


def _batch_body(model: str) -> dict[str, Any]:
    array = {"type": "array", "items": _ref(model), "minItems": 1, "maxItems": MAX_BATCH}
    lines = {"type": "string", "description": "one JSON object a line"}
    return _operation({JSON: {"schema": array}, NDJSON: {"schema": lines}})


def _put_body(model: type[BaseModel], id_field: str) -> dict[str, Any]:
    """The record as sent to its own address, which tells `kind` and id."""
    schema = model.model_json_schema(ref_template=_REF)
    schema.pop("$defs", None)
    told = ("kind", id_field)
    schema["required"] = [name for name in schema["required"] if name not in told]
    operation = _body(schema)
    in_path = {"name": id_field, "in": "path", "required": True}
    id_schema = schema["properties"][id_field]
    return operation | {"parameters": [*_PARAMETERS, in_path | {"schema": id_schema}]}


def _alert_body(model: type[BaseModel]) -> dict[str, Any]:
    operation = _body(model.model_json_schema(ref_template=_REF))
    alert_id = {
        "name": "alert_id",
        "in": "path",
        "required": True,
        "schema": TypeAdapter(EventId).json_schema(),
    }
    return operation | {"parameters": [*_PARAMETERS, alert_id]}


EVENT_BODY: Final = _body(_ref("PostedEvent"))
EVENT_BATCH_BODY: Final = _batch_body("PostedEvent")
REFERENCE_BATCH_BODY: Final = _batch_body("PostedReference")
FACILITY_BODY: Final = _put_body(Facility, "facility_id")
ITEM_BODY: Final = _put_body(Item, "item_id")
DISTRICT_BODY: Final = _put_body(District, "district_id")
RECALL_BODY: Final = _put_body(Recall, "recall_id")
ACKNOWLEDGEMENT_BODY: Final = _alert_body(Acknowledgement)
SNOOZE_BODY: Final = _alert_body(Snooze)
NOTE_BODY: Final = _alert_body(Noted)
NORM_BODY: Final = _put_body(Norm, "norm_id")
CLOSURE_BODY: Final = _put_body(Closure, "closure_id")
DIRECTIVE_BODY: Final = _put_body(Directive, "directive_id")
CHAIN_BODY: Final = _put_body(Chain, "chain_id")
THRESHOLD_BODY: Final = _put_body(Threshold, "threshold_id")

_POSITION: Final = {
    "headers": {
        "Dawalog-Position": {
            "description": "What a read waits for with Dawalog-Min-Position.",
            "schema": {"type": "string"},
        }
    }
}
RETRY: Final = {
    "headers": {
        "Retry-After": {"description": "In seconds.", "schema": {"type": "integer", "minimum": 0}}
    }
}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, **_json(_ref("Problem"), MEDIA_TYPE)}


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    400: _problem("Not JSON, or a position that is not one of ours."),
    413: _problem("Larger than a body may be."),
    415: _problem("Another Content-Type, or a Content-Encoding."),
    422: _problem("What cannot be a fact, with one entry in `errors` per fault."),
    503: {**_problem("Not now. Sending it again is safe."), **RETRY},
}
SINGLE_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "It is in the log.", **_json(_ref("Recorded")), **_POSITION},
    **PROBLEMS,
}
ALERT_ANSWERS: Final = SINGLE_ANSWERS | {
    404: _problem("No such alert that you may see."),
    409: _problem("Something else was recorded with this event_id."),
}
BATCH_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "What became of each element.",
        **_json(_ref("BatchRecorded")),
        **_POSITION,
    },
    **PROBLEMS,
}


def document_routes(app: FastAPI) -> dict[str, Any]:
    """FastAPI's own document, with the shapes that its routes only refer to."""
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
    )
    for route in app.routes:
        if isinstance(route, APIRoute) and _waits(route):
            for method in route.methods or ():
                operation = schema["paths"][route.path][method.lower()]
                operation.setdefault("parameters", []).extend(_PARAMETERS)
    shapes = schema.setdefault("components", {}).setdefault("schemas", {})
    for name, adapter in _SHAPES.items():
        shape = adapter.json_schema(ref_template=_REF)
        shapes.update(shape.pop("$defs", {}))
        shapes[name] = shape
    return schema


def _waits(route: APIRoute) -> bool:
    needs = route.dependant.dependencies
    return route.include_in_schema and any(need.call is require_position for need in needs)
