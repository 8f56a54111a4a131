# The calls of an application in JavaScript that talks to PostgREST by
# @supabase/postgrest-js, where that was installed in test/js.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Gateway;
use IPC::Run;
use JSON::PP;
use Test::More;

my $js = "$FindBin::RealBin/../js";
plan skip_all => 'test/js has no packages of npm' unless -d "$js/node_modules";
need_programs('postgrest', 'node');
set_up();

my ($output, $errors) = ('', '');
ok(IPC::Run::run([ 'node', "$js/client.mjs", $rest, $key ], '<', '/dev/null', '>', \$output, '2>', \$errors, IPC::Run::timeout(60)), 'the client ends well')
  or diag($errors);
my $results = decode_json($output);

# Tests what came of a step.
sub step
{
	my ($name, $status, $data) = @_;
	my $result = delete $results->{$name};

	is($result->{status}, $status, "$name: status");
	is_deeply($result->{error} // $result->{data}, $data, $name) or diag(explain($result));
	return $result;
}

# An error as the client shows it, with DETAIL as the text that it is.
sub error
{
	my ($code, $message, $detail, $hint) = @_;
	return { code => $code, message => $message, details => $detail, hint => $hint };
}

my $campaign = $results->{create}{data};
like($campaign, qr/^[-0-9a-f]{36}$/, 'create returns the id');
step('create', 200, $campaign);
step('enroll', 200, { enrolled => 2, updated => 0, skipped => 0, total => 2 });
step('enroll again', 200, { enrolled => 1, updated => 1, skipped => 0, total => 2 });
step('invalid', 422, error('PT422', '1 of 2 leads are invalid',
		'{"code": "invalid_leads", "total": 1, "errors": [{"index": 1, "field": "email", "code": "email_no_at", "message": "address has no @"}]}',
		"Pass on_invalid => 'skip' to leave invalid entries out."));
step('report', 200, [ { index => 0, outcome => 'skipped', reason => 'invalid_email' } ]);
step('suppress', 200, { suppressed => 1, already_suppressed => 0, total => 1 });
step('start', 200, { status => 'running', queued_messages => 3 });
my $added = delete $results->{add};
is_deeply({ map { $_ => $added->{data}{$_} } qw(status total_sent leads_uploaded in_blocklist) }, { status => 'success', total_sent => 2, leads_uploaded => 1, in_blocklist => 1 }, 'add');
step('campaigns', 200, { campaign_id => $campaign, name => 'From JavaScript', leads_enrolled => 4 });
my $leads = step('leads', 206, [ { email => 'ava@example.com', first_name => 'Ava', custom => {} }, { email => 'ben@example.com', first_name => undef, custom => { useCase => 'demo' } } ]);
is($leads->{count}, 4, 'leads are counted');
my $lease = $results->{claim}{data}[0]{lease_id};
step('claim', 200, [ { lease_id => $lease, email => 'ava@example.com', subject => 'Hi Ava' }, { lease_id => $lease, email => 'ben@example.com', subject => 'Hi there' } ]);
step('complete', 200, 2);
step('complete again', 200, 0);
step('extend', 409, error('PT409', "lease \"$lease\" has run out or does not exist", '{"code": "lease_lost"}'));
step('stats', 200, { sent => 2, queued => 2 });
step('unknown', 404, error('PT404', 'campaign "00000000-0000-0000-0000-000000000001" does not exist', '{"code": "campaign_not_found"}'));
is($results->{'no such function'}{error}{code}, '42501', 'what is not granted is refused');
is((delete $results->{'no such function'})->{status}, 401, '... with 401');
step('without a key', 401, error('PT401', 'the API key is missing', '{"code": "authentication_failed"}'));
step('a wrong key', 401, error('PT401', 'the API key is unknown or revoked', '{"code": "authentication_failed"}'));
is_deeply([ keys %$results ], [], 'no step was left out');

stop('postgrest');
$server->stop;
done_testing();
