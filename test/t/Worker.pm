# Workers of a test under its own clock: each a process with a connection of its own, which
# writes down what it was handed out before it does anything with it.
#
# The time is a row of the table test_clock.  Whoever works holds a lock that it shares with
# others until it commits, and reads the time under it; whoever moves the time holds the lock
# alone.  So the time stands still while anybody works, and never goes back.
package Worker;

use strict;
use warnings;

use Exporter 'import';
use IO::Handle;
use IPC::Open2;
use Time::HiRes;

our @EXPORT = qw(connect_psql ask in_time write_log start_worker);

use constant CLOCK_LOCK => 1600;

# A session of psql; what the server says of errors comes with its answers.
sub connect_psql
{
	my ($connection) = @_;
	my %session = (number => 0);

	local $ENV{PGOPTIONS} = '-c timezone=UTC -c client_min_messages=warning';
	$session{pid} = open2($session{answers}, $session{questions},
		qq(exec psql -XAtq -F "\t" -v VERBOSITY=sqlstate -d '$connection' 2>&1));
	return \%session;
}

# Runs statements; returns the lines that they answered, or nothing where the session died.
sub ask
{
	my ($session, $sql) = @_;
	my $mark = 'mark ' . ++$session->{number};
	my @lines;

	local $SIG{PIPE} = 'IGNORE';
	print { $session->{questions} } "$sql\n\\echo $mark\n";
	$session->{questions}->flush;
	while (defined(my $line = readline $session->{answers}))
	{
		chomp $line;
		return \@lines if $line eq $mark;
		push @lines, $line;
	}
	close $session->{questions};
	close $session->{answers};
	waitpid $session->{pid}, 0;
	$session->{died} = 1;
	return;
}

# Adds lines to a file at once: they are there when whoever wrote them is killed.
sub write_log
{
	my ($file, @lines) = @_;
	my $text = join '', map { "$_\n" } @lines;

	die "log: $!" unless syswrite($file, $text) == length $text;
	return;
}

sub stamp { return sprintf '%.9f', Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) }

# Runs statements in a transaction under the clock.  What they answered is logged before it is
# committed, and that it was, after: lines of a serial number, a stamp, the time, and what a
# function makes of the answer.  Between two stamps of what locks the same row is a commit.
# Returns the answers; nothing where the session died.
sub in_time
{
	my ($session, $log, $serial, $sql, $note) = @_;
	my $lines = ask($session, "BEGIN;\nSELECT pg_advisory_xact_lock_shared(" . CLOCK_LOCK . ") \\g /dev/null\n"
		  . "SELECT set_config('leadterra.now', (SELECT now::text FROM test_clock), true);\n$sql") // return;
	my $at = shift @$lines;
	my $stamp = stamp();
	my @errors = grep { /^ERROR:|^FATAL:/ } @$lines;
	my @notes = @errors ? () : $note->(@$lines);

	write_log($log, map { join "\t", $serial, $stamp, $at, $_ } @notes) if @notes;
	ask($session, 'COMMIT;') // return;
	write_log($log, join "\t", $serial, stamp(), $at, 'committed') if @notes;
	return { lines => $lines, errors => \@errors, at => $at };
}

# What a worker holds: leases with their messages, as far as it knows.
sub settle
{
	my ($worker, $lease) = @_;
	my $id = $lease->{id};
	my @open = @{ $lease->{messages} };
	my @some = grep { rand() < 0.5 } @open;
	my $choice = $worker->{drains} ? 0 : rand;
	my $array = sub { return "'{" . join(',', @_) . "}'" };
	my ($kind, $call, @of);

	@some = @open[ 0 .. 0 ] unless @some;
	if ($choice < 0.5) { ($kind, $call, @of) = ('complete', "lt_complete_messages('$id')", @open) }
	elsif ($choice < 0.6) { ($kind, $call, @of) = ('complete', "lt_complete_messages('$id', " . $array->(@some) . ')', @some) }
	elsif ($choice < 0.68) { ($kind, $call, @of) = ('fail', "lt_fail_messages('$id', " . $array->(@some) . ", '450 busy')", @some) }
	elsif ($choice < 0.69) { ($kind, $call, @of) = ('fail', "lt_fail_messages('$id', " . $array->($open[0]) . ", '550 no', true)", $open[0]) }
	elsif ($choice < 0.74) { ($kind, $call, @of) = ('defer', "lt_defer_messages('$id', " . $array->(@some) . ", '40 minutes', 'later')", @some) }
	elsif ($choice < 0.76) { ($kind, $call, @of) = ('bounce', "lt_bounce_messages('$id', " . $array->($open[0]) . ", '550 5.1.1')", $open[0]) }
	elsif ($choice < 0.9) { ($kind, $call, @of) = ('release', "lt_release_lease('$id')", @open) }
	elsif ($choice < 0.95) { ($kind, $call, @of) = ('extend', "lt_extend_lease('$id', '3 hours')") }
	# And lets it run out.
	else { $lease->{messages} = []; return 1; }

	my $answer = in_time($worker->{session}, $worker->{log}, ++$worker->{serial}, "SELECT $call;",
		sub { my ($count) = @_; return map { join "\t", 'act', $kind, $id, $count, $_ } @of ? @of : '' });
	my %done = map { $_ => 1 } @of;
	# Nobody knows then whether it was done.
	if (!$answer) { $lease->{messages} = []; return }
	die "$call: @{ $answer->{errors} }" if grep { !/PT409/ } @{ $answer->{errors} };
	$lease->{messages} = [ @{ $answer->{errors} } ? () : grep { !$done{$_} } @open ];
	return 1;
}

# Claims; returns how many messages, or nothing where the session died.
sub claim
{
	my ($worker) = @_;
	my $most = 1 + int rand($worker->{most});
	my $wait = (rand() < 0.3 ? '10 minutes' : rand() < 0.8 ? '3 hours' : '30 hours');
	my $campaign = rand() < 0.8 ? 'NULL' : "'$worker->{campaigns}[rand @{ $worker->{campaigns} }]'";
	my $transports = $worker->{transports} ? "'$worker->{transports}'" : 'NULL';
	my $answer = in_time($worker->{session}, $worker->{log}, ++$worker->{serial},
		'SELECT lease_id, campaign_id, sender_id, lead_id, step, attempt, message_id, send_until, '
		  . "leadterra.clock() + '$wait' FROM lt_claim_messages($most, '$wait', $campaign, '$worker->{name}', $transports);",
		sub { return map { "claim\t$_" } @_ }) // return;
	die "claim: @{ $answer->{errors} }" if @{ $answer->{errors} };
	my @messages = map { [ split /\t/ ] } @{ $answer->{lines} };

	# Some are kept for so long that the next day has begun.
	push @{ $worker->{leases} }, { id => $messages[0][0], hurry => $wait eq '30 hours' ? 0.05 : 0.7, messages => [ map { $_->[6] } @messages ] } if @messages;
	return scalar @messages;
}

# Works until there is nothing to claim; false if the session died.
sub work
{
	my ($worker) = @_;

	unless ($worker->{session})
	{
		$worker->{session} = connect_psql($worker->{connection});
		write_log($worker->{answers}, "psql $worker->{session}{pid}");
	}
	while (1)
	{
		$worker->{leases} = [ grep { @{ $_->{messages} } } @{ $worker->{leases} } ];
		for my $lease (@{ $worker->{leases} })
		{
			settle($worker, $lease) // return if $worker->{drains} || rand() < $lease->{hurry};
		}
		my $claimed = claim($worker) // return;
		return 1 if $claimed == 0 && !($worker->{drains} && grep { @{ $_->{messages} } } @{ $worker->{leases} });
		write_log($worker->{answers}, "claimed $claimed");
	}
}

# Starts a worker, which is told to go by a line, and answers with lines: what it claims, and
# that it is idle, or has lost its connection.
sub start_worker
{
	my (%worker) = @_;
	my $pid;

	pipe(my $orders, $worker{orders}) or die "pipe: $!";
	pipe($worker{from}, my $answers) or die "pipe: $!";
	$worker{pid} = fork // die "fork: $!";
	if ($worker{pid} > 0)
	{
		close $orders;
		close $answers;
		$worker{orders}->autoflush(1);
		return \%worker;
	}

	# No END block of the test is for this process.
	$SIG{__DIE__} = 'DEFAULT';
	eval {
		close $worker{orders};
		close $worker{from};
		srand $worker{seed};
		$worker{answers} = $answers;
		$worker{leases} = [];
		$worker{serial} = 0;
		open $worker{log}, '>>', "$worker{folder}/$worker{name}.log" or die "log: $!";
		while (defined(my $order = readline $orders))
		{
			$worker{drains} = $order =~ /drain/;
			my $psql_died = !work(\%worker);
			delete $worker{session} if $psql_died;
			write_log($answers, $psql_died ? 'cut off' : 'idle');
		}
		1;
	} or write_log($answers, "failed: $@");
	require POSIX;
	POSIX::_exit(0);
}

1;
