"""`dawalog init`: topics and schema in outside systems."""

import asyncio
import logging
from typing import Annotated

import typer

from infra.cli.options import DataDir
from infra.environment import use_data_dir
from stream.errors import Unavailable


def init(
    data_dir: DataDir = None,
    partitions: Annotated[
        int,
        typer.Option(
            min=1,
            max=1024,
            help="Partitions of stock-events and alert-events: the most workers there can ever "
            "be. Fixed for ever, because a facility's partition depends on it.",
        ),
    ] = 32,
    replicas: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=15,
            help="Brokers that hold a copy of each record. Default: 3; 1 with --one-copy.",
            show_default=False,
        ),
    ] = None,
    min_insync_replicas: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=15,
            help="Copies written before a post is answered. Default: 2; 1 with --one-copy.",
            show_default=False,
        ),
    ] = None,
    one_copy: Annotated[
        bool,
        typer.Option("--one-copy", help="Accept that one broken disk loses facts."),
    ] = False,
) -> None:
    """Create the topics and the database's schema. Safe to repeat: what is there stays as it is."""
    use_data_dir(data_dir)
    from infra.initialising import Wanted, initialise

    wanted = Wanted(
        partitions=partitions,
        replicas=replicas or (1 if one_copy else 3),
        min_insync_replicas=min_insync_replicas or (1 if one_copy else 2),
        one_copy=one_copy,
    )
    why = _LastSaid(logging.ERROR)
    client = logging.getLogger("aiokafka")
    client.propagate = False  # what fails is said by us, once
    client.addHandler(why)
    try:
        asyncio.run(initialise(wanted))
    except Unavailable as error:
        raise Unavailable(f"{error.detail}. {why.said}".removesuffix(". ")) from error


class _LastSaid(logging.Handler):
    """Why a broker can't be reached, a wrong password say, aiokafka logs, and no error tells."""

    said = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.said = record.getMessage()
