"""Before a route: who asks, how often, and whether they may."""

import asyncio
from math import isinf
from time import time
from typing import Final

from fastapi import FastAPI, Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import EVERYBODY, FILTERS, RULES, Caller, Rule
from api.declared import list_parameters, require_declared
from api.directory import Directory
from api.rate_limit import RateLimit
from api.tokens import Verifier
from stream.errors import Corrupt, Fault, Rejected, Unavailable

UNAUTHENTICATED: Final = "unauthenticated"
FORBIDDEN: Final = "forbidden"


class Gate:
    """`verifier` is None where no tokens are asked for."""

    def __init__(
        self, directory: Directory, rate_limit: RateLimit, verifier: Verifier | None
    ) -> None:
        self._directory = directory
        self._rate_limit = rate_limit
        self._verifier = verifier

    async def admit(self, request: Request, rule: Rule) -> Caller:
        """Raises Rejected (unauthenticated, too-many-requests, forbidden), and Unavailable where
        nobody can tell.
        """
        if rule is Rule.PUBLIC:
            self._rate_limit.count(request.client.host if request.client else "")
            return EVERYBODY
        if self._verifier is None:
            return EVERYBODY
        caller = await self._verifier.verify(_bearer_token(request))
        self._rate_limit.count(caller.recorded_by)
        await self._require(rule, caller, request)
        return caller

    def require_posting(self, caller: Caller, facility_id: str) -> None:
        """Of a facility that the directory knows. Raises Rejected (forbidden)."""
        if caller.role.posts == "all" or self._directory.is_within(caller.scope, facility_id):
            return
        raise Rejected(
            FORBIDDEN,
            f"Your token does not let you post for {facility_id}.",
            [Fault("/facility_id", "not a facility of yours")],
        )

    def reads(self, caller: Caller, facility_id: str | None, district_id: str | None) -> bool:
        """Whether the caller reads this facility, or without one this district."""
        if caller.role.reads == "all":
            return True
        if facility_id is None:
            return district_id in caller.scope.districts
        return self._directory.is_within(caller.scope, facility_id)

    async def own_facilities(self, caller: Caller) -> list[str] | None:
        """Those that the caller reads; None for all."""
        if caller.role.reads == "all":
            return None
        return await self._directory.list_within(caller.scope)

    async def _require(self, rule: Rule, caller: Caller, request: Request) -> None:
        role = caller.role
        match rule:
            case Rule.CATALOGUE | Rule.NARROWED:
                is_allowed = role.reads != "nothing"
            case Rule.STATE:
                is_allowed = role.reads == "all"
            case Rule.POST:
                is_allowed = role.posts != "nothing"
            case Rule.REGISTER:
                is_allowed = role.registers
            case Rule.FACILITY:
                asked = [request.path_params["facility_id"]]
                is_allowed = role.reads == "all" or await self._reads(caller, asked)
            case Rule.DISTRICT:
                asked = [request.path_params["district_id"]]
                is_allowed = role.reads == "all" or caller.scope.districts.issuperset(asked)
            case _:
                is_allowed = role.reads == "all" or await self._reads_filtered(
                    rule, caller, request
                )
        if not is_allowed:
            raise Rejected(FORBIDDEN, _refusal(rule, caller))

    async def _reads_filtered(self, rule: Rule, caller: Caller, request: Request) -> bool:
        """Whether the filters are there, and all that they name is the caller's."""
        asked = {name: request.query_params.getlist(name) for name in FILTERS[rule]}
        if not any(asked.values()):
            return False
        return caller.scope.districts.issuperset(asked["district"]) and await self._reads(
            caller, asked.get("facility_id", [])
        )

    async def _reads(self, caller: Caller, facility_ids: list[str]) -> bool:
        foreign = [each for each in facility_ids if each not in caller.scope.facilities]
        for refusal in (await self._directory.find_refusals(foreign)).values():
            if isinstance(refusal, Unavailable):
                raise refusal  # not in memory, and nobody can look it up
        return all(self._directory.is_within(caller.scope, each) for each in foreign)


class _Guarded:
    """A route's own app, behind its rule; what it doesn't declare can't be asked."""

    def __init__(self, app: ASGIApp, rule: Rule, declared: tuple[str, ...]) -> None:
        self._app = app
        self._rule = rule
        self._declared = declared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._admit(scope)
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> Caller:
        gate: Gate = scope["app"].state.services.gate
        request = Request(scope)
        caller = await gate.admit(request, self._rule)
        if scope["query_string"]:
            require_declared(request, self._declared)
        scope["caller"] = caller
        return caller


class _GuardedStream(_Guarded):
    """An answer without end: it ends with the token, in order, so that the client asks again."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = await self._admit(scope)
        has_begun = False

        async def send_on(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        left = None if isinf(caller.good_until) else caller.good_until - time()
        try:
            async with asyncio.timeout(left) as life:
                await self._app(scope, receive, send_on)
        except TimeoutError:
            if not life.expired():
                raise
            if not has_begun:
                raise Rejected(UNAUTHENTICATED, "This token has expired.") from None
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def guard_routes(app: FastAPI) -> None:
    """Put each route behind its rule. Raises Corrupt for one that has none."""
    for route in app.routes:
        if not isinstance(route, Route):
            raise Corrupt(f"api.access knows no rule for routes such as {route!r}")
        rules = {rule_of(route, method) for method in list_methods(route)}
        if len(rules) != 1:
            raise Corrupt(f"the methods of {route.path} are under different rules")
        (rule,) = rules
        if rule is not Rule.OPEN:
            guarded = _GuardedStream if rule is Rule.ENDLESS else _Guarded
            route.app = guarded(route.app, rule, list_parameters(route))


def rule_of(route: Route, method: str) -> Rule:
    """Raises Corrupt where `api.access.RULES` doesn't name the route."""
    try:
        return RULES[f"{method} {route.path}"]
    except KeyError:
        raise Corrupt(f"say in api.access.RULES who may use {method} {route.path}") from None


def list_methods(route: Route) -> list[str]:
    """HEAD is as GET."""
    return sorted((route.methods or set()) - {"HEAD"})


def _bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Rejected(UNAUTHENTICATED, "Please sign in: this needs a bearer token.")
    return token.strip()


def _refusal(rule: Rule, caller: Caller) -> str:
    if rule in FILTERS and caller.role.reads == "own":
        names = " or ".join(f"{name}=" for name in FILTERS[rule])
        return f"Your token does not reach all of this: ask with {names} for what is yours."
    if rule is Rule.FACILITY and caller.role.reads == "own":
        return "This facility is not one of yours."
    if rule is Rule.DISTRICT and caller.role.reads == "own":
        return "This district is not one of yours."
    return f"The role {caller.source} may not do this."
