# What several whole-server tests share: servers, a database with a row of
# every kind, and what it holds.
package Leadterra;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(small_or_long seed start_server fill contents all_rows all_rows_query check_calls commands dump_text
  kill_server kill_backend);

# What ends a test is said where its results are, too: STDERR is a log.
$SIG{__DIE__} = sub { diag($_[0]) unless $^S };

# The workspace that fill() uses beside the default one.
use constant OTHER_WORKSPACE => '00000000-0000-7000-8000-0000000000b2';

# The first count, or with scripts/test --long the second.
sub small_or_long { return $ENV{LEADTERRA_LONG} ? $_[1] : $_[0] }

# A seed, which is printed: LEADTERRA_SEED=0.5 scripts/test servers NAME repeats a run.
sub seed
{
	my $seed = $ENV{LEADTERRA_SEED} // sprintf '%.6f', rand;
	diag("seed $seed");
	return $seed;
}

# Starts a new server with databases in UTF-8; settings are lines of its
# configuration.
sub start_server
{
	my ($name, $settings) = @_;
	my $server = PostgreSQL::Test::Cluster->new($name);

	$server->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
	$server->append_conf('postgresql.conf', "jit = off\nlog_statement = none\n" . ($settings // ''));
	$server->start;
	return $server;
}

# Returns the commands for the shell that a page has a test run, each to be run as it is
# but for words that stand for others.
sub commands
{
	my ($page, $test, %words) = @_;
	my $text = slurp_file("$FindBin::RealBin/../../$page");
	my @commands = map { split /\n/ } $text =~ /^<!-- run by \Q$test\E -->\n```sh\n(.*?)^```$/gms;

	die "$page has no commands for $test" unless @commands;
	for my $word (keys %words) { s/\b\Q$word\E\b/$words{$word}/g for @commands }
	return @commands;
}

# Fills the tables of the extension, whose functions are in a schema, with rows
# of every kind: campaigns in every state, leads with every field, without an
# address, on a list, and suppressed, enrollments in every state, several batches,
# and jobs that wait, are worked on and are finished.
sub fill
{
	my ($server, $database, $schema) = @_;
	my $other = OTHER_WORKSPACE;

	$server->safe_psql($database, <<"SQL");
SET search_path TO $schema;
SELECT lt_create_campaign('Draft', '[{"subject": "Hi {{firstName}}", "bodyHtml": "<p>1</p>"}]') AS draft \\gset
SELECT lt_create_campaign('Running', '[
    {"subject": "Hi {{firstName|there}}", "bodyHtml": "<p>{{company}}</p>"},
    {"subject": "Again", "bodyHtml": "tab\\there, back\\\\slash, line\\nbreak, \\\\.", "delayDays": 3}
]') AS running \\gset
SELECT lt_create_campaign('Paused', '[{"subject": "Hi", "bodyHtml": "Hi"}]') AS paused \\gset
SELECT lt_create_campaign('No steps');

SELECT lt_suppress('{kim\@example.org, blocked.example}', 'complaint');
SELECT lt_suppress('{*.deep.example}');
SELECT lt_create_api_key('Key');
SELECT set_config('request.headers', '{"x-original-uri": "/v1/suppression-list", "idempotency-key": "key"}', false), lt_http_write('{"emails": ["http\@example.org"]}');
SELECT lt_set_lead_limit(100000), lt_set_unsubscribe_url('https://example.com/u/');
SELECT lt_forget('forgotten\@example.org');
SELECT lt_block('{partner.example}', lt_create_blocklist('Partners'));
SELECT lt_add_leads('[{"email": "listed\@example.com"}, {"first_name": "No address"}, {"email": "forgotten\@example.org"}, {"email": "twin\@example.com"}]', list_id => lt_create_list('List'));
SELECT lt_merge_leads(t.lead_id, l.lead_id) FROM lt_leads t, lt_leads l WHERE t.email = 'twin\@example.com' AND l.email = 'listed\@example.com';
SELECT lt_bulk_upsert(:'draft', '[{"email": "draft\@example.com"}]');
SELECT lt_bulk_upsert(:'running',
    (SELECT jsonb_agg(jsonb_build_object('email', format('lead-%s\@example.com', i), 'firstName', format('Lead %s', i)))
     FROM generate_series(1, 2500) i)
    || '[{"email": "kim\@example.org"}, {"email": "x\@blocked.example"}]');
SELECT lt_bulk_upsert(:'running', '[
    {"email": " All\@Example.com ", "firstName": "Ann", "lastName": "O''Neil", "company": "tab\\there, back\\\\slash, line\\nbreak",
     "jobTitle": "\\\\.", "phone": "", "website": "https://example.com/?a=\\u00e4&b=\\ud83d\\ude00", "personalization": "\\\\N",
     "leadValue": "NULL", "interestStatus": -2147483648, "assignedTo": "019cc043-e39c-7d91-a325-6615db0e1b14",
     "size": 1.0, "big": 123456789012345678901234567890.5, "yes": true, "list": [1, null, {"a": "\\t"}], "": "no name",
     "customFields": {"city": "Ulm", "nested": {"deep": [[]]}}},
    {"email": "m\\u00fcller\@b\\u00fccher.example"}
]');
SELECT lt_bulk_upsert(:'paused', (SELECT jsonb_agg(jsonb_build_object('email', format('lead-%s\@example.com', i)))
    FROM generate_series(1, 20) i));
SELECT lt_start_campaign(:'running');
SELECT lt_start_campaign(:'paused');
SELECT lt_pause_campaign(:'paused');

SELECT lt_create_campaign('Sent', '[{"subject": "1", "bodyHtml": "1", "bodyText": "tab\\there", "preheader": "back\\\\slash", "headers": {"X-A": "\\u00e4"}, "variants": [{}, {"weight": 2}]}, {"subject": "2", "bodyHtml": "2"}]') AS sent \\gset
SELECT lt_bulk_upsert(:'sent', (SELECT jsonb_agg(jsonb_build_object('email', format('sent-%s\@example.com', i)))
    FROM generate_series(1, 10) i));
SELECT lt_start_campaign(:'sent');
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(10, '1 day', :'sent')) l;
-- What waits would keep the lease that it follows from.
UPDATE leadterra.batches SET after_lease_id = NULL;
SELECT lt_maintain('0');
SELECT lt_bulk_upsert(:'sent', (SELECT jsonb_agg(jsonb_build_object('email', format('sent-%s\@example.com', i)))
    FROM generate_series(11, 30) i));
SELECT lease_id AS lease, min(message_id::text) AS message FROM lt_claim_messages(5, '1 day', :'sent') GROUP BY 1 \\gset
SELECT lt_fail_messages(:'lease', ARRAY[:'message']::uuid[], 'tab\there, back\\slash', true);
SELECT lt_complete_messages(:'lease');
SELECT lt_record_event(:'message', 'opened', '{"at": "\\t"}'), lt_record_event(:'message', 'bounced', '{"bounceType": "soft"}'), lt_set_soft_bounce_limit(10);
SELECT lt_release_lease(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(2, '1 day', :'sent')) l;
SELECT count(*) FROM lt_claim_messages(3, '1 day', :'sent', 'worker');

SELECT lt_create_webhook('https://example.com/?a=back\\slash&b=1', leadterra.webhook_events()), lt_create_webhook('https://gone.example/', '{campaign.paused}', :'paused');
SELECT lt_start_campaign(:'paused'), lt_pause_campaign(:'paused'), lt_start_campaign(:'paused'), lt_pause_campaign(:'paused');
SELECT lt_finish_delivery(lease_id, delivery_id, CASE url WHEN 'https://gone.example/' THEN 410 ELSE 500 END, 'tab\there, back\\slash', 5) FROM lt_claim_deliveries(2, '1 day');
UPDATE leadterra.webhooks SET resting_until = NULL;
SELECT lt_finish_delivery(lease_id, delivery_id, 200) FROM lt_claim_deliveries(1, '1 day');
SELECT count(*) FROM lt_claim_deliveries(1, '1 day');

SELECT lt_create_sender('ann\@sender.example', '{"name": "back\\\\slash, \\u00c4", "replyTo": "b\\u00fccher\@b\\u00fccher.example", "dailyLimit": 40, "timeZone": "Asia/Kathmandu", "gapSeconds": 5, "transport": "smtp"}') AS ann,
    lt_create_sender('bob\@sender.example', '{"status": "warming", "rampFrom": 5, "rampStep": 2}') AS bob, lt_create_sender('gone\@sender.example') AS gone \\gset
SELECT lt_create_pool('Pool') AS pool \\gset
SELECT lt_set_pool_senders(:'pool', ARRAY[:'ann', :'bob']::uuid[]), lt_delete_sender(:'gone', :'ann');
SELECT lt_set_sending(:'paused', format('{"poolId": "%s", "dailyLimit": 30, "bounceLimit": 0.05, "stopOnAutoReply": true, "schedule": {"schedules": [{"timing": {"from": "09:00", "to": "17:00"}, "days": {"1": true}, "timezone": "Asia/Tokyo"}]}}', :'pool')::jsonb);
SELECT lt_remove_leads(:'running', '{lead-1\@example.com, lead-2\@example.com}');
SELECT lt_delete_leads('{lead-3\@example.com}');
SELECT lt_delete_leads('{lead-4\@example.com, lead-5\@example.com}');
UPDATE leadterra.enrollments e SET status = s.status
FROM unnest('{replied, bounced, unsubscribed}'::text[]) WITH ORDINALITY AS s (status, i)
JOIN lt_leads l ON l.email = format('lead-%s\@example.com', i + 10)
WHERE e.campaign_id = :'running' AND e.lead_id = l.lead_id;
INSERT INTO leadterra.jobs (workspace_id, job_id, type, lead_ids, campaign_id, created_at, updated_at)
SELECT w, lt_uuidv7(), 'verify_leads', (SELECT array_agg(lead_id) FROM lt_leads), :'running', now(), now()
FROM unnest(ARRAY[lt_current_workspace(), '$other']) w CROSS JOIN generate_series(1, 3);
SELECT lt_finish_job(lease_id) FROM lt_claim_job();
SELECT lt_job_progress(lease_id, 50, '1 day') FROM lt_claim_job(worker => 'worker');

CREATE TEMP TABLE list (email text, first_name text, note text);
INSERT INTO list VALUES ('draft\@example.com', NULL, NULL), ('kim\@example.org', 'Kim', NULL), ('no address', E'tab\\there, back\\\\slash', '\\.');
CALL lt_import_table(:'draft', 'list', NULL, 2);

SET leadterra.workspace_id = '$other';
SELECT lt_create_campaign('Other workspace', '[{"subject": "s", "bodyHtml": "b"}]') AS other \\gset
SELECT lt_bulk_upsert(:'other', '[{"email": "lead-1\@example.com", "firstName": "Other"}]');
SELECT lt_start_campaign(:'other');
CALL lt_import_table(:'other', 'list', '{"email": "note"}');
SELECT lt_suppress('{other\@example.com}'), lt_create_list('Other list'), lt_create_api_key('Other key'), lt_create_sender('other\@sender.example'), lt_create_pool('Other pool'), lt_create_webhook('https://other.example/', '{campaign.paused}');
SELECT lt_pause_campaign(:'other'), lt_start_campaign(:'other');
SELECT lt_finish_delivery(lease_id, delivery_id, 200) FROM lt_claim_deliveries();
CALL lt_close_workspace('0197c043-e39c-7d91-a325-6615db0e1b14');
SQL
}

# Returns what a database holds, a text a table of the extension, a view (of
# each workspace), and the privileges of members; without some columns, if asked.
sub contents
{
	my ($server, $database, $schema, @without) = @_;
	my $row = "to_jsonb(t) - '{" . join(',', @without) . "}'::text[]";
	my %contents;
	my @workspaces = ('', OTHER_WORKSPACE);
	my @tables = split /\n/, $server->safe_psql($database,
		"SELECT oid::regclass FROM pg_class WHERE relnamespace = 'leadterra'::regnamespace AND relkind IN ('r', 'p')");

	for my $table (@tables)
	{
		$contents{$table} = $server->safe_psql($database, "SELECT $row FROM $table t ORDER BY t::text COLLATE \"C\"");
	}
	for my $view (map { "$schema.lt_$_" } qw(campaigns senders pools leads lists enrollments suppressions blocklists blocklist_entries messages jobs webhooks deliveries imports import_rejects api_keys))
	{
		for my $workspace (@workspaces)
		{
			$contents{"$view $workspace"} = $server->safe_psql($database,
				"SET leadterra.workspace_id = '$workspace'; SELECT $row FROM $view t ORDER BY t::text COLLATE \"C\"");
		}
	}
	$contents{privileges} = $server->safe_psql($database, <<'SQL');
SELECT pg_describe_object(d.classid, d.objid, 0), acl FROM pg_depend d
JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
LEFT JOIN pg_namespace n ON d.classid = 'pg_namespace'::regclass AND n.oid = d.objid
CROSS JOIN LATERAL (SELECT array_agg(a::text ORDER BY a::text) AS acl FROM unnest(coalesce(proacl, relacl, nspacl)) a) s
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
ORDER BY 1
SQL
	return \%contents;
}

# Returns a digest of each table of the extension, so that nothing that is written is missed.
sub all_rows
{
	my ($server, $database) = @_;
	return $server->safe_psql($database, all_rows_query());
}

# The statement that says it.
sub all_rows_query
{
	return "SELECT string_agg(md5(query_to_xml(format('SELECT t FROM %s t ORDER BY t::text', c.oid::regclass), true, true, '')::text), ' ' ORDER BY c.relname)"
	  . " FROM pg_class c WHERE c.relnamespace = 'leadterra'::regnamespace AND c.relkind = 'r'";
}

# Holds the calls to what they should do in a database that fill() filled.
sub check_calls
{
	my ($server, $database, $schema) = @_;
	my $sql = sub { $server->safe_psql($database, "SET search_path TO $schema; $_[0]") };
	my ($draft, $running, $paused, $sent) = map { "(SELECT campaign_id FROM lt_campaigns WHERE name = '$_')" } qw(Draft Running Paused Sent);
	my $state = 'name, status, leads_enrolled, queued_messages';

	is($sql->("SELECT $state, steps FROM lt_campaigns ORDER BY name"),
		"Draft|draft|1|0|1\nNo steps|draft|0|0|0\nPaused|paused|17|17|1\nRunning|running|2497|2494|2\nSent|running|30|26|2",
		"$database: counts of campaigns");
	is($sql->('SELECT state, reason, count(*) FROM lt_messages GROUP BY 1, 2 ORDER BY 1, 2'),
		"failed|tab\there, back\\slash|1\nleased||3\nqueued||2537\nsent||4\nskipped|bounced|1\nskipped|removed|2\nskipped|replied|1\nskipped|unsubscribed|1",
		"$database: messages");

	is($sql->("SELECT lt_complete_messages(lease_id) FROM leadterra.leases WHERE state = 'open'"), '3', "$database: a lease is completed");
	is($sql->("SELECT count(*), min(attempt) FROM lt_claim_messages(100, '1 minute', $sent)"), '12|1', "$database: and the rest is claimed");
	is($sql->("SELECT sent, failed, queued FROM lt_campaign_stats($sent)"), '17|1|17', "$database: statistics");
	is($sql->("SELECT * FROM lt_bulk_upsert($paused, (SELECT jsonb_agg(jsonb_build_object('email', email))"
			. " FROM lt_enrollments WHERE campaign_id = $paused))"),
		'0|17|0|17', "$database: known leads are updates");
	is($sql->("SELECT * FROM lt_bulk_upsert($running, (SELECT jsonb_agg(jsonb_build_object("
			. "'email', email, 'firstName', first_name, 'fresh', true)) FROM lt_leads WHERE email LIKE 'lead-%'))"),
		'2|2495|0|2497', "$database: and those that were removed are enrolled again");
	is($sql->("SELECT * FROM lt_bulk_upsert($running, "
			. q('[{"email": "new@example.com"}, {"email": "kim@example.org"}, {"email": "a@b.deep.example"}]') . ')'),
		'1|0|2|1', "$database: a new lead is enrolled, suppressed ones are not");

	is($sql->('SELECT reason FROM lt_is_suppressed($$FORGOTTEN@example.org$$)'), 'forgotten', "$database: an address that was forgotten is known by its hash");
	is($sql->('SELECT name, leads FROM lt_lists'), 'List|2', "$database: lists have their leads");

	is($sql->("SELECT lt_finish_job(lease_id) FROM leadterra.jobs WHERE worker = 'worker'"), 't', "$database: a job is finished");
	is($sql->('SELECT attempt, cardinality(lead_ids) FROM lt_claim_job()'), '1|2532', "$database: and the next one claimed");

	is($sql->("SELECT $state FROM lt_start_campaign($draft)"), 'Draft|running|1|1', "$database: first start");
	is($sql->("SELECT $state FROM lt_start_campaign($paused)"), 'Paused|running|17|17', "$database: start of a paused one");
	is($sql->("SELECT $state FROM lt_pause_campaign($running)"), 'Running|paused|2500|2497', "$database: pause");

	is($sql->(q(SELECT lt_delete_leads('{lead-6@example.com}'))), '1', "$database: delete a lead");
	is($sql->("SELECT $state FROM lt_campaigns WHERE name = 'Running'"), 'Running|paused|2499|2496', "$database: it is counted");
	is($sql->("SELECT count(*) FROM leadterra.enrollments e LEFT JOIN lt_leads l ON l.lead_id = e.lead_id"
			. ' WHERE e.workspace_id = lt_current_workspace() AND l.lead_id IS NULL'),
		'0', "$database: and leaves no enrollment");
	is($sql->("WITH gone AS (SELECT lt_delete_campaign($running)) SELECT count(*) FROM gone"), '1', "$database: delete a campaign");
	is($sql->('SELECT count(*) FROM leadterra.batches b LEFT JOIN leadterra.campaigns c USING (workspace_id, campaign_id)'
			. ' WHERE c.name IS NULL'),
		'0', "$database: it leaves no batch");
}

# Returns a dump as text.  Newer releases put a random key into each, unless
# one is given.
sub dump_text
{
	my ($server, $database) = @_;
	my ($help, $text, $errors) = ('', '', '');
	my @key;

	IPC::Run::run([ 'pg_dump', '--help' ], '>', \$help) or die "pg_dump --help failed";
	@key = ('--restrict-key=leadterra') if $help =~ /--restrict-key/;
	IPC::Run::run([ 'pg_dump', @key, '-d', $server->connstr($database) ], '>', \$text, '2>', \$errors)
	  or die "pg_dump failed: $errors";
	is($errors, '', "dump of $database says nothing");
	$text =~ s/^\\(?:un)?restrict .*\n//mg unless @key;
	return $text;
}

# Returns whether a process runs; one that nobody has waited for does not, if /proc tells.
sub runs
{
	my ($pid) = @_;
	return kill 0, $pid unless -e '/proc/self/stat';
	my $stat = -e "/proc/$pid/stat" ? eval { slurp_file("/proc/$pid/stat") } // '' : '';
	return $stat =~ /\) [^ZX] /;
}

# Kills all processes of a server at once, and returns when they have ended.
sub kill_server
{
	my ($server) = @_;
	my @pids = split /\n/, $server->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity');
	my $postmaster = (split /\n/, slurp_file($server->data_dir . '/postmaster.pid'))[0];

	$server->kill9;
	kill 'KILL', @pids;
	my $latest = time + 30;
	for my $pid ($postmaster, @pids)
	{
		1 while runs($pid) && time < $latest;
	}
	# While nobody has waited for an orphan, its lock files seem to be in use.
	unlink $server->data_dir . '/postmaster.pid', $server->host . '/.s.PGSQL.' . $server->port . '.lock';
	return;
}

# Kills a backend that is just making a call of that name, and returns when the
# server has started again; false if there is none.
sub kill_backend
{
	my ($server, $call) = @_;
	# The server accepts connections until it has seen the death; then all its processes are new.
	my $checkpointer = $server->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");

	for (1 .. 1000)
	{
		my $pid = $server->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%$call%'"
			  . ' AND pid <> pg_backend_pid() LIMIT 1');
		next if $pid eq '';
		kill 'KILL', $pid or return 0;
		$server->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'checkpointer' AND pid <> $checkpointer")
		  or die 'no recovery';
		return 1;
	}
	return 0;
}

1;
