# A worker's backend and then the server die in the midst of claims and
# completions, again and again.  After that the queue is drained.  Every message was
# completed once or is still queued, and what was answered is there.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { ROUNDS => small_or_long(4, 20), WORKERS => 3, LEADS => 3000, CALLS => 3000 };

my $server = start_server('server', <<'CONF');
autovacuum = off
max_parallel_workers = 0
restart_after_crash = on
CONF
my $folder = PostgreSQL::Test::Utils::tempdir;

sub sql { return $server->safe_psql('postgres', $_[0]) }

sql('CREATE EXTENSION leadterra');
my $campaign = sql(q(SELECT lt_create_campaign('c', '[{"subject": "{{email}}", "bodyHtml": "1"}, {"subject": "2", "bodyHtml": "2"}]')));
sql("SELECT lt_bulk_upsert('$campaign', '[{\"email\": \"first\@example.com\"}]'); SELECT lt_start_campaign('$campaign')");

# A worker's script: it claims a few messages, completes them all or one by one
# or in part, or fails some, and prints what was answered.  Each call is a
# transaction; \gset takes the lease to the next.
sub worker_script
{
	my ($worker) = @_;
	my @kinds = (
		"SELECT 'completed', id FROM unnest(:'ids'::uuid[]) id, (SELECT lt_complete_messages(:'lease') OFFSET 0) c;\n",
		"SELECT 'completed', id FROM (SELECT (:'ids'::uuid[])[1] AS id) i, LATERAL (SELECT lt_complete_messages(:'lease', ARRAY[id]) OFFSET 0) c;\n"
		  . "SELECT 'completed', id FROM unnest((:'ids'::uuid[])[2:]) id, (SELECT lt_complete_messages(:'lease', (:'ids'::uuid[])[2:]) OFFSET 0) c;\n",
		"SELECT lt_fail_messages(:'lease', (:'ids'::uuid[])[1:2], 'no') \\g /dev/null\n"
		  . "SELECT 'completed', id FROM unnest((:'ids'::uuid[])[3:]) id, (SELECT lt_complete_messages(:'lease') OFFSET 0) c;\n",
		"SELECT lt_extend_lease(:'lease', '2 hours') \\g /dev/null\n");
	return join '', map {
		my $most = 1 + ($_ * 7 + $worker) % 3;
		"SELECT min(lease_id::text) AS lease, array_agg(message_id) AS ids FROM lt_claim_messages($most, '1 hour', NULL, 'worker $worker') \\gset\n"
		  . $kinds[ $_ % 12 < 9 ? $_ % 3 : 3 ]
	} 1 .. CALLS;
}
for my $worker (1 .. WORKERS) { append_to_file("$folder/$worker.sql", worker_script($worker)) }

# Starts the workers, lets them make calls, and returns them.
sub start_workers
{
	my ($turn) = @_;
	my $before = sql('SELECT count(*) FROM leadterra.leases');
	my @started = map {
		IPC::Run::start([ 'psql', '-XAtq', '-f', "$folder/$_.sql", '-d', $server->connstr('postgres') ],
			'<', '/dev/null', '>', "$folder/$turn-$_.out", '2>', "$folder/$turn-$_.err",
			IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default))
	} 1 .. WORKERS;

	$server->poll_query_until('postgres', "SELECT count(*) > $before + 20 FROM leadterra.leases") or die 'workers do nothing';
	return @started;
}

# Waits for workers whose server has died; returns how many it cut off.
sub end_workers
{
	my ($turn, @started) = @_;
	$_->finish for @started;
	return scalar grep { slurp_file("$folder/$turn-$_.err") =~ /connection to server was lost|server closed the connection/ } 1 .. WORKERS;
}

# More than the workers send until they die.
sub enroll
{
	my ($name) = @_;
	sql("SELECT lt_bulk_upsert('$campaign', (SELECT jsonb_agg(jsonb_build_object('email', format('$name-%s\@example.com', i))) FROM generate_series(1, ${\ LEADS}) i))");
	return;
}

my ($killed, $cut_off) = (0, 0);
for my $round (1 .. ROUNDS)
{
	enroll("$round-backend");
	my @workers = start_workers("$round-backend");
	$killed += kill_backend($server, $round % 2 ? 'lt_claim_messages' : 'lt_complete_messages');
	$cut_off += end_workers("$round-backend", @workers);

	enroll("$round-server");
	@workers = start_workers("$round-server");
	kill_server($server);
	$cut_off += end_workers("$round-server", @workers);
	$server->start;
}
is($killed, ROUNDS, 'a backend was killed in every round');
is($cut_off, 2 * WORKERS * ROUNDS, 'all workers were cut off twice in every round');

# What workers were told that they had completed.
my %completed;
my $twice = 0;
for my $file (glob "$folder/*.out")
{
	$twice += $completed{$_}++ for slurp_file($file) =~ /^completed\|(.*)$/mg;
}
cmp_ok(scalar keys %completed, '>', 50 * ROUNDS, 'messages were completed');
is($twice, 0, 'none of them twice');
append_to_file("$folder/completed", join '', map { "$_\n" } keys %completed);
sql('CREATE TABLE completed (id uuid)');
$server->safe_psql('postgres', "\\copy completed FROM '$folder/completed'");
is(sql(q(SELECT count(*) FROM completed c LEFT JOIN lt_messages m ON m.message_id = c.id WHERE m.state IS DISTINCT FROM 'sent')), '0', 'all of them are sent');
is(sql('SELECT count(*) FROM (SELECT lead_id FROM lt_messages WHERE step = 1 GROUP BY 1 HAVING count(*) <> 1) d'), '0', 'every lead has one first message');
is(sql('SELECT count(*) FROM lt_messages WHERE step = 1'), 2 * LEADS * ROUNDS + 1, 'and every message is there');
is(sql('SELECT count(*) FROM (SELECT message_id FROM lt_messages GROUP BY 1 HAVING count(*) > 1) d'), '0', 'in one state');

# Later all leases have run out; a worker that does not die sends the rest.
sql(<<'SQL');
CREATE PROCEDURE drain() LANGUAGE plpgsql AS $$
DECLARE
    now timestamptz := clock_timestamp();
    lease uuid;
BEGIN
    LOOP
        now := greatest(now, lt_next_due());
        EXIT WHEN lt_next_due() IS NULL;
        PERFORM set_config('leadterra.now', now::text, false);
        SELECT min(lease_id::text)::uuid INTO lease FROM lt_claim_messages(1000, '1 hour', NULL, 'drain');
        IF lease IS NOT NULL THEN
            PERFORM lt_complete_messages(lease);
        END IF;
        COMMIT;
    END LOOP;
END;
$$;
SQL
sql('CALL drain()');
is(sql('SELECT step, state, count(*) FROM lt_messages GROUP BY 1, 2 ORDER BY 1'),
	"1|sent|${\ (2 * LEADS * ROUNDS + 1)}\n2|sent|${\ (2 * LEADS * ROUNDS + 1)}", 'every message is sent in the end');
is(sql('SELECT count(*) FROM (SELECT lead_id, step FROM lt_messages GROUP BY 1, 2 HAVING count(*) <> 1) d'), '0', 'once');
is(sql("SELECT sent, queued FROM lt_campaign_stats('$campaign')"), 2 * (2 * LEADS * ROUNDS + 1) . '|0', 'and the statistics say so');
is(sql("SELECT status FROM lt_sending_status('$campaign')"), 'finished', 'the campaign has finished');
is(sql("SELECT count(*) FROM leadterra.leases WHERE state = 'open'"), '0', 'no lease is left open');

$server->stop;
done_testing();
