# The worker, the mail server and the database are killed in the middle of mails, one after the
# other and at random moments.  Every lead gets each step; what arrives twice was on the way when
# the worker or the mail server was killed, and has one Message-ID.
use strict;
use warnings;

use Cwd;
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use Leadterra;
use List::Util qw(shuffle sum0);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SmtpServer;
use Test::More;

my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $program = $ENV{LEADTERRA_WORKER} // "$root/worker/leadterra-worker";
plan skip_all => "there is no $program" unless -x $program;

srand(1e6 * seed());

# Two mails to each lead.
my $rounds = small_or_long(2, 20);
my $leads = small_or_long(50, 1000);
my $connections = 4;

# What is sent and not reported yet (SEND_LOT) when the worker dies.
my $unreported = 20;

my $server = start_server('server');
my $folder = PostgreSQL::Test::Utils::tempdir_short;
my $timeout = $PostgreSQL::Test::Utils::timeout_default;
my ($worker, $log) = (undef, '');

sub sql { return $server->safe_psql('postgres', $_[0]) }

# Waits until something is true; tells what the worker said if it does not become so.
sub wait_until
{
	my ($name, $is_true) = @_;
	my $end = time + $timeout;

	until ($is_true->())
	{
		if (time > $end) { fail($name); diag($log); return }
		$worker->pump_nb if $worker;
		select undef, undef, undef, 0.005;
	}
	return;
}

# Nobody waits for what was killed, nor for another attempt.
sub free_all
{
	sql("UPDATE leadterra.leases SET expires_at = now() - interval '1 second' WHERE state = 'open'");
	sql("UPDATE leadterra.waiting SET waiting_since = waiting_since - interval '1 day'");
	return;
}

sub start_worker
{
	free_all();
	$worker = IPC::Run::start([ $program, '--config', "$folder/conf" ], '<', '/dev/null', '>', '/dev/null', '2>', \$log, IPC::Run::timeout(10 * $timeout));
	return;
}

sub stop_worker
{
	$worker->signal('INT');
	$worker->finish;
	undef $worker;
	return;
}

# Waits until so many mails were taken.  A claim that was answered by no word is nobody's: then a
# worker is started that need not wait until it runs out.
sub wait_for_mails
{
	my ($round, $count) = @_;
	my ($taken, $since) = (0, time);

	start_worker() unless $worker;
	wait_until("round $round: $count mails are sent", sub {
		my $now = smtp_taken();
		($taken, $since) = ($now, time) if $now > $taken;
		if (time > $since + 3) { stop_worker(); start_worker(); $since = time }
		return $now >= $count;
	});
	return;
}

# The mails that were taken, by lead and step: the Message-ID of each.
sub mails
{
	my %mails;
	for my $mail (smtp_mails())
	{
		my ($step) = $mail->[1] =~ /^Subject: (Step \d)/m;
		my ($id) = $mail->[1] =~ /^Message-ID: (\S+)/mi;
		push @{ $mails{"$mail->[0] $step"} }, $id;
	}
	return \%mails;
}

# What arrived, and what the database does not know to be sent: what was on the way.
sub on_the_way
{
	my ($campaign) = @_;
	my %sent = map { $_ => 1 } split /\n/, sql("SELECT email || ' Step ' || step FROM lt_messages WHERE campaign_id = '$campaign' AND state = 'sent'");
	return grep { !$sent{$_} } sort keys %{ mails() };
}

# The ways to die.  Each returns how many mails may have been on the way.
my %deaths = (
	'the worker' => sub {
		my $parent = $worker->{KIDS}[0]{PID};

		# The parent would end its children in order, and they themselves without it.
		kill 'STOP', $parent;
		kill 'KILL', split(' ', slurp_file("/proc/$parent/task/$parent/children")), $parent;
		$worker->finish;
		undef $worker;
		# What a killed client has written is still read.
		wait_until('its connections end', sub { smtp_connections() == 0 });
		return $connections + $unreported;
	},
	'the mail server' => sub {
		kill_smtp_server();
		# The worker would wait for half a minute before it tries again.
		stop_worker();
		start_smtp_server();
		return $connections;
	},
	'the database' => sub {
		kill_server($server);
		$server->start;
		return;
	});

# Sends what is left.
sub send_rest
{
	my ($campaign) = @_;
	my $wanted = 2 * $leads;

	for (1 .. 5)
	{
		free_all();
		IPC::Run::run([ $program, '--config', "$folder/conf", '--once' ], '<', '/dev/null', '>', '/dev/null', '2>>', \$log, IPC::Run::timeout($timeout));
		return if sql("SELECT count(*) FROM lt_messages WHERE campaign_id = '$campaign' AND state = 'sent'") == $wanted;
	}
	return;
}

# Lets a round of kills happen to a campaign; returns how often what was on the way, and the
# counts that are told.
sub kill_all
{
	my ($round, $campaign) = @_;
	my @order = shuffle sort keys %deaths;
	my $part = int(2 * $leads * 0.9 / @order);
	my (%was_on_the_way, @counts);

	for my $n (0 .. $#order)
	{
		my $at = $n * $part + 1 + int rand($part - 1);

		wait_for_mails($round, $at);
		my $most = $deaths{ $order[$n] }->();
		unless (defined $most) { push @counts, "$order[$n] at $at"; next }
		my @mails = on_the_way($campaign);
		my @new = grep { !$was_on_the_way{$_} } @mails;
		cmp_ok(scalar @new, '<=', $most, "round $round: few mails were on the way when $order[$n] was killed");
		$was_on_the_way{$_}++ for @new;
		push @counts, "$order[$n] at $at with " . @new . ' on the way';
	}
	stop_worker() if $worker;
	return (\%was_on_the_way, join ', ', @counts);
}

sql(<<'SQL');
CREATE EXTENSION leadterra;
CREATE ROLE worker LOGIN;
SELECT lt_create_sender('ann@acme.example'), lt_grant_worker('worker', lt_current_workspace());
SQL
start_smtp_server();
append_to_file("$folder/conf", <<"CONF");
[worker]
name = test
[database]
connection = host=@{[ $server->host ]} port=@{[ $server->port ]} dbname=postgres user=worker
[transport default]
host = 127.0.0.1
port = @{[ smtp_port() ]}
tls = none
connections = $connections
timeout = 30
from = Ann <ann\@acme.example>
CONF
chmod 0600, "$folder/conf";

my $doubles = 0;
for my $round (1 .. $rounds)
{
	smtp_reset();
	smtp_mode('slow');
	$log = '';
	my $campaign = sql(<<"SQL");
SELECT lt_create_campaign('Round $round', '[{"subject": "Step 1", "bodyHtml": "1"}, {"subject": "Step 2", "bodyHtml": "2", "delayDays": 0}]') AS c \\gset
SELECT lt_bulk_upsert(:'c', (SELECT jsonb_agg(jsonb_build_object('email', format('lead-%s\@round-$round.example', i))) FROM generate_series(1, $leads) i)) \\g /dev/null
SELECT lt_start_campaign(:'c') \\g /dev/null
SELECT :'c';
SQL
	my ($was_on_the_way, $counts) = kill_all($round, $campaign);
	send_rest($campaign);

	my $mails = mails();
	my %wanted = map { ("lead-$_\@round-$round.example Step 1" => 1, "lead-$_\@round-$round.example Step 2" => 1) } 1 .. $leads;
	is(join(' ', grep { !$mails->{$_} } sort keys %wanted), '', "round $round: every lead got each step") or diag($log);
	is(join(' ', grep { !$wanted{$_} } sort keys %$mails), '', "round $round: and nothing else");
	is(sql("SELECT string_agg(DISTINCT state, ' ') FROM lt_messages WHERE campaign_id = '$campaign'"), 'sent', "round $round: which the database knows");
	is(join(' ', grep { @{ $mails->{$_} } > 1 + ($was_on_the_way->{$_} // 0) } sort keys %$mails), '', "round $round: what came twice was on the way") or diag($log);
	my %ids = map { ($_ // 'none') => 1 } map { @$_ } values %$mails;
	is(join(' ', grep { my %one = map { $_ => 1 } @{ $mails->{$_} }; keys %one > 1 } sort keys %$mails), '', "round $round: with the same Message-ID");
	is(scalar keys %ids, 2 * $leads, "round $round: which no other mail has");
	my $twice = sum0 map { @$_ - 1 } values %$mails;
	$doubles += $twice;
	diag("round $round, $leads leads with two mails each: $counts; $twice came twice");
}
# In few rounds it may happen that nothing was on the way.
cmp_ok($doubles, '>', 0, 'some came twice') if $rounds > 2;
diag(sprintf '%d mails in %d rounds, %d came twice', 2 * $leads * $rounds, $rounds, $doubles);

$server->stop;
done_testing();

END
{
	my $status = $?;
	# A test that dies leaves no worker behind.
	$worker->kill_kill if $worker && $worker->pumpable;
	$? = $status;
}
