"""`dawalog up`: the whole service on the embedded stack."""

import asyncio
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DataDir
from infra.environment import choose_data_dir
from infra.signals import stopped_by_signal

if TYPE_CHECKING:
    from infra.local.embedded import Wanted


def up(
    data_dir: DataDir = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port of the API on 127.0.0.1; 0 takes a free one. "
            "Default: the one it had in this folder, else 8000 or a free one.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=8, help="How many workers project.")] = 1,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in a browser once it is ready.")
    ] = False,
) -> None:
    """Start Kafka, Postgres, workers and API, and keep them running until Ctrl-C.

    Prints `ready http://127.0.0.1:PORT` once writes and reads work. Everything is kept in the data
    folder; started again on it, the service goes on where it was.
    """
    from infra.local.embedded import Wanted

    wanted = Wanted(folder=choose_data_dir(data_dir), api_port=port, workers=workers)
    asyncio.run(_serve(wanted, open_page=open_page))


async def _serve(wanted: "Wanted", *, open_page: bool) -> None:
    from infra.local.embedded import running_up

    with stopped_by_signal():
        async with running_up(wanted) as installation:
            print(f"ready {installation.api_url}", flush=True)
            if open_page:
                webbrowser.open(installation.api_url)
            await asyncio.Event().wait()
