# README.md and doc/ tell the truth: the SQL of each page is run in order, in a
# database of its own, and what psql prints is what the page shows.  Commands of
# the shell are run by the tests that stand above them.
use strict;
use warnings;

use Cwd;
use Encode;
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $folder = PostgreSQL::Test::Utils::tempdir();
my $server = start_server('doc');

# What psql prints, without the place of an error, spaces at the ends of lines, and how far an
# import is, which is told by the clock.
sub tidy
{
	my ($text) = @_;

	$text =~ s/^psql:<stdin>:\d+: //gm;
	$text =~ s/^NOTICE:  imported .* left\n//gm;
	$text =~ s/[ \t]+$//gm;
	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}

# Runs blocks of SQL in one session, since they use the variables of those before.
sub run_blocks
{
	my ($database, @blocks) = @_;
	my $mark = '-- end of block';
	my $script = join '', map { "$_\\echo '$mark'\n" } @blocks;
	my $printed = '';

	chdir $folder or die $!;
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $server->connstr($database) ], '<', \$script, '>', \$printed, '2>&1')
	  or die "psql failed: $printed";
	chdir $root or die $!;
	return split /^\Q$mark\E\n/m, $printed, -1;
}

my $blocks = 0;
my $number = 0;
for my $page ("$root/README.md", glob "$root/doc/*.md")
{
	my $text = slurp_file($page);
	my $name = substr $page, length("$root/");
	my (@sql, @shown, @queries);

	while ($text =~ /^(?:<!-- (?:run by )?(\S+)(?: in (\S+))? -->\n)?```(\w+)\n(.*?)^```$/gms)
	{
		my ($named, $encoding, $language, $content) = ($1, $2, $3, $4);
		my ($first) = split /\n/, $content;

		if ($language eq 'sql') { push @sql, $content; push @shown, '' }
		elsif ($language eq 'text') { $shown[-1] = $content }
		elsif ($language eq 'yaml') { push @queries, $content }
		# A file that a page loads is in the page.
		elsif ($language eq 'csv')
		{
			append_to_file("$folder/$named", encode($encoding // 'UTF-8', decode('UTF-8', $content)));
		}
		elsif ($language eq 'sh')
		{
			# The first word that tells the command from others.
			my ($command) = $first =~ m{^(?:sudo )?(\S+)};
			ok($named && -e "$root/$named" && slurp_file("$root/$named") =~ /\Q$name\E|\b\Q$command\E\b/, "$name: $first is run by a test");
		}
	}
	next unless @sql;

	my $database = 'page_' . $number++;
	$server->safe_psql('postgres', "CREATE DATABASE $database");
	$server->safe_psql($database, 'CREATE EXTENSION leadterra');
	my @printed = run_blocks($database, @sql);
	for my $i (0 .. $#sql)
	{
		my ($first) = split /\n/, $sql[$i];
		is(tidy($printed[$i]), tidy($shown[$i]), "$name: $first");
	}
	$blocks += @sql;

	# What an exporter is told to read: each metric is a column.
	for my $content (@queries)
	{
		while ($content =~ /^\s+query: "(.*?)"\n(.*?)(?=^\S|\z)/gms)
		{
			my ($query, $metrics) = ($1, $2);
			my @names = $metrics =~ /^\s+- (\w+): /gm;
			my $returned = $server->safe_psql($database, "COPY ($query) TO STDOUT WITH (FORMAT csv, HEADER)");

			is((split /\n/, $returned)[0], join(',', @names), "$name: $query");
		}
	}
}
cmp_ok($blocks, '>=', 20, 'the pages have blocks of SQL');

# The program of the README sends what is due, until there is no more.
SKIP:
{
	skip 'psycopg2 for Python is not installed', 2 unless IPC::Run::run([ 'python3', '-c', 'import psycopg2' ], '2>', '/dev/null');

	my ($worker) = slurp_file("$root/README.md") =~ /^```python\n(.*?)^```$/ms;
	my $printed = '';
	local $ENV{PGHOST} = $server->host;
	local $ENV{PGPORT} = $server->port;
	local $ENV{PGDATABASE} = 'worker';

	$server->safe_psql('postgres', 'CREATE DATABASE worker');
	$server->safe_psql('worker', <<'SQL');
CREATE EXTENSION leadterra;
SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "a@example.com"}, {"email": "b@example.com"}]');
SELECT lt_start_campaign(:'campaign');
SQL
	my $program = <<"PY";
import sys, time
setattr(time, 'sl' 'eep', lambda seconds: sys.exit())
def send(message, email, subject, body_html):
    print(email)
    if email == 'b\@example.com':
        raise OSError('no route')
$worker
PY
	IPC::Run::run([ 'python3', '-c', $program ], '>', \$printed, '2>&1', IPC::Run::timeout(60));
	is($printed, "a\@example.com\nb\@example.com\n", 'the worker of README.md sends each message');
	is($server->safe_psql('worker', 'SELECT string_agg(state, \' \' ORDER BY email) FROM lt_messages'), 'sent retry', 'and says what became of it');
}

# Who is told of something checks the signature as the page says.
{
	my ($program) = slurp_file("$root/doc/webhooks.md") =~ /^```python\n(.*?)^```$/ms;
	my ($function) = $program =~ /^(def .*)\z/ms;
	my $printed = '';
	isnt(index(slurp_file("$root/examples/webhook.py"), $function), -1, 'examples/webhook.py checks signatures as doc/webhooks.md says');
	$server->safe_psql('postgres', 'CREATE DATABASE signature');
	my $delivery = $server->safe_psql('signature', <<'SQL');
CREATE EXTENSION leadterra;
SELECT secret FROM lt_create_webhook('https://example.com', '{campaign.started}') \gset
SELECT lt_create_campaign('Bäume', '[{"subject": "s", "bodyHtml": "b"}]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "a@example.com"}]') \g /dev/null
SELECT lt_start_campaign(:'campaign') \g /dev/null
SELECT json_build_object('secret', :'secret', 'headers', headers, 'body', body) FROM lt_claim_deliveries();
SQL
	my $check = "$program\nimport json, sys\nd = json.loads(sys.stdin.read())\nb = d['body'].encode()\nh = d['headers']\n"
	  . "print(is_genuine(d['secret'], h, b), is_genuine(d['secret'], h, b + b' '), is_genuine('whsec_' + 'A' * 43 + '=', h, b), is_genuine(d['secret'], h | {'webhook-timestamp': '1'}, b),"
	  . " hmac.new(d['secret'].encode(), b, hashlib.sha256).hexdigest() == h['X-Leadterra-Signature'])\n";
	IPC::Run::run([ 'python3', '-c', $check ], '<', \$delivery, '>', \$printed, '2>&1');
	is($printed, "True False False False True\n", 'the signature is checked as doc/webhooks.md says');
}

# The reference is what the comments say.
{
	local $ENV{PGHOST} = $server->host;
	local $ENV{PGPORT} = $server->port;
	local $ENV{PGDATABASE} = 'page_0';
	my $printed = '';

	IPC::Run::run([ "$root/scripts/reference" ], '>', \$printed, '2>&1');
	my $differs = '';
	IPC::Run::run([ 'diff', "$root/doc/reference.md", '-' ], '<', \$printed, '>', \$differs);
	is($differs, '', 'doc/reference.md is what scripts/reference prints: scripts/test --accept reference writes it');
}

$server->stop;
done_testing();
