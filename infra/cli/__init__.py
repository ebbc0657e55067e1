"""The command line `dawalog`: one module a command, put together here.

Modules import what is heavy inside their command, so that `--help` and `ps` answer at once.
"""

import sys

import structlog
import typer
from pydantic import ValidationError

from infra.cli import (
    api,
    bench,
    dead_letters,
    demo,
    import_,
    init,
    keys,
    metrics,
    ps,
    rebuild,
    settings,
    token,
    up,
    verify,
    version,
    worker,
)
from infra.logging import configure_logging
from stream.errors import DawalogError

app = typer.Typer(
    name="dawalog",
    help="Live, provable medicine stock for public health facilities.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # a usage error is one line, whatever the width
)
app.callback()(version.options)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("ps")(ps.ps)
app.command("token")(token.token)
app.command("settings")(settings.settings)
app.command("init")(init.init)
app.command("import")(import_.import_file)
app.command("bench")(bench.bench)
app.command("api")(api.api)
app.command("worker")(worker.worker)
app.command("metrics")(metrics.metrics)
app.command("verify")(verify.verify)
app.command("rebuild")(rebuild.rebuild)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Process entry point: 0 done, 1 a finding or failure in one line on stderr, 2 wrong usage."""
    configure_logging()
    try:
        app()
    except DawalogError as failure:
        _say(failure.detail)
        sys.exit(1)
    except ValidationError as invalid:
        _say("; ".join(_setting_fault(fault["loc"], fault["msg"]) for fault in invalid.errors()))
        sys.exit(1)
    except Exception:
        structlog.get_logger(__name__).exception("unexpected failure")
        sys.exit(1)


def _setting_fault(where: tuple[int | str, ...], what: str) -> str:
    return f"DAWALOG_{'_'.join(map(str, where)).upper()}: {what}"


def _say(sentence: str) -> None:
    print(f"dawalog: {sentence}", file=sys.stderr)
