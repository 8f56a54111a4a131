-- window: windows of time in which campaigns send, and the days of zones.
--
-- What is asked here depends on the time zones of the server, which an update of it may
-- change: so nothing is IMMUTABLE.  Schedules and zones come from rows, and what is wrong
-- with one is PT500 broken_row.

CREATE FUNCTION leadterra.is_zone(zone text)
RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_is_zone';

COMMENT ON FUNCTION leadterra.is_zone(text) IS
'Say whether a text is the name of a time zone of IANA that the server has

The letter case does not matter. Rules, such as UTC+3, and names that only some machines
have, such as localtime, are no names of zones.';

CREATE FUNCTION leadterra.zone_day(zone text, at timestamptz)
RETURNS date
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_zone_day';

COMMENT ON FUNCTION leadterra.zone_day(text, timestamptz) IS
'Return the day that it is in a time zone

Days follow each other: a clock that goes back over midnight brings no day again.';

CREATE FUNCTION leadterra.zone_day_start(zone text, day date)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_zone_day_start';

COMMENT ON FUNCTION leadterra.zone_day_start(text, date) IS
'Return when a day begins in a time zone

It is the first time at which the clock shows, or has passed, its midnight. A day that the
clock skips begins with the next one.';

CREATE FUNCTION leadterra.schedule_zone(schedule jsonb)
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_schedule_zone';

COMMENT ON FUNCTION leadterra.schedule_zone(jsonb) IS
'Return the time zone of the days of a campaign that has a schedule

That of the first of its windows; UTC for a schedule that is null.';

CREATE FUNCTION leadterra.window_opens(schedule jsonb, at timestamptz)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_window_opens';

COMMENT ON FUNCTION leadterra.window_opens(jsonb, timestamptz) IS
'Return the first time from a time on at which a window of a schedule is open

That time itself where one is, or where the schedule is null; infinity: none opens any more.';

CREATE FUNCTION leadterra.window_closes(schedule jsonb, at timestamptz)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_window_closes';

COMMENT ON FUNCTION leadterra.window_closes(jsonb, timestamptz) IS
'Return when the window closes that window_opens() finds

Windows that overlap or touch are one; what is open for longer than eight days is taken to
close then. Null where the schedule is null: it never closes; infinity: none opens any more.';
