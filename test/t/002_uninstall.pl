# The way to uninstall without losing data, as doc/operations.md has it: a dump of the
# extension and its tables alone, DROP EXTENSION, and a restore that brings all back.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = start_server('server');
my $folder = PostgreSQL::Test::Utils::tempdir;

$server->safe_psql('postgres', 'CREATE ROLE app');

for my $schema ('public', 'api')
{
	my $database = "in_$schema";
	my $dump = "$folder/$database.dump";
	my @members = ($database, "SELECT count(*) FROM pg_proc WHERE proname LIKE 'lt\\_%'");

	$server->safe_psql('postgres', "CREATE DATABASE $database");
	$server->safe_psql($database, "CREATE SCHEMA IF NOT EXISTS $schema; CREATE EXTENSION leadterra SCHEMA $schema");
	fill($server, $database, $schema);
	$server->safe_psql($database, <<"SQL");
GRANT USAGE ON SCHEMA leadterra TO app;
GRANT SELECT ON leadterra.leads, $schema.lt_leads TO app;
GRANT EXECUTE ON FUNCTION $schema.lt_current_workspace() TO app;
CREATE TABLE mine AS SELECT 'mine' AS text;
CREATE VIEW needs_it AS SELECT email FROM $schema.lt_leads;
SQL
	my $before = contents($server, $database, $schema);
	my ($do_dump, $restore, $drop) = commands('doc/operations.md', 'test/t/002_uninstall.pl', 'leadterra.dump' => $dump);

	$server->command_ok([ 'sh', '-c', $do_dump =~ s/DATABASE/$database/r ], "$database: dump");

	# What depends on the extension is not taken along unasked.
	$server->command_fails_like([ 'sh', '-c', $drop =~ s/DATABASE/$database/r ],
		qr/view needs_it depends on view/, "$database: DROP EXTENSION is refused while a view needs it");
	$server->safe_psql($database, 'DROP VIEW needs_it');
	$server->command_ok([ 'sh', '-c', $drop =~ s/DATABASE/$database/r ], "$database: DROP EXTENSION");
	is($server->safe_psql($database, "SELECT to_regnamespace('leadterra') IS NULL"), 't', "$database: the tables are gone");
	is($server->safe_psql(@members), '0', "$database: and so are the functions");

	# Into the database that it came from, and into a new one.
	$server->safe_psql('postgres', "CREATE DATABASE ${database}_new TEMPLATE template0");
	$server->safe_psql("${database}_new", "CREATE SCHEMA IF NOT EXISTS $schema");
	for my $restored ($database, "${database}_new")
	{
		my @restore = ('sh', '-c', $restore =~ s/DATABASE/$restored/r);

		$server->command_ok(\@restore, "$restored: restore");

		my $after = contents($server, $restored, $schema);
		is_deeply([ sort keys %$after ], [ sort keys %$before ], "$restored: the same tables");
		ok($after->{$_} ne '' && $after->{$_} eq $before->{$_}, "$restored: the same in $_") for sort keys %$before;

		$server->command_fails(\@restore, "$restored: a second restore fails");
		is_deeply(contents($server, $restored, $schema), $after, "$restored: and changes nothing");
		check_calls($server, $restored, $schema);
	}
	is($server->safe_psql($database, 'SELECT text FROM mine'), 'mine', "$database: a table of the user's own is as it was");
	is($server->safe_psql("${database}_new", "SELECT to_regclass('mine') IS NULL"),
		't', "$database: and is no part of the dump");
}

$server->stop;
done_testing();
