# PostgREST and the gateway, with the files of deploy/, on a server of their own, and the
# requests that tests make.  Where PostgREST is not on the PATH, test/stand-in/postgrest stands in
# for what the gateway asks of it; tests that ask more name it in need_programs().
package Gateway;

use strict;
use warnings;

use Cwd;
use Exporter 'import';
use File::Basename;
use HTTP::Tiny;
use IO::Socket::INET;
use IPC::Run;
use JSON::PP;
use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(missing_program need_programs set_up set_up_alone start_rest start_gateway stop sql in_workspace rows request rest_request raw send_raw answers
  $server $folder $base $rest $workspace $key $stand_in);

our ($server, $folder, $base, $rest, $workspace, $key);
my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
our $stand_in = "$root/test/stand-in/postgrest";
my ($port, $rest_port, $between);
my %started;

# Returns the first of some programs that is not on the PATH.
sub missing_program
{
	$ENV{PATH} .= ':/usr/sbin' unless $ENV{PATH} =~ m{:/usr/sbin$};
	for my $program (@_)
	{
		return $program unless grep { -x "$_/$program" } split /:/, $ENV{PATH};
	}
	return undef;
}

# Skips the test where a program is missing.
sub need_programs
{
	my $missing = missing_program(@_) // return;
	plan skip_all => "$missing is not on the PATH";
}

# Makes what start_gateway() needs, without PostgREST: the port that it would listen
# at is returned, for something to stand in.
sub set_up_alone
{
	$server = start_server('server');
	$folder = PostgreSQL::Test::Utils::tempdir;
	($port, $rest_port, $between) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 3;
	$base = "http://127.0.0.1:$port";
	return $rest_port;
}

# Starts a server and PostgREST, or what stands in for it, as deploy/README.md has it, with
# changes to the latter's environment.  Makes $base, the address of the gateway, $rest, that of
# PostgREST, $workspace, and $key, its key.
sub set_up
{
	my (%environment) = @_;
	my ($printed, $errors) = ('', '');

	# A server that logs all it can.
	$server = start_server('server', <<'CONF');
log_statement = all
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
CONF
	$folder = PostgreSQL::Test::Utils::tempdir;
	($port, $between) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 2;
	$base = "http://127.0.0.1:$port";

	$server->safe_psql('postgres', 'CREATE DATABASE leadterra');
	ok(IPC::Run::run([ 'psql', '-X', '-d', $server->connstr('leadterra') ], '<', "$root/deploy/setup.sql", '>', \$printed, '2>', \$errors), 'setup.sql runs')
	  or diag($errors);
	($workspace, $key) = $printed =~ /\Aworkspace ([-0-9a-f]{36})\nkey (sk_live_\w{69})\n\Z/ or die "setup.sql printed: $printed";

	$rest_port = start_rest('postgrest', missing_program('postgrest') ? $stand_in : 'postgrest', %environment);
	$rest = "http://127.0.0.1:$rest_port";
	return;
}

# Starts PostgREST, or a program that takes the same configuration; returns its port.
sub start_rest
{
	my ($name, $program, %environment) = @_;
	my ($its_port, $admin) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 2;

	local %ENV = (
		%ENV,
		LANG => 'C.UTF-8',
		PGRST_DB_URI => 'postgresql:///leadterra?host=' . $server->host . '&port=' . $server->port . '&user=authenticator',
		PGRST_SERVER_PORT => $its_port,
		PGRST_ADMIN_SERVER_PORT => $admin,
		%environment);
	$started{$name} = IPC::Run::start([ $program, "$root/deploy/postgrest.conf" ], '<', '/dev/null', '>>', "$folder/$name.log", '2>>', "$folder/$name.log");
	wait_for($name, "http://127.0.0.1:$admin/ready");
	return $its_port;
}

sub sql { return $server->safe_psql('leadterra', "SET search_path TO api; $_[0]") }

sub in_workspace
{
	my ($workspace, $query) = @_;
	return sql("SET leadterra.workspace_id = '$workspace'; $query");
}

sub rows { return all_rows($server, 'leadterra') }

# Starts the gateway, with changes to its configuration.  With a folder that has a
# certificate, it is as it is deployed; otherwise without TLS.
sub start_gateway
{
	my (%options) = @_;
	my $conf = slurp_file("$root/deploy/nginx.conf");

	$conf =~ s/listen 443/listen 127.0.0.1:$port/;
	$conf =~ s/^\s*listen \[.*\n//mg;
	if ($options{certificates})
	{
		$conf =~ s{/etc/leadterra/}{$options{certificates}/}g;
	}
	else
	{
		$conf =~ s/ ssl http2 default_server;/;/;
		$conf =~ s/^\s*ssl_.*\n//mg;
	}
	$conf =~ s/127\.0\.0\.1:3000/127.0.0.1:$rest_port/;
	$conf =~ s/127\.0\.0\.1:3002/127.0.0.1:$between/g;
	$conf =~ s{/usr/share/leadterra/web/}{$root/web/};
	$options{change}->($conf) if $options{change};
	unlink "$folder/nginx.conf";
	append_to_file("$folder/nginx.conf", $conf);
	$started{nginx} = IPC::Run::start([ 'nginx', '-e', 'stderr', '-p', $folder, '-c', "$folder/nginx.conf", '-g', 'daemon off;' ],
		'<', '/dev/null', '>>', "$folder/nginx.log", '2>>', "$folder/nginx.log");
	wait_for('nginx', "$base/");
	return;
}

# Waits until a program answers, with any status that is not of a fault, or has ended.
sub wait_for
{
	my ($name, $url) = @_;
	my $client = HTTP::Tiny->new(timeout => 5);

	for (1 .. 1000)
	{
		my $answer = $client->get($url);
		return if $answer->{status} < 500;
		last unless $started{$name}->pumpable;
		# Takes as long as starting a program does.
		$server->safe_psql('postgres', 'SELECT');
	}
	die "$name does not answer: " . slurp_file("$folder/$name.log");
}

sub stop
{
	my ($name) = @_;
	my $run = delete $started{$name} or return;
	$run->signal('TERM');
	$run->finish;
	return;
}

END
{
	my $status = $?;
	stop($_) for keys %started;
	$? = $status;
}

# Makes a request to the gateway; returns status, decoded body, and headers.
sub request
{
	my ($method, $path, $key, $body, %headers) = @_;

	$headers{Authorization} = "Bearer $key" if defined $key;
	return send_request($method, $base . $path, $body, \%headers);
}

# Makes a request to PostgREST itself.
sub rest_request
{
	my ($method, $path, $key, $body, %headers) = @_;

	$headers{'X-Api-Key'} = $key if defined $key;
	return send_request($method, $rest . $path, $body, \%headers);
}

sub send_request
{
	my ($method, $url, $body, $headers) = @_;
	my %options = (headers => $headers);

	$options{content} = ref $body ? encode_json($body) : $body if defined $body;
	$headers->{'Content-Type'} //= 'application/json' if defined $body;
	my $answer = HTTP::Tiny->new(timeout => 60, max_redirect => 0)->request($method, $url, \%options);
	my $decoded = eval { JSON::PP->new->allow_nonref->decode($answer->{content}) } // $answer->{content};
	return ($answer->{status}, $decoded, $answer->{headers});
}

# Sends bytes as they are, and returns the connection.
sub send_raw
{
	my ($bytes) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 30) or die $!;

	print $socket $bytes;
	return $socket;
}

# The same, and returns all that comes back.
sub raw
{
	my $socket = send_raw(@_);
	return join '', <$socket>;
}

# Tests status and members of the answer; returns it.
sub answers
{
	my ($name, $request, $status, $expected) = @_;
	my ($got, $body, $headers) = request(@$request);

	is($got, $status, "$name: status") or diag(explain($body));
	if (ref $expected eq 'HASH')
	{
		my %shown = map { $_ => ref $body eq 'HASH' ? $body->{$_} : undef } keys %$expected;
		is_deeply(\%shown, $expected, "$name: body") or diag(explain($body));
	}
	elsif (defined $expected)
	{
		is_deeply($body, $expected, "$name: body");
	}
	return ($body, $headers);
}

1;
