"""`dawalog ps`: which processes run in a data folder."""

import json

from infra.cli.options import AsJson, DataDir
from infra.environment import choose_data_dir


def ps(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """The processes of a running `dawalog up`: the JVM, the postmaster, workers and API."""
    from infra.local.installation import require_installation
    from infra.local.running import running_parts

    folder = choose_data_dir(data_dir)
    require_installation(folder)
    parts = running_parts(folder)
    if as_json:
        print(json.dumps([{"name": part.name, "pid": part.pid} for part in parts]))
    else:
        for part in parts:
            print(f"{part.pid:>8}  {part.name}")
