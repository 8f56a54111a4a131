# What a role that may log in tries to get out of its workspace, in sessions of
# its own: before the library is loaded, by startup options, over a pool.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = start_server('server');
my ($workspace_a, $workspace_b, $key_a, $key_b) = split /\|/, $server->safe_psql('postgres', <<'SQL');
CREATE EXTENSION leadterra;
CREATE ROLE tenant LOGIN;
CREATE ROLE bound LOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
CREATE ROLE pooled;
GRANT pooled TO authenticator;
CREATE ROLE sender LOGIN;
CREATE ROLE everywhere LOGIN;
CREATE ROLE watcher LOGIN;
SELECT lt_create_workspace('A') AS a, lt_create_workspace('B') AS b \gset
SELECT lt_grant_api('tenant'), lt_grant_api('bound', :'a'), lt_grant_api('pooled', :'a') \g /dev/null
SELECT lt_grant_worker('sender', :'a'), lt_grant_worker('everywhere'), lt_grant_monitor('watcher') \g /dev/null
CREATE SCHEMA evil AUTHORIZATION tenant;
SET leadterra.workspace_id = :'a';
SELECT lt_create_api_key('key') AS key_a, lt_bulk_upsert(lt_create_campaign('A'), '[{"email": "a@example.com"}]') \gset
SET leadterra.workspace_id = :'b';
SELECT lt_create_api_key('key') AS key_b, lt_bulk_upsert(lt_create_campaign('B'), '[{"email": "b1@example.com"}, {"email": "b2@example.com"}]') \gset
SELECT :'a', :'b', :'key_a', :'key_b';
SQL

# Runs a script in a new session of a role; returns its output, and the errors.
sub session
{
	my ($role, $script, %options) = @_;
	my ($out, $err) = ('', '');
	local $ENV{PGOPTIONS} = $options{options} // '';
	my $connection = $options{connection} // $server->connstr('postgres');
	IPC::Run::run([ 'psql', '-X', '-q', '-A', '-t', '-d', "$connection user=$role" ], '<', \$script, '>', \$out, '2>', \$err);
	chomp $out;
	return wantarray ? ($out, $err) : $out;
}
my $leads = 'SELECT count(*) FROM leadterra.leads;';

is(session('tenant', $leads), 0, 'a role without a key sees no row');
is(session('tenant', "BEGIN; SELECT FROM lt_authenticate('$key_b'); $leads"), 2, 'with one, those of its workspace');
is(session('tenant', "BEGIN; SELECT FROM lt_authenticate('$key_b'); COMMIT; $leads"), 0, 'until the transaction ends');
is(session('tenant', "BEGIN; SELECT FROM lt_authenticate('$key_b'); ROLLBACK; $leads"), 0, 'either way');
is(session('tenant', "BEGIN; SAVEPOINT s; SELECT FROM lt_authenticate('$key_b'); ROLLBACK TO s; $leads"), 0, 'or is rolled back to before');
is(session('tenant', "SELECT FROM lt_authenticate('$key_b'); $leads"), 0, 'a statement of its own is a transaction');

# The setting, while the library is not loaded: a placeholder takes any value.
for my $attempt ("SET leadterra.workspace_id = '$workspace_b'", "SET SESSION leadterra.workspace_id = '$workspace_b'",
	"SELECT set_config('leadterra.workspace_id', '$workspace_b', false)", "BEGIN; SET LOCAL leadterra.workspace_id = '$workspace_b'")
{
	my ($out, $err) = session('tenant', "$attempt; \\o\n $leads SELECT lt_current_workspace();");
	like($out, qr/\n?0\n$/, "$attempt, before the library is loaded, opens nothing");
	like($err, qr/permission denied to set parameter "leadterra.workspace_id"/, 'and is told');
	($out, $err) = session('tenant', "SELECT FROM lt_current_workspace(); $attempt; $leads");
	like($out, qr/^\n?0?$/, 'nor does it after');
	like($err, qr/ERROR:  permission denied to set parameter/, 'which is an error');
}
is(session('tenant', $leads, options => "-c leadterra.workspace_id=$workspace_b"), 0, 'nor does an option of the connection');
is(session('bound', $leads, options => "-c leadterra.workspace_id=$workspace_b"), 1, 'nor of a role that is bound');
is((session('tenant', "ALTER ROLE tenant SET leadterra.workspace_id = '$workspace_b'"))[1] =~ /permission denied/ ? 1 : 0, 1, 'a role does not change its own settings');
is(session('tenant', $leads), 0, 'and is where it was');

# A role that is bound, where it logs in and where a pool sets it.
is(session('bound', $leads), 1, 'a role that is bound sees its workspace');
is(session('authenticator', "BEGIN; SET LOCAL ROLE pooled; $leads"), 1, 'also where a pool sets it');
for my $attempt ('RESET ALL', 'DISCARD ALL', 'RESET leadterra.workspace_id', "SET leadterra.workspace_id = ''", 'RESET ROLE', 'RESET SESSION AUTHORIZATION', 'SET row_security = on')
{
	is(session('bound', "SELECT FROM lt_current_workspace(); $attempt; $leads SELECT lt_current_workspace();"), "1\n$workspace_a", "$attempt leaves it there");
}
for my $attempt ('SET ROLE pooled', 'SET SESSION AUTHORIZATION postgres', "SELECT lt_use_workspace('$workspace_b')", "ALTER ROLE bound SET leadterra.workspace_id = '$workspace_b'")
{
	like((session('bound', $attempt))[1], qr/ERROR:  (permission denied|must have admin|must be)/, "$attempt is refused");
}

# Workers: of one workspace, and of all; and who watches.
is(session('sender', $leads), 1, 'a worker that is bound sees its workspace');
is(session('everywhere', $leads), 0, 'a worker of all workspaces sees none');
is(session('everywhere', "BEGIN; SELECT lt_use_workspace('$workspace_b') \\g /dev/null\n $leads COMMIT; $leads"), "2\n0", 'but the one that it uses, until the transaction ends');
is(session('watcher', 'SELECT workspaces FROM lt_health()'), 2, 'who watches counts workspaces');
for my $attempt ("SELECT lt_use_workspace('$workspace_b')", "SELECT lt_authenticate('$key_b')", 'SELECT * FROM lt_due_workspaces()', 'SELECT * FROM lt_health()')
{
	like((session('sender', $attempt))[1], qr/ERROR:  permission denied for function/, "a worker that is bound: $attempt is refused");
}
for my $attempt ("SELECT lt_authenticate('$key_b')", "SELECT lt_create_campaign('x')", 'SELECT body_html FROM leadterra.steps', 'SELECT * FROM lt_campaigns', 'SELECT * FROM leadterra.workspaces', 'SELECT * FROM lt_health()')
{
	like((session('everywhere', "BEGIN; SELECT lt_use_workspace('$workspace_b'); $attempt"))[1], qr/^ERROR:  permission denied for/, "a worker of all: $attempt is refused");
}
for my $attempt ($leads, 'SELECT * FROM lt_leads', 'SELECT * FROM lt_due_workspaces()', 'SELECT lt_current_workspace()')
{
	like((session('watcher', $attempt))[1], qr/^ERROR:  permission denied for/, "who watches: $attempt is refused");
}

# A session that serves one key after the other.
is(session('tenant', <<"SQL"), "1\n2\n0\n1", 'a prepared statement asks for the workspace each time');
PREPARE p AS SELECT count(*) FROM lt_leads;
SET plan_cache_mode = force_generic_plan;
BEGIN; SELECT lt_authenticate('$key_a') \\g /dev/null
EXECUTE p; COMMIT;
BEGIN; SELECT lt_authenticate('$key_b') \\g /dev/null
EXECUTE p; COMMIT;
EXECUTE p;
BEGIN; SELECT lt_authenticate('$key_a') \\g /dev/null
EXECUTE p; COMMIT;
SQL

# Names in front of ours, and a key of another workspace that only a table of the caller has.
my $forged = substr($key_b, 0, 34) . 'x' x 43;
my ($out, $err) = session('tenant', <<"SQL");
CREATE FUNCTION evil.eq(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS \$\$ BEGIN RAISE EXCEPTION 'ran an operator of the caller'; END \$\$;
CREATE OPERATOR evil.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = evil.eq);
CREATE FUNCTION evil.lt_current_workspace() RETURNS uuid LANGUAGE sql AS \$\$ SELECT '$workspace_b'::uuid \$\$;
CREATE TEMP TABLE leads AS SELECT 'temp' AS email;
CREATE TEMP TABLE api_keys (workspace_id uuid, key_hash bytea, scopes text[], revoked_at timestamptz);
INSERT INTO api_keys VALUES ('$workspace_b', sha256('$forged'), '{all:all}');
SET search_path = evil, pg_temp, public, pg_catalog;
SELECT lt_authenticate('$forged');
BEGIN; SELECT lt_authenticate('$key_a') \\g /dev/null
SELECT count(*) FROM leadterra.leads;
SELECT enrolled FROM lt_bulk_upsert((SELECT campaign_id FROM lt_campaigns), '[{"email": "new\@example.com"}]');
SELECT lt_forget('new\@example.com');
COMMIT;
SQL
is($out, "1\n1\nt", 'operators, functions and temporary tables of the caller are not used');
like($err, qr/^ERROR:  the API key is unknown or revoked\n/, 'nor as keys');
unlike($err, qr/operator of the caller/, 'nor run');

# Revoked between two requests.
is(session('tenant', <<"SQL"), "t\n1", 'a key that is revoked opens no further transaction');
SELECT lt_authenticate('$key_a') IS NOT NULL;
\\! psql -X -q -d "@{[$server->connstr('postgres')]}" -c "SET leadterra.workspace_id = '$workspace_a'" -c "SELECT lt_revoke_api_key(key_id) FROM lt_api_keys" -o /dev/null
\\set ON_ERROR_STOP 0
SELECT lt_authenticate('$key_a') IS NOT NULL;
SELECT :'SQLSTATE' = 'PT401' AS revoked \\gset
SELECT :'revoked'::boolean::integer;
SQL

# A pool that gives a connection to another client after each transaction.
SKIP:
{
	skip 'pgbouncer is not installed', 6 unless IPC::Run::run([ 'pgbouncer', '--version' ], '>', '/dev/null', '2>', '/dev/null');
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	append_to_file("$dir/users", qq("tenant" ""\n));
	append_to_file("$dir/ini", <<"INI");
[databases]
postgres = host=@{[$server->host]} port=@{[$server->port]} dbname=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = $dir
listen_port = $port
auth_type = trust
auth_file = $dir/users
pool_mode = transaction
default_pool_size = 1
logfile = $dir/log
pidfile = $dir/pid
INI
	my ($in, $log) = ('', '');
	my $pool = IPC::Run::start([ 'pgbouncer', "$dir/ini" ], '<', \$in, '>&', \$log);
	my $connection = "host=$dir port=$port dbname=postgres";
	my $ready = 0;
	for (1 .. 1000)
	{
		last if $ready = (session('tenant', 'SELECT 1', connection => $connection) eq '1');
	}
	ok($ready, 'the pool answers');
	is(session('tenant', "BEGIN; SELECT FROM lt_authenticate('$key_b'); $leads", connection => $connection), 2, 'a key opens its workspace');
	is(session('tenant', $leads, connection => $connection), 0, 'and the next client finds none');
	my $pid = session('tenant', "BEGIN; SELECT FROM lt_authenticate('$key_b'); SELECT pg_backend_pid(); COMMIT", connection => $connection);
	is(session('tenant', 'SELECT pg_backend_pid()', connection => $connection), $pid, 'on the same connection');
	is(session('tenant', "SELECT set_config('leadterra.workspace_id', '$workspace_b', false)", connection => $connection), '', 'a client sets none');
	is(session('tenant', $leads, connection => $connection), 0, 'nor leaves one behind');
	$pool->signal('INT');
	$pool->finish;
}

# What somebody wrote into the tables by hand, with and without what tables check; and
# arguments of every sort.  A crash ends the session; a leak says what it shows.
my $wanted = small_or_long(3000, 10000);
my $times = small_or_long(5, 20);
for my $checks ('true', 'false')
{
	my $seed = seed();
	$server->safe_psql('postgres', "CREATE DATABASE broken_$checks");
	my $database = $server->connstr("broken_$checks");
	$server->safe_psql("broken_$checks", 'CREATE EXTENSION leadterra');
	my ($printed, $said) = ('', '');
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $database, '-v', "seed=$seed", '-v', "wanted=$wanted", '-v', "times=$times", '-v', "checks=$checks",
		'-f', "$FindBin::RealBin/../broken.sql" ], '<', '/dev/null', '>', \$printed, '2>', \$said);
	my @wrong = grep { /PROBLEM|ERROR|FATAL|server closed/ } split /\n/, $said;
	is(join("\n", @wrong), '', "rows that were written by hand, checks $checks");
	my ($combinations) = $said =~ /combinations (\d+) answered/;
	my ($arguments) = $said =~ /arguments (\d+) answered/;
	cmp_ok($combinations // 0, '>=', $wanted, 'in all combinations');
	cmp_ok($arguments // 0, '>=', 100 * $times, 'arguments of every sort');
}

$server->stop;
done_testing();
