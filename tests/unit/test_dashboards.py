"""The committed dashboards are what the code makes."""

import json

from infra.grafana.writing import FOLDER, make_dashboards


def test_the_files_are_current() -> None:
    made = make_dashboards()
    assert {path.name for path in FOLDER.iterdir()} == set(made)
    for name, text in made.items():
        assert (FOLDER / name).read_text() == text, "python -m infra.grafana"


def test_panels_fit_the_grid() -> None:
    for text in make_dashboards().values():
        for panel in json.loads(text)["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24
