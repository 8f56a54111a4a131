# The worker sends: each answer of a mail server becomes what it should, nobody is mailed twice
# but those who were on the way when it was killed, and what is at fault costs no attempt.
use strict;
use warnings;

use Cwd;
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SmtpServer;
use Test::More;

my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $program = $ENV{LEADTERRA_WORKER} // "$root/worker/leadterra-worker";
plan skip_all => "there is no $program" unless -x $program;

my $server = start_server('server');
my $folder = PostgreSQL::Test::Utils::tempdir_short;
my $timeout = $PostgreSQL::Test::Utils::timeout_default;
my $password = 'the password of the account';

sub sql { return $server->safe_psql('postgres', $_[0]) }

# Waits until something is true.
sub wait_until
{
	my ($name, $is_true) = @_;
	my $end = time + $timeout;
	my $result;

	select undef, undef, undef, 0.02 until ($result = $is_true->()) || time > $end;
	return ok($result, $name);
}

sub write_file
{
	my ($name, $text) = @_;
	my $old = umask 077;
	open my $file, '>', "$folder/$name" or die "$name: $!";
	print $file $text;
	close $file;
	umask $old;
	return "$folder/$name";
}

my $password_file = write_file('password', "$password\n");

# The group of a transport.
sub transport
{
	my ($name, %settings) = @_;
	my %all = (host => '127.0.0.1', port => smtp_port(), tls => 'none', connections => 4, timeout => 30, from => 'Ann <ann@acme.example>', %settings);
	return join "\n", "[transport $name]", (map { "$_ = $all{$_}" } sort keys %all), '';
}

my $files = 0;

# Writes a configuration.
sub configure
{
	my ($user, @groups) = @_;
	return write_file('conf-' . ++$files, join "\n", '[worker]', 'name = test', '[database]',
		"connection = host=@{[ $server->host ]} port=@{[ $server->port ]} dbname=postgres user=$user", @groups);
}

my ($log, $output) = ('', '');

# Runs the worker until nothing is due; returns whether it says that all is well.
sub send_due
{
	my ($conf, @options) = @_;
	($log, $output) = ('', '');
	my $is_well = IPC::Run::run([ $program, '--config', $conf, '--once', @options ], '<', '/dev/null', '>', \$output, '2>', \$log, IPC::Run::timeout($timeout));
	unlike($log, qr/\Q$password\E/, 'nothing secret is said');
	return $is_well;
}

sub start_worker
{
	my ($conf) = @_;
	$log = '';
	return IPC::Run::start([ $program, '--config', $conf ], '<', '/dev/null', '>', '/dev/null', '2>', \$log, IPC::Run::timeout($timeout));
}

my $campaigns = 0;

# Starts a campaign for addresses, with a pool of senders if there are any.
sub start_campaign
{
	my ($emails, %settings) = @_;
	my $leads = join ', ', map { qq({"email": "$_"}) } @$emails;
	my $pool = $settings{senders} ? "SELECT lt_set_sending(:'c', jsonb_build_object('poolId', p)) FROM lt_create_pool('Pool " . ++$campaigns . "') p, LATERAL (SELECT lt_set_pool_senders(p, ARRAY(SELECT sender_id FROM lt_senders WHERE email IN ($settings{senders})))) s \\g /dev/null" : '';
	my $workspace = $settings{workspace} ? "SET leadterra.workspace_id = '$settings{workspace}';" : '';

	return sql(<<"SQL");
$workspace
SELECT lt_create_campaign('C', '[{"subject": "Hi", "bodyHtml": "<p>Hi</p>", "bodyText": "Hi\\n.\\n..dots\\n\\n.end"}]') AS c \\gset
$pool
SELECT lt_bulk_upsert(:'c', '[$leads]') \\g /dev/null
SELECT lt_start_campaign(:'c') \\g /dev/null
SELECT :'c';
SQL
}

sub states
{
	my ($campaign) = @_;
	return { map { split /\|/, $_, 2 } split /\n/, sql("SELECT email, concat_ws('|', state, attempt, reason) FROM lt_messages WHERE campaign_id = '$campaign' AND step = 1") };
}
sub count_states
{
	my ($campaign) = @_;
	return sql("SELECT string_agg(n || ' ' || state, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM lt_messages WHERE campaign_id = '$campaign' GROUP BY state) s");
}
sub open_leases { return sql("SELECT count(*) FROM leadterra.leases WHERE state = 'open'") }
sub log_count { my ($pattern) = @_; return scalar grep { /$pattern/ } smtp_log() }

# How many mails went to each address, and whether all to one have the same Message-ID.
sub mails_by_address
{
	my (%count, %ids);
	for my $mail (smtp_mails())
	{
		$count{ $mail->[0] }++;
		$ids{ $mail->[0] }{ $mail->[1] =~ /^Message-ID: (\S+)/mi ? $1 : '' } = 1;
	}
	is(join(' ', grep { keys %{ $ids{$_} } > 1 || $ids{$_}{''} } sort keys %ids), '', 'each address has one Message-ID');
	return \%count;
}

sql(<<'SQL');
CREATE EXTENSION leadterra;
CREATE ROLE worker LOGIN;
CREATE ROLE worker_all LOGIN;
SELECT lt_create_sender('plain@acme.example', '{"name": "Plain"}'), lt_create_sender('refused@acme.example'),
    lt_create_sender('down@acme.example', '{"transport": "down"}'), lt_create_sender('gone@acme.example', '{"transport": "gone"}');
SELECT lt_create_sender('gap-' || i || '@acme.example', '{"gapSeconds": 3600}') FROM generate_series(1, 9) i;
SELECT lt_grant_worker('worker', lt_current_workspace()), lt_grant_worker('worker_all');
SQL
start_smtp_server();

# Each answer.
my $conf = configure('worker', transport('default', timeout => 1, user => 'ann', 'password-file' => $password_file));
my %expected = (
	fine => 'sent|1', unknown => 'bounced|1|550 5.1.1 no such user', full => 'failed|1|552 5.2.2 mailbox is full',
	policy => 'failed|1|571 5.7.1 delivery not authorized', disk => 'deferred|1|452 4.3.1 insufficient storage',
	later => 'deferred|1|451 4.7.1 greylisted', leaving => 'deferred|1|421 4.3.2 shutting down',
	lines => 'bounced|1|550 5.1.1 The account does not exist. Look for typos, please.', content => 'failed|1|554 5.6.0 not this',
	cut => 'retry|2|the connection was closed before an answer to the data', drop => 'retry|2|the connection was closed before an answer to the data',
	hangs => 'retry|2|no answer to the data within 1 seconds');
my $campaign = start_campaign([ map { "$_\@example.com" } sort keys %expected ]);
ok(send_due($conf), 'the worker sends what is due') or diag($log);
my $states = states($campaign);
for my $kind (sort keys %expected)
{
	my $state = $expected{$kind};
	# Where there is nothing else to tell them apart, it is by what was counted.
	$state =~ s/^bounced/failed/;
	$state =~ s/^deferred/retry/;
	is($states->{"$kind\@example.com"}, $state, "$kind: what becomes of the message");
}
is(sql("SELECT string_agg(entry, ' ' ORDER BY entry) FROM lt_suppressions"), 'lines@example.com unknown@example.com', 'who is not known is suppressed, and nobody else');
is(sql("SELECT (sent, bounced, failed)::text FROM lt_campaign_stats('$campaign')"), '(1,2,5)', 'and counts as bounced');
like(smtp_mails_to('fine@example.com'), qr/\r\nHi\r\n\.\r\n\.\.dots\r\n\r\n\.end\r\n/, 'dots arrive as they are');
is(log_count(qr/bare newline|says/), 0, 'the worker speaks SMTP');

# Tried again: an hour later, as the database sees it.
sub smtp_mails_to { my ($to) = @_; return join '', map { $_->[1] } grep { $_->[0] eq $to } smtp_mails() }
sql("UPDATE leadterra.waiting SET waiting_since = waiting_since - interval '1 day'");
ok(send_due($conf), 'the worker sends again') or diag($log);
$states = states($campaign);
is($states->{"$_\@example.com"}, 'sent|2', "$_: the second attempt is a success") for qw(cut drop hangs);
like($states->{'later@example.com'}, qr/^retry\|1\|/, 'what is put off costs no attempt');
my $count = mails_by_address();
is($count->{'cut@example.com'}, 2, 'a mail whose answer got lost is sent again');
is($count->{'drop@example.com'}, 1, 'and one that was not taken, too');
sql("SELECT lt_pause_campaign('$campaign')");

# Connections are kept.
smtp_reset();
$campaign = start_campaign([ (map { "kept-$_\@example.com" } 1 .. 40), map { "unknown.$_\@example.com" } 1 .. 10 ]);
ok(send_due(configure('worker', transport('default', connections => 2))), 'many are sent') or diag($log);
is(count_states($campaign), '10 failed, 40 sent', 'all of them');
cmp_ok(log_count(qr/connects/), '<=', 2, 'by two connections, also where recipients are refused');
wait_until('which are closed in order', sub { log_count(qr/quits/) == log_count(qr/connects/) });
is(grep({ $_ != 1 } values %{ mails_by_address() }), 0, 'each once');
smtp_reset();
smtp_mode('twice');
$campaign = start_campaign([ map { "twice-$_\@example.com" } 1 .. 10 ]);
ok(send_due(configure('worker', transport('default', connections => 1))), 'a server takes few mails a connection') or diag($log);
is(count_states($campaign), '10 sent', 'and all are sent');
is(log_count(qr/connects/), 5, 'by as many connections as it takes');
smtp_mode();

# A sender whom the server refuses; addresses that are not ASCII; a mail that is none.
smtp_reset();
$campaign = start_campaign(['from@example.com'], senders => q('refused@acme.example'));
my $utf8 = start_campaign([ "\xc3\xbcml\xc3\xa4ut\@example.com", "ascii\@b\xc3\xbccher.example" ]);
my $none = start_campaign(['none@example.com']);
sql("SELECT lt_pause_campaign('$none')");
my $without = configure('worker', transport('default') =~ s/^from = .*\n//mr);
ok(send_due($conf), 'a sender is refused') or diag($log);
like(states($campaign)->{'from@example.com'}, qr/^failed\|1\|550 5\.7\.1 not you/, 'which fails the message');
is(count_states($utf8), '2 sent', 'addresses that are not ASCII are written to');
is(log_count(qr/from .* SMTPUTF8/), 1, 'and the server is told where it has to be');
sql("SELECT lt_start_campaign('$none')");
ok(send_due($without), 'a message has no sender') or diag($log);
like(states($none)->{'none@example.com'}, qr/^failed\|1\|.*sender/, 'and fails, which says so');
smtp_mode('plain');
$utf8 = start_campaign(["\xc3\xbcber\@example.com"]);
ok(send_due($conf), 'a server knows ASCII alone') or diag($log);
like(states($utf8)->{"\xc3\xbcber\@example.com"}, qr/^failed\|1\|.*SMTPUTF8|^failed\|1\|.*ASCII/, 'which is said');
smtp_mode();

# What is at fault as a whole costs nothing, and keeps nobody else from being served.
sub check_rests
{
	my ($name, $expected, @groups) = @_;
	my $idle = start_campaign([ map { "idle-$_\@example.com" } 1 .. 10 ], senders => q('down@acme.example'));
	my $busy = start_campaign([ map { "busy-$_\@example.com" } 1 .. 10 ], senders => q('plain@acme.example'));

	ok(!send_due(configure('worker', @groups)), "$name: the worker says that not all is well");
	like($log, qr/transport down rests for 30 seconds: .*$expected/, "$name: and what is wrong");
	is(count_states($idle), '10 queued', "$name: what waits for the transport waits");
	is(sql("SELECT max(attempt) FROM lt_messages WHERE campaign_id = '$idle'"), 1, "$name: without an attempt");
	is(count_states($busy), '10 sent', "$name: others are served");
	is(open_leases(), 0, "$name: nothing is held");
	sql("SELECT lt_pause_campaign('$idle')");
	return;
}
my $other = SmtpServer::smtp_port();
my $closed = PostgreSQL::Test::Cluster::get_free_port();
check_rests('nobody listens', 'onnect', transport('default'), transport('down', port => $closed));
check_rests('no such host', 'resolve', transport('default'), transport('down', host => 'nowhere.invalid'));
check_rests('no TLS', 'STARTTLS|SSL|TLS', transport('default'), transport('down', tls => 'starttls'));
check_rests('TLS from the start', 'SSL|TLS', transport('default'), transport('down', tls => 'implicit', timeout => 1));
for my $case ([ 'full', '421 4.3.2 too many' ], [ 'login', '535 5.7.8 wrong' ], [ 'silent', '.' ])
{
	my ($mode, $expected) = @$case;
	smtp_mode($mode);
	$campaign = start_campaign([ map { "$mode-$_\@example.com" } 1 .. 10 ]);
	ok(!send_due($conf), "$mode: the worker says that not all is well");
	like($log, qr/transport default rests for 30 seconds: .*$expected/, "$mode: and what is wrong");
	is(count_states($campaign), '10 queued', "$mode: what waits waits");
	is(open_leases(), 0, "$mode: nothing is held");
	smtp_mode();
	ok(send_due($conf), "$mode: when it is over, all is well") or diag($log);
	is(count_states($campaign), '10 sent', "$mode: and all are sent");
}
my $gone = start_campaign([ map { "gone-$_\@example.com" } 1 .. 3 ], senders => q('gone@acme.example'));
ok(send_due($conf), 'a sender has a transport of another worker') or diag($log);
is(count_states($gone), '3 queued', 'whose messages are left alone');

# Senders with gaps: a message a claim, each by another sender.
$campaign = start_campaign([ map { "gap-$_\@example.com" } 1 .. 12 ], senders => q('gap-1@acme.example') . join '', map { ", 'gap-$_\@acme.example'" } 2 .. 9);
ok(send_due($conf), 'senders wait between mails') or diag($log);
is(count_states($campaign), '3 queued, 9 sent', 'each sends one');
sql("SELECT lt_pause_campaign('$campaign')");

# A dry run prints, and changes nothing.
smtp_reset();
$campaign = start_campaign([ map { "dry-$_\@example.com" } 1 .. 3 ]);
ok(send_due($conf, '--dry-run'), 'a dry run') or diag($log);
is(scalar(() = $output =~ /^=== message \S+ by default: MAIL FROM:<ann\@acme\.example> RCPT TO:<dry-\d\@example\.com>$/mg), 3, 'prints mails');
is(count_states($campaign), '3 queued', 'and gives them back');
is(log_count(qr/./), 0, 'and sends none');
ok(send_due($conf), 'a run that is none') or diag($log);

# Another workspace is not the worker's, but that of one for all.
my $workspace = sql("SELECT lt_create_workspace('Other')");
smtp_reset();
$campaign = start_campaign([ map { "ours-$_\@example.com" } 1 .. 5 ]);
start_campaign([ map { "theirs-$_\@example.com" } 1 .. 5 ], workspace => $workspace);
ok(send_due($conf), 'a worker of one workspace') or diag($log);
is(join(' ', sort keys %{ mails_by_address() }), join(' ', map { "ours-$_\@example.com" } 1 .. 5), 'sends for that one alone');
$campaign = start_campaign([ map { "more-$_\@example.com" } 1 .. 5 ]);
ok(send_due(configure('worker_all', transport('default'))), 'a worker of all workspaces') or diag($log);
is(scalar keys %{ mails_by_address() }, 15, 'sends for all');
start_campaign([ map { "again-$_\@example.com" } 1 .. 5 ], workspace => $workspace);
$campaign = start_campaign([ map { "not-$_\@example.com" } 1 .. 5 ]);
my $named = configure('worker_all', transport('default'));
PostgreSQL::Test::Utils::append_to_file($named, "[database]\nworkspace = $workspace\n");
ok(send_due($named), 'or for the one that it is told of') or diag($log);
is(count_states($campaign), '5 queued', 'and for no other');
is(scalar keys %{ mails_by_address() }, 20, 'but for that one');
ok(send_due($conf), 'the rest') or diag($log);

# A worker that runs hears of a campaign; told to stop, it ends what is on the way, and gives
# back the rest.
smtp_reset();
smtp_gate(10);
$conf = configure('worker', transport('default'));
my $worker = start_worker($conf);
$campaign = start_campaign([ map { "gate.$_\@example.com" } 1 .. 40 ]);
wait_until('a worker that runs hears of a campaign', sub { $worker->pump_nb; log_count(qr/takes/) == 14 }) or diag($log);
wait_until('what was sent is said at once', sub { count_states($campaign) =~ /\b10 sent/ });
$worker->signal('TERM');
wait_until('a lease of which nothing is on the way is given back at once', sub { count_states($campaign) =~ /\b6 leased/ });
smtp_gate(14);
ok($worker->finish, 'the worker ends') or diag($log);
is(count_states($campaign), '26 queued, 14 sent', 'what was on the way is sent, the rest was given back') or diag($log);
is(open_leases(), 0, 'nothing is held');
is(sql("SELECT max(attempt) FROM lt_messages WHERE campaign_id = '$campaign'"), 1, 'at no cost');

# The database is gone while mails are on the way: they are reported when it is back.
smtp_gate(24);
$worker = start_worker($conf);
wait_until('some are on the way', sub { $worker->pump_nb; log_count(qr/takes/) == 28 }) or diag($log);
wait_until('and others were sent', sub { count_states($campaign) =~ /\b24 sent/ });
$server->stop('immediate');
smtp_gate(28);
wait_until('they are taken while the database is gone', sub { $worker->pump_nb; log_count(qr/answers/) == 28 }) or diag($log);
wait_until('which the worker notices', sub { $worker->pump_nb; $log =~ /database: / }) or diag($log);
is(log_count(qr/takes/), 28, 'nothing new is sent then');
$server->start;
wait_until('and are reported when it is back', sub { $worker->pump_nb; count_states($campaign) =~ /\b28 sent/ }) or diag($log);
smtp_gate(40);
wait_until('the rest follows', sub { $worker->pump_nb; count_states($campaign) eq '40 sent' }) or diag($log);
is(grep({ $_ != 1 } values %{ mails_by_address() }), 0, 'and nobody got two');

# The parent is killed: its child stops in order.
smtp_reset();
smtp_gate(0);
$campaign = start_campaign([ map { "gate.$_\@example.com" } 1 .. 40 ]);
wait_until('mails are on the way', sub { $worker->pump_nb; log_count(qr/takes/) == 4 }) or diag($log);
$worker->signal('KILL');
smtp_gate(4);
$worker->finish;
wait_until('a child whose parent was killed gives back', sub { open_leases() == 0 });
is(count_states($campaign), '36 queued, 4 sent', 'and reports what was sent');

# All of it is killed: at most what was on the way is sent twice.
smtp_gate(20);
$worker = start_worker($conf);
wait_until('again mails are on the way', sub { $worker->pump_nb; log_count(qr/takes/) == 24 }) or diag($log);
my ($child) = split ' ', slurp_file("/proc/$worker->{KIDS}[0]{PID}/task/$worker->{KIDS}[0]{PID}/children");
kill 'STOP', $worker->{KIDS}[0]{PID};
kill 'KILL', $child;
$worker->signal('KILL');
$worker->finish;
sql("UPDATE leadterra.leases SET expires_at = now() - interval '1 second' WHERE state = 'open'");
smtp_gate(1000);
ok(send_due($conf), 'another worker sends the rest') or diag($log);
is(count_states($campaign), '40 sent', 'all are sent');
$count = mails_by_address();
is(scalar keys %$count, 40, 'each lead has its mail');
my $doubles = grep { $_ > 1 } values %$count;
cmp_ok($doubles, '>=', 4, 'who was on the way got two');
cmp_ok($doubles, '<=', 24, 'and at most those who were not reported yet');

# A lease that was taken away.
smtp_reset();
smtp_gate(0);
$campaign = start_campaign([ map { "gate.$_\@example.com" } 1 .. 8 ]);
$worker = start_worker($conf);
wait_until('mails are on the way once more', sub { $worker->pump_nb; log_count(qr/takes/) == 4 }) or diag($log);
sql("UPDATE leadterra.leases SET expires_at = now() - interval '1 second' WHERE state = 'open'");
smtp_gate(1000);
wait_until('a lease that was lost is dropped, and claimed anew', sub { $worker->pump_nb; count_states($campaign) eq '8 sent' }) or diag($log);
like($log, qr/lease \S+ was lost/, 'which is said');
$worker->signal('INT');
ok($worker->finish, 'the worker ends') or diag($log);

# An upgrade goes on while mails are on the way: they are reported when it is over, by a session
# with the new library.
smtp_reset();
smtp_gate(0);
$campaign = start_campaign([ map { "gate.$_\@example.com" } 1 .. 4 ]);
$worker = start_worker($conf);
wait_until('mails are on the way before an upgrade', sub { $worker->pump_nb; log_count(qr/takes/) == 4 }) or diag($log);
my $session = "SELECT pid FROM pg_stat_activity WHERE usename = 'worker'";
my $old_session = sql($session);
my $version = sql("SELECT extversion FROM pg_extension WHERE extname = 'leadterra'");
my $set_version = "ALTER FUNCTION lt_next_due() COST 1; UPDATE pg_extension SET extversion = '%s' WHERE extname = 'leadterra'";
sql(sprintf $set_version, '9.9');
smtp_gate(1000);
# Whoever tries often has tried to report them.
wait_until('the worker is told of it', sub { $worker->pump_nb; (() = $log =~ /library is of version/g) >= 3 }) or diag($log);
sql(sprintf $set_version, $version);
wait_until('and reports when it is over', sub { $worker->pump_nb; count_states($campaign) eq '4 sent' }) or diag($log);
isnt(sql($session), $old_session, 'by a new session');
unlike($log, qr/was lost/, 'nothing is given up');
is(grep({ $_ != 1 } values %{ mails_by_address() }), 0, 'and nobody gets two');
$worker->signal('INT');
ok($worker->finish, 'the worker ends') or diag($log);

done_testing();

END
{
	my $status = $?;
	# A test that dies leaves no worker behind.
	$worker->kill_kill if $worker && $worker->pumpable;
	$? = $status;
}
