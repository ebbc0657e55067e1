"""What the OpenAPI document says of tokens: who needs one, and how one is refused."""

from typing import Any, Final

from fastapi import FastAPI
from starlette.routing import Route

from api.access import Rule
from api.access_guard import list_methods, rule_of
from api.openapi import PROBLEMS, RETRY, document_routes

SCHEME: Final = "bearer"
_DESCRIPTION: Final = (
    "A JWT of the configured OpenID Connect issuer, or of the local one: `dawalog token`."
)
_TOO_OFTEN: Final = PROBLEMS[422] | {"description": "Too many requests.", **RETRY}
_REFUSALS: Final = {
    "401": PROBLEMS[422]
    | {
        "description": "No token, or none that counts.",
        "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    },
    "403": PROBLEMS[422] | {"description": "The token's role or scope does not reach this."},
    "429": _TOO_OFTEN,
}


def document(app: FastAPI) -> dict[str, Any]:
    """The whole OpenAPI document."""
    if app.openapi_schema is None:
        schema = document_routes(app)
        schema["components"]["securitySchemes"] = {
            SCHEME: {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": _DESCRIPTION,
            }
        }
        for route in app.routes:
            assert isinstance(route, Route)
            for method in list_methods(route):
                operation = schema["paths"].get(route.path, {}).get(method.lower())
                if operation is not None:
                    _say_who(operation, rule_of(route, method))
        app.openapi_schema = schema
    return app.openapi_schema


def _say_who(operation: dict[str, Any], rule: Rule) -> None:
    if rule is Rule.OPEN:
        return
    if rule is Rule.PUBLIC:
        operation["responses"]["429"] = _TOO_OFTEN
        return
    operation["security"] = [{SCHEME: []}]
    operation["responses"].update(_REFUSALS)
    operation["description"] = f"{operation.get('description', '')}\n\nFor {rule.value}.".strip()
