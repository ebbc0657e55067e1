"""`GET /`: one plain page, and the files that it is made of. Nothing comes from elsewhere."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

from fastapi import APIRouter, Request, Response

from stream.errors import Rejected

router = APIRouter(include_in_schema=False)

SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
MEDIA_TYPES: Final = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


class Asset(NamedTuple):
    content: bytes
    media_type: str
    etag: str


def make_asset(content: bytes, media_type: str) -> Asset:
    return Asset(content, media_type, f'"{sha256(content).hexdigest()[:32]}"')


def read_asset(folder: Traversable, name: str) -> Asset:
    content = folder.joinpath(name).read_bytes()
    return make_asset(content, MEDIA_TYPES[name.rpartition(".")[2]])


NAMES: Final = (
    "page.css",
    "page.js",
    "asking.js",
    "directives.js",
    "elements.js",
    "offers.js",
    "reports.js",
    "rows.js",
    "shortages.js",
    "tiles.js",
    "todo.js",
    "words.js",
    "icon.svg",
)
_FOLDER: Final = files("api.pages")
PAGE: Final = read_asset(_FOLDER, "index.html")
ASSETS: Final = {name: read_asset(_FOLDER, name) for name in NAMES}


@router.get("/")
async def page(request: Request) -> Response:
    return answer_asset(request, PAGE)


@router.get("/assets/{name}")
async def asset(request: Request, name: str) -> Response:
    if name not in ASSETS:
        raise Rejected("not-found", "There is nothing at this address.")
    return answer_asset(request, ASSETS[name])


def answer_asset(
    request: Request, asset: Asset, security: Mapping[str, str] = SECURITY
) -> Response:
    """Browsers ask each time, so that page and script are always of one version."""
    headers = {**security, "ETag": asset.etag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == asset.etag:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
