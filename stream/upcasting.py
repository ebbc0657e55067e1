"""Old versions of events, read for ever: each upcast makes a body of one version one of the next.

How to add one: docs/events.md. An upcast is never changed once a record of its version is in a log
that someone keeps, and its golden file (tests/golden/<type>.v<version>.json) is never changed.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Upcast: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


def split_correction(body: dict[str, Any]) -> dict[str, Any]:
    """stock_adjusted 0 → 1: the reason `correction` is split in two.

    Before the first release it stood for both kinds of correction. Where an event's corrections of
    an item add up to nothing, stock only moved from one lot to another: `lot_identified`. Any other
    is `other`.
    """
    total: defaultdict[str, int] = defaultdict(int)
    for line in body["lines"]:
        if line["reason"] == "correction":
            total[line["item_id"]] += line["quantity"]

    def reason(line: dict[str, Any]) -> str:
        if line["reason"] != "correction":
            return str(line["reason"])
        return "other" if total[line["item_id"]] else "lot_identified"

    return body | {"lines": [line | {"reason": reason(line)} for line in body["lines"]]}


UPCASTS: Final[Mapping[tuple[str, int], Upcast]] = {
    ("stock_adjusted", 0): split_correction,
}
"""(type, version) → function from a body of that version to one of the next. `schema_version` is
set by the codec."""
