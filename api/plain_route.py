"""Routes that read their request and write their answer by themselves."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class PlainRoute(APIRoute):
    """Documented as any route of FastAPI's; called with the request alone.

    What FastAPI does around an endpoint (dependencies, parameters, serialisation) costs a single
    post a sixth of its time and would do nothing here.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint
