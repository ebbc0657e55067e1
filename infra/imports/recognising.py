"""Which kind of file this is."""

from typing import Final

from infra.imports import pharmacy_sales
from infra.imports.kinds import Kind
from stream.errors import Rejected

KINDS: Final = (pharmacy_sales.KIND,)


def recognise(columns: tuple[str, ...], name: str | None) -> Kind:
    """The kind with these columns, which must be the named one if one is named.

    Raises Rejected with the kinds that are known.
    """
    candidates = [kind for kind in KINDS if name in (None, kind.name)]
    if not candidates:
        raise Rejected("unknown-kind", f"There is no kind of file {name}. {_known()}")
    for kind in candidates:
        if kind.columns == columns:
            return kind
    found = ",".join(columns)[:200] or "none"
    raise Rejected(
        "unknown-file", f"The columns are none that can be imported: {found}. {_known()}"
    )


def _known() -> str:
    kinds = "; ".join(f"{kind.name} (columns {','.join(kind.columns)})" for kind in KINDS)
    return f"Known kinds: {kinds}."
