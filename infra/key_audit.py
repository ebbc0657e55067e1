"""Who did what with the privacy keys, when and why: lines of JSON beside the key file.

Lines are only ever appended. A patient's id is never among them; the pseudonyms are, which lead to
nobody once the keys are destroyed.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.operator import find_operator
from stream.errors import Unavailable


def audit_file(key_file: Path) -> Path:
    return key_file.with_name(f"{key_file.stem}-audit.jsonl")


def audit(key_file: Path, did: str, **what: Any) -> None:
    """Write a line and sync it to disk. Raises Unavailable: then it must not be done, or shown."""
    path = audit_file(key_file)
    line = {"at": datetime.now(UTC).isoformat(), "who": find_operator(), "did": did} | what
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(f"the audit {path} can't be written: {error.strerror}") from error
