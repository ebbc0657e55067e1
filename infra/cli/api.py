"""`dawalog api`: one HTTP server."""

from typing import Annotated

import typer

from infra.cli.options import DataDir
from infra.environment import use_data_dir


def api(
    data_dir: DataDir = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Default: DAWALOG_API_HOST.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on. Default: DAWALOG_API_PORT."),
    ] = None,
) -> None:
    """Serve HTTP until told to stop: takes events and reference records, answers reads.

    Kafka and Postgres by the environment (`dawalog settings` lists it).
    """
    use_data_dir(data_dir)
    from infra.serving import serve_api

    serve_api(host=host, port=port)
