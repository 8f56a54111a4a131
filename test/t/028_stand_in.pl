# What stands in for PostgREST in tests, where that is not on the PATH, beside PostgREST: for
# the same request the same SQL, what a function sees, and the same answer.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Gateway;
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

need_programs('postgrest');
set_up();
my %ports = (real => $rest =~ s/.*://r, stand_in => start_rest('stand-in', $stand_in));
my $json = JSON::PP->new->canonical->allow_nonref;

# The second function says what it sees, and fails or sets the answer as it is told.
sql(<<'SQL');
CREATE OR REPLACE FUNCTION api.lt_http_read() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT jsonb_build_object(
		'settings', (SELECT jsonb_object_agg(name, current_setting(name, true)) FROM unnest('{search_path,role,request.jwt.claims,request.method,request.path,request.cookies,transaction_isolation,transaction_read_only}'::text[]) name),
		'headers', current_setting('request.headers')::jsonb - 'host', 'users', ARRAY[current_user, session_user], 'workspace', current_setting('leadterra.workspace_id'))
$$;
CREATE OR REPLACE FUNCTION api.lt_http_write(bytea) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	told json;
BEGIN
	BEGIN
		told := convert_from($1, 'UTF8');
	EXCEPTION WHEN OTHERS THEN
		RETURN jsonb_build_object('body', encode($1, 'hex'), 'seen', api.lt_http_read());
	END;
	IF told ->> 'code' <> '' THEN
		RAISE EXCEPTION USING ERRCODE = told ->> 'code', MESSAGE = coalesce(told ->> 'message', 'm'), DETAIL = coalesce(told ->> 'detail', ''), HINT = coalesce(told ->> 'hint', '');
	END IF;
	PERFORM pg_terminate_backend(pg_backend_pid()) WHERE told ->> 'die' <> '';
	PERFORM set_config('response.' || s.key, s.value, true) FROM json_each_text(told -> 'set') s;
	RETURN told -> 'answer';
END;
$$;
SQL

# Asks one of the two; returns the answer, as far as the gateway looks at it, and the SQL.
sub asked
{
	my ($which, $method, $name, $body, %headers) = @_;
	my $offset = -s $server->logfile;
	my %options = (headers => { 'X-Api-Key' => $key, 'User-Agent' => 'nginx', %headers }, defined $body ? (content => $body) : ());
	my $answer = HTTP::Tiny->new(timeout => 60)->request($method, "http://127.0.0.1:$ports{$which}/rpc/$name", \%options);
	my $content = eval { $json->decode($answer->{content}) } // $answer->{content};
	my $log = slurp_file($server->logfile, $offset);
	# What a backend ran from the BEGIN of its last call; others read the catalog meanwhile.
	my ($pid) = $log =~ /.*\[(\d+)\].*: select set_config/s or return {};
	my $its = join '', map { "$_\n" } $log =~ /^.*\[$pid\] .*LOG:  execute \S+: (.*)/gm;
	# What has failed is rolled back with the connection by the one, and by ABORT by the other.
	my @sql = grep { $_ ne 'ABORT' } split /\n/, $its =~ s/.*(?=^BEGIN.*\nselect set_config)//msr;

	return { status => $answer->{status}, content => $content, sql => \@sql, headers => { map { $_ => $answer->{headers}{$_} } grep { $answer->{headers}{$_} } qw(content-type proxy-status x-answered allow) } };
}

# Tests that both say and do the same.
sub same
{
	my ($name, @request) = @_;
	my ($real, $stand_in) = map { asked($_, @request) } qw(real stand_in);

	# The gateway makes of other errors what their code says.
	if (($real->{headers}{'proxy-status'} // '') !~ /=PT/ && $real->{headers}{'proxy-status'})
	{
		is($stand_in->{status}, 500, "$name: status");
		delete @$_{'status', 'headers'} for $real, $stand_in;
	}
	is_deeply($stand_in, $real, $name) or diag(explain([ $real, $stand_in ]));
	return $real;
}

my %bytes = ('Content-Type' => 'application/octet-stream');
my $read = same('a call that reads', 'GET', 'lt_http_read', undef, 'X-Original-Uri' => '/v1/replies?a=%41&b="\'\\', 'Idempotency-Key' => '');
is(scalar(@{ $read->{sql} }), 5, '... by five statements');
is_deeply([ @{ $read->{content} }{qw(users workspace)} ], [ [qw(api authenticator)], $workspace ], '... as the role, in the workspace of the key');
is($read->{content}{settings}{transaction_read_only}, 'on', '... which writes nothing');
is(same('one that writes', 'POST', 'lt_http_write', "\0\xff'\\ no JSON", %bytes)->{content}{seen}{settings}{transaction_read_only}, 'off', '... may write');
same('no body', 'POST', 'lt_http_write', '', %bytes);
same('a body of a megabyte', 'POST', 'lt_http_write', 'x' x 1e6, %bytes);
same('a body that is not ASCII', 'POST', 'lt_http_write', '{"answer": "\u00e9\u4e2d\ud83d\ude00 <&>"}', %bytes);
same('null', 'POST', 'lt_http_write', '{}', %bytes);
is(same('status and headers', 'POST', 'lt_http_write', $json->encode({ answer => [1], set => { status => 409, headers => '[{"X-Answered": "yes"}, {"Allow": "GET, HEAD"}]' } }), %bytes)->{status}, 409, '... that were set');
same('the next has none of them', 'POST', 'lt_http_write', '{"answer": {}}', %bytes);
for my $code (qw(PT400 PT401 PT404 PT422 PT500 PT503 P0001 P0002 22023 22P02 23505 25006 28000 42501 42883 53300 54001 57014 57P03 58030 XX000 08006))
{
	same("error $code", 'POST', 'lt_http_write', $json->encode({ code => $code, message => 'what "it" is', $code =~ /1$/ ? () : (detail => '{"code": "x"}', hint => 'Do so.') }), %bytes);
}
same('no key', 'GET', 'lt_http_read', undef, 'X-Api-Key' => '');
same('a wrong key', 'POST', 'lt_http_write', '{}', %bytes, 'X-Api-Key' => 'sk_live_x');
same('a link', 'POST', 'lt_unsubscribe', '{"token": "x\u0022"}', 'Content-Type' => 'application/json', 'X-Api-Key' => '');
same('a connection that is ended', 'POST', 'lt_http_write', '{"die": "now"}', %bytes);
is(asked('stand_in', 'GET', 'lt_http_read')->{status}, 200, '... and a new one');

stop($_) for 'postgrest', 'stand-in';
$server->stop;
done_testing();
