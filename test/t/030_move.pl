# scripts/move-workspace: everything of a workspace goes to another database, while it works,
# whatever interrupts the move.
use strict;
use warnings;

use File::Basename;
use File::Temp;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use Leadterra;
use PostgreSQL::Test::Utils;
use Test::More;

srand(1_000_000 * seed());

my $script = dirname(dirname($FindBin::RealBin)) . '/scripts/move-workspace';
# The one that moves.
my $workspace = Leadterra::OTHER_WORKSPACE;
my $server = start_server('server', <<'CONF');
wal_level = logical
max_replication_slots = 20
max_wal_senders = 20
max_worker_processes = 20
max_logical_replication_workers = 12
max_sync_workers_per_subscription = 8
wal_retrieve_retry_interval = 100ms
log_replication_commands = off
CONF
my $folder = File::Temp->newdir;
my $map = "$folder/moved.map";
append_to_file($map, "# moved\n");

# Both places have what is not to move, the default workspace.
for my $place (qw(one two))
{
	$server->safe_psql('postgres', "CREATE DATABASE $place");
	$server->safe_psql($place, "CREATE EXTENSION leadterra");
	fill($server, $place, 'public');
}
# One that only the first place has.
$server->safe_psql('two', "CALL lt_close_workspace('$workspace', '0'); CALL lt_delete_workspace('$workspace'); DELETE FROM leadterra.closed_workspaces WHERE workspace_id = '$workspace'");

# The rows of a workspace at a place, by table.
sub rows_at
{
	my ($place, $condition) = @_;
	return $server->safe_psql($place, <<"SQL");
SELECT string_agg(c.relname || ': ' || (xpath('/table/row/t/text()', query_to_xml(format('SELECT string_agg(t::text, E''\\n'' ORDER BY t::text COLLATE "C") AS t FROM leadterra.%I t WHERE $condition', c.relname), false, false, '')))[1]::text, E'\\n' ORDER BY c.relname)
FROM pg_class c WHERE c.relnamespace = 'leadterra'::regnamespace AND c.relkind = 'r' AND c.relname <> 'closed_workspaces'
SQL
}
sub of_workspace { return rows_at($_[0], "workspace_id = ''$workspace''") }
sub of_others { return rows_at($_[0], q(workspace_id = ''00000000-0000-7000-8000-000000000000'')) }

sub state_at
{
	my ($place) = @_;
	return $server->safe_psql($place, <<"SQL");
SELECT coalesce((SELECT state FROM leadterra.closed_workspaces WHERE workspace_id = '$workspace'), (SELECT 'open' FROM leadterra.workspaces WHERE workspace_id = '$workspace'), 'none')
SQL
}

my @from_to = map { $server->connstr($_) } qw(one two);

# Runs the script; with a number, it is killed before or after it runs psql for that time.
sub move
{
	my ($options, $killed_at, $after) = @_;
	my $said = '';
	local $ENV{PATH} = $ENV{PATH};
	if ($killed_at)
	{
		my $real = (grep { -x } map { "$_/psql" } split /:/, $ENV{PATH})[0];
		my $kill = "[ \$n -ne $killed_at ] || kill -9 \$PPID";
		my $count = "$folder/count";
		unlink $count, "$folder/psql";
		# In a subshell of the script its parent has to die too: the group does.
		append_to_file("$folder/psql", "#!/bin/sh\necho >>$count\nn=\$(wc -l <$count)\n"
			  . 'kill_all() { [ $n -ne ' . $killed_at . ' ] || kill -9 -- -$(ps -o pgid= $$ | tr -d " "); }' . "\n"
			  . ($after ? qq{[ \$n -eq $killed_at ] || exec $real "\$@"\n$real "\$@"; kill_all\n} : qq{kill_all\nexec $real "\$@"\n}));
		chmod 0755, "$folder/psql";
		$ENV{PATH} = "$folder:$ENV{PATH}";
	}
	my $pid = open(my $output, '-|') // die $!;
	if ($pid == 0)
	{
		setpgrp;
		open STDERR, '>&', \*STDOUT;
		exec $script, @$options, $workspace, @from_to;
	}
	$said .= $_ while <$output>;
	close $output;
	return ($?, $said);
}
my @with_map = ('--map', $map, '--place', 'two', '--drain', '0', '--reload', "echo reloaded >>$folder/reloads");

# --- a move, and what is refused

my $content = of_workspace('one');
my @others = map { of_others($_) } qw(one two);
cmp_ok(length $content, '>', 10_000, 'there is something to move');
my ($status, $said) = move([ @with_map ]);
is($status, 0, 'a workspace moves') or diag($said);
is(of_workspace('two'), $content, 'with all rows');
is(of_workspace('one'), '', 'and leaves none');
is(state_at('one') . ' ' . state_at('two'), 'deleted open', 'it is in one place');
is($server->safe_psql('one', "SELECT count(*) FROM pg_replication_slots") . $server->safe_psql('one', 'SELECT count(*) FROM pg_publication')
	  . $server->safe_psql('two', 'SELECT count(*) FROM pg_subscription'), '000', 'nothing goes on copying');
is_deeply([ map { of_others($_) } qw(one two) ], \@others, 'others are as they were');
is(slurp_file($map), "# moved\n" . $server->safe_psql('one', "SELECT substr(lt_typeid('w', '$workspace'), 3)") . " two;\n", 'the map has it');
is(slurp_file("$folder/reloads"), "reloaded\n", 'and was loaded once');
($status, $said) = move([ @with_map ]);
is($status, 0, 'moving it again is harmless') or diag($said);
is(of_workspace('two'), $content, 'and changes nothing');
($status, $said) = move(['--undo']);
isnt($status, 0, 'what has moved is not undone');
like($said, qr/move it back/, 'but moved back');

sub move_back
{
	@from_to = reverse @from_to;
	my ($status, $said) = move([ '--drain', '0' ]);
	@from_to = reverse @from_to;
	is($status, 0, 'it moves back') or diag($said);
}
move_back();
is(of_workspace('one'), $content, 'as it was');
is(state_at('one') . ' ' . state_at('two'), 'open deleted', 'to where it came from');

for my $case ([ 'not-a-uuid', qr/a workspace is a UUID/ ], [ '0197c043-e39c-7d91-a325-000000000000', qr/the workspace is none at the source/ ])
{
	my $said = '';
	IPC::Run::run([ $script, $case->[0], @from_to ], '>&', \$said);
	like($said, $case->[1], "refused: $case->[0]");
}

# --- killed at each step, and gone on with or undone

# Makes a workspace at the first place, with messages that were sent and that are not.
sub small_workspace
{
	my $made = $server->safe_psql('one', 'SELECT lt_create_workspace()');
	$server->safe_psql('one', <<"SQL");
SET leadterra.workspace_id = '$made';
SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b"}]') AS campaign \\gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "a\@example.com"}, {"email": "b\@example.com"}, {"email": "c\@example.com"}]'), lt_start_campaign(:'campaign');
SELECT lt_complete_messages(lease_id) FROM lt_claim_messages(1);
SELECT count(*) FROM lt_claim_messages(1);
SQL
	return $made;
}

# What workers hold would be waited for.
sub release_leases
{
	$server->safe_psql('one', "SET leadterra.workspace_id = '$workspace'; SELECT lt_release_lease(lease_id) FROM lt_leases WHERE state = 'open'");
	return;
}

my %seen;
my $rounds = small_or_long(20, 500);
for my $round (1 .. $rounds)
{
	my ($n, $after, $undo) = (1 + int(rand(34)), int(rand(2)), rand() < 0.3);
	my $what = "round $round, killed " . ($after ? 'after' : 'before') . " psql $n";

	$workspace = small_workspace();
	my $rows = of_workspace('one');
	move([ @with_map ], $n, $after);
	my $states = state_at('one') . ' ' . state_at('two');
	$seen{$states}++;
	if ($undo && $states !~ / open/)
	{
		# That may be interrupted too.
		move(['--undo'], 1 + int(rand(16)), int(rand(2)));
		my ($status, $said) = move(['--undo']);
		is($status, 0, "$what, undone") or diag($said);
		is(state_at('one'), 'open', "$what: it is where it was");
		is(of_workspace('one'), $rows, "$what: with all rows");
		is(of_workspace('two'), '', "$what: and nowhere else");
		next;
	}
	move([ @with_map ], 1 + int(rand(34)), int(rand(2))) if rand() < 0.3;
	my ($status, $said) = move([ @with_map ]);
	is($status, 0, "$what, gone on with") or diag($said);
	is(state_at('one') . ' ' . state_at('two'), 'deleted open', "$what: it is in one place");
	is(of_workspace('two'), $rows, "$what: with all rows");
	is(of_workspace('one'), '', "$what: and none is left");
}
diag('states after a kill: ' . join(', ', map { "$_: $seen{$_}" } sort keys %seen));
is($server->safe_psql('one', 'SELECT count(*) FROM pg_replication_slots'), '0', 'no slot is left');

# --- as doc/scale.md says

$workspace = small_workspace();
release_leases();
my $known = of_workspace('one');
{
	local %ENV = (%ENV, MAP => "$map", WORKSPACE => $workspace, SOURCE => $from_to[0], TARGET => $from_to[1]);
	my ($move, $undo) = commands('doc/scale.md', 'test/t/030_move.pl');
	my $root = dirname(dirname($script));
	for my $command ($undo, $move)
	{
		my $said = '';
		ok(IPC::Run::run([ 'sh', '-c', "cd '$root' && $command" ], '>&', \$said), $command) or diag($said);
	}
}
is(of_workspace('two'), $known, 'the commands of the page move a workspace');

# --- while it works

$workspace = small_workspace();
my $digits = $server->safe_psql('one', "SELECT substr(lt_typeid('w', '$workspace'), 3)");
my $campaign = $server->safe_psql('one', "SELECT campaign_id FROM leadterra.campaigns WHERE workspace_id = '$workspace'");
release_leases();

# Runs SQL in the workspace, where the map says that it is, until it is not told to come again.
sub at_its_place
{
	my ($sql) = @_;
	for (1 .. 3000)
	{
		my $place = slurp_file($map) =~ /^\Q$digits\E two;/m ? 'two' : 'one';
		my ($output, $errors) = ('', '');
		my $status = $server->psql($place, "SET leadterra.workspace_id = '$workspace';\n\\set VERBOSITY verbose\n$sql", stdout => \$output, stderr => \$errors);
		return $output if $status == 0;
		die $errors unless $errors =~ /PT503|PT410/;
		append_to_file("$folder/told", "$place\n");
	}
	die 'told to come again for ever';
}

# Does something again and again in a process of its own, and notes each line that came of
# it, until a file is there.
sub start_loop
{
	my ($name, $step) = @_;
	my $pid = fork // die $!;
	return $pid if $pid;
	my $n = 0;
	until (-e "$folder/stop")
	{
		append_to_file("$folder/$name", "$_\n") for split /\n/, $step->($n++);
	}
	require POSIX;
	POSIX::_exit(0);
}
my $claim = "SELECT message_id || ' ' || lease_id FROM lt_claim_messages(3, '1 minute', '$campaign');";
my $send = sub {
	my @claimed = map { [ split / / ] } split /\n/, at_its_place($claim);
	at_its_place("SELECT lt_complete_messages('$claimed[0][1]');") if @claimed;
	return join "\n", map { $_->[0] } @claimed;
};
my @loops = (
	start_loop('enrolled', sub { at_its_place("SELECT enrolled FROM lt_bulk_upsert('$campaign', '[{\"email\": \"new-$_[0]\@example.com\"}]');"); return "new-$_[0]" }),
	start_loop('sent', $send));
sub lines { return -e "$folder/$_[0]" ? split /\n/, slurp_file("$folder/$_[0]") : () }
sub wait_for_lines
{
	my ($name, $n) = @_;
	for (1 .. 3000)
	{
		return if lines($name) >= $n;
		select undef, undef, undef, 0.02;
	}
	die "no $n lines in $name";
}
wait_for_lines('sent', 10);
($status, $said) = move([ '--map', $map, '--place', 'two' ]);
is($status, 0, 'a workspace moves while others write and send') or diag($said);
unlike($said, qr/held work/, 'and no worker held anything then');
my ($enrolled, $sent) = map { scalar(my @l = lines($_)) } qw(enrolled sent);
wait_for_lines('enrolled', $enrolled + 5);
wait_for_lines('sent', $sent + 5);
append_to_file("$folder/stop", '');
for my $loop (@loops)
{
	waitpid $loop, 0;
	is($?, 0, 'it went on where the map said');
}
while (my $rest = $send->())
{
	append_to_file("$folder/sent", "$rest\n");
}
my @enrolled = lines('enrolled');
my @sent = lines('sent');
my %sent;
$sent{$_}++ for @sent;
is(join(' ', grep { $sent{$_} > 1 } keys %sent), '', 'no message was sent twice');
is(at_its_place("SELECT count(*) FROM lt_leads WHERE email LIKE 'new-%';"), scalar(@enrolled), 'no lead was lost');
is(at_its_place("SELECT count(*) FROM lt_messages WHERE campaign_id = '$campaign' AND step = 1 AND state <> 'sent';"), '0', 'and each was mailed');
my %told;
$told{$_}++ for lines('told');
diag(sprintf '%d enrolled, %d sent, told to come again: %s', scalar(@enrolled), scalar(@sent), join(', ', map { "$told{$_} at $_" } sort keys %told));
is_deeply([ map { of_others($_) =~ /new-/ ? 1 : 0 } qw(one) ], [0], 'nothing of it is left behind');
done_testing();
