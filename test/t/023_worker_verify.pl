# The worker verifies addresses: what name servers say of their domains, and what they do not.
use strict;
use warnings;

use Cwd;
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use IO::Socket::INET;
use IPC::Run;
use Leadterra;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { A => 1, MX => 15, AAAA => 28 };

my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $program = $ENV{LEADTERRA_WORKER} // "$root/worker/leadterra-worker";
plan skip_all => "there is no $program" unless -x $program;

my $server = start_server('server');
my $folder = PostgreSQL::Test::Utils::tempdir_short;
my $questions = "$folder/questions";

sub sql { return $server->safe_psql('postgres', $_[0]) }

# Records of an answer: the name is that of the question.
sub record { my ($type, $data) = @_; return pack('n3 N n/a', 0xc00c, $type, 1, 60, $data) }
my $exchanger = record(MX, pack('n C/a n', 10, 'mail', 0xc00c));

# What is answered: a code, and records of each type; how often a failure comes before it.
my %zone = (
	'' => [ 0, {} ],
	'takes.example' => [ 0, { MX, [$exchanger] } ],
	'throw.example' => [ 0, { MX, [$exchanger] } ],
	'refuses.example' => [ 0, { MX, [ record(MX, "\0\0\0") ] } ],
	'gone.example' => [ 3, {} ],
	'address.example' => [ 0, { A, [ record(A, "\1\2\3\4") ] } ],
	'address6.example' => [ 0, { AAAA, [ record(AAAA, "\x20\1" . "\0" x 14) ] } ],
	'nothing.example' => [ 0, {} ],
	'fails.example' => [ 2, {} ],
	'recovers.example' => [ 3, {}, 2 ],
	'loops.example' => [ 0, { MX, [ pack('n n n N n/a', 0xc000 + 12 + 15 + 4, MX, 1, 60, "\0\0\0") ] } ],
	'lies.example' => [ 0, { MX, [$exchanger] }, 0, 100 ],
	'silent.example' => undef);

# A name server that knows these names; the questions go to a file.
sub serve
{
	my ($socket) = @_;
	open my $log, '>>', $questions or die "log: $!";
	while (defined $socket->recv(my $question, 512))
	{
		my ($id, $flags) = unpack 'n2', $question;
		my @labels = unpack '(C/a)*', substr($question, 12, index($question, "\0", 12) - 12);
		my $end = index($question, "\0", 12) + 1;
		my $type = unpack 'n', substr $question, $end, 2;
		my $name = lc join '.', @labels;
		my $zone = $zone{$name} // next;
		my ($code, $records, $failures, $more) = @$zone;

		syswrite $log, "$name $type\n";
		if ($failures) { $zone->[2]--; ($code, $records) = (2, {}) }
		my @records = @{ $records->{$type} // [] };
		$socket->send(pack('n6', $id, 0x8180 | $code, 1, @records + ($more // 0), 0, 0) . substr($question, 12, $end + 4 - 12) . join '', @records);
	}
	return;
}

my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "socket: $!";
my $name_server = fork // die "fork: $!";
if ($name_server == 0)
{
	serve($socket);
	POSIX::_exit(0);
}

sub configure
{
	my ($name, $port) = @_;
	PostgreSQL::Test::Utils::append_to_file("$folder/$name", <<"CONF");
[database]
connection = host=@{[ $server->host ]} port=@{[ $server->port ]} dbname=postgres user=worker
[verification]
disposable-file = $folder/disposable
name-server = 127.0.0.1:$port
CONF
	return "$folder/$name";
}

PostgreSQL::Test::Utils::append_to_file("$folder/disposable", "# What nobody keeps.\nthrow.example\n");
my $conf = configure('conf', $socket->sockport);

sub verify
{
	my ($file) = @_;
	my $log = '';
	ok(IPC::Run::run([ $program, '--config', $file, '--once' ], '<', '/dev/null', '>', '/dev/null', '2>', \$log,
			IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default)), 'the worker ends') or diag($log);
	return $log;
}

# Adds leads, with the statuses that they have, and a job for them.
sub add_leads
{
	my (%leads) = @_;
	my $objects = join ', ', map { qq({"email": "$_"}) } sort keys %leads;
	sql("SELECT 1 FROM lt_add_leads('[$objects]', list_id => lt_create_list('List ' || lt_uuidv7()), verify_leads_on_import => true)");
	sql("SELECT lt_set_verification(ARRAY[lead_id], ARRAY[$leads{$_}]) FROM lt_leads WHERE email = '$_'") for grep { $leads{$_} ne 'NULL' } keys %leads;
	return;
}
sub statuses { return { map { split /\|/ } split /\n/, sql("SELECT email, coalesce(verification_status::text, 'NULL') FROM lt_leads") } }
sub jobs { return sql("SELECT string_agg(concat_ws(' ', status, progress, attempt, error), ', ' ORDER BY created_at) FROM lt_jobs") }

sql(<<'SQL');
CREATE EXTENSION leadterra;
SELECT lt_create_list('List');
CREATE ROLE worker LOGIN;
SELECT lt_grant_worker('worker', lt_current_workspace());
SQL

# Each lead, the status that it had, and the one that it gets.
my @cases = (
	[ 'ann@takes.example', 'NULL', 'NULL' ], [ 'bo@takes.example', 11, 'NULL' ], [ 'cai@takes.example', 1, 1 ],
	[ 'dee@takes.example', -1, -1 ], [ 'info@takes.example', 'NULL', -2 ], [ 'sales@takes.example', 1, 1 ],
	[ 'ann@throw.example', 'NULL', -2 ], [ 'ann@refuses.example', 'NULL', -1 ], [ 'bo@refuses.example', 1, -1 ],
	[ 'ann@gone.example', 12, -1 ], [ 'info@gone.example', 'NULL', -1 ], [ 'ann@address.example', 'NULL', -2 ],
	[ 'ann@address6.example', 'NULL', -2 ], [ 'ann@nothing.example', 'NULL', -1 ], [ 'ann@fails.example', 'NULL', 'NULL' ],
	[ 'bo@fails.example', 1, 1 ], [ 'cai@fails.example', 12, 'NULL' ], [ 'ann@recovers.example', 'NULL', -1 ],
	[ 'ann@loops.example', 'NULL', 'NULL' ], [ 'ann@lies.example', 'NULL', 'NULL' ], [ 'ann@silent.example', 'NULL', 'NULL' ]);
add_leads(map { @$_[ 0, 1 ] } @cases);
verify($conf);
is_deeply(statuses(), { map { @$_[ 0, 2 ] } @cases }, 'what name servers say becomes statuses');
is(jobs(), 'success 100 1', 'and the job is done');
my %asked;
$asked{$_}++ for split /\n/, slurp_file($questions);
is($asked{'takes.example ' . MX}, 1, 'a domain is asked for once, however many leads have it');
is($asked{'takes.example ' . A}, undef, 'and for no more than is needed');

# A job whose leads are gone.
add_leads('gone@takes.example' => 'NULL');
sql("SELECT lt_delete_leads('{gone\@takes.example}')");
verify($conf);
is(jobs(), 'success 100 1, success 100 1', 'a job with nothing to look up is done');

# Where nobody answers, jobs wait.
add_leads('info@later.example' => 11);
my $log = verify(configure('silent', IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')->sockport));
like($log, qr/no name server answers/, 'no name server answers');
like(jobs(), qr/pending 0 0$/, 'and the job waits');
is(statuses()->{'info@later.example'}, 11, 'and nothing is made up');

kill 'TERM', $name_server;
waitpid $name_server, 0;
done_testing();
