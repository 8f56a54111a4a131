# A made-up next version of the extension, made from the tree at hand: what a release
# adds and what it takes away.  The changes to tables are two steps of updates/.
package NextVersion;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(make_next_version);

# A column and a constraint, and a function that tables call, with a symbol of its own.
my $column = <<'SQL';
    priority smallint NOT NULL DEFAULT 7 CHECK (priority >= 0),
    CONSTRAINT lists_named CHECK (leadterra.is_named(name)),
SQL
my $default = <<'SQL';

CREATE FUNCTION leadterra.is_named(name text)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_is_named';
COMMENT ON FUNCTION leadterra.is_named(text) IS 'Say whether a name is not empty.';
SQL

# A table, and comments on another one.
my $table = <<'SQL';
COMMENT ON TABLE leadterra.lists IS 'One row a list, of the next version.';
COMMENT ON COLUMN leadterra.lists.priority IS 'How urgent it is.';

CREATE TABLE leadterra.notes (
    workspace_id uuid NOT NULL,
    note_id uuid NOT NULL DEFAULT @extschema@.lt_uuidv7(),
    note text NOT NULL CHECK (leadterra.is_named(note)),
    PRIMARY KEY (workspace_id, note_id)
);
ALTER TABLE leadterra.notes ALTER COLUMN note SET STORAGE EXTERNAL;
CREATE INDEX notes_by_text ON leadterra.notes (workspace_id, note);
SELECT leadterra.add_table('leadterra.notes');
COMMENT ON TABLE leadterra.notes IS 'One row a note.';
SQL

# A view, and a function that needs it and the new column of another view.
my $functions = <<'SQL';

CREATE VIEW @extschema@.lt_notes WITH (security_invoker = true) AS
SELECT note_id AS id, note FROM leadterra.notes WHERE workspace_id = leadterra.see('lists:read');
COMMENT ON VIEW @extschema@.lt_notes IS 'Notes';

CREATE FUNCTION @extschema@.lt_count_notes()
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT count(*) FROM @extschema@.lt_notes
    WHERE NOT EXISTS (SELECT FROM @extschema@.lt_lists l WHERE l.priority < 0);
END;
COMMENT ON FUNCTION @extschema@.lt_count_notes() IS 'Count notes, unless a list has no priority';
SQL

# Who may use all that.
my $privileges = <<'SQL';
        ('notes',                           '{api, reader}',          'SELECT'),
        ('lt_notes',                        '{api, reader}',          'SELECT'),
        ('lt_count_notes',                  '{api, reader}',          'EXECUTE'),
        ('is_named',                        '{owner}',                'EXECUTE'),
SQL

my $symbols = <<'C';

STUB(lt_typeid)

PG_FUNCTION_INFO_V1(lt_is_named);

Datum
lt_is_named(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(0)) > 0);
}
C

# The changes by hand that lead to it.
my @updates = (<<'SQL', $table . <<'SQL');
ALTER TABLE leadterra.lists ADD COLUMN priority smallint NOT NULL DEFAULT 7;
ALTER TABLE leadterra.lists ADD CHECK (priority >= 0) NOT VALID;
ALTER TABLE leadterra.lists ADD CONSTRAINT lists_named CHECK (leadterra.is_named(name)) NOT VALID;
ALTER TABLE leadterra.imports ADD COLUMN note text;
DROP TRIGGER lists_deleted ON leadterra.lists;
DROP FUNCTION leadterra.lists_deleted();
SQL

ALTER TYPE @extschema@.lt_suppress_result ADD ATTRIBUTE refused integer;
DROP FUNCTION @extschema@.lt_set_postal_address(text);
SQL

sub write_file
{
	my ($path, $text) = @_;
	open my $file, '>', $path or die "$path: $!";
	print $file $text;
	close $file or die "$path: $!";
	return;
}

# Replaces what a pattern matches in the files, so many times in all or, if that is not
# defined, wherever it is.
sub change
{
	my ($files, $wanted, $pattern, $replacement) = @_;
	my $found = 0;

	for my $path (grep { !/leadterra--/ } glob $files)
	{
		my $text = slurp_file($path);
		my $here = $text =~ s/$pattern/$replacement->()/ge or next;

		write_file($path, $text);
		$found += $here;
	}
	die "the made-up version finds $pattern $found times in $files"
	  if defined $wanted ? $found != $wanted : !$found;
	return;
}

# Turns a copy of the tree into the next version, and returns both versions.
sub make_next_version
{
	my ($tree) = @_;
	my ($sql, $c) = ("$tree/sql/*.sql $tree/sql/*/*.sql", "$tree/src/*.c");
	my $text = qr/'(?:[^']|'')*'/;
	my $control = slurp_file("$tree/leadterra.control");
	my ($version) = $control =~ /^default_version = '(.*)'$/m or die 'no version';
	my ($between, $next) = ("$version.1", "$version.2");

	change("$tree/leadterra.control", 1, qr/^default_version = '\K.*(?='$)/m, sub { $next });
	change("$tree/sql/10_default.sql", 1, qr/\z/, sub { $default });
	change($sql, 1, qr/^CREATE TABLE leadterra\.lists \([^;]*\n\K(?=    PRIMARY KEY)/m, sub { $column });
	change($sql, 1, qr/^COMMENT ON TABLE leadterra\.lists IS\s+$text;\n/m, sub { $table });
	change($sql, 1, qr/^CREATE TABLE leadterra\.imports \([^;]*\n\K(?=    PRIMARY KEY)/m,
		sub { "    note text,\n" });
	change($sql, 1, qr/^CREATE VIEW \@extschema\@\.lt_lists [^;]*\K(?=\nFROM leadterra\.lists)/m,
		sub { ",\n    l.priority" });
	change($sql, 1, qr/^COMMENT ON VIEW \@extschema\@\.lt_lists IS\s+$text;\n\K/m, sub { $functions });
	change($sql, 1, qr/^ +\('lists', .*\n\K/m, sub { $privileges });

	# A result with one more attribute.
	change($sql, 1, qr/^CREATE TYPE \@extschema\@\.lt_suppress_result AS \([^;]*\K(?=\n\);)/m,
		sub { ",\n    refused integer" });
	change($c, 1, qr/^lt_suppress\(.*?\b(columns|nulls)\[\K3(?=\])/ms, sub { 4 }) for 1 .. 2;
	change($c, 1, qr/^lt_suppress\(.*?\K\tresult = /ms, sub { "\tcolumns[3] = Int32GetDatum(0);\n$&" });

	# Another result, and names that are gone: of a function, and of a symbol.
	change($sql, 1, qr/lt_set_postal_address\([^)]*\)\s+RETURNS \Kvoid/, sub { 'boolean' });
	change($sql, undef, qr/(?:leadterra\.\Klists_deleted(?=\(\)))|'\Klists_deleted(?=')/, sub { 'lists_gone' });
	change($sql, 1, qr/'MODULE_PATHNAME', '\Klt_typeid(?=')/, sub { 'lt_make_typeid' });
	change($c, 2, qr/^(?:PG_FUNCTION_INFO_V1\()?\Klt_typeid\b/m, sub { 'lt_make_typeid' });
	change("$tree/src/stub.c", 1, qr/\z/, sub { $symbols });

	write_file("$tree/updates/$version--$between.sql", $updates[0]);
	write_file("$tree/updates/$between--$next.sql", $updates[1]);
	return ($version, $next);
}

1;
