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
my $mismatch = qr/(?=.*\bPT503\b)(?=.*"code": "version_mismatch")(?=.*ALTER EXTENSION leadterra UPDATE .* reconnect)/s;

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
	my $bin = pg_config('--bindir');
	my @from = split m{/}, $bin;

	for my $other (map { [ split m{/}, pg_config($_) ] } qw(--sharedir --pkglibdir --includedir-server))
	{
		my $same = 0;
		$same++ while $same < @from && $same < @$other && $from[$same] eq $other->[$same];
		splice @from, $same;
	}
	my $common = join '/', @from;
	system_or_bail('cp', '-a', $common, "$folder/server");
	substr $bin, 0, length $common, "$folder/server";
	$ENV{PATH} = "$bin:$ENV{PATH}";
	$ENV{PG_CONFIG} = "$bin/pg_config";
	return;
}

# Builds the next version in a copy of the tree, and returns both versions.
sub build_next
{
	my $tree = "$folder/tree";

	mkdir $tree or die $!;
	system_or_bail('cp', '-a', map({ "$root/$_" } qw(Makefile leadterra.control sql src updates)), $tree);
	my @versions = make_next_version($tree);
	system_or_bail('make', '-C', $tree, '-s', '-j2', 'with_llvm=no', 'COPT=-O0 -Werror', "PG_CONFIG=$ENV{PG_CONFIG}");
	return @versions;
}

# A session that goes on, and what it prints for a statement, with the SQLSTATE.
sub session
{
	my ($server, $database) = @_;
	my $session = { in => '', out => '' };

	$session->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $server->connstr($database) ],
		'<', \$session->{in}, '>', \$session->{out}, '2>&1', IPC::Run::timeout(180));
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

copy_server();
my $server = start_server('server');
my ($version, $next) = build_next();

sub catalog
{
	my ($database) = @_;
	return $server->safe_psql($database, slurp_file("$root/test/catalog.sql"));
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

# What doc/upgrade.md has an administrator run.
my ($upgrade, $validate) = slurp_file("$root/doc/upgrade.md") =~ /^psql -c '(.*)' DATABASE\n.*?^```sql\n(.*?)^```$/ms
  or die 'doc/upgrade.md does not say how to upgrade';

# Restores a dump into a new database, in which errors are none.
sub restore
{
	my ($dump, $database) = @_;

	$server->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-1', '-f', $dump, '-d', $server->connstr($database) ],
		"$database: restore");
	return;
}

sub dump_to
{
	my ($database, $file) = @_;
	command_ok([ 'pg_dump', '-f', $file, '-d', $server->connstr($database) ], "$database: dump to " . basename($file));
	return;
}

# Holds the rows of a database, in tables and views, to those that were there first.
my $rows;

sub check_rows
{
	my ($database) = @_;
	my $after = contents($server, $database, 'public', qw(priority note));

	# The names alone: a difference would print every row.
	is(join(' ', sort grep { $_ ne 'privileges' && $after->{$_} ne $rows->{$_} } keys %$rows), '', "$database: the same rows");
	return;
}

#
# A database of this version, with customers' grants.  Two superusers.
#
$server->safe_psql('postgres', 'CREATE ROLE api; CREATE ROLE hand; CREATE ROLE stranger; CREATE ROLE maker SUPERUSER; CREATE ROLE other');
$server->safe_psql('postgres', "CREATE DATABASE $_") for qw(main trap);
$server->safe_psql($_, 'CREATE EXTENSION leadterra') for qw(main trap);
fill($server, 'main', 'public');
$server->safe_psql('main', $grants);
my $privileges = privileges('main');
like($privileges, qr/^stranger\|lt_uuidv7\(\)\|EXECUTE$/m, 'a stranger may do what PUBLIC was granted');
is(scalar(() = $privileges =~ /^stranger/mg), 1, 'and nothing else');
is(join(' ', $privileges =~ /^hand\|(.*)$/mg),
	'leadterra|USAGE leadterra.lists|SELECT lt_create_list(text)|EXECUTE lt_uuidv7()|EXECUTE', 'another role what it was granted');
cmp_ok(scalar(() = $privileges =~ /^api/mg), '>', 50, 'and one of lt_grant_api much');

# What an owner changed by hand in functions and comments, an upgrade takes back.
$server->safe_psql('main', "ALTER FUNCTION lt_create_list(text) COST 5 SET work_mem = '8MB'; COMMENT ON FUNCTION lt_uuidv7() IS 'mine'");
$rows = contents($server, 'main', 'public');
dump_to('main', "$folder/old.sql");

# Another superuser made it, in a schema that was renamed since; functions are for a
# role as they are made; and the one who made it is a superuser no more.
sub make_renamed
{
	my ($database, @schema) = @_;

	$server->safe_psql('postgres', "ALTER ROLE maker SUPERUSER; CREATE DATABASE $database");
	$server->safe_psql($database, <<"SQL");
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT EXECUTE ON FUNCTIONS TO other;
ALTER DEFAULT PRIVILEGES FOR ROLE maker GRANT EXECUTE ON FUNCTIONS TO other;
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
	'ALTER TABLE leadterra.leads DISABLE TRIGGER leads_deleted',
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
	my $changed = $server->safe_psql('main', "BEGIN; $change; " . slurp_file("$root/test/catalog.sql") . 'ROLLBACK');
	isnt(differences($main, $changed), '', "the catalog tells: $change");
}

# A library that writes fewer columns than the result has hands out none of its memory.
for my $call ([ 'lt_suppress_result', q(SELECT lt_suppress('{a@example.com}')) ], [ 'lt_message', 'SELECT lt_claim_messages()' ])
{
	my ($type, $statement) = @$call;
	my ($result, $out, $errors) = $server->psql('main', "\\set VERBOSITY verbose\nBEGIN; ALTER TYPE $type ADD ATTRIBUTE more text; $statement");
	like($errors, $mismatch, "$statement: a type with another column");
}

#
# The next version is installed while sessions have the old library.
#
my $old_session = session($server, 'main');
is(ask($old_session, q(SELECT total FROM lt_suppress('{old@example.com}', 'manual'))), '1', 'a session loads the old library');
$server->safe_psql('main', q(SELECT lt_unsuppress('{old@example.com}')));
system_or_bail('make', '-C', "$folder/tree", '-s', 'install', 'with_llvm=no', 'COPT=-O0 -Werror', "PG_CONFIG=$ENV{PG_CONFIG}");

is(ask($old_session, 'SELECT count(*) FROM lt_lists'), '1', 'it goes on');
is(ask($old_session, q(SELECT total FROM lt_suppress('{old@example.com}', 'manual'))), '1', 'with calls too');
is(ask($old_session, q(SELECT lt_unsuppress('{old@example.com}'))), '1', 'that fit the extension');
like(ask($old_session, $upgrade), $mismatch, 'and is not the one to upgrade it');

my $new_session = session($server, 'main');
for my $call (q(SELECT lt_suppress('{new@example.com}')), 'SELECT lt_next_due()', 'SELECT lt_claim_messages()',
	q(SELECT lt_use_workspace('00000000-0000-7000-8000-000000000000')), q(SELECT leadterra.enter('leads:read')))
{
	like(ask($new_session, $call), $mismatch, "$call: the new library says that the extension is of the old version");
}
like(ask($new_session, q(SELECT lt_typeid('lead', lt_uuidv7()))), $mismatch, 'and so does a function that it no longer has');
check_rows('main');
is(ask($new_session, q(BEGIN; INSERT INTO leadterra.imports (workspace_id, campaign_id, source, source_file)
SELECT workspace_id, campaign_id, 'list', 0 FROM leadterra.campaigns; ROLLBACK)), '', 'tables are written by hand');
dump_to('main', "$folder/between.sql");
ok(slurp_file("$folder/between.sql") =~ s/^\\(?:un)?restrict .*\n//mgr eq slurp_file("$folder/old.sql") =~ s/^\\(?:un)?restrict .*\n//mgr,
	'and dumped as before');

#
# The upgrade.
#
$server->safe_psql('main', $upgrade);
is($server->safe_psql('main', q(SELECT extversion FROM pg_extension WHERE extname = 'leadterra')), $next, 'the extension is upgraded');
is(ask($new_session, q(SELECT total, refused FROM lt_suppress('{new@example.com}', 'manual'))), '1|0', 'a session with the new library works');
is(ask($new_session, q(SELECT lt_unsuppress('{new@example.com}'))), '1', 'without connecting again');
like(ask($old_session, $_), $mismatch, "one with the old library is told to: $_")
  for q(SELECT lt_suppress('{old@example.com}')), 'SELECT count(*) FROM lt_claim_messages()', 'SELECT lt_next_due()';
is(ask($old_session, 'SELECT count(*) FROM lt_lists'), '1', 'and reads views');
$_->{run}->kill_kill for $old_session, $new_session;

check_rows('main');
is($server->safe_psql('main', 'SELECT DISTINCT priority FROM lt_lists'), '7', 'a new column has its default');
# One function was dropped for its result.
is(privileges('main'), $privileges =~ s/^api\|lt_rename_campaign\(uuid,text\).*\n//mr,
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
is(join("\n", map { s/^. |\|.*$//gr } split /\n/, differences($fresh, catalog('main'))),
	join("\n", ('constraint') x 4), 'the catalog is that of an installation, but for two constraints that are not valid yet');
$server->safe_psql('main', $validate);
is(differences($fresh, catalog('main')), '', 'and entirely once that is validated');

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
check_calls($server, $_, 'public') for qw(main restored_old);

#
# Other ways to there.
#
$server->safe_psql('renamed', "$upgrade; $validate");
make_renamed('fresh_renamed', 'The API');
is(differences(catalog('fresh_renamed'), catalog('renamed')), '', 'another owner, a renamed schema, default privileges');
like(catalog('renamed'), qr/^privilege\|function "The API".lt_count_notes\(\)\|\["EXECUTE to maker by maker", "EXECUTE to other by maker"\]$/m,
	'PUBLIC may not execute what is new, whatever the default privileges are');
is($server->safe_psql('renamed', 'SET ROLE maker; SELECT total, (SELECT "The API".lt_count_notes()) FROM "The API".lt_suppress($${a@example.com}$$)'),
	'1|0', 'the owner of the tables makes calls, as no superuser');

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
	is(differences($bare, catalog($database)), '', "$from, installed beside the new library, becomes $next");
}

# Whoever may create objects beside the calls gets none of them into the extension.
for my $mine ('FUNCTION lt_count_notes() RETURNS bigint LANGUAGE sql RETURN 1', 'VIEW lt_notes AS SELECT lt_uuidv7() AS id, $$mine$$ AS note')
{
	my ($kind, $name) = $mine =~ /^(\S+) (\S+)/;

	$server->safe_psql('trap', "CREATE $mine");
	my ($result, $out, $errors) = $server->psql('trap', $upgrade);
	like($errors, qr/\Q$name\E is not a member of extension "leadterra"/, "an upgrade takes over no $kind");
	is($server->safe_psql('trap', q(SELECT extversion FROM pg_extension WHERE extname = 'leadterra')), $version, 'and changes nothing');
	$server->safe_psql('trap', "DROP $kind $name");
}
$server->safe_psql('trap', "$upgrade; $validate");
is(differences($bare, catalog('trap')), '', 'without them it goes through');

$server->stop;
done_testing();
