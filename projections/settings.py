"""Where the read model is kept, and how a worker's sessions are bounded."""

import re
from typing import Annotated, Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

SSL_MODES: Final = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
_HOSTS: Final = re.compile(r"([^:@]*|\[.*\])(:\d{0,5})?")


def _require_address(url: str) -> str:
    """Else whoever connects first would end with asyncpg's error. Says no password."""
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2].split(",")
    except ValueError:
        parts, hosts = urlsplit(""), []
    if parts.scheme not in {"postgresql", "postgres"} or not all(map(_HOSTS.fullmatch, hosts)):
        raise PydanticCustomError(
            "database_url", "must be an address such as postgresql://user@host:5432/dawalog"
        )
    if not SSL_MODES.issuperset(parse_qs(parts.query).get("sslmode", ())):
        raise PydanticCustomError(
            "database_url", f"sslmode must be one of {', '.join(sorted(SSL_MODES))}"
        )
    return url


DatabaseUrl: TypeAlias = Annotated[str, AfterValidator(_require_address)]


class DatabaseSettings(BaseSettings):
    """Settings of everything that talks to Postgres (environment: ``DAWALOG_…``)."""

    model_config = SettingsConfigDict(env_prefix="DAWALOG_", frozen=True, extra="ignore")

    database_url: DatabaseUrl = Field(
        default="postgresql://127.0.0.1:5432/dawalog", description="PostgreSQL to project into"
    )


class ReadingSettings(DatabaseSettings):
    """Settings of a process that reads."""

    read_connections: int = Field(
        default=10, ge=1, description="connections to Postgres that one process reads on"
    )
    read_connect_timeout_seconds: float = Field(
        default=3.0, gt=0, description="after which a read that found no connection gives up"
    )
    read_statement_timeout_seconds: float = Field(
        default=15.0, gt=0, description="after which Postgres ends a read"
    )
    transfer_overdue_days: float = Field(
        default=7.0, gt=0, description="how long goods may be on their way between facilities"
    )


class VerifierSettings(DatabaseSettings):
    """Settings of the verification that goes on in the background."""

    verify_every_hours: float = Field(
        default=6.0,
        ge=0,
        description="how long after a verification of the read model the next one begins; 0: none",
    )
    verify_first_minutes: float = Field(
        default=5.0, ge=0, description="how long after a worker's start the first one begins"
    )
    verify_share: float = Field(
        default=0.02,
        gt=0,
        le=1,
        description="share of the time for which it works, at the lowest priority; 1: as it can",
    )


class ProjectorSettings(DatabaseSettings):
    """Settings of the projector."""

    projector_lanes: int = Field(
        default=2, ge=1, le=16, description="connections that project at the same time"
    )
    projector_transaction_lines: int = Field(
        default=6000, ge=1, description="lines after which a transaction takes no further batch"
    )
    projector_idle_timeout_seconds: float = Field(
        default=5.0,
        gt=0,
        description="a transaction whose worker is silent for so long is ended by Postgres, so "
        "that a frozen worker doesn't hold its successor up; keep below the session timeout",
    )
