# What a key may try over HTTP to get out of its workspace: every function and
# view that PostgREST offers, with the ids of another workspace.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Gateway;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;

need_programs('postgrest');
# One connection, which serves all keys in turn.
set_up(PGRST_DB_POOL => 1, PGRST_OPENAPI_MODE => 'follow-privileges');

my $json = JSON::PP->new->canonical->allow_nonref;
my ($ours, $theirs) = @{ $json->decode(sql("\\set schema api\n" . slurp_file("$FindBin::RealBin/../workspace.sql")
		  . "SELECT jsonb_build_array(pg_temp.fill('A'), pg_temp.fill('B'))")) };

# Rows of the other workspace, as they were written.
sub rows_of_b
{
	return sql("SELECT string_agg(query_to_xml(format('SELECT ctid, xmax, t FROM %s t WHERE workspace_id = %L ORDER BY ctid', c.oid::regclass, '$theirs->{workspace}'), true, true, '')::text, '')"
		  . " FROM pg_class c WHERE c.relnamespace = 'leadterra'::regnamespace AND c.relkind = 'r'");
}

# What A has, B has, and nobody has for each argument that names something of a workspace.
my %names = (
	campaign_id => 'campaign', from_campaign_id => 'campaign', to_campaign_id => 'draft', list_id => 'list', from_list_id => 'list', to_list_id => 'other_list',
	blocklist_id => 'blocklist', lead_id => 'lead', destination_lead_id => 'lead', after => 'lead', message_id => 'message', lease_id => 'lease', email => 'email',
	sender_id => 'sender', move_to => 'other_sender', pool_id => 'pool', webhook_id => 'webhook', delivery_id => 'delivery', reply_id => 'reply');
my %lists = (sender_ids => 'sender', lead_ids => 'lead', message_ids => 'message', emails => 'email', entries => 'email');
# The others.
my %other_arguments = (
	leads => [ { email => 'new@example.com' } ], name => 'x', steps => [], patch => { phone => '1' }, lease_for => '1 minute', error => 'x', progress => 50, wait => '1 minute', soft_bounces => 3, lead_limit => 1000,
	step => 1, classification => 'interested', settings => {}, assume => {}, url => 'https://x.example/', events => ['message.sent'], status_code => 200, statuses => [1], type => 'opened', owner => undef, base_url => 'https://example.com/', address => '1 Main Street', label => 'x', id => '00000000-0000-0000-0000-000000000000', prefix => 'x', source => 'x',
	max => 1, max_leads => 10, max_messages => 10, data => {}, mapping => {}, reason => 'x', worker => 'x', scopes => ['all:all'], keep => '1 day',
	api_key => 'x', token => 'x', role => 'api', workspace_id => $theirs->{workspace}, key_id => $theirs->{key_id});
# Of these, one alone is given.
my %twin = ('lt_add_leads campaign_id' => 'list_id', 'lt_move_leads from_campaign_id' => 'from_list_id', 'lt_move_leads to_campaign_id' => 'to_list_id',
	'lt_move_leads_noted from_campaign_id' => 'from_list_id', 'lt_move_leads_noted to_campaign_id' => 'to_list_id');
%twin = (%twin, map { my ($function) = /^(\w+)/; "$function $twin{$_}" => (split / /)[1] } keys %twin);

# What comes of an argument of B.  What may be named by all, or is not looked up, is 200.
my %status = ((map { $_ => 404 } qw(campaign_id list_id blocklist_id lead_id destination_lead_id message_id sender_id sender_ids move_to pool_id webhook_id delivery_id reply_id from_campaign_id to_campaign_id from_list_id to_list_id)),
	lease_id => 409, after => 200, emails => 200, email => 200, entries => 200, lead_ids => 200, message_ids => 404);
my %exceptions = (
	'lt_explain_lead email' => 404, 'lt_update_lead email' => 404, 'lt_campaign_messages after' => 400, 'lt_finish_delivery delivery_id' => 409);
# These take nothing of a workspace, by a name of an argument.
my %without = map { $_ => 1 } qw(lt_claim_deliveries lt_claim_job lt_create_blocklist lt_create_campaign lt_create_list lt_create_pool lt_create_sender lt_draft_campaign lt_current_workspace lt_from_typeid lt_http_read lt_http_write
  lt_next_delivery lt_next_due lt_pre_request lt_set_postal_address lt_set_soft_bounce_limit lt_set_unsubscribe_url lt_typeid lt_uuidv7 lt_authenticate lt_unsubscribe lt_workspace_slot);
my @administrative = split /\n/, sql("SELECT member FROM leadterra.privileges() WHERE member LIKE 'lt\\_%' AND privilege LIKE 'EXECUTE%' AND NOT 'api' = ANY (groups)");

my @functions = map { $json->decode($_) } split /\n/, sql(<<'SQL');
SELECT json_build_object('name', p.proname, 'needed', p.pronargs - p.pronargdefaults, 'arguments', coalesce(p.proargnames[1:p.pronargs], '{}'))
FROM pg_proc p WHERE p.pronamespace = 'api'::regnamespace AND p.prokind = 'f' ORDER BY p.proname
SQL
my @views = split /\n/, sql("SELECT relname FROM pg_class WHERE relnamespace = 'api'::regnamespace AND relkind = 'v' ORDER BY 1");
cmp_ok(scalar(@functions), '>', 60, 'there are functions');
cmp_ok(scalar(@views), '>', 10, 'and views');

# Returns what an owner has for an argument, as it is sent.
sub value
{
	my ($owner, $argument) = @_;
	return $owner->{ $names{$argument} } if $names{$argument};
	return [ $owner->{ $lists{$argument} } ] if $lists{$argument};
	die "no value for argument $argument" unless exists $other_arguments{$argument};
	return $other_arguments{$argument};
}

# Returns the arguments of a call from A, of which one is of another owner.
sub arguments
{
	my ($function, $foreign, $owner) = @_;
	my %arguments;
	my $place = 0;

	for my $argument (grep { $_ ne '' } @{ $function->{arguments} })
	{
		my $needed = $place++ < $function->{needed};
		my $its_twin = $twin{"$function->{name} $argument"};
		next unless $needed || $names{$argument} || $lists{$argument};
		next if $argument ne $foreign && $its_twin && ($its_twin eq $foreign || $argument =~ /list_id$/);
		$arguments{$argument} = value($argument eq $foreign ? $owner : $ours, $argument);
	}
	return \%arguments;
}

# Makes a call; returns status and the text of the answer, where what names the foreign, and
# times, and an id that was just made, are left out.
sub outcome
{
	my ($function, $foreign, $owner) = @_;
	my ($status, $body) = rest_request('POST', "/rpc/$function->{name}", $ours->{key}, arguments($function, $foreign, $owner));
	my $sent = value($owner, $foreign);
	$sent = $sent->[0] if ref $sent;
	return ($status, $json->encode($body) =~ s/\Q$sent\E|^"[-0-9a-f]{36}"$|\d{4}-\d\d-\d\dT[\d:.]+/.../gr);
}

# An owner that does not exist, next to one that does.
sub nobody_like
{
	my ($owner) = @_;
	my %nobody = map { $_ => $owner->{$_} =~ s/(.)$/$1 eq '0' ? '1' : '0'/er } keys %$owner;
	$nobody{email} = 'q.only@example.com';
	return \%nobody;
}

# --- nothing of B is read, changed, or told

my $before = rows_of_b();
cmp_ok(length $before, '>', 5000, 'there is something to reach');
my $secret = join '|', map { quotemeta } values %$theirs;

# What is forgotten last is not known to the other calls.
for my $function (sort { ($a->{name} eq 'lt_forget') <=> ($b->{name} eq 'lt_forget') } @functions)
{
	my $name = $function->{name};
	my @foreign = grep { ($names{$_} || $lists{$_}) && "$name $_" ne 'lt_create_sender email' } @{ $function->{arguments} };

	next if grep { $_ eq $name } @administrative;
	ok((@foreign xor $without{$name}), "$name has a line");
	for my $foreign (@foreign)
	{
		my $expected = $exceptions{"$name $foreign"} // $status{$foreign};
		# The id of the workspace is that of its default block list.
		for my $owner ($theirs, $foreign eq 'blocklist_id' ? { %$theirs, blocklist => $theirs->{workspace} } : ())
		{
			my ($status, $text) = outcome($function, $foreign, $owner);
			my @nobody = outcome($function, $foreign, nobody_like($owner));

			is($status, $expected, "$name, $foreign of B") or diag($text);
			unlike($text, qr/$secret/, '... tells nothing of B');
			is_deeply([ $status, $text ], \@nobody, '... nor that it exists');
		}
	}
}
is(rows_of_b(), $before, 'all of that changed nothing of B');

for my $view (grep { $_ ne 'lt_api_keys' } @views)
{
	my ($status, $body) = rest_request('GET', "/$view", $ours->{key});
	is($status, 200, "$view is read");
	cmp_ok(scalar(@$body), '>', 0, '... and has something');
	unlike($json->encode($body), qr/$secret/, '... but nothing of B');
	for my $column (grep { $body->[0]{$_} && $body->[0]{$_} =~ /^[-0-9a-f]{36}$/ } sort keys %{ $body->[0] })
	{
		is_deeply((rest_request('GET', "/$view?$column=in.(" . join(',', grep { /^[-0-9a-f]{36}$/ } values %$theirs) . ')', $ours->{key}))[1], [], "... also by $column");
	}
	for my $method (qw(POST PATCH DELETE))
	{
		# The server's code: not granted, or not a view that can be changed.
		like((rest_request($method, "/$view", $ours->{key}, $method eq 'DELETE' ? undef : $body->[0]))[1]{code}, qr/^(?:0A000|42501|55000)$/, "... no $method");
	}
}
my @http = ('POST', '/rpc/lt_http_write', $ours->{key});
my @bytes = ('Content-Type' => 'application/octet-stream');
is((rest_request(@http, '', @bytes, 'X-Original-Uri' => "/v1/campaigns/$theirs->{campaign}/start"))[0], 404, 'a path that a client makes up reaches B no more');
is((rest_request(@http, $json->encode({ campaign_id => $theirs->{campaign}, leads => [ { email => 'x@example.com' } ] }), @bytes, 'X-Original-Uri' => '/api/v2/leads/add'))[1]{code}, 'campaign_not_found', 'nor does a body');
is((rest_request('GET', '/rpc/lt_http_read', $ours->{key}, undef, 'X-Original-Uri' => "/v1/replies?campaignId=$theirs->{campaign}"))[1]{code}, 'campaign_not_found', 'nor a query');
is(rows_of_b(), $before, 'and that changed nothing either');

# --- what is not for callers, and what is not there

for my $name (@administrative)
{
	my ($function) = grep { $_->{name} eq $name } @functions;
	my %arguments = map { $_ => value($ours, $_) } $function ? @{ $function->{arguments} } : ();
	my ($status, $body) = rest_request('POST', "/rpc/$name", $ours->{key}, \%arguments);
	# A procedure is not there for PostgREST, whoever asks.
	if (!$function)
	{
		is($status, 404, "procedure $name is not there");
		next;
	}
	is($status, 401, "$name is refused");
	is($body->{code}, '42501', '... by its privilege');
}
is((rest_request('GET', '/lt_api_keys', $ours->{key}))[0], 401, 'so are keys');
is((rest_request('GET', "/$_", $ours->{key}))[0], 404, "no table $_") for qw(leads campaigns workspaces api_keys pg_authid);
is((rest_request('POST', "/rpc/$_", $ours->{key}, { name => 'x', setting_name => 'leadterra.workspace_id', new_value => $theirs->{workspace}, is_local => JSON::PP::false }))[0], 404, "no function $_")
  for qw(set_config random_api_key enter pg_read_file query_to_xml);
for my $schema (qw(leadterra pg_catalog public))
{
	is((rest_request('GET', '/lt_leads', $ours->{key}, undef, 'Accept-Profile' => $schema))[0], 406, "no schema $schema");
	is((rest_request('POST', '/rpc/set_config', $ours->{key}, {}, 'Content-Profile' => $schema))[0], 406, '... to call');
}
like((rest_request('GET', "/lt_campaigns?select=*,$_", $ours->{key}))[0], qr/^4/, "no way to $_") for 'leads(*)', 'lt_leads(*)', 'api_keys(*)', 'lt_delete_campaign', 'pg_authid(*)';

my (undef, $described) = rest_request('GET', '/', $ours->{key});
my @described = sort grep { $_ ne '/' } keys %{ $described->{paths} };
is_deeply(\@described, [ sort((map { "/rpc/$_->{name}" } grep { my $name = $_->{name}; !grep { $_ eq $name } @administrative } @functions), map { "/$_" } grep { $_ ne 'lt_api_keys' } @views) ],
	'the description that PostgREST makes has what may be called, and no more');
for my $path (@described)
{
	my ($operation) = @{ $described->{paths}{$path} }{ $path =~ /rpc/ ? 'post' : 'get' };
	like($operation->{summary} // '', qr/^[A-Z].{5,119}$/, "$path has a summary");
	like($operation->{description} // '', qr/\w.{20}/, '... and a description') if $path =~ /rpc/;
}

# --- who has no key, one that is revoked, or says who else he is

for my $wrong (undef, '', 'sk_live_x', $ours->{key} . 'x')
{
	my @refused = map { (rest_request(@$_))[0] } (map { [ 'POST', "/rpc/$_->{name}", $wrong, $_->{needed} && !@{ $_->{arguments} } ? ('{}', 'Content-Type' => 'application/octet-stream') : arguments($_, '', $ours) ] }
		  grep { $_->{name} ne 'lt_unsubscribe' } @functions), (map { [ 'GET', "/$_", $wrong ] } @views);
	is(join(' ', grep { $_ != 401 } @refused), '', 'nothing is answered without a key');
}
my $token = join '.', map { encode_base64($_, '') =~ tr|+/=|-_|dr } '{"alg":"none","typ":"JWT"}', '{"role":"postgres"}', '';
like((rest_request('GET', '/lt_leads', undef, undef, Authorization => "Bearer $token"))[0], qr/^(?:401|500)$/, 'a token of the caller opens nothing');
is((rest_request('GET', '/lt_leads', $ours->{key}, undef, Role => 'postgres', 'X-Role' => 'postgres', 'Prefer' => 'tx=rollback, timezone=Mars'))[0], 200, 'nor does a header');

my $new_key = in_workspace($ours->{workspace}, "SELECT lt_create_api_key('short')");
is((rest_request('GET', '/lt_leads', $new_key))[0], 200, 'a key that is not revoked');
in_workspace($ours->{workspace}, "SELECT lt_revoke_api_key(key_id) FROM lt_api_keys WHERE label = 'short'");
is((rest_request('GET', '/lt_leads', $new_key))[0], 401, 'opens nothing when it is');

# --- one connection, keys in turn

my @served = map { (rest_request('POST', '/rpc/lt_current_workspace', $_, {}))[1] } ($ours->{key}, $theirs->{key}, 'sk_live_x', $theirs->{key}, undef, $ours->{key}) x 5;
is_deeply([ map { ref $_ ? 'none' : $_ } @served ], [ ($ours->{workspace}, $theirs->{workspace}, 'none', $theirs->{workspace}, 'none', $ours->{workspace}) x 5 ], 'each request is in the workspace of its key');

# --- what is quoted in an error becomes the reason phrase of the answer

my $breaking = "x\r\nSet-Cookie: a=b\r\n\r\n<html>";
my $quoted = 0;
for my $function (@functions)
{
	for my $argument (grep { $_ ne '' && (!exists $other_arguments{$_} || !ref $other_arguments{$_}) } @{ $function->{arguments} })
	{
		my %arguments = (%{ arguments($function, '', $ours) }, $argument => $lists{$argument} ? [$breaking] : $breaking);
		my (undef, $body, $headers) = rest_request('POST', "/rpc/$function->{name}", $ours->{key}, \%arguments);
		ok(!exists $headers->{'set-cookie'}, "$function->{name}, a line break in $argument");
		$quoted++ if ref $body eq 'HASH' && ($body->{code} // '') =~ /^PT/ && $body->{message} =~ /Set-Cookie/;
	}
}
cmp_ok($quoted, '>', 0, 'some errors quote it');

stop('postgrest');
$server->stop;
done_testing();
