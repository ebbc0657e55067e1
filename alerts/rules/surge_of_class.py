"""A class of items is prescribed much more than usual over a district (`alerts.rules.ears`).

The class is the pharmacological subgroup of an item's ATC code, its first four signs; of an item
without one, its programme.
"""

from typing import Final

from alerts.rule import Rule
from alerts.rules.ears import OPD_DAYS, PRESCRIBED, parameters, surges

CLASSES: Final = """
    classified AS MATERIALIZED (
        SELECT DISTINCT ON (item_no) item_no, coalesce((
                   SELECT min(left(upper(named ->> 'value'), 4))
                   FROM jsonb_array_elements(body -> 'identifiers') AS named
                   WHERE upper(named ->> 'system') = 'ATC'
               ), body ->> 'programme') AS item_class
        FROM item_number JOIN item_record USING (item_id)
        WHERE valid_from <= {now} ORDER BY item_no, valid_from DESC, log_offset DESC
    )
"""

SURGE_OF_CLASS: Final = Rule(
    id="surge_of_class",
    title="A class of medicines is prescribed much more than usual over a district",
    family="shortage",
    about="district_class",
    severity="warning",
    who_acts="district",
    what_to_do="Ask the facilities that prescribe the most of it what for; report it to the"
    " surveillance unit; send stock ahead of need.",
    ends="Three days without such a day.",
    on_change=False,
    parameters=parameters(least=30, floor=5),
    holds=f"""
        WITH {OPD_DAYS}, {PRESCRIBED}, {CLASSES}, of_class AS (
            SELECT district_id, item_class AS key, day, sum(prescriptions) AS prescriptions
            FROM prescribed JOIN classified USING (item_no)
            WHERE item_class IS NOT NULL GROUP BY district_id, item_class, day
        )
        SELECT district_id, key AS item_class, NULL::timestamptz AS began_at,
               'warning' AS severity, evidence
        FROM ({surges("of_class")}) AS surging
    """,
)
