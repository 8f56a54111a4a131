# The server dies under requests.  Clients are told to come again; whoever does, with the
# Idempotency-Key of before, finds that nothing was lost and nothing was done twice.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Gateway;
use IPC::Run;
use JSON::PP;
use Test::More;

need_programs('nginx');
set_up();
start_gateway();
# Servers of tests neither come up by themselves nor have standbys.
$server->append_conf('postgresql.conf', join "\n", 'restart_after_crash = on', 'wal_level = replica', 'max_wal_senders = 1', '');
my $campaign = (request('POST', '/v1/campaigns', $key, { name => 'Spring', sequenceSteps => [ { subject => 's', bodyHtml => 'b' } ] }))[1]{id};
request('POST', "/v1/campaigns/$campaign/leads/bulk", $key, { leads => [ { email => 'ava@example.com' }, { email => 'ben@example.com' } ] });
my $token = in_workspace($workspace, <<"SQL");
SELECT lt_set_unsubscribe_url('https://example.com/u/') \\g /dev/null
SELECT lt_start_campaign(lt_from_typeid('$campaign')) \\g /dev/null
SELECT substring(unsubscribe_url FROM '[-_A-Za-z0-9]{90}') FROM lt_claim_messages(1)
SQL

# Requests of all kinds: method, path, body.
my @asked = (
	[ 'GET', '/v1/replies' ],
	[ 'GET', "/v1/campaigns/$campaign/stats" ],
	[ 'POST', '/v1/campaigns', { name => 'Autumn' } ],
	[ 'POST', "/v1/campaigns/$campaign/leads/bulk", { leads => [ { email => 'cara@example.com' } ] } ],
	[ 'POST', '/v1/suppression-list', { emails => ['dan@example.com'] } ],
	[ 'POST', '/api/v2/leads/add', { campaign_id => $campaign, leads => [ { email => 'eve@example.com' } ] } ],
	[ 'POST', "/u/$token" ]);

# Sends those of some numbers, without waiting for answers; returns connections.
sub send_requests
{
	my ($round, @numbers) = @_;
	my @sockets;

	for my $number (@numbers)
	{
		my ($method, $path, $content) = @{ $asked[$number] };
		my $body = $content ? JSON::PP->new->canonical->encode($content) : '';
		push @sockets, send_raw(join "\r\n", "$method $path HTTP/1.1", 'Host: localhost', 'Connection: close', "Authorization: Bearer $key",
			"Idempotency-Key: $round-$number", 'Content-Length: ' . length $body, '', $body);
	}
	return @sockets;
}

# Tests that requests are answered as what is to be sent again, and sends them until they
# are served.
sub come_again
{
	my ($round, $rise, $numbers, $sockets) = @_;

	for my $place (0 .. $#$numbers)
	{
		my ($method, $path) = @{ $asked[ $numbers->[$place] ] };
		my $socket = $sockets->[$place];
		my $answer = join '', <$socket>;
		like($answer, qr{\AHTTP/1\.1 503 }, "$round: $method $path is 503");
		like($answer, qr/^Retry-After: 1\r$/m, '... and says when to come again');
		like($answer, $path =~ m{^/u/} ? qr{That did not work\. Please try again\.} : qr/"code": "internal_error"/, '... as the pages have it');
	}
	$rise->();
	for my $number (@$numbers)
	{
		my ($method, $path, $content) = @{ $asked[$number] };
		my ($status, $body);
		for (1 .. 1000)
		{
			($status, $body) = request($method, $path, $key, $content ? JSON::PP->new->canonical->encode($content) : '', 'Idempotency-Key' => "$round-$number");
			last if $status != 503;
			# Takes as long as starting a program does.
			IPC::Run::run([ 'pg_isready', '-q', '-h', $server->host, '-p', $server->port ]);
		}
		is($status, 200, "$round: $method $path, sent again") or diag(explain($body));
	}
	return;
}

# Waits until so many requests wait for something.
sub wait_until
{
	my ($count, $condition) = @_;
	$server->poll_query_until('postgres', "SELECT count(*) = $count FROM pg_stat_activity WHERE usename = 'authenticator' AND $condition") or die 'not all requests wait';
	return;
}

# --- before anything was done

my $locked = q(wait_event_type = 'Lock');
for my $death (
	[ 'pg_ctl stop -m immediate', sub { $server->stop('immediate') }, sub { $server->start } ],
	[ 'pg_ctl stop -m fast', sub { $server->stop('fast') }, sub { $server->start } ],
	[ 'kill -9 of a backend', sub { kill 'KILL', $server->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE usename = 'authenticator' AND $locked LIMIT 1") }, sub { } ])
{
	my ($name, $die, $rise) = @$death;
	my $holder = $server->background_psql('leadterra');
	my @all = 0 .. $#asked;

	# No request gets past this.
	$holder->query_safe('BEGIN; LOCK TABLE leadterra.workspaces, leadterra.api_keys, leadterra.suppressions, leadterra.links IN ACCESS EXCLUSIVE MODE');
	my @sockets = send_requests($name, @all);
	wait_until(scalar @all, $locked);
	$die->();
	come_again($name, $rise, \@all, \@sockets);
	eval { $holder->quit };
}
my $done = in_workspace($workspace, q(SELECT count(*) FROM lt_campaigns WHERE name = 'Autumn'));
is($done, 3, 'what was sent again was done once');
is((request('GET', "/v1/campaigns/$campaign/stats", $key))[1]{totalEnrolled}, 4, 'and enrolled once');

# --- when all was done, and nobody has been told: commits wait for a standby that there is not

my @writing = grep { $asked[$_][0] eq 'POST' && $asked[$_][1] =~ m{^/(?:v1|api)/} } 0 .. $#asked;
$server->append_conf('postgresql.conf', qq(synchronous_standby_names = 'nobody'\n));
$server->reload;
my @sockets = send_requests('commit', @writing);
wait_until(scalar @writing, q(wait_event = 'SyncRep'));
$server->append_conf('postgresql.conf', qq(synchronous_standby_names = ''\n));
$server->stop('immediate');
come_again('commit', sub { $server->start }, \@writing, \@sockets);
is(in_workspace($workspace, q(SELECT count(*) FROM lt_campaigns WHERE name = 'Autumn')), $done + 1, 'what was done is not done again');

stop($_) for qw(nginx postgrest);
$server->stop;
done_testing();
