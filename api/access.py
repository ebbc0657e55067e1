"""Who may do what: the table of roles, and the table of which rule each route is under.

A caller reads and posts for nothing, its own facilities, or all. Its own are those that its token
names, their children, and those of the districts that it names.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Final, Literal

from fastapi import Request

Reach = Literal["nothing", "own", "all"]
ScopeKind = Literal["facilities", "districts"]


@dataclass(frozen=True, slots=True)
class Role:
    """`scoped_by` is what of a token's scope counts; `registers`: facilities, items, recalls, …"""

    reads: Reach
    posts: Reach
    registers: bool
    scoped_by: tuple[ScopeKind, ...]


ROLES: Final[Mapping[str, Role]] = {
    #                    reads      posts      registers  scoped by
    "pharmacist": Role("own", "own", False, ("facilities",)),
    "cmho": Role("own", "nothing", False, ("districts",)),
    "nhm": Role("all", "nothing", True, ()),
    "integration": Role("own", "own", False, ("facilities", "districts")),
    "public": Role("nothing", "nothing", False, ()),
}
UNSCOPED_INTEGRATION: Final = Role("all", "all", True, ())
"""Whose token names neither facilities nor districts: the state's own systems."""


class Rule(StrEnum):
    """Who may use a route."""

    OPEN = "anybody; no token is looked at, nothing is counted"
    PUBLIC = "anybody; counted by address"
    CATALOGUE = "every role but public"
    FACILITY = "who reads the facility in the address"
    DISTRICT = "who reads all, or the district in the address"
    BY_DISTRICT = "who reads all, or the districts that ?district= names"
    BY_FILTER = "who reads all, or all that ?facility_id= and ?district= name"
    ENDLESS = "who reads all, or all that ?facility_id= and ?district= name; ends with the token"
    NARROWED = "who reads anything; the route shows what is the caller's"
    STATE = "who reads all"
    POST = "who posts for the facility of each event in the body"
    REGISTER = "who registers"


FILTERS: Final[Mapping[Rule, tuple[str, ...]]] = {
    Rule.BY_DISTRICT: ("district",),
    Rule.BY_FILTER: ("facility_id", "district"),
    Rule.ENDLESS: ("facility_id", "district"),
}
"""Parameters that such a route must take: one that it ignored would open it."""

RULES: Final[Mapping[str, Rule]] = {
    "POST /v1/events": Rule.POST,
    "POST /v1/events/batch": Rule.POST,
    "POST /v1/events/check": Rule.POST,
    "PUT /v1/facilities/{facility_id}": Rule.REGISTER,
    "PUT /v1/items/{item_id}": Rule.REGISTER,
    "PUT /v1/districts/{district_id}": Rule.REGISTER,
    "PUT /v1/recalls/{recall_id}": Rule.REGISTER,
    "PUT /v1/norms/{norm_id}": Rule.REGISTER,
    "PUT /v1/closures/{closure_id}": Rule.REGISTER,
    "PUT /v1/directives/{directive_id}": Rule.REGISTER,
    "PUT /v1/chains/{chain_id}": Rule.REGISTER,
    "PUT /v1/thresholds/{threshold_id}": Rule.REGISTER,
    "POST /v1/reference/batch": Rule.REGISTER,
    "GET /v1/facilities/{facility_id}/stock": Rule.FACILITY,
    "GET /v1/facilities/{facility_id}/items/{item_id}/card": Rule.FACILITY,
    "GET /v1/facilities/{facility_id}/events": Rule.FACILITY,
    "GET /v1/facilities/{facility_id}/events/{event_id}": Rule.FACILITY,
    "GET /v1/facilities/{facility_id}/reporting": Rule.FACILITY,
    "GET /v1/facilities/{facility_id}/items/{item_id}/rescue": Rule.FACILITY,
    "GET /v1/districts/{district_id}/actions": Rule.DISTRICT,
    "GET /v1/reporting": Rule.BY_DISTRICT,
    "GET /v1/discrepancies": Rule.BY_FILTER,
    "GET /v1/transfers": Rule.BY_FILTER,
    "GET /v1/overview": Rule.BY_DISTRICT,
    "GET /v1/summary": Rule.BY_FILTER,
    "GET /v1/items/{item_id}/stock": Rule.BY_FILTER,
    "GET /v1/shortages": Rule.BY_FILTER,
    "GET /v1/stockouts": Rule.BY_FILTER,
    "GET /v1/alerts": Rule.BY_FILTER,
    "GET /v1/alerts/{alert_id}": Rule.NARROWED,
    "POST /v1/alerts/{alert_id}/acknowledgement": Rule.NARROWED,
    "POST /v1/alerts/{alert_id}/snooze": Rule.NARROWED,
    "POST /v1/alerts/{alert_id}/note": Rule.NARROWED,
    "GET /v1/live": Rule.ENDLESS,
    "GET /v1/changes": Rule.BY_FILTER,
    "GET /v1/recalls/{recall_id}": Rule.NARROWED,
    "GET /v1/recalls": Rule.CATALOGUE,
    "GET /v1/norms": Rule.CATALOGUE,
    "GET /v1/closures": Rule.CATALOGUE,
    "GET /v1/directives": Rule.CATALOGUE,
    "GET /v1/chains": Rule.CATALOGUE,
    "GET /v1/thresholds": Rule.CATALOGUE,
    "GET /v1/directives/{directive_id}/standing": Rule.BY_DISTRICT,
    "GET /v1/facilities": Rule.CATALOGUE,
    "GET /v1/items": Rule.CATALOGUE,
    "GET /v1/districts": Rule.CATALOGUE,
    "GET /v1/availability/{facility_id}": Rule.PUBLIC,
    "GET /": Rule.OPEN,
    "GET /assets/{name}": Rule.OPEN,
    "GET /docs/{path:path}": Rule.OPEN,
    "GET /healthz": Rule.OPEN,
    "GET /readyz": Rule.OPEN,
    "GET /metrics": Rule.OPEN,
    "GET /metrics/stock": Rule.BY_FILTER,
    "GET /docs": Rule.OPEN,
    "GET /swagger/{name}": Rule.OPEN,
    "GET /openapi.json": Rule.OPEN,
    "GET /asyncapi.json": Rule.OPEN,
}


@dataclass(frozen=True, slots=True)
class Scope:
    facilities: frozenset[str] = frozenset()
    districts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """`recorded_by` and `source` go into each record that the caller posts. `good_until` is in
    seconds since 1970.
    """

    recorded_by: str
    source: str
    role: Role
    scope: Scope = Scope()
    good_until: float = inf


EVERYBODY: Final = Caller("open", "api", UNSCOPED_INTEGRATION)
"""Who asks where no tokens are asked for."""


def caller_of(
    subject: str,
    role_name: str,
    *,
    facilities: Collection[str] | None = None,
    districts: Collection[str] | None = None,
    good_until: float = inf,
) -> Caller:
    """The caller that a token describes. None: it says nothing of them, which isn't the same as an
    empty scope. An unknown role may do what `public` may.
    """
    name = role_name if role_name in ROLES else "public"
    role = ROLES[name]
    if name == "integration" and facilities is None and districts is None:
        role = UNSCOPED_INTEGRATION
    scope = Scope(
        frozenset((facilities or ()) if "facilities" in role.scoped_by else ()),
        frozenset((districts or ()) if "districts" in role.scoped_by else ()),
    )
    return Caller(subject, name, role, scope, good_until)


def find_caller(request: Request) -> Caller:
    """Who asks; the guard of the route has found out."""
    caller: Caller = request.scope["caller"]
    return caller
