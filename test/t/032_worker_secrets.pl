# Secrets stay where they belong while all that uses them fails: passwords and the key of the
# return path are in their files alone, a webhook's in one column of one table.  None is in a
# log, a list of processes, what the server shows of sessions, or a core file.
use strict;
use warnings;

use Cwd;
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use Leadterra;
use MIME::Base64;
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
my %secrets = (
	database => 'database-secret-Zk3vQ', transport => 'transport-secret-Wm8xR',
	mailbox => 'mailbox-secret-Tp5yJ', 'return path' => 'return-path-secret-of-thirty-two-bytes-Hn4b');
my ($worker, $log) = (undef, '');

sub sql { return $server->safe_psql('postgres', $_[0]) }

# How a secret may look: as it is, and in base64 (RFC 4616, too).
my %shapes;
sub add_shapes
{
	my ($name, $secret) = @_;
	my @texts = ($secret, encode_base64($secret, ''), encode_base64("\0ann\0$secret", ''), unpack 'H*', $secret);
	push @texts, encode_base64($1, ''), unpack 'H*', decode_base64($1) if $secret =~ /^whsec_(.*)/;
	$shapes{$name} = join '|', map { quotemeta } @texts;
	return;
}

sub is_free_of_secrets
{
	my ($text, $name, @but) = @_;
	my %but = map { $_ => 1 } @but;
	is(join(', ', grep { !$but{$_} && $text =~ /$shapes{$_}/i } sort keys %shapes), '', "$name: no secret");
	return;
}

sub write_file
{
	my ($name, $text) = @_;
	append_to_file("$folder/$name", $text);
	chmod 0600, "$folder/$name" or die "$name: $!";
	return "$folder/$name";
}

my %file = map { $_ => write_file(s/ /-/gr, "$secrets{$_}\n") } keys %secrets;

start_smtp_server();
sql(<<"SQL");
CREATE EXTENSION leadterra;
CREATE ROLE worker LOGIN PASSWORD '$secrets{database}';
SELECT lt_create_sender('ann\@acme.example'), lt_grant_worker('worker', lt_current_workspace());
SQL
$secrets{webhook} = sql(q(SELECT (lt_create_webhook('https://nowhere.invalid/', '{campaign.paused}')).secret));
add_shapes($_, $secrets{$_}) for keys %secrets;

# From here on the server tells all that it can, and asks for the password.
my $hba = $server->data_dir . '/pg_hba.conf';
my $others = slurp_file($hba);
unlink $hba;
append_to_file($hba, "local all worker scram-sha-256\n$others");
$server->append_conf('postgresql.conf', <<'CONF');
log_statement = all
log_min_messages = debug1
log_connections = on
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
CONF
$server->reload;

my $database = "host=@{[ $server->host ]} port=@{[ $server->port ]} dbname=postgres user=worker";
my $conf = <<"CONF";
[worker]
name = test
state = $folder
[database]
connection = $database
password-file = $file{database}
[return-path]
address = bounces\@acme.example
key-file = $file{'return path'}
[transport default]
host = 127.0.0.1
port = @{[ smtp_port() ]}
tls = none
user = ann
password-file = $file{transport}
timeout = 5
from = Ann <ann\@acme.example>
[mailbox office]
host = 127.0.0.1
port = @{[ smtp_port() ]}
tls = none
user = ann
password-file = $file{mailbox}
timeout = 1
[webhooks]
CONF
my $right = write_file('conf', $conf);

# What is wrong with a configuration is said without it.
my %wrong = (
	'a password in it' => $conf =~ s/^password-file = \Q$file{transport}\E$/password = $secrets{transport}/mr,
	'a password of the connection' => $conf =~ s/user=worker$/user=worker password=$secrets{database}/mr,
	'a secret as a file' => $conf =~ s/^key-file = .*/key-file = $secrets{'return path'}\/none/mr,
	'a file that others read' => $conf =~ s/\Q$file{mailbox}\E/$folder\/open/r);
write_file('open', $secrets{mailbox});
chmod 0644, "$folder/open";
for my $name (sort keys %wrong)
{
	my $said = '';
	my $file = write_file("wrong-$name" =~ s/ /-/gr, $wrong{$name});
	ok(!IPC::Run::run([ $program, '--config', $file, '--once' ], '<', '/dev/null', '>&', \$said, IPC::Run::timeout($timeout)), "$name is refused");
	isnt($said, '', "$name: which is said");
	# Whoever wrote a secret where the name of a file stands, is told of that name.
	is_free_of_secrets($said, $name, $name eq 'a secret as a file' ? 'return path' : ());
}

# All fails: the login to the mail server, the mailbox, the webhook, and then the database.
smtp_mode('login');
my $campaign = sql(<<'SQL');
SELECT lt_create_campaign('C', '[{"subject": "Hi", "bodyHtml": "Hi"}]') AS c \gset
SELECT lt_bulk_upsert(:'c', '[{"email": "fine@example.com"}, {"email": "cut@example.com"}, {"email": "unknown@example.com"}]') \g /dev/null
SELECT lt_start_campaign(:'c'), lt_pause_campaign(:'c'), lt_start_campaign(:'c') \g /dev/null
SELECT :'c';
SQL

# With core files, if there may be any.
my @worker = ('sh', '-c', 'ulimit -c "$(ulimit -H -c)"; cd "$1" && exec "$2" --config "$3"', 'sh', $folder, $program, $right);

sub said
{
	my ($pattern, $name) = @_;
	my $end = time + $timeout;
	until ($log =~ $pattern || time > $end) { $worker->pump_nb; select undef, undef, undef, 0.02 }
	return like($log, $pattern, $name);
}

$worker = IPC::Run::start(\@worker, '<', '/dev/null', '>', '/dev/null', '2>', \$log, IPC::Run::timeout(5 * $timeout));
said(qr/transport default rests .*535/, 'the login fails');
said(qr/^mailbox.*office/m, 'the mailbox fails');
said(qr/^webhook.*nowhere/m, 'a webhook fails');

my $parent = $worker->{KIDS}[0]{PID};
my @processes = ($parent, split ' ', slurp_file("/proc/$parent/task/$parent/children"));
cmp_ok(scalar @processes, '>=', 4, 'there is a process for each task');
for my $process (@processes)
{
	is_free_of_secrets(slurp_file("/proc/$process/cmdline"), 'the list of processes');
	is((open my $memory, '<', "/proc/$process/mem") ? 'open' : '', '', 'nobody looks into its memory') if $>;
	my $environment = '';
	if (open my $file, '<', "/proc/$process/environ") { local $/; $environment = <$file> // '' }
	is_free_of_secrets($environment, 'the environment');
}
is_free_of_secrets(sql('SELECT string_agg(a::text, E\'\n\') FROM pg_stat_activity a'), 'sessions');

# A password that is wrong, too.
sql("ALTER ROLE worker PASSWORD 'another'");
sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'worker'");
said(qr/password authentication failed/, 'the login to the database fails');

# A crash.
my @children = @processes[ 1 .. $#processes ];
kill 'SEGV', @children;
said(qr/was ended by signal 11/, 'children crash');
kill 'SEGV', $parent;
$worker->finish;
is($worker->full_result & 127, 11, 'the parent crashes');
is($worker->full_result & 128, 0, 'and leaves no core file');
is(join(' ', grep { /core/ } glob "$folder/*"), '', 'nor do its children');
is_free_of_secrets($log, 'the log of the worker');
is_free_of_secrets(slurp_file($server->logfile), "the log of the server");

# The database holds secrets of webhooks, which it signs nothing with, in one column.
my $dump = dump_text($server, 'postgres');
is_free_of_secrets($dump, 'the database', 'webhook');
my $quoted = quotemeta $secrets{webhook};
is(scalar(() = $dump =~ /$quoted/g), 1, 'the secret of a webhook stands there once');
is(sql("SELECT count(*) FROM leadterra.webhooks WHERE secret = '$secrets{webhook}'"), 1, 'in its column');
is(grep({ -f && !/\/(?:database|transport|mailbox|return-path|open|wrong-.*)$/ && slurp_file($_) =~ /$shapes{transport}|$shapes{mailbox}|$shapes{database}/ } glob "$folder/*"), 0, 'nothing is left beside the files of secrets');

$server->stop;
done_testing();

END
{
	my $status = $?;
	# A test that dies leaves no worker behind.
	$worker->kill_kill if $worker && $worker->pumpable;
	$? = $status;
}
