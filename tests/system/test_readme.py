"""The README's tour works as it is printed."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.system.service import Service

README = Path(__file__).parents[2] / "README.md"


def tour() -> str:
    """The shell lines of the section «A tour with curl»."""
    section = README.read_text().split("## A tour with curl")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


def list_answers(text: str) -> list[dict[str, Any]]:
    """JSON objects one behind the other."""
    decoder, answers = json.JSONDecoder(), []
    while text := text.strip():
        answer, end = decoder.raw_decode(text)
        answers.append(answer)
        text = text[end:]
    return answers


@pytest.mark.timeout(120)
def test_the_tour_ends_with_985_tablets(service: Service) -> None:
    service.asks_for_tokens = True
    url = service.start()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", tour()],
        check=False,
        capture_output=True,
        text=True,
        cwd=README.parent,
        env={**os.environ, "URL": url, "DAWALOG_DATA_DIR": str(service.folder)},
    )
    assert done.returncode == 0, done.stderr
    stock, available, card, day_book = list_answers(done.stdout)[-4:]
    assert stock["items"][0]["on_hand"] == 985
    assert available["items"][0]["availability"] == "available"
    assert [entry["balance"] for entry in card["entries"]] == [1000, 985]
    assert [event["type"] for event in day_book["events"]] == [
        "medicine_dispensed",
        "stock_received",
    ]
