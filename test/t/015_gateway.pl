# What one key may have of the gateway: not all of it, however slow its requests are.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Gateway;
use IO::Socket::INET;
use Test::More;

need_programs('nginx');
my $rest_port = set_up_alone();

# It stands in for PostgREST, and answers nobody.
my $upstream = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $rest_port, Listen => 100, ReuseAddr => 1) or die $!;
start_gateway();

sub asked
{
	my ($key) = @_;
	return "GET /v1/replies HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_live_$key\r\nConnection: close\r\n\r\n";
}

my @asking = map { send_raw(asked('A')) } 1 .. 8;
my @taken = map { scalar $upstream->accept } 1 .. 8;
is(scalar(grep { defined } @taken), 8, 'eight requests of a key go on');
my $answer = raw(asked('A'));
like($answer, qr{^HTTP/1.1 429 }, 'the ninth does not');
like($answer, qr/^Retry-After: 1\r$/m, 'and is told to come again');
like($answer, qr/"code": "rate_limit_exceeded"/, 'as the pages have it');
my $other = send_raw(asked('B'));
ok(defined $upstream->accept, 'another key is served');
close $_ for @taken, @asking, $other;
stop('nginx');

$server->stop;
done_testing();
