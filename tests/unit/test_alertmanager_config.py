"""The example of an Alertmanager's configuration, as amtool understands it."""

import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from alerts.rules import LOCAL
from tests.tools import require

FOLDER = Path(__file__).parents[2] / "infra" / "alertmanager"


def amtool(*words: str) -> str:
    require("amtool")
    done = subprocess.run(["amtool", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_sound() -> None:
    assert "SUCCESS" in amtool("check-config", str(FOLDER / "alertmanager.yml"))


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("concern=service severity=critical", "operators-now"),
        ("concern=service severity=warning", "operators"),
        ("concern=shortage severity=critical district=AJMER scope=facility", "ajmer-now"),
        ("concern=compliance severity=warning district=AJMER", "ajmer"),
        ("concern=shortage severity=critical district=JAIPUR", "jaipur-now"),
        ("concern=shortage severity=critical district=KOTA", "state"),
        ("delivery=digest severity=warning district=JAIPUR facility_id=PHC-1", "digest-jaipur"),
        ("delivery=digest severity=warning district=KOTA", "digest-state"),
    ],
)
def test_who_is_told(labels: str, receiver: str) -> None:
    config = f"--config.file={FOLDER / 'alertmanager.yml'}"
    verify = f"--verify.receivers={receiver}"
    assert amtool("config", "routes", "test", config, verify, *labels.split()).strip() == receiver


def test_what_a_shortage_over_a_district_mutes_are_the_rules_of_one_facility() -> None:
    config = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())
    muted, _ = config["inhibit_rules"][0]["target_matchers"]
    assert muted == f'alertname=~"{"|".join(LOCAL)}"'


ALERT = """{
  "status": "firing", "receiver": "ajmer",
  "groupLabels": {"alertname": "out_of_stock", "district": "AJMER"},
  "commonLabels": {"severity": "critical"}, "commonAnnotations": {},
  "alerts": [
    {"status": "firing", "labels": {}, "startsAt": "2026-10-20T03:00:00Z",
     "generatorURL": "http://dawalog/v1/alerts?rule=out_of_stock",
     "annotations": {"summary": "ORS is out at PHC Pushkar", "next_step": "Ask CHC Kekri for 200"}},
    {"status": "resolved", "labels": {}, "startsAt": "2026-10-20T03:00:00Z",
     "annotations": {"summary": "PCM is out at PHC Pushkar", "lines": "- PCM: order"}}
  ]
}"""


def test_the_templates_say_what_to_do(tmp_path: Path) -> None:
    data = tmp_path / "alert.json"
    data.write_text(ALERT)

    def render(name: str) -> str:
        return amtool(
            "template",
            "render",
            f"--template.glob={FOLDER}/templates/*.tmpl",
            f'--template.text={{{{ template "{name}" . }}}}',
            f"--template.data={data}",
        ).strip()

    assert render("dawalog.subject") == "Critical: 2 × out_of_stock, AJMER"
    text = render("dawalog.text")
    assert "ORS is out at PHC Pushkar" in text
    assert "Next: Ask CHC Kekri for 200" in text
    assert "OVER  PCM is out at PHC Pushkar" in text
    assert "- PCM: order" in render("dawalog.digest")
