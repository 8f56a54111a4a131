# An upgrade leaves what an installation makes: the catalog, the rows and who may do what
# are the same, at once and after a dump and restore.  In between, and in sessions that
# still have the old library, calls say what to do, and nothing else breaks.
#
# A made-up next version (NextVersion.pm) is built from the tree and installed over this
# one, in a copy of the server, while that runs.
use strict;
use warnings;

use Cwd;
use File::Basename;
use File::Copy;
use FindBin;
use lib $FindBin::RealBin;

use Leadterra;
use NextVersion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $folder = PostgreSQL::Test::Utils::tempdir;
my $mismatch = qr/version_mismatch.*ALTER EXTENSION leadterra UPDATE .* reconnect.*^SQLSTATE PT503$/ms;

# Says what pg_config does.
sub pg_config
{
	my ($option) = @_;
	my $said = '';

	IPC::Run::run([ $ENV{PG_CONFIG} // 'pg_config', $option ], '>', \$said) or die "pg_config $option failed";
	chomp $said;
	return $said;
}

# Copies the server, and has everything from here on use the copy.
sub copy_server
{
	my $bin = "$folder/server" . pg_config('--bindir');

	for my $path (map { pg_config($_) } qw(--bindir --sharedir --pkglibdir --includedir-server))
	{
		system_or_bail('mkdir', '-p', "$folder/server$path");
		system_or_bail('cp', '-a', "$path/.", "$folder/server$path");
	}
	$ENV{PATH} = "$bin:$ENV{PATH}";
	$ENV{PG_CONFIG} = "$bin/pg_config";
	return;
}

# Runs make for the next version.
sub make
{
	my (@targets) = @_;

	system_or_bail('make', '-C', "$folder/tree", '-s', '-j2', 'with_llvm=no', 'COPT=-O0 -Werror',
		"PG_CONFIG=$ENV{PG_CONFIG}", @targets);
	return;
}

# Builds the next version in a copy of the tree, and returns both versions.
sub build_next
{
	my $tree = "$folder/tree";

	mkdir $tree or die $!;
	system_or_bail('cp', '-a', map({ "$root/$_" } qw(Makefile leadterra.control sql src updates)), $tree);
	my @versions = make_next_version($tree);
	make();
	return @versions;
}

# A session that goes on; what it prints for a statement, with an SQLSTATE if it fails; its end.
sub session
{
	my ($server, $database) = @_;
	my $session = { in => '', out => '' };

	$session->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $server->connstr($database) ],
		'<', \$session->{in}, '>', \$session->{out}, '2>&1', IPC::Run::timeout(600));
	return $session;
}

sub ask
{
	my ($session, $statement) = @_;

	$session->{out} = '';
	$session->{in} .= "$statement;\n\\echo SQLSTATE :SQLSTATE\n";
	$session->{run}->pump until $session->{out} =~ /^SQLSTATE .*\n/m;
	return $session->{out} =~ s/^SQLSTATE 00000\n//mr =~ s/\n\z//r;
}

sub end
{
	my ($session) = @_;

	$session->{in} .= "\\q\n";
	$session->{run}->finish or die 'psql failed';
	return;
}

copy_server();
my $server = start_server('server');
my ($version, $next) = build_next();

my $catalog = slurp_file("$root/test/catalog.sql");

sub catalog
{
	my ($database) = @_;
	return $server->safe_psql($database, $catalog);
}

# What two catalogs do not have in common.
sub differences
{
	my ($one, $other) = @_;
	my %count;

	$count{$_}-- for split /\n/, $one;
	$count{$_}++ for split /\n/, $other;
	return join "\n", map { ($count{$_} < 0 ? '-' : '+') . " $_" } grep { $count{$_} } sort keys %count;
}

# What roles that own nothing may do with the extension.
sub privileges
{
	my ($database) = @_;
	return $server->safe_psql($database, <<'SQL');
SELECT r.role, m.what, m.privilege
FROM unnest('{api, hand, stranger}'::name[]) AS r (role)
CROSS JOIN (
    SELECT d.objid::regprocedure::text, 'EXECUTE', d.objid, 'f' FROM pg_depend d
    JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
    WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    UNION ALL
    SELECT d.objid::regclass::text, p, d.objid, 't' FROM pg_depend d
    JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
    CROSS JOIN unnest('{SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER}'::text[]) p
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    UNION ALL
    SELECT a.attrelid::regclass || '.' || a.attname, p, a.attrelid, a.attname FROM pg_attribute a
    CROSS JOIN unnest('{SELECT, INSERT, UPDATE, REFERENCES}'::text[]) p
    WHERE a.attrelid = 'leadterra.workspaces'::regclass AND a.attnum > 0
    UNION ALL
    SELECT 'leadterra', p, 'leadterra'::regnamespace, 's' FROM unnest('{USAGE, CREATE}'::text[]) p
) AS m (what, privilege, oid, kind)
WHERE CASE m.kind
    WHEN 'f' THEN has_function_privilege(r.role, m.oid, m.privilege)
    WHEN 't' THEN has_table_privilege(r.role, m.oid, m.privilege)
    WHEN 's' THEN has_schema_privilege(r.role, m.oid, m.privilege)
    ELSE has_column_privilege(r.role, m.oid, m.kind, m.privilege)
END
ORDER BY 1, 2, 3
SQL
}

my $grants = <<'SQL';
SELECT lt_grant_api('api');
GRANT USAGE ON SCHEMA leadterra TO hand;
GRANT SELECT ON leadterra.lists TO hand;
GRANT EXECUTE ON FUNCTION lt_create_list(text) TO hand;
GRANT EXECUTE ON FUNCTION lt_uuidv7() TO PUBLIC;
SQL

my $installed = q(SELECT extversion FROM pg_extension WHERE extname = 'leadterra');

# What doc/operations.md has an administrator run.
my $page = slurp_file("$root/doc/operations.md");
my ($upgrade, $validate) = $page =~ /^psql -c '(ALTER [^']*)' DATABASE\n.*?^```sql\n(.*?)^```$/ms
  or die 'doc/operations.md does not say how to upgrade';

# Restores a dump into a new database, in which errors are none.
sub restore
{
	my ($dump, $database) = @_;

	$server->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
	command_ok([ 'psql', '-Xq1', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $server->connstr($database) ],
		"$database: restore");
	return;
}

# Dumps a database to a file, and returns what that says, without the random key in it.
sub dump_to
{
	my ($database, $file) = @_;
	command_ok([ 'pg_dump', '-f', $file, '-d', $server->connstr($database) ], "$database: dump");
	return slurp_file($file) =~ s/^\\(?:un)?restrict .*\n//mgr;
}

# Holds the rows of a database, in tables and views, to those that were there first.
my $rows;

sub check_rows
{
	my ($database) = @_;
	my $after = contents($server, $database, 'public', qw(priority note));
	# The names alone: a difference would print every row.
	my @other = grep { $_ ne 'privileges' && $after->{$_} ne $rows->{$_} } sort keys %$rows;

	is("@other", '', "$database: the same rows");
	return;
}

#
# A database of this version, with customers' grants.
#
$server->safe_psql('postgres', "CREATE ROLE $_") for 'api', 'hand', 'stranger', 'other', 'maker SUPERUSER';
$server->safe_psql('postgres', "CREATE DATABASE $_") for qw(main trap);
$server->safe_psql($_, 'CREATE EXTENSION leadterra') for qw(main trap);
fill($server, 'main', 'public');
$server->safe_psql('main', $grants);
my $privileges = privileges('main');
like($privileges, qr/^stranger\|lt_uuidv7\(\)\|EXECUTE$/m, 'a stranger may do what PUBLIC was granted');
is(scalar(() = $privileges =~ /^stranger/mg), 1, 'and nothing else');
is(join(' ', $privileges =~ /^hand\|(.*)$/mg),
	'leadterra|USAGE leadterra.lists|SELECT lt_create_list(text)|EXECUTE lt_uuidv7()|EXECUTE',
	'another role what it was granted');
cmp_ok(scalar(() = $privileges =~ /^api/mg), '>', 50, 'and one of lt_grant_api much');

# What an owner changed by hand in functions and comments, an upgrade takes back.
$server->safe_psql('main', "ALTER FUNCTION lt_create_list(text) COST 5 SET work_mem = '8MB'");
$server->safe_psql('main', "COMMENT ON FUNCTION lt_uuidv7() IS 'mine'");
$rows = contents($server, 'main', 'public');
my $old_dump = dump_to('main', "$folder/old.sql");

# One that another superuser made, who is one no more, in a schema that was renamed since,
# and where default privileges let a role execute every function and read every table.
sub make_renamed
{
	my ($database, @schema) = @_;

	$server->safe_psql('postgres', "ALTER ROLE maker SUPERUSER; CREATE DATABASE $database");
	$server->safe_psql($database, <<"SQL");
ALTER DEFAULT PRIVILEGES FOR ROLE postgres, maker GRANT EXECUTE ON FUNCTIONS TO other;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres, maker GRANT SELECT ON TABLES TO other;
SET ROLE maker;
CREATE SCHEMA "$schema[0]";
CREATE EXTENSION leadterra SCHEMA "$schema[0]";
SQL
	$server->safe_psql($database, qq(ALTER SCHEMA "$schema[0]" RENAME TO "$schema[1]")) if @schema > 1;
	$server->safe_psql('postgres', 'ALTER ROLE maker NOSUPERUSER');
	return;
}
make_renamed('renamed', 'api', 'The API');

# What the catalog query would not see, no comparison would.
my $main = catalog('main');
for my $change (
	'GRANT SELECT ON leadterra.leads TO stranger',
	'GRANT SELECT (name) ON leadterra.workspaces TO stranger',
	'GRANT EXECUTE ON FUNCTION leadterra.clock() TO PUBLIC',
	'GRANT USAGE ON TYPE lt_job TO stranger',
	'REVOKE USAGE ON SCHEMA leadterra FROM hand',
	q(DELETE FROM pg_init_privs WHERE objoid = 'leadterra.clock()'::regprocedure),
	'ALTER TABLE leadterra.leads DISABLE ROW LEVEL SECURITY',
	'ALTER POLICY workspace ON leadterra.leads USING (true)',
	'ALTER TABLE leadterra.leads ALTER COLUMN custom DROP DEFAULT',
	'ALTER TABLE leadterra.leads ALTER COLUMN custom DROP NOT NULL',
	'ALTER TABLE leadterra.leads ALTER COLUMN custom SET STORAGE EXTERNAL',
	'ALTER TABLE leadterra.leads DROP CONSTRAINT leads_custom_check',
	'ALTER TABLE leadterra.leads RESET (fillfactor)',
	'ALTER TABLE leadterra.leads OWNER TO maker',
	'ALTER TABLE leadterra.leads DISABLE TRIGGER USER',
	'ALTER VIEW lt_leads RESET (security_invoker)',
	'ALTER FUNCTION leadterra.clock() COST 7',
	'ALTER TYPE lt_job ADD ATTRIBUTE more text',
	'ALTER EXTENSION leadterra DROP FUNCTION leadterra.clock()',
	'CREATE INDEX ON leadterra.leads (email)',
	'CREATE TABLE leadterra.mine ()',
	q(COMMENT ON TABLE leadterra.leads IS 'x'),
	q(COMMENT ON COLUMN leadterra.leads.email IS 'x'),
	q(UPDATE pg_extension SET extcondition[1] = 'WHERE false' WHERE extname = 'leadterra'))
{
	my $changed = $server->safe_psql('main', "BEGIN; $change; $catalog ROLLBACK");
	isnt(differences($main, $changed), '', "the catalog tells: $change");
}

# A library that writes fewer columns than the result has hands out none of its memory.
my $session = session($server, 'main');
for (
	[ 'lt_suppress_result', q(SELECT lt_suppress('{a@example.com}')) ],
	[ 'lt_message', 'SELECT lt_claim_messages()' ])
{
	my ($type, $call) = @$_;

	ask($session, "BEGIN; ALTER TYPE $type ADD ATTRIBUTE more text");
	like(ask($session, $call), $mismatch, "$call: a type with one more column");
	ask($session, 'ROLLBACK');
}
end($session);

#
# The next version is installed while sessions have the old library.
#
my $old_session = session($server, 'main');
my $suppress = q(SELECT total FROM lt_suppress('{late@example.com}', 'manual'));
my $unsuppress = q(SELECT lt_unsuppress('{late@example.com}'));
is(ask($old_session, $suppress), '1', 'a session loads the old library');
is(ask($old_session, $unsuppress), '1', 'and works');
make('install');

is(ask($old_session, 'SELECT count(*) FROM lt_lists'), '1', 'it goes on');
is(ask($old_session, $suppress), '1', 'with calls too');
is(ask($old_session, $unsuppress), '1', 'that fit the extension');
like(ask($old_session, $upgrade), $mismatch, 'and is not the one to upgrade it');

my $new_session = session($server, 'main');
like(ask($new_session, $_), $mismatch, "the new library waits for the upgrade: $_")
  for $suppress, 'SELECT lt_next_due()', 'SELECT lt_claim_messages()',
  q(SELECT lt_use_workspace('00000000-0000-7000-8000-000000000000')),
  q(SELECT leadterra.enter('leads:read'));
like(ask($new_session, q(SELECT lt_typeid('lead', lt_uuidv7()))), $mismatch, 'so does a symbol that is gone');
check_rows('main');
is(ask($new_session, <<'SQL'), '', 'tables are written by hand');
BEGIN;
INSERT INTO leadterra.imports (workspace_id, campaign_id, source, source_file)
SELECT workspace_id, campaign_id, 'list', 0 FROM leadterra.campaigns;
ROLLBACK
SQL
ok(dump_to('main', "$folder/between.sql") eq $old_dump, 'and dumped as before');

#
# The upgrade.
#
$server->safe_psql('main', $upgrade);
is($server->safe_psql('main', $installed), $next, 'the extension is upgraded');
is(ask($new_session, $suppress =~ s/total/total, refused/r), '1|0', 'a session with the new library works');
is(ask($new_session, $unsuppress), '1', 'without connecting again');
like(ask($old_session, $_), $mismatch, "one with the old library has to connect again: $_")
  for $suppress, 'SELECT count(*) FROM lt_claim_messages()', 'SELECT lt_next_due()';
is(ask($old_session, 'SELECT count(*) FROM lt_lists'), '1', 'and reads views until then');
end($_) for $old_session, $new_session;

check_rows('main');
# One function was dropped for its result.
is(privileges('main'), $privileges =~ s/^api\|lt_set_postal_address\(text\).*\n//mr,
	'roles may do what they could, and nothing that is new');

# What an installation makes, with the same grants.
$server->safe_psql('postgres', 'CREATE DATABASE fresh');
$server->safe_psql('fresh', 'CREATE EXTENSION leadterra');
my $bare = catalog('fresh');
$server->safe_psql('fresh', $grants);
my $fresh = catalog('fresh');
my $granted = privileges('fresh');

$server->safe_psql('main', $grants);
is(privileges('main'), $granted, 'granted again, the API has what is new');
isnt($granted, $privileges, 'which is something');
my @invalid = map { s/^. |\|.*$//gr } split /\n/, differences($fresh, catalog('main'));
is("@invalid", join(' ', ('constraint') x 4), 'but for two constraints the catalog is that of an installation');
$server->safe_psql('main', $validate);
is(differences($fresh, catalog('main')), '', 'and entirely once those are validated');

dump_to('main', "$folder/new.sql");
for my $dump (qw(old between new))
{
	my $database = "restored_$dump";

	restore("$folder/$dump.sql", $database);
	check_rows($database);
	is(privileges($database), $dump eq 'new' ? $granted : $privileges, "$database: privileges");
	$server->safe_psql($database, $grants);
	is(differences($fresh, catalog($database)), '', "$database: the catalog is that of an installation");
}
for my $database (qw(main restored_old))
{
	is($server->safe_psql($database, 'SELECT DISTINCT priority FROM leadterra.lists'),
		'7', "$database: a new column has its default");
	check_calls($server, $database, 'public');
}

#
# Other ways to there.
#
$server->safe_psql('renamed', "$upgrade; $validate");
make_renamed('fresh_renamed', 'The API');
my $renamed = catalog('renamed');
is(differences(catalog('fresh_renamed'), $renamed), '', 'another owner, a renamed schema, default privileges');
is(join(' ', $renamed =~ /^privilege\|function "The API".lt_count_notes\(\)\|(.*)$/m),
	'["EXECUTE to maker by maker"]', 'nobody else may execute what is new there');
is($server->safe_psql('renamed', <<'SQL'), '1|0', 'the owner of the tables makes calls, as no superuser');
SET ROLE maker;
SELECT s.total, "The API".lt_count_notes() FROM "The API".lt_suppress('{a@example.com}') s;
SQL

# This version, and those that were released.
my $scripts = pg_config('--sharedir') . '/extension';
my @released = glob "$root/test/version/leadterra--*.sql";
copy($_, $scripts) or die $! for @released;
for my $from ($version, map { /--(.*)\.sql$/ } @released)
{
	my $database = "from_$from" =~ tr/./_/r;

	$server->safe_psql('postgres', "CREATE DATABASE $database");
	$server->safe_psql($database, "CREATE EXTENSION leadterra VERSION '$from'");
	$server->safe_psql($database, "$upgrade; $validate");
	is(differences($bare, catalog($database)), '', "$from, made beside the new library, becomes $next");
}

# Whoever may create objects beside the calls gets none of them into the extension.
for my $mine (
	'FUNCTION lt_count_notes() RETURNS bigint LANGUAGE sql RETURN 1',
	'VIEW lt_notes AS SELECT lt_uuidv7() AS id, $$mine$$ AS note')
{
	my ($kind, $name) = $mine =~ /^(\S+) (\S+)/;

	$server->safe_psql('trap', "CREATE $mine");
	my ($result, $out, $errors) = $server->psql('trap', $upgrade);
	like($errors, qr/\Q$name\E is not a member of extension "leadterra"/, "an upgrade takes over no $kind");
	is($server->safe_psql('trap', $installed), $version, 'and changes nothing');
	$server->safe_psql('trap', "DROP $kind $name");
}
$server->safe_psql('trap', "$upgrade; $validate");
is(differences($bare, catalog('trap')), '', 'without them it goes through');

$server->stop;
done_testing();
