# Plans of the statements in C: the same whoever prepared them, whatever the settings
# of the session are.  auto_explain tells what runs in a call, and by which plan.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Leadterra;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = start_server('server', "autovacuum = off\n");

# Statements are texts in the library.
my $library = slurp_file($server->config_data('--pkglibdir') . '/leadterra.so');
my %statements = map { $_ => 1 } grep { /^\(?(?:SELECT|INSERT|UPDATE|DELETE|WITH) .*\bleadterra\./ } split /\0/, $library;
my $declared = () = join('', map { slurp_file($_) } glob "$FindBin::RealBin/../../src/*.c") =~ /^static Statement /mg;
is(scalar keys %statements, $declared, 'every statement is found in the library');

# Who waits for a range that another session holds is a matter of isolation tests.
my ($unreached) = grep { /^SELECT FROM leadterra\.waiting .* FOR UPDATE$/ } keys %statements;

# Calls that reach all of the others, in parts that do not depend on each other.
my $ids = <<'SQL';
SELECT campaign_id AS draft FROM lt_campaigns WHERE name = 'Draft' \gset
SELECT campaign_id AS running FROM lt_campaigns WHERE name = 'Running' \gset
SELECT campaign_id AS paused FROM lt_campaigns WHERE name = 'Paused' \gset
SELECT campaign_id AS sent FROM lt_campaigns WHERE name = 'Sent' \gset
SELECT list_id AS list FROM lt_lists WHERE name = 'List' \gset
SELECT blocklist_id AS blocklist FROM lt_blocklists WHERE name = 'Partners' \gset
SELECT array_agg(lead_id) AS leads FROM (SELECT lead_id FROM lt_leads WHERE email LIKE 'lead-7%' ORDER BY email LIMIT 3) l \gset
SQL
my $steps = q('[{"subject": "{{firstName}} {{unsubscribeUrl}}", "bodyHtml": "{{city}}"}, {"subject": "2", "bodyHtml": "2"}]');
my @parts = (<<"SQL",
SELECT lt_create_campaign('New', $steps) AS new \\gset
SELECT lt_set_steps(:'new', $steps), lt_rename_campaign(:'new', 'Newer'), lt_set_campaign_owner(:'new', lt_uuidv7());
SELECT lt_copy_campaign(:'new'), lt_delete_campaign(:'new'), lt_set_steps(:'paused', '[{"subject": "3", "bodyHtml": "3"}]');
SELECT lt_start_campaign(:'draft'), lt_pause_campaign(:'running');
SELECT count(*) FROM lt_preflight(:'running');
SELECT count(*) FROM lt_preflight(:'draft');
SELECT lt_create_campaign('Sparse', $steps) AS sparse \\gset
SELECT lt_bulk_upsert(:'sparse', '[{"email": "lead-10\@example.com"}, {"email": "lead-90\@example.com"}]');
SELECT count(*) FROM lt_preflight(:'sparse');
SQL
	<<"SQL",
SELECT lt_create_sender('new\@sender.example') AS new, lt_create_pool('New') AS pool \\gset
SELECT lt_update_sender(:'new', '{"dailyLimit": 5, "timeZone": "Asia/Tokyo"}'), lt_rename_pool(:'pool', 'Newer'), lt_set_pool_senders(:'pool', ARRAY[:'new']::uuid[]);
SELECT lt_set_sending(:'draft', format('{"poolId": "%s", "dailyLimit": 5}', :'pool')::jsonb), lt_set_sending(:'draft', '{"poolId": null, "dailyLimit": null}'), lt_delete_pool(:'pool'), lt_delete_sender(:'new');
SELECT lt_set_sending(:'sent', '{"dailyNewLeads": 0}');
SELECT count(*) FROM lt_forecast(:'running', '{"dailyLimit": 5}');
SELECT lt_create_pool('Forecast') AS pool \\gset
SELECT count(*) FROM lt_forecast(:'draft', jsonb_build_object('poolId', :'pool'));
SELECT lt_next_due();
SELECT lt_create_sender('another\@sender.example') AS another, lt_create_pool('Another') AS pool \\gset
SELECT lt_set_pool_senders(:'pool', ARRAY[:'another']::uuid[]), lt_set_sending(:'running', format('{"poolId": "%s", "dailyLimit": 100, "bounceLimit": 0.01}', :'pool')::jsonb);
SELECT lt_release_lease(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(1, '1 hour', :'running')) l;
SELECT lt_next_due();
DELETE FROM leadterra.campaign_usage WHERE campaign_id = :'running';
SELECT min(lease_id::text) AS lease, array_agg(message_id) AS ids FROM lt_claim_messages(30, '1 hour', :'running') \\gset
SELECT lt_complete_messages(:'lease', (:'ids'::uuid[])[1:25]), lt_bounce_messages(:'lease', (:'ids'::uuid[])[26:26], 'no'), lt_delete_sender(:'another');
SELECT lt_complete_messages(:'lease');
SQL
	<<"SQL",
SELECT lt_bulk_upsert(:'running', '[{"email": "lead-50\@example.com", "firstName": "Changed"}, {"email": "new\@example.com"}, {"email": "forgotten\@example.org"}]');
SELECT count(*) FROM lt_bulk_upsert_report(:'paused', '[{"email": "lead-50\@example.com"}, {"email": "x\@blocked.example"}]', dry_run => true);
SELECT count(*) FROM lt_bulk_upsert_report(:'draft', (SELECT jsonb_agg(jsonb_build_object('email', format('dry-%s\@example.com', i))) FROM generate_series(1, 500) i), dry_run => true);
SELECT lt_remove_leads(:'running', '{lead-50\@example.com, lead-51\@example.com}'), lt_restart_leads(:'running', '{lead-50\@example.com}');
SELECT lt_bulk_upsert(:'running', '[{"email": "lead-51\@example.com"}]');
SQL
	<<"SQL",
SELECT lt_add_leads('[{"email": "lead-60\@example.com", "custom_variables": {"city": "Ulm"}}, {"email": "more\@example.com"}]', campaign_id => :'draft', verify_leads_on_import => true);
SELECT lt_add_leads('[{"email": "lead-61\@example.com"}, {"email": "even-more\@example.com"}, {"first_name": "No address"}]', list_id => :'list', blocklist_id => :'blocklist');
SELECT count(*) FROM lt_list_leads(:'list');
SELECT count(*) FROM lt_get_message((SELECT message_id FROM lt_messages LIMIT 1));
SELECT lt_add_leads('[{"email": "lead-63\@example.com"}]', list_id => :'list', skip_if_in_campaign => true, skip_if_in_list => true);
SELECT lt_add_leads('[{"email": "lead-62\@example.com"}]', list_id => :'list', skip_if_in_workspace => true, skip_if_in_campaign => true, skip_if_in_list => true);
SELECT lt_set_lead_limit(1000000);
SELECT lt_add_leads('[{"email": "counted\@example.com"}]', list_id => :'list'), lt_bulk_upsert(:'draft', '[{"email": "counted-too\@example.com"}]');
UPDATE leadterra.lead_limits SET lead_count = 1;
SELECT lt_bulk_upsert(:'draft', '[{"email": "counted-three\@example.com"}]');
SELECT count(lt_bulk_upsert(:'sent', jsonb_build_array(jsonb_build_object('email', format('folded-%s\@example.com', i))))) FROM generate_series(1, 70) i;
SELECT lt_set_lead_limit(NULL);
SQL
	<<"SQL",
SELECT lt_create_list('New') AS new \\gset
SELECT lt_rename_list(:'new', 'Newer'), lt_draft_campaign('Made', '[{"subject": "s", "bodyHtml": "b"}]', '{"dailyLimit": 5}', :'new') \\g /dev/null
SELECT lt_move_leads(:'leads', from_campaign_id => :'running', to_list_id => :'new'), lt_enroll_list(:'new', :'draft'), lt_move_leads(:'leads', from_list_id => :'new', to_campaign_id => :'paused'), lt_move_leads_noted(:'leads', from_campaign_id => :'paused', to_list_id => :'new');
SELECT lt_remove_from_list(:'list', (SELECT array_agg(lead_id) FROM lt_leads)), lt_delete_list(:'new');
SELECT lt_merge_leads((:'leads'::uuid[])[1], (:'leads'::uuid[])[2]), lt_forget('lead-79\@example.com'), lt_export_person('lead-78\@example.com');
SELECT lt_delete_lead((:'leads'::uuid[])[3]), lt_delete_leads('{lead-80\@example.com, lead-81\@example.com}');
SELECT lt_merge_leads((SELECT lead_id FROM lt_leads WHERE email = 'lead-83\@example.com'), (SELECT lead_id FROM lt_leads WHERE email IS NULL LIMIT 1));
SELECT lt_update_lead('lead-82\@example.com', '{"firstName": "Other", "city": "Ulm"}');
SELECT lt_change_lead((SELECT lead_id FROM lt_leads WHERE email = 'lead-82\@example.com'), '{"firstName": "Another"}');
SQL
	<<"SQL",
SELECT lease_id AS lease FROM lt_claim_job() \\gset
SELECT lt_job_progress(:'lease', 50), lt_finish_job(:'lease'), lt_set_verification(:'leads', '{1, 1, 1}');
SQL
	<<"SQL",
SELECT lt_suppress('{lead-90\@example.com, more.example}'), lt_unsuppress('{kim\@example.org, more.example}');
SELECT reason FROM lt_is_suppressed('forgotten\@example.org');
SELECT lt_create_blocklist('New') AS new \\gset
SELECT lt_block('{a\@b.example}', :'new'), lt_unblock('{a\@b.example}', :'new'), lt_delete_blocklist(:'new');
SQL
	<<"SQL",
SELECT webhook_id AS webhook FROM lt_create_webhook('https://plans.example', leadterra.webhook_events()) \\gset
SELECT lt_update_webhook(:'webhook', 'https://other.example'), lt_resume_webhook(:'webhook'), lt_start_campaign(:'paused'), lt_next_delivery();
SELECT lease_id AS lease, delivery_id AS delivery FROM lt_claim_deliveries(1) \\gset
SELECT lt_finish_delivery(:'lease', :'delivery', 200), lt_redeliver(:'delivery');
SELECT min(lease_id::text) AS lease, min(message_id::text) AS id FROM lt_claim_messages(2, '1 hour', :'sent') \\gset
SELECT lt_fail_messages(:'lease', ARRAY[:'id']::uuid[], 'no', true), lt_complete_messages(:'lease');
SELECT count(*) FROM lt_claim_deliveries(100);
SELECT lt_delete_webhook(:'webhook');
SQL
	<<"SQL",
SELECT lt_set_unsubscribe_url('https://example.com/u/');
SELECT lt_set_postal_address('1 Main Street');
UPDATE leadterra.steps SET body_html = '{{postalAddress}} {{unsubscribeUrl}}';
SELECT min(lease_id::text) AS lease, array_agg(message_id) AS ids, min(substring(body_html, '/u/([^"]*)')) AS token FROM lt_claim_messages(8, '1 hour', :'sent') \\gset
SELECT lt_extend_lease(:'lease', '2 hours'), lt_fail_messages(:'lease', (:'ids'::uuid[])[1:1], 'no'), lt_defer_messages(:'lease', (:'ids'::uuid[])[2:2], '1 minute', 'no'), lt_complete_messages(:'lease', (:'ids'::uuid[])[3:6]), lt_unsubscribe(:'token');
SELECT lt_complete_messages(:'lease'), lt_record_event((:'ids'::uuid[])[5], 'bounced', '{"bounceType": "hard"}'), lt_record_event((:'ids'::uuid[])[4], 'replied', '{"classification": "out_of_office"}'), lt_record_event((:'ids'::uuid[])[6], 'replied'), lt_record_event((:'ids'::uuid[])[3], 'bounced', '{"bounceType": "soft"}'), lt_record_event((:'ids'::uuid[])[6], 'opened');
SELECT lt_classify_reply(reply_id, 'interested') FROM lt_replies WHERE message_id = (:'ids'::uuid[])[4];
SELECT lease_id AS lease, message_id AS id FROM lt_claim_messages(1, '1 hour', :'sent') \\gset
SELECT lt_bounce_messages(:'lease', ARRAY[:'id'::uuid], 'no'), lt_set_soft_bounce_limit(3);
SELECT lt_release_lease(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(2, '1 hour', :'sent')) l;
SELECT count(*) FROM lt_step_stats(:'sent'), lt_daily_stats(:'sent'), lt_campaign_stats(:'sent');
UPDATE leadterra.waiting SET losses = 5, lost_at = waiting_since WHERE campaign_id = :'sent';
SELECT count(*) FROM lt_claim_messages(1, '1 hour', :'sent');
SELECT count(*) FROM lt_claim_messages(10);
SELECT lt_create_campaign('Thread', '[{"subject": "1", "bodyHtml": "1"}, {"subject": "", "bodyHtml": "2", "delayDays": 0}]') AS thread \\gset
SELECT lt_bulk_upsert(:'thread', '[{"email": "thread\@example.com"}]'), lt_start_campaign(:'thread');
SELECT lt_complete_messages(lease_id) FROM lt_claim_messages(1, '1 hour', :'thread');
SELECT lease_id AS lease, subject FROM lt_claim_messages(1, '1 hour', :'thread') \\gset
SELECT lt_complete_messages(:'lease'), lt_pause_campaign(:'thread'), lt_set_steps(:'thread', '[{"subject": "1", "bodyHtml": "1"}, {"subject": "", "bodyHtml": "2"}, {"subject": "3", "bodyHtml": "3"}]');
SELECT lt_continue_campaign(:'thread');
SET leadterra.now = '2040-01-01';
SELECT count(*) FROM lt_claim_messages(10);
RESET leadterra.now;
SELECT lt_set_unsubscribe_url(NULL);
SQL
	<<"SQL",
SELECT set_config('request.headers', '{"x-original-uri": "/v1/suppression-list", "idempotency-key": "new"}', true), lt_http_write('{"emails": ["http-too\@example.org"]}');
SELECT count(*) FROM lt_due_workspaces(), lt_due_deliveries(), lt_health();
SELECT lt_maintain('0');
SELECT lt_create_workspace('Forgetful') AS forgetful \\gset
SET leadterra.workspace_id = :'forgetful';
SELECT lt_forget('first\@example.org');
RESET leadterra.workspace_id;
SELECT lt_create_api_key('New') AS key \\gset
SELECT lt_authenticate(:'key');
SELECT lt_use_workspace((SELECT min(workspace_id::text)::uuid FROM leadterra.workspaces));
SQL
);
# It commits, and so has no part in that.
my $import = "\nCREATE TEMP TABLE source AS SELECT 'imported' AS email, NULL AS first_name; CALL lt_import_table(:'draft', 'source'); SELECT leadterra.import_runs(import_id) FROM lt_imports;\n";

# Runs the parts in a session, which begins with some SQL, in a new copy of a database.
# Returns the plans that each statement had, without what they were thought to cost.
sub plans
{
	my ($name, $database, $begin, @order) = @_;
	my $script = "${ids}LOAD 'auto_explain';\n\\set SHOW_CONTEXT never\n$begin;\n"
	  . 'SET auto_explain.log_level = notice; SET auto_explain.log_nested_statements = on; SET auto_explain.log_min_duration = 0;'
	  . join('', map { "\nBEGIN;\n${_}ROLLBACK;" } @order) . $import;
	$server->safe_psql('postgres', 'DROP DATABASE IF EXISTS copy');
	$server->safe_psql('postgres', "CREATE DATABASE copy TEMPLATE $database");
	my ($status, $output, $messages) = $server->psql('copy', $script, on_error_stop => 1);
	my %plans;

	is($status, 0, "$name: calls succeed") or diag($messages =~ /^(.*ERROR.*)$/m);
	for (split /^psql:\S+ /m, $messages)
	{
		my ($statement, $plan) = /\ANOTICE:  duration: \N+ plan:\nQuery Text: (\N+)\n(.*)\z/s or next;
		push @{ $plans{$statement} }, $plan =~ s/  \(cost=[^)]*\)$//mgr if $statements{$statement};
	}
	return \%plans;
}

# Settings of the planner, all at their lowest or highest, but for those that make parallel plans.
sub all_settings
{
	my ($extreme) = @_;
	my ($switch, $value) = $extreme eq 'lowest' ? ('off', 'min_val') : ('on', 'max_val');
	return "SELECT set_config(name, CASE WHEN vartype = 'bool' THEN '$switch' ELSE $value END, false) FROM pg_settings\n"
	  . "WHERE 'EXPLAIN' = ANY (pg_settings_get_flags(name)) AND vartype IN ('bool', 'integer', 'real') AND name !~ 'parallel|jit|temp_buffers'";
}

my %sessions = (
	'with calls in another order' => [ '', reverse @parts ],
	'with settings at their lowest' => [ all_settings('lowest') . '; SET constraint_exclusion = off; SET geqo = on', @parts ],
	'with settings at their highest' => [ all_settings('highest') . '; SET constraint_exclusion = on', @parts ],
	'that forces custom plans' => [ 'SET plan_cache_mode = force_custom_plan', @parts ],
	# One part of the calls will do.
	'that compiles all' => [ 'SET jit = on; SET jit_above_cost = 0', $parts[1] ]);

# Tables that nobody looked at by ANALYZE, and the same after it, with many workspaces beside.
$server->safe_psql('postgres', 'CREATE DATABASE new');
$server->safe_psql('new', 'CREATE EXTENSION leadterra');
fill($server, 'new', 'public');
$server->safe_psql('postgres', 'CREATE DATABASE analyzed TEMPLATE new');
$server->safe_psql('analyzed', <<'SQL');
SELECT count(lt_create_campaign('Other')), count(lt_add_leads('[{"email": "a@example.com"}]', list_id => lt_create_list('Other')))
FROM generate_series(1, 1000) CROSS JOIN LATERAL (SELECT set_config('leadterra.workspace_id', lt_uuidv7()::text, false)) w;
ANALYZE;
SQL

for my $database ('new', 'analyzed')
{
	my $calm = plans("$database: a session", $database, '', @parts);
	# The last is a loop that compares each row of a table with each of what is to go.
	my $bad = qr/(?:Seq|Bitmap \w+) Scan|(?:Hash|Merge) Join|^JIT|^( +)->  Index \N+\n(?:\1 \N+\n)*\1->  CTE Scan/m;
	is(join("\n", grep { !$calm->{$_} && $_ ne $unreached } sort keys %statements), '', "$database: every statement is reached");
	is(join("\n", grep { "@{ $calm->{$_} }" =~ $bad } sort keys %$calm), '', "$database: rows are found by index, in loops");
	for my $session (sort keys %sessions)
	{
		my ($begin, @order) = @{ $sessions{$session} };
		my $plans = plans("$database: a session $session", $database, $begin, @order);
		my ($same, @differ) = (0);
		for my $statement (sort keys %$plans)
		{
			my %known = map { $_ => 1 } @{ $calm->{$statement} };
			my ($other) = grep { !$known{$_} } @{ $plans->{$statement} };
			if ($other) { push @differ, "$statement\n$other\nand not\n$calm->{$statement}[0]" } else { $same++ }
		}
		is(join("\n", @differ), '', "$database: a session $session has the same plans");
		cmp_ok($same, '>=', @order < @parts ? 10 : keys %$calm, "$database: a session $session reaches the same statements");
	}
}

$server->stop;
done_testing();
