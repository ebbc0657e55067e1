"""Registering facilities, items, districts, recalls, norms, …: records of `reference`."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request, Response

from alerts.thresholds import check_threshold
from api.access import Caller, find_caller
from api.bodies import read_batch, read_single
from api.freshness import require_position
from api.openapi import (
    BATCH_ANSWERS,
    CHAIN_BODY,
    CLOSURE_BODY,
    DIRECTIVE_BODY,
    DISTRICT_BODY,
    FACILITY_BODY,
    ITEM_BODY,
    NORM_BODY,
    RECALL_BODY,
    REFERENCE_BATCH_BODY,
    SINGLE_ANSWERS,
    THRESHOLD_BODY,
)
from api.plain_route import PlainRoute
from api.recording import (
    Name,
    answer_batch,
    answer_recorded,
    attempt,
    attempt_each,
    record,
    record_each,
    require_batch,
)
from api.services import Services, services_of
from projections.queries.facilities import FacilityRecord
from stream.appending import Appended
from stream.codec import OutgoingRecord, encode_reference
from stream.errors import DawalogError, Fault, Rejected
from stream.posting import parse_reference
from stream.reference import Facility, PostedReference
from stream.thresholds import Threshold

router: Final = APIRouter(tags=["reference"], route_class=PlainRoute)


class Kind(NamedTuple):
    """A kind of records; one is named by `{kind}_id`."""

    plural: str
    body: dict[str, Any]
    doc: str


KINDS: Final[Mapping[str, Kind]] = {
    "facility": Kind(
        "facilities",
        FACILITY_BODY,
        "Register a facility, or change its record from `valid_from` on.",
    ),
    "item": Kind(
        "items",
        ITEM_BODY,
        "Register an item, or change its record from `valid_from` on.",
    ),
    "district": Kind(
        "districts",
        DISTRICT_BODY,
        "Register a district, or change its record from `valid_from` on.",
    ),
    "recall": Kind(
        "recalls",
        RECALL_BODY,
        'Recall a lot everywhere from `valid_from` on, or lift the recall: `"lifted": true`.',
    ),
    "norm": Kind(
        "norms",
        NORM_BODY,
        'Say how much should be there from `valid_from` on, or end that: `"withdrawn": true`.',
    ),
    "closure": Kind(
        "closures",
        CLOSURE_BODY,
        'Say on which days facilities are closed, or that they aren\'t: `"withdrawn": true`.',
    ),
    "directive": Kind(
        "directives",
        DIRECTIVE_BODY,
        'Say what facilities must do by when, or that they needn\'t: `"withdrawn": true`.',
    ),
    "chain": Kind(
        "chains",
        CHAIN_BODY,
        'Say whose turn it is after how long, or end that: `"withdrawn": true`.',
    ),
    "threshold": Kind(
        "thresholds",
        THRESHOLD_BODY,
        "Say what a rule's parameters are in a state, a district or at a level, or end that.",
    ),
}


def _putting(kind: str) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def put(request: Request) -> Response:
        return await _put(request, kind)

    return put


for _kind, (_plural, _body, _doc) in KINDS.items():
    router.add_api_route(
        f"/v1/{_plural}/{{{_kind}_id}}",
        _putting(_kind),
        methods=["PUT"],
        name=f"put_{_kind}",
        description=_doc,
        status_code=202,
        openapi_extra=_body,
        responses=SINGLE_ANSWERS,
    )


@router.post(
    "/v1/reference/batch",
    status_code=200,
    openapi_extra=REFERENCE_BATCH_BODY,
    responses=BATCH_ANSWERS,
)
async def post_reference(request: Request) -> Response:
    """Register up to 1,000 records, each with its `kind` and id."""
    await require_position(request)
    services = services_of(request)
    elements = require_batch(await read_batch(request))
    caller = find_caller(request)
    records: list[PostedReference | DawalogError] = await attempt_each(_parse, elements)

    def draft(posted: PostedReference) -> OutgoingRecord:
        return _draft(posted, caller)

    drafts = [attempt(draft, posted) for posted in records]
    outcomes = await record_each(services.log, drafts)
    for posted, outcome in zip(records, outcomes, strict=True):
        _note(services, posted, outcome)
    return answer_batch(services.log, [_name(element) for element in elements], outcomes)


async def _put(request: Request, kind: str) -> Response:
    record_id: str = request.path_params[f"{kind}_id"]
    await require_position(request)
    services = services_of(request)
    body = await read_single(request)
    posted = _parse(_complete(body, kind, record_id))
    appended = await record(services.log, _draft(posted, find_caller(request)))
    _note(services, posted, appended)
    return answer_recorded(services.log, {f"{kind}_id": record_id}, appended)


def _complete(body: Any, kind: str, record_id: str) -> Any:
    """The body with kind and id, which the address has told. Raises Rejected if it says others."""
    if not isinstance(body, dict):
        return body
    told = {"kind": kind, f"{kind}_id": record_id}
    faults = [
        Fault(f"/{name}", f"{name} is not what the address says")
        for name, value in told.items()
        if body.get(name) not in (None, value)
    ]
    if faults:
        raise Rejected("invalid-record", "The record and the address differ.", faults)
    return body | told


def _parse(body: Any) -> PostedReference:
    """Raises as `parse_reference`; also for a rule or a parameter that there isn't."""
    posted = parse_reference(body)
    if isinstance(posted, Threshold):
        check_threshold(posted)
    return posted


def _draft(posted: PostedReference, caller: Caller) -> OutgoingRecord:
    return encode_reference(posted, recorded_by=caller.recorded_by, source=caller.source)


def _note(
    services: Services,
    posted: PostedReference | DawalogError,
    outcome: Appended | DawalogError,
) -> None:
    """A facility that this process recorded takes events at once, projected or not."""
    if isinstance(posted, Facility) and isinstance(outcome, Appended):
        services.directory.add(
            FacilityRecord(
                posted.facility_id,
                posted.valid_from or outcome.recorded_at,
                outcome.offset,
                posted.district_id,
                posted.parent_facility_id,
            )
        )


def _name(element: Any) -> Name:
    """Kind and id as the sender gave them, where they can be told."""
    kind = element.get("kind") if isinstance(element, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        return {}
    record_id = element.get(f"{kind}_id")
    return {"kind": kind, f"{kind}_id": record_id if isinstance(record_id, str) else None}
