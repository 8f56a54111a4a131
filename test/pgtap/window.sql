-- window: when windows of time open and close, the days of zones, and what a schedule must be.
BEGIN;
SELECT plan(178);

-- A schedule of one window; days as digits.
CREATE FUNCTION pg_temp.win(from_time text, to_time text, days text DEFAULT '0123456', zone text DEFAULT 'UTC') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('timing', jsonb_build_object('from', from_time, 'to', to_time), 'timezone', zone, 'days', (SELECT jsonb_object_agg(d, true) FROM regexp_split_to_table(days, '') d))
$$;
CREATE FUNCTION pg_temp.plan(from_time text, to_time text, days text DEFAULT '0123456', zone text DEFAULT 'UTC', more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('schedules', jsonb_build_array(pg_temp.win(from_time, to_time, days, zone))) || more
$$;
CREATE FUNCTION pg_temp.found(schedule jsonb, at timestamptz, zone text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('timezone', zone, true);
    RETURN format('%s to %s', leadterra.window_opens(schedule, at), leadterra.window_closes(schedule, at));
END;
$$;
SET LOCAL datestyle = 'ISO';

-- One window.  Times are given, and shown, in its zone.
SELECT is(pg_temp.found(pg_temp.plan(from_time, to_time, days, zone), (at || ' ' || coalesce(at_zone, zone))::timestamptz, zone), expected, why)
FROM (VALUES
    ('09:00', '17:00', '12345', 'Europe/Berlin', '2030-01-02 08:59', NULL, '2030-01-02 09:00:00+01 to 2030-01-02 17:00:00+01', 'before it opens'),
    ('09:00', '17:00', '12345', 'Europe/Berlin', '2030-01-02 09:00', NULL, '2030-01-02 09:00:00+01 to 2030-01-02 17:00:00+01', 'when it opens'),
    ('09:00', '17:00', '12345', 'Europe/Berlin', '2030-01-02 12:34:56.789', NULL, '2030-01-02 12:34:56.789+01 to 2030-01-02 17:00:00+01', 'while it is open'),
    ('09:00', '17:00', '12345', 'Europe/Berlin', '2030-01-02 16:59:59.999999', NULL, '2030-01-02 16:59:59.999999+01 to 2030-01-02 17:00:00+01', 'to its last moment'),
    ('09:00', '17:00', '12345', 'Europe/Berlin', '2030-01-02 17:00', NULL, '2030-01-03 09:00:00+01 to 2030-01-03 17:00:00+01', 'its end is not in it'),
    ('09:00', '17:00', '12345', 'Europe/Berlin', '2030-01-04 17:00', NULL, '2030-01-07 09:00:00+01 to 2030-01-07 17:00:00+01', 'a weekend'),
    ('09:00', '17:00', '0', 'Europe/Berlin', '2030-01-02 17:00', NULL, '2030-01-06 09:00:00+01 to 2030-01-06 17:00:00+01', '0 is Sunday'),
    ('09:00', '17:00', '6', 'Europe/Berlin', '2030-01-02 17:00', NULL, '2030-01-05 09:00:00+01 to 2030-01-05 17:00:00+01', '6 is Saturday'),
    ('09:00', '17:00', '3', 'Europe/Berlin', '2030-01-02 17:00', NULL, '2030-01-09 09:00:00+01 to 2030-01-09 17:00:00+01', 'a week later'),
    ('00:00', '24:00', '3', 'Europe/Berlin', '2030-01-02 00:00', NULL, '2030-01-02 00:00:00+01 to 2030-01-03 00:00:00+01', 'a whole day'),
    ('09:00', '24:00', '34', 'Europe/Berlin', '2030-01-02 00:00', NULL, '2030-01-02 09:00:00+01 to 2030-01-03 00:00:00+01', 'to midnight'),
    ('09:00', '00:00', '34', 'Europe/Berlin', '2030-01-02 00:00', NULL, '2030-01-02 09:00:00+01 to 2030-01-03 00:00:00+01', 'which 00:00 says as well'),
    ('23:59', '24:00', '3', 'Europe/Berlin', '2030-01-02 00:00', NULL, '2030-01-02 23:59:00+01 to 2030-01-03 00:00:00+01', 'the last minute'),
    ('09:00', '17:00', '3', 'Asia/Kathmandu', '2030-01-01 00:00', NULL, '2030-01-02 09:00:00+05:45 to 2030-01-02 17:00:00+05:45', 'a zone with quarters of an hour'),
    ('09:00', '17:00', '2', 'Pacific/Kiritimati', '2030-01-01 00:00', NULL, '2030-01-01 09:00:00+14 to 2030-01-01 17:00:00+14', 'the easternmost zone'),
    ('09:00', '17:00', '2', 'Etc/GMT+12', '2030-01-01 00:00', NULL, '2030-01-01 09:00:00-12 to 2030-01-01 17:00:00-12', 'the westernmost one'),
    -- Nights.
    ('22:00', '06:00', '5', 'Europe/Berlin', '2030-01-04 21:00', NULL, '2030-01-04 22:00:00+01 to 2030-01-05 06:00:00+01', 'a night begins on its day'),
    ('22:00', '06:00', '5', 'Europe/Berlin', '2030-01-05 05:59', NULL, '2030-01-05 05:59:00+01 to 2030-01-05 06:00:00+01', 'and ends on the next'),
    ('22:00', '06:00', '5', 'Europe/Berlin', '2030-01-05 06:00', NULL, '2030-01-11 22:00:00+01 to 2030-01-12 06:00:00+01', 'a week to the next one'),
    ('22:00', '06:00', '5', 'Europe/Berlin', '2030-01-04 05:00', NULL, '2030-01-04 22:00:00+01 to 2030-01-05 06:00:00+01', 'the morning of its day is of the night before'),
    ('17:00', '16:59', '5', 'Europe/Berlin', '2030-01-04 17:00', NULL, '2030-01-04 17:00:00+01 to 2030-01-05 16:59:00+01', 'a night that is nearly a day'),
    ('17:00', '16:59', '0123456', 'Europe/Berlin', '2030-01-04 16:59', NULL, '2030-01-04 17:00:00+01 to 2030-01-05 16:59:00+01', 'each day of the week'),
    -- An hour is skipped: Berlin 2030-03-31 02:00 to 03:00, New York 2030-03-10.
    ('02:15', '02:45', '0123456', 'Europe/Berlin', '2030-03-30 02:45', NULL, '2030-04-01 02:15:00+02 to 2030-04-01 02:45:00+02', 'a window in the hour that is skipped is not on that day'),
    ('02:00', '03:00', '0123456', 'America/New_York', '2030-03-09 03:00', NULL, '2030-03-11 02:00:00-04 to 2030-03-11 03:00:00-04', 'nor is one that has just that hour'),
    ('02:15', '02:45', '0', 'Europe/Berlin', '2030-03-30 02:45', NULL, '2030-04-07 02:15:00+02 to 2030-04-07 02:45:00+02', 'but a week later'),
    ('01:30', '02:30', '0', 'Europe/Berlin', '2030-03-30 00:00', NULL, '2030-03-31 01:30:00+01 to 2030-03-31 03:00:00+02', 'one that ends in it ends with it'),
    ('02:30', '03:30', '0', 'Europe/Berlin', '2030-03-30 00:00', NULL, '2030-03-31 03:00:00+02 to 2030-03-31 03:30:00+02', 'one that begins in it begins after it'),
    ('22:00', '02:30', '6', 'America/New_York', '2030-03-09 00:00', NULL, '2030-03-09 22:00:00-05 to 2030-03-10 03:00:00-04', 'so does a night'),
    ('00:00', '24:00', '0', 'America/New_York', '2030-03-09 00:00', NULL, '2030-03-10 00:00:00-05 to 2030-03-11 00:00:00-04', 'a day of 23 hours'),
    ('02:05', '02:25', '0123456', 'Australia/Lord_Howe', '2030-10-05 12:00', NULL, '2030-10-07 02:05:00+11 to 2030-10-07 02:25:00+11', 'half an hour is skipped'),
    ('00:15', '00:45', '0123456', 'America/Sao_Paulo', '2017-10-14 12:00', NULL, '2017-10-16 00:15:00-02 to 2017-10-16 00:45:00-02', 'midnight is skipped'),
    ('00:00', '09:00', '0', 'America/Sao_Paulo', '2017-10-14 12:00', NULL, '2017-10-15 01:00:00-02 to 2017-10-15 09:00:00-02', 'then the day begins at one'),
    -- An hour is repeated: Berlin 2030-10-27 02:00 to 03:00, New York 2030-11-03 01:00 to 02:00.
    ('02:15', '02:45', '0', 'Europe/Berlin', '2030-10-27 00:00', NULL, '2030-10-27 02:15:00+02 to 2030-10-27 02:45:00+02', 'a window in the hour that is repeated'),
    ('02:15', '02:45', '0', 'Europe/Berlin', '2030-10-27 00:50', 'UTC', '2030-11-03 02:15:00+01 to 2030-11-03 02:45:00+01', 'opens once'),
    ('01:30', '02:30', '0', 'Europe/Berlin', '2030-10-27 00:00', NULL, '2030-10-27 01:30:00+02 to 2030-10-27 02:30:00+02', 'one that ends in it ends once'),
    ('02:30', '03:30', '0', 'Europe/Berlin', '2030-10-27 00:00', NULL, '2030-10-27 02:30:00+02 to 2030-10-27 03:30:00+01', 'one that begins in it has two hours'),
    ('02:30', '03:30', '0', 'Europe/Berlin', '2030-10-27 01:10', 'UTC', '2030-10-27 02:10:00+01 to 2030-10-27 03:30:00+01', 'and is open while the clock shows a time before'),
    ('00:00', '24:00', '0', 'America/New_York', '2030-11-02 00:00', NULL, '2030-11-03 00:00:00-04 to 2030-11-04 00:00:00-05', 'a day of 25 hours'),
    ('01:35', '01:55', '0', 'Australia/Lord_Howe', '2030-04-06 15:00', 'UTC', '2030-04-14 01:35:00+10:30 to 2030-04-14 01:55:00+10:30', 'half an hour is repeated'),
    ('23:15', '23:45', '6', 'America/Sao_Paulo', '2017-02-19 02:00', 'UTC', '2017-02-25 23:15:00-03 to 2017-02-25 23:45:00-03', 'the last hour of a day is repeated'),
    ('23:30', '24:00', '6', 'America/Sao_Paulo', '2017-02-18 20:00', NULL, '2017-02-18 23:30:00-02 to 2017-02-19 00:00:00-03', 'the day ends after the second one'),
    ('00:00', '00:30', '0', 'America/St_Johns', '2008-11-01 20:00', NULL, '2008-11-02 00:00:00-02:30 to 2008-11-02 00:30:00-03:30', 'a clock that goes back over midnight opens no window again'),
    -- Whole days.
    ('09:00', '17:00', '5', 'Pacific/Apia', '2011-12-28 00:00', NULL, '2012-01-06 09:00:00+14 to 2012-01-06 17:00:00+14', 'the Friday that Apia skipped'),
    ('22:00', '06:00', '4', 'Pacific/Apia', '2011-12-29 23:00', NULL, '2011-12-29 23:00:00-10 to 2011-12-31 00:00:00+14', 'a night that ends on it ends with it'),
    ('22:00', '06:00', '5', 'Pacific/Apia', '2011-12-29 12:00', NULL, '2011-12-31 00:00:00+14 to 2011-12-31 06:00:00+14', 'one that begins on it begins after it'),
    ('09:00', '17:00', '6', 'Pacific/Kwajalein', '1993-08-19 00:00', NULL, '1993-08-28 09:00:00+12 to 1993-08-28 17:00:00+12', 'the Saturday that Kwajalein skipped'),
    ('09:00', '17:00', '2', 'Pacific/Kwajalein', '1969-09-29 22:00', 'UTC', '1969-09-30 09:00:00+11 to 1969-09-30 17:00:00+11', 'the Tuesday that it had twice'),
    ('09:00', '17:00', '2', 'Pacific/Kwajalein', '1969-09-30 20:00', 'UTC', '1969-10-07 09:00:00-12 to 1969-10-07 17:00:00-12', 'opens once')
) v (from_time, to_time, days, zone, at, at_zone, expected, why);

-- Several windows are a union.
SELECT is(pg_temp.found(jsonb_build_object('schedules', windows), at::timestamptz, 'UTC'), expected, why)
FROM (VALUES
    (jsonb_build_array(pg_temp.win('09:00', '12:00'), pg_temp.win('13:00', '17:00')), '2030-01-02 12:00+00', '2030-01-02 13:00:00+00 to 2030-01-02 17:00:00+00', 'a pause at noon'),
    (jsonb_build_array(pg_temp.win('12:00', '17:00'), pg_temp.win('09:00', '12:00')), '2030-01-02 08:00+00', '2030-01-02 09:00:00+00 to 2030-01-02 17:00:00+00', 'windows that touch are one'),
    (jsonb_build_array(pg_temp.win('09:00', '12:00'), pg_temp.win('10:00', '11:00'), pg_temp.win('11:30', '13:00')), '2030-01-02 10:30+00', '2030-01-02 10:30:00+00 to 2030-01-02 13:00:00+00', 'so are those that overlap'),
    (jsonb_build_array(pg_temp.win('09:00', '12:00'), pg_temp.win('09:00', '12:00')), '2030-01-02 10:30+00', '2030-01-02 10:30:00+00 to 2030-01-02 12:00:00+00', 'one is as good as twice'),
    (jsonb_build_array(pg_temp.win('09:00', '12:00', '3'), pg_temp.win('20:00', '21:00', '2')), '2030-01-02 12:00+00', '2030-01-08 20:00:00+00 to 2030-01-08 21:00:00+00', 'days of their own'),
    (jsonb_build_array(pg_temp.win('09:00', '17:00', '3', 'Asia/Tokyo'), pg_temp.win('09:00', '17:00', '3', 'America/New_York'), pg_temp.win('09:00', '17:00', '3', 'Europe/Berlin')), '2030-01-02 01:00+00', '2030-01-02 01:00:00+00 to 2030-01-02 22:00:00+00', 'zones of their own'),
    (jsonb_build_array(pg_temp.win('18:00', '06:00', '345'), pg_temp.win('06:00', '18:00', '456')), '2030-01-02 17:00+00', '2030-01-02 18:00:00+00 to 2030-01-05 18:00:00+00', 'from one to the next, and back'),
    (jsonb_build_array(pg_temp.win('00:00', '24:00', '012345')), '2030-01-06 00:00+00', '2030-01-06 00:00:00+00 to 2030-01-12 00:00:00+00', 'day after day'),
    (jsonb_build_array(pg_temp.win('00:00', '24:00')), '2030-01-06 12:34:56+00', '2030-01-06 12:34:56+00 to 2030-01-14 12:34:56+00', 'what is always open closes after eight days'),
    (jsonb_build_array(pg_temp.win('18:00', '06:00'), pg_temp.win('06:00', '18:00', '0123456', 'Etc/GMT')), '2030-01-06 12:00+00', '2030-01-06 12:00:00+00 to 2030-01-14 12:00:00+00', 'that may be by turns'),
    (jsonb_build_array(pg_temp.win('02:15', '02:45', '0', 'Europe/Berlin'), pg_temp.win('02:15', '02:45', '0', 'America/New_York')), '2030-03-31 00:00+00', '2030-03-31 06:15:00+00 to 2030-03-31 06:45:00+00', 'one of two is skipped')
) v (windows, at, expected, why);

-- First and last day, in the zone of the first window.
SELECT is(pg_temp.found(pg_temp.plan('09:00', '17:00', '0123456', zone, days::jsonb), at::timestamptz, zone), expected, why)
FROM (VALUES
    ('America/New_York', '{"startDate": "2030-02-01"}', '2030-01-01 00:00+00', '2030-02-01 09:00:00-05 to 2030-02-01 17:00:00-05', 'nothing opens before the first day'),
    ('America/New_York', '{"startDate": "2030-02-01"}', '-infinity', '2030-02-01 09:00:00-05 to 2030-02-01 17:00:00-05', 'not even for what waits for ever'),
    ('America/New_York', '{"startDate": "2030-02-01"}', '2030-03-01 00:00+00', '2030-03-01 09:00:00-05 to 2030-03-01 17:00:00-05', 'and as ever after it'),
    ('America/New_York', '{"endDate": "2030-02-01"}', '2030-02-01 20:00+00', '2030-02-01 15:00:00-05 to 2030-02-01 17:00:00-05', 'the last day is one'),
    ('America/New_York', '{"endDate": "2030-02-01"}', '2030-02-01 22:00+00', 'infinity to infinity', 'nothing opens after it'),
    ('America/New_York', '{"endDate": "2030-02-01"}', '2030-06-01 22:00+00', 'infinity to infinity', 'ever'),
    ('America/New_York', '{"startDate": "2030-02-01", "endDate": "2030-02-01"}', '2000-01-01 00:00+00', '2030-02-01 09:00:00-05 to 2030-02-01 17:00:00-05', 'the first may be the last'),
    ('America/New_York', '{"startDate": null, "endDate": null}', '2000-01-03 00:00+00', '2000-01-03 09:00:00-05 to 2000-01-03 17:00:00-05', 'null: none'),
    ('America/New_York', '{"startDate": "", "end_date": ""}', '2000-01-03 00:00+00', '2000-01-03 09:00:00-05 to 2000-01-03 17:00:00-05', 'as is an empty one'),
    ('America/New_York', '{"start_date": "2030-02-01", "end_date": "2030-02-02"}', '2000-01-03 00:00+00', '2030-02-01 09:00:00-05 to 2030-02-01 17:00:00-05', 'another spelling'),
    ('America/New_York', '{"start_date": "2030-02-01", "startDate": "2030-02-03", "endDate": null, "end_date": "2030-02-02"}', '2000-01-03 00:00+00', '2030-02-03 09:00:00-05 to 2030-02-03 17:00:00-05', 'which is not read where both are'),
    ('America/New_York', '{"startDate": "9999-12-31"}', '2000-01-03 00:00+00', '9999-12-31 09:00:00-05 to 9999-12-31 17:00:00-05', 'the last of all first days'),
    ('America/New_York', '{"endDate": "0001-01-01"}', '2000-01-03 00:00+00', 'infinity to infinity', 'the first of all last days'),
    ('Pacific/Apia', '{"startDate": "2011-12-30", "endDate": "2011-12-30"}', '2011-01-01 00:00+00', 'infinity to infinity', 'a day that is skipped'),
    ('Pacific/Apia', '{"endDate": "2011-12-30"}', '2011-12-29 12:00-10', '2011-12-29 12:00:00-10 to 2011-12-29 17:00:00-10', 'as the last one'),
    ('Pacific/Apia', '{"startDate": "2011-12-30"}', '2011-01-01 00:00+00', '2011-12-31 09:00:00+14 to 2011-12-31 17:00:00+14', 'as the first one')
) v (zone, days, at, expected, why);
SELECT is(pg_temp.found(pg_temp.plan('22:00', '06:00', '0123456', 'UTC', '{"startDate": "2030-01-05", "endDate": "2030-01-06"}'), at::timestamptz, 'UTC'), expected, why)
FROM (VALUES
    ('2030-01-01 00:00+00', '2030-01-05 00:00:00+00 to 2030-01-05 06:00:00+00', 'the first day cuts a night'),
    ('2030-01-06 22:30+00', '2030-01-06 22:30:00+00 to 2030-01-07 00:00:00+00', 'so does the last day')) v (at, expected, why);
SELECT is(pg_temp.found(jsonb_build_object('startDate', '2030-01-05', 'endDate', '2030-01-05', 'schedules', jsonb_build_array(pg_temp.win('23:00', '23:30', '1', 'Pacific/Auckland'), pg_temp.win('00:00', '24:00', '0123456', 'America/New_York'))), '2030-01-01 00:00+00', 'UTC'),
    '2030-01-04 11:00:00+00 to 2030-01-05 11:00:00+00', 'days are those of the first zone');

-- The ends of time.
SELECT is(pg_temp.found(pg_temp.plan('09:00', '17:00', days, zone), at::timestamptz, 'UTC'), expected, why)
FROM (VALUES
    ('0123456', 'UTC', 'infinity', 'infinity to infinity', 'never stays never'),
    ('0123456', 'UTC', '-infinity', '-infinity to -infinity', 'for ever stays for ever'),
    ('0123456', 'UTC', '294276-12-31 12:00+00', '294276-12-31 12:00:00+00 to 294276-12-31 17:00:00+00', 'the last window'),
    ('0123456', 'UTC', '294276-12-31 17:00+00', 'infinity to infinity', 'there is none after it'),
    ('0123456', 'America/Los_Angeles', '294276-12-31 23:00+00', '294276-12-31 23:00:00+00 to infinity', 'one that no timestamp ends'),
    ('0123456', 'Asia/Tokyo', '4714-11-24 00:00+00 BC', '4714-11-24 00:00:00+00 BC to 4714-11-24 07:41:01+00 BC', 'the first window'),
    ('0123456', 'America/Los_Angeles', '4714-11-24 00:00+00 BC', '4714-11-24 00:00:00+00 BC to 4714-11-24 00:52:58+00 BC', 'that of a day before the first'),
    ('3', 'UTC', '4714-11-24 00:00+00 BC', '4714-11-26 09:00:00+00 BC to 4714-11-26 17:00:00+00 BC', 'its first Wednesday')
) v (days, zone, at, expected, why);

-- No schedule, and nulls.
SELECT is(leadterra.window_opens(NULL, '2030-01-01 00:00+00'), '2030-01-01 00:00+00', 'without a schedule it is open');
SELECT is(leadterra.window_closes(NULL, '2030-01-01 00:00+00'), NULL, 'and never closes');
SELECT is(leadterra.window_opens(pg_temp.plan('09:00', '17:00'), NULL), NULL, 'no time');
SELECT is(leadterra.window_closes(pg_temp.plan('09:00', '17:00'), NULL), NULL, 'no end');
SELECT is(leadterra.schedule_zone(NULL), 'UTC', 'days without a schedule are those of UTC');
SELECT is(leadterra.schedule_zone(jsonb_build_object('schedules', jsonb_build_array(pg_temp.win('09:00', '17:00', '1', 'europe/BERLIN'), pg_temp.win('09:00', '17:00', '1', 'Asia/Tokyo')))), 'Europe/Berlin', 'days are those of the first zone, by its name');

-- A call site keeps the schedule that it had last, and no other.
SELECT is((SELECT string_agg(to_char(leadterra.window_opens(s.s, t) AT TIME ZONE 'UTC', 'HH24:MI'), ' ' ORDER BY n) FROM generate_series(1, 6) n CROSS JOIN LATERAL (SELECT timestamptz '2030-01-01 00:00+00' + n * interval '1 minute' AS t) t
    CROSS JOIN LATERAL (SELECT CASE n % 3 WHEN 0 THEN pg_temp.plan('09:00', '17:00') WHEN 1 THEN NULL ELSE pg_temp.plan('09:30', '17:00') END AS s) s), '00:01 09:30 09:00 00:04 09:30 09:00', 'schedules by turns');
SELECT is((SELECT string_agg(DISTINCT to_char(leadterra.window_opens(s, t) AT TIME ZONE 'UTC', 'HH24:MI'), ' ') FROM generate_series('2030-01-01 00:00+00', '2030-01-01 08:00+00', interval '1 minute') t, pg_temp.plan('09:00', '17:00') s), '09:00', 'one again and again');

-- Names of zones.
SELECT is((SELECT string_agg(z, ' ') FROM unnest('{UTC,utc,Europe/Berlin,EUROPE/berlin,America/Argentina/Buenos_Aires,Etc/GMT+5,etc/gmt-14,Etc/GMT,Etc/GMT0,GMT0,GMT+0,EST5EDT,est5edt,W-SU,US/Pacific,America/Port-au-Prince}'::text[]) z WHERE NOT leadterra.is_zone(z)), NULL, 'names of zones');
SELECT is((SELECT string_agg(z, ' ') FROM unnest(ARRAY['', ' ', 'UTC ', 'Nowhere', 'Europe', 'Europe/', '/Europe/Berlin', 'Europe//Berlin', '../zoneinfo/UTC', 'Europe/../UTC', 'tzdata.zi', 'zone.tab', 'UTC+3', 'UTC-3', 'A5', 'EST5EDT4', 'EST5EDT,M3.2.0,M11.1.0',
    'EST5EDT4,M3.2.0,M11.1.0', '<+03>-3', 'Europe/Berlin5', 'Etc/GMT+15', 'Etc/GMT+5:30', 'Etc/GMT+5EDT', 'Etc/GMT+', 'Etc/GMT+99', 'Etc/GMT123', 'localtime', 'LocalTime', 'posixrules', 'posix/Europe/Berlin', 'right/Europe/Berlin', 'Right/UTC', 'CEST', '+02', '2', 'Zürich', repeat('A', 100000), repeat('A/', 200)]) z
    WHERE leadterra.is_zone(z)), NULL, 'what is none');
SELECT is((SELECT string_agg(name, ' ') FROM pg_timezone_names WHERE name !~ '^(posix|right)/|^(localtime|posixrules)$' AND NOT leadterra.is_zone(name)), NULL, 'all that the server lists');
SELECT is(leadterra.is_zone(NULL), NULL, 'null is neither');

-- Days of zones.
SELECT is(leadterra.zone_day(zone, at::timestamptz), day::date, format('the day in %s at %s', zone, at))
FROM (VALUES ('UTC', '2030-01-01 00:00+00', '2030-01-01'), ('utc', '2029-12-31 23:59:59.999999+00', '2029-12-31'), ('UTC', '1969-12-31 23:59:59.999999+00', '1969-12-31'), ('Asia/Tokyo', '2029-12-31 15:00+00', '2030-01-01'), ('America/New_York', '2030-01-01 04:59+00', '2029-12-31'),
    ('America/St_Johns', '2008-11-02 02:29:59+00', '2008-11-01'), ('America/St_Johns', '2008-11-02 02:30+00', '2008-11-02'), ('America/St_Johns', '2008-11-02 02:45+00', '2008-11-02'), ('Pacific/Apia', '2011-12-30 09:59+00', '2011-12-29'), ('Pacific/Apia', '2011-12-30 10:00+00', '2011-12-31'),
    ('UTC', 'infinity', 'infinity'), ('UTC', '-infinity', '-infinity'), ('Asia/Tokyo', '294276-12-31 23:59:59+00', '294277-01-01'), ('America/New_York', '4714-11-24 00:00+00 BC', '4714-11-24 BC')) v (zone, at, day);
SELECT is(leadterra.zone_day_start(zone, day::date), at::timestamptz, format('where %s begins in %s', day, zone))
FROM (VALUES ('UTC', '2030-01-01', '2030-01-01 00:00+00'), ('Asia/Tokyo', '2030-01-01', '2029-12-31 15:00+00'), ('America/Sao_Paulo', '2017-10-15', '2017-10-15 03:00+00'), ('America/Sao_Paulo', '2017-02-19', '2017-02-19 03:00+00'), ('America/St_Johns', '2008-11-02', '2008-11-02 02:30+00'),
    ('Pacific/Apia', '2011-12-30', '2011-12-30 10:00+00'), ('Pacific/Apia', '2011-12-31', '2011-12-30 10:00+00'), ('UTC', 'infinity', 'infinity'), ('UTC', '-infinity', '-infinity'), ('UTC', '294277-01-01', 'infinity'), ('UTC', '5874897-12-31', 'infinity'), ('Asia/Tokyo', '4714-11-24 BC', '-infinity'), ('UTC', '4714-11-24 BC', '4714-11-24 00:00+00 BC')) v (zone, day, at);
SELECT throws_ok($$SELECT leadterra.zone_day('UTC+3', now())$$, 'PT500', 'time zone "UTC+3" is unknown', 'a row with an unknown zone');
SELECT throws_ok($$SELECT leadterra.zone_day_start('Nowhere', '2030-01-01')$$, 'PT500', 'time zone "Nowhere" is unknown', 'whoever asks');

-- What is wrong with a schedule: fields and codes, all of them.
CREATE FUNCTION pg_temp.wrong(schedule jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM leadterra.window_opens(schedule, '2030-01-01');
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'PT500' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN (SELECT string_agg(format('%s %s', e ->> 'field', e ->> 'code'), ', ' ORDER BY n) FROM jsonb_array_elements(detail::jsonb -> 'errors') WITH ORDINALITY AS a (e, n));
END;
$$;
SELECT is(pg_temp.wrong(s::jsonb), expected, why)
FROM (VALUES
    ('null', 'schedule not_an_object', 'null in a row'), ('1', 'schedule not_an_object', 'a number'), ('"x"', 'schedule not_an_object', 'a string'), ('[]', 'schedule not_an_object', 'an array'),
    ('[{}]', 'schedule not_an_object', 'an array of an object'), ('{}', 'schedule.schedules missing', 'an empty object'), ('{"schedules": {}}', 'schedule.schedules wrong_type', 'windows that are an object'), ('{"schedules": null}', 'schedule.schedules wrong_type', 'or null'),
    ('{"schedules": []}', 'schedule.schedules invalid_value', 'no window'), ('{"schedules": [null, 1, []]}', 'schedule.schedules[0] not_an_object, schedule.schedules[1] not_an_object, schedule.schedules[2] not_an_object', 'windows that are none'),
    ('{"schedules": [{}]}', 'schedule.schedules[0].timing missing, schedule.schedules[0].days missing, schedule.schedules[0].timezone missing', 'an empty window'),
    ('{"schedules": [{"timing": [], "days": 1, "timezone": 2, "name": 3}]}', 'schedule.schedules[0].name wrong_type, schedule.schedules[0].timing wrong_type, schedule.schedules[0].days wrong_type, schedule.schedules[0].timezone wrong_type', 'wrong types'),
    ('{"schedules": [{"timing": {}, "days": {}, "timezone": "", "name": null}]}', 'schedule.schedules[0].timing.from missing, schedule.schedules[0].timing.to missing, schedule.schedules[0].days invalid_value, schedule.schedules[0].timezone invalid_value', 'empty ones'),
    ('{"startDate": 1, "end_date": {}, "schedules": []}', 'schedule.startDate wrong_type, schedule.end_date wrong_type, schedule.schedules invalid_value', 'days of wrong types')
) v (s, expected, why);
SELECT is(pg_temp.wrong(pg_temp.plan('09:00', '17:00', '1', 'UTC', change::jsonb)), expected, why)
FROM (VALUES
    ('{"startdate": "2030-01-01", "x": 1}', 'schedule.x unknown_field, schedule.startdate unknown_field', 'misspelled'), ('{"startDate": "2030-02-30"}', 'schedule.startDate invalid_value', 'no such day'), ('{"startDate": "2030-02-29"}', 'schedule.startDate invalid_value', 'nor in that year'), ('{"startDate": "2032-02-29", "endDate": "2032-02-29"}', NULL, 'but in that'),
    ('{"startDate": "2030-1-1"}', 'schedule.startDate invalid_value', 'short'), ('{"startDate": "2030-01-01 "}', 'schedule.startDate invalid_value', 'with a blank'), ('{"startDate": "0000-01-01"}', 'schedule.startDate invalid_value', 'the year 0'), ('{"startDate": "2030-13-01"}', 'schedule.startDate invalid_value', 'the 13th month'),
    ('{"startDate": "2030-00-01"}', 'schedule.startDate invalid_value', 'the month 0'), ('{"startDate": "2030-01-00"}', 'schedule.startDate invalid_value', 'the day 0'), ('{"startDate": "200000-01-01"}', 'schedule.startDate invalid_value', 'the year 200000'), ('{"endDate": "tomorrow"}', 'schedule.endDate invalid_value', 'a word'), ('{"endDate": "2030/01/01"}', 'schedule.endDate invalid_value', 'slashes'),
    ('{"startDate": "2030-01-02", "endDate": "2030-01-01"}', 'schedule.endDate invalid_value', 'an end before the start')
) v (change, expected, why);
SELECT is(pg_temp.wrong(jsonb_build_object('schedules', jsonb_build_array(pg_temp.win('09:00', '17:00') || change::jsonb))), 'schedule.schedules[0].' || expected, change)
FROM (VALUES
    ('{"timing": {"from": "9:00", "to": "17:00"}}', 'timing.from invalid_value'), ('{"timing": {"from": "09:60", "to": "17:00"}}', 'timing.from invalid_value'), ('{"timing": {"from": "24:00", "to": "17:00"}}', 'timing.from invalid_value'), ('{"timing": {"from": "09:00", "to": "24:01"}}', 'timing.to invalid_value'),
    ('{"timing": {"from": "09:00", "to": "09:00"}}', 'timing invalid_value'), ('{"timing": {"from": "09:00:00", "to": "17:00"}}', 'timing.from invalid_value'), ('{"timing": {"from": 9, "to": null}}', 'timing.from wrong_type, schedule.schedules[0].timing.to wrong_type'), ('{"timing": {"from": "09.00", "to": "-1:00"}}', 'timing.from invalid_value, schedule.schedules[0].timing.to invalid_value'),
    ('{"timing": {"from": "09:00", "to": "17:00", "until": "18:00"}}', 'timing.until unknown_field'), ('{"days": {"1": false, "2": false}}', 'days invalid_value'), ('{"days": {"7": true}}', 'days invalid_value, schedule.schedules[0].days.7 unknown_field'), ('{"days": {"1": "true"}}', 'days.1 wrong_type'),
    ('{"days": {"1": true, "monday": true}}', 'days.monday unknown_field'), ('{"days": {"1": true, "2": null}}', 'days.2 wrong_type'), ('{"timezone": "UTC+3"}', 'timezone invalid_value'), ('{"timezone": null}', 'timezone wrong_type'), ('{"timeZone": "UTC"}', 'timeZone unknown_field')
) v (change, expected);
SELECT is(pg_temp.wrong(pg_temp.plan('09:00', '17:00') || jsonb_build_object('schedules', (SELECT jsonb_agg(pg_temp.win('09:00', '17:00')) FROM generate_series(1, n)))), expected, n || ' windows')
FROM (VALUES (100, NULL), (101, 'schedule.schedules invalid_value')) v (n, expected);
SELECT is(pg_temp.wrong(jsonb_build_object('schedules', jsonb_build_array(pg_temp.win('09:00', '17:00') || jsonb_build_object('name', repeat('é', n))))), expected, n || ' letters')
FROM (VALUES (500, NULL), (501, 'schedule.schedules[0].name invalid_value')) v (n, expected);
SELECT throws_ok($$SELECT leadterra.window_closes('{"schedules": [{"timezone": "Nowhere"}]}', now())$$, 'PT500', 'the schedule of a campaign is broken: field "schedule.schedules[0].timing": timing is missing', 'the message has the first of them');
SELECT throws_ok($$SELECT leadterra.schedule_zone(jsonb_build_object(repeat(E'x\n', 10000), 1))$$, 'PT500', NULL, 'a long and ugly key');

SELECT * FROM finish();
ROLLBACK;
