# The queue: claiming and completing beside peers; see scripts/bench.
#
# Contenders take turns, round by round.  A figure is the median of the rounds,
# with the least and the greatest, in microseconds a message; ratios are taken
# within a round.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Bench;
use List::Util qw(max);
use Time::HiRes qw(time);

my $rounds = $quick ? 3 : 7;
my $leads = $quick ? 20_000 : 100_000;
my $mass = $quick ? 1_000 : 10_000;

connect_to('postgres')->do('CREATE DATABASE queue');
system('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'queue', '-f', 'bench/queue.sql') == 0 or die 'bench/queue.sql failed';
my $control = connect_to('queue');
my $has_pgq = eval { $control->do('CREATE EXTENSION pgq'); 1 };
print "PgQ is not installed, and left out.\n" unless $has_pgq;

my $text = join ' ', ('How is business? We help companies like yours with mail that people read.') x 27;
$control->do('SELECT bench.make_campaign(?, ?, ?)', undef, 'plain', 'Hello', $leads);
$control->do('SELECT bench.make_campaign(?, ?, ?)', undef, 'tokens', "Hello {{firstName|there}}, $text How is {{company}}?", $leads);
$control->do("SELECT lt_suppress(array_agg(format('blocked-%s\@x.example', i))) FROM generate_series(1, 1000) i");
$control->do('VACUUM ANALYZE');

# A function that claims and completes so many messages in a session of its own,
# and returns how many there were.
sub ours_work
{
	my ($session, $size) = @_;
	my $claim = $session->prepare("SELECT (array_agg(lease_id))[1], count(*), sum(octet_length(body_html)) FROM lt_claim_messages($size)");
	my $complete = $session->prepare('SELECT lt_complete_messages(?)');
	return sub {
		my ($lease, $count) = $session->selectrow_array($claim);
		$session->selectrow_array($complete, undef, $lease) if $lease;
		return $count;
	};
}

sub peer_work
{
	my ($session, $size, $function) = @_;
	my $read = $session->prepare("SELECT array_agg(msg_id), count(*) FROM bench.$function($size)");
	my $archive = $session->prepare('SELECT bench.archive_peer(?)');
	return sub {
		my ($ids, $count) = $session->selectrow_array($read);
		$session->selectrow_array($archive, undef, $ids) if $count;
		return $count;
	};
}

# Contenders: how their queue is filled, and how they work.
my %contenders = (
	leadterra => { fill => sub { $control->do("SELECT bench.fill_queue('plain', ?, 1000)", undef, $_[0]) }, work => \&ours_work },
	rendering => { fill => sub { $control->do("SELECT bench.fill_queue('tokens', ?, 1000)", undef, $_[0]) }, work => \&ours_work },
	singles => { fill => sub { $control->do("SELECT bench.fill_queue('plain', ?, 1)", undef, $_[0]) }, work => \&ours_work },
	peer => { fill => sub { $control->do("SELECT bench.fill_peer('plain', ?)", undef, $_[0]) }, work => sub { peer_work(@_, 'read_peer') } },
	lookups => { fill => sub { $control->do("SELECT bench.fill_peer('plain', ?)", undef, $_[0]) }, work => sub { peer_work(@_, 'read_peer_leads') } });

# Microseconds a message of so many claims of a size, after some to warm up.
sub run
{
	my ($name, $size, $claims) = @_;
	my $warm_up = 5;
	$contenders{$name}{fill}->($size * ($claims + $warm_up));
	$control->do('VACUUM ANALYZE leadterra.waiting, leadterra.batches, leadterra.leases, bench.queue, bench.archive');
	my $session = connect_to('queue');
	my $work = $contenders{$name}{work}->($session, $size);
	$work->() for 1 .. $warm_up;
	my @seconds;
	for (1 .. $claims)
	{
		my $start = time;
		my $count = $work->();
		push @seconds, time - $start;
		die "$name: claimed $count instead of $size" if $count != $size;
	}
	$session->disconnect;
	return median(@seconds) * 1e6 / $size;
}

heading('Claim and complete, one worker', 'messages a claim', 'contender', 'µs a message', 'time to leadterra\'s');
my %sizes = $quick ? (1 => 200, 100 => 30, 1000 => 10) : (1 => 1000, 10 => 500, 100 => 100, 1000 => 40);
for my $size (sort { $a <=> $b } keys %sizes)
{
	my @names = ('leadterra', 'rendering', 'singles', 'peer', 'lookups');
	my $runs = in_turns($rounds, sub { run($_[0], $size, $sizes{$size}) }, @names);
	say_it(sprintf '| %d | `%s` | %s | %s |', $size, $_, spread($runs->{$_}), $_ eq 'leadterra' ? '1' : spread(ratios($runs->{$_}, $runs->{leadterra}), 2)) for @names;
	say_it(sprintf '| | two tokens in 2 kB add | %s | |', spread([ map { $runs->{rendering}[$_] - $runs->{leadterra}[$_] } 0 .. $rounds - 1 ])) if $size == 1000;
}

# Enqueuing a thousand messages that are in the database already.
$control->do(q(SELECT bench.fill_queue('plain', 1000, 1000)));
$control->do(q(SELECT bench.fill_peer('plain', 1000)));
$control->do('INSERT INTO bench.payload SELECT array_agg(message) FROM bench.queue');

sub enqueue
{
	my ($name) = @_;
	my $session = connect_to('queue');
	my $times = 20;
	my $seconds;

	if ($name eq 'leadterra')
	{
		# By the clock of the server: enrolling does more than this.
		$session->do(q(SET pg_stat_statements.track = 'all'));
		$session->do('SELECT pg_stat_statements_reset()');
		$session->do('SELECT bench.enroll_batches(?)', undef, $times);
		$seconds = $session->selectrow_array(q(SELECT total_exec_time / 1000 FROM pg_stat_statements WHERE query LIKE 'WITH batch%INTO leadterra.batches%'));
	}
	else
	{
		my $call = $session->prepare($name eq 'peer' ? 'SELECT bench.send_batches(?)' :
			  q(SELECT count(pgq.insert_event('bench', 'send', m::text)) FROM bench.payload, unnest(messages) m, generate_series(1, ?)));
		$session->selectrow_array($call, undef, $times);
		my $start = time;
		$session->selectrow_array($call, undef, $times);
		$seconds = time - $start;
		$session->do('TRUNCATE bench.queue');
	}
	$session->disconnect;
	return $seconds * 1e6 / 1000 / $times;
}

$control->do(q(SELECT pgq.create_queue('bench'), pgq.register_consumer('bench', 'c'))) if $has_pgq;
heading('Enqueue 1,000 messages', 'what', 'contender', 'µs a message', 'time to leadterra\'s');
my @enqueuers = ('leadterra', 'peer', $has_pgq ? 'pgq' : ());
my $runs = in_turns($rounds, \&enqueue, @enqueuers);
say_it(sprintf '| | `%s` | %s | %s |', $_, spread($runs->{$_}, 3), $_ eq 'leadterra' ? '1' : spread(ratios($runs->{$_}, $runs->{leadterra}), 0)) for @enqueuers;

# PgQ hands out batches between two ticks, without leases of single events.
sub pgq_work
{
	my $session = connect_to('queue');
	$session->do(q(SELECT pgq.insert_event('bench', 'send', '{"lead": 1}') FROM generate_series(1, 1000))) ;
	$session->do(q(SELECT pgq.force_tick('bench')));
	$session->do(q(SELECT pgq.ticker('bench')));
	my $start = time;
	my $count = 0;
	while (defined(my $batch = $session->selectrow_array(q(SELECT pgq.next_batch('bench', 'c')))))
	{
		$count += $session->selectrow_array('SELECT count(*) FROM pgq.get_batch_events(?)', undef, $batch);
		$session->do('SELECT pgq.finish_batch(?)', undef, $batch);
	}
	my $seconds = time - $start;
	$session->disconnect;
	return $seconds * 1e6 / max($count, 1);
}
if ($has_pgq)
{
	my @figures = map { pgq_work() } 0 .. $rounds;
	say_it(sprintf "\nPgQ reads and finishes a batch of 1,000 events in %s µs an event, without leases or retries of one event.", spread([ @figures[1 .. $rounds] ]));
}

# Workers at once.
heading('Workers at once, 100 messages a claim', 'workers', 'contender', 'messages a second', 'to one worker');
for my $name ('leadterra', 'peer')
{
	my %rates;
	my @kinds = $quick ? (1, 2) : (1, 2, 8);
	for my $round (1 .. $rounds)
	{
		for my $workers (@kinds)
		{
			$contenders{$name}{fill}->($leads);
			push @{ $rates{$workers} }, throughput($workers, sub {
				my $work = $contenders{$name}{work}->(connect_to('queue'), 100);
				my $share = int($leads * 0.8 / $workers / 100);
				return sub { my $done = 0; $done += $work->() for 1 .. $share; return $done };
			});
		}
	}
	say_it(sprintf '| %d | `%s` | %s | %s |', $_, $name, spread($rates{$_}, 0), spread(ratios($rates{$_}, $rates{1}), 2)) for @kinds;
}

# A transaction is held open, and nothing can be vacuumed: cost of a slice.
sub old_snapshot
{
	my ($name, $size, $slices, $messages) = @_;
	$contenders{$name}{fill}->($slices * $messages);
	$control->do('VACUUM ANALYZE leadterra.waiting, leadterra.batches, leadterra.leases, bench.queue, bench.archive');
	my $old = connect_to('queue');
	$old->do('BEGIN ISOLATION LEVEL REPEATABLE READ');
	$old->selectrow_array('SELECT count(*) FROM leadterra.campaigns');
	my $session = connect_to('queue');
	my $work = $contenders{$name}{work}->($session, $size);
	my @figures;
	for my $slice (1 .. $slices)
	{
		my $start = time;
		$work->() for 1 .. $messages / $size;
		push @figures, (time - $start) * 1e6 / $messages;
	}
	$session->disconnect;
	$old->disconnect;
	return @figures;
}

my $slices = 6;
my $slice = $leads / 10;
heading("An old snapshot is held open: µs a message in slices of $slice", 'messages a claim', 'contender', 'first slice', 'last slice', 'last to first');
for my $case ([ 'leadterra', 1000 ], [ 'singles', 1000 ], [ 'peer', 1000 ], [ 'leadterra', 1 ], [ 'singles', 1 ], $quick ? () : ([ 'peer', 1 ]))
{
	my ($name, $size) = @$case;
	my (@first, @last);
	for (1 .. ($size == 1 ? 1 : 3))
	{
		my @figures = old_snapshot($name, $size, $slices, $size == 1 ? $slice / 5 : $slice);
		push @first, $figures[0];
		push @last, $figures[-1];
	}
	say_it(sprintf '| %d | `%s` | %s | %s | %s |', $size, $name, spread(\@first), spread(\@last), spread(ratios(\@last, \@first), 2));
}

# Beside a mass of messages that are not due, or that were sent: databases of
# their own.
my %beside = (none => 'queue');
$control->disconnect;
for my $kind ('future', 'finished')
{
	$beside{$kind} = "queue_$kind";
	connect_to('postgres')->do("CREATE DATABASE $beside{$kind} TEMPLATE queue");
	my $session = connect_to($beside{$kind});
	$session->do('SELECT bench.add_mass(?, ?)', undef, $kind, $mass);
	$session->do('VACUUM ANALYZE');
	$session->disconnect;
}

sub run_beside
{
	my ($kind, $size) = @_;
	my $session = connect_to($beside{$kind});
	my $claims = $quick ? 10 : 40;
	$session->do(q(SELECT bench.fill_queue('plain', ?, 1000)), undef, $size * ($claims + 5));
	$session->do('VACUUM ANALYZE leadterra.waiting, leadterra.batches, leadterra.leases');
	my $work = ours_work($session, $size);
	$work->() for 1 .. 5;
	my @seconds = map { my $start = time; $work->() == $size or die 'claimed too little'; time - $start } 1 .. $claims;
	$session->disconnect;
	return median(@seconds) * 1e6 / $size;
}

heading("Beside ${mass},000 messages that are not due, or finished", 'messages a claim', 'beside', 'µs a message', 'to none');
for my $size (1, 1000)
{
	my @kinds = ('none', 'future', 'finished');
	my $runs = in_turns($rounds, sub { run_beside($_[0], $size) }, @kinds);
	say_it(sprintf '| %d | %s | %s | %s |', $size, $_, spread($runs->{$_}), $_ eq 'none' ? '1' : spread(ratios($runs->{$_}, $runs->{none}), 2)) for @kinds;
}
finish_report();
