"""`dawalog --version`."""

from typing import Annotated

import typer


def _tell(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"dawalog {version('dawalog')}")
        raise typer.Exit


def options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_tell, help="Print the version."),
    ] = False,
) -> None:
    """What can be said before a command."""
