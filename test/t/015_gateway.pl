# What the gateway passes on, and how; and what one key may have of it: not all,
# however slow its requests are.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Gateway;
use IO::Select;
use IO::Socket::INET;
use Test::More;

need_programs('nginx');
my $rest_port = set_up_alone();

# It stands in for PostgREST, and answers when the test does.
my $upstream = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $rest_port, Listen => 100, ReuseAddr => 1) or die $!;
# A path of which the published calls have none so far: with all methods, and beside one
# that is spelled out.
start_gateway(change => sub { $_[0] =~ s{(?=\h+# End of these)}{"~^/v1/x/y(\\?|\$)" "GET, HEAD";\n"~^/v1/x/[^/?#]+(\\?|\$)" "DELETE, GET, HEAD, PATCH, POST";\n} or die });

# --- an idle connection is closed before PostgREST closes it, which may cross a request

my $asking = send_raw("GET /v1/replies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer sk_live_A\r\n\r\n");
my $idle = $upstream->accept;
while (<$idle>)
{
	last if $_ eq "\r\n";
}
print $idle "HTTP/1.1 200 OK\r\nX-Answered: yes\r\nContent-Length: 2\r\n\r\n{}";
like(join('', <$asking>), qr/\r\n\r\n\{\}\z/, 'a request is answered on a connection that stays');
# PostgREST waits for 30 seconds.
ok(IO::Select->new($idle)->can_read(15) && !defined(<$idle>), 'the gateway closes it first');

# --- every route

# The methods of each path, by the table in the database.
$server->safe_psql('postgres', 'CREATE EXTENSION leadterra');
my %routes = ('/v1/x/y' => ['GET'], '/v1/x/{id}' => [qw(DELETE GET PATCH POST)]);
push @{ $routes{ $_->[1] } }, $_->[0] for map { [ split /\|/ ] } split /\n/, $server->safe_psql('postgres', 'SELECT method, path FROM leadterra.routes()');

# Makes a request whose path has a query, and returns the answer, and what came through,
# which is null where nothing did.
sub passed_on
{
	my ($method, $path, $body, @headers) = @_;
	my $length = length $body // '';
	my $request = join "\r\n", "$method $path?a=%41&b HTTP/1.1", 'Host: localhost', 'Connection: close', "Content-Length: $length", @headers, '', $body;
	my $client = send_raw($request);
	my $came = '';

	# The gateway answers by itself, or asks.
	my ($ready) = IO::Select->new($client, $upstream)->can_read(60) or die 'nothing came';
	return (join('', <$client>), undef) if $ready == $client;
	my $socket = $upstream->accept;
	while (<$socket>)
	{
		$came .= $_;
		last if $_ eq "\r\n";
	}
	my ($left) = $came =~ /^Content-Length: (\d+)\r$/m;
	read $socket, $came, $left, length $came if $left;
	my $answered = $came =~ m{ /rpc/lt_http_} ? "X-Answered: yes\r\n" : '';
	print $socket "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${answered}Content-Length: 2\r\nConnection: close\r\n\r\n", $came =~ /^HEAD/ ? '' : '{}';
	close $socket;
	return (join('', <$client>), $came);
}

my @key = ('Authorization: Bearer sk_live_A');
for my $route (sort keys %routes)
{
	my $path = $route =~ s/\{\w+\}/camp_1/gr;
	my @methods = map { $_ eq 'GET' ? qw(GET HEAD) : $_ } sort @{ $routes{$route} };
	my $allowed = join ', ', @methods;

	for my $method (qw(GET HEAD POST PUT PATCH DELETE OPTIONS))
	{
		my ($answer, $came) = passed_on($method, $path, '{"b": 1}', @key, 'X-Api-Key: forged', 'X-Original-Uri: /forged', 'X-Original-Method: FORGED', 'Cookie: c=d', 'Prefer: tx=rollback', 'Idempotency-Key: i');
		if (!grep { $_ eq $method } @methods)
		{
			like($answer, qr{^HTTP/1.1 405 .*^Allow: \Q$allowed\E\r$}ms, "$method $route is 405");
			is($came, undef, '... and does not go on');
			next;
		}
		my $reads = $method eq 'GET' || $method eq 'HEAD';
		like($answer, qr{^HTTP/1.1 200 }, "$method $route is answered");
		my ($line, @its) = split /\r\n/, $came =~ s/\r\n\r\n(.*)\z//sr;
		is($line, $reads ? "$method /rpc/lt_http_read HTTP/1.1" : 'POST /rpc/lt_http_write HTTP/1.1', '... by its function');
		is($1, $reads ? '' : '{"b": 1}', '... with its body, where it may have one');
		is_deeply([ sort @its ], [ sort 'Accept: application/json', 'Host: postgrest', 'X-Api-Key: sk_live_A', "X-Original-Uri: $path?a=%41&b",
			$reads ? () : ('Content-Length: 8', 'Content-Type: application/octet-stream', 'Idempotency-Key: i', "X-Original-Method: $method") ], '... and no other header');
	}
	for my $other ("$path/", "${path}x", "/$path", $path =~ s{camp_1}{}r, $path =~ s{camp_1}{a/b}r, "/x$path")
	{
		next if grep { my $pattern = s/\{\w+\}/[^\/]+/gr; $other =~ /^$pattern$/ } keys %routes;
		my ($answer, $came) = passed_on($methods[0], $other, '', @key);
		like($answer, qr{^HTTP/1.1 404 }, "$other is 404");
		is($came, undef, '... and does not go on');
	}
	my ($answer, $came) = passed_on($methods[0], $path, '');
	like($answer, qr{^HTTP/1.1 401 .*^WWW-Authenticate: Bearer\r$}ms, "$path needs a key");
	is($came, undef, '... to go on');
}

# --- links in mails: the workspace in 26 digits, and 64 characters

my $sealed = 'aZ09_-xy' x 8;
my $link = '01j0000000hjkmnpqrstvwxyz7' . $sealed;
my ($answer, $came) = passed_on('GET', "/u/$link", '');
like($answer, qr{^HTTP/1.1 200 .*<form method="post">}s, 'a link that is opened shows a button');
is($came, undef, '... and does not go on');
($answer, $came) = passed_on('POST', "/u/$link", 'List-Unsubscribe=One-Click');
like($answer, qr{^HTTP/1.1 200 .*You are unsubscribed\. We do not write to your address any more\.}s, 'a click is answered');
like($came, qr{^POST /rpc/lt_unsubscribe HTTP/1\.1\r$}m, '... by its function');
like($came, qr{\r\n\r\n\{"token": "$link"\}\z}, '... with the token');
for my $wrong ($sealed, "0$link", "${link}0", uc($link), 'i' . substr($link, 1), substr($link, 0, 89) . '+', 'sk_live_' . substr($link, 8))
{
	($answer, $came) = passed_on('POST', "/u/$wrong", '');
	like($answer, qr{^HTTP/1.1 404 }, "a link that ends in $wrong is none");
	is($came, undef, '... and does not go on');
}

# --- the page

# Asks for a file of the page, and returns the answer.
sub file
{
	my ($method, $path) = @_;
	return raw("$method $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

my %types = ('' => 'text/html', 'index.html' => 'text/html', 'page.js' => 'text/javascript', 'vendor/preact.mjs' => 'text/javascript', 'page.css' => 'text/css', 'icon.svg' => 'image/svg\+xml');
for my $name (sort keys %types)
{
	$answer = file('GET', "/app/$name");
	like($answer, qr{^HTTP/1.1 200 .*^Content-Type: $types{$name}(; charset=utf-8)?\r$}ms, "/app/$name has its type");
	like($answer, qr/^Content-Security-Policy: default-src 'none'; script-src 'self'; [^\r]*frame-ancestors 'none'\r$/m, '... may load nothing from elsewhere');
	like($answer, qr/^Content-Security-Policy: require-trusted-types-for 'script'; trusted-types mail\r$/m, '... and put no markup into the page');
	unlike($answer, qr/unsafe|https?:\/\/\*/, '... without an exception') unless $name;
}
like(file('GET', '/app'), qr{^HTTP/1.1 301 .*^Location: /app/\r$}ms, 'the page is below its path');
like(file($_, '/app/'), qr{^HTTP/1.1 405 .*^Allow: GET, HEAD\r\n.*method_not_allowed}ms, "it takes no $_") for qw(POST PUT DELETE OPTIONS);
like(file('GET', $_), qr{^HTTP/1.1 (400|404) .*"code"}s, "nothing is at $_")
  for '/app/nothing', '/app/view/', '/app/../deploy/nginx.conf', '/app/%2e%2e/deploy/nginx.conf', '/app/..%2fdeploy/nginx.conf', '/app../deploy/nginx.conf', '/app/vendor/';

# --- many requests of a key

sub asked
{
	my ($key) = @_;
	return "GET /v1/replies HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_live_$key\r\nConnection: close\r\n\r\n";
}

my @asking = map { send_raw(asked('A')) } 1 .. 8;
my @taken = map { scalar $upstream->accept } 1 .. 8;
is(scalar(grep { defined } @taken), 8, 'eight requests of a key go on');
$answer = raw(asked('A'));
like($answer, qr{^HTTP/1.1 429 }, 'the ninth does not');
like($answer, qr/^Retry-After: 1\r$/m, 'and is told to come again');
like($answer, qr/"code": "rate_limit_exceeded"/, 'as the pages have it');
my $other = send_raw(asked('B'));
ok(defined $upstream->accept, 'another key is served');
close $_ for @taken, @asking, $other;
stop('nginx');

$server->stop;
done_testing();
