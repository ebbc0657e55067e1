"""What is left of an essential item lasts for less than the next delivery takes."""

from datetime import timedelta
from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.importance import severity
from projections.figures.rating import LEAST_AVAILABLE_DAYS, SECONDS_A_DAY

# Lead times by `facility/level/item`, of norms in force: of two alike the greatest norm_id's.
_NORMS: Final = """
    SELECT coalesce(jsonb_object_agg(
               concat(facility_id, '/', level, '/', item_id), lead_time_days ORDER BY norm_id
           ), '{{}}') AS lead_times
    FROM (
        SELECT DISTINCT ON (norm_id) * FROM norm_record
        WHERE valid_from < india_midnight(india_day({now}) + 1)
        ORDER BY norm_id, valid_from DESC, log_offset DESC
    ) AS newest
    WHERE NOT withdrawn
"""

# As `stream.reference.Norm` says which applies. What lasts for less than a lead time is below the
# minimum, which is that and safety: so it is looked up for what is low alone.
_OF_NORM: Final = """
    CASE WHEN status = 'low' THEN coalesce(
        lead_times ->> concat(facility_id, '//', item_id),
        lead_times ->> concat(facility_id, '//'),
        lead_times ->> concat('/', level, '/', item_id),
        lead_times ->> concat('/', level, '/'),
        lead_times ->> concat('//', item_id),
        lead_times ->> '//')::integer END
"""

RUNS_OUT_SOON: Final = Rule(
    id="runs_out_soon",
    title="An essential item will run out before the next delivery",
    family="shortage",
    about="item",
    by_transfer=True,
    severity="critical",
    who_acts="in_charge",
    what_to_do="Don't wait for the next delivery: ask for a transfer or a delivery out of turn.",
    ends="What is there lasts until a delivery again, or nothing is left (out_of_stock).",
    parameters={
        "lead_days": Parameter(
            default=None,
            unit="days",
            meaning="how long a delivery takes from the indent on; unset, its norm's lead time",
        )
    },
    keep_for=timedelta(hours=1),
    # usable ÷ (consumed ÷ available days) < days, in whole numbers
    holds=f"""
        WITH norm AS MATERIALIZED ({_NORMS})
        SELECT facility_no, item_no, NULL::timestamptz AS began_at,
               {severity(vital="critical", others="warning")} AS severity,
               jsonb_build_object(
                   'usable', usable, 'ved', ved, 'lead_days', days, 'days_of_stock', round(
                       usable::numeric * available_seconds / (consumed * {SECONDS_A_DAY}), 1)
               ) AS evidence
        FROM stocked JOIN importance USING (item_no) JOIN item_number USING (item_no)
        CROSS JOIN norm
        CROSS JOIN LATERAL (SELECT coalesce({{lead_days}}, {_OF_NORM}) AS days OFFSET 0) AS delivery
        WHERE essential AND usable > 0 AND consumed > 0
          AND (status = 'low' OR {{lead_days}} IS NOT NULL)
          AND available_seconds >= {LEAST_AVAILABLE_DAYS * SECONDS_A_DAY}
          AND usable::float8 * available_seconds
              < days::float8 * consumed * {SECONDS_A_DAY}
    """,
)
