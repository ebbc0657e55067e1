"""`python -m infra.grafana` writes all dashboards."""

from pathlib import Path

from infra.grafana.writing import FOLDER, make_dashboards

if __name__ == "__main__":
    for name, text in make_dashboards().items():
        Path(FOLDER / name).write_text(text)
