"""`dawalog token`: who may do what on an embedded installation."""

from enum import StrEnum
from typing import Annotated

import typer

from infra.cli.options import DataDir
from infra.environment import choose_data_dir


class RoleName(StrEnum):
    """As `api.access.ROLES`, which the command line doesn't load for its help."""

    PHARMACIST = "pharmacist"
    CMHO = "cmho"
    NHM = "nhm"
    INTEGRATION = "integration"
    PUBLIC = "public"


def token(
    role: Annotated[RoleName, typer.Option(help="What the token's owner is.")],
    data_dir: DataDir = None,
    *,
    facility: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A facility that it is for, with all its parts."),
    ] = None,
    district: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A district whose facilities it is for."),
    ] = None,
    hours: Annotated[float, typer.Option(help="How long it is good.")] = 12.0,
) -> None:
    """Print a bearer token of the data folder's own issuer.

    A pharmacist reads and posts for the facilities named, a cmho reads the districts named, nhm
    reads all and registers. Integration reads and posts for what is named; without a name it may do
    everything. `up` need not run.
    """
    from api.token_issuer import issue_token
    from infra.local.installation import token_key_file

    facilities, districts = facility or [], district or []
    _check(role, facilities, districts)
    if not 0 < hours <= 24 * 366:
        raise typer.BadParameter("--hours must be more than 0, and a year at most")
    key_file = token_key_file(choose_data_dir(data_dir))
    is_new = not key_file.exists()
    print(
        issue_token(key_file, role.value, facilities=facilities, districts=districts, hours=hours)
    )
    if is_new:  # not for an installation that runs elsewhere, if the folder is mistyped
        typer.echo(f"dawalog: made a new key: {key_file}", err=True)


def _check(role: RoleName, facilities: list[str], districts: list[str]) -> None:
    """What counts for the role, and that it is there where the role is nothing without it."""
    from pydantic import TypeAdapter, ValidationError

    from api.access import ROLES
    from stream.fields import Id

    named = {"facilities": ("--facility", facilities), "districts": ("--district", districts)}
    scoped_by = ROLES[role].scoped_by
    for kind, (option, ids) in named.items():
        if ids and kind not in scoped_by:
            raise typer.BadParameter(f"{option} means nothing for the role {role}")
        try:
            TypeAdapter(list[Id]).validate_python(ids)
        except ValidationError:
            raise typer.BadParameter(f"{option} takes ids, as they are registered") from None
    if role in (RoleName.PHARMACIST, RoleName.CMHO):
        option, ids = named[scoped_by[0]]
        if not ids:
            raise typer.BadParameter(f"the role {role} needs {option}")
