# The published calls without gateway and PostgREST, by the statements that the latter
# sends: role, headers and path as settings, the hook, the call.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = start_server('server');
$server->safe_psql('postgres', 'CREATE SCHEMA api; CREATE EXTENSION leadterra SCHEMA api;'
	  . ' CREATE ROLE api; CREATE ROLE authenticator LOGIN NOINHERIT; GRANT api TO authenticator; SELECT api.lt_grant_api($$api$$)');

sub sql { return $server->safe_psql('postgres', "SET search_path TO api; $_[0]") }
sub in_workspace { return sql("SET leadterra.workspace_id = '$_[0]'; $_[1]") }

sub quoted
{
	my ($text) = @_;
	return "'" . $text =~ s/'/''/gr . "'";
}

# The routes, with the scope that each needs.
my %routes = map { my ($method, $path, $scope) = split /\|/; ("$method $path" => $scope) } split /\n/, sql('SELECT method, path, scope FROM leadterra.routes()');
my %answered;

# Returns the statements of a call by PostgREST.
sub statements
{
	my ($method, $function, $argument, %headers) = @_;
	my $access = $method eq 'POST' ? 'WRITE' : 'ONLY';
	my $said = quoted(JSON::PP->new->ascii->encode(\%headers));
	return <<"SQL";
\\set VERBOSITY verbose
BEGIN ISOLATION LEVEL READ COMMITTED READ $access;
SELECT set_config('search_path', '"api"', true), set_config('role', 'api', true), set_config('request.jwt.claims', '{"role":"api"}', true),
    set_config('request.method', '$method', true), set_config('request.path', '/rpc/$function', true), set_config('request.headers', $said, true),
    set_config('request.cookies', '{}', true) \\g /dev/null
SELECT "api"."lt_pre_request"() \\g /dev/null
WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM (SELECT "api"."$function"($argument) pgrst_scalar) pgrst_call)
SELECT nullif(current_setting('response.status', true), ''), nullif(current_setting('response.headers', true), ''),
    coalesce(json_agg(_postgrest_t.pgrst_scalar)->0, 'null') AS body
FROM (SELECT "$function".* FROM "pgrst_source" AS "$function") _postgrest_t;
COMMIT;
SQL
}

# Runs them as the login role; returns status, decoded body and headers.
sub run
{
	my ($status, $output, $errors) = $server->psql('postgres', statements(@_), on_error_stop => 1, extra_params => [ '-U', 'authenticator' ]);
	return ($1, undef) if $errors =~ /ERROR:  PT(\d{3}): /;
	die "$errors\n" if $status != 0;
	my ($code, $headers, $body) = $output =~ /\A(\d*)\|([^|]*)\|(.*)\Z/s or die "printed: $output";
	my %headers = map { %$_ } @{ decode_json($headers || '[]') };
	# The gateway would take it for a fault.
	die "no answer: $output" if "@_" =~ /lt_http_/ && (delete $headers{'X-Answered'} // '') ne 'yes';
	return ($code eq '' ? 200 : $code, JSON::PP->new->allow_nonref->decode($body), \%headers);
}

# Makes a request, as the gateway passes it on.
sub request
{
	my ($method, $uri, $key, $body, %headers) = @_;

	$headers{'x-api-key'} = $key if defined $key;
	$headers{'x-original-uri'} = $uri if defined $uri;
	if ($method eq 'GET' || $method eq 'HEAD')
	{
		my @answer = run($method, 'lt_http_read', '', %headers);
		note_answer('GET', $uri, $answer[0]);
		return @answer;
	}
	$headers{'x-original-method'} = $method;
	my @answer = run('POST', 'lt_http_write', "'\\x" . unpack('H*', ref $body ? JSON::PP->new->canonical->utf8->encode($body) : $body // '') . "'::bytea", %headers);
	note_answer($method, $uri, $answer[0]);
	return @answer;
}

# Notes which routes have been answered.
sub note_answer
{
	my ($method, $uri, $status) = @_;

	return if $status != 200;
	my ($path) = split /\?/, $uri;
	my ($route) = grep { my $pattern = s/\{\w+\}/[^\/]+/gr; "$method $path" =~ /^$pattern$/ } keys %routes;
	$answered{$route} = 1;
	return;
}

# Tests status and members of the answer; an error must have written nothing.
sub answers
{
	my ($name, $request, $status, $expected) = @_;
	my $before = $status >= 400 ? all_rows($server, 'postgres') : undef;
	my ($got, $body) = request(@$request);

	is($got, $status, "$name: status") or diag(explain($body));
	if (ref $expected eq 'HASH')
	{
		is_deeply({ map { $_ => $body->{$_} } keys %$expected }, $expected, "$name: body") or diag(explain($body));
	}
	elsif (defined $expected)
	{
		is_deeply($body, $expected, "$name: body") or diag(explain($body));
	}
	is(all_rows($server, 'postgres'), $before, "$name: writes nothing") if $status >= 400;
	return $body;
}

my ($workspace, $other) = map { sql("SELECT lt_create_workspace('$_')") } qw(One Other);
my ($key, $other_key) = map { in_workspace($_, "SELECT lt_create_api_key('key')") } $workspace, $other;
my $old_key = in_workspace($workspace, "SELECT lt_create_api_key('old')");
in_workspace($workspace, "SELECT lt_revoke_api_key(key_id) FROM lt_api_keys WHERE label = 'old'");
my $weak_key = in_workspace($workspace, "SELECT lt_create_api_key('weak', '{campaigns:read}')");

# Keys that have the scopes of all routes but one, and that one alone.
my (%keys_without, %keys_alone);
for my $scope (values %routes)
{
	my %others = map { $_ => 1 } grep { $_ ne $scope } values %routes;
	$keys_without{$scope} //= in_workspace($workspace, "SELECT lt_create_api_key('others', '{" . join(',', sort keys %others) . "}')");
	$keys_alone{$scope} //= in_workspace($workspace, "SELECT lt_create_api_key('alone', '{$scope}')");
}

# --- every call

my $steps = [ { subject => 's', bodyHtml => '<a href="{{unsubscribeUrl}}">x</a>' }, { subject => 't', bodyHtml => 'b', delayDays => 2 } ];
my $created = answers('create', [ 'POST', '/v1/campaigns', $key, { name => "It's", sequenceSteps => $steps } ], 200, { name => "It's", status => 'draft' });
my $campaign = $created->{id};
my $uuid = in_workspace($workspace, "SELECT lt_from_typeid('$campaign')");
is_deeply([ sort keys %$created ], [qw(campaign createdAt id name sequenceSteps status)], 'what a campaign has');
is_deeply({ %{ $created->{campaign} }, campaign => $created->{campaign} }, $created, 'and again under campaign');
my $bulk = "/v1/campaigns/$campaign/leads/bulk";
my @bulk = ('POST', $bulk, $key);
my $leads = { leads => [ { email => 'ava@example.com', firstName => 'Ava' }, { email => 'ben@example.com' } ] };
in_workspace($workspace, "SELECT lt_suppress('{kim\@example.com}')");
answers("bulk, only tried by $_", [ $bulk[0], "$bulk?$_", $key, $leads ], 200, { enrolled => 2 }) for 'dryRun=true', 'x&dry%52un=%74rue';
is(in_workspace($workspace, 'SELECT count(*) FROM lt_leads'), '0', 'which writes nothing');
answers('bulk', [ @bulk, $leads ], 200,
	{ enrolled => 2, updated => 0, skipped => 0, total => 2, data => { created => 2, updated => 0, enrolled => 2, errors => [] },
		result => { enrolled => 2, updated => 0, skipped => 0, totalInCampaign => 2 } });
answers('bulk with invalid entries', [ $bulk[0], "$bulk?onInvalid=skip", $key, { leads => [ { email => 'kim@example.com' }, { email => 'x' }, { email => 'ava@example.com', firstName => 'A' } ] } ], 200,
	{ enrolled => 0, updated => 1, skipped => 2, total => 1, data => { created => 0, updated => 1, enrolled => 1, errors => [ { index => 1, field => 'email', code => 'email_no_at' } ] } });
my $started = answers('start', [ 'POST', "/v1/campaigns/$campaign/start", $key ], 200, { id => $campaign, status => 'running' });
is($started->{campaign}{queuedMessages}, 2, 'it has queued');
answers('start again', [ 'POST', "/v1/campaigns/$campaign/start", $key ], 200, $started);
answers('pause', [ 'POST', "/v1/campaigns/$campaign/pause?x=y", $key ], 200, { id => $campaign, status => 'paused' });
for my $method (qw(GET HEAD))
{
	answers("stats by $method", [ $method, "/v1/campaigns/$campaign/stats", $key, undef, 'idempotency-key' => 'ignored' ], 200,
		{ campaignId => $campaign, totalEnrolled => 2, sent => 0, delivered => 0, bounced => 0, replied => 0, queued => 2, openRate => 0, replyRate => 0 });
}
answers('suppress', [ 'POST', '/v1/suppression-list', $key, { emails => [ 'kim@example.com', 'lee@example.com' ] } ], 200,
	{ suppressed => 1, alreadySuppressed => 1, total => 2, result => { suppressed => 1, alreadySuppressed => 1, total => 2 } });
answers('suppress a domain in its spellings', [ 'POST', '/v1/suppression-list', $key, { emails => [ "b\x{fc}cher.example", 'XN--bcher-kva.example', "*.bu\x{308}cher.example" ] } ], 200,
	{ suppressed => 2, alreadySuppressed => 1, total => 3 });
in_workspace($workspace, <<"SQL");
SELECT lt_start_campaign('$uuid');
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(100)) l;
SELECT lt_record_event(message_id, 'replied', '{"classification": "out_of_office", "threadSnippet": "Away"}') FROM lt_messages WHERE email = 'ava\@example.com' AND state = 'sent';
SELECT lt_record_event(message_id, 'replied') FROM lt_messages WHERE email = 'ben\@example.com' AND state = 'sent';
SQL
my @replies = ('GET', '/v1/replies', $key);
my $replies = answers('replies', \@replies, 200);
is(scalar(@$replies), 2, 'all');
is_deeply([ sort keys %{ $replies->[0] } ], [qw(campaignId classification email id receivedAt threadSnippet)], 'what a reply has');
is_deeply({ map { $_->{email} => $_->{classification} } @$replies }, { 'ava@example.com' => 'out_of_office', 'ben@example.com' => undef }, 'classified where somebody has');
is_deeply([ map { $_->{email} } @{ (request($replies[0], "/v1/replies?classification=out%5Fof_office&campaignId=$uuid", $key))[1] } ], ['ava@example.com'], 'of a kind');
answers('the second page', [ $replies[0], '/v1/replies?page=2', $key ], 200, []);

my $list = in_workspace($workspace, "SELECT lt_create_list('List')");
my @add = ('POST', '/api/v2/leads/add', $key);
answers('second service', [ @add, { campaign_id => $campaign, leads => [ { email => 'zoe@example.com' }, { email => 'zoe@example.com' }, { email => 'x' }, { email => 'ava@example.com' }, { email => 'kim@example.com' } ], list_id => undef } ], 200,
	{ status => 'success', total_sent => 5, leads_uploaded => 1, duplicate_email_count => 1, invalid_email_count => 1, duplicated_leads => 1, in_blocklist => 1 });
answers('into a list', [ @add, { list_id => $list, leads => [ { first_name => 'Ned' }, {} ] } ], 200, { leads_uploaded => 1, incomplete_count => 1 });

# The second service's: each once here, and in test/pgtap/http_v2.sql with all that they take.
my $schedule = { schedules => [ { name => 'Always', timing => { from => '00:00', to => '24:00' }, days => { map { $_ => JSON::PP::true } 0 .. 6 }, timezone => 'America/Detroit' } ] };
my $sequences = [ { steps => [ { type => 'email', delay => 3, delay_unit => 'days', variants => [ { subject => 'Hi', body => 'b' } ] }, { type => 'email', delay => 0, delay_unit => 'days', variants => [ { subject => '', body => 'c' } ] } ] } ];
my $second = answers('second service, create', [ 'POST', '/api/v2/campaigns', $key, { name => 'Second', campaign_schedule => $schedule, sequences => $sequences } ], 200,
	{ name => 'Second', status => 0, campaign_schedule => $schedule, sequences => $sequences })->{id};
answers('add to it', [ @add, { campaign_id => $second, leads => [ { email => 'sue@example.com' } ] } ], 200, { leads_uploaded => 1 });
answers('activate', [ 'POST', "/api/v2/campaigns/$second/activate", $key ], 200, { id => $second, status => 1 });
answers('get', [ 'GET', "/api/v2/campaigns/$second", $key ], 200, { id => $second, not_sending_status => undef });
is_deeply([ map { $_->{id} } @{ answers('list', [ 'GET', '/api/v2/campaigns?status=1', $key ], 200)->{items} } ], [ $second, $uuid ], 'those that are active');
is(answers('sending status', [ 'GET', "/api/v2/campaigns/$second/sending-status", $key ], 200)->{summary}{status}, 'healthy', 'it is well');
answers('pause again', [ 'POST', "/api/v2/campaigns/$second/pause", $key ], 200, { status => 2 });
answers('patch', [ 'PATCH', "/api/v2/campaigns/$second", $key, { name => 'Renamed', sequences => $sequences } ], 200, { name => 'Renamed', sequences => $sequences });
is(answers('analytics', [ 'GET', "/api/v2/campaigns/analytics?ids=$uuid&ids=$second", $key ], 200)->[1]{emails_sent_count}, 2, 'what was sent');
is(answers('daily analytics', [ 'GET', "/api/v2/campaigns/analytics/daily?campaign_id=$uuid", $key ], 200)->[0]{replies}, 1, 'and replied to on a day');
answers('delete', [ 'DELETE', "/api/v2/campaigns/$second", $key ], 200, { name => 'Renamed' });
my $its_list = answers('create a list', [ 'POST', '/api/v2/lead-lists', $key, { name => 'My Lead List' } ], 200, { name => 'My Lead List' })->{id};
answers('change a list', [ 'PATCH', "/api/v2/lead-lists/$its_list", $key, { name => 'Changed' } ], 200, { name => 'Changed' });
answers('get a list', [ 'GET', "/api/v2/lead-lists/$its_list", $key ], 200, { name => 'Changed' });
is_deeply([ map { $_->{id} } @{ answers('lists', [ 'GET', '/api/v2/lead-lists', $key ], 200)->{items} } ], [ $its_list, $list ], 'all lists');
answers('delete a list', [ 'DELETE', "/api/v2/lead-lists/$its_list", $key ], 200, { name => 'Changed' });
answers('block many', [ 'POST', '/api/v2/block-lists-entries/bulk-create', $key, { bl_values => [ 'blocked.example', 'x' ] } ], 200, { valid_count => 1, invalid_count => 1 });
my ($one, $entry) = map { answers("block $_", [ 'POST', '/api/v2/block-lists-entries', $key, { bl_value => $_ } ], 200, { bl_value => $_ })->{id} } 'one@blocked.example', 'blocked.example';
answers('get an entry', [ 'GET', "/api/v2/block-lists-entries/$one", $key ], 200, { bl_value => 'one@blocked.example' });
is_deeply([ map { $_->{bl_value} } @{ answers('list entries', [ 'GET', '/api/v2/block-lists-entries?search=blocked', $key ], 200)->{items} } ], ['blocked.example'], 'an entry');
answers('unblock', [ 'DELETE', "/api/v2/block-lists-entries/$one", $key ], 200, { bl_value => 'one@blocked.example' });
answers('add to verify', [ @add, { list_id => $list, verify_leads_on_import => JSON::PP::true, leads => [ { email => 'vic@example.com' } ] } ], 200, { leads_uploaded => 1 });
my $job = in_workspace($workspace, 'SELECT job_id FROM lt_jobs');
answers('a job', [ 'GET', "/api/v2/background-jobs/$job", $key ], 200, { id => $job, type => 'verify-leads', entity_id => $list, status => 'pending' });

# --- every error

my $unknown = 'camp_01hx4mrqpbcn7wh2gfk9yz6e3s';

# The parameters that paths have: a value, one of nothing that there is, and the error for that.
my %parameters = (
	campaign_id => [ $campaign, $unknown, 'campaign_not_found' ], list_id => [ $list, $unknown, 'list_not_found' ],
	entry_id => [ $entry, $unknown, 'entry_not_found' ], job_id => [ $job, $unknown, 'job_not_found' ]);

# The path of a route, with other values of some parameters.
sub path_of
{
	my ($route, %other) = @_;
	my ($path) = $route =~ /^\w+ (.*)/;

	return $path =~ s/\{(\w+)\}/$other{$1} \/\/ ($parameters{$1} or die "$route: %parameters has no $1")->[0]/ger;
}

# Tests status and code of an error; that it wrote nothing is seen for many at once.
sub refused
{
	my ($name, $request, $status, $code) = @_;
	my ($got, $body, $headers) = request(@$request);

	is("$got " . ($body->{code} // ''), "$status $code", $name);
	is($body->{statusCode}, $request->[1] =~ m{^/api/v2/} ? $status : undef, '... as its service has it') if $status != 401;
	return $headers;
}

my $before = all_rows($server, 'postgres');
for my $route (sort keys %routes)
{
	my ($method, $pattern) = split / /, $route;
	my $path = path_of($route);
	my @names = $pattern =~ /\{(\w+)\}/g;
	my $without = $keys_without{ $routes{$route} };

	refused("401 for $_->[1], $route", [ $method, $path, $_->[0] ], 401, '')
	  for [ undef, 'no key' ], [ '', 'an empty key' ], [ 'sk_live_x', 'an unknown key' ], [ $old_key, 'a revoked key' ];
	# The scope comes before path, query and body.
	refused("403 without $routes{$route}, $route", [ $method, path_of($route, map { $_ => '%00' } @names) . '?page=%&dryRun=%', $without, '{' ], 403, 'insufficient_scope');
	if (sql("SELECT 'body' = ANY (names) FROM leadterra.find_route('$method', '$path')") eq 't')
	{
		refused("400 for $_->[0], $route", [ $method, $path, $key, $_->[1] ], 400, 'invalid_request')
		  for [ 'no body', '' ], [ 'a body that is no object', '[]' ], [ 'a body that is no JSON', '{' ];
	}
	for my $name (@names)
	{
		my $no_more = $method eq 'DELETE' ? '' : '{}';
		refused("404 for an unknown $name, $route", [ $method, path_of($route, $name => $parameters{$name}[1]), $key, $no_more ], 404, $parameters{$name}[2]);
		refused("404 for no $name, $route", [ $method, path_of($route, $name => ''), $key, $no_more ], 404, 'not_found');
	}
	my $allow = join ', ', map { $_ eq 'GET' ? 'GET, HEAD' : $_ } sort map { /^(\w+) \Q$pattern\E$/ } keys %routes;
	for my $other (grep { !exists $routes{"$_ $pattern"} } qw(GET POST PUT PATCH DELETE))
	{
		my $headers = refused("405 for $other, $route", [ $other, "$path?x=y", $without ], 405, 'method_not_allowed');
		is_deeply($headers, { Allow => $allow }, '... with what is allowed');
	}
}
refused("404 for $_", [ 'POST', $_, $weak_key, '{' ], 404, 'not_found')
  for '/v1', '/v1/campaigns/', "/v1/campaigns/$campaign/leads", "$bulk/", "/v1//campaigns/$campaign/start", "/x$bulk", '/api/v1/campaigns', '/V1/campaigns', '%2fv1/campaigns', '';
is(all_rows($server, 'postgres'), $before, 'none of that wrote anything');
isnt((request((split / /)[0], path_of($_), $keys_alone{ $routes{$_} }, '{'))[0], 403, "$routes{$_} is enough for $_") for sort keys %routes;
answers('404 v2', [ 'POST', '/api/v2/leads', $key ], 404, { statusCode => 404, error => 'Not Found', code => 'not_found' });
answers('404 without a path', [ 'GET', undef, $key ], 404, { code => 'not_found' });
for my $text ('', ' ', '{', '[]', 'null', '"x"', '{"leads": {}}', '{"leads": null}', '{}', '{"leads": [{"email": "a@example.com", "x": "\\u0000"}]}', '{"leads": [{"email": "a@example.com", "x": 1e999999}]}', "\xff{}", "{}\0", '[' x 100000)
{
	my $name = substr($text, 0, 60);
	answers("400 for $name", [ @bulk, $text ], 400, { code => 'invalid_request' });
	answers("400 v2 for $name", [ @add, $text ], 400, { statusCode => 400, error => 'Bad Request', code => 'invalid_request' });
}
for my $query ('dryRun', 'dryRun=', 'dry%52un=yes', 'dryRun=false&dryRun=true', 'dryRun=yes', 'onInvalid', 'on%49nvalid=x', 'onInvalid=x', 'onInvalid=%', 'onInvalid=%ff', 'onInvalid=%00', 'dryRun=%e')
{
	answers("400 for $query", [ $bulk[0], "$bulk?$query", $key, $leads ], 400, { code => 'invalid_request' });
}
answers("400 for page $_", [ $replies[0], "/v1/replies?page=$_", $key ], 400, { code => 'invalid_request' }) for '0', '-1', 'x', '99999999999', '';
answers('400 for emails', [ 'POST', '/v1/suppression-list', $key, $_ ], 400, { code => 'invalid_request' })
  for {}, { emails => 'x' }, { emails => [ { a => 1 } ] }, { emails => [ ('a@example.com') x 1001 ] };
answers('400 for a name', [ 'POST', '/v1/campaigns', $key, $_ ], 400, { code => 'invalid_request' })
  for {}, { name => 7 }, { name => ' ' }, { name => 'x', sequenceSteps => 'x' };
answers('400 for steps', [ 'POST', '/v1/campaigns', $key, { name => 'x', sequenceSteps => [ {} ] } ], 400, { code => 'invalid_request' });
answers('400 for 1,001 leads', [ @add, { campaign_id => $uuid, leads => [ map { { email => "a$_\@example.com" } } 1 .. 1001 ] } ], 400, { statusCode => 400, code => 'too_many_leads' });
answers('400 for two targets', [ @add, { campaign_id => $uuid, list_id => $list, leads => [] } ], 400, { statusCode => 400 });
my ($bare) = map { (request('POST', '/v1/campaigns', $key, { name => $_ }))[1]{id} } 'Bare';
answers('400 no_sequence_steps', [ 'POST', "/v1/campaigns/$bare/start", $key ], 400, { code => 'no_sequence_steps' });
my ($empty) = (request('POST', '/v1/campaigns', $key, { name => 'Empty', sequenceSteps => $steps }))[1]{id};
answers('400 no_leads_enrolled', [ 'POST', "/v1/campaigns/$empty/start", $key ], 400, { code => 'no_leads_enrolled' });
for my $depth (10000, 14400, 14500, 14505, 14510, 14600)
{
	my $deep = '[' x $depth . ']' x $depth;
	my ($status, $body) = request(@bulk, qq({"leads": [{"email": "deep\@example.com", "x": $deep}]}));
	ok($status == 200 || $status == 400 && $body->{code} eq 'invalid_request', "$depth levels: $status");
}
answers('403', [ @bulk[0, 1], $weak_key, $leads ], 403, { code => 'insufficient_scope' });
answers('403 v2', [ @add[0, 1], $weak_key, { campaign_id => $uuid, leads => $leads->{leads} } ], 403, { statusCode => 403, error => 'Forbidden' });
for my $id ($unknown, in_workspace($other, "SELECT lt_create_campaign('Theirs')"), 'camp_123', '', '%', '%00', '%ff', 'a%0d%0ab', "';--", 'x' x 5000, '%63' x 2000, '..', '{}')
{
	my $name = substr($id, 0, 40);
	my $status = $id =~ /^%(?:00|ff)?$/ ? 400 : 404;
	answers("$status for $name to enroll", [ $bulk[0], "/v1/campaigns/$id/leads/bulk", $key, $leads ], $status);
	answers("$status for $name to count", [ 'GET', "/v1/campaigns/$id/stats", $key ], $status);
	answers("$status for $name to start", [ 'POST', "/v1/campaigns/$id/start", $key ], $status);
	answers("$status for $name to pause", [ 'POST', "/v1/campaigns/$id/pause", $key ], $status);
	answers("$status for $name in a query", [ $replies[0], "/v1/replies?campaignId=$id", $key ], $status);
}
answers('404 shows the id that was sent', [ 'GET', "/v1/campaigns/$unknown/stats", $key ], 404, { message => qq(campaign "$unknown" does not exist) });
unlike((request('GET', '/v1/campaigns/a%0d%0ab/stats', $key))[1]{message}, qr/[\r\n]/, 'a message is one line');
answers('percent-encoded id', [ 'GET', '/v1/campaigns/%63' . substr($campaign, 1) . '/stats', $key ], 200, { campaignId => $campaign });
answers('404 v2', [ @add, { campaign_id => $unknown, leads => $leads->{leads} } ], 404, { statusCode => 404, error => 'Not Found', code => 'campaign_not_found' });
answers('404 of a list', [ @add, { list_id => $unknown, leads => $leads->{leads} } ], 404, { code => 'list_not_found' });
answers('422', [ @bulk, { leads => [ { email => 'new@example.com' }, { email => 'x' } ] } ], 422, { code => 'invalid_leads', total => 1 });
answers('422 to suppress', [ 'POST', '/v1/suppression-list', $key, { emails => [ 'new@example.com', 'x' ] } ], 422, { code => 'invalid_suppressions' });
answers('422 to suppress what is nobody', [ 'POST', '/v1/suppression-list', $key, { emails => ['*@example.com'] } ], 422,
	{ code => 'invalid_suppressions', errors => [ { index => 0, code => 'email_local_wildcard', message => 'no mailbox is a star; the domain alone stands for all that are at it' } ] });
in_workspace($workspace, 'SELECT lt_set_lead_limit(0)');
answers('402', [ @bulk, { leads => [ { email => 'new@example.com' } ] } ], 402, { code => 'plan_limit_reached', remaining => 0 });
answers('402 v2', [ @add, { campaign_id => $uuid, leads => [ { email => 'new@example.com' } ] } ], 402, { statusCode => 402, error => 'Payment Required' });
in_workspace($workspace, 'SELECT lt_set_lead_limit(NULL)');

# --- once for an Idempotency-Key

my @once = ('POST', '/v1/campaigns', $key, { name => 'Once' }, 'idempotency-key' => 'a');
my $count = sub { in_workspace($_[1] // $workspace, "SELECT count(*) FROM lt_campaigns WHERE name = '$_[0]'") };
my $first = answers('with a key', \@once, 200);
answers('again', \@once, 200, $first);
answers('in other words', [ @once[0 .. 2], '{ "name":"Once" }', @once[4, 5] ], 422, { code => 'idempotency_key_reused' });
answers('a key without the scope', [ @once[0, 1], $weak_key, @once[3 .. 5] ], 403, { code => 'insufficient_scope' });
answers('nor with another body', [ @once[0, 1], $weak_key, { name => 'Twice' }, @once[4, 5] ], 403, { code => 'insufficient_scope' });
my $huge = '{"name": "n", "x": [' . join(',', ('1e131071') x 3000) . ']}';
answers('numbers of which the text is huge', [ @once[0 .. 2], $huge, 'idempotency-key' => 'huge' ], 200, { name => 'n' });
is($count->('Once'), '1', 'done once');
answers('another body', [ @once[0 .. 2], { name => 'Twice' }, @once[4, 5] ], 422, { code => 'idempotency_key_reused' });
answers('another path', [ @bulk, $leads, @once[4, 5] ], 422, { code => 'idempotency_key_reused' });
answers('another workspace', [ @once[0, 1], $other_key, @once[3 .. 5] ], 200);
is($count->('Once', $other), '1', 'has it to itself');
answers('what failed', [ @once[0 .. 2], {}, 'idempotency-key' => 'b' ], 400);
answers('is not kept', [ @once[0 .. 3], 'idempotency-key' => 'b' ], 200, { name => 'Once' });
answers('a key too long', [ @once[0 .. 3], 'idempotency-key' => 'k' x 256 ], 400, { code => 'invalid_request' });
answers('a long key', [ @once[0 .. 3], 'idempotency-key' => 'k' x 255 ], 200);
sql("ALTER ROLE authenticator SET leadterra.now = '2030-01-01 00:00+00'");
my $later = answers('after a day', \@once, 200);
isnt($later->{id}, $first->{id}, 'it is done again');
answers('once', \@once, 200, $later);

# --- a link needs no key, and works on that path alone

my $token = in_workspace($workspace, <<"SQL");
SELECT lt_set_unsubscribe_url('https://example.com/u/') \\g /dev/null
SELECT lt_bulk_upsert('$uuid', '[{"email": "leaver\@example.com"}]') \\g /dev/null
SELECT substring(body_html FROM '/u/([-_A-Za-z0-9]{90})') FROM lt_claim_messages(100, '5 minutes', '$uuid') WHERE email = 'leaver\@example.com'
SQL
is_deeply([ run('POST', 'lt_unsubscribe', quoted($token)) ], [ 200, JSON::PP::true, {} ], 'unsubscribe');
is((run('POST', 'lt_unsubscribe', q('x')))[0], '400', 'a wrong token');
is((request('POST', '/rpc/lt_unsubscribe', undef))[0], '401', 'the path that counts is PostgREST\'s');

is(join(', ', grep { !$answered{$_} } sort keys %routes), '', 'every route has been answered with 200');

# --- a parameter is read wherever nothing is found by it

my $fresh = sql("SELECT lt_create_workspace('Fresh')");
my $fresh_key = in_workspace($fresh, "SELECT lt_create_api_key('key')");
my %there = (campaign_id => (request('POST', '/v1/campaigns', $fresh_key, { name => 'Bare' }))[1]{id}, list_id => $list, entry_id => $entry, job_id => $job);
# What is wrong for each type, as a query has it, and the status of it.
my %wrong = (
	uuid => [ map { [ $_, 404 ] } 'nonsense', $unknown, $campaign, $uuid ],
	boolean => [ map { [ $_, 400 ] } '', 'yes', '1' ],
	integer => [ map { [ $_, 400 ] } '', '0', '-1', 'x', '99999999999' ],
	'text[]' => [],
	text => []);

# Tests every parameter of every route, of path and query.
sub parameters_are_read
{
	my ($where) = @_;

	for my $route (sort keys %routes)
	{
		my ($method, $pattern) = split / /, $route;
		my $path = path_of($route, %there);
		my @arguments = map { [ split /\|/ ] } split /\n/,
		  sql("SELECT n.name, r.types[n.place - 1]::regtype FROM leadterra.find_route('$method', '$path') r, unnest(r.names) WITH ORDINALITY n (name, place) WHERE n.name <> 'body'");
		for my $argument (@arguments)
		{
			my ($name, $type) = @$argument;
			my $published = $pattern =~ m{^/v1/} ? $name =~ s/_(\w)/\u$1/gr : $name;
			my $in_path = $pattern =~ /\{$name\}/;
			for my $given (grep { !$in_path || $_->[0] ne q() } @{ $wrong{$type} // die "$route: %wrong has no $type" }, map { [ $_, 400 ] } '%', '%zz', '%00', '%ff', $in_path || $type eq 'text[]' ? () : "a&$published=a")
			{
				my ($value, $status) = @$given;
				my $uri = $in_path ? path_of($route, %there, $name => $value) : "$path?$published=$value";
				is((request($method, $uri, $fresh_key, $method eq 'DELETE' ? '' : '{}'))[0], $status, "$where, $route: $published=$value");
			}
		}
	}
	return;
}

parameters_are_read('in an empty workspace');
# The planner puts such a function in place of its call, and drops all arguments.
sql(<<'SQL');
DO $$
DECLARE
    named text;
BEGIN
    FOR named IN
        SELECT format('leadterra.%I(%s)', p.proname, pg_get_function_arguments(p.oid))
        FROM leadterra.routes() r JOIN pg_proc p ON p.oid = to_regproc('leadterra.' || r.call)
    LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION %s RETURNS jsonb LANGUAGE sql AS $f$SELECT ''[]''::jsonb$f$', named);
    END LOOP;
END $$;
SQL
parameters_are_read('by a function that looks at none');

done_testing();
