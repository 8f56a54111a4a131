# The worker sends by a real mail server: with TLS and AUTH in every way there is, and by none
# whose certificate or password is wrong.  What arrives is what was sent.
use strict;
use warnings;

use Cwd;
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use Leadterra;
use Mail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $program = $ENV{LEADTERRA_WORKER} // "$root/worker/leadterra-worker";

need_mail_server();
plan skip_all => "there is no $program" unless -x $program;
start_mail_server();

my $server = start_server('server');
my $folder = PostgreSQL::Test::Utils::tempdir_short;
my $files = 0;
my $log;

sub sql { return $server->safe_psql('postgres', $_[0]) }

# Writes a file that only its owner can read.
sub write_file
{
	my ($text) = @_;
	my $name = "$folder/" . ++$files;
	my $old = umask 077;
	PostgreSQL::Test::Utils::append_to_file($name, $text);
	umask $old;
	return $name;
}

my $password = write_file($mail_password);

# Sends what is due by a transport; returns whether all is well.
sub send_by
{
	my (%settings) = @_;
	my %all = (host => 'localhost', user => 'ann', 'password-file' => $password, 'ca-file' => "$mail_folder/ca.pem",
		connections => 3, timeout => 20, from => 'Ann <ann@acme.example>', %settings);
	my $conf = write_file(join "\n", '[database]', "connection = host=@{[ $server->host ]} port=@{[ $server->port ]} dbname=postgres user=worker",
		'[transport default]', map { defined $all{$_} ? "$_ = $all{$_}" : () } sort keys %all);

	$log = '';
	return IPC::Run::run([ $program, '--config', $conf, '--once' ], '<', '/dev/null', '>', '/dev/null', '2>', \$log,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
}

# Starts a campaign for as many leads, with a text; its name is that of the leads.
sub start_campaign
{
	my ($name, $leads, $text) = @_;
	return sql(<<"SQL");
SELECT lt_create_campaign('$name', jsonb_build_array(jsonb_build_object('subject', '$name', 'bodyHtml', '<p>Hi</p>', 'bodyText', $text))) AS c \\gset
SELECT lt_bulk_upsert(:'c', (SELECT jsonb_agg(jsonb_build_object('email', '$name.' || i || '\@example.com')) FROM generate_series(1, $leads) i)) \\g /dev/null
SELECT lt_start_campaign(:'c') \\g /dev/null
SELECT :'c';
SQL
}
sub states { return sql("SELECT string_agg(n || ' ' || state, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM lt_messages WHERE campaign_id = '$_[0]' GROUP BY 1) s") }

sql(<<'SQL');
CREATE EXTENSION leadterra;
CREATE ROLE worker LOGIN;
SELECT lt_add_leads('[{"email": "first@example.com"}]', list_id => lt_create_list('List'));
SELECT lt_grant_worker('worker', lt_current_workspace());
SQL

for my $way ([ 'starttls', 'submission' ], [ 'implicit', 'submissions' ], [ 'none', 'plain', user => undef, 'password-file' => undef ])
{
	my ($tls, $port, %settings) = @$way;
	my $campaign = start_campaign("by-$tls", 20, "'Hi'");
	ok(send_by(tls => $tls, port => $mail_port{$port}, %settings), "TLS $tls: all is well") or diag($log);
	is(states($campaign), '20 sent', "TLS $tls: all are sent");
	like($log, qr/20 sent, [123] connections opened/, "TLS $tls: by few connections");
	is(scalar(grep { /^Subject: by-$tls\r?$/m } wait_for_mails('world', 20)), 20, "TLS $tls: and arrive");
	remove_mails('world');
}

# What is wrong is said, and costs nothing.
my $campaign = start_campaign('waits', 5, "'Hi'");
my $wrong = write_file('another password');
for my $case (
	[ 'another authority', qr/certificate/, 'ca-file' => '/etc/ssl/certs/ca-certificates.crt' ],
	[ 'another name', qr/certificate|host name|match/, host => 'other.localhost' ],
	[ 'a wrong password', qr/535/, 'password-file' => $wrong ],
	[ 'TLS where there is none', qr/STARTTLS|SSL|TLS/i, port => $mail_port{plain} ])
{
	my ($name, $expected, %settings) = @$case;
	ok(!send_by(tls => 'starttls', port => $mail_port{submission}, %settings), "$name is an error");
	like($log, qr/transport default rests for 30 seconds: .*$expected/, "$name: which is said");
	unlike($log, qr/\Q$mail_password\E|another password/, "$name: without the password");
	is(states($campaign), '5 queued', "$name: what waits waits");
}
ok(send_by(tls => 'implicit', port => $mail_port{submissions}), 'when all is right') or diag($log);
is(states($campaign), '5 sent', 'all are sent');

# A mail of many pieces, with dots where lines and pieces begin and end.
wait_for_mails('world', 5);
remove_mails('world');
$campaign = start_campaign('dots', 1, "(SELECT string_agg(repeat('.', 1 + i % 70) || CASE i % 3 WHEN 0 THEN 'x' ELSE '' END, E'\\n') FROM generate_series(1, 20000) i)");
ok(send_by(tls => 'implicit', port => $mail_port{submissions}), 'a long mail with dots') or diag($log);
my ($mail) = wait_for_mails('world', 1);
my ($text) = $mail =~ /^Content-Type: text\/plain.*?\n\r?\n(.*?)\r?\n--/ms;
my $expected = join "\n", map { '.' x (1 + $_ % 70) . ($_ % 3 ? '' : 'x') } 1 .. 20_000;
ok($text =~ s/\r//gr =~ s/\n+\z//r eq $expected, 'arrives as it was');

done_testing();
