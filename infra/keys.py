"""The life of the privacy keys, and the one way back from a patient to the records."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from infra.deciding import live_model
from infra.key_audit import audit
from projections.queries.patients import PatientRecord, find_patient_records
from stream.errors import Conflict, Corrupt, Rejected
from stream.key_file import KeyFile, StoredKeys, change_keys, ist_year, read_keys
from stream.keyring import KeyRing
from stream.privacy import YearKeys

SHOWN: Final = ("event_id", "occurred_at", "channel", "lines", "patient_pseudonym", "recorded_by")


def status_of(keys: StoredKeys, now: datetime) -> str:
    if keys.destroyed_at is not None:
        return "destroyed"
    if keys.is_due(now):
        return "due"  # for destruction
    return "ahead" if keys.year > ist_year(now) else "in use"


def create_keys(key_file: Path, state: str, years: Collection[int]) -> list[StoredKeys]:
    """The keys of these years, made where there never were any. Raises Conflict if destroyed."""
    known = read_keys(key_file)
    for year in years:
        stored = known.find(state, year)
        if stored is not None and stored.destroyed_at is not None:
            raise Conflict(f"the keys of {year} were destroyed, and are never made again")
    ring = KeyRing(key_file, state)
    made = []
    for year in years:
        if known.find(state, year) is None:
            audit(key_file, "create", state=state, year=year)
        made.append(ring.create(year))
    return made


def destroy_due(key_file: Path, now: datetime) -> list[StoredKeys]:
    """Destroy the keys whose life is over, of every state in the file."""
    return _destroy(key_file, [keys for keys in read_keys(key_file).keys if keys.is_due(now)], now)


def destroy_year(key_file: Path, state: str, year: int, now: datetime) -> list[StoredKeys]:
    """Destroy a year's keys now. A year that has none yet never gets any."""
    stored = read_keys(key_file).find(state, year)
    if stored is not None and stored.destroyed_at is not None:
        raise Conflict(f"the keys of {year} are destroyed already")
    if stored is None:
        raise Conflict(f"there are no keys of {state} for {year}")
    return _destroy(key_file, [stored], now)


def _destroy(key_file: Path, doomed: list[StoredKeys], now: datetime) -> list[StoredKeys]:
    for keys in doomed:
        audit(key_file, "destroy", state=keys.state, year=keys.year, key_id=keys.key_id)

    def change(file: KeyFile) -> KeyFile:
        return file.with_keys(*(keys.destroy(now) for keys in doomed))

    if doomed:
        change_keys(key_file, change)
    return doomed


class Found(NamedTuple):
    """One record. `prescription_ref`: None where there was none, or its key is destroyed."""

    record: PatientRecord
    prescription_ref: str | None


@dataclass(frozen=True, slots=True)
class Findings:
    """`destroyed_years`: of these nobody can find a patient's records any more."""

    pseudonyms: list[str]
    destroyed_years: list[int]
    found: list[Found]


async def find_patient(
    key_file: Path,
    state: str,
    *,
    scheme: str,
    patient_id: str,
    reason: str,
    years: Collection[int] = (),
    facility_id: str | None = None,
) -> Findings:
    """A patient's records under every key that still exists, or those of `years`.

    Nothing is returned before the audit has it. Raises Rejected without a reason, Unavailable.
    """
    if not reason.strip():
        raise Rejected("missing-reason", "say why a patient's records are looked up: --reason")
    stored = [k for k in read_keys(key_file).keys if k.state == state]
    wanted = [k for k in stored if not years or k.year in years]
    living = {keys.key_id: keys for keys in KeyRing(key_file, state).living_keys()}
    searched = [living[k.key_id] for k in wanted if k.key_id in living]
    pseudonyms = [keys.pseudonym(scheme, patient_id) for keys in searched]
    async with live_model() as connection:
        records = await find_patient_records(connection, pseudonyms, facility_id=facility_id)
    audit(
        key_file,
        "find",
        reason=reason,
        scheme=scheme,
        facility_id=facility_id,
        pseudonyms=pseudonyms,
        records=len(records),
    )
    return Findings(
        pseudonyms,
        sorted(k.year for k in wanted if k.destroyed_at is not None),
        [Found(record, _open_prescription(record, living)) for record in records],
    )


def _open_prescription(record: PatientRecord, living: dict[str, YearKeys]) -> str | None:
    sealed: dict[str, Any] | None = record.body.get("prescription_ref")
    keys = living.get(sealed["key_id"]) if sealed else None
    if sealed is None or keys is None:
        return None
    try:
        return keys.unseal(
            sealed["sealed"],
            facility_id=record.facility_id,
            event_id=record.body["event_id"],
            name="prescription_ref",
        )
    except Corrupt:
        return None  # a set aside record may hold anything
