"""A row of live push and pull: as in a facility's stock, with the facility."""

from datetime import datetime

import orjson

from api.items import describe_item, zone
from projections.queries.item_rows import ItemRow


def encode_row(row: ItemRow, at: datetime) -> bytes:
    """`at` says which day it is there."""
    today = at.astimezone(zone(row.time_zone)).date()
    told = {"facility_id": row.facility_id, **describe_item(row.stock, today)}
    return orjson.dumps(told, option=orjson.OPT_UTC_Z)
