"""The dashboards as the JSON files that Grafana is provisioned with."""

import json
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from infra.grafana import district, facility, service, state

FOLDER: Final = Path(__file__).parent / "dashboards"


def make_dashboards() -> dict[str, str]:
    """The text of each file, by its name."""
    made = [module.dashboard().build() for module in (state, district, facility, service)]
    return {
        f"{one.uid}.json": json.dumps(one, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"
        for one in made
    }
