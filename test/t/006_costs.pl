# What a bulk call costs, in counts that do not depend on the machine: how many
# statements it runs, how many index entries and pages it visits and how many
# bytes of WAL it writes, on small tables and on large ones, also where another
# session fills the tables after the plans were made; for the owner, and for a role
# that row-level security binds, whose plans are others.  And what it costs to find out
# what is due, whatever there is that is not, or does not run; and to look at the texts of a
# campaign with its leads, or to start it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Full images of pages depend on when a checkpoint was.
my $server = start_server('server', <<'CONF');
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track = none
autovacuum = off
full_page_writes = off
CONF
my $tmp = PostgreSQL::Test::Utils::tempdir();
# The owner is a superuser here, who may do all that the script does.
$server->safe_psql('postgres', 'CREATE ROLE owner SUPERUSER; CREATE ROLE bound; GRANT SET ON PARAMETER pg_stat_statements.track TO bound');

# What calls of 1,000 leads take: statements, where the suppression list is short
# (one more where it is long); and at most, index entries, pages and bytes of WAL
# a lead.  A lead is found through one index of three levels or so, its enrollment
# through another, and what a long list has of its domain through one more; to insert
# it takes three indexes and two tables.
my %costs = (
	fresh => [ 7, 2, 13, 850 ],
	unchanged => [ 4, 4, 10, 1 ],
	changed => [ 5, 5, 23, 500 ],
	'half new' => [ 8, 3, 14, 430 ],
	# lt_add_leads: looks the owner up and writes the variables, and looks for the limit also where it makes nobody.
	added => [ 10, 2, 13, 850 ],
	'added again' => [ 7, 4, 10, 1 ],
	'added, skipping' => [ 8, 6, 16, 1 ]);

# A script for one session: prepares plans on tables that are all but empty,
# then runs the kinds of calls, before and after another session loads leads.
my $load = "$tmp/load.sql";
append_to_file($load, <<'SQL');
SELECT lt_bulk_upsert((SELECT campaign_id FROM lt_campaigns WHERE name = 'loaded'), payload(:start + first, :leads / 10, 'load', false))
FROM generate_series(0, :leads - 1, :leads / 10) first;
SELECT lt_suppress(array_agg(format(CASE i % 5 WHEN 0 THEN 'loaded-%s-%s.example' WHEN 1 THEN '*.loaded-%s-%s.example' ELSE 'loaded-%s-%s@x.example' END, :leads, i)))
FROM generate_series(1, :leads / 2) i;
SQL

my $analyze_all = 'ANALYZE leadterra.leads, leadterra.enrollments, leadterra.suppressions, leadterra.list_members;';

# Runs the script in a database of its own, as a role, where the tables were looked
# at by ANALYZE while they were all but empty, or never; returns its lines.
sub run_as
{
	my ($role, $analyze) = @_;
	my $database = $analyze ? "${role}_analyzed" : $role;
	my $connection = $server->connstr($database);
	my $kinds = '';
	my $index_entries = "(SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'leadterra')";
	# The same of verdicts on 1,000 leads.
	my $verdicts = <<"SQL";
SELECT array_agg(lead_id) AS ids FROM (SELECT lead_id FROM leadterra.leads ORDER BY email LIMIT 1000) l \\gset
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT $index_entries AS before \\gset
SELECT lt_set_verification(:'ids', array_fill(-2, '{1000}')) AS verified \\gset
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT 'verdicts', :verified, ($index_entries - :before) / 1000.0;
SQL
	# And of looking up an address, and the leads of a list, moving them, and taking some out, by plans that are kept.
	my $rows_read = "$index_entries + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = 'leadterra')";
	my $lookups = <<"SQL";
INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id)
SELECT workspace_id, :'page', lead_id FROM leadterra.leads ORDER BY email LIMIT 100;
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT $rows_read AS before \\gset
EXECUTE address('someone\@blocked.example') \\gset
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT $rows_read AS between \\gset
EXECUTE page(:'page') \\gset
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT $rows_read AS after \\gset
SELECT lt_move_leads(array_agg(lead_id), from_list_id => :'page', to_list_id => :'list') AS moved FROM leadterra.list_members WHERE list_id = :'page' \\gset
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT 'look-ups', :addresses, :between - :before, :leads, (:after - :between) / 100.0, :moved, ($rows_read - :after) / 100.0;
SQL
	for my $removal (["lt_remove_from_list(:'list', :'gone')", "SELECT lead_id FROM leadterra.list_members WHERE list_id = :'list' LIMIT 100"],
		["lt_unsuppress(:'gone')", "SELECT entry FROM leadterra.suppressions WHERE entry LIKE '%\@x.example' LIMIT 100"],
		["lt_delete_leads(:'gone')", 'SELECT email FROM leadterra.leads LIMIT 100'])
	{
		$lookups .= <<"SQL";
SELECT array_agg(g) AS gone FROM ($removal->[1]) r (g) \\gset
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT $rows_read AS before \\gset
SELECT $removal->[0] AS removed \\gset
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT 'removals', :removed, ($rows_read - :before) / 100.0;
SQL
	}
	for my $tables ('empty', 'small', 'loaded', 'loaded and analyzed')
	{
		my $more = { small => 5_000, loaded => small_or_long(30_000, 100_000) }->{$tables};
		$kinds .= "\\! psql -X -q -o $tmp/load.out -d '$connection' -v start=${more}0 -v leads=$more -f $load\n" if $more;
		# Verdicts leave dead versions of leads, which look-ups would pass over.  Statistics would
		# make new plans.
		$kinds .= "$lookups$verdicts\\! psql -X -q -d '$connection' -c '$analyze_all'\n" if $tables =~ /analyzed/;
		$kinds .= "SELECT nextval('run') * 10000 AS first \\gset\n";
		for my $kind (['fresh', ':first', 'a'], ['unchanged', ':first', 'a'], ['changed', ':first', 'b'], ['half new', ':first + 500', 'b'],
			['added', ':first + 5000', 'a', q(campaign_id => :'campaign')], ['added again', ':first + 5000', 'a', q(campaign_id => :'campaign')],
			['added, skipping', ':first + 5000', 'a', q(list_id => :'list', skip_if_in_campaign => true, skip_if_in_list => true)])
		{
			my $leads = $kind->[3] ? "added($kind->[1], 1000, '$kind->[2]')" : "payload($kind->[1], 1000, '$kind->[2]', true)";
			my $call = $kind->[3] ? "counters(lt_add_leads(leads, $kind->[3]))" : q(lt_bulk_upsert(:'campaign', leads));
			$kinds .= <<"SQL";
CREATE TEMP TABLE input AS SELECT $leads AS leads;
SELECT pg_stat_statements_reset(), pg_stat_force_next_flush() \\g /dev/null
SELECT $index_entries AS before \\gset
SET pg_stat_statements.track = 'all';
SELECT $call AS result FROM input \\gset
SET pg_stat_statements.track = 'none';
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT '$tables|$kind->[0]', :'result', sum(calls) FILTER (WHERE NOT toplevel), ($index_entries - :before) / 1000.0,
    sum(shared_blks_hit + shared_blks_read) FILTER (WHERE toplevel AND query ~ 'AS result') / 1000,
    sum(wal_bytes) FILTER (WHERE toplevel AND query ~ 'AS result') / 1000
FROM pg_stat_statements;
DROP TABLE input;
SQL
		}
	}
	my $script = <<"SQL";
CREATE EXTENSION leadterra;
CREATE EXTENSION pg_stat_statements;
CREATE SEQUENCE run;
CREATE FUNCTION payload(first bigint, leads integer, title text, spread boolean) RETURNS jsonb LANGUAGE sql AS \$\$
    SELECT jsonb_agg(jsonb_build_object('email', format('%s-%s\@%s.example', left(md5(i::text), 6), i, i % 300),
        'firstName', 'First ' || i, 'lastName', 'Last ' || i, 'company', 'Company ' || i % 300, 'jobTitle', title,
        'useCase', 'case ' || i % 10) ORDER BY md5(i::text || spread))
    FROM generate_series(first, first + leads - 1) i
\$\$;
CREATE FUNCTION added(first bigint, leads integer, title text) RETURNS jsonb LANGUAGE sql AS \$\$
    SELECT jsonb_agg(jsonb_build_object('email', e -> 'email', 'first_name', e -> 'firstName', 'last_name', e -> 'lastName', 'company_name', e -> 'company',
        'job_title', e -> 'jobTitle', 'custom_variables', jsonb_build_object('useCase', e -> 'useCase')) ORDER BY n)
    FROM jsonb_array_elements(payload(first, leads, title, true)) WITH ORDINALITY a (e, n)
\$\$;
CREATE FUNCTION counters(answer jsonb) RETURNS text LANGUAGE sql AS
\$\$ SELECT string_agg(format('%s %s', key, value), ', ') FROM jsonb_each_text(answer - 'created_leads') WHERE value ~ '^[1-9][0-9]*\$' AND key <> 'total_sent' \$\$;
SELECT lt_create_campaign('loaded') \\g /dev/null
SELECT lt_create_list('measured') AS list \\gset
SELECT lt_create_list('page') AS page \\gset
SELECT lt_create_campaign('measured') AS campaign \\gset
SELECT lt_suppress('{blocked.example}') \\g /dev/null
SELECT lt_grant_api('bound', lt_current_workspace()) \\g /dev/null
GRANT USAGE ON SEQUENCE run TO bound;
-- Members of a list are put there by hand below.
GRANT INSERT ON leadterra.list_members TO bound;
GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO bound;
@{[$analyze ? $analyze_all : '']}
SET ROLE $role;
-- Plans are made here, for every kind of call.  The first temporary table would
-- change what search_path is, and so make new ones.
CREATE TEMP TABLE first ();
SELECT lt_bulk_upsert(:'campaign', payload(1, 3, 'a', true)) \\g /dev/null
SELECT lt_bulk_upsert(:'campaign', payload(1, 6, 'b', true)) \\g /dev/null
SELECT lt_add_leads(added(1, 9, 'b'), list_id => :'list', skip_if_in_campaign => true) \\g /dev/null
SELECT lt_add_leads(added(1, 12, 'b'), :'campaign') \\g /dev/null
SET plan_cache_mode = force_generic_plan;
SELECT lt_set_verification(array_agg(lead_id), array_agg(1)) FROM leadterra.leads \\g /dev/null
PREPARE address(text) AS SELECT count(*) AS addresses FROM lt_is_suppressed(\$1);
PREPARE page(uuid) AS SELECT count(*) AS leads FROM lt_list_leads(\$1);
EXECUTE address('nobody\@example.com') \\g /dev/null
EXECUTE page(:'page') \\g /dev/null
SELECT lt_move_leads(array_agg(lead_id), from_list_id => :'list', to_list_id => :'page') FROM leadterra.list_members WHERE list_id = :'list' \\g /dev/null
SELECT lt_move_leads(array_agg(lead_id), from_list_id => :'page', to_list_id => :'list') FROM leadterra.list_members WHERE list_id = :'page' \\g /dev/null
$kinds
SQL
	$server->safe_psql('postgres', "CREATE DATABASE $database");
	my ($status, $output, $errors) = $server->psql($database, $script, on_error_stop => 1);
	is($errors, '', "$database: calls succeed");
	return split /\n/, $output;
}

my %expected = (fresh => '(1000,0,0,1000)', unchanged => '(0,1000,0,1000)', changed => '(0,1000,0,1000)', 'half new' => '(500,500,0,1000)',
	added => 'leads_uploaded 1000', 'added again' => 'duplicated_leads 1000', 'added, skipping' => 'skipped_count 1000');
for my $as ([ 'owner', 0 ], [ 'bound', 0 ], [ 'bound', 1 ])
{
	my @lines = run_as(@$as);
	my $role = $as->[0] . ($as->[1] ? ', analyzed' : '');
	my (undef, $verified, $entries_verified) = map { split /\|/ } grep { /^verdicts/ } @lines;
	my (undef, $addresses, $rows_address, $leads, $rows_lead, $moved, $rows_moved) = map { split /\|/ } grep { /^look-ups/ } @lines;
	my @removals = map { [ split /\|/ ] } grep { /^removals/ } @lines;
	@lines = grep { !/^(?:verdicts|look-ups|removals)/ } @lines;
	is(scalar @lines, 28, 'all kinds of calls were made');
	for my $line (@lines)
	{
		my ($tables, $kind, $result, $statements, $entries, $pages, $wal) = split /\|/, $line;
		my $name = "$role, $kind, tables $tables";
		is($result, $expected{$kind}, "$name: result");
		note(sprintf '%s: %d statements, %.1f index entries, %.1f pages and %.0f bytes of WAL a lead',
			$name, $statements, $entries, $pages, $wal);
		is($statements, $costs{$kind}[0] + ($tables ne 'empty'), "$name: statements");
		cmp_ok($entries, '<=', $costs{$kind}[1], "$name: index entries");
		cmp_ok($pages, '<=', $costs{$kind}[2], "$name: pages");
		cmp_ok($wal, '<=', $costs{$kind}[3], "$name: WAL");
	}

	# Found to sort them, and again to lock them.
	is($verified, 1000, "$role, verdicts: leads that were changed");
	cmp_ok($entries_verified, '<=', 3, "$role, verdicts: index entries");

	# An address has a few entries that would match it; a lead is in a list and among the leads.
	is("$addresses $leads $moved", '1 100 100', "$role, look-ups: what is found");
	note("$role, look-ups: $rows_address rows for an address, $rows_lead a lead of a list, $rows_moved one that is moved");
	cmp_ok($rows_address, '<=', 10, "$role, look-ups: rows read for an address");
	cmp_ok($rows_lead, '<=', 3, "$role, look-ups: rows read for a lead of a list");
	cmp_ok($rows_moved, '<=', 10, "$role, look-ups: rows read for a lead that is moved");
	for my $of ('a list', 'the suppression list', 'the workspace')
	{
		my (undef, $removed, $rows) = @{ shift @removals };
		is($removed, 100, "$role, removals from $of");
		note("$role, removals from $of: $rows rows");
		cmp_ok($rows, '<=', 10, "$role, removals from $of: rows read");
	}
}

# What it takes to find what is due.  Another session adds campaigns of so many steps
# and a lead each, which waits at so many of them.
my $add = "$tmp/add.sql";
append_to_file($add, <<'SQL');
CREATE TEMP TABLE added AS SELECT lt_uuidv7() AS id FROM generate_series(1, :campaigns);
INSERT INTO leadterra.campaigns (workspace_id, campaign_id, name, status, started_at)
SELECT :'workspace', id, 'added', :'status', CASE WHEN :'status' <> 'draft' THEN now() - interval '1 day' END FROM added;
INSERT INTO leadterra.steps SELECT :'workspace', id, n, 's', repeat('b', 1000), :delay * 1440 FROM added, generate_series(1, :steps) n;
INSERT INTO leadterra.leads (workspace_id, lead_id, email) SELECT :'workspace', id, id || '@example.com' FROM added;
INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id) SELECT :'workspace', id, id FROM added;
SELECT leadterra.enqueue(:'workspace', id, n, now() - interval '1 hour', id) FROM added, generate_series(1, :waiting) n;
SQL

# Campaigns that are added to those before, and what three calls may take, in pages: a
# claim, lt_next_due(), and lt_sending_status() of the last campaign.  About ten of the
# latter are the planner's: it reads the first page of an index anew while that is empty, as
# those of what senders go on with are here.
my @queues = (
	[ 'drafts', [ 2000, 'draft', 1, 1, 0 ], [ 15, 30, 72 ] ],
	[ 'paused campaigns', [ 2000, 'paused', 1, 1, 0 ], [ 15, 30, 72 ] ],
	[ 'campaigns that have sent everything', [ 2000, 'running', 3, 0, 0 ], [ 20, 30, 77 ] ],
	[ 'campaigns with nothing due', [ 100, 'running', 3, 1, 30 ], [ 1000, 1000, 82 ] ],
	[ 'a hundred steps', [ 1, 'running', 100, 1, 30 ], [ 1000, 1000, 362 ] ],
	[ 'two campaigns with a message', [ 2, 'running', 1, 1, 0 ], [ 1100, 1000, 72 ] ]);

# Runs the calls as a role, by plans that were made when there were no campaigns; returns
# pages for each queue.
sub find_due
{
	my ($role) = @_;
	my $workspace = $server->safe_psql('due', 'SELECT lt_create_workspace()');
	$server->safe_psql('due', "SELECT lt_grant_api('bound', '$workspace')");
	my $script = <<"SQL";
SET leadterra.workspace_id = '$workspace';
CREATE FUNCTION pg_temp.pages(call text) RETURNS bigint LANGUAGE plpgsql SET search_path = public, pg_temp AS \$\$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM ' || call INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
END;
\$\$;
SET ROLE $role;
SELECT lt_claim_messages(1), lt_next_due() \\g /dev/null
SQL
	for my $queue (@queues)
	{
		my ($campaigns, $status, $steps, $waiting, $delay) = @{ $queue->[1] };
		$script .= <<"SQL";
\\! psql -X -q -o $tmp/add.out -d '@{[$server->connstr('due')]}' -v workspace=$workspace -v campaigns=$campaigns -v status=$status -v steps=$steps -v waiting=$waiting -v delay=$delay -f $add
SELECT campaign_id AS last FROM leadterra.campaigns ORDER BY campaign_id DESC LIMIT 1 \\gset
-- The first calls look things up in the catalog.
SELECT * FROM lt_claim_messages(1) \\g /dev/null
SELECT * FROM lt_sending_status(:'last') \\g /dev/null
SELECT pg_temp.pages('lt_claim_messages(1)'), pg_temp.pages('lt_next_due()'), pg_temp.pages(format('lt_sending_status(%L)', :'last'));
SQL
	}
	my ($status, $output, $errors) = $server->psql('due', $script, on_error_stop => 1);
	is($errors, '', "$role: what is due is looked for");
	is($server->safe_psql('due', "SELECT count(*) FROM leadterra.leases WHERE workspace_id = '$workspace' AND state = 'open'"), 2, "$role: and found");
	return map { [ split /\|/ ] } split /\n/, $output;
}

$server->safe_psql('postgres', 'CREATE DATABASE due');
$server->safe_psql('due', 'CREATE EXTENSION leadterra');
for my $role ('owner', 'bound')
{
	my @pages = find_due($role);
	for my $queue (@queues)
	{
		my ($name, undef, $most) = @$queue;
		my $taken = shift @pages;
		note("$role, $name: pages @$taken");
		cmp_ok($taken->[$_], '<=', $most->[$_], "$role, $name: pages of " . ('a claim', 'lt_next_due', 'lt_sending_status')[$_]) for 0 .. 2;
	}
}

# What people ask of a large campaign all day, a page of each, in pages: of so many leads a
# third have been sent the first step and wait for the second, and a few have ended.
my $large = small_or_long(100, 1000);
my $questions = <<"SQL";
CREATE EXTENSION leadterra;
SELECT lt_create_campaign('large', '[{"subject": "1", "bodyHtml": "b"}, {"subject": "2", "bodyHtml": "b"}]') AS campaign \\gset
CREATE PROCEDURE fill(campaign uuid) LANGUAGE plpgsql AS \$\$
DECLARE
    lease uuid;
BEGIN
    FOR n IN 1 .. $large LOOP
        PERFORM lt_bulk_upsert(campaign, (SELECT jsonb_agg(jsonb_build_object('email', format('lead-%s\@%s.example', i, i % 300)))
            FROM generate_series(n * 1000 - 999, n * 1000) i));
        COMMIT;
    END LOOP;
    PERFORM lt_start_campaign(campaign);
    FOR n IN 1 .. $large / 3 LOOP
        SELECT c.lease_id INTO lease FROM lt_claim_messages(1000) c LIMIT 1;
        PERFORM lt_complete_messages(lease);
        COMMIT;
    END LOOP;
    SELECT c.lease_id INTO lease FROM lt_claim_messages(1000) c LIMIT 1;
    PERFORM lt_fail_messages(lease, ARRAY(SELECT m.message_id FROM lt_campaign_messages(campaign, 'leased') m), 'no', true);
    SELECT c.lease_id INTO lease FROM lt_claim_messages(1000) c LIMIT 1;
    PERFORM lt_remove_leads(campaign, ARRAY(SELECT format('lead-%s\@%s.example', i, i % 300) FROM generate_series(1, 50000, 37) i));
END;
\$\$;
CALL fill(:'campaign');
SELECT lt_grant_api('bound', lt_current_workspace()) \\g /dev/null
SELECT message_id AS sent FROM lt_campaign_messages(:'campaign', 'sent', max_messages => 1) \\gset
SELECT message_id AS queued, email FROM lt_campaign_messages(:'campaign', 'queued', max_messages => 1) \\gset
SELECT lead_id AS lead, next_after AS middle FROM lt_campaign_leads(:'campaign', max_leads => 5000) OFFSET 4999 \\gset
SELECT lease_id AS lease FROM lt_leases WHERE state = 'open' LIMIT 1 \\gset
CREATE FUNCTION pg_temp.pages(query text) RETURNS bigint LANGUAGE plpgsql SET search_path = public, pg_temp AS \$\$
DECLARE
    plan json;
BEGIN
    -- The first time looks things up in the catalog.
    EXECUTE query;
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) ' || query INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
END;
\$\$;
SQL
# Each with the names of the variables that take the places of %L.
my @questions = (
	[ 'lt_leases WHERE lease_id = %L', 'lease' ], [ 'lt_leases WHERE state = \'open\'' ],
	[ 'lt_get_message(%L)', 'sent' ], [ 'lt_get_message(%L)', 'queued' ],
	(map { [ "lt_campaign_leads(%L, $_)", 'campaign' ] } 'NULL', "'active'", "'removed'", "'replied'"),
	[ 'lt_campaign_leads(%L, \'active\', %L)', 'campaign', 'middle' ],
	(map { [ "lt_campaign_messages(%L, $_)", 'campaign' ] } 'NULL', map { "'$_'" } qw(queued retry leased sent failed skipped)),
	[ 'lt_leads WHERE email = %L', 'email' ], [ 'lt_leads ORDER BY lead_id DESC LIMIT 100' ],
	[ 'lt_lead_campaigns(%L)', 'lead' ], [ 'lt_explain_lead(%L, %L)', 'campaign', 'email' ]);
my $ask = '';
for my $question (@questions)
{
	my ($text, @names) = @$question;
	my $arguments = join '', map { ", :'$_'" } @names;
	$ask .= "SELECT pg_temp.pages(format(\$q\$SELECT * FROM $text\$q\$$arguments));\n";
}
$server->safe_psql('postgres', 'CREATE DATABASE questions');
my ($status, $answers, $errors) = $server->psql('questions', "${questions}$ask\nSET ROLE bound;\n$ask", on_error_stop => 1);
is($errors, '', 'people ask of a large campaign');
my @answers = split /\n/, $answers;
for my $role ('owner', 'bound')
{
	for my $question (@questions)
	{
		my $pages = shift @answers;
		note("$role, $question->[0]: $pages pages");
		ok($pages =~ /^\d+$/ && $pages <= 2000, "$role, $question->[0]: pages");
	}
}

# What lt_preflight takes does not grow with the number of tokens, and is little a lead where
# a campaign has most leads of a time; a start reads no leads.
my $leads = 20_000;
my ($dense, $sparse, $start) = split /\|/, $server->safe_psql('due', <<"SQL");
CREATE FUNCTION pg_temp.pages(call text) RETURNS bigint LANGUAGE plpgsql SET search_path = public, pg_temp AS \$\$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM ' || call INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
END;
\$\$;
SELECT jsonb_build_array(jsonb_build_object('subject', 's', 'bodyHtml', (SELECT string_agg(format('{{t%s}}', i), '') FROM generate_series(1, 50) i))) AS steps \\gset
SELECT lt_create_campaign('dense', :'steps') AS dense, lt_create_campaign('sparse', :'steps') AS sparse \\gset
SELECT lt_bulk_upsert(:'dense', '[{"email": "first\@example.com"}]') \\g /dev/null
SELECT lt_bulk_upsert(:'sparse', '[{"email": "first\@example.com"}]') \\g /dev/null
SELECT count(*) FROM lt_preflight(:'dense') d, lt_preflight(:'sparse') s \\g /dev/null
SELECT count(lt_bulk_upsert(:'dense', (SELECT jsonb_agg(jsonb_build_object('email', format('l%s\@example.com', first + i), 't1', i)) FROM generate_series(1, 1000) i)))
FROM generate_series(0, $leads - 1000, 1000) first \\g /dev/null
SELECT lt_bulk_upsert(:'sparse', (SELECT jsonb_agg(jsonb_build_object('email', format('l%s\@example.com', i))) FROM generate_series(100, $leads, 100) i)) \\g /dev/null
-- The first start looks things up in the catalog.
SELECT lt_start_campaign(:'sparse') \\g /dev/null
SELECT pg_temp.pages(format('lt_preflight(%L)', :'dense')), pg_temp.pages(format('lt_preflight(%L)', :'sparse')), pg_temp.pages(format('lt_start_campaign(%L)', :'dense'));
SQL
note("lt_preflight: pages $dense, of some leads $sparse; lt_start_campaign: $start");
cmp_ok($dense, '<=', 0.1 * $leads, 'lt_preflight: pages of a list');
cmp_ok($sparse, '<=', 8 * $leads / 100, 'lt_preflight: pages of some of it');
cmp_ok($start, '<=', 250, 'lt_start_campaign: pages');

# What steps have beside a subject and a body costs those alone that have it: statements and
# pages of claims of 100 messages of a first and of a second step, and of completing the first.
$server->safe_psql('postgres', 'CREATE DATABASE texts');
my %texts = (
	plain => '{"subject": "s", "bodyHtml": "b"}, {"subject": "t", "bodyHtml": "b", "delayDays": 0}',
	variants => '{"subject": "s", "bodyHtml": "b", "variants": [{}, {}]}, {"subject": "t", "bodyHtml": "b", "bodyText": "t", "preheader": "p", "headers": {"X-A": "a"}, "delayDays": 0, "variants": [{}, {}]}',
	threads => '{"subject": "s", "bodyHtml": "b"}, {"subject": "", "bodyHtml": "b", "delayDays": 0}');
my @kinds = sort keys %texts;
my $script = <<'SQL';
CREATE EXTENSION leadterra;
CREATE EXTENSION pg_stat_statements;
CREATE FUNCTION pg_temp.campaign(steps jsonb) RETURNS uuid LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    c uuid := lt_create_campaign('c', steps);
BEGIN
    PERFORM lt_bulk_upsert(c, (SELECT jsonb_agg(jsonb_build_object('email', format('l%s@example.com', i))) FROM generate_series(1, 100) i)), lt_start_campaign(c);
    RETURN c;
END;
$$;
SQL
# The second time plans are there.
for my $round (1, 2)
{
	for my $kind (@kinds)
	{
		$script .= "SELECT pg_temp.campaign('[$texts{$kind}]') AS c \\gset\n";
		for my $call ("(SELECT min(lease_id::text) FROM lt_claim_messages(100, '1 hour', :'c'))", "lt_complete_messages(:'result')", "(SELECT count(*) FROM lt_claim_messages(100, '1 hour', :'c'))")
		{
			$script .= <<"SQL";
SELECT pg_stat_statements_reset() \\g /dev/null
SET pg_stat_statements.track = 'all';
SELECT $call AS result \\gset
SET pg_stat_statements.track = 'none';
SQL
			$script .= "SELECT sum(calls) FILTER (WHERE NOT toplevel), sum(shared_blks_hit + shared_blks_read) FILTER (WHERE toplevel AND query ~ 'AS result') FROM pg_stat_statements;\n" if $round == 2;
		}
	}
}
my @costs = map { [ split /\|/ ] } split /\n/, $server->safe_psql('texts', $script);
my %taken = map { $_ => [ splice @costs, 0, 3 ] } @kinds;
note("$_: " . join ', ', map { "$_->[0] statements and $_->[1] pages" } @{ $taken{$_} }) for @kinds;
for my $number (0 .. 2)
{
	my $call = ('a claim', 'completing it', 'a claim of the next step')[$number];
	is($taken{variants}[$number][0], $taken{plain}[$number][0], "variants: statements of $call");
	cmp_ok($taken{variants}[$number][1], '<=', $taken{plain}[$number][1] + 10, "variants: pages of $call");
	is($taken{threads}[$number][0], $taken{plain}[$number][0] + ($number == 2 ? 2 : 0), "threads: statements of $call");
	cmp_ok($taken{threads}[$number][1], '<=', $taken{plain}[$number][1] + ($number == 2 ? 30 : 10), "threads: pages of $call");
}

# How many are enrolled, which every bulk call over HTTP tells, is not asked of what waits.
# Nor of batches: they are counted in a few rows, however many there are.
my ($total, $rows, $plan) = split /^-$/m, $server->safe_psql('texts', <<'SQL');
SELECT lt_create_campaign('many') AS many \gset
SELECT count(lt_bulk_upsert(:'many', jsonb_build_array(jsonb_build_object('email', format('m%s@example.com', i))))) FROM generate_series(1, 1000) i \g /dev/null
SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'many';
\echo -
SELECT count(*) FROM leadterra.enrolled_counts WHERE campaign_id = :'many';
\echo -
EXPLAIN (ANALYZE) SELECT leads_enrolled FROM leadterra.campaign_states;
SQL
is($total + 0, 1000, 'the total of a campaign');
cmp_ok($rows, '<=', 62, '... is in a few rows');
like($plan, qr/ batches .*never executed/, '... and walks no batches');
unlike($plan, qr/ waiting | steps | leads /, '... nor anything else of size');

# What webhooks cost: statements and pages of claiming and completing 1,000 messages, and of an
# event; and what 100,000 messages write to the outbox.
$server->safe_psql('postgres', 'CREATE DATABASE webhooks');
my $rounds = 100;
my $told = <<'SQL';
CREATE EXTENSION leadterra;
CREATE EXTENSION pg_stat_statements;
CREATE FUNCTION pg_temp.measured(call text, OUT statements bigint, OUT pages bigint, OUT rows_told bigint) LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    before constant bigint := count(*) FROM leadterra.webhook_outbox;
BEGIN
    PERFORM pg_stat_statements_reset(), set_config('pg_stat_statements.track', 'all', false);
    EXECUTE call;
    PERFORM set_config('pg_stat_statements.track', 'none', false);
    SELECT sum(calls), sum(shared_blks_hit + shared_blks_read) INTO statements, pages FROM pg_stat_statements WHERE query ~ 'leadterra\.';
    rows_told := (SELECT count(*) FROM leadterra.webhook_outbox) - before;
END;
$$;
SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}]') AS c \gset
SELECT count(lt_bulk_upsert(:'c', (SELECT jsonb_agg(jsonb_build_object('email', format('l%s-%s@example.com', n, i))) FROM generate_series(1, 1000) i))) FROM generate_series(1, :rounds + 8) n \g /dev/null
SELECT lt_start_campaign(:'c') \g /dev/null
SQL
my @asked = ('no webhook', 'a webhook for replies', 'a webhook for what is sent', 'a webhook for all');
my $round = <<'SQL';
SELECT lease_id AS lease, message_id AS id FROM lt_claim_messages(1000) LIMIT 1 \gset
SELECT lt_complete_messages(:'lease') \g /dev/null
SELECT lt_record_event(:'id', 'opened') \g /dev/null
SELECT * FROM pg_temp.measured('SELECT count(*) FROM lt_claim_messages(1000)');
SELECT lease_id AS lease FROM leadterra.leases WHERE state = 'open' \gset
SELECT * FROM pg_temp.measured(format('SELECT lt_complete_messages(%L)', :'lease'));
SELECT * FROM pg_temp.measured(format('SELECT lt_record_event(%L, ''clicked'')', :'id'));
SQL
my @created = ('', map { "SELECT count(*) FROM lt_create_webhook('https://a.example', $_) \\g /dev/null\n" } q('{reply.received}'), q('{message.sent}'), 'leadterra.webhook_events()');
$told =~ s/:rounds/$rounds/;
my @lines = split /\n/, $server->safe_psql('webhooks', $told . join('', map { "$_$round" } @created));
# What each took before there were webhooks.
my %before = ('a claim' => 9, 'completing it' => 3, 'an event' => 3);
my %pages;
for my $number (0 .. 3)
{
	for my $call ('a claim', 'completing it', 'an event')
	{
		my ($statements, $pages, $rows) = split /\|/, shift @lines;
		note("$asked[$number], $call: $statements statements, $pages pages, $rows rows of the outbox");
		$pages{$call} //= $pages;
		my $wanted = { 'completing it' => [ 0, 0, 1, 2 ], 'an event' => [ 0, 0, 0, 1 ] }->{$call};
		is($rows, $wanted ? $wanted->[$number] : 0, "$asked[$number], $call: rows of the outbox");
		# An insert, and for campaign.finished a look at what waits.
		is($statements, $before{$call} + ($rows > 0) + ($rows > 1), "$asked[$number], $call: statements");
		cmp_ok($pages, '<=', $pages{$call} + 10 * $rows, "$asked[$number], $call: pages");
	}
}
my ($size, $told_rows) = split /\|/, $server->safe_psql('webhooks', <<"SQL");
DELETE FROM leadterra.webhooks;
SELECT count(*) FROM lt_create_webhook('https://a.example', '{message.sent}') \\g /dev/null
CREATE PROCEDURE send() LANGUAGE plpgsql AS \$\$
BEGIN
    FOR n IN 1 .. $rounds LOOP
        PERFORM lt_complete_messages(lease_id) FROM lt_claim_messages(1000) LIMIT 1;
        COMMIT;
    END LOOP;
END;
\$\$;
CALL send();
SELECT sum(pg_column_size(o)), count(*) FROM leadterra.webhook_outbox o;
SQL
is($told_rows, $rounds, 'a lease of 1,000 messages is a row of the outbox');
note("100,000 messages: $size bytes of outbox");
cmp_ok($size, '<', 100_000, '100,000 messages write less than 100 kB of outbox');

$server->stop;
done_testing();
