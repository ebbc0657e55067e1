"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Folder of the embedded installation. "
        "Default: the environment's DAWALOG_DATA_DIR, else .dawalog in the current folder.",
        show_default=False,
    ),
]
GC_THRESHOLDS = (200_000, 10, 10)
"""For commands that go through a log: looking for cycles among millions of short-lived objects
costs them a third of the time, as it does a worker."""

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
