"""Finding the embedded installation of a data folder, for commands that work on it."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

KEY_FILE: Final = "DAWALOG_KEY_FILE"
OUTSIDE: Final = ("DAWALOG_KAFKA_BOOTSTRAP_SERVERS", "DAWALOG_DATABASE_URL")


def use_data_dir(data_dir: Path | None) -> None:
    """Let settings come from the folder of a running `up`, or from the environment alone.

    Chosen as `use_installation` does. Raises CannotStart where `up` isn't running in the folder.
    """
    folder = use_installation(data_dir)
    if folder is not None:
        from infra.local.running import require_running

        require_running(folder)


def use_installation(data_dir: Path | None, *, outside: Collection[str] = OUTSIDE) -> Path | None:
    """Let settings come from the data folder's installation; returns the folder if they do.

    A folder named on the command line wins over the environment's settings. Else the environment
    wins over the folder (`DAWALOG_DATA_DIR`, or `.dawalog` here) if it has a setting of `outside`,
    so that a production role never takes up a stray folder. Raises NoInstallation where neither is
    there: a mistyped folder must not end at other keys, or at whatever listens on usual ports.
    """
    folder = choose_data_dir(data_dir)
    is_outside = data_dir is None and any(name in os.environ for name in outside)
    os.environ.setdefault(KEY_FILE, str(folder / "keys.json"))
    if is_outside:
        return None
    from infra.local.installation import require_installation

    os.environ.update(require_installation(folder).environment(folder))
    return folder


def choose_data_dir(data_dir: Path | None) -> Path:
    """The data folder meant, as an absolute path."""
    return (data_dir or Path(os.environ.get("DAWALOG_DATA_DIR", ".dawalog"))).absolute()
