# The published calls without gateway and PostgREST, by the statements that the latter
# sends: role, headers and path as settings, the hook, the call.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use JSON::PP;
use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = start_server('server');
$server->safe_psql('postgres', 'CREATE SCHEMA api; CREATE EXTENSION leadterra SCHEMA api;'
	  . ' CREATE ROLE api; CREATE ROLE authenticator LOGIN NOINHERIT; GRANT api TO authenticator; SELECT api.lt_grant_api($$api$$)');

my $owner = getpwuid $<;

# Sessions of psql, by the role: to start one for each request would take most of the time.
my %sessions;

sub psql
{
	my ($role, $statements) = @_;
	my $session = $sessions{$role} //= do
	{
		my %new = (in => '', out => '', errors => '');
		$new{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $server->connstr('postgres'), '-U', $role ], '<', \$new{in}, '>', \$new{out}, '2>', \$new{errors}, IPC::Run::timeout(300));
		\%new;
	};

	$session->{out} = $session->{errors} = '';
	$session->{in} = "$statements\n;\n\\echo END\n\\warn END\n";
	$session->{run}->pump until $session->{out} =~ /^END\n/m && $session->{errors} =~ /^END\n/m;
	return map { s/\n?^END\n\z//mr } @$session{qw(out errors)};
}

sub sql
{
	my ($output, $errors) = psql($owner, "RESET ALL; SET search_path TO api; $_[0]");
	die $errors if $errors =~ /ERROR:/;
	return $output;
}
sub in_workspace { return sql("SET leadterra.workspace_id = '$_[0]'; $_[1]") }

sub quoted
{
	my ($text) = @_;
	return "'" . $text =~ s/'/''/gr . "'";
}

# The routes, with the scope that each needs.
my %routes = map { my ($method, $path, $scope) = split /\|/; ("$method $path" => $scope) } split /\n/, sql('SELECT method, path, scope FROM leadterra.routes()');
my %answered;
my $answers = PostgreSQL::Test::Utils::tempdir . '/answers';

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
	my ($output, $errors) = psql('authenticator', statements(@_));
	return ($1, undef) if $errors =~ /\A\N*ERROR:  PT(\d{3}): /;
	die $errors if $errors =~ /ERROR:/;
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
		note_answer('GET', $uri, @answer);
		return @answer;
	}
	$headers{'x-original-method'} = $method;
	my @answer = run('POST', 'lt_http_write', "'\\x" . unpack('H*', ref $body ? JSON::PP->new->canonical->utf8->encode($body) : $body // '') . "'::bytea", %headers);
	note_answer($method, $uri, @answer);
	return @answer;
}

# Notes which routes have been answered, and how.
sub note_answer
{
	my ($method, $uri, $status, $body) = @_;

	my $path = ($uri // '') =~ s/\?.*//sr;
	append_to_file($answers, JSON::PP->new->utf8->allow_nonref->encode([ $method, $path, "$status", $body ]) . "\n") if defined $body;
	return if $status != 200;
	# A segment that is spelled out goes before a parameter.
	my ($route) = grep { my $pattern = s/\{\w+\}/[^\/]+/gr; "$method $path" =~ /^$pattern$/ } sort keys %routes;
	$answered{$route} = 1;
	return;
}

# Tests status and members of the answer; an error must have written nothing.
sub answers
{
	my ($name, $request, $status, $expected) = @_;
	my $before = $status >= 400 ? sql(all_rows_query()) : undef;
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
	is(sql(all_rows_query()), $before, "$name: writes nothing") if $status >= 400;
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
is_deeply((request(@replies))[2], { 'X-Total-Count' => '2', Link => '</v1/replies?page=1>; rel="first", </v1/replies?page=1>; rel="last"' }, 'how many there are is in a header');
is(scalar(@$replies), 2, 'all');
is_deeply([ sort keys %{ $replies->[0] } ], [qw(campaignId classification email id receivedAt threadSnippet)], 'what a reply has');
is_deeply({ map { $_->{email} => $_->{classification} } @$replies }, { 'ava@example.com' => 'out_of_office', 'ben@example.com' => undef }, 'classified where somebody has');
is_deeply([ map { $_->{email} } @{ (request($replies[0], "/v1/replies?classification=out%5Fof_office&campaignId=$uuid", $key))[1] } ], ['ava@example.com'], 'of a kind');
my $reply = "/v1/replies/$replies->[0]{id}";
answers('classify one', [ 'PATCH', $reply, $key, { classification => 'not_interested' } ], 200, { id => $replies->[0]{id}, classification => 'not_interested', changed => JSON::PP::true });
is((request(@replies))[1][0]{classification}, 'not_interested', 'which is kept');
answers('again', [ 'PATCH', $reply, $key, { classification => 'not_interested' } ], 200, { changed => JSON::PP::false });
answers("400 for $_", [ 'PATCH', $reply, $key, $_ ], 400) for '{}', '{"classification": "x"}', '{"classification": null}', '{"classification": 1}', '{"classification": "interested", "x": 1}', '[]';
answers('another workspace has none', [ 'PATCH', $reply, $other_key, { classification => 'interested' } ], 404, { code => 'reply_not_found' });
$replies->[0]{classification} = 'not_interested';
answers('the second page', [ $replies[0], '/v1/replies?page=2', $key ], 200, []);
answers('the shape of the guide', [ $replies[0], '/v1/replies?view=page', $key ], 200, { replies => $replies, pagination => { total => 2, page => 1, perPage => 50 } });
answers("400 for $_", [ $replies[0], "/v1/replies?$_", $other_key ], 400, { code => 'invalid_request' }) for 'view=x', 'view=', 'classification=x', 'classification=';
in_workspace($workspace, "SELECT lt_record_event(message_id, 'replied', jsonb_build_object('classification', 'interested', 'threadSnippet', i::text)) FROM generate_series(1, 120) i, lt_messages WHERE email = 'ben\@example.com' AND state = 'sent'");
for ([ 1, 'first 1, next 2, last 3', 50 ], [ 2, 'first 1, prev 1, next 3, last 3', 50 ], [ 3, 'first 1, prev 2, last 3', 20 ], [ 9, 'first 1, prev 8, last 3', 0 ])
{
	my ($page, $links, $count) = @$_;
	my $query = "campaignId=$campaign&classification=interested&";
	my ($status, $body, $headers) = request($replies[0], "/v1/replies?page=$page&$query", $key);

	is_deeply([ $status, scalar @$body, $headers->{'X-Total-Count'}, $headers->{Link} =~ s{</v1/replies\?\Q$query\Epage=(\d+)>; rel="(\w+)"}{$2 $1}gr ], [ 200, $count, '120', $links ], "page $page, and where others are");
}
in_workspace($workspace, "DELETE FROM leadterra.events WHERE data ->> 'classification' = 'interested'");

# --- what the published pages have not

# The members of an object, of the first one of a page, or of one of its members.
sub members { my $of = ref $_[0] eq 'HASH' && $_[0]{data} ? $_[0]{data}[0] : $_[0]; return join ' ', sort keys %$of }

# Walks through the pages of a list, and returns all that they have of a member.
sub walk
{
	my ($uri, $member) = @_;
	my ($next, @found);

	do
	{
		my ($status, $page) = request('GET', $uri . (defined $next ? '&after=' . ($next =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger) : ''), $key);
		die "$uri: $status" if $status != 200;
		push @found, map { $_->{$member} } @{ $page->{data} };
		$next = $page->{next};
	} while defined $next;
	return \@found;
}

my @more = map { (request('POST', '/v1/campaigns', $key, { name => "More $_" }))[1]{id} } 1 .. 3;
my $campaigns = answers('campaigns', [ 'GET', '/v1/campaigns', $key ], 200, { next => undef });
is_deeply([ map { $_->{name} } @{ $campaigns->{data} } ], [ 'More 3', 'More 2', 'More 1', "It's" ], 'the newest first');
my $whole = answers('a campaign', [ 'GET', "/v1/campaigns/$uuid", $key ], 200, { id => $campaign, status => 'running', leadsEnrolled => 2, sent => 2, replied => 1, steps => 2 });
is_deeply([ map { $_->{subject} } @{ delete $whole->{sequenceSteps} } ], [ 's', 't' ], 'it has its steps');
is_deeply($whole, $campaigns->{data}[3], 'and what the list has');
is($whole->{sending}{status}, in_workspace($workspace, "SELECT status FROM lt_sending_status('$uuid')"), 'why it sends nothing');
is($campaigns->{data}[0]{sending}{status}, 'draft', 'as each in the list');
is_deeply(walk('/v1/campaigns?limit=2', 'id'), [ reverse($campaign, @more) ], 'page by page');
is_deeply(walk('/v1/campaigns?limit=4', 'id'), [ reverse($campaign, @more) ], 'where a page is full');
is_deeply(walk('/v1/campaigns?search=rE%202', 'name'), ['More 2'], 'by name');
is_deeply(walk('/v1/campaigns?search=%25', 'name'), [], 'as it is');
is_deeply(walk('/v1/campaigns?status=running', 'name'), ["It's"], 'by state');
answers("400 for $_", [ 'GET', "/v1/campaigns?$_", $other_key ], 400, { code => 'invalid_request' }) for 'status=x', 'status=', 'after=x', 'after=', 'limit=101';

# Statistics.
is_deeply([ map { [ @$_{qw(step variant sent replied)} ] } @{ answers('by step', [ 'GET', "/v1/campaigns/$campaign/stats/steps", $key ], 200)->{data} } ], [ [ 1, undef, 2, 1 ] ], 'what became of each step');
my $days = answers('by day', [ 'GET', "/v1/campaigns/$campaign/stats/days", $key ], 200)->{data};
is_deeply([ map { [ @$_{qw(day sent contacted replied failed)} ] } @$days ], [ [ substr($started->{startedAt}, 0, 10), 2, 2, 1, 0 ] ], 'what became of each day');
is(members(answers('forecast', [ 'GET', "/v1/campaigns/$campaign/forecast", $key ], 200)), 'backlog day messages step', 'what a forecast has');
is(members(answers('preflight', [ 'GET', "/v1/campaigns/$campaign/preflight", $key ], 200)), 'code hasFallback leadsWithoutValue message place severity step token', 'what is found');

# Leads.
my $patch = { firstName => 'Av', jobTitle => 'CEO', seats => 20, customFields => { plan => 'gold' } };
my ($ava) = @{ answers('a lead by its address', [ 'GET', '/v1/leads?email=%20AVA@example.com', $key ], 200, { next => undef })->{data} };
is_deeply($ava, { %$ava, email => 'ava@example.com', firstName => 'A', lastName => undef, customFields => {} }, 'is found in each spelling');
answers('change a lead', [ 'PATCH', "/v1/leads/$ava->{id}", $key, $patch ], 200, { id => $ava->{id}, email => 'ava@example.com', firstName => 'Av', jobTitle => 'CEO', customFields => { seats => 20, plan => 'gold' } });
my $changed = answers('in part', [ 'PATCH', "/v1/leads/$ava->{id}", $key, { firstName => undef, seats => undef }, 'idempotency-key' => 'patch' ], 200, { firstName => undef, jobTitle => 'CEO', customFields => { plan => 'gold' } });
in_workspace($workspace, "SELECT lt_update_lead('ava\@example.com', '{\"jobTitle\": \"CTO\"}')");
answers('for the same key once', [ 'PATCH', "/v1/leads/$ava->{id}", $key, { firstName => undef, seats => undef }, 'idempotency-key' => 'patch' ], 200, $changed);
answers('a lead', [ 'GET', "/v1/leads/$ava->{id}", $key ], 200, { %$changed, jobTitle => 'CTO', updatedAt => (request('GET', "/v1/leads/$ava->{id}", $key))[1]{updatedAt} });
answers('a lead whose address is to change', [ 'PATCH', "/v1/leads/$ava->{id}", $key, { email => 'other@example.com' } ], 422, { code => 'invalid_leads' });
my $many = { leads => [ map { { email => "many$_\@example.com" } } 1 .. 7 ] };
request('POST', "/v1/campaigns/$more[0]/leads/bulk", $key, $many);
is_deeply([ sort @{ walk('/v1/leads?limit=3', 'email') } ], [ sort 'ava@example.com', 'ben@example.com', map { $_->{email} } @{ $many->{leads} } ], 'leads page by page');
is_deeply(walk('/v1/leads?search=MANY&limit=7', 'email'), [ map { "many$_\@example.com" } 1 .. 7 ], 'by the beginning of the address');
is_deeply(walk("/v1/campaigns/$more[0]/leads?limit=3", 'status'), [ ('active') x 7 ], 'leads of a campaign');
is_deeply(walk("/v1/campaigns/$uuid/leads?status=replied", 'email'), ['ben@example.com'], 'by status');
answers("400 for $_", [ 'GET', "/v1/leads?$_", $other_key ], 400) for 'after=x', 'limit=201', 'email=x', 'email=';
answers("400 for $_", [ 'GET', "/v1/campaigns/$more[0]/leads?$_", $key ], 400, { code => 'invalid_request' }) for 'after=x', 'limit=1001', 'status=x', 'status=';
is_deeply([ map { [ @$_{qw(campaignId name campaignStatus status)} ] } @{ answers('campaigns of a lead', [ 'GET', "/v1/leads/$ava->{id}/campaigns", $key ], 200, { next => undef })->{data} } ], [ [ $campaign, "It's", 'running', 'active' ] ], 'where a lead is');
my $ben = (request('GET', '/v1/leads?email=ben@example.com', $key))[1]{data}[0]{id};
my $explained = answers('a lead in a campaign', [ 'GET', "/v1/campaigns/$campaign/leads/$ben", $key ], 200, { id => $ben, email => 'ben@example.com', status => 'replied' });
is_deeply([ map { [ @$_{qw(step state reason)} ] } @{ $explained->{messages} } ], [ [ 1, 'sent', undef ], [ 2, 'skipped', 'replied' ] ], 'what it got, and why nothing comes');
answers('a lead that is in another', [ 'GET', "/v1/campaigns/$more[1]/leads/$ben", $key ], 404, { code => 'lead_not_found' });
my $gone = (request('GET', '/v1/leads?email=many7@example.com', $key))[1]{data}[0]{id};
answers('delete a lead', [ 'DELETE', "/v1/leads/$gone", $key, undef, 'idempotency-key' => 'delete' ], 200, { id => $gone, deleted => JSON::PP::true });
answers('again with the key', [ 'DELETE', "/v1/leads/$gone", $key ], 404, { code => 'lead_not_found' });
answers('that it is gone', [ 'GET', "/v1/leads/$gone", $key ], 404, { code => 'lead_not_found', message => qq(lead "$gone" does not exist) });
in_workspace($workspace, q(SELECT lt_create_list('x') AS list \\gset
SELECT lt_add_leads('[{"first_name": "No"}]', list_id => :'list'), lt_delete_list(:'list')));
my $nameless = in_workspace($workspace, 'SELECT lead_id FROM lt_leads WHERE email IS NULL');
answers('one without an address', [ 'GET', "/v1/campaigns/$campaign/leads/$nameless", $key ], 404, { code => 'lead_not_found' });
answers('may be changed', [ 'PATCH', "/v1/leads/$nameless", $key, { company => 'C' } ], 200, { email => undef, company => 'C' });

# Messages.
my $hello = [ { subject => 'Hi {{firstName || there}}', bodyHtml => '<p>{{email}}</p>', headers => { 'X-Plan' => '{{plan}}' } }, { subject => '', bodyHtml => 'b', bodyText => 'Plan: {{plan}}' } ];
my $greeting = (request('POST', '/v1/campaigns', $key, { name => 'Greeting', sequenceSteps => $hello }))[1]{id};
answers('preview', [ 'GET', "/v1/campaigns/$greeting/preview?leadId=$ava->{id}", $key ], 200, { step => 1, variant => undef, subject => 'Hi there', bodyHtml => '<p>ava@example.com</p>', bodyText => undef, headers => { 'X-Plan' => 'gold' } });
answers('of a step that continues', [ 'GET', "/v1/campaigns/$greeting/preview?leadId=$ava->{id}&step=2", $key ], 200, { step => 2, subject => 'Re: Hi there', bodyText => 'Plan: gold', headers => undef });
answers("400 for $_", [ 'GET', "/v1/campaigns/$greeting/preview?$_", $key ], 400, { code => 'invalid_request' }) for 'step=1', "leadId=$ava->{id}&step=3", "leadId=$ava->{id}&step=101";
answers('one without an address', [ 'GET', "/v1/campaigns/$greeting/preview?leadId=$nameless", $key ], 404, { code => 'lead_not_found' });
in_workspace($workspace, "SELECT lt_delete_campaign(lt_from_typeid('$greeting'))");
is_deeply(walk("/v1/campaigns/$campaign/messages?state=sent&limit=1", 'state'), [ 'sent', 'sent' ], 'messages by state');
is_deeply([ sort @{ walk("/v1/campaigns/$campaign/messages?limit=2", 'state') } ], [ 'queued', 'queued', 'sent', 'sent' ], 'page by page');
answers("400 for $_", [ 'GET', "/v1/campaigns/$campaign/messages?$_", $key ], 400, { code => 'invalid_request' }) for 'state=x', 'state=', 'after=x', 'limit=1001';

# Suppressions.
in_workspace($workspace, "SELECT lt_suppress(ARRAY(SELECT format('s%s\@x.example', i) FROM generate_series(1, 5) i) || '*.wild.example'::text, 'asked')");
is_deeply(walk('/v1/suppression-list?limit=2&search=S', 'entry'), [ map { "s$_\@x.example" } 1 .. 5 ], 'suppressions page by page');
is_deeply(walk('/v1/suppression-list?search=xn--', 'entry'), ['xn--bcher-kva.example'], 'a domain by the beginning of its form');
answers('why an address is suppressed', [ 'GET', '/v1/suppression-list?email=x@a.wild.example', $key ], 200, { next => undef });
is_deeply([ map { [ @$_{qw(entry reason)} ] } @{ (request('GET', '/v1/suppression-list?email=x@a.wild.example', $key))[1]{data} } ], [ [ '*.wild.example', 'asked' ] ], 'by an entry that has a reason');
answers('one that is not', [ 'GET', '/v1/suppression-list?email=free@x.example', $key ], 200, { data => [], next => undef });
answers("400 for $_", [ 'GET', "/v1/suppression-list?$_", $other_key ], 400) for 'email=x', 'limit=1001';
my @unsuppress = ('DELETE', '/v1/suppression-list', $key, { emails => [ 's1@x.example', 'S2@x.example', 'none@x.example' ] }, 'idempotency-key' => 'unsuppress');
answers('take off', \@unsuppress, 200, { removed => 2 });
answers('once', \@unsuppress, 200, { removed => 2 });
answers('400 without emails', [ @unsuppress[0 .. 2], {} ], 400, { code => 'invalid_request' });

# Senders.
answers($_, [ 'GET', "/v1/$_", $key ], 200, []) for 'sender-pools', 'sender-accounts';
in_workspace($workspace, <<'SQL');
SELECT lt_create_sender('one@sender.example', '{"name": "One", "dailyLimit": 50}') AS one, lt_create_sender('two@sender.example', '{"status": "paused"}') AS two, lt_create_pool('Pool') AS pool, lt_create_pool('Empty') \gset
SELECT lt_set_pool_senders(:'pool', ARRAY[:'one', :'two']::uuid[]);
SQL
my $senders = answers('senders', [ 'GET', '/v1/sender-accounts', $key ], 200);
is_deeply([ map { [ @$_{qw(email name status dailyCapacity usedToday remainingVolume)} ] } @$senders ], [ [ 'one@sender.example', 'One', 'active', 50, 0, 50 ], [ 'two@sender.example', undef, 'paused', 0, 0, 0 ] ], 'each with what is left today');
my $pools = answers('pools', [ 'GET', '/v1/sender-pools', $key ], 200);
is_deeply([ map { [ @$_{qw(name dailyCapacity remainingVolume remainingToday senderCount senderAccountIds)} ] } @$pools ],
	[ [ 'Pool', 50, 50, 50, 2, [ map { $_->{id} } @$senders ] ], [ 'Empty', 0, 0, 0, 0, [] ] ], 'in the shapes of all pages at once');
is_deeply([ map { $_->{poolIds} } @$senders ], [ ([ $pools->[0]{id} ]) x 2 ], 'by ids');

# Campaigns that change.
my @patch = ('PATCH', "/v1/campaigns/$more[2]", $key);
my $next_steps = [ { subject => 'x', bodyHtml => 'y' } ];
my $hours = { schedules => [ { timing => { from => '09:00', to => '17:00' }, days => { 1 => JSON::PP::true }, timezone => 'Europe/Berlin' } ] };
my $patched = answers('change a campaign', [ @patch, { name => 'Renamed', sequenceSteps => $next_steps, settings => { poolId => $pools->[0]{id}, dailyLimit => 5, bounceLimit => 0.1, schedule => $hours } } ], 200, { name => 'Renamed', steps => 1 });
is_deeply([ @{ $patched->{settings} }{qw(poolId dailyLimit bounceLimit dailyNewLeads)}, $patched->{settings}{schedule}{schedules}[0]{timezone} ], [ $pools->[0]{id}, 5, 0.1, undef, 'Europe/Berlin' ], 'its settings');
answers('in part', [ @patch, { settings => { dailyLimit => undef } } ], 200, { %$patched, settings => { %{ $patched->{settings} }, dailyLimit => undef } });
answers('by nothing', [ @patch, {} ], 200, { name => 'Renamed' });
answers('400 for ' . encode_json($_), [ @patch, $_ ], 400, { code => 'invalid_request' })
  for { nme => 'x' }, { name => undef }, { name => 1 }, { name => 'Not kept', settings => [] }, { name => 'Not kept', settings => { x => 1 } }, { name => 'Not kept', sequenceSteps => {} }, { sequenceSteps => undef }, { settings => { poolId => 'x' } };
answers('a pool that there is not', [ @patch, { settings => { poolId => 'pool_01hx4mrqpbcn7wh2gfk9yz6e3s' } } ], 404, { code => 'pool_not_found' });
answers('steps of one that runs', [ 'PATCH', "/v1/campaigns/$campaign", $key, { sequenceSteps => $next_steps } ], 409, { code => 'campaign_running' });
answers('delete one that runs', [ 'DELETE', "/v1/campaigns/$campaign", $key ], 409, { code => 'campaign_running' });
answers('delete a campaign', [ 'DELETE', $patch[1], $key, undef, 'idempotency-key' => 'gone' ], 200, { id => $more[2], deleted => JSON::PP::true }) for 1, 2;
answers('that is gone', [ 'GET', $patch[1], $key ], 404, { code => 'campaign_not_found' });

# Webhooks.
my @hook = ('POST', '/v1/webhooks', $key, { url => 'https://hooks.example.com/x', events => [ 'campaign.started', 'reply.received' ] }, 'idempotency-key' => 'hook');
my $hook = answers('create a webhook', \@hook, 200, { url => 'https://hooks.example.com/x', events => [ 'campaign.started', 'reply.received' ], status => 'active', campaignId => undef });
like($hook->{secret}, qr/^whsec_/, 'its secret is shown');
answers('the same for the key', \@hook, 200, $hook);
my $webhooks = answers('webhooks', [ 'GET', '/v1/webhooks', $key ], 200, { next => undef });
is(members($webhooks), 'campaignId createdAt disabledAt disabledReason events id status url', 'without secrets');
answers('a webhook', [ 'GET', "/v1/webhooks/$hook->{id}", $key ], 200, $webhooks->{data}[0]);
answers('of a campaign', [ @hook[0 .. 2], { %{ $hook[3] }, campaignId => $campaign } ], 200, { campaignId => $campaign });
answers('400 for ' . encode_json($_), [ @hook[0 .. 2], $_ ], 400, { code => 'invalid_request' })
  for {}, { url => 'http://hooks.example.com', events => ['message.sent'] }, { url => 'https://127.0.0.1/', events => ['message.sent'] }, { url => 'https://x.example/' }, { %{ $hook[3] }, events => [] }, { %{ $hook[3] }, events => ['x'] }, { %{ $hook[3] }, events => [1] }, { %{ $hook[3] }, x => 1 };
answers('another workspace\'s campaign', [ $hook[0], $hook[1], $other_key, { %{ $hook[3] }, campaignId => $campaign } ], 404, { code => 'campaign_not_found' });
request('POST', "/v1/campaigns/$more[0]/start", $key);
in_workspace($workspace, <<"SQL");
SELECT lt_pause_campaign(lt_from_typeid('$more[0]')), lt_set_steps(lt_from_typeid('$more[0]'), '[{"subject": "s", "bodyHtml": "b"}]'), lt_start_campaign(lt_from_typeid('$more[0]'));
SELECT lt_finish_delivery(lease_id, delivery_id, 500, 'oops', 12) FROM lt_claim_deliveries();
SQL
my ($delivery) = @{ answers('deliveries', [ 'GET', "/v1/webhooks/$hook->{id}/deliveries", $key ], 200, { next => undef })->{data} };
is_deeply([ @$delivery{qw(event attempt statusCode error milliseconds)}, !!$delivery->{succeeded} ], [ 'campaign.started', 1, 500, 'oops', 12, !!0 ], 'how the last went');
answers('400 for a limit', [ 'GET', "/v1/webhooks/$hook->{id}/deliveries?limit=201", $key ], 400, { code => 'invalid_request' });
answers('send again', [ 'POST', "/v1/deliveries/$delivery->{id}/redeliver", $key ], 200, { id => $delivery->{id}, queued => JSON::PP::true });
is(in_workspace($workspace, 'SELECT string_agg(attempt::text, $$ $$) FROM leadterra.webhook_deliveries'), '0', 'as if it had not been tried');
request('POST', "/v1/campaigns/$more[0]/pause", $key);
in_workspace($workspace, "UPDATE leadterra.webhooks SET status = 'disabled', disabled_at = now(), disabled_reason = 'gone' WHERE campaign_id IS NULL");
answers('one that is disabled', [ 'GET', "/v1/webhooks/$hook->{id}", $key ], 200, { status => 'disabled', disabledReason => 'gone' });
answers('resume', [ 'POST', "/v1/webhooks/$hook->{id}/resume", $key ], 200, { status => 'active', disabledReason => undef });
my $spare = (request(@hook[0 .. 3]))[1]{id};
answers('delete a webhook', [ 'DELETE', "/v1/webhooks/$spare", $key ], 200, { id => $spare, deleted => JSON::PP::true });
answers('which is gone', [ 'GET', "/v1/webhooks/$spare", $key ], 404, { code => 'webhook_not_found' });

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
my $sam = answers('create a lead', [ 'POST', '/api/v2/leads', $key, { campaign => $uuid, email => 'sam@example.com', first_name => 'Sam', custom_variables => { past_customer => JSON::PP::true } } ], 200, { email => 'sam@example.com', campaign => $uuid, status => 1 })->{id};
answers('get a lead', [ 'GET', "/api/v2/leads/$sam", $key ], 200, { first_name => 'Sam', payload => { firstName => 'Sam', past_customer => JSON::PP::true } });
answers('change a lead', [ 'PATCH', "/api/v2/leads/$sam", $key, { job_title => 'CTO', pl_value_lead => 'High' } ], 200, { first_name => 'Sam', job_title => 'CTO', pl_value_lead => 'High' });
is_deeply([ map { $_->{id} } @{ answers('list leads', [ 'POST', '/api/v2/leads/list', $key, { campaign => $uuid, search => 'sam@', limit => 5 } ], 200)->{items} } ], [$sam], 'those that are asked for');
my $moved = answers('move leads', [ 'POST', '/api/v2/leads/move', $key, { campaign => $uuid, ids => [$sam], to_list_id => $list } ], 200, { type => 'move-leads', status => 'success', progress => 100, entity_id => $list });
answers('a job that is done', [ 'GET', "/api/v2/background-jobs/$moved->{id}", $key ], 200, $moved);
my $twin = answers('create another', [ 'POST', '/api/v2/leads', $key, { list_id => $list, first_name => 'Samuel', phone => '1' } ], 200, { email => undef, list_id => $list })->{id};
answers('merge leads', [ 'POST', '/api/v2/leads/merge', $key, { lead_id => $twin, destination_lead_id => $sam } ], 200, { id => $sam, first_name => 'Sam', phone => '1' });
answers('delete a lead', [ 'DELETE', "/api/v2/leads/$sam", $key ], 200, { email => 'sam@example.com' });

# --- every error

my $unknown = 'camp_01hx4mrqpbcn7wh2gfk9yz6e3s';

# The parameters that paths have: a value, one of nothing that there is, and the error for that.
my %parameters = (
	campaign_id => [ $campaign, $unknown, 'campaign_not_found' ], list_id => [ $list, $unknown, 'list_not_found' ],
	entry_id => [ $entry, $unknown, 'entry_not_found' ], job_id => [ $job, $unknown, 'job_not_found' ],
	webhook_id => [ $hook->{id}, 'wh_01hx4mrqpbcn7wh2gfk9yz6e3s', 'webhook_not_found' ], reply_id => [ $replies->[0]{id}, 'rpl_01hx4mrqpbcn7wh2gfk9yz6e3s', 'reply_not_found' ], delivery_id => [ $delivery->{id}, 'evt_01hx4mrqpbcn7wh2gfk9yz6e3s', 'delivery_not_found' ],
	lead_id => [ (request('GET', '/v1/leads?email=many1@example.com', $key))[1]{data}[0]{id}, 'lead_01hx4mrqpbcn7wh2gfk9yz6e3s', 'lead_not_found' ]);

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

my $before = sql(all_rows_query());
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
  for '/v1', '/v1/campaigns/', "/v1/campaigns/$campaign/lead", "$bulk/", "/v1//campaigns/$campaign/start", "/x$bulk", '/api/v1/campaigns', '/V1/campaigns', '%2fv1/campaigns', '';
is(sql(all_rows_query()), $before, 'none of that wrote anything');
isnt((request((split / /)[0], path_of($_), $keys_alone{ $routes{$_} }, '{'))[0], 403, "$routes{$_} is enough for $_") for sort keys %routes;
answers('404 v2', [ 'POST', '/api/v2/none', $key ], 404, { statusCode => 404, error => 'Not Found', code => 'not_found' });
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
(delete $sessions{authenticator})->{run}->kill_kill;
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

my ($described, $trouble) = run_command([ 'python3', "$FindBin::RealBin/answers.py", "$FindBin::RealBin/../../deploy/openapi.yaml", $answers ]);
is("$described$trouble", '', 'answers are as they are described');

# --- a parameter is read wherever nothing is found by it

my $fresh = sql("SELECT lt_create_workspace('Fresh')");
my $fresh_key = in_workspace($fresh, "SELECT lt_create_api_key('key')");
my %there = (campaign_id => (request('POST', '/v1/campaigns', $fresh_key, { name => 'Bare' }))[1]{id}, list_id => $list, entry_id => $entry, job_id => $job);
request('POST', "/v1/campaigns/$there{campaign_id}/leads/bulk", $fresh_key, { leads => [ { email => 'fresh@example.com' } ] });
@there{qw(webhook_id delivery_id)} = ((request(@hook[0, 1], $fresh_key, $hook[3]))[1]{id}, $delivery->{id});
$there{lead_id} = (request('GET', '/v1/leads', $fresh_key))[1]{data}[0]{id};
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

$_->{run}->kill_kill for values %sessions;
done_testing();
