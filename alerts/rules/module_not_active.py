"""A directive's deadline has passed, and nothing was dispensed through the module yet."""

from typing import Final

from alerts.rule import Rule
from alerts.rules.hospitals import LAST_DISPENSED, MEMBERS

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
        WITH RECURSIVE {MEMBERS}, directive AS MATERIALIZED (
            SELECT * FROM (
                SELECT DISTINCT ON (directive_id) * FROM directive_record
                WHERE valid_from <= {{now}}
                ORDER BY directive_id, valid_from DESC, log_offset DESC
            ) AS newest
            WHERE NOT withdrawn AND deadline < india_day({{now}})
        ), idle AS (
            SELECT member.facility_no, min(deadline) AS deadline,
                   jsonb_agg(DISTINCT directive_id) AS directives
            FROM member JOIN directive ON body -> 'levels' ? member.level
             AND member.state = coalesce(directive.state, member.state)
             AND (NOT body ? 'district_ids' OR body -> 'district_ids' ? member.district_id)
            LEFT JOIN LATERAL ({LAST_DISPENSED}) AS given ON true
            GROUP BY member.facility_no HAVING max(dispensed_at) IS NULL
        )
        SELECT facility_no, 'critical' AS severity, india_midnight(deadline + 1) AS began_at,
               jsonb_build_object('directives', directives, 'deadline', deadline,
                                  'last_heard_at', last_recorded_at) AS evidence
        FROM idle LEFT JOIN facility_activity USING (facility_no)
    """,
)
