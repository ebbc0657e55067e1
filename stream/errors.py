"""What can go wrong, said once.

DawalogError
├── Rejected           the sender's fault: a problem type, a sentence, one fault per bad field
│   └── TooOften       the sender asks more often than it may: again after `retry_after_seconds`
├── Conflict           it contradicts what is recorded already
├── Unavailable        not now: try again after `retry_after_seconds`
└── Corrupt            what we hold is not what it must be: stop and say so
    ├── Undecodable    one record of the log that is no event: a dead letter, the partition goes on
    └── NewerSchema    one record written by a newer Dawalog: the worker stops until it is upgraded

Domain code raises these; `api.problems` alone maps them to HTTP, and `infra.cli` to exit codes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input. `pointer` is a JSON pointer (RFC 6901) into it."""

    pointer: str
    detail: str


class DawalogError(Exception):
    """`detail` is one sentence that the person who has to act on it understands."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Rejected(DawalogError):
    """`problem_type` is a stable name that clients may branch on, such as `unknown-facility`.

    `members` are further members of the problem document, such as `server_time`.
    """

    def __init__(
        self,
        problem_type: str,
        detail: str,
        errors: Sequence[Fault] = (),
        *,
        members: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem_type = problem_type
        self.errors = tuple(errors)
        self.members = dict(members or {})


class TooOften(Rejected):
    """`too-many-requests`. The same request may be sent again, later."""

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__("too-many-requests", detail)
        self.retry_after_seconds = retry_after_seconds


class Conflict(DawalogError):
    """What was asked for contradicts what is recorded already."""


class Unavailable(DawalogError):
    """Nothing is wrong with the request; the same one may be sent again."""

    def __init__(self, detail: str, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Corrupt(DawalogError):
    """Data that we hold is damaged or is not what it must be."""


class Undecodable(Corrupt):
    """This record can never be read as an event; the detail says why."""


class NewerSchema(Corrupt):
    """This record needs a newer Dawalog. Never dead-lettered: nothing is wrong with it."""
