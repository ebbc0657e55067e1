"""`GET /docs`: Swagger UI over the OpenAPI document, from files of this server alone.

The files are those that the package fastapi-offline carries, pinned in requirements.lock. The page
is ours: FastAPI's and that package's hold a script of their own, which our policy forbids.
"""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response

from api import pages
from api.pages import Asset, answer_asset, read_asset
from stream.errors import Rejected

router = APIRouter(include_in_schema=False)

# Swagger UI draws its arrows and ticks from data: in its style sheet.
SECURITY: Final = pages.SECURITY | {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
}

_OURS: Final = files("api.swagger")
_THEIRS: Final = files("fastapi_offline").joinpath("static")

PAGE: Final = read_asset(_OURS, "docs.html")
ASSETS: Final[dict[str, Asset]] = {
    "docs.js": read_asset(_OURS, "docs.js"),
    **{name: read_asset(_THEIRS, name) for name in ("swagger-ui-bundle.js", "swagger-ui.css")},
}


@router.get("/docs")
async def page(request: Request) -> Response:
    return answer_asset(request, PAGE, SECURITY)


@router.get("/swagger/{name}")
async def asset(request: Request, name: str) -> Response:
    if name not in ASSETS:
        raise Rejected("not-found", "There is nothing at this address.")
    return answer_asset(request, ASSETS[name], SECURITY)
