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

	isnt($before->{$_}, '', "$database: there are rows in $_") for sort keys %$before;

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
	}
}

$old->stop;
$new->stop;
done_testing();
