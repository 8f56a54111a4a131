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
	skip 'psycopg2 for Python is not installed', 19 unless IPC::Run::run([ 'python3', '-c', 'import psycopg2' ], '2>', '/dev/null');

	$campaign = campaign('python', 250);
	my $printed = run('python3', "$root/examples/worker.py", '--once');
	is(scalar(() = $printed =~ /^to python-\d+\@example\.com: Hi python-\d+\@example\.com$/mg), 250, 'worker.py sends every message');
	is(states($campaign), '1 sent 250, 2 queued 250', 'and completes it');

	# Runs the worker with another send(), in Python.
	my $run_with = sub {
		my ($code) = @_;
		return run('python3', '-B', '-c', <<"PY", 'worker');
import os, signal, smtplib, sys
sys.path.insert(0, '$root/examples')
import worker
stop = worker.Stop()
number = 0
$code
worker.send = send
worker.run(True, stop)
PY
	};

	# What cannot be sent fails, and the worker goes on.
	$campaign = campaign('errors', 20);
	$run_with->(<<'PY');
def send(message):
    if message['email'].startswith('errors-1'):
        raise ValueError('no route')
PY
	is(states($campaign), '1 retry 11 no route, 1 sent 9, 2 queued 9', 'worker.py survives errors');

	# What servers reply.
	$campaign = campaign('reply', 8);
	$run_with->(<<'PY');
replies = {
    'reply-1@example.com': smtplib.SMTPRecipientsRefused({'x': (550, b'5.1.1 no such user')}),
    'reply-2@example.com': smtplib.SMTPDataError(550, b'5.7.1 rejected'),
    'reply-3@example.com': smtplib.SMTPRecipientsRefused({'x': (452, b'4.2.2 daily quota exhausted')}),
    'reply-4@example.com': smtplib.SMTPServerDisconnected('Connection unexpectedly closed'),
    'reply-5@example.com': smtplib.SMTPDataError(552, b'5.2.2 mailbox full'),
    'reply-6@example.com': smtplib.SMTPSenderRefused(421, b'too many connections', 'x'),
    'reply-7@example.com': smtplib.SMTPDataError(550, 'no such user \u00e4')}
def send(message):
    if message['email'] in replies:
        raise replies[message['email']]
PY
	is(states($campaign), '1 failed 1 550 5.1.1 no such user, 1 failed 1 550 5.7.1 rejected, 1 failed 1 550 no such user ä, 1 failed 1 552 5.2.2 mailbox full,'
		  . ' 1 retry 1 421 too many connections, 1 retry 1 452 4.2.2 daily quota exhausted, 1 retry 1 Connection unexpectedly closed, 1 sent 1, 2 queued 1', 'worker.py tells what became of each');
	is(sql("SELECT string_agg(entry || ' ' || reason, ', ') FROM lt_suppressions"), 'reply-1@example.com hard_bounce', 'an address that there is not is suppressed');
	is(sql("SELECT string_agg(left(email, 7) || ' ' || attempt, ', ' ORDER BY email) FROM lt_messages WHERE campaign_id = '$campaign' AND state = 'retry'"),
		'reply-3 1, reply-4 2, reply-6 1', 'to be asked to wait is no attempt');

	# A clock that goes on by a hundred seconds with each message: the lease is extended.
	my $slow = <<'PY';
class clock:
    now = 0
    def monotonic(): return clock.now
worker.time = clock
extended = 0
def counted(connection, function, *arguments):
    global extended
    extended += function == 'lt_extend_lease'
    return original(connection, function, *arguments)
original, worker.call = worker.call, counted
PY
	$campaign = campaign('slow', 20);
	$printed = $run_with->("$slow\n" . <<'PY');
def send(message):
    clock.now += 100
import atexit
atexit.register(lambda: print('extended', extended))
PY
	is(states($campaign), '1 sent 20, 2 queued 20', 'worker.py sends for longer than its lease lasted at first');
	cmp_ok(($printed =~ /extended (\d+)/)[0], '>=', 7, 'for it asks for more time');

	# A lease that is lost meanwhile, and one that cannot be extended in time.
	$campaign = campaign('lost', 20);
	$run_with->("$slow\n" . <<"PY");
other = worker.psycopg2.connect('user=@{[scalar getpwuid $<]}')
other.autocommit = True
def send(message):
    global number
    number += 1
    clock.now += 100
    if number == 3:
        other.cursor().execute("UPDATE leadterra.leases SET expires_at = now() WHERE state = 'open'")
PY
	is(states($campaign), '1 sent 20, 2 queued 20', 'what was in a lease that was lost is sent under another');
	is(sql("SELECT string_agg(state || ' ' || sent, ', ' ORDER BY lease_id) FROM leadterra.leases WHERE campaign_id = '$campaign'"), 'lost 2, closed 18', 'and the worker sends nothing after it');

	# It gives back what it has not sent.
	$campaign = campaign('stop', 20);
	$run_with->(<<'PY');
def send(message):
    global number
    number += 1
    if number == 5:
        os.kill(os.getpid(), signal.SIGTERM)
PY
	is(states($campaign), '1 queued 15, 1 sent 5, 2 queued 5', 'on SIGTERM worker.py finishes a message and gives back the others');
	is(sql("SELECT lt_pause_campaign('$campaign') IS NOT NULL"), 't', 'which nobody needs');

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
	$worker->signal('TERM');
	ok($worker->finish, 'and ends when it is told to, while it waits');
}

# A superuser may set the time.
{
	my $printed = '';

	local @ENV{qw(PGHOST PGPORT PGDATABASE)} = ($server->host, $server->port, 'postgres');
	ok(IPC::Run::run([ 'psql', '-X', '-q', '-f', "$root/examples/senders.sql" ], '>', \$printed, '2>&1'), 'senders.sql ends');
	my ($shown) = slurp_file("$root/doc/sending.md") =~ /^```console\n(.*?)^```$/ms;
	$printed =~ s/[ \t]+$//gm;
	isnt(index($printed, $shown), -1, 'and prints what doc/sending.md shows: what was sent is what was forecast') or diag($printed);
	is(sql('SELECT count(*) FROM lt_senders'), 0, 'and leaves nothing behind');
}

like(scalar run('pg_prove', '-h', $server->host, '-p', $server->port, '-U', scalar(getpwuid($<)), '-d', 'postgres', "$root/examples/pgtap/campaign.sql"), qr/Result: PASS/, 'the pgTAP example passes');

$server->stop;
done_testing();
