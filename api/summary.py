"""GET /v1/summary: what the state watches, summed up by place, item or programme."""

from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer
from api.cursors import decode_cursor, encode_cursor
from api.etags import UNCHANGED, tag_answer
from api.known import reading_router
from api.parameters import Cursor, Limit, PrintableText
from api.problems import bad_parameters
from api.rollup_shapes import SummaryAnswer
from api.services import services_of
from api.shapes import read_answers
from projections.queries.summary import (
    Group,
    ItemKey,
    PlaceKey,
    Wanted,
    summarize_items,
    summarize_places,
)
from stream.errors import Fault, Rejected
from stream.fields import Id, Name
from stream.versioned import Level

router = reading_router("reading")

By = Literal[PlaceKey, ItemKey]

SUMMARY_CURSOR: Final[TypeAdapter[tuple[By, str]]] = TypeAdapter(tuple[By, PrintableText])


@router.get("/v1/summary", responses=read_answers(SummaryAnswer) | UNCHANGED)
async def read_summary(
    request: Request,
    *,
    by: Annotated[By, Query(description="what a group is")],
    state: Annotated[Name | None, Query()] = None,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    level: Annotated[Level | None, Query()] = None,
    facility_id: Annotated[Id | None, Query()] = None,
    programme: Annotated[Name | None, Query(description="of items")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Groups by key. Counted are items of a level's essential list, at facilities with a complete
    count; items of silent facilities are `unknown`, and in no denominator.

    stock_out_rate = out ÷ (out + low + ok + over + unrated); stocked_according_to_plan = ok ÷ the
    same: minimum ≤ stock ≤ maximum. Patients are of India's today, of all that the facilities gave,
    whatever the programme.
    """
    wanted = Wanted(state, district, level, facility_id)
    model = services_of(request).reading.model
    after = _after(cursor, by)
    match by:
        case "item" | "programme":
            summary = await summarize_items(
                model, by, wanted=wanted, programme=programme, after=after, limit=limit + 1
            )
        case _:
            summary = await summarize_places(
                model, by, wanted=wanted, programme=programme, after=after, limit=limit + 1
            )
    page = summary.groups[:limit]
    body: dict[str, Any] = {
        "by": by,
        "evaluated_on": summary.evaluated_on,
        "groups": [_group(group) for group in page],
        "next_cursor": encode_cursor(by, page[-1].key) if len(summary.groups) > limit else None,
    }
    told = answer(request, services_of(request).reading, body, summary.snapshot, whole_state=True)
    return tag_answer(request, told)


def _after(cursor: str | None, by: By) -> str | None:
    if cursor is None:
        return None
    of, key = decode_cursor(cursor, SUMMARY_CURSOR)
    if of != by:
        raise _cannot("cursor", f"is of a summary by {of}")
    return key


def _cannot(name: str, detail: str) -> Rejected:
    return bad_parameters([Fault(f"/{name}", f"{name} {detail}")])


def _group(group: Group) -> dict[str, Any]:
    items, facilities = group.items, group.facilities
    all_told = items.out + items.low + items.ok + items.over + items.unrated
    return {
        "key": group.key or None,
        "name": group.name or None,
        "facilities": facilities and facilities.facilities,
        "reporting": facilities and facilities.reporting,
        "not_reporting": facilities and facilities.not_reporting,
        "not_started": facilities and facilities.not_started,
        "items": items._asdict(),
        "stock_out_rate": _rate(items.out, all_told, items.unknown),
        "stocked_according_to_plan": _rate(items.ok, all_told, items.unknown),
        "expiring_value_paise": group.expiring_paise,
        "patients": facilities
        and {
            "served": facilities.served,
            "served_in_part": facilities.served_in_part,
            "sent_away": facilities.sent_away,
        },
        "prescriptions_today": facilities
        and facilities.served + facilities.served_in_part + facilities.sent_away,
    }


def _rate(numerator: int, denominator: int, not_reporting: int) -> dict[str, Any]:
    return {
        "rate": round(numerator / denominator, 4) if denominator else None,
        "numerator": numerator,
        "denominator": denominator,
        "not_reporting": not_reporting,
    }
