"""Finding the embedded installation of a data folder, for commands that work on it."""

import os
from pathlib import Path

OUTSIDE = ("DAWALOG_KAFKA_BOOTSTRAP_SERVERS", "DAWALOG_DATABASE_URL")


def use_data_dir(data_dir: Path | None) -> None:
    """Let settings come from the data folder's installation, if it has one.

    A folder named on the command line wins over the environment's settings. Else settings of
    outside systems in the environment win over the folder (`DAWALOG_DATA_DIR`, or `.dawalog` here),
    so that a production role never takes up a stray folder.
    """
    if data_dir is None and any(name in os.environ for name in OUTSIDE):
        return
    from infra.local.installation import find_installation

    folder = choose_data_dir(data_dir)
    installation = find_installation(folder)
    if installation is not None:
        os.environ.update(installation.environment(folder))


def choose_data_dir(data_dir: Path | None) -> Path:
    """The data folder meant, as an absolute path."""
    return (data_dir or Path(os.environ.get("DAWALOG_DATA_DIR", ".dawalog"))).absolute()
