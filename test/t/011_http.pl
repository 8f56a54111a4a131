# The published calls over real HTTP: nginx and PostgREST with the files of deploy/.
use strict;
use warnings;

use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use Gateway;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

need_programs(qw(nginx curl openssl));

# Runs a published example, of which host, key and campaign are replaced.
sub example
{
	my ($name, $text, $key, $campaign) = @_;
	my ($output, $errors) = ('', '');

	$text =~ s{https://app\.leadterra\.co}{$base};
	$text =~ s/sk_live_YOUR_KEY/$key/;
	$text =~ s/camp_(?:123|01HZA1TPNQ8RD4KF|01hx4mrqpbcn7wh2gfk9yz6e3s)/$campaign/ if defined $campaign;
	$text =~ s/^curl /curl -s /;
	ok(IPC::Run::run([ 'sh', '-c', $text ], '<', '/dev/null', '>', \$output, '2>', \$errors, IPC::Run::timeout(60)), "$name: curl") or diag($errors);
	return decode_json($output);
}

# --- everything starts

set_up();
start_gateway();
my $other = sql("SELECT lt_create_workspace('Other')");
my $other_key = in_workspace($other, "SELECT lt_create_api_key('other')");
my $weak_key = in_workspace($workspace, "SELECT lt_create_api_key('weak', '{campaigns:read}')");
my $old_key = in_workspace($workspace, "SELECT lt_create_api_key('old')");
in_workspace($workspace, "SELECT lt_revoke_api_key(key_id) FROM lt_api_keys WHERE label = 'old'");

# --- the published calls, in the order of use

my $steps = [ { subject => 'Hi {{firstName|there}}', bodyHtml => '<a href="{{unsubscribeUrl}}">x</a>' }, { subject => 'Again', bodyHtml => 'b', delayDays => 3 } ];
my ($body) = answers('create', [ 'POST', '/v1/campaigns', $key, { name => 'Spring', sequenceSteps => $steps } ], 200, { name => 'Spring', status => 'draft' });
my $campaign = $body->{id};
like($campaign, qr/^camp_[0-9a-z]{26}$/, 'its id is a TypeID');
is($body->{campaign}{id}, $campaign, 'and stands under campaign, too');
is($body->{sequenceSteps}[1]{delayDays}, 3, 'it has its steps');
like($body->{createdAt}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'and a time');

my $reference = <<'CURL';
curl -X POST https://app.leadterra.co/v1/campaigns/camp_123/leads/bulk \
  -H "Authorization: Bearer sk_live_YOUR_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "leads": [
      {
        "email": "ava@example.com",
        "firstName": "Ava",
        "company": "ExampleCo",
        "jobTitle": "VP Sales"
      },
      {
        "email": "ben@example.com",
        "firstName": "Ben",
        "company": "AcmeCorp",
        "jobTitle": "Head of Growth"
      },
      {
        "email": "cara@example.com",
        "firstName": "Cara",
        "company": "StartupHQ",
        "jobTitle": "Founder"
      },
      {
        "email": "dan@example.com",
        "firstName": "Dan",
        "company": "ScaleUp Inc",
        "jobTitle": "Director of Sales"
      }
    ]
  }'
CURL
my $guide = <<'CURL';
curl -X POST https://app.leadterra.co/v1/campaigns/camp_01HZA1TPNQ8RD4KF/leads/bulk \
  -H "Authorization: Bearer sk_live_YOUR_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "leads": [
      {
        "email": "ava@acmecorp.com",
        "firstName": "Ava",
        "lastName": "Chen",
        "company": "Acme Corp",
        "jobTitle": "VP Sales"
      },
      {
        "email": "marcus@buildfast.io",
        "firstName": "Marcus",
        "lastName": "Webb",
        "company": "BuildFast",
        "jobTitle": "Head of Growth"
      },
      {
        "email": "priya@nexusai.com",
        "firstName": "Priya",
        "lastName": "Sharma",
        "company": "Nexus AI",
        "jobTitle": "Director of Revenue"
      }
    ]
  }'
CURL
my $concept = <<'CURL';
curl -X POST https://app.leadterra.co/v1/campaigns/camp_01hx4mrqpbcn7wh2gfk9yz6e3s/leads/bulk \
  -H "Authorization: Bearer sk_live_YOUR_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "leads": [
      {
        "email": "priya.sharma@voltmetrics.io",
        "firstName": "Priya",
        "company": "Voltmetrics",
        "jobTitle": "VP of Sales"
      },
      {
        "email": "dan.foster@loopcraft.com",
        "firstName": "Dan",
        "company": "Loopcraft",
        "jobTitle": "Head of Growth",
        "useCase": "outbound pipeline generation"
      }
    ]
  }'
CURL
my $start = <<'CURL';
curl -X POST https://app.leadterra.co/v1/campaigns/camp_01HZA1TPNQ8RD4KF/start \
  -H "Authorization: Bearer sk_live_YOUR_KEY"
CURL

# The published answers, of the campaigns that their pages speak of.
my ($guide_campaign, $concept_campaign) = map { (request('POST', '/v1/campaigns', $key, { name => $_, sequenceSteps => $steps }))[1]{id} } qw(Guide Concept);
request('POST', "/v1/campaigns/$campaign/leads/bulk", $key, { leads => [ { email => 'dan@example.com' } ] });
my $answer = example('reference page', $reference, $key, $campaign);
is_deeply({ map { $_ => $answer->{$_} } qw(enrolled updated total) }, { enrolled => 3, updated => 1, total => 4 }, 'the answer of the reference page');
$answer = example('guide', $guide, $key, $guide_campaign);
is_deeply($answer->{result}, { enrolled => 3, updated => 0, skipped => 0, totalInCampaign => 3 }, 'the answer of the guide');
request('POST', "/v1/campaigns/$concept_campaign/leads/bulk", $key, { leads => [ { email => 'dan.foster@loopcraft.com' } ] });
$answer = example('concept page', $concept, $key, $concept_campaign);
is_deeply($answer->{data}, { created => 1, updated => 1, enrolled => 2, errors => [] }, 'the answer of the concept page');
$answer = example('start', $start, $key, $guide_campaign);
is_deeply({ map { $_ => $answer->{campaign}{$_} } qw(id status leadsEnrolled queuedMessages) },
	{ id => $guide_campaign, status => 'running', leadsEnrolled => 3, queuedMessages => 3 }, 'the answer of start');
is_deeply(example('start again', $start, $key, $guide_campaign), $answer, 'a second start changes nothing');

answers('pause', [ 'POST', "/v1/campaigns/$guide_campaign/pause", $key ], 200, { id => $guide_campaign, status => 'paused' });
answers('stats', [ 'GET', "/v1/campaigns/$guide_campaign/stats", $key ], 200,
	{ campaignId => $guide_campaign, totalEnrolled => 3, sent => 0, delivered => 0, bounced => 0, replied => 0, queued => 3, openRate => 0, replyRate => 0 });
is((request('HEAD', "/v1/campaigns/$guide_campaign/stats", $key))[0], 200, 'HEAD is answered');
answers('suppress', [ 'POST', '/v1/suppression-list', $key, { emails => [ 'a@example.net', 'b@example.net' ] } ], 200,
	{ suppressed => 2, result => { suppressed => 2, alreadySuppressed => 0, total => 2 } });
answers('no replies', [ 'GET', '/v1/replies', $key ], 200, []);
in_workspace($workspace, "SELECT lt_start_campaign(lt_from_typeid('$campaign')) \\g /dev/null
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(100)) l \\g /dev/null
SELECT lt_record_event(message_id, 'replied', '{\"classification\": \"not_interested\", \"threadSnippet\": \"No\"}') FROM lt_messages WHERE email = 'ava\@example.com' AND state = 'sent'");
($body) = answers('replies', [ 'GET', "/v1/replies?campaignId=$campaign", $key ], 200);
is($body->[0]{threadSnippet}, 'No', 'a reply');
answers('replies of a kind', [ 'GET', '/v1/replies?classification=interested', $key ], 200, []);
answers('replies of another page', [ 'GET', '/v1/replies?page=2', $key ], 200, []);

my $list = in_workspace($workspace, "SELECT lt_create_list('List')");
my $uuid = in_workspace($workspace, "SELECT lt_from_typeid('$campaign')");
answers('second service, campaign', [ 'POST', '/api/v2/leads/add', $key, { campaign_id => $uuid, leads => [ { email => 'zoe@example.com', first_name => 'Zoe' }, { email => 'nobody' } ] } ], 200,
	{ status => 'success', total_sent => 2, leads_uploaded => 1, invalid_email_count => 1, duplicated_leads => 0 });
answers('second service, list', [ 'POST', '/api/v2/leads/add', $key, { list_id => $list, leads => [ { first_name => 'Ned' } ], skip_if_in_workspace => JSON::PP::true } ], 200,
	{ leads_uploaded => 1 });

# Its other calls, with each method; what they take and answer is in test/pgtap/http_v2.sql.
my $second = {
	name => 'My First Campaign',
	campaign_schedule => { schedules => [ { name => 'My Schedule', timing => { from => '00:00', to => '24:00' }, days => { map { $_ => JSON::PP::true } 0 .. 6 }, timezone => 'America/Detroit' } ] },
	sequences => [ { steps => [ { type => 'email', delay => 3, delay_unit => 'days', variants => [ { subject => 'Hello {{firstName}}', body => 'Hey' } ] }, { type => 'email', delay => 0, delay_unit => 'days', variants => [ { subject => '', body => 'Again' } ] } ] } ],
	daily_limit => 100 };
($body) = answers('second service, create', [ 'POST', '/api/v2/campaigns', $key, $second, 'Idempotency-Key' => 'v2' ], 200, { %$second, status => 0 });
my $path = "/api/v2/campaigns/$body->{id}";
answers('once', [ 'POST', '/api/v2/campaigns', $key, $second, 'Idempotency-Key' => 'v2' ], 200, $body);
answers('add a lead', [ 'POST', '/api/v2/leads', $key, { campaign => $body->{id}, email => 'kai@example.com', first_name => 'Kai' } ], 200, { email => 'kai@example.com', campaign => $body->{id} });
answers('activate', [ 'POST', "$path/activate", $key ], 200, { %$second, status => 1 });
answers('activate, with a content type alone', [ 'POST', "$path/activate", $key, '' ], 200, { status => 1 });
answers('pause the second', [ 'POST', "$path/pause", $key ], 200, { status => 2 });
answers('patch', [ 'PATCH', $path, $key, { name => 'Renamed', sequences => $second->{sequences} } ], 200, { %$second, name => 'Renamed' });
is(scalar(@{ (answers('list', [ 'GET', '/api/v2/campaigns?limit=1&search=renamed', $key ], 200))[0]{items} }), 1, 'a campaign');
answers('analytics', [ 'GET', "/api/v2/campaigns/analytics?ids=$body->{id}&ids=$body->{id}", $key ], 200, [ { %{ (request('GET', "/api/v2/campaigns/analytics?id=$body->{id}", $key))[1][0] } } ]);
my ($found) = answers('find leads', [ 'POST', '/api/v2/leads/list', $key, { campaign => $body->{id} } ], 200);
is($found->{items}[0]{payload}{firstName}, 'Kai', 'a lead');
answers('an unknown filter', [ 'POST', '/api/v2/leads/list', $key, { campaign_ids => [ $body->{id} ] } ], 400, { statusCode => 400, error => 'Bad Request', code => 'invalid_request' });
answers('delete with a body', [ 'DELETE', "/api/v2/leads/$found->{items}[0]{id}", $key, {} ], 400, { statusCode => 400 });
answers('delete a lead', [ 'DELETE', "/api/v2/leads/$found->{items}[0]{id}", $key ], 200, { email => 'kai@example.com' });
answers('delete the second', [ 'DELETE', $path, $key, '' ], 200, { name => 'Renamed' });
answers('it is gone', [ 'GET', $path, $key ], 404, { statusCode => 404, error => 'Not Found', code => 'campaign_not_found' });

# A claim leases what it returns: PostgREST must not cut it short.
in_workspace($workspace, "SELECT lt_bulk_upsert(lt_from_typeid('$campaign'), jsonb_agg(jsonb_build_object('email', format('many-%s\@example.com', i)))) FROM generate_series(1, 1500) i");
# The gateway has no claims, and what stands in for PostgREST has no others.
$answer = missing_program('postgrest') ? decode_json(in_workspace($workspace, "SELECT json_agg(m) FROM lt_claim_messages(1500, campaign_id => '$uuid') m"))
  : (rest_request('POST', '/rpc/lt_claim_messages', $key, { max_messages => 1500, campaign_id => $uuid }))[1];
is(scalar(@$answer), 1500, 'a large claim comes whole');
in_workspace($workspace, "SELECT lt_complete_messages('$answer->[0]{lease_id}')");

# --- errors, which write nothing

my $before = rows();
my $unknown = 'camp_01hx4mrqpbcn7wh2gfk9yz6e3s';
my $not_found = { code => 'campaign_not_found' };
my $refused = { code => 'authentication_failed', message => 'the API key is missing, malformed, unknown or revoked' };
my $refused2 = { statusCode => 401, error => 'Unauthorized', message => 'The API key is missing, malformed, unknown or revoked', code => 'authentication_failed' };
my $leads = { leads => [ { email => 'new@example.com' } ] };
my $bulk = "/v1/campaigns/$campaign/leads/bulk";

for my $text ('', '{"leads"', '[1]', '"x"', '7', '{"leads": 7}', '{}', '{"leads": [{"email": "a@example.com", "x": "\u0000"}]}', '[' x 100000)
{
	answers('400 for ' . substr($text, 0, 20), [ 'POST', $bulk, $key, $text ], 400, { code => 'invalid_request' });
	answers('400 v2 for ' . substr($text, 0, 20), [ 'POST', '/api/v2/leads/add', $key, $text ], 400, { statusCode => 400, error => 'Bad Request' });
}
answers('400 without a name', [ 'POST', '/v1/campaigns', $key, {} ], 400, { code => 'invalid_request' });
answers('400 for steps', [ 'POST', '/v1/campaigns', $key, { name => 'x', sequenceSteps => [ {} ] } ], 400, { code => 'invalid_request' });
answers('400 for emails', [ 'POST', '/v1/suppression-list', $key, { emails => [7] } ], 400, { code => 'invalid_request' });
answers('400 for a page', [ 'GET', '/v1/replies?page=0', $key ], 400, { code => 'invalid_request' });
answers('400 for bytes that are no text', [ 'POST', $bulk, $key, "{\"leads\": [{\"email\": \"\xff\"}]}" ], 400, { code => 'invalid_request' });
answers('400 for a path that is not ASCII', [ 'GET', "/v1/replies?campaignId=\xff", $key ], 400, { code => 'invalid_request' });
for my $wrong (undef, 'x', 'sk_live_x', $old_key, "$key-", 'a.b.c', "$key x")
{
	my $name = defined $wrong ? 'a wrong key' : 'no key';
	answers("401 for $name", [ 'POST', $bulk, $wrong, $leads ], 401, $refused);
	answers("401 v2 for $name", [ 'POST', '/api/v2/leads/add', $wrong, {} ], 401, $refused2);
	answers("401 to read for $name", [ 'GET', "/v1/campaigns/$campaign/stats", $wrong ], 401, $refused);
}
my (undef, $headers) = answers('401 for another scheme', [ 'POST', $bulk, undef, $leads, Authorization => "Basic $key" ], 401, $refused);
is($headers->{'www-authenticate'}, 'Bearer', 'which says which');
answers('403', [ 'POST', $bulk, $weak_key, $leads ], 403, { code => 'insufficient_scope' });
answers('404 for leads', [ 'POST', "/v1/campaigns/$unknown/leads/bulk", $key, $leads ], 404, $not_found);
answers("404 for $_", [ 'POST', "/v1/campaigns/$unknown/$_", $key ], 404, $not_found) for qw(start pause);
answers('404 for stats', [ 'GET', "/v1/campaigns/$unknown/stats", $key ], 404, $not_found);
answers('404 for replies', [ 'GET', "/v1/replies?campaignId=$unknown", $key ], 404, $not_found);
answers('404 v2', [ 'POST', '/api/v2/leads/add', $key, { %$leads, campaign_id => $list } ], 404, { statusCode => 404, error => 'Not Found', code => 'campaign_not_found' });
answers('422', [ 'POST', $bulk, $key, { leads => [ @{ $leads->{leads} }, { email => 'no' } ] } ], 422,
	{ code => 'invalid_leads', errors => [ { index => 1, field => 'email', code => 'email_no_at', message => 'address has no @' } ] });
answers('422 to suppress', [ 'POST', '/v1/suppression-list', $key, { emails => ['no'] } ], 422, { code => 'invalid_suppressions' });
is(rows(), $before, 'no error wrote anything');

for my $call ([ 'start', 'no_leads_enrolled', [ { subject => 's', bodyHtml => 'b' } ] ], [ 'start', 'no_sequence_steps', [] ])
{
	my ($verb, $code, $its_steps) = @$call;
	my $id = (request('POST', '/v1/campaigns', $key, { name => $code, sequenceSteps => $its_steps }))[1]{id};
	request('POST', "/v1/campaigns/$id/leads/bulk", $key, $leads) if $code eq 'no_sequence_steps';
	answers("400 $code", [ 'POST', "/v1/campaigns/$id/$verb", $key ], 400, { code => $code });
}

in_workspace($workspace, 'SELECT lt_set_lead_limit(0)');
answers('402', [ 'POST', $bulk, $key, { leads => [ { email => 'over@example.com' } ] } ], 402, { code => 'plan_limit_reached', remaining => 0 });
answers('402 v2', [ 'POST', '/api/v2/leads/add', $key, { campaign_id => $uuid, leads => [ { email => 'over@example.com' } ] } ], 402,
	{ statusCode => 402, error => 'Payment Required' });
in_workspace($workspace, 'SELECT lt_set_lead_limit(NULL)');

$before = rows();
my $large = '{"leads": [{"email": "' . 'a' x (33 * 1024 * 1024) . '"}]}';
answers('413', [ 'POST', $bulk, $key, $large, Expect => '' ], 413, { code => 'request_too_large' });
answers('413 v2', [ 'POST', '/api/v2/leads/add', $key, $large, Expect => '' ], 413, { statusCode => 413 });
$large = '{"leads": [' . '0,' x 1_000_000 . '0]}';
answers('413 for entries', [ 'POST', $bulk, $key, $large, Expect => '' ], 413, { code => 'too_many_entries' });
undef $large;

# --- what is not published is not there

for my $path ('/', '/rpc/lt_http_stats', '/rpc/lt_bulk_upsert', '/lt_leads', '/lt_campaigns', '/v1', '/v1/', '/v1/campaigns/', "/v1/campaign/$campaign",
	"/v1/campaigns/$campaign/lead", "$bulk/", "/v1//campaigns/$campaign/stats", "/x/../v1/campaigns/$campaign/stats", '/v1/campaigns//stats',
	"/v1/campaigns%2F$campaign/stats", '/v1/senders', '/api/v2/none', '/write', '/order', '/read', '/unsubscribe', '/GET', '/POST', '/HEAD', '/no',
	'/error', '/error-page', '/metrics', '/ready', '/u', '/nginx.conf')
{
	is((request($_, $path, $key, $_ eq 'POST' ? {} : undef))[0], 404, "$_ $path") for qw(GET POST);
}
answers('404 v1', [ 'GET', '/v1/none', $key ], 404, { code => 'not_found', message => 'there is nothing at this path' });
answers('404 v2', [ 'GET', '/api/v2/none', $key ], 404, { statusCode => 404, error => 'Not Found', message => 'Resource not found', code => 'not_found' });
for my $wrong ([ 'PUT', '/v1/campaigns', 'GET, HEAD, POST' ], [ 'DELETE', $bulk, 'POST' ], [ 'PUT', '/api/v2/leads/add', 'POST' ], [ 'POST', '/v1/replies', 'GET, HEAD' ],
	[ 'PATCH', "/v1/campaigns/$campaign/stats", 'GET, HEAD' ], [ 'OPTIONS', "/v1/campaigns/$campaign/start", 'POST' ])
{
	my (undef, $its) = answers("405 for @$wrong[0, 1]", [ @$wrong[0, 1], $key ], 405);
	is($its->{allow}, $wrong->[2], 'with what is allowed');
}

# --- what clients send does not get past the gateway

answers('X-Api-Key is not taken', [ 'POST', $bulk, undef, $leads, 'X-Api-Key' => $key ], 401, $refused);
answers('nor in place of a wrong key', [ 'POST', $bulk, 'sk_live_x', $leads, 'X-Api-Key' => $key ], 401, $refused);
answers('X-Original-Uri is not taken', [ 'POST', "/v1/campaigns/$unknown/start", $key, undef, 'X-Original-Uri' => "/v1/campaigns/$campaign/start" ], 404, $not_found);
answers('nor Prefer, Range and profiles', [ 'GET', '/v1/replies?limit=0&select=id', $key, undef, Prefer => 'tx=rollback', Range => '5-9', 'Accept-Profile' => 'leadterra', Accept => 'text/csv' ], 200);
is(rows(), $before, 'nothing of that wrote anything');
answers('the body of start is dropped', [ 'POST', "/v1/campaigns/$guide_campaign/start", $key, 'garbage' ], 200, { status => 'running' });
answers('an id may be a UUID', [ 'GET', "/v1/campaigns/$uuid/stats", $key ], 200, { campaignId => $campaign });
answers('and percent-encoded', [ 'GET', '/v1/campaigns/%63' . substr($campaign, 1) . '/stats', $key ], 200, { campaignId => $campaign });
for my $hostile ('x%0d%0aSet-Cookie:%20a=b', 'x%0aSet-Cookie:%20a=b', '%00', '%', '%ff', "';%20DROP%20TABLE%20x%20--%20", '%22%5c', '..%2f..', 'a' x 4000)
{
	my (undef, $its) = answers('a hostile id ' . substr($hostile, 0, 20), [ 'GET', "/v1/campaigns/$hostile/stats", $key ], $hostile =~ /^%(?:00|ff)?$/ ? 400 : 404);
	ok(!exists $its->{'set-cookie'}, 'puts no header into the answer');
}

# --- idempotency

my @repeat = ('POST', '/v1/campaigns', $key, { name => 'Once' }, 'Idempotency-Key' => 'key 1');
my ($first) = answers('with a key', \@repeat, 200);
is_deeply((request(@repeat))[1], $first, 'again: the same answer');
is(in_workspace($workspace, "SELECT count(*) FROM lt_campaigns WHERE name = 'Once'"), '1', 'done once');
answers('another body', [ @repeat[0 .. 2], { name => 'Twice' }, @repeat[4, 5] ], 422, { code => 'idempotency_key_reused' });
answers('another path', [ 'POST', '/v1/suppression-list', $key, { emails => ['idem@example.com'] }, @repeat[4, 5] ], 422, { code => 'idempotency_key_reused' });
isnt((request(@repeat[0, 1], $other_key, @repeat[3 .. 5]))[1]{id}, $first->{id}, 'another workspace has its own keys');
is((request('GET', '/v1/replies', $key, undef, @repeat[4, 5]))[0], 200, 'a GET takes no notice');

# --- workspaces

answers('another workspace', [ 'GET', "/v1/campaigns/$campaign/stats", $other_key ], 404, { code => 'campaign_not_found' });
answers('another workspace\'s leads', [ 'POST', $bulk, $other_key, $leads ], 404, { code => 'campaign_not_found' });
answers('another workspace\'s replies', [ 'GET', '/v1/replies', $other_key ], 200, []);
answers('its own suppressions', [ 'POST', '/v1/suppression-list', $other_key, { emails => ['a@example.net'] } ], 200, { suppressed => 1 });

# --- the worker of the unit sends what is enrolled by the key

my $deployed = (request('POST', '/v1/campaigns', $key, { name => 'Deployed', sequenceSteps => $steps }))[1]{id};
request('POST', "/v1/campaigns/$deployed/leads/bulk", $key, { leads => [ { email => 'deployed@example.com' } ] });
request('POST', "/v1/campaigns/$deployed/start", $key);
my $deployed_id = sql("SELECT lt_from_typeid('$deployed')");
like($server->safe_psql('leadterra', "SELECT email FROM api.lt_claim_messages(100, '1 minute', '$deployed_id')", extra_params => [ '-U', 'leadterra_worker' ]),
	qr/^deployed\@example\.com$/m, 'its role claims there');

my $maintained = '';
ok(IPC::Run::run([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $server->connstr('leadterra'), '-f', dirname(__FILE__) . '/../../deploy/maintain.sql' ], '<', '/dev/null', '>&', \$maintained), 'maintain.sql runs')
  or diag($maintained);

# --- unsubscribe links

my $token = in_workspace($workspace, <<"SQL");
SELECT lt_set_unsubscribe_url('https://example.com/u/') \\g /dev/null
SELECT lt_bulk_upsert(lt_from_typeid('$campaign'), '[{"email": "leaver\@example.com"}]') \\g /dev/null
SELECT substring(body_html FROM '/u/([-_A-Za-z0-9]{90})') FROM lt_claim_messages(100, '5 minutes', lt_from_typeid('$campaign')) WHERE email = 'leaver\@example.com'
SQL
like($token, qr/^[-_A-Za-z0-9]{90}$/, 'a message has a link');
my $suppressed = q(SELECT count(*) FROM lt_suppressions WHERE entry = 'leaver@example.com');
($body, $headers) = answers('a link that is opened', [ 'GET', "/u/$token" ], 200);
like($body, qr/<form method="post">/, 'shows a button');
like($headers->{'content-type'}, qr{^text/html}, 'on a page');
is(in_workspace($workspace, $suppressed), '0', 'and unsubscribes nobody');
($body) = answers('one click', [ 'POST', "/u/$token", undef, 'List-Unsubscribe=One-Click', 'Content-Type' => 'application/x-www-form-urlencoded' ], 200);
like($body, qr/You are unsubscribed/, 'says so');
is(in_workspace($workspace, $suppressed), '1', 'and does so');
answers('a second click', [ 'POST', "/u/$token", undef, '' ], 200);
like(raw("POST http://x/u/$token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), qr{\AHTTP/1\.1 200 }, 'a link in absolute form');
raw("GET $_$token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") for '//u/', '/u%2f', '/U/', 'http://x//u/';
answers('an altered token', [ 'POST', '/u/' . reverse($token), undef, '' ], 404);
answers('a token that is none', [ 'POST', '/u/%22', undef, '' ], 404);

# --- a workspace that moves, and is deleted

my $moving = sql("SELECT lt_create_workspace('Moving')");
my $moving_key = in_workspace($moving, "SELECT lt_create_api_key('moving')");
my $link = in_workspace($moving, <<'SQL');
SELECT lt_set_unsubscribe_url('https://example.com/u/') \g /dev/null
SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "{{unsubscribeUrl}}"}]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "a@example.com"}]'), lt_start_campaign(:'campaign') \g /dev/null
SELECT substring(body_html FROM '/u/([-_A-Za-z0-9]{90})') FROM lt_claim_messages()
SQL
sql("CALL lt_close_workspace('$moving', drain => '0')");
for my $path ('/v1/campaigns', '/api/v2/leads/add')
{
	my $add = { name => 'late', list_id => $other, leads => [ { email => 'b@example.com' } ] };
	($body, $headers) = answers("$path while the workspace moves", [ 'POST', $path, $moving_key, $add ], 503, { code => 'workspace_moving', message => 'the workspace is moving' });
	is($headers->{'retry-after'}, 1, 'and when to come again');
}
is($body->{error}, 'Service Unavailable', 'as the second service names it');
answers('reading while it moves', [ 'GET', '/v1/replies', $moving_key ], 200);
($body, $headers) = answers('a link while it moves', [ 'POST', "/u/$link", undef, 'List-Unsubscribe=One-Click' ], 503);
like($body, qr/Please try again/, 'says so');
is($headers->{'retry-after'}, 1, 'and when');
sql("SELECT lt_open_workspace('$moving')");
answers('a link once it is open', [ 'POST', "/u/$link", undef, 'List-Unsubscribe=One-Click' ], 200);
sql("CALL lt_close_workspace('$moving', drain => '0')");
sql("CALL lt_delete_workspace('$moving')");
($body) = answers('a link of one that was deleted', [ 'POST', "/u/$link", undef, 'List-Unsubscribe=One-Click' ], 410);
like($body, qr/Mail of this sender has ended/, 'says so');
answers('its key', [ 'GET', '/v1/replies', $moving_key ], 401);

# --- a connection that says what HTTP::Tiny would not

my $no_text = raw("GET /v1/replies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $key\r\nIdempotency-Key: \xff\r\nConnection: close\r\n\r\n");
like($no_text, qr{\AHTTP/1\.1 400 .*invalid_request}s, 'an Idempotency-Key that is not ASCII');
for my $raw ("GET /v1/replies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $key\r\nX-Api-Key: a\r\nX_Api_Key: b\r\nConnection: close\r\n\r\n",
	"GET http://elsewhere/v1/replies HTTP/1.1\r\nHost: elsewhere\r\nAuthorization: bearer $key\r\nConnection: close\r\n\r\n")
{
	like(raw($raw), qr{\AHTTP/1\.1 200 }, 'odd headers change nothing');
}

# --- as it is deployed, with a certificate

stop('nginx');
my ($said, $shown) = ('', '');
IPC::Run::run([ qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1),
	'-keyout', "$folder/privkey.pem", '-out', "$folder/fullchain.pem" ], '>', '/dev/null', '2>', \$said) or die $said;
start_gateway(certificates => $folder);
my @curl = ('curl', '-s', '--cacert', "$folder/fullchain.pem", '-w', '\n%{http_code} %{http_version} %{ssl_verify_result}', '-H', "Authorization: Bearer $key");
my $secure = $base =~ s/^http/https/r;
for my $version (qw(2 1.1))
{
	IPC::Run::run([ @curl, "--http$version", "$secure/v1/campaigns/$campaign/stats" ], '>', \$shown);
	like($shown, qr/"campaignId": *"$campaign".*\n200 $version 0\z/s, "TLS, HTTP/$version");
}
IPC::Run::run([ @curl, '--tls-max', '1.1', "$secure/v1/replies" ], '>', \$shown);
like($shown, qr/^\n000 /, 'no older TLS');
answers('nor plain text', [ 'GET', '/v1/replies', $key ], 400, { code => 'invalid_request', message => 'the request is malformed' });
for my $version (qw(2 1.1))
{
	IPC::Run::run([ @curl, "--http$version", '-i', '-H', 'Content-Length: 99999999', '-d', 'x', "$secure/v1/campaigns" ], '>', \$shown);
	like($shown, qr{^content-type: application/json; charset=utf-8\r\n.*"code": "request_too_large".*\n413 $version 0\z}ims, "a body that is too large, HTTP/$version");
}

# --- faults, and too many requests

stop('nginx');
start_gateway(change => sub { $_[0] =~ s/rate=100r\/s/rate=1r\/m/; $_[0] =~ s/(zone=keys) burst=100/$1 burst=2/g; });
answers('under the rate', [ 'GET', '/v1/replies', $key ], 200) for 1 .. 3;
(undef, $headers) = answers('429', [ 'GET', '/v1/replies', $key ], 429, { code => 'rate_limit_exceeded' });
is($headers->{'retry-after'}, 1, 'says when to come back');
answers('429 v2', [ 'POST', '/api/v2/leads/add', $key, {} ], 429, { statusCode => 429, error => 'Too Many Requests', message => 'Rate limit exceeded', code => 'rate_limit_exceeded' });
answers('another key is not limited', [ 'GET', '/v1/replies', $other_key ], 200);
stop('postgrest');
(undef, $headers) = answers('503', [ 'GET', '/v1/replies', $other_key ], 503, { code => 'internal_error' });
is($headers->{'retry-after'}, 1, 'says so, too');
stop('nginx');

for my $log ("$folder/access.log", "$folder/nginx.log", "$folder/postgrest.log", $server->logfile)
{
	my $text = slurp_file($log);
	# Keys that this test made itself were the results, never the text, of its statements.
	is(scalar(grep { index($text, $_) >= 0 } $key, $other_key, $weak_key, $old_key), 0, basename($log) . ' has no key');
	is(index($text, $token), -1, basename($log) . ' has no token') unless $log eq $server->logfile;
}

done_testing();
