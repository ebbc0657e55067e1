"""`dawalog demo`: the whole service, with a made-up small state that lives."""

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DataDir
from infra.environment import choose_data_dir
from infra.signals import end_on_signal, stopped_by_signal

if TYPE_CHECKING:
    from infra.local.embedded import Wanted


def demo(
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
) -> None:
    """Start the service as `dawalog up` does, and play a day of a small state's pharmacies on it.

    Districts, facilities and medicines are registered, the shelves counted and the last weeks typed
    in, once; then patients come, at real time, until Ctrl-C. Printed are a token for each role, to
    try the API with, and the address of the page, signed in: open it in a browser. Three stories
    are told beside the day. Started again on the same folder, the day goes on.
    """
    end_on_signal()
    from infra.local.embedded import Wanted

    logging.getLogger("stamina").setLevel(logging.ERROR)  # the view tells what waits
    wanted = Wanted(folder=choose_data_dir(data_dir), api_port=port)
    asyncio.run(_serve(wanted))


async def _serve(wanted: "Wanted") -> None:
    from infra.demo.client import Client
    from infra.demo.play import Played, play, prepare
    from infra.demo.roles import ready_tokens
    from infra.demo.view import show
    from infra.local.embedded import running_up
    from infra.local.installation import token_key_file
    from infra.tokens import LocalTokens

    key_file = token_key_file(wanted.folder)
    _say("starting Kafka, Postgres, a worker and the API")
    with stopped_by_signal():
        async with (
            running_up(wanted) as installation,
            Client(installation.api_url, LocalTokens(key_file)) as client,
        ):
            day = await prepare(client, _say)
            _say(f"ready {installation.api_url}")
            tokens = ready_tokens(key_file)
            for who, token in tokens.items():
                _say(f"token {who}: {token}")
            page = f"page  {installation.api_url}/#token={tokens['nhm']}"
            _say(page)
            played = Played()
            view = show(client, installation.api_url, page, day.cast, played)
            await play(client, day, played, view)


def _say(line: str) -> None:
    print(line, flush=True)
