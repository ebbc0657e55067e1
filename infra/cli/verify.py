"""`dawalog verify`: is every row what the log says?"""

import asyncio
import gc
import json
from dataclasses import asdict
from typing import Annotated

import typer

from infra.cli.options import GC_THRESHOLDS, AsJson, DataDir
from infra.cli.progress import shown_progress
from infra.environment import use_data_dir


def verify(
    data_dir: DataDir = None,
    as_json: AsJson = False,
    share: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=1.0,
            help="Work for this share of the time only, to leave room for others.",
        ),
    ] = 1.0,
) -> None:
    """Read the log again, fold it from scratch and compare every row, position and digest.

    Writes may go on meanwhile. Exits with 1 and names the first differing rows if there are any.
    """
    use_data_dir(data_dir)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    from projections.settings import DatabaseSettings
    from projections.verify import verify as run
    from stream.settings import KafkaSettings

    with shown_progress("verifying") as show:
        verdict = asyncio.run(run(DatabaseSettings(), KafkaSettings(), share=share, progress=show))
    if as_json:
        print(json.dumps(asdict(verdict)))
    else:
        print(
            f"{verdict.events:,} events with {verdict.lines:,} lines in {verdict.partitions} "
            f"partitions compared in {verdict.seconds:.1f} s: {verdict.drift_rows:,} rows differ"
        )
    for difference in () if as_json else verdict.first_differences:
        typer.echo(f"  {difference}")
    if verdict.behind_records:
        typer.echo(
            f"dawalog: {verdict.behind_records:,} records are not projected yet and not compared",
            err=True,
        )
    if verdict.unsettled_partitions:
        typer.echo(
            f"dawalog: figures of {verdict.unsettled_partitions:,} partitions are being told anew "
            "and not compared: verify again in a moment",
            err=True,
        )
    if verdict.drift_rows:
        typer.echo(
            f"dawalog: {verdict.drift_rows:,} rows are not what the log says: `dawalog rebuild` "
            "makes them anew",
            err=True,
        )
        raise typer.Exit(1)
