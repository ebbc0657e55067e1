"""What each reference record has, and what several of them name."""

from typing import Annotated, Final, Literal, get_args

from stream.fields import Instant, null_is
from stream.lines import Contract

Level = Literal["MCH", "DH", "SDH", "CHC", "PHC", "SC", "WAREHOUSE", "STORE", "COUNTER", "OTHER"]
LEVELS: Final[tuple[str, ...]] = get_args(Level)


class Reference(Contract):
    schema_version: Annotated[Literal[1], null_is(1)] = 1
    valid_from: Instant | None = None
