"""Shapes of the answers of reads, for the OpenAPI document; answers aren't validated by them."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from api.openapi import PROBLEMS

_HEADERS: Final = {
    "Dawalog-Position": "What the answer holds; a later read may wait for it.",
    "Dawalog-As-Of": "All that Dawalog accepted until this instant is included. It says nothing "
    "of what a facility hasn't sent.",
}


def read_answers(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The answers of a read, for the OpenAPI document."""
    headers = {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in _HEADERS.items()
    }
    problems: dict[int | str, dict[str, Any]] = {
        status: PROBLEMS[status] for status in (400, 422, 503)
    }
    return {
        200: {"model": model, "description": "The answer.", "headers": headers},
        404: PROBLEMS[422] | {"description": "No such facility or event."},
        **problems,
    }


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Page(Shape):
    next_cursor: str | None
