# A backend and then the server die in the midst of an import, again and again; the
# call that follows goes on.  In the end every row was done once.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { ROUNDS => small_or_long(2, 6), ROWS => 60_000, CHUNK => 20 };

my $server = start_server('server', <<'CONF');
autovacuum = off
max_parallel_workers = 0
restart_after_crash = on
CONF

sub sql { return $server->safe_psql('postgres', $_[0]) }

# Of 20 rows one is invalid, one suppressed, and one comes again.
sql(<<"SQL");
CREATE EXTENSION leadterra;
CREATE TABLE list AS
SELECT CASE i % 20 WHEN 3 THEN format('row-%s', i) WHEN 7 THEN format('row-%s\@blocked.example', i)
    WHEN 11 THEN format('row-%s\@example.com', i - 1) ELSE format('row-%s\@example.com', i) END AS email, i AS number
FROM generate_series(1, ${\ ROWS}) i;
SELECT lt_suppress('{blocked.example}');
SQL
my $campaign = sql(q(SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}]')));
my $call = "CALL lt_import_table('$campaign', 'list', NULL, ${\ CHUNK})";

# Starts the call and waits until it has done some more chunks.
sub start_import
{
	my ($output) = @_;
	my $before = sql('SELECT coalesce(max(rows_done), 0) FROM lt_imports');
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-c', $call, '-d', $server->connstr('postgres') ],
		'<', '/dev/null', '>', $output, '2>&1', IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));

	$server->poll_query_until('postgres', "SELECT max(rows_done) > $before + 5 * ${\ CHUNK} FROM lt_imports") or die 'no import';
	return $run;
}

my $cut_off = 0;
for my $round (1 .. ROUNDS)
{
	my $output = '';
	my $run = start_import(\$output);

	if ($round % 2)
	{
		ok(kill_backend($server, 'lt_import_table'), "round $round: a backend is killed");
		$run->finish;
	}
	else
	{
		kill_server($server);
		$run->finish;
		$server->start;
	}
	like($output, qr/connection to server was lost|server closed the connection/, "round $round: the import is cut off");

	# What the client was told is there, and what is there is whole.  It is told once a second.
	my ($told) = reverse map { tr/,//dr } $output =~ /imported ([\d,]+) of/g;
	cmp_ok(sql('SELECT rows_done FROM lt_imports'), '>=', $told // 0, "round $round: what was reported is there");
	is(sql('SELECT count(*) FROM lt_imports WHERE state = \'interrupted\' AND rows_done = enrolled + updated + rejected'
			. ' AND rows_done < rows_total AND rejected = (SELECT count(*) FROM lt_import_rejects)'
			. ' AND enrolled = (SELECT count(*) FROM lt_enrollments)'),
		'1', "round $round: it is an import, interrupted between two chunks");
}
sql($call);

is(sql('SELECT rows_total, rows_done, enrolled, updated, rejected, finished_at IS NOT NULL FROM lt_imports'),
	join('|', ROWS, ROWS, ROWS * 17 / 20, ROWS / 20, ROWS / 10, 't'), 'one import did every row');
is(sql(q(SELECT count(*), count(DISTINCT email), count(*) FILTER (WHERE email ~ '^row-[0-9]+@example.com$') FROM lt_enrollments)),
	join('|', (ROWS * 17 / 20) x 3), 'everybody is enrolled');
is(sql('SELECT count(*) FROM (SELECT unnest(lead_ids) FROM leadterra.batches GROUP BY 1 HAVING count(*) <> 1) d'), '0', 'and queued once');
is(sql(<<'SQL'), '0', 'what was left out is there, by the numbers of rows');
SELECT count(*) FROM (
    SELECT number::bigint, CASE number % 20 WHEN 3 THEN 'invalid_email' ELSE 'suppressed' END, CASE number % 20 WHEN 3 THEN to_jsonb(list) END FROM list WHERE number % 20 IN (3, 7)
    EXCEPT SELECT row_number, reason, lead FROM lt_import_rejects WHERE code = CASE reason WHEN 'suppressed' THEN reason ELSE 'email_no_at' END) d
SQL

$server->stop;
done_testing();
