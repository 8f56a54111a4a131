# The worker delivers webhooks: signed, to whoever takes them, past those who are slow, fail,
# redirect, answer too much or stand where nobody may reach them.
use strict;
use warnings;

use Cwd;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use JSON::PP;
use Leadterra;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Symbol;
use Test::More;

my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $program = $ENV{LEADTERRA_WORKER} // "$root/worker/leadterra-worker";
plan skip_all => "there is no $program" unless -x $program;

my $leads = small_or_long(30, 500);
my $server = start_server('server');
my $folder = PostgreSQL::Test::Utils::tempdir_short;
my $requests = "$folder/requests";
my $timeout = $PostgreSQL::Test::Utils::timeout_default;

sub sql { return $server->safe_psql('postgres', $_[0]) }

sub run_quietly
{
	my (@command) = @_;
	my $errors = '';
	IPC::Run::run(\@command, '>', \$errors, '2>&1') or die "@command: $errors";
	return;
}

# An authority, and a certificate for localhost.
my @key = qw(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes);
run_quietly('openssl', 'req', '-x509', @key, '-subj', '/CN=An authority', '-keyout', "$folder/ca.key", '-out', "$folder/ca.pem");
run_quietly('openssl', 'req', @key, '-subj', '/CN=localhost', '-keyout', "$folder/key.pem", '-out', "$folder/request.pem");
PostgreSQL::Test::Utils::append_to_file("$folder/extensions", 'subjectAltName = DNS:localhost');
run_quietly('openssl', 'x509', '-req', '-in', "$folder/request.pem", '-CA', "$folder/ca.pem", '-CAkey', "$folder/ca.key",
	'-CAcreateserial', '-extfile', "$folder/extensions", '-out', "$folder/cert.pem");

my ($receiver_said, $receiver_input) = ('', gensym);
my $receiver = IPC::Run::start([ 'python3', "$root/test/t/receiver.py", "$folder/cert.pem", "$folder/key.pem", $requests ],
	'<pipe', $receiver_input, '>', \$receiver_said, '2>', "$folder/receiver", IPC::Run::timeout($timeout * 4));
$receiver->pump until $receiver_said =~ /\n/;
my ($port) = $receiver_said =~ /(\d+)/;

PostgreSQL::Test::Utils::append_to_file("$folder/conf", <<"CONF");
[database]
connection = host=@{[ $server->host ]} port=@{[ $server->port ]} dbname=postgres user=worker
[webhooks]
connections = 8
ca-file = $folder/ca.pem
allow = 127.0.0.1/32
CONF

# Whoever starts the worker may have a proxy; a delivery has none.
$ENV{$_} = 'http://127.0.0.1:9' for qw(https_proxy HTTPS_PROXY all_proxy ALL_PROXY);

# Delivers what is due; returns what was said.
sub deliver
{
	my ($name, @options) = @_;
	my $log = '';
	ok(IPC::Run::run([ $program, '--config', "$folder/conf", '--once', @options ], '<', '/dev/null', '>', '/dev/null', '2>', \$log,
			IPC::Run::timeout($timeout)), "$name: the worker ends") or diag($log);
	return $log;
}

sub requests_of
{
	my ($path) = @_;
	my @requests = -e $requests ? map { decode_json($_) } split /\n/, slurp_file($requests) : ();
	return grep { $_->{path} =~ /^\Q$path\E/ } @requests;
}

sql(<<"SQL");
CREATE EXTENSION leadterra;
SELECT lt_create_campaign('C', '[{"subject": "Hi", "bodyHtml": "Hi"}]');
CREATE ROLE worker LOGIN;
SELECT lt_grant_worker('worker', lt_current_workspace());
SQL

# A webhook that leads to this machine, as no user can make one; returns its id and secret.
sub webhook
{
	my ($url, @events) = @_;
	my ($id, $secret) = split /\|/, sql("SELECT webhook_id, secret FROM lt_create_webhook('https://acme.example/', '{@{[ join ',', @events ]}}')");
	sql("UPDATE leadterra.webhooks SET url = '$url' WHERE webhook_id = '$id'");
	return ($id, $secret);
}

my $base = "https://localhost:$port";
my %url = (
	ok => "$base/ok/all?token=confidential", fail => "$base/fail", redirect => "$base/redirect", gone => "$base/gone",
	huge => "$base/huge", headers => "$base/headers", slow => "$base/slow", cut => "$base/cut", later => "$base/later",
	inside => "https://127.0.0.2:$port/ok/inside", loopback => "https://[::1]:$port/ok/inside",
	certificate => "https://127.0.0.1:$port/ok/certificate", nobody => "https://127.0.0.1:1/");
my (%id, %secret);
($id{$_}, $secret{$_}) = webhook($url{$_}, 'message.sent') for sort keys %url;
($id{start}, $secret{start}) = webhook("$base/ok/start", 'campaign.started');

sql(<<"SQL");
SELECT campaign_id AS campaign FROM lt_campaigns \\gset
SELECT lt_bulk_upsert(:'campaign', (SELECT jsonb_agg(jsonb_build_object('email', format('l-%s\@example.com', i), 'firstName', 'J\\u00fcrgen')) FROM generate_series(1, $leads) i));
SELECT lt_start_campaign(:'campaign');
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(10000)) l;
SQL

my $log = deliver('a dry run', '--dry-run');
like($log, qr/delivery \S+ to localhost/, 'a dry run shows what is due');
is(scalar requests_of('/'), 0, 'and delivers nothing');

$log = deliver('everything');
unlike($log, qr/confidential|whsec_|\/ok/, 'nothing of a URL but its host is said');
my @ok = requests_of('/ok/all');
is(scalar @ok, $leads, 'each message is told of');
is(scalar(keys %{ { map { $_->{headers}{'webhook-id'} => 1 } @ok } }), $leads, 'under an id of its own');
is(scalar requests_of('/ok/start'), 1, 'the other webhook is told of its event');

# Checks signatures: that of the service, and that of Standard Webhooks.
for my $request (requests_of('/ok/all'), requests_of('/ok/start'))
{
	my $secret = $secret{ $request->{path} =~ /start/ ? 'start' : 'ok' };
	my ($headers, $body) = @$request{qw(headers body)};
	utf8::encode($body);
	my $mac = encode_base64(hmac_sha256("$headers->{'webhook-id'}.$headers->{'webhook-timestamp'}.$body",
			decode_base64($secret =~ s/^whsec_//r)), '');

	next if $headers->{'x-leadterra-signature'} eq hmac_sha256_hex($body, $secret) && $headers->{'webhook-signature'} eq "v1,$mac"
	  && $headers->{'content-type'} eq 'application/json' && $request->{method} eq 'POST' && decode_json($body)->{event};
	fail("signatures of $headers->{'webhook-id'}");
}

# What was said of each webhook that failed.
sub outcome
{
	my ($name) = @_;
	return sql("SELECT DISTINCT concat_ws(' ', status_code, error) FROM lt_deliveries WHERE webhook_id = '$id{$name}' AND NOT succeeded");
}
my %expected = (
	ok => '', fail => '500', redirect => '302', gone => '410', headers => 'the answer is too long', slow => 'no answer within 10 seconds',
	cut => 'the connection was closed', later => '500', inside => 'the address is not public', loopback => 'the address is not public',
	certificate => 'the certificate is not valid', nobody => 'no connection', huge => '');
is(outcome($_), $expected{$_}, "$_: what became of it") for sort keys %expected;
cmp_ok(scalar requests_of("/$_"), '<=', 8, "$_: is not asked again at once") for qw(fail redirect gone slow cut later headers);
is(scalar requests_of('/huge'), $leads, 'of an answer that is too long the status counts');
is(scalar requests_of('/ok/redirected'), 0, 'a redirect is not followed');
is(scalar requests_of('/ok/inside'), 0, 'an address inside is not asked');
is(scalar requests_of('/ok/certificate'), 0, 'nothing is sent to who has no certificate for the name');
is(sql("SELECT status, disabled_reason FROM lt_webhooks WHERE webhook_id = '$id{gone}'"), 'disabled|gone', 'who is gone is disabled');
cmp_ok(sql("SELECT max(milliseconds) FROM lt_deliveries WHERE webhook_id = '$id{slow}'"), '<', 12_000, 'who is slow has ten seconds');

# A worker that runs: it hears of what happens, and ends in order.
sql("SELECT lt_delete_webhook(webhook_id) FROM lt_webhooks WHERE webhook_id NOT IN ('$id{start}', '$id{later}')");
my $said = '';
my $worker = IPC::Run::start([ $program, '--config', "$folder/conf" ], '<', '/dev/null', '>', '/dev/null', '2>', \$said, IPC::Run::timeout($timeout));

sub wait_for
{
	my ($path, $count) = @_;
	my $end = time + $timeout;
	while (requests_of($path) < $count && time < $end)
	{
		$worker->pump_nb;
		select undef, undef, undef, 0.05;
	}
	return scalar requests_of($path);
}

sub start_campaign
{
	return sql(<<'SQL');
SELECT lt_create_campaign('D', '[{"subject": "Hi", "bodyHtml": "Hi"}]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "d@example.com"}]');
SELECT lt_start_campaign(:'campaign');
SQL
}
start_campaign();
is(wait_for('/ok/start', 2), 2, 'a worker that runs hears of an event');
PostgreSQL::Test::Utils::append_to_file("$requests.repaired", '');
my @later = requests_of('/later');
sql("SELECT lt_redeliver(delivery_id) FROM lt_deliveries WHERE webhook_id = '$id{later}' LIMIT 1");
cmp_ok(wait_for('/later', @later + $leads - 8), '>=', @later + $leads - 8, 'and of what is to be delivered again, and then of the rest');
my %connections = map { $_->{connection} => 1 } splice @{ [ requests_of('/later') ] }, scalar @later;
cmp_ok(scalar keys %connections, '<=', 8, 'over connections that are used again');
$server->restart('immediate');
start_campaign();
is(wait_for('/ok/start', 3), 3, 'and goes on when the server is back');
$worker->signal('TERM');
ok($worker->finish, 'and ends in order') or diag($said);

# What fails to be reported is not lost, and what was reported is not sent again.
deliver('nothing');
is(scalar requests_of('/ok/start'), 3, 'nothing is delivered twice');

close $receiver_input;
$receiver->finish;
done_testing();
