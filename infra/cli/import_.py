"""`dawalog import`: a file of another system, posted as events."""

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import AsJson, DataDir
from infra.environment import choose_data_dir

if TYPE_CHECKING:
    import httpx
    from rich.progress import Progress

    from infra.imports.importing import Totals, Wanted, Watch


def import_file(
    file: Annotated[Path, typer.Argument(help="The file, CSV with one header line.")],
    *,
    data_dir: DataDir = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Kind of file, such as pharmacy-sales-hourly. Default: by its columns."),
    ] = None,
    facility: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="The registered facility that the file is of. Default: one made for its kind.",
        ),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Address of the API, which is sent the token in DAWALOG_TOKEN. "
            "Default: that of the data folder's `up`, with a token of its own.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import a file and wait until stock shows it. Importing it again changes nothing.

    Rows that can't be imported are named by their line, the others go in, and the exit code is 1.
    """
    from infra.imports.importing import Wanted

    api_url, auth = _find_api(data_dir) if api is None else (api, _given_token())
    wanted = Wanted(file=file, api_url=api_url, auth=auth, kind=kind, facility_id=facility)
    totals = _import_watched(wanted)
    if as_json:
        print(json.dumps(asdict(totals)))
    else:
        print(f"{totals.accepted} rows imported into facility {totals.facility_id}")
    if totals.rejected:
        rows = "1 row was" if totals.rejected == 1 else f"{totals.rejected} rows were"
        typer.echo(
            f"dawalog: {rows} not imported: correct the lines named above and import the file "
            "again; rows that went in don't count twice",
            err=True,
        )
        raise typer.Exit(1)


def _given_token() -> "httpx.Auth | None":
    from infra.tokens import GivenToken

    token = os.environ.get("DAWALOG_TOKEN")
    return GivenToken(token) if token else None


def _find_api(data_dir: Path | None) -> "tuple[str, httpx.Auth]":
    """Its address, and what lets us in."""
    from infra.local.installation import require_installation, token_key_file
    from infra.local.running import require_running
    from infra.tokens import LocalTokens

    folder = choose_data_dir(data_dir)
    installation = require_installation(folder)
    require_running(folder)
    return installation.api_url, LocalTokens(token_key_file(folder))


def _import_watched(wanted: "Wanted") -> "Totals":
    """Import with a progress bar, shown where stderr is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from infra.imports.importing import import_file as run

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        return asyncio.run(run(wanted, _watch(wanted, progress)))


def _watch(wanted: "Wanted", progress: "Progress") -> "Watch":
    from infra.imports.importing import Watch

    size = wanted.file.stat().st_size if wanted.file.is_file() else None
    task = progress.add_task(wanted.file.name, total=size, rows=0)
    return Watch(
        went_on=lambda rows, size: progress.update(task, rows=rows, completed=size),
        refused=lambda row: progress.console.print(
            f"line {row.line_no}: {row.why}", markup=False, highlight=False, soft_wrap=True
        ),
    )
