"""`dawalog dead-letters`: what could not be applied, and what is to become of it."""

import asyncio
import json
import re
from base64 import b64decode
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer

from infra.cli.options import AsJson, DataDir
from infra.environment import use_data_dir

if TYPE_CHECKING:
    from projections.queries.dead_letters import Letter, Place, State
    from stream.reference import Decision, LetterKind

app = typer.Typer(
    help="Records of the log that could not be applied: look at them, replay or discard them.",
    no_args_is_help=True,
)

WAIT_SECONDS = 30.0


class Kind(StrEnum):
    """undecodable: no event; conflict: its id was taken; failed: our own code is at fault."""

    undecodable = "undecodable"
    conflict = "conflict"
    failed = "failed"


class ShownState(StrEnum):
    open = "open"
    pending = "pending"
    replayed = "replayed"
    discarded = "discarded"
    all = "all"


Positions = Annotated[
    list[str] | None,
    typer.Argument(metavar="[POSITION]...", help="Such as stock-events/3/1042."),
]
Topic = Annotated[str | None, typer.Option(help="Only of this topic.")]
OfKind = Annotated[Kind | None, typer.Option("--kind", help="Only of this kind.")]
Facility = Annotated[
    str | None, typer.Option(metavar="ID", help="Only events of this facility that failed.")
]
All = Annotated[bool, typer.Option("--all", help="All open ones that the filters leave.")]
Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait until it is in effect.")
]


@app.command("list")
def list_letters(
    data_dir: DataDir = None,
    *,
    topic: Topic = None,
    kind: OfKind = None,
    facility: Facility = None,
    state: Annotated[
        ShownState | None, typer.Option(help="Default: open and pending.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, in the log's order."""
    use_data_dir(data_dir)
    states: list[State] = ["open", "pending"]
    if state is not None:
        every = cast("list[State]", [each.value for each in ShownState if each != ShownState.all])
        states = every if state == ShownState.all else cast("list[State]", [state.value])
    letters = asyncio.run(
        _find(states=states, topic=topic, kind=kind, facility=facility, limit=limit + 1)
    )
    if as_json:
        print(json.dumps([_plain(letter) for letter in letters[:limit]], indent=2))
        return
    for letter in letters[:limit]:
        print(_describe(letter))
    if len(letters) > limit:
        typer.echo(f"and more: show them with --limit above {limit}", err=True)
    elif not letters:
        typer.echo("there are none", err=True)


@app.command("show")
def show(
    position: Annotated[str, typer.Argument(help="Such as stock-events/3/1042.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with its record, as it stands in the log: what is private is sealed."""
    use_data_dir(data_dir)
    told = asyncio.run(_show(_parse(position)))
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        for name, value in told.items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            print(f"{name:16} {text}")


@app.command("replay")
def replay(
    positions: Positions = None,
    data_dir: DataDir = None,
    *,
    reason: Annotated[str, typer.Option(help="What was mended.")] = "its cause is mended",
    every: All = False,
    topic: Topic = None,
    kind: OfKind = None,
    facility: Facility = None,
    wait: Wait = WAIT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Apply records once more, at their own place in the log, as if they had never failed."""
    use_data_dir(data_dir)
    letters = asyncio.run(_choose(positions, every, topic=topic, kind=kind, facility=facility))
    if every:
        letters = [letter for letter in letters if letter.kind != "conflict"]
    _decide(letters, "replayed", reason, wait=wait, as_json=as_json)


@app.command("discard")
def discard(
    positions: Positions = None,
    data_dir: DataDir = None,
    *,
    reason: Annotated[str, typer.Option(help="Why it is never to count; kept for ever.")],
    every: All = False,
    topic: Topic = None,
    kind: OfKind = None,
    facility: Facility = None,
    wait: Wait = WAIT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Set records aside for good. A rebuild keeps to it."""
    use_data_dir(data_dir)
    letters = asyncio.run(_choose(positions, every, topic=topic, kind=kind, facility=facility))
    _decide(letters, "discarded", reason, wait=wait, as_json=as_json)


async def _find(
    *,
    states: "list[State]",
    topic: str | None,
    kind: Kind | None,
    facility: str | None,
    limit: int | None = None,
) -> "list[Letter]":
    from infra.deciding import live_model
    from projections.queries.dead_letters import list_letters as find

    async with live_model() as connection:
        return await find(
            connection,
            states=states,
            topic=topic,
            kind=cast("LetterKind | None", kind and kind.value),
            facility_id=facility,
            limit=limit,
        )


async def _choose(
    positions: list[str] | None,
    every: bool,
    *,
    topic: str | None,
    kind: Kind | None,
    facility: str | None,
) -> "list[Letter]":
    """The letters meant: those at the positions, or all open ones that the filters leave."""
    from infra.deciding import live_model
    from projections.queries.dead_letters import find_letters

    if bool(positions) is every:
        raise typer.BadParameter("name positions, or say --all")
    if every:
        return await _find(states=["open"], topic=topic, kind=kind, facility=facility)
    places = [_parse(position) for position in positions or ()]
    async with live_model() as connection:
        letters = await find_letters(connection, places)
    for place in places:
        if place not in letters:
            _fail(f"there is no dead letter at {place}")
    return list(letters.values())


async def _show(place: "Place") -> dict[str, Any]:
    from infra.deciding import live_model
    from projections.queries.dead_letters import find_letters, find_record

    async with live_model() as connection:
        letters = await find_letters(connection, [place])
        record = await find_record(connection, place)
    if place not in letters:
        _fail(f"there is no dead letter at {place}")
    told = _plain(letters[place])
    if record is not None:
        key, value, headers = record
        told["key"] = _readable(key)
        told["headers"] = {
            name: _readable(b64decode(content)) for name, content in json.loads(headers)
        }
        told["value"] = _readable(value)
    return told


def _decide(
    letters: "list[Letter]", decision: "Decision", reason: str, *, wait: float, as_json: bool
) -> None:
    from infra.deciding import decide

    outcomes = asyncio.run(decide(letters, decision, reason, wait_seconds=wait)) if letters else []
    missed = [outcome for outcome in outcomes if not outcome.in_effect]
    if as_json:
        told = {"decided": len(outcomes), decision: len(outcomes) - len(missed)}
        told_missed = [{"position": str(each.place), "why": each.why} for each in missed]
        print(json.dumps({**told, "not_in_effect": told_missed}))
    else:
        print(f"{decision}: {len(outcomes) - len(missed)} of {len(outcomes)}")
    for outcome in missed:
        typer.echo(f"dawalog: {outcome.place}: {outcome.why}", err=True)
    if missed:
        raise typer.Exit(1)


def _parse(position: str) -> "Place":
    from projections.queries.dead_letters import Place

    match = re.fullmatch(r"([A-Za-z0-9._-]+)/(\d{1,9})/(\d{1,18})", position, re.ASCII)
    if match is None:
        raise typer.BadParameter(f"{position} is no position, such as stock-events/3/1042")
    return Place(match[1], int(match[2]), int(match[3]))


def _plain(letter: "Letter") -> dict[str, Any]:
    values = letter._asdict()
    told = {"position": str(letter.place)} | {
        name: value for name, value in values.items() if name not in _NOT_TOLD
    }
    return {
        name: value if isinstance(value, str | int | None) else _text(value)
        for name, value in told.items()
    }


_NOT_TOLD = ("topic", "partition", "log_offset", "decided_offset", "is_decision")


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _describe(letter: "Letter") -> str:
    where = f"{letter.place}  {letter.state:9}  {letter.kind:11}"
    whose = f"  facility {letter.facility_id}" if letter.facility_id else ""
    decided = f"  ({letter.decided_by}: {letter.decision_reason})" if letter.decision else ""
    return f"{where}{whose}  {letter.reason or ''}{decided}"


def _readable(raw: bytes | None) -> Any:
    """JSON or text where it is that, hexadecimal digits else."""
    if raw is None:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw.hex()
    try:
        return json.loads(text)
    except ValueError:
        return text if text.isprintable() else raw.hex()


def _fail(sentence: str) -> NoReturn:
    typer.echo(f"dawalog: {sentence}", err=True)
    raise typer.Exit(1)
