"""The list of what Prometheus can scrape here, as its `file_sd_configs` take it."""

import json
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "scrape-targets.json"


def write_targets(folder: Path, addresses: Mapping[str, str]) -> None:
    """`addresses`: host:port by the part's name. Ports of workers are others after each start."""
    groups = [
        {"targets": [address], "labels": {"role": name.partition("-")[0], "part": name}}
        for name, address in sorted(addresses.items())
    ]
    fresh = folder / f"{FILE_NAME}.new"
    fresh.write_text(json.dumps(groups, indent=2))
    fresh.replace(folder / FILE_NAME)  # Prometheus may be reading it
