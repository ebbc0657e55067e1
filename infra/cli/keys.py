"""`dawalog keys`: the keys that keep patients private, from their making to their destruction."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.options import AsJson, DataDir
from infra.environment import KEY_FILE, OUTSIDE, use_data_dir, use_installation

if TYPE_CHECKING:
    from infra.keys import Found
    from stream.key_file import StoredKeys

app = typer.Typer(
    help="The privacy keys: one pair per state and year, destroyed three years after its end.",
    no_args_is_help=True,
)

Year = Annotated[int | None, typer.Option(min=2000, max=2999, help="One year instead.")]


@app.command("list")
def list_keys(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all keys of the key file, those that were destroyed too. Shows no key."""
    key_file, _ = _settings(data_dir)
    from stream.key_file import read_keys

    stored = sorted(read_keys(key_file).keys, key=lambda keys: (keys.state, keys.year))
    _tell(
        [_describe(keys) for keys in stored], none=f"there are none in {key_file}", as_json=as_json
    )


@app.command("create")
def create(data_dir: DataDir = None, *, year: Year = None, as_json: AsJson = False) -> None:
    """Make this year's and next year's keys, where there are none.

    The service makes them by itself when it needs them; made ahead, they are in a backup by then.
    """
    key_file, state = _settings(data_dir)
    from infra.keys import create_keys
    from stream.key_file import ist_year

    now = ist_year(datetime.now(UTC))
    made = create_keys(key_file, state, [year] if year else [now, now + 1])
    _tell([_describe(keys) for keys in made], as_json=as_json)


@app.command("destroy")
def destroy(
    data_dir: DataDir = None,
    *,
    year: Year = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Destroy the named year's keys, due or not.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Destroy the keys whose life is over: three years after the end of their year, in India.

    What they kept private can never be read again by anybody: destroy the backups of the key file
    too. Records of one patient stay linked to each other. Run it every year from 1 January on.
    """
    key_file, state = _settings(data_dir)
    from infra.keys import destroy_due, destroy_year

    if year and not yes:
        raise typer.BadParameter(f"what the keys of {year} kept is lost for ever: add --yes")
    typer.echo(f"changing {key_file}", err=True)
    now = datetime.now(UTC)
    gone = destroy_year(key_file, state, year, now) if year else destroy_due(key_file, now)
    _tell([_describe(keys.destroy(now)) for keys in gone], none="none is due", as_json=as_json)


@app.command("find")
def find(
    data_dir: DataDir = None,
    *,
    scheme: Annotated[str, typer.Option(help="The id's scheme as it was posted, such as abha.")],
    patient_id: Annotated[
        str | None,
        typer.Option("--id", help="Better left out: it is then asked for, or read from stdin."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why. It is kept in the audit beside the keys.")],
    years: Annotated[list[int] | None, typer.Option("--year", help="Only these years.")] = None,
    facility: Annotated[str | None, typer.Option(metavar="ID", help="Only this facility.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find a patient's records, and say in the audit who looked for them and why."""
    use_data_dir(data_dir)
    key_file, state = _read_settings()
    from infra.keys import find_patient

    findings = asyncio.run(
        find_patient(
            key_file,
            state,
            scheme=scheme,
            patient_id=patient_id or _ask_id(),
            reason=reason,
            years=years or (),
            facility_id=facility,
        )
    )
    told = [_record(found) for found in findings.found]
    if as_json:
        missing = {"destroyed_years": findings.destroyed_years}
        print(json.dumps({"pseudonyms": findings.pseudonyms, **missing, "records": told}, indent=2))
        return
    _tell(told, as_json=False)
    if told:
        typer.echo(f"{len(told)} records", err=True)
    if findings.destroyed_years:
        gone = ", ".join(map(str, findings.destroyed_years))
        typer.echo(f"of {gone} nobody can find any: the keys are destroyed", err=True)


def _settings(data_dir: Path | None) -> tuple[Path, str]:
    """Key file and state of an installation that need not run."""
    use_installation(data_dir, outside=(KEY_FILE, *OUTSIDE))
    return _read_settings()


def _read_settings() -> tuple[Path, str]:
    from stream.settings import PrivacySettings

    settings = PrivacySettings()
    return settings.key_file, settings.state


def _ask_id() -> str:
    """Not from the command line, which other users and the shell's history can see."""
    if sys.stdin.isatty():
        return str(typer.prompt("Patient id", hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\n")


def _describe(keys: "StoredKeys") -> dict[str, Any]:
    from infra.keys import status_of

    return {
        "key_id": keys.key_id,
        "state": keys.state,
        "year": keys.year,
        "status": status_of(keys, datetime.now(UTC)),
        "created_at": keys.created_at.isoformat(),
        "due_on": keys.due_on.isoformat(),
        "destroyed_at": keys.destroyed_at and keys.destroyed_at.isoformat(),
    }


def _record(found: "Found") -> dict[str, Any]:
    from infra.keys import SHOWN

    record = found.record
    return {
        "facility_id": record.facility_id,
        **{name: record.body[name] for name in SHOWN if name in record.body},
        "recorded_at": record.recorded_at.isoformat(),
        "state": record.state,
        "prescription_ref": found.prescription_ref,
    }


def _tell(rows: list[dict[str, Any]], *, as_json: bool, none: str = "there are none") -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print("  ".join(_plain(value) for value in row.values() if value is not None))
    if not rows:
        typer.echo(none, err=True)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
