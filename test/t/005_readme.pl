# README.md tells the truth: its SQL is run in order, and what psql prints is
# what the README shows.
use strict;
use warnings;

use Cwd;
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $readme = slurp_file("$root/README.md");

# The file that the README loads is in it.
my ($csv) = $readme =~ /^```csv\n(.*?)^```$/ms or die 'README.md shows no CSV';
my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/leads.csv", $csv);

# Blocks of SQL and of what they print.
my @blocks;
while ($readme =~ /^```(sql|text)\n(.*?)^```$/gms)
{
	if ($1 eq 'sql') { push @blocks, { sql => $2, shown => '' } }
	else { $blocks[-1]{shown} = $2 }
}
cmp_ok(scalar(@blocks), '>=', 10, 'README.md has blocks of SQL');

my $node = start_server('readme');
$node->safe_psql('postgres', 'CREATE EXTENSION leadterra');

# One session, since blocks use the variables of those before.
my $mark = '-- end of block';
my $script = join('', map { "$_->{sql}\\echo '$mark'\n" } @blocks);
my $printed = '';
chdir $folder or die $!;
IPC::Run::run(
	[ 'psql', '-X', '-q', '-d', $node->connstr('postgres') ],
	'<', \$script, '>', \$printed, '2>&1')
  or die "psql failed: $printed";
chdir $root or die $!;

my @printed = split /^\Q$mark\E\n/m, $printed, -1;
for my $i (0 .. $#blocks)
{
	# The place of an error, trailing spaces and the last empty line are left out.
	my ($is, $shown) = map { my $text = $_; $text =~ s/^psql:<stdin>:\d+: //gm; $text =~ s/[ \t]+$//gm; $text =~ s/\n+\z/\n/; $text } $printed[$i], $blocks[$i]{shown};
	$is =~ s/^\n\z//;
	is($is, $shown, 'output of: ' . (split /\n/, $blocks[$i]{sql})[0]);
}

$node->stop;
done_testing();
