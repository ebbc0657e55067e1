"""Settings of the log, from environment variables that begin with DAWALOG_."""

from pathlib import Path
from typing import Any, Literal

from aiokafka.helpers import create_ssl_context
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class KafkaSettings(BaseSettings):
    """How to reach Kafka. Files are PEM; without a CA file the system's authorities count."""

    model_config = SettingsConfigDict(env_prefix="DAWALOG_", frozen=True)

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_cafile: Path | None = None
    kafka_ssl_certfile: Path | None = None
    kafka_ssl_keyfile: Path | None = None
    kafka_ssl_key_password: SecretStr | None = None
    kafka_request_timeout_seconds: float = Field(default=5.0, gt=0)
    kafka_max_in_flight: int = Field(default=10_000, gt=0)
    """Records that one process may have sent and not yet seen acknowledged."""


class PrivacySettings(BaseSettings):
    """Where the keys of patients' pseudonyms are, and for which state."""

    model_config = SettingsConfigDict(env_prefix="DAWALOG_", frozen=True)

    key_file: Path = Path(".dawalog/keys.json")
    state: str = Field(default="XX", pattern=r"^[A-Z0-9]{2,8}$")


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Arguments that aiokafka's producer, consumer and admin client share."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
        "request_timeout_ms": int(settings.kafka_request_timeout_seconds * 1000),
    }
    if settings.kafka_security_protocol.startswith("SASL_"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = _reveal(settings.kafka_sasl_password)
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = create_ssl_context(
            cafile=settings.kafka_ssl_cafile,
            certfile=settings.kafka_ssl_certfile,
            keyfile=settings.kafka_ssl_keyfile,
            password=_reveal(settings.kafka_ssl_key_password),
        )
    return options


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


class WorkerSettings(BaseSettings):
    """How a worker takes part in the group of workers."""

    model_config = SettingsConfigDict(env_prefix="DAWALOG_", frozen=True)

    worker_instance_id: str | None = Field(
        default=None,
        description="a name that this worker keeps over restarts and no other worker has: it then "
        "takes its partitions up again at once instead of after a session timeout",
    )
    worker_session_timeout_seconds: float = Field(
        default=6.0, ge=6, description="silence after which a worker's partitions move to others"
    )
    worker_stuck_seconds: float = Field(
        default=60.0,
        gt=0,
        description="records wait and no position moves for so long: the worker ends, to be "
        "started again",
    )
    worker_fetch_records: int = Field(default=1000, gt=0, description="records taken at a time")
    worker_metrics_host: str = "127.0.0.1"
    worker_metrics_port: int = Field(
        default=0, ge=0, le=65535, description="/metrics, /healthz and /readyz; 0: none"
    )
