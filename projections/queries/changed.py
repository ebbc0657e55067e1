"""Whose stock changed since a mark in the log.

Nothing is kept for this: the events behind a mark name the items. `recorded_at` never falls along
a partition, so the index on it leads to them: from the newest back, until as many were seen as
there are new records, or, where some of those were repetitions, to the mark's own instant.
"""

from typing import Final

from stream.topics import STOCK_EVENTS

HALVINGS: Final = 32
"""Of the log's whole time: one year to some 10 ms."""

# An instant `low` before which no event of a partition has an offset of `log_offset` or more, and
# `high`, soon after, where one has.
_WHEN: Final = f"""(
    WITH RECURSIVE halving (low, high, step) AS (
        SELECT min(recorded_at), max(recorded_at), 0 FROM event
        UNION ALL
        SELECT CASE WHEN is_before THEN middle ELSE low END,
               CASE WHEN is_before THEN high ELSE middle END, step + 1
        FROM halving CROSS JOIN LATERAL (SELECT low + (high - low) / 2 AS middle) AS halved
        CROSS JOIN LATERAL (
            SELECT coalesce((
                SELECT event.log_offset FROM event
                WHERE event.partition = place.partition AND event.recorded_at < middle
                ORDER BY event.recorded_at DESC, event.log_offset DESC LIMIT 1
            ) < place.log_offset, true) AS is_before
        ) AS looked
        WHERE step < {HALVINGS}
    )
    SELECT low, high FROM halving ORDER BY step DESC LIMIT 1
)"""

# $1: next offsets by partition of stock-events; $2: of reference; $3: the mark's `replaying`;
# $4: recorded_at by partition, null where the mark is no more than a token; $5: with more new
# records than this, nothing is looked for. A replayed record has an old offset of its own; which
# one says the decision, which is in `reference`. Of a recall, what earlier versions of it said
# counts too: `written` walks the lots of their items.
CHANGED: Final = f"""
moved AS MATERIALIZED (
    SELECT partition, since AS log_offset, next_offset - since AS records
    FROM position CROSS JOIN LATERAL (
        SELECT coalesce(($1::bigint[])[partition + 1], 0) AS since
    ) AS mark
    WHERE topic = '{STOCK_EVENTS}' AND next_offset > since
), behind AS MATERIALIZED (
    SELECT coalesce(sum(records), 0)::bigint AS records,
           coalesce(sum((SELECT count(*) FROM dead_letter AS letter
                         WHERE letter.topic = '{STOCK_EVENTS}'
                           AND letter.partition = moved.partition
                           AND letter.log_offset >= moved.log_offset)), 0)::bigint AS letters
    FROM moved
), bound AS MATERIALIZED (
    SELECT min(CASE WHEN $4::timestamptz[] IS NULL
                    THEN (SELECT low FROM {_WHEN} AS instant)
                    ELSE coalesce(($4::timestamptz[])[partition + 1], '-infinity') END) AS instant
    FROM moved AS place
), arrived AS (
    SELECT facility_no, body FROM event
    WHERE recorded_at >= (SELECT instant FROM bound)
      AND log_offset >= coalesce(($1::bigint[])[partition + 1], 0)
    ORDER BY recorded_at DESC
    LIMIT (SELECT CASE WHEN records <= $5::bigint THEN records - letters ELSE 0 END FROM behind)
), replayed AS (
    SELECT event.facility_no, event.body
    FROM (
        SELECT * FROM dead_letter_decision AS decision
        WHERE decision = 'replayed' AND topic = '{STOCK_EVENTS}'
          AND (decided_offset >= $2::bigint OR decided_offset = ANY ($3::bigint[]))
          AND NOT EXISTS (
              SELECT FROM dead_letter AS letter
              WHERE (letter.topic, letter.partition, letter.log_offset)
                  = (decision.topic, decision.partition, decision.log_offset))
    ) AS place CROSS JOIN LATERAL {_WHEN} AS instant
    JOIN event USING (partition, log_offset)
    WHERE event.recorded_at BETWEEN low AND high
), told AS MATERIALIZED (
    SELECT facility_no, body -> 'lines' AS lines, body ->> 'item_id' AS item_id,
           coalesce(body ->> 'reverses', body ->> 'corrects')::uuid AS reversed_id
    FROM (SELECT * FROM arrived UNION ALL SELECT * FROM replayed) AS event
), concerned AS (
    SELECT facility_no, lines, item_id FROM told
    UNION ALL
    SELECT facility_no, body -> 'lines', body ->> 'item_id'
    FROM told CROSS JOIN LATERAL (
        SELECT body FROM event
        WHERE event.facility_no = told.facility_no AND event.event_id = told.reversed_id
        OFFSET 0
    ) AS event
), recalled_anew AS MATERIALIZED (
    SELECT item_no, spelling(lot) AS spelt FROM recall_record JOIN item_number USING (item_id)
    WHERE recall_id IN (SELECT recall_id FROM recall_record WHERE log_offset >= $2)
), written (item_no, lot) AS (
    SELECT DISTINCT item_no, ''::text COLLATE "C" FROM recalled_anew
    UNION ALL
    SELECT item_no, (SELECT card.lot FROM card
                     WHERE card.item_no = written.item_no AND card.lot > written.lot
                     ORDER BY card.lot LIMIT 1)
    FROM written WHERE lot IS NOT NULL
), changed AS MATERIALIZED (
    SELECT facility_no, item_no FROM (
        SELECT facility_no, jsonb_array_elements(lines) ->> 'item_id' AS item_id FROM concerned
        UNION ALL
        SELECT facility_no, item_id FROM concerned WHERE item_id IS NOT NULL
    ) AS named JOIN item_number USING (item_id)
    UNION
    SELECT facility_no, item_no FROM (
        SELECT item_no, lot FROM written JOIN recalled_anew USING (item_no)
        WHERE lot <> '' AND spelling(lot) = spelt
    ) AS matched CROSS JOIN LATERAL (
        SELECT facility_no FROM card
        WHERE card.item_no = matched.item_no AND card.lot = matched.lot
        OFFSET 0
    ) AS card
)"""
