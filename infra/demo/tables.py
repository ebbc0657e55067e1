"""Reading the demo's data files."""

import csv
from importlib.resources import files

Row = dict[str, str]


def read_table(name: str) -> list[Row]:
    """The rows of a file in `data/`, by the names in its header. No field has a line break."""
    text = files("infra.demo").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
