"""What a process exposes to Prometheus, read back."""

from collections.abc import Iterator, Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families


class Exposition:
    """One answer of /metrics."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}

    def value(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """The sum of all samples of that name with those labels; None where there is none."""
        found = [
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and (labels or {}).items() <= sample.labels.items()
        ]
        return sum(found) if found else None

    def described(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        """Name, kind and label names of each family, as declared; `le` is a histogram's own."""
        for family in self.families.values():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = frozenset(label for sample in family.samples for label in sample.labels)
            yield name, family.type, labels - {"le"}


async def scrape(url: str) -> Exposition:
    async with httpx.AsyncClient(timeout=10) as client:
        answer = await client.get(f"{url}/metrics")
    answer.raise_for_status()
    return Exposition(answer.text)
