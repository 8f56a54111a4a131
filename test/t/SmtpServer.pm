# A mail server of a test that fails as it is told to.  Real ones are in Mail.pm.
#
# What stands before the first "." in the local part of a recipient says what becomes of a mail:
#
#     unknown, full, policy, disk, later, leaving, lines   RCPT is refused
#     sender                                        MAIL is refused, by the sender's address
#     content                                       the mail is refused at its end
#     cut                                           the connection is closed instead of an answer
#     drop                                          the connection is closed after DATA
#     hangs                                         the end of the mail is never answered
#     gate                                          it is answered as far as gate() allows
#
# Those from "cut" on do so once for each recipient, and then take the mail.  Each line of the
# log says what happened, with the number of the connection.
package SmtpServer;

use strict;
use warnings;

use Exporter 'import';
use Fcntl qw(O_APPEND O_CREAT O_EXCL O_WRONLY);
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils;

our @EXPORT = qw(start_smtp_server stop_smtp_server kill_smtp_server smtp_port smtp_log smtp_mails smtp_taken smtp_connections
  smtp_reset smtp_mode smtp_gate);

my ($folder, $process, $port);

# The number of the last mail that a connection took.
my $taken = 0;

my %rcpt = (
	unknown => '550 5.1.1 no such user', full => '552 5.2.2 mailbox is full', policy => '571 5.7.1 delivery not authorized',
	disk => '452 4.3.1 insufficient storage', later => '451 4.7.1 greylisted', leaving => '421 4.3.2 shutting down',
	lines => "550-5.1.1 The account does not exist.\r\n550-5.1.1 Look for typos,\r\n550 5.1.1 please.");

# Starts it, on a port that stays the same.
sub start_smtp_server
{
	my $socket = IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1', LocalPort => $port // 0, ReuseAddr => 1)
	  or die "socket: $!";

	$folder //= PostgreSQL::Test::Utils::tempdir_short;
	$port = $socket->sockport;
	$process = fork // die "fork: $!";
	return if $process;
	$SIG{__DIE__} = 'DEFAULT';
	$SIG{CHLD} = 'IGNORE';
	$SIG{TERM} = sub { POSIX::_exit(0) };
	for (my $number = 1;; $number++)
	{
		my $client = $socket->accept or next;
		my $child = fork // next;
		if ($child == 0)
		{
			close $socket;
			eval { serve($client, $number); 1 } or note($number, "died $@");
			POSIX::_exit(0);
		}
		close $client;
	}
}

# No more connections are taken; those that are there go on.
sub stop_smtp_server
{
	return unless $process;
	kill 'TERM', $process;
	waitpid $process, 0;
	undef $process;
	return;
}

# The processes of connections that are open.
sub connection_processes { return $process ? split ' ', slurp_file("/proc/$process/task/$process/children") : () }
sub smtp_connections { return scalar(my @processes = connection_processes()) }

# It dies with all connections.
sub kill_smtp_server
{
	kill 'STOP', $process;
	kill 'KILL', connection_processes(), $process;
	waitpid $process, 0;
	undef $process;
	return;
}

sub smtp_port { return $port }

# What happened: lines "NUMBER WHAT ...".
sub smtp_log { return -e "$folder/log" ? split /\n/, slurp_file("$folder/log") : () }

# How many mails were taken.
sub smtp_taken { return scalar(my @files = glob "$folder/mail-*") }

# The mails that were taken whole, answered or not: recipient, then content.  A server that is
# killed leaves an empty file.
sub smtp_mails { return grep { @$_ == 2 } map { [ split /\n/, slurp_file($_), 2 ] } sort glob "$folder/mail-*" }

sub smtp_reset { return unlink glob "$folder/*" }

# How connections begin: silent, full, login, or twice, which says 421 to the third mail of one;
# slow, if each mail takes a while, as where a disk is waited for.
sub smtp_mode { return write_file('mode', $_[0] // '') }

# How many mails at the gate are answered.
sub smtp_gate { return write_file('gate', $_[0]) }

sub write_file
{
	my ($name, $text) = @_;
	open my $file, '>', "$folder/$name.new" or die "$name: $!";
	print $file $text;
	close $file;
	return rename "$folder/$name.new", "$folder/$name";
}

sub read_file { return -e "$folder/$_[0]" ? slurp_file("$folder/$_[0]") : '' }

sub note
{
	my ($number, $what) = @_;
	sysopen my $file, "$folder/log", O_WRONLY | O_APPEND | O_CREAT or die "log: $!";
	syswrite $file, "$number $what\n";
	return close $file;
}

# True for the first who asks.
sub is_first { return sysopen my $file, "$folder/first-$_[0]", O_WRONLY | O_CREAT | O_EXCL }

# Waits until a mail may be answered, or the client has gone.
sub pass_gate
{
	my ($client) = @_;
	for (;;)
	{
		for my $n (1 .. read_file('gate') || 0) { return 1 if is_first("gate-$n") }
		vec(my $bits = '', fileno $client, 1) = 1;
		return 0 if select($bits, undef, undef, 0.02) && !sysread $client, my $byte, 1;
	}
}

# Reads and says nothing until the client goes.
sub hang { my ($client) = @_; 1 while sysread $client, my $bytes, 4096; return }

# Takes the content of a mail; false where the connection is over.
sub take_content
{
	my ($client, $number, $mode, $to) = @_;
	my $kind = $to =~ s/[.\@].*//r;
	my $content = "$to\n";

	if ($kind eq 'drop' && is_first($to)) { note($number, "drops $to"); return 0 }
	while (defined(my $line = readline $client))
	{
		if ($line eq ".\r\n")
		{
			if ($kind eq 'content') { note($number, "refuses $to"); print $client "554 5.6.0 not this\r\n"; return 1 }
			my $file;
			1 until sysopen $file, sprintf("%s/mail-%06d", $folder, ++$taken), O_WRONLY | O_CREAT | O_EXCL;
			syswrite $file, $content;
			note($number, "takes $to");
			if ($kind eq 'cut' && is_first($to)) { return 0 }
			if ($kind eq 'hangs' && is_first($to)) { hang($client); return 0 }
			if ($kind eq 'gate') { pass_gate($client) or return 0; note($number, "answers $to") }
			select undef, undef, undef, 0.01 if $mode eq 'slow';
			print $client "250 2.0.0 taken\r\n";
			return 1;
		}
		# Who doubles no dot is found out.
		$content .= $line =~ s/^\.//r;
	}
	note($number, "breaks off $to");
	return 0;
}

sub serve
{
	my ($client, $number) = @_;
	my $mode = read_file('mode');
	my ($to, $mails) = ('', 0);

	$client->autoflush(1);
	note($number, 'connects');
	if ($mode eq 'silent') { hang($client); return }
	if ($mode eq 'full') { print $client "421 4.3.2 too many\r\n"; return }
	print $client "220 test\r\n";
	while (defined(my $line = readline $client))
	{
		$line =~ s/\r\n\z// or do { note($number, 'bare newline'); return };
		if ($line =~ /^EHLO /) { print $client "250-test\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n" . ($mode eq 'plain' ? '' : "250-SMTPUTF8\r\n") . "250 AUTH PLAIN\r\n" }
		elsif ($line =~ /^AUTH PLAIN ?(.*)/) { unless ($1) { print $client "334 \r\n"; readline $client } print $client $mode eq 'login' ? "535 5.7.8 wrong\r\n" : "235 2.7.0 welcome\r\n" }
		elsif ($line =~ /^AUTH/) { print $client "504 5.5.4 no\r\n" }
		elsif ($line =~ /^MAIL FROM:<(.*?)>(.*)/)
		{
			note($number, "from $1$2");
			if ($mode eq 'twice' && ++$mails > 2) { print $client "421 4.7.0 enough\r\n"; return }
			print $client $1 =~ /^refused/ ? "550 5.7.1 not you\r\n" : "250 2.1.0 ok\r\n";
		}
		elsif ($line =~ /^RCPT TO:<(.*)>$/)
		{
			my $kind = ($to = $1) =~ s/[.\@].*//r;
			note($number, "refuses $to") if $rcpt{$kind};
			print $client +($rcpt{$kind} // '250 2.1.5 ok') . "\r\n";
			return if $kind eq 'leaving';
		}
		elsif ($line eq 'DATA') { print $client "354 go on\r\n"; take_content($client, $number, $mode, $to) or return }
		elsif ($line eq 'RSET') { print $client "250 2.0.0 ok\r\n" }
		elsif ($line eq 'QUIT') { note($number, 'quits'); print $client "221 2.0.0 bye\r\n"; return }
		else { note($number, "says $line"); print $client "500 5.5.1 what\r\n" }
	}
	return;
}

END
{
	my $status = $?;
	stop_smtp_server();
	$? = $status;
}

1;
