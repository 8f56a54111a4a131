# The examples do what they say.
use strict;
use warnings;

use Cwd;
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $server = start_server('server');

sub sql { return $server->safe_psql('postgres', $_[0]) }

# Makes a running campaign with leads of such a name, and returns its id.
sub campaign
{
	my ($name, $leads) = @_;
	return sql(<<"SQL");
SELECT lt_create_campaign('$name', '[{"subject": "Hi {{email}}", "bodyHtml": "b"}, {"subject": "Again", "bodyHtml": "b"}]') AS campaign \\gset
SELECT lt_bulk_upsert(:'campaign', (SELECT jsonb_agg(jsonb_build_object('email', format('$name-%s\@example.com', i))) FROM generate_series(1, $leads) i)) \\g /dev/null
SELECT lt_start_campaign(:'campaign') \\g /dev/null
SELECT :'campaign';
SQL
}

sub states
{
	my ($campaign) = @_;
	return sql("SELECT string_agg(format('%s %s %s%s', step, state, count, reason), ', ' ORDER BY step, state) FROM"
		  . " (SELECT step, state, ' ' || reason AS reason, count(*) FROM lt_messages WHERE campaign_id = '$campaign' GROUP BY 1, 2, 3) s");
}

# Runs a program to its end, as a role that may do what workers need; returns what it printed.
sub run
{
	my (@command) = @_;
	my ($output, $errors) = ('', '');

	local @ENV{qw(PGHOST PGPORT PGDATABASE PGUSER)} = ($server->host, $server->port, 'postgres', 'worker');
	ok(IPC::Run::run(\@command, '<', '/dev/null', '>', \$output, '2>', \$errors, IPC::Run::timeout(60)), "@command[0, 1] ends")
	  or diag($errors);
	return wantarray ? ($output, $errors) : $output;
}

sql('CREATE EXTENSION leadterra; CREATE EXTENSION pgtap');

my $campaign = campaign('sql', 250);
sql("CREATE ROLE worker LOGIN; SELECT lt_grant_worker('worker', lt_current_workspace())");
my (undef, $notices) = run('psql', '-X', '-v', 'ON_ERROR_STOP=1', '-f', "$root/examples/worker.sql");
is(scalar(() = $notices =~ /NOTICE:  to sql-\d+\@example\.com: Hi sql-\d+\@example\.com$/mg), 250, 'worker.sql sends every message');
is(states($campaign), '1 sent 250, 2 queued 250', 'and completes it');

SKIP:
{
	skip 'psycopg2 for Python is not installed', 9 unless IPC::Run::run([ 'python3', '-c', 'import psycopg2' ], '2>', '/dev/null');

	$campaign = campaign('python', 250);
	my $printed = run('python3', "$root/examples/worker.py", '--once');
	is(scalar(() = $printed =~ /^to python-\d+\@example\.com: Hi python-\d+\@example\.com$/mg), 250, 'worker.py sends every message');
	is(states($campaign), '1 sent 250, 2 queued 250', 'and completes it');

	# What cannot be sent fails, and the worker goes on.
	$campaign = campaign('errors', 20);
	run('python3', '-c', <<"PY", 'worker');
import sys
sys.path.insert(0, '$root/examples')
import worker
def send(message):
    if message['email'].startswith('errors-1'):
        raise ValueError('no route')
worker.send = send
worker.run(True)
PY
	is(states($campaign), '1 retry 11 no route, 1 sent 9, 2 queued 9', 'worker.py survives errors');

	# It wakes up when something is enrolled, well before its minute is over.
	$campaign = campaign('listen', 1);
	my ($output, $worker) = ('');
	{
		local @ENV{qw(PGHOST PGPORT PGDATABASE PGUSER)} = ($server->host, $server->port, 'postgres', 'worker');
		$worker = IPC::Run::start([ 'python3', "$root/examples/worker.py" ], '<', '/dev/null', '>', \$output, IPC::Run::timeout(45));
	}
	IPC::Run::pump($worker) until $output =~ /to listen-1\@/;
	ok($server->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE state = 'idle' AND query LIKE '%lt_next_due%'"), 'worker.py waits');
	sql("SELECT lt_bulk_upsert('$campaign', '[{\"email\": \"late\@example.com\"}]')");
	IPC::Run::pump($worker) until $output =~ /to late\@/;
	like($output, qr/to late\@example\.com/, 'and is woken');
	$worker->kill_kill;
}

like(scalar run('pg_prove', '-h', $server->host, '-p', $server->port, '-U', scalar(getpwuid($<)), '-d', 'postgres', "$root/examples/pgtap/campaign.sql"), qr/Result: PASS/, 'the pgTAP example passes');

$server->stop;
done_testing();
