"""GET /asyncapi.json: the topics of the log and the exact shape of each record, for other readers.

AsyncAPI 3.0. Made of the models by which records are written and read.
"""

from functools import cache
from importlib.metadata import version
from typing import Any, Final, NamedTuple

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from stream.alerts import logged_alert_event
from stream.codec import SCHEMA_VERSIONS
from stream.events import logged_event
from stream.reference import logged_reference
from stream.topics import ALERT_EVENTS, REFERENCE, STOCK_EVENTS

router = APIRouter(include_in_schema=False)

_REF: Final = "#/components/schemas/{model}"


class _Topic(NamedTuple):
    shape: TypeAdapter[Any]
    description: str
    key: str


_TOPICS: Final = {
    STOCK_EVENTS: _Topic(
        logged_event,
        "What happened to stock at each facility. A facility's events are all in one partition, "
        "the one that any Kafka client chooses for its key.",
        "facility_id",
    ),
    REFERENCE: _Topic(
        logged_reference,
        "What is registered: facilities, items, districts, recalls, norms, …, and decisions about "
        "dead letters. One partition.",
        "`kind:id`, as facility:PHC-1",
    ),
    ALERT_EVENTS: _Topic(
        logged_alert_event,
        "What was found and said about alerts. Partitions as of stock-events.",
        "the facility_id or district_id that the alert is about",
    ),
}


@router.get("/asyncapi.json")
async def read_log_contract() -> JSONResponse:
    return JSONResponse(describe_log())


@cache
def describe_log() -> dict[str, Any]:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for name, topic in _TOPICS.items():
        shape = topic.shape.json_schema(ref_template=_REF)
        types = shape["discriminator"]["mapping"]
        schemas |= shape["$defs"]
        messages |= {each: _message(each, ref, topic) for each, ref in types.items()}
        channels[name] = {
            "address": name,
            "description": f"{topic.description} Kept for ever; a record's timestamp is when the "
            "broker took it.",
            "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in types},
        }
        operations[f"append-{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": "Dawalog alone writes here: others post over HTTP, and may read.",
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Dawalog", "version": version("dawalog")},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _message(name: str, payload: str, topic: _Topic) -> dict[str, Any]:
    headers = {
        "type": {"const": name},
        "schema-version": {
            "pattern": "^[0-9]+$",
            "description": f"Newest: {SCHEMA_VERSIONS[name]}. Whoever meets a newer one must stop "
            "and be upgraded.",
        },
        "content-sha256": {
            "description": "32 bytes: of the sender's content as canonical JSON. The same id with "
            "another hash is a conflict; the first one stands.",
        },
    }
    return {
        "name": name,
        "headers": {"type": "object", "properties": headers, "required": list(headers)},
        "payload": {"$ref": payload},
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}}},
    }
