"""The page's colours can be read: WCAG 2.2, 1.4.3 (AA), in light and in dark."""

import re

import pytest

from api.pages import ASSETS

LEAST_RATIO = 4.5
PAIRS = (
    ("text", "ground"),
    ("text", "sheet"),
    ("quiet", "ground"),
    ("quiet", "sheet"),
    ("quiet", "none-ground"),
    ("accent", "ground"),
    ("accent", "sheet"),
    ("good", "good-ground"),
    ("some", "some-ground"),
    ("bad", "bad-ground"),
    ("some", "sheet"),
    ("text", "accent-ground"),
)


def colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", ASSETS["page.css"].content.decode(), re.DOTALL)
    declared = {"light": light, "dark": light + dark}[scheme]
    return dict(re.findall(r"--([\w-]+): #([0-9a-f]{6})", declared))


def luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("on", "ground"), PAIRS)
def test_text_stands_out(scheme: str, on: str, ground: str) -> None:
    known = colours(scheme)
    lighter, darker = sorted((luminance(known[on]), luminance(known[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= LEAST_RATIO
