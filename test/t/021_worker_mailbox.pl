# The worker reads mailboxes: what comes back of a campaign reaches the database, once, and a
# mailbox full of other mail stays as it was.
use strict;
use warnings;

use Cwd;
use Digest::SHA qw(hmac_sha256);
use File::Basename;
use FindBin;
use lib $FindBin::RealBin;

use IO::Socket::INET;
use IPC::Run;
use Leadterra;
use Mail;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = dirname(dirname(dirname(Cwd::abs_path(__FILE__))));
my $program = $ENV{LEADTERRA_WORKER} // "$root/worker/leadterra-worker";
my $foreign = small_or_long(400, 5000);
my $key = 'a key for return paths, of many bytes';

need_mail_server();
plan skip_all => "there is no $program" unless -x $program;
start_mail_server();

my $server = start_server('server');
my $folder = PostgreSQL::Test::Utils::tempdir_short;
my $state = "$folder/state";
mkdir $state or die "state: $!";

sub sql { return $server->safe_psql('postgres', $_[0]) }

# Writes a file that only its owner can read.
sub write_secret
{
	my ($file, $text) = @_;
	my $old = umask 077;
	PostgreSQL::Test::Utils::append_to_file($file, $text);
	umask $old;
	return $file;
}

my $password_file = write_secret("$folder/password", $mail_password);
write_secret("$folder/key", $key);

my $common = <<"CONF";
[worker]
state = $state
[database]
connection = host=@{[ $server->host ]} port=@{[ $server->port ]} dbname=postgres user=worker
[return-path]
address = bounces\@acme.example
key-file = $folder/key
CONF

# A group of the configuration that names a mailbox.
sub mailbox
{
	my ($name, %settings) = @_;
	my %all = (host => 'localhost', port => $mail_port{imap}, tls => 'starttls', user => 'replies',
		'password-file' => $password_file, 'ca-file' => "$mail_folder/ca.pem", timeout => 20, %settings);
	return join "\n", "[mailbox $name]", (map { "$_ = $all{$_}" } sort keys %all), '';
}

my $files = 0;

# Reads mailboxes once; returns whether all could be read, and what was said.
sub look
{
	my (@groups) = @_;
	my $file = "$folder/" . ++$files . '.conf';
	my $log = '';

	PostgreSQL::Test::Utils::append_to_file($file, $common . join '', @groups);
	my $is_read = IPC::Run::run([ $program, '--config', $file, '--once' ], '<', '/dev/null', '>', '/dev/null', '2>', \$log,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	unlike($log, qr/\Q$mail_password\E|\Q$key\E/, 'nothing secret is said');
	return ($is_read, $log);
}

# Looks at the mailbox of replies, which must be possible.
sub look_well
{
	my ($name, %settings) = @_;
	my ($is_read, $log) = look(mailbox('replies', %settings));
	ok($is_read, "$name: the mailbox is read") or diag($log);
	return $log;
}

my $box = "$mail_folder/mail/replies";
my $mails = 0;

# Puts a mail into the mailbox, with flags if it has been seen.
sub put
{
	my ($text, $flags) = @_;
	my $name = sprintf '17%08d.M%dP%d.test', $mails, $mails++, $$;
	my $path = defined $flags ? "$box/cur/$name:2,$flags" : "$box/new/$name";

	mkdir $_ for $box, "$box/tmp", "$box/new", "$box/cur";
	PostgreSQL::Test::Utils::append_to_file($path, $text);
	return;
}

# Files of mails, whose names have the flags, and what they say.
sub box_contents
{
	return { map { $_ => slurp_file($_) } glob "$box/new/* $box/cur/*" };
}

sub base32
{
	my $bits = unpack 'B*', $_[0];
	$bits .= '0' x (-length($bits) % 5);
	return join '', map { ('a' .. 'z', 2 .. 7)[ oct "0b$_" ] } $bits =~ /.{5}/g;
}

# The return path of a message, with its proof.
sub return_path
{
	my ($id) = @_;
	my $bytes = pack 'H*', $id =~ s/-//gr;
	return 'bounces+' . base32($bytes . substr hmac_sha256("leadterra return path\0$bytes", $key), 0, 8) . '@acme.example';
}

# A report on a delivery, RFC 3464.
sub bounce
{
	my ($id, $status, $to, $action) = @_;
	$action //= 'failed';
	return <<"MAIL";
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON\@mx.example>
To: $to
Delivered-To: $to
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b"
Message-ID: <$mails-report\@mx.example>

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; lead\@example.com
Action: $action
Status: $status
Diagnostic-Code: smtp; 550 $status no

--b
Content-Type: message/rfc822

Message-ID: <$id\@acme.example>
Subject: Hi

Hi
--b--
MAIL
}

sub complaint
{
	my ($id, $to, $email) = @_;
	return <<"MAIL";
From: <fbl\@provider.example>
To: $to
Delivered-To: $to
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: test/1
Version: 1
Original-Rcpt-To: $email

--b
Content-Type: message/rfc822

Message-ID: <$id\@acme.example>
Subject: Hi

Hi
--b--
MAIL
}

sub reply
{
	my ($id, $subject, $body, $headers) = @_;
	$headers //= '';
	return <<"MAIL";
Return-Path: <lead\@example.com>
From: Lead <lead\@example.com>
To: replies\@acme.example
Subject: $subject
Message-ID: <$mails-reply\@example.com>
In-Reply-To: <$id\@acme.example>
References: <$id\@acme.example>
${headers}Content-Type: text/plain; charset=utf-8

$body
MAIL
}

# Mail of others, seen or not, marked, answered; some of it is about messages of other systems.
sub put_foreign
{
	for my $i (1 .. $foreign)
	{
		my $body = "Some text.\n" x 20;
		my $uuid = sprintf '%08x-0000-7000-8000-%012x', $i, $i;
		my $text = $i % 50 == 1 ? bounce($uuid, '5.1.1', 'other@acme.example') : $i % 50 == 2 ? reply($uuid, 'Re: other', $body)
		  : $i % 50 == 3 ? complaint($uuid, 'abuse@acme.example', 'x@example.com')
		  : "Return-Path: <f$i\@example.net>\nFrom: F <f$i\@example.net>\nTo: replies\@acme.example\nSubject: Mail $i\n"
		  . "Message-ID: <m$i\@example.net>\nReferences: <m$i.0\@example.net>\n\n$body";
		put($text, (undef, '', 'S', 'FS', 'RS', 'T')[ $i % 6 ]);
	}
	return;
}

sub events
{
	return sql(<<'SQL');
SELECT concat_ws(' ', regexp_replace(l.email, '@.*', ''), e.type, e.data ->> 'bounceType', e.data ->> 'classification')
FROM leadterra.events e JOIN lt_leads l USING (lead_id) ORDER BY l.email, e.type, e.data::text
SQL
}

sub enrollments { return sql("SELECT string_agg(regexp_replace(email, '\@.*', '') || ' ' || status, ', ' ORDER BY email) FROM lt_enrollments WHERE status <> 'active'") }
sub suppressions { return sql("SELECT string_agg(entry || ' ' || reason, ', ' ORDER BY entry) FROM lt_suppressions") }

# A campaign whose first step was sent to everybody; the id of each message by the lead's name.
my @names = qw(away auto complains forged gone hard huge late literal nobody not_ours rejected replies soft stops twice);
sql(<<"SQL");
CREATE EXTENSION leadterra;
SELECT lt_create_campaign('C', '[{"subject": "Hi", "bodyHtml": "Hi"}, {"subject": "Again", "bodyHtml": "Hi", "delayDays": 3}]') AS campaign \\gset
SELECT lt_bulk_upsert(:'campaign', '[@{[ join ', ', map { qq({"email": "$_\@example.com"}) } @names ]}]');
SELECT lt_start_campaign(:'campaign');
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(1000)) l;
CREATE ROLE worker LOGIN;
SELECT lt_grant_worker('worker', lt_current_workspace());
SQL
my %id = map { split /\|/ } split /\n/,
  sql("SELECT regexp_replace(l.email, '\@.*', ''), m.message_id FROM lt_messages m JOIN lt_leads l USING (lead_id) WHERE m.step = 1");
is(scalar keys %id, scalar @names, 'every lead has a message');
sql("SELECT lt_delete_leads('{gone\@example.com}')");

put_foreign();
my $before = box_contents();
my $log = look_well('other mail');
is_deeply(box_contents(), $before, 'a mailbox of other mail is left as it was: names, flags and contents');
is(events(), '', 'and nothing of it is an event');
ok(-s "$state/mailbox-replies", 'how far it was read is remembered');

put(bounce($id{hard}, '5.1.1', return_path($id{hard})));
put(bounce($id{soft}, '5.2.2', 'ann@acme.example'), 'S');
put(bounce($id{late}, '4.4.1', return_path($id{late}), 'delayed'));
put(complaint($id{complains}, 'abuse@acme.example', 'complains@example.com'));
# A report that proves nothing suppresses no address that it names.
put(complaint($id{gone}, 'abuse@acme.example', 'victim@example.com'));
put(complaint('01234567-89ab-7000-8000-000000000000', 'abuse@acme.example', 'victim@example.com'));
put(bounce($id{gone}, '5.1.1', return_path($id{gone})));
put(reply($id{replies}, 'Re: Hi', 'Tell me more.'));
put(reply($id{away}, 'Re: Hi', 'I am away.', "Auto-Submitted: auto-replied\n"));
put(reply($id{stops}, 'unsubscribe', 'unsubscribe'));
# What looks like a server's answer is text; and so is what is after a very long line.
put(reply($id{literal}, 'Re: Hi', "Hello.\r\nL3 OK done\r\n)\r\n* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\nA001 OK x\r\n"));
put(reply($id{huge}, 'Re: Hi', "Look at this.\n" . ('x' x 900 . "\n") x 14_000));
put("In-Reply-To: <" . ($id{nobody} =~ s/-/\0\xff\xfe/r) . "\@acme.example>\nContent-Type: multipart/mixed; boundary=\"\n\n\0\0\0" . "\xff" x 5000);
put('');
put(reply($id{twice}, 'Re: Hi', 'Once.'));
put(reply($id{twice}, 'Re: Hi', 'Twice.'));

$before = box_contents();
$log = look_well('what came back');
is_deeply(box_contents(), $before, 'what came back is left as it was, too');
is(events(), <<'EVENTS' =~ s/\n\z//r, 'what came back is recorded');
away replied out_of_office
complains complained
hard bounced hard
huge replied
literal replied
replies replied
soft bounced soft
stops replied unsubscribe
twice replied
twice replied
EVENTS
is(enrollments(), 'complains unsubscribed, hard bounced, huge replied, literal replied, replies replied, stops unsubscribed, twice replied',
	'and ends sequences; nobody is stopped by an automatic reply, a soft bounce, or a delay');
is(suppressions(), 'complains@example.com complained, hard@example.com hard_bounce, lead@example.com hard_bounce, stops@example.com unsubscribed',
	'and suppresses: of a lead that is gone, only what a return path proves');
like(sql("SELECT data ->> 'threadSnippet' FROM leadterra.events e JOIN lt_leads l USING (lead_id) WHERE l.email = 'replies\@example.com'"),
	qr/^Tell me more\.$/, 'a reply is quoted');
like(sql("SELECT data ->> 'bounceReason' FROM leadterra.events e JOIN lt_leads l USING (lead_id) WHERE l.email = 'hard\@example.com'"),
	qr/550 5\.1\.1/, 'the reason of a bounce is kept');

# Again, from the first mail: nothing changes.
my ($events, $enrollments, $suppressions) = (events(), enrollments(), suppressions());
sub check_unchanged
{
	my ($name) = @_;
	is(events(), $events, "$name: no event is new");
	is(enrollments(), $enrollments, "$name: nobody's state is new");
	is(suppressions(), $suppressions, "$name: nobody is suppressed");
	return;
}

look_well('nothing new');
check_unchanged('nothing new');
unlink "$state/mailbox-replies";
look_well('the state is lost');
check_unchanged('the state is lost');
PostgreSQL::Test::Utils::append_to_file("$state/mailbox-replies", "nonsense\n");
$log = look_well('the state is broken');
like($log, qr/first mail/, 'a broken state is said');
check_unchanged('the state is broken');
unlink glob "$box/dovecot*";
look_well('the server gives new UIDs');
check_unchanged('new UIDs');
is_deeply(box_contents(), $before, 'and the mailbox is as it was');

# Two workers, one of them with no state of its own.
my $saved = $common;
mkdir "$folder/other" or die "other: $!";
$common =~ s/state = .*/state = $folder\/other/;
look_well('a second worker');
check_unchanged('a second worker');
$common = $saved;

# While the database is away nothing is lost.
put(reply($id{auto}, 'Re: Hi', 'Hello.'));
put(bounce($id{rejected}, '5.1.1', 'ann@acme.example'));
$server->stop;
my ($is_read, $said) = look(mailbox('replies'));
ok(!$is_read, 'without the database a mailbox cannot be read');
$server->start;
look_well('the database is back');
like(events(), qr/^auto replied\n.*\nrejected bounced hard\n/ms, 'what came meanwhile is recorded');

# Every way to connect, and ways that are refused.
my $user = 0;
for my $way ([ 'none', 'imap' ], [ 'starttls', 'imap' ], [ 'implicit', 'imaps' ])
{
	my ($tls, $port) = @$way;
	unlink "$state/mailbox-replies";
	look_well("TLS $tls", tls => $tls, port => $mail_port{$port});
	ok(-s "$state/mailbox-replies", "TLS $tls: it was read");
}
my $wrong = write_secret("$folder/wrong", 'not the password');
for my $case (
	[ 'a wrong password', 'password-file' => $wrong ],
	[ 'another authority', 'ca-file' => '/etc/ssl/certs/ca-certificates.crt' ],
	[ 'no folder of that name', folder => 'Nowhere "\\' ],
	[ 'another server', port => $mail_port{mx}, timeout => 1 ],
	[ 'TLS where there is none', tls => 'implicit' ])
{
	my ($name, %settings) = @$case;
	put(reply($id{not_ours}, 'Re: Hi', 'Hello.')) if $name eq 'a wrong password';
	my ($is_read, $log) = look(mailbox('bad', %settings), mailbox('replies'));
	ok(!$is_read, "$name is an error");
	like($log, qr/^[^\n]*bad: /m, "$name: it is said of that mailbox");
	unlike($log, qr/replies: (?!mail)/, "$name: and of no other");
	like(events(), qr/^not_ours replied$/m, "$name: others are read");
}

# A server that says nothing keeps no other waiting for long.
my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "socket: $!";
put(reply($id{late}, 'Re: Hi', 'Hello.'));
($is_read, $log) = look(mailbox('silent', host => '127.0.0.1', port => $silent->sockport, tls => 'none', timeout => 1), mailbox('replies'));
ok(!$is_read, 'a server that says nothing is an error');
like(events(), qr/^late replied$/m, 'and others are read');

# A folder with a name of its own.
mkdir $_ for map { "$box/.Rückläufer &Co/$_" =~ s/Rückläufer &Co/R&APw-ckl&AOQ-ufer &-Co/r =~ s{/$}{}r } '', 'new', 'cur', 'tmp';
$box = "$box/.R&APw-ckl&AOQ-ufer &-Co";
put(reply($id{soft}, 'Re: Hi', 'Hello.'));
look_well('a folder', folder => 'Rückläufer &Co');
like(events(), qr/^soft replied$/m, 'a folder with a name in UTF-8 is read');

done_testing();
