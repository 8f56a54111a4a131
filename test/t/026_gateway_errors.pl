# What the gateway answers where no call does: to requests that are malformed or too large,
# and in place of what PostgREST says of faults.  All of it is as the pages have it, under
# HTTP/1.1 and HTTP/2.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Gateway;
use Http2;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Cluster;
use Test::More;

need_programs('nginx');
$SIG{PIPE} = 'IGNORE';
my $rest_port = set_up_alone();
my $h2_port = PostgreSQL::Test::Cluster::get_free_port();
# The limit of a body is in reach of what a client may send before it is asked for more.
start_gateway(change => sub {
	$_[0] =~ s{rate=10+r/s}{rate=100000r/s}g;
	$_[0] =~ s/(listen 127\.0\.0\.1:\d+;)/$1 listen 127.0.0.1:$h2_port http2;/ or die;
	$_[0] =~ s/client_max_body_size 32m/client_max_body_size 32k/ or die;
});

my $link = '/u/01j0000000hjkmnpqrstvwxyz7' . 'a' x 64;
# A path of each service, and a link in a mail.
my %paths = (v1 => '/v1/campaigns', v2 => '/api/v2/leads/add', page => $link);
my %codes = (401 => 'authentication_failed', 404 => 'not_found', 405 => 'method_not_allowed', 413 => 'request_too_large', 429 => 'rate_limit_exceeded', 500 => 'internal_error', 503 => 'internal_error');

# Reads an answer, as long as it says that it is; returns status, body and headers.
sub read_answer
{
	my ($socket) = @_;
	my ($head, $body) = ('', '');

	while (<$socket>)
	{
		last if $_ eq "\r\n";
		$head .= $_;
	}
	my ($length) = $head =~ /^Content-Length: (\d+)\r$/mi;
	read $socket, $body, $length if $length;
	return ($head =~ m{\AHTTP/1\.1 (\d{3}) }, $body, $head);
}

# Tests that an answer has a status, and a body as the pages of its style have it.
sub is_published
{
	my ($name, $style, $wanted, $status, $body) = @_;

	is($status, $wanted, "$name: status");
	return like($body, qr/\A<!doctype html><title>Unsubscribe/, "$name: a page") if $style eq 'page';
	my $decoded = eval { decode_json($body) } // {};
	my %members = (code => $codes{$wanted} // 'invalid_request', message => $decoded->{message} // 'missing');
	%members = (%members, statusCode => $wanted, error => $decoded->{error} // 'missing') if $style eq 'v2';
	is_deeply($decoded, \%members, "$name: body") or diag($body);
	return;
}

# --- what clients get wrong

# Each has the status that it is answered with, and for HTTP/1.1 what stands behind the line and
# the host of the request, or other lines in their place; for HTTP/2 headers, pseudo-headers
# that are other or none, and frames behind them.  What has a method or a path of its own is of
# both.  An answer is as v1 has it where nginx gives up before it knows the path, which HTTP/1.1
# does sooner.
my $chunked = "Transfer-Encoding: chunked\r\n\r\n";
my @calls = (of => [qw(v1 v2)]);
my @faults = (
	{ name => 'a Content-Length above the limit', status => 413, head => "Content-Length: 99999999\r\n\r\n", headers => [ 'content-length', 99999999 ], frames => [] },
	{ name => 'a body above the limit', status => 413, head => "${chunked}7ffffff\r\nx", frames => [ map { h2_frame(DATA, 0, 'x' x 16000) } 1 .. 4 ] },
	{ name => 'a chunk that is malformed', status => 400, head => "${chunked}zz\r\n" },
	{ name => 'a chunk that is malformed, where nobody reads it', status => 400, @calls, key => '', head => "${chunked}zz\r\n" },
	{ name => 'more than Content-Length', status => 400, headers => [ 'content-length', 1 ], frames => [ h2_frame(DATA, END_STREAM, '{}') ] },
	{ name => 'less than Content-Length', status => 400, headers => [ 'content-length', 3 ], frames => [ h2_frame(DATA, END_STREAM, '{}') ] },
	{ name => 'no body behind Content-Length', status => 400, headers => [ 'content-length', 3 ] },
	{ name => 'a Content-Length that is no number', status => 400, head => "Content-Length: x\r\n\r\n", headers => [ 'content-length', 'x' ] },
	{ name => 'a Content-Length below nothing', status => 400, head => "Content-Length: -1\r\n\r\n", headers => [ 'content-length', '-1' ] },
	{ name => 'two Content-Lengths', status => 400, head => "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", headers => [ 'content-length', 1, 'content-length', 2 ] },
	{ name => 'a Content-Length of chunks', status => 400, head => "Content-Length: 3\r\n${chunked}0\r\n\r\n" },
	{ name => 'an unknown Transfer-Encoding', status => 400, head => "Transfer-Encoding: gzip\r\n\r\n", headers => [ 'transfer-encoding', 'gzip' ] },
	{ name => 'chunks of HTTP/1.0', status => 400, version => 'HTTP/1.0', head => "${chunked}0\r\n\r\n" },
	(map { { name => "version $_", status => 400, version => $_, as_http1 => 'v1' } } 'HTTP/2.0', 'HTTP/9', 'HTTP/1.x', 'HTXP/1.1'),
	{ name => 'a header that is none', status => 400, head => "a b c\r\n\r\n" },
	{ name => 'a header with a zero', status => 400, head => "a: b\0c\r\n\r\n" },
	{ name => 'a header that is too long', status => 431, head => 'X: ' . 'x' x 33000 . "\r\n\r\n" },
	{ name => 'headers that are too long', status => 431, head => join('', map { "X$_: " . 'x' x 30000 . "\r\n" } 1 .. 5) . "\r\n" },
	{ name => 'a path that is too long', status => 414, path => sub { "$_[0]?" . 'x' x 8000 } },
	{ name => 'a path that is far too long', status => 414, version => 'HTTP/1.1', path => sub { "$_[0]?" . 'x' x 33000 }, as_http1 => 'v1' },
	{ name => 'an Idempotency-Key that is too long', status => 400, @calls, head => 'Idempotency-Key: ' . 'x' x 256 . "\r\n\r\n", headers => [ 'idempotency-key', 'x' x 256 ] },
	{ name => 'an Idempotency-Key that is not ASCII', status => 400, head => "Idempotency-Key: \xff\r\n\r\n", headers => [ 'idempotency-key', "\xff" ] },
	{ name => 'no host', status => 400, host => '', pseudo => [ ':authority', undef ] },
	{ name => 'a host that is none', status => 400, host => "Host: a/b\r\n", pseudo => [ ':authority', 'a/b' ] },
	{ name => 'two hosts', status => 400, head => "Host: y\r\n\r\n", headers => [ 'host', 'y' ] },
	{ name => 'a method that is none', status => 400, method => 'p@st', as_http1 => 'v1' },
	{ name => 'TRACE', status => 405, method => 'TRACE' },
	{ name => 'CONNECT', status => 405, method => 'CONNECT' },
	(map { my $path = $_; { name => "path $path", status => 400, path => sub { $path }, as => 'v1' } } '/v1/%zz', '/v1/%00', '/../../x', 'v1/campaigns', "/v1/\x01"),
	(map { { name => "no $_", status => 400, pseudo => [ $_, undef ], $_ eq ':path' ? (as => 'v1') : () } } qw(:method :scheme :path)),
	{ name => 'an unknown pseudo-header', status => 400, headers => [ ':x', 'y' ] },
	{ name => 'a pseudo-header behind others', status => 400, headers => [ 'x', 'y', ':path', '/' ] },
	{ name => 'a condition', status => 412, @calls, head => "If-Match: \"x\"\r\n\r\n", headers => [ 'if-match', '"x"' ] },
	{ name => 'a condition that there is nothing', status => 412, @calls, head => "If-None-Match: *\r\n\r\n", headers => [ 'if-none-match', '*' ] },
	{ name => 'no key', status => 401, @calls, key => '', head => "\r\n", headers => [] },
	{ name => 'another method', status => 405, method => 'DELETE' },
	{ name => 'a path of nothing', status => 404, path => sub { "$_[0]/x/y" } });

# Makes a request of HTTP/1.1.
sub http1
{
	my ($fault, $method, $path, $key) = @_;
	my $version = $fault->{version} // 'HTTP/1.1';
	my $host = $fault->{host} // "Host: localhost\r\n";

	return read_answer(send_raw("$method $path $version\r\n$host" . ($key ? "Authorization: $key\r\n" : '') . ($fault->{head} // "\r\n")));
}

# Makes one of HTTP/2.  The path comes first, so that it is known.
sub http2
{
	my ($fault, $method, $path, $key) = @_;
	my %pseudo = (':path' => $path, ':method' => $method, ':scheme' => 'http', ':authority' => 'localhost', @{ $fault->{pseudo} // [] });
	my @headers = map { defined $pseudo{$_} ? ($_ => $pseudo{$_}) : () } qw(:path :method :scheme :authority);

	push @headers, authorization => $key if $key;
	return h2_request($h2_port, h2_frame(HEADERS, END_HEADERS | ($fault->{frames} ? 0 : END_STREAM), h2_headers(@headers, @{ $fault->{headers} // [] })), @{ $fault->{frames} // [] });
}

for my $fault (@faults)
{
	# A version is of HTTP/1.1 alone.
	my $is_of_both = !$fault->{version} && ($fault->{method} || $fault->{path});

	for my $style (@{ $fault->{of} // [qw(v1 v2 page)] })
	{
		my @request = ($fault, $fault->{method} // 'POST', ($fault->{path} // sub { $_[0] })->($paths{$style}), $fault->{key} // 'Bearer sk_live_A');
		my $as = $fault->{as} // $style;

		if ($is_of_both || grep { defined $fault->{$_} } qw(head host version))
		{
			my $name = "$fault->{name}, HTTP/1.1, $style";
			my $as = $fault->{as_http1} // $as;
			my ($status, $body, $head) = http1(@request);
			is_published($name, $as, $fault->{status}, $status, $body);
			like($head, $as eq 'page' ? qr{^Content-Type: text/html; charset=utf-8\r$}m : qr{^Content-Type: application/json; charset=utf-8\r$}m, "$name: type");
			like($head, qr/^Cache-Control: no-store\r$/m, "$name: nobody keeps it");
		}
		is_published("$fault->{name}, HTTP/2, $style", $as, $fault->{status}, http2(@request))
		  if $is_of_both || grep { $fault->{$_} } qw(headers pseudo frames);
	}
}

# To these HTTP/2 itself has an answer: the stream or the connection ends.
is(http2({ headers => [ 'X', 'y' ] }, 'POST', $paths{v1}, ''), 'RST_STREAM 1', 'a header in capitals');
is(http2({ headers => [ 'x', "a\nb" ] }, 'POST', $paths{v1}, ''), 'RST_STREAM 1', 'a header of two lines');
my ($first, @others) = h2_headers('x', 'y' x 33000) =~ /(.{1,16000})/gs;
is(h2_request($h2_port, h2_frame(HEADERS, END_STREAM, $first), map { h2_frame(CONTINUATION, 0, $_) } @others), 'GOAWAY 11', 'a header that is too long');

# --- what PostgREST says

# What stands in for it says what the query, or the end of a token, has the number of: a status,
# and for what is no answer of a call the code of the error, as PostgREST shows it.  Then comes
# what clients get.
my @said = (
	# The server died under the request: libpq has no code for that.
	[ 400, '', 503 ],
	# It is stopping, starting, full, or has no memory or disk; or PostgREST has no connection
	# or no description of it.
	(map { [ @$_, 503 ] } [ 500, '57P02' ], [ 500, '57P03' ], [ 503, '57P01' ], [ 500, '57014' ], [ 503, '53300' ], [ 503, '08006' ], [ 500, '58030' ], [ 500, '40P01' ],
		[ 503, 'PGRST000' ], [ 503, 'PGRST001' ], [ 503, 'PGRST002' ], [ 504, 'PGRST003' ], [ 404, 'PGRST202' ], [ 503, 'PT503' ]),
	# A fault that is there again the next time.
	(map { [ @$_, 500 ] } [ 400, '22023' ], [ 400, 'P0001' ], [ 401, '42501' ], [ 403, '28000' ], [ 404, '42883' ], [ 404, '42P01' ], [ 405, '25006' ], [ 409, '23505' ], [ 500, 'XX000' ], [ 500, 'PT500' ]),
	# The key is unknown.
	[ 401, 'PT401', 401 ],
	# Nothing, or half an answer.
	[ 0, '', 503 ], [ 1, '', 503 ]);
# What calls say stays as it is.
my @answers = (200, 400, 402, 403, 404, 405, 409, 413, 422);
my $stand_in = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $rest_port, Listen => 100, ReuseAddr => 1) or die $!;

# Stands in for PostgREST, for good.
sub serve
{
	while (my $socket = $stand_in->accept)
	{
		my ($request, $line) = ('', '');
		$request .= $line while defined($line = <$socket>) && $line ne "\r\n";
		read $socket, $request, $1, length $request if $request =~ /^Content-Length: (\d+)\r$/m;
		my ($kind, $number) = $request =~ /(say|call)(\d+)/ or die $request;
		my ($status, $code) = $kind eq 'say' ? @{ $said[$number] } : ($number);
		my $body = $kind eq 'say' ? qq({"code":"$code","details":null,"hint":null,"message":""}) : '{"code": "said", "errors": []}';
		print $socket "HTTP/1.1 $status said\r\nContent-Type: application/json\r\nConnection: close\r\n", $kind eq 'say' ? "Proxy-Status: PostgREST; error=$code\r\n" : "X-Answered: yes\r\n", 'Content-Length: ' . length($body) . "\r\n\r\n$body" if $status > 1;
		print $socket "HTTP/1.1 200 OK\r\nX-Answ" if $status == 1;
		close $socket;
	}
	return;
}

my $server_pid = fork // die $!;

END
{
	# Also where the test dies.
	kill 'TERM', $server_pid if $server_pid;
}

if ($server_pid == 0)
{
	serve();
	POSIX::_exit(0);
}
close $stand_in;

# Makes a request by both protocols, and tests what becomes of each.
sub both
{
	my ($name, $style, $method, $path, $test) = @_;
	my @request = ({}, $method, $path, 'Bearer sk_live_A');

	$test->("$name, HTTP/1.1, $method, $style", http1(@request));
	$test->("$name, HTTP/2, $method, $style", http2(@request));
	return;
}

for my $number (0 .. $#said)
{
	my ($status, $code, $wanted) = @{ $said[$number] };
	my $name = "$status '$code' of PostgREST";

	for my $call ([ 'v1', POST => "$paths{v1}?say$number" ], [ 'v2', POST => "$paths{v2}?say$number" ], [ 'v1', GET => "/v1/replies?say$number" ], [ 'page', POST => substr($link, 0, -10) . sprintf('x%09s', "say$number") ])
	{
		my ($style, $method, $path) = @$call;
		both($name, $style, $method, $path =~ tr/ /0/r, sub {
			my ($its_name, $got, $body, $head) = @_;
			is_published($its_name, $style, $wanted, $got, $body);
			is($head =~ /^Retry-After: (\d+)\r$/m ? $1 : '', $wanted == 503 ? 1 : '', "$its_name: whether to come again") if $head;
			unlike($head, qr/^(?:Proxy-Status|X-Ac\w*-Redirect|X-Answered):/mi, "$its_name: no header of others") if $head;
		});
	}
}
for my $status (@answers)
{
	for my $call ([ 'v1', POST => "$paths{v1}?call$status" ], [ 'v2', POST => "$paths{v2}?call$status" ], [ 'v1', GET => "/v1/replies?call$status" ])
	{
		my ($style, $method, $path) = @$call;
		both("$status of a call", $style, $method, $path, sub {
			my ($name, $got, $body, $head) = @_;
			is($got, $status, "$name: status");
			is($body, '{"code": "said", "errors": []}', "$name: body");
			unlike($head, qr/^X-Answered:/mi, "$name: no header of its own") if $head;
		});
	}
}
kill 'TERM', $server_pid;
waitpid $server_pid, 0;
$server_pid = undef;
stop('nginx');
$server->stop;
done_testing();
