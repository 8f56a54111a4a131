# Enrolling: lt_bulk_upsert beside floors and peers; see scripts/bench.
#
# Contenders take turns, round by round, each run in a session of its own.  A
# run warms up with two calls and is the median of the calls that follow; a
# figure is the median of its runs, with their least and greatest.  Ratios are
# taken within a round, where the machine was as fast for one as for the other.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Bench;
use List::Util qw(sum);
use Time::HiRes qw(time);

my $rounds = $quick ? 5 : 9;
my $warm_up = 2;
my $large_leads = 5_000_000;
my $large_suppressions = 1_000_000;

my %control;
my %api_key;
my $next_new = 100_000_000;
my $next_title = 1;

# The session that sets up a database, which it makes at first use.
sub control
{
	my ($database) = @_;
	return $control{$database} if $control{$database};

	connect_to('postgres')->do("CREATE DATABASE $database");
	system('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $database, '-f', 'bench/enroll.sql') == 0 or die 'bench/enroll.sql failed';
	my $session = $control{$database} = connect_to($database);
	for my $campaign ('a', 'b')
	{
		$session->do(q(INSERT INTO bench.campaigns SELECT ?, lt_create_campaign(?, '[{"subject": "Hi", "bodyHtml": "Hi"}]')), undef, $campaign, $campaign);
	}
	my $suppressions = $database eq 'large' ? $large_suppressions : 1000;
	$session->do(<<"SQL");
SELECT lt_suppress(array_agg(format(CASE i % 10 WHEN 0 THEN 'blocked-%s.example' WHEN 1 THEN '*.blocked-%s.example' ELSE 'blocked-%s\@x.example' END, i)))
FROM generate_series(1, $suppressions) i
SQL
	$session->do('CREATE ROLE bench_api') unless $session->selectrow_array(q(SELECT 1 FROM pg_roles WHERE rolname = 'bench_api'));
	$session->do('SELECT lt_grant_api($$bench_api$$)');
	$session->do('GRANT USAGE ON SCHEMA bench TO bench_api; GRANT SELECT ON bench.campaigns, bench.payloads TO bench_api');
	$api_key{$database} = $session->selectrow_array('SELECT lt_create_api_key($$bench$$)');
	load_large($session) if $database eq 'large';
	$session->do('VACUUM ANALYZE');
	$session->do('CHECKPOINT');
	return $session;
}

sub load_large
{
	my ($session) = @_;
	print "loading $large_leads leads\n";
	for my $first (map { $_ * 500_000 + 1 } 0 .. $large_leads / 500_000 - 1)
	{
		my $campaign = $first == 1 ? campaign($session, 'a') : undef;
		# The first ones are enrolled, those that runs take as known.
		$session->do('SELECT bench.add_known(?, ?, ?)', undef, $campaign, $first, $first + 49_999);
		$session->do('SELECT bench.add_known(NULL, ?, ?)', undef, $first + 50_000, $first + 499_999);
	}
	return;
}

sub campaign
{
	my ($session, $name) = @_;
	return $session->selectrow_array('SELECT id FROM bench.campaigns WHERE name = ?', undef, $name);
}

# Each contender makes of a session and a campaign a function that does a call.
my %contenders = (
	leadterra => sub { payload_call('lt_bulk_upsert', @_) },
	key => \&key_call,
	add => sub {
		my ($session, $campaign) = @_;
		my $statement = $session->prepare('SELECT lt_add_leads(added, ?) FROM bench.payloads WHERE call = ?');
		return sub { $session->selectrow_array($statement, undef, $campaign, $_[0]) };
	},
	rules => sub { payload_call('bench.upsert_rules', @_) },
	set => sub { payload_call('bench.upsert_set', @_) },
	loop => sub { payload_call('bench.upsert_loop', @_) },
	rows => sub {
		my ($session, $campaign) = @_;
		my $statement = $session->prepare('SELECT bench.insert_rows(?, ?)');
		return sub { $session->selectrow_array($statement, undef, $campaign, $_[0]) };
	},
	copy => \&copy_call,
	client => \&client_call);

sub payload_call
{
	my ($function, $session, $campaign) = @_;
	my $statement = $session->prepare("SELECT $function(?, leads) FROM bench.payloads WHERE call = ?");
	return sub { $session->selectrow_array($statement, undef, $campaign, $_[0]) };
}

# The call by a role that row-level security binds, which opens the workspace by a
# key each time: one round trip, as of the others, and one transaction.
sub key_call
{
	my ($session, $campaign) = @_;
	my $authenticate = "SELECT lt_authenticate('$api_key{ $session->{pg_db} }')";
	$session->do('SET ROLE bench_api');
	return sub { $session->do("$authenticate; SELECT lt_bulk_upsert('$campaign', leads) FROM bench.payloads WHERE call = $_[0]") };
}

my $columns = 'workspace_id, lead_id, email, first_name, last_name, company, job_title, phone, website, custom';

# COPY of finished rows, from files that are made beforehand.
sub copy_call
{
	my ($session, $campaign) = @_;
	my $rows = join ', ', map { "r.$_" } (split /, /, $columns)[1 .. 9];
	for my $call (map { @$_ } @{ $session->selectall_arrayref('SELECT call FROM bench.payloads') })
	{
		$session->do("COPY (SELECT lt_current_workspace(), $rows FROM bench.ready r WHERE call = $call ORDER BY email) TO '$output/leads-$call.copy'");
		$session->do("COPY (SELECT lt_current_workspace(), '$campaign', lead_id FROM bench.ready WHERE call = $call) TO '$output/enrollments-$call.copy'");
	}
	return sub {
		my ($call) = @_;
		$session->begin_work;
		$session->do("COPY leadterra.leads ($columns) FROM '$output/leads-$call.copy'");
		$session->do("COPY leadterra.enrollments (workspace_id, campaign_id, lead_id) FROM '$output/enrollments-$call.copy'");
		$session->commit;
	};
}

# One prepared upsert a row from a client, in transactions of 10,000 rows.
sub client_call
{
	my ($session, $campaign) = @_;
	my $upsert = $session->prepare(<<'SQL');
WITH upserted AS (
    INSERT INTO leadterra.leads AS l (workspace_id, lead_id, email, first_name, last_name, company, job_title, phone, website, custom)
    SELECT lt_current_workspace(), lt_uuidv7(), v.email, v.first_name, v.last_name, v.company, v.job_title, v.phone, v.website, v.custom
    FROM (VALUES (lower(btrim($2::text)), $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::jsonb))
        AS v (email, first_name, last_name, company, job_title, phone, website, custom)
    WHERE NOT EXISTS (
        SELECT FROM leadterra.suppressions s
        WHERE s.workspace_id = lt_current_workspace() AND s.blocklist_id = lt_current_workspace() AND s.entry IN (v.email, split_part(v.email, '@', 2)))
    ON CONFLICT (workspace_id, email) DO UPDATE SET
        first_name = coalesce(excluded.first_name, l.first_name), last_name = coalesce(excluded.last_name, l.last_name),
        company = coalesce(excluded.company, l.company), job_title = coalesce(excluded.job_title, l.job_title),
        phone = coalesce(excluded.phone, l.phone), website = coalesce(excluded.website, l.website),
        custom = l.custom || excluded.custom, updated_at = now()
    RETURNING lead_id)
INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id)
SELECT lt_current_workspace(), $1::uuid, lead_id FROM upserted
ON CONFLICT DO NOTHING
SQL
	my $read = $session->prepare('SELECT email, first_name, last_name, company, job_title, phone, website, custom FROM bench.ready WHERE call = ?');
	my $pending = 0;
	return sub {
		my $rows = $session->selectall_arrayref($read, undef, $_[0]);
		my $start = time;
		$session->begin_work unless $pending;
		$upsert->execute($campaign, @$_) for @$rows;
		$pending += @$rows;
		if ($pending >= 10_000) { $session->commit; $pending = 0 }
		return { seconds => time - $start };
	};
}

# Makes the tables and payloads of a run.
sub prepare_run
{
	my ($case, $database) = @_;
	my $session = control($database);
	my $calls = $warm_up + $case->{calls};
	my $known = $case->{leads} * $case->{known};
	my $title = $case->{changed} ? 'Title ' . $next_title++ : undef;

	if ($database ne 'large')
	{
		$session->do('SELECT bench.reset(?, ?)', undef, campaign($session, 'a'), $calls * $known);
		$session->do('VACUUM ANALYZE leadterra.leads, leadterra.enrollments');
	}
	$session->do('SELECT bench.make_payloads(?, ?, ?, ?, ?)', undef, $calls, $case->{leads}, $known, $next_new, $title);
	$next_new += $calls * $case->{leads};
	return;
}

my $counters = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, (SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()),"
  . " (SELECT sum(n_tup_upd + n_tup_del) FROM pg_stat_user_tables)";

sub read_counters
{
	my ($session) = @_;
	$session->do('SELECT pg_stat_force_next_flush()');
	return $session->selectrow_array($counters);
}

# One run: microseconds a lead, and bytes of WAL, buffers and dead rows a lead.
sub run
{
	my ($case, $contender, $database) = @_;
	prepare_run($case, $database);
	my $session = connect_to($database);
	$session->do('SET stats_fetch_consistency = none');
	my $call = $contenders{$contender}->($session, campaign($session, 'a'));
	$call->($_) for 1 .. $warm_up;

	my @before = read_counters($session);
	my @seconds;
	for my $number ($warm_up + 1 .. $warm_up + $case->{calls})
	{
		my $start = time;
		my $result = $call->($number);
		push @seconds, ref $result ? $result->{seconds} : time - $start;
	}
	$session->commit unless $session->{AutoCommit};
	my @after = read_counters($session);
	$session->disconnect;
	my $leads = $case->{calls} * $case->{leads};
	return { time => median(@seconds) * 1e6 / $case->{leads},
		map { (qw(wal buffers dead))[$_] => ($after[$_] - $before[$_]) / $leads } 0 .. 2 };
}

my @plot;

# Runs the contenders of a case in turns, and prints a row for each.
sub run_case
{
	my ($case) = @_;
	my $runs = in_turns($rounds, sub { run($case, split /@/, $_[0] =~ /@/ ? $_[0] : "$_[0]\@small") }, @{ $case->{contenders} });
	my %time = map { my $name = $_; $name => [ map { $_->{time} } @{ $runs->{$name} } ] } keys %$runs;
	for my $name (@{ $case->{contenders} })
	{
		my $middle = median(@{ $time{$name} });
		say_it(sprintf '| %s | %s | %s | %.0f | %s | %.0f | %.1f | %.2f |', $case->{name}, $name, spread($time{$name}),
			1e6 / $middle, $name eq 'leadterra' ? '1' : spread(ratios($time{$name}, $time{leadterra}), 2), map { my $figure = $_; median(map { $_->{$figure} } @{ $runs->{$name} }) } qw(wal buffers dead));
		push @plot, [ $case->{name}, $name, $middle ];
	}
	return;
}

# Clients at once: leads a second.
sub enroll_at_once
{
	my ($case, @campaigns) = @_;
	prepare_run({ %$case, calls => $case->{calls} * 2 }, 'small');
	return throughput(scalar @campaigns, sub {
		my ($client) = @_;
		my $session = connect_to('small');
		my $call = $contenders{leadterra}->($session, campaign($session, $campaigns[$client]));
		my @calls = grep { $_ % @campaigns == $client } 1 .. $warm_up + $case->{calls} * 2;
		$call->(shift @calls);
		return sub {
			$call->($_) for splice @calls, 0, $case->{calls};
			return $case->{calls} * $case->{leads};
		};
	});
}

sub run_two_clients
{
	my $case = { leads => 1000, known => 0, calls => $quick ? 10 : 40 };
	my @kinds = (['one client', 'a'], ['two clients, one campaign', 'a', 'a'], ['two clients, two campaigns', 'a', 'b']);
	my %rates;
	for my $round (1 .. $rounds)
	{
		push @{ $rates{ $_->[0] } }, enroll_at_once($case, @$_[1 .. $#$_]) for @kinds;
	}
	heading('Two clients at once, fresh leads, 1,000 a call', 'case', 'leads a second', 'to one client');
	for my $kind (map { $_->[0] } @kinds)
	{
		my @values = @{ $rates{$kind} };
		say_it(sprintf '| %s | %s | %s |', $kind, spread(\@values, 0), spread(ratios(\@values, $rates{'one client'}), 2));
	}
	return;
}

# Calls of growing size: time a lead, and memory of the backend.
sub run_sizes
{
	my @sizes = $quick ? (1000, 10_000) : (1000, 10_000, 100_000);
	my %runs;
	my $memory = q(SELECT substring(pg_read_file('/proc/self/status'), 'RssAnon:\s+(\d+)')::bigint);
	my $peak = q(SELECT substring(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+)')::bigint - substring(pg_read_file('/proc/self/status'), 'RssShmem:\s+(\d+)')::bigint);
	for my $round (1 .. $rounds)
	{
		for my $size (@sizes)
		{
			prepare_run({ leads => $size, known => 0, calls => 0 }, 'small');
			my $session = connect_to('small');
			my $call = $contenders{leadterra}->($session, campaign($session, 'a'));
			my $before = $session->selectrow_array($memory);
			my $start = time;
			$call->(1);
			push @{ $runs{$size}{time} }, (time - $start) * 1e6 / $size;
			push @{ $runs{$size}{memory} }, ($session->selectrow_array($peak) - $before) / 1024;
			push @{ $runs{$size}{payload} }, $session->selectrow_array('SELECT pg_column_size(leads) / 1048576.0 FROM bench.payloads WHERE call = 1');
			$session->disconnect;
		}
	}
	heading('One call, the first of its session, fresh leads', 'leads', 'payload, MB', 'µs a lead', 'memory of the backend, MB');
	for my $size (@sizes)
	{
		say_it(sprintf '| %d | %.1f | %s | %s |', $size, median(@{ $runs{$size}{payload} }), spread($runs{$size}{time}), spread($runs{$size}{memory}));
	}
	return;
}

# Start of a campaign with a million leads, and what its batches cost.
sub run_start
{
	my $leads = $quick ? 100_000 : 1_000_000;
	my $session = control('small');
	my $campaign = campaign($session, 'a');
	my @seconds;

	$session->do('SELECT bench.reset(?, 0)', undef, $campaign);
	$session->do('SELECT pg_stat_statements_reset()');
	$session->do("SET pg_stat_statements.track = 'all'");
	for my $first (map { $_ * 100_000 } 0 .. $leads / 100_000 - 1)
	{
		$session->do('SELECT bench.make_payloads(100, 1000, 0, ?, NULL)', undef, $next_new);
		$next_new += 100_000;
		$session->do('SELECT lt_bulk_upsert(?, leads) FROM bench.payloads', undef, $campaign);
	}
	$session->do("SET pg_stat_statements.track = 'none'");
	for my $round (1 .. $rounds)
	{
		$session->do(q(UPDATE leadterra.campaigns SET status = 'draft', started_at = NULL));
		my $other = connect_to('small');
		my $start = time;
		$other->do('SELECT lt_start_campaign(?)', undef, $campaign);
		push @seconds, time - $start;
		$other->disconnect;
	}
	say_it(sprintf "\nStart of a campaign with %d leads, the first call of its session: %s ms.", $leads, spread([ map { $_ * 1000 } @seconds ]));

	my $parts = $session->selectall_arrayref(<<'SQL');
SELECT CASE WHEN toplevel THEN 'call'
            WHEN query LIKE '%INTO leadterra.leads%' THEN 'insert leads'
            WHEN query LIKE '%INTO leadterra.enrollments%' THEN 'insert enrollments'
            WHEN query LIKE '%INTO leadterra.batches%' THEN 'insert batches'
            WHEN query LIKE '%FROM leadterra.suppressions%' THEN 'look up suppressions'
            WHEN query LIKE '%FROM leadterra.leads%' THEN 'look up leads'
            ELSE 'other statements' END AS part, sum(total_exec_time), sum(wal_bytes), sum(calls)
FROM pg_stat_statements WHERE CASE WHEN toplevel THEN query LIKE 'SELECT lt_bulk_upsert%' ELSE query LIKE '%leadterra.%' END
GROUP BY 1 ORDER BY 2 DESC
SQL
	my ($whole) = map { $_->[1] } grep { $_->[0] eq 'call' } @$parts;
	heading('Where a fresh call spends its time', 'part', 'of the call', 'bytes of WAL a lead');
	say_it(sprintf '| %s | %.1f %% | %.0f |', $_->[0], 100 * $_->[1] / $whole, $_->[2] / $leads) for grep { $_->[0] ne 'call' } @$parts;
	say_it(sprintf '| own code | %.1f %% | |', 100 * (1 - sum(map { $_->[1] } grep { $_->[0] ne 'call' } @$parts) / $whole));
	return;
}

# How much of a fresh call of lt_add_leads is looking addresses up in the block list.
sub run_suppressions
{
	my ($name) = @_;
	my $case = { leads => 1000, known => 0, calls => 30 };
	my @shares;
	for my $round (1 .. $rounds)
	{
		prepare_run($case, $name);
		my $session = connect_to($name);
		my $call = $contenders{add}->($session, campaign($session, 'a'));
		$call->($_) for 1 .. $warm_up;
		$session->do('SELECT pg_stat_statements_reset()');
		$session->do("SET pg_stat_statements.track = 'all'");
		$call->($_) for $warm_up + 1 .. $warm_up + $case->{calls};
		$session->do("SET pg_stat_statements.track = 'none'");
		push @shares, $session->selectrow_array(<<'SQL');
SELECT 100 * sum(total_exec_time) FILTER (WHERE NOT toplevel AND query LIKE '%FROM leadterra.suppressions%')
    / sum(total_exec_time) FILTER (WHERE toplevel AND query LIKE 'SELECT lt_add_leads%')
FROM pg_stat_statements
SQL
		$session->disconnect;
	}
	my $entries = control($name)->selectrow_array('SELECT count(*) FROM leadterra.suppressions');
	say_it(sprintf '| %d | %s |', $entries, spread(\@shares, 1));
	return;
}

sub plot_results
{
	open my $data, '>', "$output/results.tsv" or die $!;
	my %by_case;
	my @cases;
	for my $row (@plot)
	{
		push @cases, $row->[0] unless $by_case{ $row->[0] };
		$by_case{ $row->[0] }{ $row->[1] } = $row->[2];
	}
	my @names = ('leadterra', 'set', 'rules', 'loop', 'client', 'rows');
	print $data join("\t", 'case', @names), "\n";
	print $data join("\t", "\"$_\"", map { $_ // '?' } @{ $by_case{$_} }{@names}), "\n" for grep { !/100 a call|by a key/ } @cases;
	close $data or die $!;
	system('gnuplot', '-e', "input = '$output/results.tsv'; output = '$output/results.svg'", 'bench/plot.gp') == 0 or die 'gnuplot failed';
	return;
}

my $version = connect_to('postgres')->selectrow_array('SELECT version()');
my ($model) = map { /model name\s*:\s*(.*)/ } do { open my $info, '<', '/proc/cpuinfo' or die $!; <$info> };
say_it(sprintf "%s, %s%s.", $version =~ s/,.*//sr, $model // 'unknown processor', $quick ? ', --quick' : '');
my @columns = ('case', 'contender', 'µs a lead, median (least–greatest)', 'leads a second', 'times leadterra', 'WAL, bytes a lead', 'buffers a lead', 'dead rows a lead');
my @kinds = ([ 'fresh', 0 ], [ 'unchanged', 1 ], [ 'one field changed', 1, 1 ], [ 'half new', 0.5 ]);

sub run_kinds
{
	my ($leads, $calls, $floors, @names) = @_;
	for my $kind (@kinds)
	{
		my ($name, $known, $changed) = @$kind;
		run_case({ name => "$name, $leads a call", leads => $leads, calls => $calls, known => $known, changed => $changed,
			contenders => [ @names, $known ? () : @$floors ] });
	}
	return;
}

heading('Calls', @columns);
run_kinds(1000, $quick ? 8 : 30, $quick ? ['rows'] : [ 'rows', 'copy' ], $quick ? qw(leadterra set rules) : qw(leadterra set rules loop client));
run_kinds(100, 100, ['rows'], qw(leadterra set rules loop client)) unless $quick;
run_case({ name => "$_->[0], by a key, 1000 a call", leads => 1000, calls => $quick ? 8 : 30, known => $_->[1], contenders => [qw(leadterra key)] }) for @kinds[0, 1];
plot_results();
run_two_clients();
run_sizes();
run_start();
unless ($quick)
{
	heading("Tables with $large_leads leads and $large_suppressions suppressions, beside small ones", @columns);
	run_kinds(1000, 30, [], qw(leadterra leadterra@large set@large rules@large));
	run_case({ name => 'fresh, lt_add_leads, 1000 a call', leads => 1000, calls => 30, known => 0, contenders => [ 'leadterra', 'add', 'leadterra@large', 'add@large' ] });
	heading('Fresh calls of lt_add_leads and the block list', 'entries of the list', 'look-ups, % of a call');
	run_suppressions($_) for 'small', 'large';
}
finish_report();
