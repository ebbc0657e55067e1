"""`GET /docs/…`: the manual and the runbooks, as they are in docs/, for whoever reads an alert."""

import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response
from markdown_it import MarkdownIt

from api.pages import Asset, answer_asset, make_asset
from stream.errors import Rejected

router = APIRouter(include_in_schema=False)

ROOT: Final = files("api.pages").joinpath("manual")
PATH: Final = re.compile(r"(?:[\w-]+/)?[\w-]+\.(?:md|png)", re.ASCII)
MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")

SHEET: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Dawalog</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/page.css">
</head>
<body class="manual">
<main>
<p><a href="/">Dawalog</a></p>
{text}</main>
</body>
</html>
"""


@router.get("/docs/{path:path}")
async def manual(request: Request, path: str) -> Response:
    if not PATH.fullmatch(path) or (asset := _read(path)) is None:
        raise Rejected("not-found", "There is nothing at this address.")
    return answer_asset(request, asset)


@cache
def _read(path: str) -> Asset | None:
    file = ROOT.joinpath(path)
    if not file.is_file():
        return None
    if path.endswith(".png"):
        return make_asset(file.read_bytes(), "image/png")
    text = file.read_text("utf-8")
    title = escape(text.partition("\n")[0].lstrip("# ").replace("`", ""))
    return make_asset(SHEET.format(title=title, text=MARKDOWN.render(text)).encode(), "text/html")
