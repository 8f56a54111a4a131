# The page in a real browser: what a person does with it, seen by that person, by the database,
# and by a checker of accessibility.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Gateway;
use IPC::Run;
use Test::More;

my $js = "$FindBin::RealBin/../js";
plan skip_all => 'test/js has no packages of npm' unless -d "$js/node_modules/playwright-core";
need_programs('nginx', 'node', 'chromium');
set_up();
start_gateway();

# One workspace has the demo's data, the other nothing.
my ($made, $errors);
my @example = ('psql', '-X', '-v', "workspace=$workspace", '-d', $server->connstr('leadterra'), '-f', "$FindBin::RealBin/../../examples/page.sql");
ok(IPC::Run::run(\@example, '<', '/dev/null', '>', \$made, '2>', \$errors, init => sub { $ENV{PGOPTIONS} = '-c search_path=api' }), 'the data of the demo are made') or diag($errors);
my $empty = sql("SELECT lt_create_workspace('Empty')");
my $other_key = in_workspace($empty, q{SELECT lt_create_api_key('page')});
my $revoked = in_workspace($empty, q{SELECT lt_create_api_key('revoked')});
in_workspace($empty, q{SELECT lt_revoke_api_key(key_id) FROM lt_api_keys WHERE label = 'revoked'});

# It prints a line for each thing that it sees: "ok NAME", or "not ok NAME", with why.
local $ENV{PAGE} = JSON::PP::encode_json(
	{ base => $base, demo => { id => $workspace, key => $key }, empty => { id => $empty, key => $other_key }, revoked => $revoked, database => $server->connstr('leadterra') });
my ($came, $said);
my $ended = IPC::Run::run([ 'node', "$js/page.mjs" ], '<', '/dev/null', '>', \$came, '2>', \$said, IPC::Run::timeout(240));
for my $line (split /\n/, $came)
{
	if ($line =~ /\A(not )?ok (.*)\z/) { ok(!$1, $2) }
	elsif ($line =~ s{\A# }{}) { diag($line) }
}
ok($ended && $came =~ /^done$/m, 'it came to its end') or diag($said);

stop('postgrest');
$server->stop;
done_testing();
