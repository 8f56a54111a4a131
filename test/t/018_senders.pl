# Workers send for campaigns with pools that overlap, windows, limits and gaps, under a clock
# that jumps from one time at which something is due to the next.  They complete, fail, defer,
# bounce, release and lose what they have, at random, and die; the server dies, too; meanwhile
# senders are paused, deleted, moved, and given other limits.  What was handed out, as they
# wrote it down, is then held to the rules: limits of days, one sender a lead, windows, gaps,
# delays, no step twice.  And whenever nothing is handed out, the tables are asked whether there
# was anything, by queries that know nothing of how the extension finds it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::MD5;
use IO::Select;
use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Worker;

use constant { WORKERS => 8, SENDERS => 20, ROUNDS => 20_000 };

my $scale = small_or_long(1, 25);
my $leads = 130 * $scale;
my $seed = seed();
sub seed_of { return hex substr Digest::MD5::md5_hex("$seed @_"), 0, 8 }
srand seed_of('manager');

my $server = start_server('server', <<'CONF');
autovacuum = off
max_parallel_workers = 0
max_wal_size = 256MB
restart_after_crash = on
CONF
my $folder = PostgreSQL::Test::Utils::tempdir;
my $connection = $server->connstr('postgres');

sub sql { return $server->safe_psql('postgres', "SET timezone = 'UTC'; $_[0]") }
sub rows { return map { [ split /\|/, $_, -1 ] } split /\n/, sql($_[0]) }
sub pick { return $_[ rand @_ ] }

# What it is without the extension: whether windows are open, until when, and what could be
# claimed.
sql(<<'SQL');
CREATE EXTENSION leadterra;
CREATE TABLE test_clock (now timestamptz);

CREATE FUNCTION test_windows(schedule jsonb, at timestamptz) RETURNS tstzmultirange LANGUAGE sql STABLE AS $$
    SELECT range_agg(tstzrange(o.opens, o.closes))
    FROM jsonb_array_elements(schedule -> 'schedules') AS s (s)
    CROSS JOIN generate_series(-3, 9) AS d (n)
    CROSS JOIN LATERAL (SELECT (at AT TIME ZONE (s ->> 'timezone'))::date + n AS day, (s #>> '{timing,from}')::time AS since, (s #>> '{timing,to}')::time AS until) w
    CROSS JOIN LATERAL (SELECT
        (w.day + w.since) AT TIME ZONE (s ->> 'timezone') AS opens,
        (w.day + CASE WHEN w.since > w.until THEN 1 ELSE 0 END + w.until) AT TIME ZONE (s ->> 'timezone') AS closes) o
    WHERE (s -> 'days' ->> extract(dow FROM w.day)::text)::boolean
$$;

CREATE FUNCTION test_day(zone text, at timestamptz) RETURNS date LANGUAGE sql STABLE AS
$$ SELECT (at AT TIME ZONE zone)::date $$;

-- What a claim should find at a time: what waits, and who could have it.
CREATE FUNCTION test_claimable(at timestamptz) RETURNS TABLE (what text) LANGUAGE sql STABLE AS $$
    WITH open_campaigns AS (
        SELECT c.*, coalesce(c.daily_new_leads - u.new_leads, 1000000) AS new_left
        FROM leadterra.campaigns c
        LEFT JOIN leadterra.campaign_usage u
            ON u.campaign_id = c.campaign_id AND u.used_on >= test_day(coalesce(c.schedule #>> '{schedules,0,timezone}', 'UTC'), at)
        WHERE c.status = 'running' AND (c.schedule IS NULL OR test_windows(c.schedule, at) @> at)
          AND coalesce(c.daily_limit > coalesce(u.handed, 0), true) AND coalesce(c.daily_new_leads, 1) >= 0
    ), last AS (
        SELECT l.sender_id, max(greatest(l.claimed_at, CASE WHEN l.state = 'closed' THEN l.closed_at END)) AS at
        FROM leadterra.leases l GROUP BY 1
    ), free_senders AS (
        SELECT s.sender_id
        FROM leadterra.senders s
        LEFT JOIN last USING (sender_id)
        CROSS JOIN test_day(s.time_zone, test_claimable.at) AS d (day)
        WHERE s.deleted_at IS NULL AND s.status <> 'paused'
          AND CASE WHEN s.used_on >= d.day THEN s.used ELSE 0 END
            < least(s.daily_limit, CASE WHEN s.status = 'warming' THEN s.ramp_from + s.ramp_step * (d.day - s.ramp_since) END, 1000000)
          AND coalesce(last.at + (s.gap_seconds + s.gap_jitter_seconds) * interval '1 second' <= test_claimable.at, true)
    ), ranges AS (
        SELECT w.*, greatest(w.waiting_since, c.started_at) + s.delay_minutes * interval '1 minute' AS free_due, c.pool_id, c.new_left, c.name,
            w.step = 1 AND w.attempt = 1 AND w.losses = 0 AND w.tried_at IS NULL AS is_new
        FROM leadterra.waiting w
        JOIN open_campaigns c USING (campaign_id)
        JOIN leadterra.steps s ON s.campaign_id = w.campaign_id AND s.step = w.step
        WHERE w.last > coalesce((SELECT max(l.partial_last) FROM leadterra.leases l WHERE l.partial_range_id = w.range_id), w.first - 1)
    )
    SELECT format('%s, step %s, begun by %s', r.name, r.step, r.sender_id)
    FROM ranges r JOIN free_senders USING (sender_id)
    WHERE r.due_at <= test_claimable.at AND (r.new_left > 0 OR NOT r.is_new)
    UNION ALL
    SELECT format('%s, step %s', r.name, r.step)
    FROM ranges r
    WHERE r.sender_id = '00000000-0000-0000-0000-000000000000' AND r.free_due <= test_claimable.at
      AND (r.step > 1 OR r.new_left > 0 OR r.pool_id IS NULL AND r.due_at <= test_claimable.at AND NOT r.is_new)
      AND (r.pool_id IS NULL OR EXISTS (
        SELECT FROM leadterra.pool_senders p JOIN free_senders f USING (sender_id) WHERE p.pool_id = r.pool_id AND NOT p.has_left))
$$;
SQL

# Near a change of the clocks, at a random time of the day.
my $start = pick('2030-03-08', '2030-03-29', '2030-10-25', '2030-11-01') . sprintf ' %02d:00+00', rand 24;
my @zones = qw(America/New_York Europe/Berlin Asia/Kathmandu Pacific/Auckland);
sql("INSERT INTO test_clock VALUES ('$start')");

# The manager changes things while workers work, and writes down what.
my %manager = (name => 'manager', serial => 0);
open $manager{log}, '>>', "$folder/manager.log" or die "log: $!";

# Makes a call under the clock, and notes what it did; returns the answer.
sub manage
{
	my ($statement, @note) = @_;

	$manager{session} //= connect_psql($connection);
	my $answer = in_time($manager{session}, $manager{log}, ++$manager{serial}, $statement,
		sub { return @note ? join("\t", map { $_ eq 'answer' ? $_[0] : $_ } @note) : () });
	die 'the manager was cut off' unless $answer;
	die "$statement: @{ $answer->{errors} }" if @{ $answer->{errors} };
	return $answer->{lines}[0];
}

# Senders and pools, as the manager knows them.
my (%senders, %pools, %campaigns);

# Notes the settings of a sender with the time that they hold from; null: no limit.
sub set_sender
{
	my ($id, %changes) = @_;
	my $sender = $senders{$id} //= { gapSeconds => 0, gapJitterSeconds => 0, status => 'active', rampStep => 0, dailyLimit => 'null', rampFrom => 'null' };
	my %settings = (%$sender, %changes);
	my $json = join ', ', map { sprintf '"%s": %s', $_, $changes{$_} =~ /^(?:\d+|null)$/ ? $changes{$_} : qq("$changes{$_}") } sort keys %changes;

	manage("SELECT lt_update_sender('$id', '{$json}');", 'sender', $id,
		map { $settings{$_} } qw(dailyLimit status rampFrom rampStep gapSeconds gapJitterSeconds timeZone));
	%$sender = %settings;
	return;
}

for my $n (1 .. SENDERS)
{
	my $id = manage("SELECT lt_create_sender('sender-$n\@example.com');");
	set_sender($id, timeZone => $zones[ $n % 4 ], dailyLimit => int(5 + rand(25) * $scale), transport => $n % 5 ? 'first' : 'second',
		$n % 6 == 0 ? (status => 'warming', rampFrom => 3 * $scale, rampStep => 4 * $scale) : (),
		$n % 7 == 0 ? (gapSeconds => 1200 / $scale, gapJitterSeconds => 600 / $scale) : ());
}
my @ids = sort keys %senders;

sub set_pool
{
	my ($pool, @members) = @_;
	manage("SELECT lt_set_pool_senders('$pool', '{" . join(',', @members) . "}');", 'pool', $pool, @members);
	$pools{$pool} = { map { $_ => 1 } @members };
	return;
}

for my $part ([ 0 .. 11 ], [ 7 .. 19 ], [ grep { $_ % 3 == 0 } 0 .. 19 ])
{
	set_pool(manage("SELECT lt_create_pool('pool');"), @ids[@$part]);
}

# Windows are not at the hours at which clocks change.
sub schedule
{
	my %week = map { $_ => 1 } @_ > 1 ? 0 .. 6 : 1 .. 6;
	return '{"schedules": [' . join(', ', map {
		my ($zone, $from, $to) = @$_;
		sprintf '{"timing": {"from": "%s", "to": "%s"}, "timezone": "%s", "days": {%s}}', $from, $to, $zone, join ', ', map { qq("$_": true) } sort keys %week
	} @_) . ']}';
}
my @pool_ids = sort keys %pools;
my $limit = int $leads / 4;
my @plans = (
	[ 'one', $pool_ids[0], schedule([ $zones[0], '07:30', '18:15' ]), '' ],
	[ 'two', $pool_ids[1], schedule([ $zones[1], '09:00', '12:00' ], [ $zones[1], '11:30', '17:00' ], [ $zones[3], '22:00', '05:30' ]),
		sprintf ', "dailyLimit": %d, "dailyNewLeads": %d', 2 * $limit, $limit ],
	[ 'three', $pool_ids[2], 'null', ', "newLeadsFirst": true, "dailyNewLeads": ' . $limit ],
	[ 'four', undef, schedule([ $zones[2], '06:00', '20:00' ]), sprintf ', "dailyLimit": %d, "dailyNewLeads": %d', 2 * $limit, $limit ]);
for my $plan (@plans)
{
	my ($name, $pool, $schedule, $limits) = @$plan;
	my $id = manage(qq(SELECT lt_create_campaign('$name', '[{"subject": "1", "bodyHtml": "b"}, {"subject": "2", "bodyHtml": "b", "delay": 3, "delayUnit": "hours"}, {"subject": "3", "bodyHtml": "b"}]');));
	# The first two have people in common.
	my $prefix = $name eq 'two' ? 'one' : $name;
	for (my $first = 1; $first <= $leads; $first += 1000)
	{
		manage("SELECT lt_bulk_upsert('$id', (SELECT jsonb_agg(jsonb_build_object('email', format('$prefix-%s\@example.com', n))) FROM generate_series($first, least($first + 999, $leads)) n));");
	}
	my ($most) = $limits =~ /dailyLimit": (\d+)/;
	my ($new) = $limits =~ /dailyNewLeads": (\d+)/;
	manage(qq(SELECT lt_set_sending('$id', '{"poolId": ${\ ($pool ? qq("$pool") : 'null')}, "schedule": $schedule$limits}');),
		'campaign', $id, $pool // '', $most // 'null', $new // 'null');
	manage("SELECT lt_start_campaign('$id');");
	my ($zone) = $schedule =~ /timezone": "([^"]*)"/;
	$campaigns{$id} = { name => $name, pool => $pool, zone => $zone // 'UTC', limit => $most, new => $new };
}
my @campaign_ids = sort keys %campaigns;

# Things to change, each at random.
my $deletions = 4;
sub alive { return grep { !$senders{$_}{deleted} } @ids }
my %changes = (
	pause => sub { set_sender(pick(alive()), status => 'paused') },
	resume => sub {
		my @paused = grep { $senders{$_}{status} eq 'paused' } alive();
		set_sender(pick(@paused), status => 'active') if @paused;
	},
	limit => sub {
		my $id = pick(alive());
		set_sender($id, dailyLimit => pick(0, int(rand(30) * $scale), int(rand(30) * $scale), int(rand(60) * $scale)));
	},
	gap => sub { set_sender(pick(alive()), gapSeconds => pick(0, 0, int 900 / $scale)) },
	delete => sub {
		return if $deletions-- <= 0;
		my $id = pick(alive());
		my $heir = pick('', grep { $_ ne $id && $senders{$_}{status} eq 'active' } alive());
		manage("SELECT lt_delete_sender('$id'" . ($heir ? ", '$heir'" : '') . ');', 'deleted', $id, $heir);
		$senders{$id}{deleted} = 1;
		delete $_->{$id} for values %pools;
	},
	pool => sub {
		my $pool = pick(@pool_ids);
		my $id = pick(alive());
		my %members = %{ $pools{$pool} };
		return if $members{$id} && keys %members < 5;
		if ($members{$id}) { delete $members{$id} } else { $members{$id} = 1 }
		set_pool($pool, sort keys %members);
	},
	campaign => sub {
		my $id = pick(@campaign_ids);
		my $campaign = $campaigns{$id};
		$campaign->{pool} = pick(@pool_ids) if $campaign->{pool} && rand() < 0.3;
		$campaign->{limit} = int rand 3 * $limit if defined $campaign->{limit};
		$campaign->{new} = int rand 2 * $limit if defined $campaign->{new};
		my @settings = (defined $campaign->{limit} ? qq("dailyLimit": $campaign->{limit}) : (), defined $campaign->{new} ? qq("dailyNewLeads": $campaign->{new}) : (),
			$campaign->{pool} ? qq("poolId": "$campaign->{pool}") : ());
		manage(qq(SELECT lt_set_sending('$id', '{${\ join ', ', @settings}}');),
			'campaign', $id, $campaign->{pool} // '', $campaign->{limit} // 'null', $campaign->{new} // 'null');
	},
	suppress => sub { manage("SELECT lt_suppress('{" . pick(qw(one three four)) . '-' . (1 + int rand $leads) . "\@example.com}');") },
	maintain => sub { manage('SELECT lt_maintain();') });
my @kinds = (qw(pause resume resume limit limit gap delete pool pool campaign suppress maintain));

# Workers, of which the last has the transports of some senders alone.
my %generations;
sub start
{
	my ($number) = @_;
	my $name = "worker-$number-" . ++$generations{$number};
	return start_worker(name => $name, number => $number, folder => $folder, connection => $connection, seed => seed_of($name),
		campaigns => \@campaign_ids, most => 15 * $scale, transports => $number == WORKERS ? '{second}' : undef);
}
my @workers = map { start($_) } 1 .. WORKERS;
END { kill 'KILL', grep { defined } map { $_->{pid} } @workers }
local $SIG{ALRM} = sub { die 'the test takes too long' };
alarm small_or_long(4, 40) * $PostgreSQL::Test::Utils::timeout_default;

# What dies, and how often, in turn.
my $expected = 3 * 4 * $leads;
my @deaths = ('psql', 'worker', 'both', 'backend', 'psql', 'worker', 'immediate', 'both', 'backend', 'worker');
my $death_every = int 0.6 * $expected / @deaths;
my ($claimed, $die_at, %died) = (0, $death_every);
my $server_died;

sub checkpointer { return sql(q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer')) }

sub die_somehow
{
	my ($worker) = @_;
	my $death = shift @deaths;

	if ($death eq 'immediate' || $death eq 'backend')
	{
		my $checkpointer = checkpointer();
		my $pid = sql(q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY state = 'idle', random() LIMIT 1));
		$death eq 'immediate' ? $server->stop('immediate') : kill('KILL', $pid) || die "no backend $pid";
		$server_died = $checkpointer;
	}
	# Its connection first, so that it does not roll back by itself.
	kill 'KILL', $worker->{psql} if $death eq 'psql' || $death eq 'both';
	kill 'KILL', $worker->{pid} if $death eq 'worker' || $death eq 'both';
	$died{$death}++;
	return;
}

# Has the server work again after it died.
sub recover
{
	if (-e $server->data_dir . '/postmaster.pid')
	{
		$server->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'checkpointer' AND pid <> $server_died") or die 'no recovery';
	}
	else { $server->start }
	delete $manager{session};
	undef $server_died;
	return;
}

# Has all workers work until none gets anything; returns how many messages they got.
sub work
{
	my ($order, @todo) = @_;
	my %waiting = map { fileno $_->{from} => $_ } @workers;
	my $select = IO::Select->new(map { $_->{from} } @workers);
	my $before = $claimed;

	print { $_->{orders} } "$order\n" for @workers;
	$_->() for @todo;
	while (%waiting)
	{
		for my $from ($select->can_read)
		{
			my $worker = $waiting{ fileno $from };
			my $ended = !sysread $from, $worker->{answer}, 4096, length($worker->{answer} // '');
			my $answered = $ended;

			while ($worker->{answer} =~ s/^(.*)\n//)
			{
				my $line = $1;
				die "$worker->{name} $line" if $line =~ /^failed/;
				$worker->{psql} = $1 if $line =~ /^psql (\d+)/;
				$answered = 1 if $line =~ /^(?:idle|cut off)/;
				next unless $line =~ /^claimed (\d+)/;
				$claimed += $1;
				next if !@deaths || $claimed < $die_at || $server_died;
				$die_at += $death_every;
				die_somehow($worker);
			}
			next unless $answered;
			$select->remove($from);
			delete $waiting{ fileno $from };
			$worker->{ended} = $ended;
		}
	}
	recover() if $server_died;
	for my $worker (grep { $_->{ended} } @workers)
	{
		waitpid $worker->{pid}, 0;
		$worker = start($worker->{number});
	}
	return $claimed - $before;
}

# Asks about a moment at which nobody works: when the next message is due, and what there is
# to claim now, and at a time before that.  Then moves the clock there, or a little further.
sub look_around
{
	my ($slack) = @_;
	my $position = rand;
	my $lines = ask($manager{session} //= connect_psql($connection), <<"SQL");
BEGIN;
SELECT pg_advisory_xact_lock(${\ Worker::CLOCK_LOCK}) \\g /dev/null
SELECT set_config('leadterra.now', (SELECT now::text FROM test_clock), true) AS now \\gset
SELECT coalesce(lt_next_due()::text, '') AS next \\gset
SELECT :'now', :'next', nullif(:'next', '')::timestamptz <= :'now',
    (SELECT min(what) FROM test_claimable(:'now')),
    (SELECT min(what) FROM test_claimable(:'now'::timestamptz + $position * (nullif(nullif(:'next', ''), 'infinity')::timestamptz - :'now'::timestamptz)));
UPDATE test_clock SET now = nullif(:'next', '')::timestamptz + interval '$slack seconds' WHERE nullif(nullif(:'next', ''), 'infinity')::timestamptz > now;
COMMIT;
SQL
	die "the clock: @{ $lines // [] }" unless $lines && @$lines == 1;
	return split /\t/, $lines->[0], -1;
}

my ($rounds, $stuck, $order, @wrong) = (0, 0, 'go');

# Notes what the tables say was used, and from when on senders are free.
sub note_usage
{
	my $serial = ++$manager{serial};
	in_time($manager{session}, $manager{log}, $serial, <<'SQL', sub { return @_ }) // die 'the manager was cut off';
SELECT 'used', sender_id, used_on, used, free_at FROM leadterra.senders WHERE used_on IS NOT NULL
UNION ALL
SELECT 'usage', campaign_id, used_on, handed, NULL FROM leadterra.campaign_usage WHERE used_on IS NOT NULL
UNION ALL
SELECT 'new', campaign_id, used_on, new_leads, NULL FROM leadterra.campaign_usage WHERE used_on IS NOT NULL;
SQL
	return;
}

# What was paused goes on, and there is room for all.
sub finalize
{
	$order = 'drain';
	note_usage();
	set_sender($_, status => 'active', dailyLimit => 100 * $scale, gapSeconds => 0, gapJitterSeconds => 0) for alive();
	set_pool($_, alive()) for @pool_ids;
	for my $id (@campaign_ids)
	{
		manage(qq(SELECT lt_set_sending('$id', '{"dailyLimit": null, "dailyNewLeads": null}');), 'campaign', $id, $campaigns{$id}{pool} // '', 'null', 'null');
	}
	return;
}

while ($rounds++ < ROUNDS)
{
	my $got = work($order, $order eq 'go' && rand() < 0.25 ? $changes{ pick(@kinds) } : ());
	my ($now, $next, $is_past, $claimable, $claimable_later) = look_around(rand() < 0.5 ? 0 : int rand 1200);

	if ($is_past eq 't')
	{
		$stuck = $got > 0 ? 0 : $stuck + 1;
		push @wrong, "$now: something is due, and eight times eight claims get nothing" if $stuck == 8;
		last if $stuck == 8;
		next;
	}
	$stuck = 0;
	note_usage() if $rounds % 5 == 0;
	push @wrong, "$now: claims get nothing, and there is $claimable" if $claimable ne '';
	push @wrong, "$now: nothing is due until $next, and there is $claimable_later" if $claimable ne $claimable_later;
	last if $next eq '';
	finalize() if $order eq 'go' && ($next eq 'infinity' || $claimed > 0.9 * $expected);
	last if @wrong > 20;
}
is(join("
", @wrong[ 0 .. ($#wrong > 5 ? 5 : $#wrong) ]), '', 'what can be claimed is, and is due');
cmp_ok($rounds, '<', ROUNDS, "all is sent, after $rounds rounds");
diag("$rounds rounds, $claimed messages handed out");
note_usage();
close $_->{orders} for @workers;
waitpid $_->{pid}, 0 for @workers;
@workers = ();
is(join(', ', map { "$_ $died{$_}" } sort keys %died), 'backend 2, both 2, immediate 1, psql 2, worker 3', 'what died');

# What they wrote down, in the order of the stamps: an event is a reference to its kind, stamp,
# time and the rest.  What was not known to be committed is there if the database says so.
my %leases = map { $_->[0] => { state => $_->[1], sender => $_->[2], campaign => $_->[3] } }
  rows('SELECT lease_id, state, sender_id, campaign_id FROM leadterra.leases');
my (@events, @lost);
for my $file (glob "$folder/*.log")
{
	my %calls;
	for my $line (split /\n/, slurp_file($file))
	{
		my ($serial, $stamp, $at, $kind, @rest) = split /\t/, $line, -1;
		if ($kind eq 'committed') { $calls{$serial}{committed} = 1 }
		else { push @{ $calls{$serial}{lines} }, { kind => $kind, stamp => $stamp, at => $at, rest => \@rest } }
	}
	for my $call (values %calls)
	{
		my @lines = @{ $call->{lines} };
		my $first = $lines[0];
		my %event = (%$first, lines => \@lines, number => scalar @lines);

		@event{qw(lease campaign sender)} = @{ $first->{rest} }[ 0 .. 2 ] if $event{kind} eq 'claim';
		@event{qw(what lease count)} = @{ $first->{rest} }[ 0 .. 2 ] if $event{kind} eq 'act';
		if ($event{kind} eq 'claim')
		{
			push @lost, $event{lease} if $call->{committed} && !$leases{ $event{lease} };
			next unless $leases{ $event{lease} };
			$event{messages} = [ map { $_->{rest}[6] } @lines ];
			$leases{ $event{lease} }{claim} = \%event;
		}
		elsif ($event{kind} eq 'act')
		{
			next unless $call->{committed} || $leases{ $event{lease} }{state} eq 'closed' || $event{what} =~ /^(?:complete|fail|defer|bounce)$/;
			$event{messages} = [ map { $_->{rest}[3] } @lines ];
		}
		push @events, \%event;
	}
}
@events = sort { $a->{stamp} <=> $b->{stamp} } @events;
is("@lost", '', 'what workers were told that they have, the database knows');

# The same as tables.
sub load
{
	my ($table, $columns, @lines) = @_;
	write_log(my $file = do { open my $f, '>', "$folder/$table.txt" or die; $f }, @lines);
	$server->safe_psql('postgres', "SET timezone = 'UTC';\nCREATE TABLE $table ($columns);\n\\copy $table FROM '$folder/$table.txt' WITH (NULL '')");
	return;
}
load('handed', 'stamp numeric, at timestamptz, lease uuid, campaign uuid, sender uuid, lead uuid, step integer, attempt integer, message uuid, send_until timestamptz, expires_at timestamptz',
	map { my $e = $_; map { join "\t", $e->{stamp}, $e->{at}, @{ $_->{rest} } } @{ $e->{lines} } } grep { $_->{kind} eq 'claim' } @events);
load('acts', 'stamp numeric, at timestamptz, kind text, lease uuid, count text, message uuid',
	map { my $e = $_; map { join "\t", $e->{stamp}, $e->{at}, @{ $_->{rest} } } @{ $e->{lines} } } grep { $_->{kind} eq 'act' } @events);
sql(<<'SQL');
CREATE TABLE leased AS
SELECT l.lease_id AS lease, l.campaign_id AS campaign, l.sender_id AS sender, b.step, b.lead_ids[p.position] AS lead,
    (left(p.batch_id::text, 33) || lpad(to_hex(('x' || right(p.batch_id::text, 3))::bit(12)::integer + p.position - 1), 3, '0'))::uuid AS message,
    CASE WHEN l.completed IS NULL THEN l.state = 'closed' ELSE get_bit(l.completed, p.n::integer) = 1 END AS completed
FROM leadterra.leases l
CROSS JOIN LATERAL (
    SELECT u.batch_id, position, row_number() OVER (ORDER BY u.place, position) - 1 AS n
    FROM unnest(l.batch_ids, l.firsts, l.lasts) WITH ORDINALITY AS u (batch_id, first, last, place), generate_series(u.first::integer, u.last) AS position) p
JOIN leadterra.batches b USING (batch_id);
CREATE INDEX ON leased (message);
CREATE INDEX ON handed (message);
CREATE INDEX ON handed (lead);
CREATE INDEX ON acts (lease);
ANALYZE;
SQL

# What must not be: queries that return no row.
my %never = (
	'a message is handed out that its lease does not have, or by another sender' =>
	  'SELECT h.* FROM handed h LEFT JOIN leased l USING (lease, message) WHERE (l.campaign, l.lead, l.step) IS DISTINCT FROM (h.campaign, h.lead, h.step) OR l.sender IS DISTINCT FROM h.sender',
	'a message is completed that nobody was handed' =>
	  'SELECT l.* FROM leased l LEFT JOIN handed h USING (lease, message) WHERE l.completed AND h.lease IS NULL',
	'a step is completed twice' => 'SELECT campaign, lead, step FROM leased WHERE completed GROUP BY 1, 2, 3 HAVING count(*) > 1',
	'a step is handed out after it was completed' =>
	  'SELECT h.* FROM leased l JOIN handed d USING (lease, message) JOIN handed h ON h.campaign = l.campaign AND h.lead = l.lead AND h.step = l.step AND h.stamp > d.stamp WHERE l.completed',
	'a step is handed out before its delay after the one before was completed' => <<'SQL',
SELECT h.* FROM handed h
JOIN leadterra.steps s ON s.campaign_id = h.campaign AND s.step = h.step
LEFT JOIN leased l ON l.campaign = h.campaign AND l.lead = h.lead AND l.step = h.step - 1 AND l.completed
LEFT JOIN LATERAL (SELECT max(a.at) AS at FROM acts a WHERE a.lease = l.lease AND a.message = l.message AND a.kind = 'complete') a ON true
WHERE h.step > 1 AND (a.at + s.delay_minutes * interval '1 minute' <= h.at) IS NOT TRUE
SQL
	'two leases have a message at once' => <<'SQL',
SELECT h.* FROM (SELECT *, lead(stamp) OVER w AS next_stamp, lead(at) OVER w AS next_at FROM handed WINDOW w AS (PARTITION BY message ORDER BY stamp)) h
WHERE next_at < (SELECT l.expires_at FROM leadterra.leases l WHERE l.lease_id = h.lease)
  AND NOT EXISTS (SELECT FROM acts a WHERE a.lease = h.lease AND a.message = h.message AND a.kind <> 'extend' AND a.stamp < h.next_stamp)
SQL
	'a message is handed out outside the window of its campaign' =>
	  'SELECT h.* FROM handed h JOIN leadterra.campaigns c ON c.campaign_id = h.campaign WHERE c.schedule IS NOT NULL AND NOT test_windows(c.schedule, h.at) @> h.at',
	'a message may be sent for longer or shorter than its window is open, on the day of its sender' => <<'SQL',
SELECT h.*, least(w.until, d.until) FROM (SELECT DISTINCT at, campaign, sender, send_until FROM handed) h
JOIN leadterra.campaigns c ON c.campaign_id = h.campaign
LEFT JOIN leadterra.senders s ON s.sender_id = h.sender
LEFT JOIN LATERAL (SELECT upper(r) AS until FROM unnest(test_windows(c.schedule, h.at)) AS r WHERE r @> h.at) w ON true
CROSS JOIN LATERAL (SELECT (test_day(s.time_zone, h.at) + 1)::timestamp AT TIME ZONE s.time_zone AS until) d
WHERE h.send_until IS DISTINCT FROM least(w.until, d.until)
SQL
	'something is left' => q(SELECT 'waiting', w.range_id FROM leadterra.waiting w UNION ALL SELECT 'open', l.lease_id FROM leadterra.leases l WHERE l.state = 'open'),
	'a lead has neither all steps nor a reason why not' => <<'SQL',
SELECT e.* FROM leadterra.enrollments e
CROSS JOIN LATERAL (SELECT count(*) AS sent, coalesce(max(l.step), 0) AS last FROM leased l WHERE l.campaign = e.campaign_id AND l.lead = e.lead_id AND l.completed) l
WHERE l.sent <> l.last
   OR l.last < 3 AND NOT EXISTS (SELECT FROM leadterra.exceptions x WHERE x.campaign_id = e.campaign_id AND x.lead_id = e.lead_id AND x.step = l.last + 1)
SQL
);
is(sql("SELECT t.* FROM ($never{$_}) t LIMIT 3"), '', "never: $_") for sort keys %never;

# Then all that happened once more, in its order, by rules that are said here again.
my %day = map { ("$_->[0] $_->[1]" => $_->[2]) } rows("SELECT z, at, test_day(z, at) - date '2000-01-01' FROM (SELECT DISTINCT at FROM handed UNION SELECT at FROM acts UNION "
	  . 'SELECT unnest(ARRAY[' . join(', ', map { "timestamptz '$_'" } keys %{ { map { $_->{at} => 1 } @events } }) . "])) t (at), unnest('{" . join(',', 'UTC', @zones) . "}'::text[]) z");
my %number = map { $_->[0] => $_->[1] } rows('SELECT at, extract(epoch FROM at) FROM handed UNION SELECT at, extract(epoch FROM at) FROM acts');
my (%sender, %pool, %campaign, %owner, %deleted, %begun, @broken);

sub least { my ($least, @others) = grep { $_ ne 'null' } @_; for (@others) { $least = $_ if $_ < $least } return $least // 1e9 }

sub limit_of
{
	my ($sender, $day) = @_;
	return 0 if $sender->{status} eq 'paused';
	return least($sender->{limit}) if $sender->{status} ne 'warming';
	return least($sender->{limit}, $sender->{from} + $sender->{step} * ($day - $sender->{since}));
}

# Who goes on for a sender: itself, its heir, or nobody in particular.
sub heir_of
{
	my ($id) = @_;
	$id = $deleted{$id} while $id ne '' && exists $deleted{$id};
	return $id;
}

sub replay_claim
{
	my ($event) = @_;
	my $campaign = $campaign{ $event->{campaign} };
	my $day = $day{"$campaign->{zone} $event->{at}"};
	my @new = grep { $_->{rest}[4] == 1 && !$begun{ $_->{rest}[6] } } @{ $event->{lines} };
	my $number = $event->{number};
	my %broken;
	my $break = sub { push @broken, "$event->{at}, lease $event->{lease}: $_[0]" unless $broken{ $_[0] }++ };

	$event->{new} = { map { $_->{rest}[6] => 1 } @new };
	$begun{$_} = 1 for @{ $event->{messages} };
	$campaign->{handed}{$day} += $number;
	$campaign->{begun}{$day} += @new;
	$break->('more than the limit of its campaign') if $campaign->{handed}{$day} > least($campaign->{limit});
	$break->('more new leads than its campaign may have') if @new && $campaign->{begun}{$day} > least($campaign->{new});
	$break->('a sender where there is a pool, and only there') if ($event->{sender} ne '') != ($campaign->{pool} ne '');
	return if $event->{sender} eq '';

	my $sender = $sender{ $event->{sender} };
	my $today = $day{"$sender->{zone} $event->{at}"};
	$sender->{used}{$today} += $number;
	$break->("$sender->{used}{$today} of " . limit_of($sender, $today) . ' messages of its sender') if $sender->{used}{$today} > limit_of($sender, $today);
	$break->('a sender that is deleted') if exists $deleted{ $event->{sender} };
	$break->('more than one message where there is a gap') if $sender->{gap} + $sender->{jitter} > 0 && $number > 1;
	$break->('within the gap') if defined $sender->{last} && !$sender->{changed} && $number{ $event->{at} } - $sender->{last} < $sender->{gap};
	$sender->{last} = $number{ $event->{at} };
	$sender->{changed} = 0;
	for my $line (@{ $event->{lines} })
	{
		my $lead = "$event->{campaign} $line->{rest}[3]";
		my $before = heir_of($owner{$lead} // '');
		$break->("a lead of $before") if $before ne '' && $before ne $event->{sender};
		$break->('a lead that nobody had begun with, by a sender outside of the pool') if $before eq '' && !$pool{ $campaign->{pool} }{ $event->{sender} };
		$owner{$lead} = $event->{sender};
	}
	return;
}

sub replay_release
{
	my ($event) = @_;
	my $claim = $leases{ $event->{lease} }{claim};
	my $campaign = $campaign{ $claim->{campaign} };
	my $sender = $sender{ $claim->{sender} };
	my @messages = @{ $event->{messages} };
	my @new = grep { $claim->{new}{$_} } @messages;
	my ($day, $before) = map { $day{"$campaign->{zone} $_->{at}"} } $event, $claim;

	push @broken, "$event->{at}, lease $event->{lease}: released $event->{count}, not " . @messages if $event->{count} != @messages;
	delete $begun{$_} for @new;
	if ($day == $before) { $campaign->{handed}{$day} -= @messages; $campaign->{begun}{$day} -= @new; }
	return unless $sender;
	($day, $before) = map { $day{"$sender->{zone} $_->{at}"} } $event, $claim;
	$sender->{used}{$day} -= @messages if $day == $before;
	return;
}

my $checked = 0;
my %replays = (
	claim => \&replay_claim,
	act => sub { replay_release($_[0]) if $_[0]{what} eq 'release' },
	sender => sub {
		my ($event) = @_;
		my ($id, %new) = ($event->{rest}[0]);
		my $old = $sender{$id} // { status => '', from => '' };
		@new{qw(limit status from step gap jitter zone)} = @{ $event->{rest} }[ 1 .. 7 ];
		$new{since} = $new{status} eq 'warming' && ($old->{status} ne 'warming' || $old->{from} ne $new{from}) ? $day{"$new{zone} $event->{at}"} : $old->{since};
		$sender{$id} = { %$old, %new, changed => 1 };
	},
	pool => sub { my ($id, @members) = @{ $_[0]{rest} }; $pool{$id} = { map { $_ => 1 } @members } },
	campaign => sub {
		my ($id, $pool, $limit, $new) = @{ $_[0]{rest} };
		$campaign{$id} = { %{ $campaign{$id} // {} }, pool => $pool, limit => $limit, new => $new, zone => $campaigns{$id}{zone} };
	},
	deleted => sub { $deleted{ $_[0]{rest}[0] } = $_[0]{rest}[1]; delete $_->{ $_[0]{rest}[0] } for values %pool },
	used => sub {
		for my $line (@{ $_[0]{lines} })
		{
			my ($id, $day, $used) = @{ $line->{rest} };
			my $of = $line->{kind} eq 'used' ? $sender{$id}{used} : $line->{kind} eq 'usage' ? $campaign{$id}{handed} : $campaign{$id}{begun};
			my $expected = $of->{ $number{$day} // -1 } // 0;
			$checked++;
			push @broken, "$line->{at}: $line->{kind} of $id on $day is $used, not $expected" if $used != $expected;
		}
	});
%number = (%number, map { $_->[0] => $_->[1] } rows("SELECT date '2030-01-01' + n, date '2030-01-01' + n - date '2000-01-01' FROM generate_series(0, 1000) n"));
for my $event (@events) { ($replays{ $event->{kind} } // sub { })->($event) }
is(join("\n", @broken[ 0 .. ($#broken > 5 ? 5 : $#broken) ]), '', 'no rule is broken, and what the tables say was used is');
cmp_ok($checked, '>', 100, 'they were asked');
note(join ', ', map { "$_->[0]: $_->[1]" } rows('SELECT kind, count(DISTINCT (stamp, lease)) FROM acts GROUP BY 1'));
my %seen = map { $_->[0] => 1 } rows('SELECT DISTINCT kind FROM acts');
ok($seen{$_}, "workers did $_") for qw(complete fail defer bounce release extend);

$server->stop;
done_testing();
