"""A query parameter that a route doesn't declare is refused: ignoring it would answer another
question, such as that of the whole state.
"""

from difflib import get_close_matches
from typing import Final

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Route

from api.problems import bad_parameters
from stream.errors import Fault

_NOT_EVERYWHERE: Final = ("as_of", "known_at")
"""Moments that some reads take: what ignored them would answer another question."""


def list_parameters(route: Route) -> tuple[str, ...]:
    """The query parameters that a route declares, by their public names."""
    return tuple(sorted(_declared(route.dependant))) if isinstance(route, APIRoute) else ()


def _declared(dependant: Dependant) -> set[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*map(_declared, dependant.dependencies))


def require_declared(request: Request, declared: tuple[str, ...]) -> None:
    """Raises Rejected (bad-parameter) for a query parameter that the route doesn't declare."""
    unknown = [name for name in request.query_params if name not in declared]
    if unknown:
        faults = [Fault(f"/{name[:64]}", _say(name, declared)) for name in unknown]
        raise bad_parameters(faults)


def _say(name: str, declared: tuple[str, ...]) -> str:
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in name[:64])
    if name in _NOT_EVERYWHERE:
        return f"{shown} can't be asked for here: this is told of now alone"
    if not declared:
        return f"{shown} is not known here: this address takes no parameters"
    near = get_close_matches(name, declared, n=1)
    guess = f"did you mean {near[0]}" if near else f"there are {', '.join(declared)}"
    return f"{shown} is no parameter of this address: {guess}"
