"""Kafka behind TLS, with passwords (SCRAM) or with client certificates: `init`, API and worker."""

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from infra.local.cluster_id import new_cluster_id
from infra.local.jars import class_path
from infra.local.kafka import Kafka
from infra.local.ports import LOOPBACK, free_port
from infra.local.throwaway import running
from tests.stack import Stack
from tests.system.service import DAWALOG, environment, wait_until
from tests.system.test_roles import answers, running_role

pytestmark = pytest.mark.timeout(180)

USER, PASSWORD, KEY_PASSWORD = "dawalog", "not-a-secret", "nor-this"

LISTENERS = """
listeners=CLIENT://{plain},CONTROLLER://{controller},PASSWORD://{password},CERTIFICATE://{certificate}
advertised.listeners=CLIENT://{plain},PASSWORD://{password},CERTIFICATE://{certificate}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,PASSWORD:SASL_SSL,CERTIFICATE:SSL
listener.name.password.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.password.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.certificate.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/authority.pem
"""


@dataclass(frozen=True)
class SecuredBroker:
    """A broker with three listeners: open (for setting it up), by password, by certificate."""

    folder: Path
    open_address: str
    password_address: str
    certificate_address: str

    def by_password(self, password: str = PASSWORD) -> dict[str, str]:
        return {
            "DAWALOG_KAFKA_BOOTSTRAP_SERVERS": self.password_address,
            "DAWALOG_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "DAWALOG_KAFKA_SSL_CAFILE": str(self.folder / "authority.pem"),
            "DAWALOG_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "DAWALOG_KAFKA_SASL_USERNAME": USER,
            "DAWALOG_KAFKA_SASL_PASSWORD": password,
        }

    def by_certificate(self) -> dict[str, str]:
        return {
            "DAWALOG_KAFKA_BOOTSTRAP_SERVERS": self.certificate_address,
            "DAWALOG_KAFKA_SECURITY_PROTOCOL": "SSL",
            "DAWALOG_KAFKA_SSL_CAFILE": str(self.folder / "authority.pem"),
            "DAWALOG_KAFKA_SSL_CERTFILE": str(self.folder / "client.pem"),
            "DAWALOG_KAFKA_SSL_KEYFILE": str(self.folder / "client.pem"),
            "DAWALOG_KAFKA_SSL_KEY_PASSWORD": KEY_PASSWORD,
        }


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    tmp_path = tmp_path_factory.mktemp("secured")
    write_certificates(tmp_path)
    kafka = Kafka(
        folder=tmp_path / "kafka",
        port=free_port(),
        controller_port=free_port(),
        cluster_id=new_cluster_id(),
        log=tmp_path / "kafka.log",
    )
    secured = SecuredBroker(
        tmp_path,
        kafka.bootstrap_servers,
        *(f"{LOOPBACK}:{free_port()}" for _ in range(2)),
    )
    part = kafka.prepare(jvm_options=())
    with Path(part.command[-1]).open("a") as properties:  # of two values the last one counts
        properties.write(
            LISTENERS.format(
                plain=kafka.bootstrap_servers,
                controller=f"{LOOPBACK}:{kafka.controller_port}",
                password=secured.password_address,
                certificate=secured.certificate_address,
                folder=tmp_path,
            )
        )
    with running(part):
        add_user(part.command[0], kafka)
        yield secured


def add_user(java: str, kafka: Kafka) -> None:
    def added() -> bool:
        done = subprocess.run(
            [
                *(java, "-cp", class_path(), "kafka.admin.ConfigCommand"),
                *("--bootstrap-server", kafka.bootstrap_servers, "--alter"),
                *("--entity-type", "users", "--entity-name", USER),
                *("--add-config", f"SCRAM-SHA-512=[password={PASSWORD}]"),
            ],
            check=False,
            capture_output=True,
        )
        return done.returncode == 0

    wait_until(added, "the broker knows its user")


def write_certificates(folder: Path) -> None:
    """An authority of our own, and what it signed for the broker and for a client."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = certificate("authority", authority_key, "authority", authority_key)
    (folder / "authority.pem").write_bytes(pem(authority))
    for name, password in (("broker", ""), ("client", KEY_PASSWORD)):
        key = ec.generate_private_key(ec.SECP256R1())
        signed = certificate(name, key, "authority", authority_key)
        encryption = (
            serialization.BestAvailableEncryption(password.encode())
            if password
            else serialization.NoEncryption()
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
        (folder / f"{name}.pem").write_bytes(private + pem(signed))


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    def common_name(of: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, of)])

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(common_name(name))
        .issuer_name(common_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False
        )
        .sign(issuer_key, hashes.SHA256())
    )


def pem(of: x509.Certificate) -> bytes:
    return of.public_bytes(serialization.Encoding.PEM)


def init(stack: Stack, settings: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [DAWALOG, "init", "--one-copy"],
        check=False,
        capture_output=True,
        text=True,
        env=environment() | stack.environment | settings,
    )


@pytest.mark.parametrize("by", ["password", "certificate"])
def test_posts_and_reads_over_tls(
    by: str, stack: Stack, broker: SecuredBroker, tmp_path: Path
) -> None:
    asyncio.run(stack.empty_database())
    settings = broker.by_password() if by == "password" else broker.by_certificate()
    done = init(stack, settings)
    assert done.returncode == 0, done.stderr
    api_port, worker_port = free_port(), free_port()
    settings |= {
        "DAWALOG_KEY_FILE": str(tmp_path / "keys.json"),
        "DAWALOG_API_PORT": str(api_port),
        "DAWALOG_WORKER_METRICS_PORT": str(worker_port),
    }
    url = f"http://{LOOPBACK}:{api_port}"
    with running_role(stack, "api", **settings), running_role(stack, "worker", **settings):
        wait_until(lambda: answers(f"{url}/readyz"), "the API is ready")
        wait_until(
            lambda: answers(f"http://{LOOPBACK}:{worker_port}/readyz"), "the worker is ready"
        )
        facility = {"name": "PHC One", "level": "PHC", "district_id": "D1", "state": "Rajasthan"}
        registered = httpx.put(f"{url}/v1/facilities/F1", json=facility)
        assert registered.status_code == httpx.codes.ACCEPTED, registered.text
        counted = {
            "event_id": str(uuid4()),
            "type": "stock_counted",
            "facility_id": "F1",
            "occurred_at": datetime.now(UTC).isoformat(),
            "lines": [{"item_id": "PCM500", "lot": "A1", "counted": 70}],
        }
        known = {
            "Dawalog-Min-Position": registered.headers["Dawalog-Position"],
            "Prefer": "wait=20",
        }
        posted = httpx.post(f"{url}/v1/events", json=counted, headers=known, timeout=30)
        assert posted.status_code == httpx.codes.ACCEPTED, posted.text
        seen = {"Dawalog-Min-Position": posted.headers["Dawalog-Position"], "Prefer": "wait=20"}
        stock = httpx.get(f"{url}/v1/facilities/F1/stock", headers=seen, timeout=30)
    assert [item["on_hand"] for item in stock.json()["items"]] == [70]


def test_a_wrong_password_is_said(stack: Stack, broker: SecuredBroker) -> None:
    done = init(stack, broker.by_password("guessed"))
    assert done.returncode == 1
    assert "SaslAuthenticationFailed" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("dawalog: ")
