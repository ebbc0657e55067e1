"""Routes that read: what is asked for as it should be goes straight to its endpoint."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


class ReadRoute(APIRoute):
    """Takes the parameters of path and query that its endpoint declares, and dependencies of the
    request alone. FastAPI's general way of finding them out is a third of a small read's time here;
    a request with which anything is amiss goes that way, and gets its words.
    """

    def get_route_handler(self) -> Handler:
        usual, endpoint, own = super().get_route_handler(), self.endpoint, self.dependant
        before = [_call_of(dependency) for dependency in own.dependencies]
        request_name = own.request_param_name

        async def handle(request: Request) -> Response:
            arguments = _find_arguments(own, request)
            if arguments is None:
                return await usual(request)
            for depend in before:
                await depend(request)
            if request_name is not None:
                arguments[request_name] = request
            answer: Response = await endpoint(**arguments)
            return answer

        return handle


def _call_of(dependency: Dependant) -> Callable[[Request], Awaitable[object]]:
    takes = (dependency.query_params, dependency.header_params, dependency.dependencies)
    assert (dependency.request_param_name, any(takes)) == ("request", False)
    call: Callable[[Request], Awaitable[object]] = dependency.call  # type: ignore[assignment]
    return call


def _find_arguments(own: Dependant, request: Request) -> dict[str, Any] | None:
    """The endpoint's, by name; None where something is missing, invalid or said twice."""
    query = request.query_params
    if len(query) != len(query.multi_items()):
        return None
    arguments: dict[str, Any] = {}
    for fields, given in ((own.path_params, request.path_params), (own.query_params, query)):
        for field in fields:
            if field.alias in given:
                value, errors = field.validate(given[field.alias])
                if errors:
                    return None
                arguments[field.name] = value
            elif field.field_info.is_required():
                return None
    return arguments
