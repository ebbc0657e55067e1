"""Which facilities, districts and items anybody knows."""

from collections import defaultdict
from collections.abc import Iterable

from api.directory import Directory
from projections.queries.known import find_unknown
from projections.reading import ReadModel
from stream.errors import Rejected


class KnownIds:
    """Asked for is what the directory doesn't have: a question of its own costs as much as a small
    read's answer. Ids that were found once are remembered: what is known stays known.
    """

    def __init__(self, read_model: ReadModel, directory: Directory) -> None:
        self._read_model = read_model
        self._directory = directory
        self._found: defaultdict[str, set[str]] = defaultdict(set)

    async def require(self, asked: Iterable[tuple[str, str]]) -> None:
        """Of (kind, id). Raises Rejected (not-found) for a facility, a district or an item that
        nobody knows. Known is what is registered, a district also by a facility in it, a facility
        and an item by their entries, an item by its recalls and norms, too.
        """
        new: defaultdict[str, set[str]] = defaultdict(set)
        for kind, one in asked:
            if one not in self._found[kind] and not self._is_registered(kind, one):
                new[kind].add(one)
        if not new:
            return
        unknown = await find_unknown(
            self._read_model,
            facility_ids=new["facility"],
            district_ids=new["district"],
            item_ids=new["item"],
        )
        if unknown is not None:
            kind, unknown_id = unknown
            raise Rejected("not-found", f"No {kind} with the id {unknown_id} is known.")
        for kind, ids in new.items():
            self._found[kind] |= ids

    def _is_registered(self, kind: str, one: str) -> bool:
        match kind:
            case "facility":
                return self._directory.has(one)
            case "district":
                return self._directory.has_in_district(one)
            case _:
                return False
