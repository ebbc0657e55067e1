"""What a rule is. Each is a module of `alerts.rules` with one `Rule` and its runbook.

`holds` is one SELECT that gives, set-based, every subject for which the rule holds now. It reads
these relations, which are as wide as the evaluation asks for (a partition's facilities, or just
those that something happened to), beside any table of the read model:

    place      facility_no, facility_id, partition, level, district_id, state, counted_at, silent,
               evaluated_on: the facilities looked at
    stocked    the columns of `item_state` and `place`: their items
    importance item_no, ved: what their records say, null where they say nothing
    area       district_id, state: the districts looked at, of a rule about districts
    tallied    the columns of `area`, item_no, items_out, … items_unknown, facilities: sums over a
               district

and yields `severity` (text), `began_at` (timestamptz: since when by the data; null: since it is
first found) and `evidence` (small: jsonb; where a rule holds for many, a row with named columns, of
which jsonb is made only where something differs), with what its subject is made of:

    about facility        facility_no
          item            facility_no, item_no
          lot             facility_no, item_no, lot
          district        district_id
          district_item   district_id, item_no
          district_class  district_id, item_class (text)

`{now}` stands for the instant of the evaluation, `{name}` for a parameter's value: a column of
`place`, `stocked`, `area` and `tallied`, as it may differ by place (`alerts.thresholds`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Final, Literal

from stream.alerts import Severity
from stream.chains import Officer

Family = Literal["shortage", "compliance"]
About = Literal["facility", "item", "lot", "district", "district_item", "district_class"]

NOW: Final = "$1::timestamptz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A number that a rule depends on, with its unit and what it means. A threshold may set it,
    from `least` to `most`. Without a `default` it is null where none does.
    """

    default: int | None
    unit: str
    meaning: str
    least: int = 1
    most: int = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`severity` is the greatest that it gives.

    Attributes:
        from_first_count: it applies to a facility from its first complete count on.
        opens_in_silence: it opens though the facility is silent; what is open stays open.
        on_change: it is looked at when something happens to its subject, else by and by alone.
        keep_for: for how long it must no longer hold before the alert is closed.
        by_transfer: what helps is a transfer from a facility that has more than it needs.
        told_alone: each critical one is told at once by itself, not as one of its district's.
    """

    id: str
    title: str
    family: Family
    about: About
    severity: Severity
    who_acts: Officer
    what_to_do: str
    ends: str
    holds: str
    parameters: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))
    from_first_count: bool = True
    opens_in_silence: bool = False
    on_change: bool = True
    keep_for: timedelta = timedelta()
    by_transfer: bool = False
    told_alone: bool = False

    @property
    def is_of_district(self) -> bool:
        return self.about in ("district", "district_item", "district_class")

    @property
    def runbook(self) -> str:
        """Where the API serves it; it is written in docs/runbooks/."""
        return f"/docs/runbooks/{self.id}.md"

    @property
    def query(self) -> str:
        """`holds` with what its names stand for."""
        return self.holds.format(now=NOW, **{name: self.column(name) for name in self.parameters})

    def column(self, parameter: str) -> str:
        """What a parameter's column is called: like nothing else."""
        return f"set_{self.id}_{parameter}"
