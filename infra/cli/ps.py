"""`dawalog ps`: which processes run in a data folder."""

import json
from typing import TYPE_CHECKING, Any

from infra.cli.options import AsJson, DataDir
from infra.environment import choose_data_dir

if TYPE_CHECKING:
    from infra.local.running import Running


def ps(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """The processes of a running `dawalog up`: the JVM, the postmaster, workers and API.

    One that ended is started again, and is `starting` until it works.
    """
    from infra.local.installation import require_installation
    from infra.local.running import running_parts

    folder = choose_data_dir(data_dir)
    require_installation(folder)
    parts = [_describe(part) for part in running_parts(folder)]
    if as_json:
        print(json.dumps(parts))
        return
    line = "{pid:>8}  {name:10} {state:9} {uptime:>8}  {address}"
    print(line.format(pid="PID", name="NAME", state="STATE", uptime="UP FOR", address="ADDRESS"))
    for part in parts:
        print(line.format(**part, uptime=_length(part["uptime_seconds"])))


def _describe(part: "Running") -> dict[str, Any]:
    return {
        "name": part.name,
        "pid": part.pid,
        "state": "ready" if part.is_ready else "starting",
        "uptime_seconds": round(part.uptime_seconds),
        "address": part.address,
    }


def _length(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
