-- A state's figures, written straight into the read model: facilities by partition, items at each.
-- `:facilities`, `:items` and `:partitions` stand for numbers.
INSERT INTO facility_number (facility_id)
SELECT 'F' || n FROM generate_series(1, :facilities) AS n ORDER BY n;

INSERT INTO item_number (item_id)
SELECT 'I' || n FROM generate_series(1, :items) AS n ORDER BY n;

INSERT INTO item_record (item_id, valid_from, log_offset, recorded_at, name, base_unit, body)
SELECT 'I' || n, '2026-01-01', n, '2026-01-01', 'Item ' || n, 'tablet',
       jsonb_build_object('ved', CASE WHEN n % 10 = 0 THEN 'V' ELSE 'E' END, 'levels', '["PHC"]'::jsonb)
FROM generate_series(1, :items) AS n;

INSERT INTO facility_record (facility_id, valid_from, log_offset, recorded_at, name, level,
                             district_id, state, time_zone, body)
SELECT 'F' || n, '2026-01-01', 100000 + n, '2026-01-01', 'Facility ' || n, 'PHC',
       'D' || n % 40, 'RJ', 'Asia/Kolkata', '{}'
FROM generate_series(1, :facilities) AS n;

INSERT INTO facility_state (facility_no, partition, evaluated_on, due, level, district_id, state,
                            counted_at, silent)
SELECT facility_no, facility_no % :partitions, india_day(now()), false, 'PHC',
       'D' || facility_no % 40, 'RJ', now() - interval '90 days', facility_no % 20 = 0
FROM facility_number;

-- Of 100 items 8 are out, 12 low, 5 partly expired; by facility and item, spread evenly.
INSERT INTO item_state
SELECT facility_no, item_no, on_hand, CASE WHEN dice < 8 THEN 0 ELSE on_hand END,
       CASE WHEN dice BETWEEN 20 AND 29 THEN 50 ELSE 0 END,
       CASE WHEN dice < 8 THEN 'out' WHEN dice < 20 THEN 'low' ELSE 'ok' END,
       CASE WHEN dice < 8 THEN now() - interval '1 hour' * (facility_no % 700 + 1) END,
       true, 'out', 45, 0, now() - interval '1 hour', now() - interval '80 days', 90, 900,
       80 * 86400, 150, 300
FROM facility_number CROSS JOIN item_number CROSS JOIN LATERAL (
    SELECT (facility_no * 7 + item_no * 13) % 100 AS dice
) AS thrown CROSS JOIN LATERAL (
    SELECT CASE WHEN dice < 5 THEN 20 WHEN dice < 8 THEN 0 WHEN dice < 20 THEN 90 ELSE 200 END
             AS on_hand
) AS stock;

INSERT INTO card
SELECT facility_no, item_no, 'L' || facility_no % 50, on_hand,
       CASE WHEN usable = 0 THEN india_day(now()) - 10 WHEN expiring > 0 THEN india_day(now()) + 30
            ELSE india_day(now()) + 400 END,
       now() - interval '1 hour', gen_random_uuid(), 1
FROM item_state;

INSERT INTO consumption_day
SELECT facility_no, item_no, india_day(now()) - day, 10, 0, 2, 1, 4
FROM item_state CROSS JOIN generate_series(0, 6) AS day
WHERE status = 'out' AND (facility_no * 7 + item_no * 13) % 100 < 2;

INSERT INTO patient_day
SELECT facility_no, india_day(now()) - day, 30, 2, 1
FROM facility_number CROSS JOIN generate_series(0, 29) AS day;

INSERT INTO recall_record (recall_id, valid_from, log_offset, recorded_at, item_id, lot, lifted, body)
SELECT 'R' || n, '2026-01-01', 200000 + n, '2026-01-01', 'I' || n, 'L' || n, false, '{}'
FROM generate_series(1, 3) AS n;

INSERT INTO item_tally (scope, place, item_no, partition, items_out, items_low, items_ok,
                        items_over, items_unrated, items_unknown, expiring_paise)
SELECT 'district', district_id, item_no, partition, count(*) FILTER (WHERE status = 'out'),
       count(*) FILTER (WHERE status = 'low'), count(*) FILTER (WHERE status = 'ok'), 0, 0, 0, 0
FROM item_state JOIN facility_state USING (facility_no) GROUP BY district_id, item_no, partition;

-- A month of events, one a day, each in time, from one device; of 20 facilities one fell silent 9 days ago.
INSERT INTO event
SELECT facility_no, gen_random_uuid(),
       CASE day WHEN 29 THEN 'stock_counted' WHEN 28 THEN 'stock_received' ELSE 'medicine_dispensed' END,
       at, at + interval '1 minute', NULL, facility_no % :partitions,
       (29 - day) * 1000000 + facility_no, ''::bytea,
       jsonb_build_object('device_id', 'T1', 'device_seq', 30 - day, 'lines', '[]'::jsonb)
FROM facility_number CROSS JOIN generate_series(0, 29) AS day
CROSS JOIN LATERAL (
    SELECT now() - interval '1 day' * day - interval '1 second' * (facility_no % 3600 + 60) AS at
) AS moment
WHERE day >= 9 OR facility_no % 20 <> 0;

INSERT INTO facility_activity (facility_no, last_recorded_at, first_recorded_at)
SELECT facility_no, max(recorded_at), min(recorded_at) FROM event GROUP BY facility_no;
