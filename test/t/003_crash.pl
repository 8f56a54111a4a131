# The server dies while many clients enroll, update, remove and delete leads:
# stopped without a shutdown, killed as a whole, and with one of its backends
# killed.  After recovery every call that was answered is there, every call is
# there as a whole or not at all, and all that is counted is true.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IO::Handle;
use IPC::Run;
use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# fsync stays off: what a process has written survives its death.  No process
# but those of the clients comes and goes.
my $server = start_server('server', <<'CONF');
autovacuum = off
max_parallel_workers = 0
max_wal_size = 256MB
restart_after_crash = on
CONF
my $folder = PostgreSQL::Test::Utils::tempdir;

# Calls that a client makes at most; it is cut off long before.
use constant CALLS => 2000;

sub sql { return $server->safe_psql('postgres', $_[0]) }

sql('CREATE EXTENSION leadterra');
my ($first, $second) = map { sql("SELECT lt_create_campaign('$_', '[{\"subject\": \"s\", \"bodyHtml\": \"b\"}]')") } 'First', 'Second';

# A call that enrolls leads, whose addresses start with a name, and says so.
sub upsert
{
	my ($answer, $campaign, $name, $size, $key, $value) = @_;
	return "SELECT '$answer' FROM lt_bulk_upsert('$campaign', (SELECT jsonb_agg(jsonb_build_object("
	  . "'email', format('$name-%s\@example.com', i), '$key', '$value')) FROM generate_series(1, $size) i));\n";
}

# What the clients of a round do; each line is a call and a transaction.  An
# answer is the kind of call, the client and the number of the call.
my %clients = (
	# New leads, in two batches.
	new => sub {
		my ($round, $client, $n) = @_;
		my $call = "$round-$client-$n";
		return upsert("new $client $n", $first, "new-$call", 1500, 'call', $call);
	},
	# The same leads from two clients, of which each sets a field of its own.
	shared => sub {
		my ($round, $client, $n) = @_;
		my $block = 'shared-' . $round . '-' . int($n / 3);
		return upsert("shared $client $n", $second, $block, 1000, "client$client", $n)
		  . "SELECT 'removed $client $n' FROM lt_remove_leads('$second', '{$block-$client\@example.com, $block-10\@example.com}');\n";
	},
	# Leads that are deleted again, and a campaign that pauses and starts.
	deleted => sub {
		my ($round, $client, $n) = @_;
		my $call = "$round-$client-$n";
		return upsert("added $client $n", $first, "deleted-$call", 300, 'call', $call)
		  . "SELECT 'paused $client $n' FROM lt_pause_campaign('$first');\n"
		  . "SELECT 'deleted $client $n' FROM (SELECT lt_delete_leads(array_agg(format('deleted-$call-%s\@example.com', i)))"
		  . " FROM generate_series(1, 300) i) d;\n"
		  . "SELECT 'started $client $n' FROM lt_start_campaign('$first');\n";
	},
	# A transaction that never commits: its client waits for a line of input.
	open => sub {
		my ($round, $client, $n) = @_;
		return $n > 1 ? '' : "BEGIN;\n" . upsert('open', $first, "open-$round", 1000, 'call', 'open') . "\\prompt line\nSELECT 1;\n";
	});
my @kinds = qw(new new new shared shared deleted open);

# Starts the clients of a round; the answers of each go to a file.
sub start_clients
{
	my ($round) = @_;
	my @started;

	for my $client (1 .. @kinds)
	{
		my $path = "$folder/$round-$client";
		my $calls = $clients{ $kinds[ $client - 1 ] };
		my $input = IO::Handle->new;

		append_to_file("$path.sql", join '', map { $calls->($round, $client, $_) } 1 .. CALLS);
		push @started, {
			answers => "$path.out",
			input => $input,
			errors => "$path.err",
			run => IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', "$path.sql", '-d', $server->connstr('postgres') ],
				'<pipe', $input, '>', "$path.out", '2>', "$path.err",
				IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default)) };
	}
	return @started;
}

# The ways to die.
my %deaths = (
	'immediate stop' => sub { $server->stop('immediate') },
	'kill of the server' => sub { kill_server($server) },
	'kill of a backend' => sub {
		ok(kill_backend($server, 'lt_bulk_upsert'), 'a backend is at work');
	});

# What must be true at any time: queries that return no row.
my %truths = (
	'every enrollment has a lead' =>
	  'SELECT * FROM leadterra.enrollments e WHERE NOT EXISTS (SELECT FROM leadterra.leads l WHERE l.lead_id = e.lead_id)',
	'batches are as large as they say' => 'SELECT * FROM leadterra.batches WHERE size <> cardinality(lead_ids) OR step <> 1',
	'batches hold the leads that were enrolled and those that were deleted' => <<'SQL',
SELECT campaign_id FROM leadterra.campaigns c
WHERE (SELECT sum(size) FROM leadterra.batches b WHERE b.campaign_id = c.campaign_id)
  <> (SELECT count(*) FROM leadterra.enrollments e WHERE e.campaign_id = c.campaign_id)
   + (SELECT coalesce(sum(cardinality(lead_ids)), 0) FROM leadterra.deletions d WHERE d.campaign_id = c.campaign_id)
SQL
	'every enrollment is in one batch, once' => <<'SQL',
WITH queued AS (
    SELECT campaign_id, lead_id, count(*) AS times FROM leadterra.batches, unnest(lead_ids) AS lead_id GROUP BY 1, 2)
SELECT e.* FROM leadterra.enrollments e LEFT JOIN queued q USING (campaign_id, lead_id) WHERE q.times IS DISTINCT FROM 1
SQL
	'no lead that is there is in a batch without being enrolled' => <<'SQL',
SELECT l.email FROM leadterra.batches b CROSS JOIN unnest(lead_ids) AS u (lead_id) JOIN leadterra.leads l USING (lead_id)
LEFT JOIN leadterra.enrollments e USING (campaign_id, lead_id) WHERE e.lead_id IS NULL
SQL
	'counts of campaigns are true' => <<'SQL',
SELECT name FROM lt_campaigns c CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE status <> 'removed') AS enrolled, count(*) FILTER (WHERE status = 'active') AS queued
    FROM leadterra.enrollments e WHERE e.campaign_id = c.campaign_id) e
WHERE leads_enrolled <> enrolled OR queued_messages <> CASE status WHEN 'draft' THEN 0 ELSE queued END
SQL
	'no call is there in part' => <<'SQL',
SELECT l.custom->>'call', count(*), count(e.lead_id), count(DISTINCT l.created_at), count(DISTINCT e.enrolled_at)
FROM leadterra.leads l LEFT JOIN leadterra.enrollments e USING (lead_id)
WHERE l.custom ? 'call' GROUP BY 1
HAVING count(*) <> CASE WHEN min(email) LIKE 'deleted-%' THEN 300 ELSE 1500 END
    OR (count(e.lead_id), count(DISTINCT l.created_at), count(DISTINCT e.enrolled_at)) <> (count(*), 1, 1)
SQL
	'no update is there in part' => <<'SQL',
SELECT substring(email, 'shared-\d+-\d+') FROM leadterra.leads WHERE email LIKE 'shared-%' GROUP BY 1
HAVING count(*) <> 1000 OR count(DISTINCT custom) <> 1
SQL
	'an open transaction leaves nothing' => q(SELECT * FROM leadterra.leads WHERE email LIKE 'open-%'));

# Returns the answers that the clients of a round got and recovery has lost.
sub lost_answers
{
	my ($round, @clients) = @_;
	my %calls = map { $_ => 1 } split /\n/, sql(q(SELECT DISTINCT split_part(email, '-', 1) || '-' || (custom->>'call')
		FROM lt_leads WHERE custom ? 'call'));
	my %fields = map { /^(.*)\|(.*)$/ ? ($1 => $2) : () } split /\n/, sql(q(SELECT DISTINCT substring(email, 'shared-(\d+-\d+)')
		|| '-' || right(field, 1), value FROM lt_leads, jsonb_each_text(custom) AS c (field, value) WHERE email LIKE 'shared-%'));
	my %kept = (
		new => sub { $calls{"new-$round-$_[0]-$_[1]"} },
		shared => sub { ($fields{"$round-" . int($_[1] / 3) . "-$_[0]"} // 0) >= $_[1] },
		deleted => sub { !$calls{"deleted-$round-$_[0]-$_[1]"} });
	my %answers;
	my @lost;

	for my $client (@clients)
	{
		my $answers = slurp_file($client->{answers});

		while ($answers =~ /^(\w+) (\d+) (\d+)$/mg)
		{
			$answers{$1}++;
			push @lost, "$1 $2 $3" if $kept{$1} && !$kept{$1}->($2, $3);
		}
	}
	cmp_ok($answers{$_}, '>', 0, "round $round: calls were answered ($_)") for 'new', 'shared';
	return "@lost";
}

my $round = 0;
for my $death (('kill of the server', 'immediate stop', 'kill of a backend') x small_or_long(1, 2))
{
	$round++;
	my @clients = start_clients($round);

	# In the midst of it.
	ok($server->poll_query_until('postgres', <<"SQL"), "round $round: clients are at work");
SELECT (SELECT count(*) FROM lt_leads WHERE email LIKE 'new-$round-%') > 1500
   AND (SELECT count(*) FROM lt_leads WHERE email LIKE 'shared-$round-%') > 1000
   AND EXISTS (SELECT FROM leadterra.deletions)
   AND (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%lt_bulk_upsert%') > 2
   AND EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%open-$round%')
SQL
	$deaths{$death}->();
	for my $client (@clients)
	{
		syswrite $client->{input}, "\n";
		close $client->{input};
		$client->{run}->finish;
		like(slurp_file($client->{errors}), qr/connection to server was lost|server closed the connection unexpectedly/,
			"round $round: $death cuts a client off");
	}

	if ($death eq 'kill of a backend') { ok($server->poll_query_until('postgres', 'SELECT true'), "round $round: recovered") }
	else { $server->start }

	sql('ANALYZE');
	is(sql("SET enable_nestloop = off; SELECT * FROM ($truths{$_}) t LIMIT 5"), '', "round $round: $_") for sort keys %truths;
	is(lost_answers($round, @clients), '', "round $round: all that was answered is there");
}

$server->stop;
done_testing();
