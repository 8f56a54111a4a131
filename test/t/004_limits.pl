# Bad and huge input: each call ends with a result or a clear error, in time
# and memory that grow with the input, the backend lives on, and a call that
# failed has written nothing.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Shared buffers count as memory of a backend that touches them.
my $server = start_server('server', <<'CONF');
shared_buffers = 16MB
log_line_prefix = '%m [%p] %e '
CONF

sub sql { return $server->safe_psql('postgres', $_[0]) }

sql('CREATE EXTENSION leadterra');
sql('CREATE UNLOGGED TABLE payload (name text PRIMARY KEY, doc jsonb)');
sql('ALTER TABLE payload ALTER doc SET STORAGE EXTERNAL');
my $campaign = sql(q(SELECT lt_create_campaign('Limits', '[{"subject": "{{a}}", "bodyHtml": "{{firstName}}"}]')));

# Keeps a payload, given as an expression, and returns one that reads it.
sub payload
{
	my ($name, $expression) = @_;
	sql("INSERT INTO payload SELECT '$name', $expression");
	return "(SELECT doc FROM payload WHERE name = '$name')";
}

# Most memory that a backend ever had, in kB; nothing tells where /proc is not mounted.
my $peak = -e '/proc/self/status' ? q(substring(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+)')::bigint) : '0';

# What the tables hold.
my $written = 'SELECT (SELECT (count(*), max(updated_at)) FROM leadterra.leads),'
  . ' (SELECT (count(*), max(enrolled_at)) FROM leadterra.enrollments), (SELECT count(*) FROM leadterra.batches),'
  . ' (SELECT count(*) FROM leadterra.suppressions)';

# Runs a query in a backend of its own.  Returns what it printed, its SQLSTATE
# and DETAIL, the seconds and megabytes that it took, and whether the backend
# lives on; tests the last, and that nothing was written if it failed.
sub attempt
{
	my ($name, $query) = @_;
	my $before = sql($written);
	my ($status, $output, $errors) = $server->psql('postgres', <<"SQL", on_error_stop => 0);
\\set SHOW_CONTEXT never
SELECT pg_backend_pid() AS pid, $peak AS kilobytes, clock_timestamp() AS start \\gset
$query;
\\set state :SQLSTATE
SELECT E'\\n', :'state', extract(epoch FROM clock_timestamp() - :'start'), ($peak - :kilobytes) / 1024.0, pg_backend_pid() = :pid
SQL
	my ($printed, $state, $seconds, $megabytes, $lives) = $output =~ /\A(.*?)\n?\n\|(\w+)\|([\d.]+)\|([\d.]+)\|(t)\Z/s;
	my ($detail) = $errors =~ /^DETAIL:  (.*)$/m;

	ok($lives, "$name: the backend lives on") or diag(substr $errors, 0, 500);
	is(sql($written), $before, "$name: nothing was written") if $state && $state ne '00000';
	note(sprintf '%s: %s, %.2f s, %.0f MB', $name, $state // 'no state', $seconds // -1, $megabytes // -1);
	return { printed => $printed // '', state => $state // '', detail => $detail // '',
		seconds => $seconds, megabytes => $megabytes };
}

sub upsert
{
	my ($name, $leads, $options) = @_;
	return attempt($name, "SELECT * FROM lt_bulk_upsert('$campaign', $leads" . ($options ? ", $options" : '') . ')');
}

# Tests what a call printed.
sub prints
{
	my ($name, $result, $expected) = @_;
	is("$result->{state} $result->{printed}", "00000 $expected", "$name: result");
}

# A hundred megabytes in one field, or fewer, and what is done with that lead afterwards.
{
	my $size = small_or_long(30_000_000, 100_000_000);
	my $lead = payload('string', "jsonb_build_array(jsonb_build_object('email', 'string\@example.com',"
		  . " 'firstName', repeat('x', $size), 'a', repeat('y', $size)))");

	prints('huge strings', upsert('huge strings', $lead), '1|0|0|1');
	is(sql(q(SELECT length(first_name), length(custom->>'a') FROM lt_leads WHERE email = 'string@example.com')),
		"$size|$size", 'huge strings: they are stored');
	prints('huge strings again', upsert('huge strings again', $lead), '0|1|0|1');
	prints('beside a huge string', upsert('beside a huge string', q('[{"email": "string@example.com", "b": 1}]')), '0|1|0|1');
	sql(q(SELECT lt_delete_leads('{string@example.com}')));

	# Custom fields of which the text is longer than they are: a quarter of a gigabyte at most, however it comes about.
	my $part = q((jsonb_build_array(jsonb_build_object('email', 'custom@example.com', '%s', repeat(U&'\0001', %d)))));
	is(upsert('long text', payload('long', sprintf $part, 'a', 50_000_000))->{state}, 'PT422', 'long text: error');
	my $most = payload('most', sprintf $part, 'a', 40_000_000);
	prints('text of most', upsert('text of most', $most), '1|0|0|1');
	is(upsert('text of both', payload('both', sprintf $part, 'b', 40_000_000))->{state}, 'PT400', 'text of both: error');
	is(upsert('text of numbers', payload('numbers', "jsonb_build_array(jsonb_build_object('email', 'numbers\@example.com', 'a', (SELECT jsonb_agg(9e307::numeric) FROM generate_series(1, 1000000))))"))->{state}, 'PT422', 'text of numbers: error');
	prints('text of most again', upsert('text of most again', $most), '0|1|0|1');
	is(sql("COPY leadterra.leads TO '/dev/null'"), '', 'all of it can be dumped');
	sql(q(SELECT lt_delete_leads('{custom@example.com}')));

	my $address = payload('address', "jsonb_build_array(jsonb_build_object('email', repeat('x', $size) || '\@example.com'))");
	my $result = upsert('huge address', $address);
	is($result->{state}, 'PT422', 'huge address: error');
	cmp_ok(length $result->{detail}, '<', 1000, 'huge address: it is not repeated');
	$result = upsert('huge member', payload('member', "jsonb_build_array(jsonb_build_object('email', 'no\@example.com',"
		  . " 'customFields', jsonb_build_object('email', repeat('x', $size))))"));
	is($result->{state}, 'PT422', 'huge member: error');
	cmp_ok(length $result->{detail}, '<', 1000, 'huge member: it is not repeated');
	is(attempt('huge name of a lead', "SELECT lt_update_lead(repeat(U&'\\0001', 3 * $size), '{}')")->{state},
		'PT404', 'huge name of a lead: error');
	is(attempt('huge option', "SELECT lt_bulk_upsert('$campaign', '[]', on_invalid => repeat('x', $size))")->{state},
		'PT400', 'huge option: error');
}

# A hundred megabytes of leads, or fewer.
{
	my $count = small_or_long(15_000, 50_000);
	my $leads = payload('megabytes', q(jsonb_agg(jsonb_build_object('email', format('megabyte-%s@example.com', i),
		'personalization', repeat(md5(i::text), 60)))) . " FROM generate_series(1, $count) i");
	cmp_ok(sql("SELECT pg_column_size($leads)"), '>', 1_900 * $count, 'huge payload: size');
	prints('huge payload', upsert('huge payload', $leads), "$count|0|0|$count");
}

# 200,000 typical leads, or fewer.
{
	my $count = small_or_long(50_000, 200_000);
	my $leads = payload('typical', q(jsonb_agg(jsonb_build_object('email', format('typical-%s@example.com', i),
		'firstName', 'First ' || i, 'lastName', 'Last ' || i, 'company', 'Company ' || i % 1000, 'jobTitle', 'Head of ' || i % 100,
		'useCase', 'outbound'))) . " FROM generate_series(1, $count) i");
	my $size = sql("SELECT pg_column_size($leads)") / 1024 / 1024;
	my %expected = ('many new leads' => "$count|0|0|$count", 'many known leads' => "0|$count|0|$count");

	note(sprintf 'the payload has %.1f MB', $size);
	for my $name ('many new leads', 'many known leads')
	{
		my $result = upsert($name, $leads);
		prints($name, $result, $expected{$name});
		# The payload itself included.
		cmp_ok($result->{megabytes}, '<', 4 * $size + 64, "$name: memory");
	}
	my $result = attempt('report', "SELECT outcome, count(*) FROM lt_bulk_upsert_report('$campaign', $leads, dry_run => true) GROUP BY 1");
	prints('report', $result, "updated|$count");
	cmp_ok($result->{megabytes}, '<', 4 * $size + 64, 'report: memory');
}

# One address again and again, each time with another custom field.
{
	my %seconds;
	for my $count (20_000, 200_000)
	{
		my $leads = payload("same $count", "jsonb_agg(jsonb_build_object('email', 'same-$count\@example.com', 'key-' || i, i))"
			  . " FROM generate_series(1, $count) i");
		my $result = upsert("same address, $count entries", $leads);

		prints("same address, $count entries", $result, '1|' . ($count - 1) . "|0|$count");
		$seconds{$count} = $result->{seconds};
		is(sql("SELECT count(*) FROM lt_leads, jsonb_object_keys(custom) WHERE email = 'same-$count\@example.com'"),
			$count, "same address, $count entries: all fields are there");
	}
	cmp_ok($seconds{200_000} / $seconds{20_000}, '<', 25, 'same address: time does not grow with the square');
}

# Custom fields: many of one lead, and one twice.
{
	my $lead = payload('keys', "jsonb_build_array(jsonb_build_object('email', 'keys\@example.com', 'customFields',"
		  . " (SELECT jsonb_object_agg('key-' || i, i) FROM generate_series(1, 10000) i)))");
	prints('many fields', upsert('many fields', $lead), '1|0|0|1');
	prints('many fields again', upsert('many fields again', $lead), '0|1|0|1');
	is(sql(q(SELECT count(*) FROM lt_leads, jsonb_object_keys(custom) WHERE email = 'keys@example.com')),
		10000, 'many fields: they are there');

	prints('a key twice', upsert('a key twice', q('[{"email": "no@example.com", "a": 1, "firstName": "X", "a": 2, "firstName": "Y",
		"email": "twice@example.com", "customFields": {"b": 1, "b": 2, "a": 3}, "customFields": {"c": 1, "c": 3, "a": 4}}]')), '1|0|0|1');
	is(sql(q(SELECT email, first_name, custom FROM lt_leads WHERE email IN ('no@example.com', 'twice@example.com'))),
		'twice@example.com|Y|{"a": 2, "c": 3}', 'a key twice: the last wins');
}

# Deep nesting: what the parser of jsonb refuses is its error; of what it
# accepts, down to the last level, nothing may be worse than such an error.
{
	my $nested = sub {
		my ($depth) = @_;
		return qq[('[{"email": "nested-$depth\@example.com", "a": ' || repeat('[', $depth) || repeat(']', $depth) || '}]')::jsonb];
	};
	my ($accepted, $refused) = (1, 1_000_000);

	is(upsert('one million levels', $nested->($refused))->{state}, '54001', 'one million levels: error');
	like(upsert('10,000 levels', $nested->(10_000))->{state}, qr/^(00000|54001)$/, '10,000 levels: result or error');
	while ($refused - $accepted > 1)
	{
		my $depth = int(($accepted + $refused) / 2);
		my ($status) = $server->psql('postgres', 'SELECT ' . $nested->($depth) . ' IS NULL');
		if ($status == 0) { $accepted = $depth } else { $refused = $depth }
	}
	note("the parser accepts $accepted levels");
	for my $depth ($accepted, $accepted - 1, $accepted - 100, int($accepted / 2), int($accepted / 4))
	{
		for my $name ("$depth levels", "$depth levels again")
		{
			like(upsert($name, $nested->($depth))->{state}, qr/^(00000|54001)$/, "$name: result or error");
		}
		like(attempt("$depth levels, patch", "SELECT lt_update_lead('nested-$depth\@example.com', '{\"b\": 1}')")->{state},
			qr/^(00000|54001|PT404)$/, "$depth levels, patch: result or error");
	}
	is(attempt('preflight', "SELECT step, token FROM lt_preflight('$campaign')")->{state}, '00000', 'preflight: result');
}

# More entries than a call may have, and as many, none of them a lead.
{
	my $result = upsert('too many', payload('too many', 'jsonb_agg(NULL::text) FROM generate_series(1, 1000001)'));
	is($result->{state}, 'PT413', 'too many: error');
	is($result->{detail}, '{"code": "too_many_entries"}', 'too many: code');
	for my $call ('lt_suppress(%s)', 'lt_unsuppress(%s)', 'lt_delete_leads(%s)', "lt_remove_leads('$campaign', %s)")
	{
		my $most = sprintf $call, "array_fill('x\@example.com'::text, '{1000000}')";
		my $more = sprintf $call, "array_fill('x\@example.com'::text, '{1000001}')";
		is(attempt("$call, a million", "BEGIN; SELECT $most IS NULL; ROLLBACK")->{state}, '00000', "$call, a million: result");
		is(attempt("$call, too many", "SELECT $more")->{state}, 'PT413', "$call, too many: error");
	}

	my $nulls = payload('nulls', 'jsonb_agg(NULL::text) FROM generate_series(1, 1000000)');
	prints('nulls skipped', upsert('nulls skipped', $nulls, "on_invalid => 'skip'"), '0|0|1000000|0');
	$result = upsert('nulls', $nulls);
	is($result->{state}, 'PT422', 'nulls: error');
	my $detail = decode_json($result->{detail});
	is("$detail->{code} $detail->{total}", 'invalid_leads 1000000', 'nulls: all are counted');
	is(scalar @{ $detail->{errors} }, 1000, 'nulls: a thousand are listed');
}

# Databases that cannot hold what jsonb and RFC 6531 allow.
for my $encoding ('LATIN1', 'SQL_ASCII')
{
	sql("CREATE DATABASE \L$encoding\E TEMPLATE template0 ENCODING $encoding LOCALE 'C'");
	my ($status, $output, $errors) = $server->psql(lc $encoding, 'CREATE EXTENSION leadterra');
	like($errors, qr/ERROR:  extension "leadterra" needs a database with encoding UTF8, not $encoding$/m, "$encoding: error");
}

# No assertion, no failed allocation, no corruption, no crash.
my $log = slurp_file($server->logfile);
unlike($log, qr/^\S+ \S+ \S+ \[\d+\] XX\w\w\w /m, 'no internal error in the log');
unlike($log, qr/ (PANIC|FATAL): |terminated by signal|server process/, 'no crash in the log');

$server->stop;
done_testing();
