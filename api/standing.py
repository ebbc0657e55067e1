"""GET /v1/directives/{directive_id}/standing: who does as a directive says, with what shows it."""

from collections import Counter, defaultdict
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query, Request, Response
from pydantic import TypeAdapter

from alerts.rules import WHO_ACTS
from api.answers import answer, in_utc
from api.catalogue import shown
from api.cursors import decode_cursor, encode_cursor
from api.known import reading_router
from api.parameters import Cursor, KnownAt, Limit, within_range
from api.registered_shapes import DirectiveShape
from api.services import services_of
from api.shapes import Page, Shape, read_answers
from projections.queries.standing import (
    DirectiveStanding,
    FacilityStanding,
    Proof,
    find_standing,
)
from projections.standing import Standing
from stream.chains import Officer
from stream.errors import Rejected
from stream.fields import Id, Instant

router = reading_router("reading")

By = Literal["facility", "district", "officer"]

STANDING_CURSOR: Final[TypeAdapter[tuple[Id, Instant, bool]]] = TypeAdapter(
    tuple[Id, Instant, bool]
)


class ProofShape(Shape):
    """An event, and which part of the facility posted it."""

    event_id: str
    facility_id: str
    occurred_at: datetime


class EvidenceShape(Shape):
    """What shows it; null or empty: there is no such event among what is known."""

    first_complete_count: ProofShape | None
    first_receipt: ProofShape | None
    """From outside, not from a part of the facility."""
    last_dispense: ProofShape | None
    dispensed_on: list[date]
    """Of its last `of_open_days` open days, those with a prescription."""


class FacilityStandingShape(Shape):
    facility_id: str
    name: str
    level: str
    district_id: str
    standing: Standing
    counters: int
    counters_active: int
    """Those that dispensed on `used_days` of these days themselves."""
    evidence: EvidenceShape


class StandingCounts(Shape):
    not_started: int
    started: int
    in_use: int
    lapsed: int


class DistrictStandingShape(StandingCounts):
    district_id: str


class OfficerStandingShape(StandingCounts):
    officer: Officer
    title: str | None
    """What the chain of command calls that officer."""
    state: str
    district_id: str | None
    """Null for the state's officer."""
    districts: list[str]


class StandingAnswer(Page):
    directive: DirectiveShape
    taken_at: datetime
    day: date
    """India's; open days are counted back from the one before it."""
    overdue: bool
    """Its deadline is over: whoever isn't `in_use` has missed it, or lapsed."""
    counts: StandingCounts
    facilities: list[FacilityStandingShape] | None = None
    districts: list[DistrictStandingShape] | None = None
    officers: list[OfficerStandingShape] | None = None


@router.get("/v1/directives/{directive_id}/standing", responses=read_answers(StandingAnswer))
async def read_standing(
    request: Request,
    *,
    directive_id: Annotated[Id, Path()],
    by: Annotated[By, Query(description="officer: who answers for it")] = "district",
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    known_at: KnownAt = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """How the facilities that a directive binds stand with it, counted in all and by district or by
    the officer who answers; by facility with the events, or their absence.

    `in_use`: a complete count, receipts, and dispensing on `used_days` of the last `of_open_days`
    open days, at the facility, its store or its counters; `lapsed`: it was so before; `started`:
    some of it. Facilities come in pages by id, districts and officers all at once. Until the
    deadline is over the district's officer answers; then it passes up the chain of command.
    """
    known_at, after = within_range(known_at), ""
    if cursor:
        after, taken_at, is_past = decode_cursor(cursor, STANDING_CURSOR)
        known_at = taken_at if is_past else None
    found = await find_standing(
        services_of(request).reading.model,
        directive_id,
        known_at=known_at,
        district_id=district,
        after=after,
        limit=limit + 1 if by == "facility" else 0,
        who_acts=WHO_ACTS,
    )
    if found is None:
        raise Rejected("not-found", f"No directive with the id {directive_id} is known.")
    match by:
        case "facility":
            rows = _page(found, limit, known_at)
        case "district":
            rows = _by_district(found)
        case "officer":
            rows = _by_officer(found)
    body = _body(found) | rows
    return answer(request, services_of(request).reading, body, found.snapshot, whole_state=True)


def _body(found: DirectiveStanding) -> dict[str, Any]:
    return {
        "directive": shown(found.directive),
        "taken_at": found.snapshot.taken_at,
        "day": found.today,
        "overdue": found.today > date.fromisoformat(found.directive["deadline"]),
        "counts": _counts(sum(found.districts.values(), Counter())),
        "next_cursor": None,
    }


def _by_district(found: DirectiveStanding) -> dict[str, Any]:
    return {
        "districts": [
            {"district_id": district_id} | _counts(counted)
            for district_id, counted in sorted(found.districts.items())
        ]
    }


def _by_officer(found: DirectiveStanding) -> dict[str, Any]:
    """The state's officer answers for all districts that have come so far at once."""
    counted: defaultdict[tuple[Any, ...], Counter[Standing]] = defaultdict(Counter)
    districts: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
    for each in sorted(found.officers):
        own = None if each.officer == "state" else each.district_id
        officer = (each.state, each.officer, each.title, own)
        districts[officer].append(each.district_id)
        counted[officer] += found.districts[each.district_id]
    names = ("state", "officer", "title", "district_id")
    return {
        "officers": [
            dict(zip(names, officer, strict=True)) | {"districts": of} | _counts(counted[officer])
            for officer, of in districts.items()
        ]
    }


def _page(found: DirectiveStanding, limit: int, known_at: datetime | None) -> dict[str, Any]:
    page = found.facilities[:limit]
    last = page[-1].facility_id if len(found.facilities) > limit else None
    at = known_at or found.snapshot.taken_at
    return {
        "facilities": [_facility(each) for each in page],
        "next_cursor": last and encode_cursor(last, at, known_at is not None),
    }


def _counts(counted: Counter[Standing]) -> dict[str, int]:
    return {name: counted[name] for name in ("not_started", "started", "in_use", "lapsed")}


def _facility(facility: FacilityStanding) -> dict[str, Any]:
    return {
        "facility_id": facility.facility_id,
        "name": facility.name,
        "level": facility.level,
        "district_id": facility.district_id,
        "standing": facility.standing,
        "counters": facility.counters,
        "counters_active": facility.counters_active,
        "evidence": {
            "first_complete_count": _proof(facility.count),
            "first_receipt": _proof(facility.receipt),
            "last_dispense": _proof(facility.dispense),
            "dispensed_on": facility.dispensed_on,
        },
    }


def _proof(proof: Proof | None) -> dict[str, Any] | None:
    return proof and proof._asdict() | {"occurred_at": in_utc(proof.occurred_at)}
