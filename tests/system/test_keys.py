"""What is private is nowhere in clear, is found while its key lives, and is lost with it."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from stream.settings import KafkaSettings
from tests.log_reading import read_log
from tests.system.service import DAWALOG, Service, environment

pytestmark = pytest.mark.timeout(240)

PATIENT: Final = "91-7777-8888-9999"
PRIVATE: Final[dict[str, Any]] = {
    "patient": {"scheme": "ABHA", "id": PATIENT},
    "prescription_ref": "RXQ/2026/zq4711",
    "prescriber": {"name": "Dr Zuleikha Quadri", "address": "Clinic Xanadu, Ajmer"},
    "note": "half zyxwvu now",
}
CLEAR: Final = (
    PATIENT,
    PATIENT.replace("-", ""),
    PATIENT.replace("-", " "),
    "zq4711",
    "ZQ4711",
    "Zuleikha",
    "zuleikha",
    "Quadri",
    "Xanadu",
    "zyxwvu",
)
CANARY: Final = "canary-document-77"
"""Posted in clear: where it isn't found, the search has looked at the wrong place."""

ID: Final = "0192f0c1-2f6e-7c3a-9b1d-{:012d}"


def dispense(number: int, quantity: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": ID.format(number),
        "facility_id": "PHC-1",
        "type": "medicine_dispensed",
        "occurred_at": "2026-03-02T09:00:00+05:30",
        "channel": "opd",
        "lines": [{"item_id": "ors", "lot": "A1", "quantity": quantity}],
        **PRIVATE,
        **changes,
    }


def run(service: Service, *words: str, stdin: str = "") -> Any:
    done = subprocess.run(
        [DAWALOG, "keys", *words, "--json", "--data-dir", str(service.folder)],
        check=False,
        capture_output=True,
        text=True,
        input=stdin,
        env=environment(),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def find(service: Service) -> Any:
    words = ("--scheme", "abha", "--reason", "the court asks, file 7")
    return run(service, "find", *words, stdin=f"{PATIENT}\n")


def post_everything(client: httpx.Client) -> None:
    """Good events, repetitions, conflicts, and what is refused for each kind of reason."""
    facility = {"name": "Ajmer", "level": "PHC", "district_id": "ajmer", "state": "RJ"}
    registered = client.put("/v1/facilities/PHC-1", json=facility)
    client.headers["Dawalog-Min-Position"] = registered.headers["Dawalog-Position"]
    receipt = {
        "event_id": ID.format(1),
        "facility_id": "PHC-1",
        "type": "stock_received",
        "occurred_at": "2026-03-01T09:00:00+05:30",
        "document_no": CANARY,
        "lines": [{"item_id": "ors", "lot": "A1", "quantity": 100}],
    }
    assert client.post("/v1/events", json=receipt).status_code == httpx.codes.ACCEPTED
    for body in (dispense(2), dispense(2), dispense(2, 7)):
        assert client.post("/v1/events", json=body).status_code == httpx.codes.ACCEPTED
    batch = [
        dispense(3),
        dispense(4, quantity=-1),
        dispense(5, note=f"call {PATIENT}"),
        dispense(6, facility_id="PHC-unknown"),
        dispense(7, patient=PATIENT),
    ]
    answer = client.post("/v1/events/batch", json=batch).json()
    assert (answer["accepted"], answer["rejected"]) == (1, 4)
    for broken in (json.dumps(dispense(8))[:-1], json.dumps(dispense(9)) + PATIENT):
        refused = client.post(
            "/v1/events", content=broken, headers={"Content-Type": "application/json"}
        )
        assert refused.is_client_error
        assert PATIENT not in refused.text
    params = {"prescription_ref": PRIVATE["prescription_ref"]}
    client.headers["Dawalog-Min-Position"] = answer["position"]
    book = client.get("/v1/facilities/PHC-1/events", params=params)
    assert len(book.json()["events"]) == 2, book.text


def files_of(service: Service) -> Iterator[Path]:
    """All that the installation keeps, Kafka's log, Postgres's files and the process logs too."""
    yield service.folder.parent / "up.log"
    yield from (path for path in service.folder.rglob("*") if path.is_file())


def holders(service: Service, text: str) -> set[Path]:
    return {path for path in files_of(service) if text.encode() in path.read_bytes()}


async def read_records(service: Service) -> bytes:
    """Kafka's records as consumers get them: in its files they are compressed."""
    records = await read_log(KafkaSettings(kafka_bootstrap_servers=service.bootstrap_servers))
    return b"\n".join(
        part
        for record in records
        for part in (record.key, record.value, *(value for _, value in record.headers))
        if part
    )


def test_private_values_are_nowhere_and_their_keys_can_be_destroyed(service: Service) -> None:
    headers = {"Prefer": "wait=20"}
    with httpx.Client(base_url=service.start(), timeout=60, headers=headers) as client:
        post_everything(client)
        (key,) = run(service, "list")
        assert (key["year"], key["status"], key["due_on"]) == (2026, "in use", "2030-01-01")
        assert {made["year"] for made in run(service, "create", "--year", "2027")} == {2027}

        findings = find(service)
        found = {(each["event_id"], each["state"]) for each in findings["records"]}
        assert found == {(ID.format(2), "applied"), (ID.format(3), "applied")} | {
            (ID.format(2), "set aside")
        }
        references = {each["prescription_ref"] for each in findings["records"]}
        assert references == {PRIVATE["prescription_ref"]}
        records = asyncio.run(read_records(service))

        (destroyed,) = run(service, "destroy", "--year", "2026", "--yes")
        assert destroyed["status"] == "destroyed"
        assert run(service, "destroy") == []
        gone = find(service)
        assert (gone["records"], gone["destroyed_years"]) == ([], [2026])

        # late events of that year still count, and say what they came with
        late = client.post("/v1/events", json=dispense(10))
        assert late.status_code == httpx.codes.ACCEPTED, late.text
        client.headers["Dawalog-Min-Position"] = late.json()["position"]
        book = client.get("/v1/facilities/PHC-1/events", params={"type": "medicine_dispensed"})
        events = {event["event_id"]: event for event in book.json()["events"]}
        assert sorted(events[ID.format(10)]["left_out"]) == sorted(PRIVATE)
        # the others stay linked to each other
        pseudonyms = {event.get("patient_pseudonym") for event in events.values()}
        assert pseudonyms == {None, *findings["pseudonyms"]} - {
            name for name in findings["pseudonyms"] if "-2027-" in name
        }
        records += asyncio.run(read_records(service))
    assert service.stop() == 0

    assert CANARY.encode() in records
    assert any("postgres" in path.parts for path in holders(service, CANARY))
    for clear in CLEAR:
        assert clear.encode() not in records, clear
        assert holders(service, clear) == set(), clear
    audited = [
        json.loads(line) for line in (service.folder / "keys-audit.jsonl").read_text().splitlines()
    ]
    assert [line["did"] for line in audited] == ["create", "find", "destroy", "find"]
    assert audited[1]["reason"] == "the court asks, file 7"
    assert audited[1]["who"]
