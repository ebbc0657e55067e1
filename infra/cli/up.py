"""`dawalog up`: the whole service on the embedded stack."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DataDir
from infra.environment import choose_data_dir
from infra.signals import end_on_signal, stopped_by_signal

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
    open_access: Annotated[
        bool,
        typer.Option(
            "--open", help="Ask for no tokens: any program on this machine may do everything."
        ),
    ] = False,
) -> None:
    """Start Kafka, Postgres, workers and API, and keep them running until Ctrl-C.

    Prints `ready http://127.0.0.1:PORT` once writes and reads work. Everything is kept in the data
    folder; started again on it, the service goes on where it was. `dawalog token` makes the tokens
    that it asks for.
    """
    end_on_signal()
    from infra.local.embedded import Wanted

    wanted = Wanted(
        folder=choose_data_dir(data_dir), api_port=port, workers=workers, open_access=open_access
    )
    asyncio.run(_serve(wanted))


async def _serve(wanted: "Wanted") -> None:
    from infra.local.embedded import running_up

    with stopped_by_signal():
        async with running_up(wanted) as installation:
            if wanted.open_access:
                typer.echo(
                    "dawalog: warning: no tokens are asked for (--open): any program on this "
                    "machine may read and post everything",
                    err=True,
                )
            print(f"ready {installation.api_url}", flush=True)
            await asyncio.Event().wait()
