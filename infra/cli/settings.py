"""`dawalog settings`: every setting, what it is now and what it is for."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from pydantic import SecretStr

from infra.cli.options import AsJson, DataDir
from infra.environment import choose_data_dir, use_installation
from infra.local.failure import NoInstallation

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings


def settings(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """All settings of all roles, as the environment and the data folder give them.

    Each is the environment variable of its name in capitals, with DAWALOG_ before it.
    """
    _use(data_dir)
    values: dict[str, Any] = {"data_dir": str(choose_data_dir(data_dir))}
    notes: dict[str, str] = {}
    for group in _groups():
        instance = group()
        for name, field in group.model_fields.items():
            values[name] = _plain(getattr(instance, name))
            notes[name] = field.description or ""
    values["api_url"] = f"http://{values['api_host']}:{values['api_port']}"
    if as_json:
        print(json.dumps(values, indent=2))
    else:
        for name, value in values.items():
            typer.echo(f"DAWALOG_{name.upper()}={'' if value is None else value}")
            if notes.get(name):
                typer.echo(f"    {notes[name]}")


def _use(data_dir: Path | None) -> None:
    """Who names no folder may ask before there is one."""
    try:
        use_installation(data_dir)
    except NoInstallation:
        if data_dir is not None:
            raise
        typer.echo(
            f"dawalog: there is no installation in {choose_data_dir(None)}: these are the "
            "environment's settings and the defaults",
            err=True,
        )


def _groups() -> "tuple[type[BaseSettings], ...]":
    from alerts.settings import AlertmanagerSettings, AlertSettings
    from api.settings import ApiSettings
    from projections.settings import ProjectorSettings, VerifierSettings
    from stream.settings import WorkerSettings

    return (
        ApiSettings,
        ProjectorSettings,
        WorkerSettings,
        VerifierSettings,
        AlertSettings,
        AlertmanagerSettings,
    )


def _plain(value: Any) -> Any:
    """As JSON has it; a password is not shown."""
    if isinstance(value, SecretStr):
        return "***"
    return value if isinstance(value, bool | int | float | str | None) else str(value)
