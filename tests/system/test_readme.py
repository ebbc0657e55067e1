"""The README's tour works as it is printed."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.system.service import copy_folder, environment

README = Path(__file__).parents[2] / "README.md"


def blocks() -> list[str]:
    """The shell lines of the section «A tour with curl»: for one terminal, and for another."""
    section = README.read_text().split("## A tour with curl")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def start(lines: str, folder: Path) -> "subprocess.Popen[str]":
    """In a terminal of its own, where Ctrl-C reaches all."""
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", lines],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment(),
        start_new_session=True,
    )


@contextmanager
def running(lines: str, folder: Path) -> Iterator[None]:
    """From its ready line on, until Ctrl-C."""
    process = start(lines, folder)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready http://127.0.0.1:"), line
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()


def list_answers(text: str) -> list[dict[str, Any]]:
    """JSON objects one behind the other."""
    decoder, answers = json.JSONDecoder(), []
    while text := text.strip():
        answer, end = decoder.raw_decode(text)
        answers.append(answer)
        text = text[end:]
    return answers


@pytest.mark.timeout(180)
def test_the_tour_ends_with_985_tablets(stopped_folder: Path, tmp_path: Path) -> None:
    """In a folder that has the checkout's `.venv`, beside the demo's `.dawalog`."""
    in_one, in_another = blocks()
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / ".dawalog").mkdir()
    copy_folder(stopped_folder, tmp_path / ".dawalog-tour")  # a first start would take longer
    with running(in_one, tmp_path):
        tour = start(in_another, tmp_path)
        said, complaint = tour.communicate()
    assert tour.returncode == 0, complaint
    assert list((tmp_path / ".dawalog").iterdir()) == []
    stock, available, card, day_book = list_answers(said)[-4:]
    assert stock["items"][0]["on_hand"] == 985
    assert available["items"][0]["availability"] == "available"
    assert [entry["balance"] for entry in card["entries"]] == [1000, 985]
    assert [event["type"] for event in day_book["events"]] == [
        "medicine_dispensed",
        "stock_received",
    ]
