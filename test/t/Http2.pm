# HTTP/2 as far as tests need it to say what no client would: frames and headers as they
# are, and the answer of one stream.
package Http2;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;

our @EXPORT = qw(DATA HEADERS CONTINUATION END_STREAM END_HEADERS h2_frame h2_headers h2_request);

use constant { DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, GOAWAY => 7, CONTINUATION => 9 };
use constant { END_STREAM => 1, END_HEADERS => 4 };

# Returns a frame of stream 1; settings are of the connection.
sub h2_frame
{
	my ($type, $flags, $payload) = @_;
	return pack('CnCCN', length($payload) >> 16, length($payload) & 0xffff, $type, $flags, $type == SETTINGS ? 0 : 1) . $payload;
}

# A text with its length, which has a prefix of 7 bits (RFC 7541, 5.1 and 5.2).
sub packed
{
	my ($text) = @_;
	my $length = length $text;
	return chr($length) . $text if $length < 127;
	my $bytes = chr 127;
	for ($length -= 127; $length >= 128; $length >>= 7)
	{
		$bytes .= chr(128 | $length & 127);
	}
	return $bytes . chr($length) . $text;
}

# Returns pairs of name and value as literals that no table takes.
sub h2_headers
{
	my $bytes = '';
	while (my ($name, $value) = splice @_, 0, 2)
	{
		$bytes .= "\0" . packed($name) . packed($value);
	}
	return $bytes;
}

# nginx writes the status as an entry of the static table, or as three digits.
sub status
{
	my ($block) = @_;
	my %static = ("\x88" => 200, "\x8c" => 400, "\x8d" => 404, "\x8e" => 500);
	return $static{ substr $block, 0, 1 } // ($block =~ /\A\x48\x03(\d{3})/ ? $1 : 'unknown');
}

# Reads so many bytes.
sub take
{
	my ($socket, $buffer, $wanted) = @_;
	while (length $$buffer < $wanted)
	{
		IO::Select->new($socket)->can_read(60) or die 'nothing came';
		sysread $socket, $$buffer, 65536, length $$buffer or return undef;
	}
	return substr $$buffer, 0, $wanted, '';
}

# Sends frames on a connection of their own; returns status and body of the answer.  Where there
# is none, the status is the error that ended the stream or the connection.
sub h2_request
{
	my ($port, @frames) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 30) or die $!;
	my ($buffer, $status, $body) = ('', undef, '');

	print $socket "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", h2_frame(SETTINGS, 0, ''), @frames;
	while (defined(my $head = take($socket, \$buffer, 9)))
	{
		my ($high, $low, $type, $flags) = unpack 'CnCC', $head;
		my $payload = take($socket, \$buffer, $high << 16 | $low) // die 'half a frame came';
		$status = status($payload) if $type == HEADERS;
		$body .= $payload if $type == DATA;
		return 'RST_STREAM ' . unpack 'N', $payload if $type == RST_STREAM;
		return 'GOAWAY ' . unpack 'x4N', $payload if $type == GOAWAY;
		return ($status, $body) if ($type == DATA || $type == HEADERS) && $flags & END_STREAM;
	}
	return 'closed';
}

1;
