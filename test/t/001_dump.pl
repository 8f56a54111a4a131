# A dump, restored into a new server, brings back every row of the extension,
# whether plain or custom, in whatever schema its functions are; they go on
# from there, and a second dump is the same as the first.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = start_server('old');
my $new = start_server('new');
my $folder = PostgreSQL::Test::Utils::tempdir;

# A role of the user's own that was granted some of the extension.
$_->safe_psql('postgres', 'CREATE ROLE app') for $old, $new;

# The token of a link in a mail whose campaign is deleted, by database.
my %token;

# Makes a database whose extension's functions are in a schema.
sub make_database
{
	my ($schema) = @_;
	my $database = "in_$schema";

	$old->safe_psql('postgres', "CREATE DATABASE $database");
	$old->safe_psql($database,
		$schema eq 'public'
		? 'CREATE EXTENSION leadterra'
		: "CREATE SCHEMA $schema; CREATE EXTENSION leadterra SCHEMA $schema");
	fill($old, $database, $schema);
	$old->safe_psql($database, <<"SQL");
GRANT USAGE ON SCHEMA leadterra TO app;
GRANT SELECT ON leadterra.leads, $schema.lt_leads TO app;
GRANT EXECUTE ON FUNCTION $schema.lt_current_workspace() TO app;
CREATE VIEW mine AS SELECT lead_id, email FROM $schema.lt_leads WHERE first_name = 'Ann';
CREATE FUNCTION mine() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM $schema.lt_messages; END;
SQL
	$token{$database} = $old->safe_psql($database, <<"SQL");
SET search_path TO $schema;
SET leadterra.workspace_id = '@{[ Leadterra::OTHER_WORKSPACE ]}';
SELECT lt_set_unsubscribe_url('https://example.com/u/') \\g /dev/null
SELECT lt_create_campaign('Gone', '[{"subject": "s", "bodyHtml": "{{unsubscribeUrl}}"}]') AS gone \\gset
SELECT lt_bulk_upsert(:'gone', '[{"email": "leaver\@example.com"}]'), lt_start_campaign(:'gone') \\g /dev/null
SELECT split_part(body_html, '/u/', 2) FROM lt_claim_messages(1, '1 hour', :'gone');
SELECT lt_pause_campaign(:'gone'), lt_delete_campaign(:'gone') \\g /dev/null
SQL
	return $database;
}

# Dumps a database to a file, and restores that into a new one.
sub restore_plain
{
	my ($from, $to) = @_;

	command_ok([ 'pg_dump', '-f', "$folder/$from.sql", '-d', $old->connstr($from) ], "$from: plain dump");
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-1', '-f', "$folder/$from.sql", '-d', $new->connstr($to) ],
		"$from: plain restore");
}

sub restore_custom
{
	my ($from, $to) = @_;

	command_ok([ 'pg_dump', '-Fc', '-f', "$folder/$from.dump", '-d', $old->connstr($from) ], "$from: custom dump");
	command_ok([ 'pg_restore', '--exit-on-error', '-j', '2', '-d', $new->connstr($to), "$folder/$from.dump" ],
		"$from: custom restore, two jobs");
}

for my $schema ('public', 'api')
{
	my $database = make_database($schema);
	my $first = dump_text($old, $database);
	my $before = contents($old, $database, $schema);

	isnt($before->{$_}, '', "$database: there are rows in $_, by fill() in test/t/Leadterra.pm") for sort keys %$before;

	for my $format ('plain', 'custom')
	{
		my $restored = "${database}_$format";

		$new->safe_psql('postgres', "CREATE DATABASE $restored TEMPLATE template0");
		if ($format eq 'plain') { restore_plain($database, $restored) } else { restore_custom($database, $restored) }

		my $after = contents($new, $restored, $schema);
		is_deeply([ sort keys %$after ], [ sort keys %$before ], "$restored: the same tables");
		# One bit each: a difference would print every row.
		ok($after->{$_} eq $before->{$_}, "$restored: the same in $_") for sort keys %$before;
		ok(dump_text($new, $restored) eq $first, "$restored: a second dump is the same");
		is($new->safe_psql($restored, 'SELECT count(*), mine() FROM mine'),
			'1|2550', "$restored: a view and a function of the user's own");
		check_calls($new, $restored, $schema);
		is($new->safe_psql($restored, "SET search_path TO $schema; SELECT lt_unsubscribe('$token{$database}'); SET leadterra.workspace_id = '@{[ Leadterra::OTHER_WORKSPACE ]}'; SELECT reason FROM lt_is_suppressed('leaver\@example.com')"),
			"t\nunsubscribed", "$restored: a link that was sent before works");
	}
}

$old->stop;
$new->stop;
done_testing();
