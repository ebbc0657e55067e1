"""A directive's deadline has passed, and nothing was dispensed through the module yet."""

from typing import Final

from alerts.rule import Rule
from alerts.rules.hospitals import LAST_DISPENSED, WHOLE

MODULE_NOT_ACTIVE: Final = Rule(
    id="module_not_active",
    title="The module is not active past a directive's deadline",
    family="compliance",
    about="facility",
    severity="critical",
    who_acts="district",
    what_to_do="Have the facility dispense through the module today; ask what keeps it from it.",
    ends="It has dispensed something, or no directive whose deadline has passed binds it.",
    from_first_count=False,
    opens_in_silence=True,
    holds=f"""
        WITH RECURSIVE {WHOLE}, directive AS MATERIALIZED (
            SELECT * FROM (
                SELECT DISTINCT ON (directive_id) * FROM directive_record
                WHERE valid_from <= {{now}}
                ORDER BY directive_id, valid_from DESC, log_offset DESC
            ) AS newest
            WHERE NOT withdrawn AND deadline < india_day({{now}})
        ), bound AS (
            SELECT root.facility_no, min(deadline) AS deadline,
                   jsonb_agg(directive_id ORDER BY directive_id) AS directives
            FROM root JOIN directive ON body -> 'levels' ? root.level
             AND root.state = coalesce(directive.state, root.state)
             AND (NOT body ? 'district_ids' OR body -> 'district_ids' ? root.district_id)
            GROUP BY root.facility_no
        )
        SELECT facility_no, 'critical' AS severity, india_midnight(deadline + 1) AS began_at,
               jsonb_build_object('directives', directives, 'deadline', deadline,
                                  'last_heard_at', last_recorded_at) AS evidence
        FROM bound AS root LEFT JOIN facility_activity USING (facility_no)
        CROSS JOIN LATERAL ({LAST_DISPENSED}) AS given
        WHERE dispensed_at IS NULL
    """,
)
