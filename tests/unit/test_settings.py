"""Settings that reach Kafka's clients."""

import pytest
from pydantic import SecretStr, ValidationError

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
