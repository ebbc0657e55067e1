"""Settings that reach Kafka's clients."""

import pytest
from pydantic import SecretStr, ValidationError

from projections.settings import DatabaseSettings
from stream.settings import KafkaSettings, client_options


def test_sasl_over_tls_is_passed_on() -> None:
    settings = KafkaSettings(
        kafka_bootstrap_servers="a:1,b:2",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="dawalog",
        kafka_sasl_password=SecretStr("secret"),
    )
    options = client_options(settings)
    assert options["bootstrap_servers"] == "a:1,b:2"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_password"] == "secret"
    assert options["ssl_context"].check_hostname
    assert "secret" not in repr(settings)


def test_plain_text_takes_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAWALOG_KAFKA_BOOTSTRAP_SERVERS", "kafka:9")
    options = client_options(KafkaSettings())
    assert options["bootstrap_servers"] == "kafka:9"
    assert "ssl_context" not in options
    assert "sasl_mechanism" not in options


def test_an_unknown_protocol_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAWALOG_KAFKA_SECURITY_PROTOCOL", "TLS")
    with pytest.raises(ValidationError):
        KafkaSettings()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://127.0.0.1:5432/dawalog",
        "postgres://me:p%40ss:word@a:1,b:2/dawalog?sslmode=verify-full",
        "postgresql://[::1]:5432/dawalog",
        "postgresql://me@/dawalog?host=/run/postgresql",
        "postgresql:///dawalog",
    ],
)
def test_addresses_of_databases(url: str) -> None:
    assert DatabaseSettings(database_url=url).database_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "zzz",
        "127.0.0.1:5432/dawalog",
        "mysql://host/dawalog",
        "postgresql://host:x/dawalog",
        "postgresql://host:1,other:y/dawalog",
        "postgresql://[::1/dawalog",
        "postgresql://host/dawalog?sslmode=maybe",
    ],
)
def test_what_is_no_address_of_a_database(url: str) -> None:
    with pytest.raises(ValidationError):
        DatabaseSettings(database_url=url)
