"""What an embedded installation remembers in its data folder: ports, ids, password."""

import os
import secrets
import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.local.cluster_id import new_cluster_id
from infra.local.failure import CannotStart, NoInstallation
from infra.local.kafka import Kafka
from infra.local.ports import LOOPBACK, free_port, is_free
from infra.local.postgres import Postgres

LEAST_FREE_BYTES = 256 * 1024 * 1024
USUAL_API_PORT = 8000


class Ports(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    kafka: int
    controller: int
    postgres: int
    api: int


class Installation(BaseModel):
    """Chosen once and kept, so that clients find the parts again where they were."""

    model_config = ConfigDict(frozen=True, strict=True)

    cluster_id: str
    postgres_password: str
    ports: Ports

    @property
    def api_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.api}"

    def kafka(self, folder: Path) -> Kafka:
        return Kafka(
            folder=folder / "kafka",
            port=self.ports.kafka,
            controller_port=self.ports.controller,
            cluster_id=self.cluster_id,
            log=folder / "logs" / "kafka.log",
        )

    def postgres(self, folder: Path) -> Postgres:
        return Postgres(
            folder=folder / "postgres",
            port=self.ports.postgres,
            password=self.postgres_password,
            log=folder / "logs" / "postgres.log",
        )

    def environment(self, folder: Path) -> dict[str, str]:
        """The settings of every part and command of this installation."""
        return {
            "DAWALOG_KAFKA_BOOTSTRAP_SERVERS": self.kafka(folder).bootstrap_servers,
            "DAWALOG_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
            "DAWALOG_DATABASE_URL": self.postgres(folder).database_url,
            "DAWALOG_KEY_FILE": str(folder / "keys.json"),
            "DAWALOG_TOKEN_KEY_FILE": str(token_key_file(folder)),
            "DAWALOG_PUBLIC_URL": os.environ.get("DAWALOG_PUBLIC_URL", self.api_url),
            "DAWALOG_WATCHED_FOLDER": str(folder),
            "DAWALOG_API_HOST": LOOPBACK,
            "DAWALOG_API_PORT": str(self.ports.api),
        }


def token_key_file(folder: Path) -> Path:
    """The local issuer's key; `dawalog token` makes it where there is no installation yet."""
    return folder / "token-key.json"


def find_installation(folder: Path) -> Installation | None:
    """The folder's installation; None where there is none yet. CannotStart if it is damaged."""
    path = folder / "installation.json"
    try:
        return Installation.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, OSError) as error:
        reason = "is not what Dawalog wrote" if isinstance(error, ValidationError) else str(error)
        raise CannotStart(f"{path} can't be used ({reason}): restore it from a backup") from error


def require_installation(folder: Path) -> Installation:
    """As `find_installation`, for who can do nothing without one: raises NoInstallation."""
    found = find_installation(folder)
    if found is None:
        raise NoInstallation(
            f"there is no installation in {folder}: name its folder with --data-dir or "
            "DAWALOG_DATA_DIR, or start one there with `dawalog up`"
        )
    return found


def open_installation(folder: Path, *, api_port: int | None) -> Installation:
    """Find or make the folder's installation, with ports that are free now.

    `api_port`: the port asked for; 0 for a free one; None for the one it had, or else a usual one.
    Only for the holder of the folder's lock. Raises CannotStart.
    """
    known = find_installation(folder)
    installation = Installation(
        cluster_id=known.cluster_id if known else new_cluster_id(),
        postgres_password=known.postgres_password if known else secrets.token_urlsafe(18),
        ports=_choose_ports(known.ports if known else None, api_port),
    )
    if installation != known:
        _write(folder / "installation.json", installation.model_dump_json(indent=2))
    return installation


def prepare_folder(folder: Path) -> None:
    """Create the data folder and see that it can take data; raises CannotStart."""
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        probe = folder / "logs" / ".probe"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotStart(f"the data folder {folder} can't be written to: {reason}") from error
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise CannotStart(
            f"the data folder {folder} has only {free >> 20} MB free, "
            f"and Dawalog needs at least {LEAST_FREE_BYTES >> 20}"
        )


def _choose_ports(known: Ports | None, api_port: int | None) -> Ports:
    api = _choose_api_port(known, api_port)
    taken = {api}

    def keep(port: int | None) -> int:
        chosen = port if port and is_free(port) else free_port(frozenset(taken))
        taken.add(chosen)
        return chosen

    return Ports(
        api=api,
        kafka=keep(known.kafka if known else None),
        controller=keep(known.controller if known else None),
        postgres=keep(known.postgres if known else None),
    )


def _choose_api_port(known: Ports | None, asked: int | None) -> int:
    if asked:
        if not is_free(asked):
            raise CannotStart(
                f"port {asked} is in use by another program: choose another with --port, "
                "or --port 0 for any free one"
            )
        return asked
    candidate = known.api if known else USUAL_API_PORT
    if (asked is None or known) and is_free(candidate):
        return candidate
    return free_port()


def _write(path: Path, text: str) -> None:
    """Whole or not at all, also when the power fails; readable by its owner alone."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
