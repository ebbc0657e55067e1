"""`python -m infra.local.fetch`: all that the embedded stack needs beside Python packages.

Done once at set-up; later runs find everything there and end at once.
"""

import asyncio
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.local import aot
from infra.local.cluster_id import new_cluster_id
from infra.local.failure import CannotStart
from infra.local.jars import class_path
from infra.local.kafka import Kafka
from infra.local.ports import free_port


def main() -> int:
    try:
        class_path()
        if not aot.cache_file().exists():
            _record_start()
    except CannotStart as failure:
        print(failure.detail, file=sys.stderr)
        return 1
    return 0


def _record_start() -> None:
    """Run a throw-away broker once; the JVM writes the cache as it ends."""
    with tempfile.TemporaryDirectory(prefix="dawalog-aot-") as folder:
        kafka = Kafka(
            folder=Path(folder),
            port=free_port(),
            controller_port=free_port(),
            cluster_id=new_cluster_id(),
            log=Path(folder) / "kafka.log",
        )
        # Beside its place until it is whole: the JVM trusts what it finds there.
        unfinished = aot.cache_file().with_suffix(".unfinished")
        part = kafka.prepare(aot.make_options(unfinished))
        with part.log.open("ab") as log:
            process = subprocess.Popen(part.command, stdout=log, **part.process_options())
        try:
            asyncio.run(asyncio.wait_for(kafka.wait_ready(), 60))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        unfinished.replace(aot.cache_file())


if __name__ == "__main__":
    sys.exit(main())
