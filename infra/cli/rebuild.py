"""`dawalog rebuild`: a new read model from the log, while the old one answers."""

import asyncio
import gc
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import GC_THRESHOLDS, AsJson, DataDir
from infra.cli.progress import shown_stages
from infra.environment import use_data_dir

if TYPE_CHECKING:
    from projections.rebuild import Rebuilt


def rebuild(
    data_dir: DataDir = None,
    as_json: AsJson = False,
    verified: Annotated[
        bool,
        typer.Option(
            "--verify/--no-verify",
            help="Compare the new read model with the log before it goes live.",
        ),
    ] = True,
) -> None:
    """Make the read model anew from the log's beginning, compare it, and switch to it.

    Reads and posts go on meanwhile. If it is stopped, the next one goes on where it was. The
    workers start again by themselves when the new read model goes live.
    """
    use_data_dir(data_dir)
    from projections.rebuild import rebuild as run
    from projections.settings import ProjectorSettings
    from stream.settings import KafkaSettings

    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    with shown_stages() as show:
        rebuilt = asyncio.run(
            run(ProjectorSettings(), KafkaSettings(), verified=verified, progress=show)
        )
    _report(rebuilt, as_json=as_json)


def _report(rebuilt: "Rebuilt", *, as_json: bool) -> None:
    if as_json:
        import orjson

        print(orjson.dumps(rebuilt).decode())
        return
    how = "compared with the log" if rebuilt.verdict else "not compared"
    print(
        f"model {rebuilt.model} is live: {rebuilt.records:,} records projected in "
        f"{rebuilt.fill_seconds:.1f} s, {how}, {rebuilt.seconds:.1f} s in all"
    )
