"""`dawalog --version`."""

from typer.testing import CliRunner

from infra.cli import app


def test_the_version_is_told() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.stdout) == (0, "dawalog 0.1.0\n")


def test_else_a_command_is_missing() -> None:
    assert CliRunner().invoke(app, []).exit_code == 2
