"""Whether an API answers as its OpenAPI document says."""

import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
from fastapi import FastAPI

IS_JSON = re.compile(r"application/(?:[\w.-]+\+)?json")


class Contract:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        # Fixed words go before names: /v1/events/batch isn't the event `batch`.
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path)
            for path in sorted(document["paths"], key=lambda path: path.replace("{", "\x7f"))
        ]

    def check(self, answer: httpx.Response) -> None:
        """Of an address in the document; others (pages, files) pass."""
        asked = answer.request
        path = next(
            (path for pattern, path in self._paths if pattern.fullmatch(asked.url.path)), ""
        )
        operation = self._document["paths"].get(path, {}).get(asked.method.lower())
        if operation is None:
            return
        place = f"{asked.method} {path} {answer.status_code}"
        told = operation["responses"].get(str(answer.status_code))
        assert told is not None, f"{place} isn't in the OpenAPI document: {answer.text}"
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if not answer.content or not IS_JSON.fullmatch(media_type):
            return
        assert media_type in told["content"], f"{place} is {media_type}"
        faults = list(
            _validator_of(self, path, asked.method, answer.status_code, media_type).iter_errors(
                answer.json()
            )
        )
        assert not faults, f"{place}: {[(fault.message, fault.instance_path) for fault in faults]}"

    def validator(
        self, path: str, method: str, status: int, media_type: str
    ) -> jsonschema_rs.Validator:
        operation = self._document["paths"][path][method.lower()]
        schema = operation["responses"][str(status)]["content"][media_type]["schema"]
        return jsonschema_rs.Draft202012Validator(
            schema | {"components": self._document["components"]}, validate_formats=True
        )


@cache
def _validator_of(
    contract: Contract, path: str, method: str, status: int, media_type: str
) -> jsonschema_rs.Validator:
    return contract.validator(path, method, status, media_type)


_known: list[Contract] = []


def contract_of(app: FastAPI) -> Contract:
    """Made once a process: all of our apps have the same."""
    if not _known:
        _known.append(Contract(app.openapi()))
    return _known[0]
