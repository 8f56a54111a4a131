# An application in strict TypeScript, with types that are made of deploy/openapi.yaml: it
# compiles, and its calls are answered.
use strict;
use warnings;

use Cwd;
use File::Copy;
use FindBin;
use lib $FindBin::RealBin;

use Gateway;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $js = Cwd::abs_path("$FindBin::RealBin/../js");
plan skip_all => 'test/js has no packages of npm' unless -d "$js/node_modules";
need_programs('node');

# A folder of its own, from which the packages are found.
my $application = PostgreSQL::Test::Utils::tempdir;
symlink "$js/node_modules", "$application/node_modules" or die $!;
copy("$js/$_", $application) or die $! for qw(published.ts tsconfig.json);
append_to_file("$application/package.json", '{"type": "module"}');

# Runs a program, and returns what it prints.
sub runs
{
	my ($name, @command) = @_;
	my ($output, $errors) = ('', '');

	ok(IPC::Run::run([@command], '<', '/dev/null', '>', \$output, '2>', \$errors, IPC::Run::timeout(120)), $name)
	  or die "$output$errors";
	return $output;
}

runs('types are made', "$js/node_modules/.bin/openapi-typescript", "$FindBin::RealBin/../../deploy/openapi.yaml", '-o', "$application/openapi.d.ts");
runs('the client compiles', "$js/node_modules/.bin/tsc", '--project', $application);

SKIP:
{
	my $missing = missing_program('nginx');
	skip("$missing is not on the PATH", 1) if $missing;
	set_up();
	start_gateway();
	my $results = decode_json(runs('it runs', 'node', "$application/published.js", $base, $key));
	my %bulk = map { $_ => delete $results->{$_} } 'reference page', 'guide', 'concept page';
	my $create = delete $results->{create};

	is_deeply({ map { $_ => [ $bulk{$_}{status}, @{ $bulk{$_}{answer} }{qw(enrolled updated skipped total)} ] } keys %bulk },
		{ 'reference page' => [ 200, 4, 0, 0, 4 ], 'guide' => [ 200, 2, 0, 0, 2 ], 'concept page' => [ 200, 2, 0, 1, 2 ] }, 'leads are enrolled');
	is_deeply($bulk{'concept page'}{answer}{data}{errors}, [ { index => 2, field => 'email', code => 'email_no_at' } ], 'which entry is left out');
	is($create->{status}, 200, 'a campaign is created');
	is($create->{answer}{sequenceSteps}[1]{delayDays}, 3, 'with its steps');
	is((delete $results->{'second service'})->{answer}{leads_uploaded}, 1, 'the second service adds a lead');
	is_deeply([ map { delete $results->{$_} } 'total in campaign', 'entries that are invalid', 'running', 'its status' ], [ 6, [0], 'running', 404 ], 'members have their types');
	is_deeply({ map { $_ => $results->{$_}{status} } keys %$results }, { invalid => 422, suppress => 200, start => 200, statistics => 200, replies => 200, pause => 200, unknown => 404 }, 'all else is answered');
	is_deeply([ map { [ split /\|/ ] } split /\n/, in_workspace($workspace, q(SELECT email, custom FROM lt_leads WHERE custom <> '{}' ORDER BY email)) ],
		[ [ 'ava@acmecorp.com', '{"seats": 20, "useCase": "outbound"}' ], [ 'dan.foster@loopcraft.com', '{"useCase": "outbound pipeline generation"}' ], [ 'example@example.com', '{"past_customer": true, "has_tried_competitors": false}' ] ],
		'custom fields are stored');
	stop($_) for qw(nginx postgrest);
	$server->stop;
}
done_testing();
