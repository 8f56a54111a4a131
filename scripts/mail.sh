# scripts/demo --mail: a mail server, the worker and a receiver of webhooks on a server that
# lib.sh started, and a campaign that goes through all of them.  Everything listens on
# loopback, and stops with the script.

# Waits until a query says true, at most half a minute.
is_false() { [ "$(value "$1")" != t ]; }
wait_until() {
    wait_while is_false "$1"
    [ "$(value "$1")" = t ] || {
        tail -n 30 "$work"/*.log >&2
        die "This did not come true: $1"
    }
}

# Keeps what only the user who runs all of this may read.
keep() { "${as_user[@]}" sh -c 'umask 077 && cat >"$1"' sh "$work/$1"; }

is_silent() { ! grep -qsx ready "$work/mailserver.log"; }

start_mail_server() {
    "${as_user[@]}" mkdir "$work/mailserver"
    # Its input is open as long as this script runs.
    mkfifo "$work/input"
    exec 7<>"$work/input"
    "${as_user[@]}" "$root/scripts/mail-server" "$work/mailserver" "$LEADTERRA_MAIL" \
        >"$work/mailserver.log" 2>&1 <&7 7>&- 9>&- &
    program_pids="${program_pids:-} $!"
    wait_while is_silent
    ! is_silent || { cat "$work/mailserver.log" >&2; die "The mail server did not start."; }
    # The names of its ports: shellcheck does not follow.
    # shellcheck disable=SC1091
    . "$work/mailserver/ports"
}

start_receiver() {
    hook=$(free_port)
    shown=$(value "SELECT webhook_id || ' ' || secret FROM lt_create_webhook(
        'https://hooks.example.com/', '{message.sent, message.bounced, reply.received}')")
    printf '%s\n' "${shown#* }" | keep webhook.secret
    # No user can make a webhook that leads to this machine.
    value "UPDATE leadterra.webhooks SET url = 'https://localhost:$hook/'
        WHERE webhook_id = '${shown% *}'" >/dev/null
    start_program receiver "$root/examples/webhook.py" "$hook" "$work/webhook.secret" \
        "$work/mailserver/server.pem" "$work/mailserver/server.key"
}

start_worker() {
    "${as_user[@]}" sh -c 'umask 077 && head -c 32 /dev/urandom >"$1"' sh "$work/return-path.key"
    keep worker.conf <<CONF
[database]
connection = host=$PGHOST dbname=leadterra user=leadterra_worker

[return-path]
address = bounces@acmecorp.test
key-file = $work/return-path.key

[transport office]
host = localhost
port = $submission
tls = starttls
user = ann
password-file = $work/mailserver/password
ca-file = $work/mailserver/ca.pem

[mailbox bounces]
host = localhost
port = $imaps
tls = implicit
user = bounces
password-file = $work/mailserver/password
ca-file = $work/mailserver/ca.pem
every = 1

[mailbox replies]
host = localhost
port = $imaps
tls = implicit
user = ann
password-file = $work/mailserver/password
ca-file = $work/mailserver/ca.pem
every = 1

[webhooks]
ca-file = $work/mailserver/ca.pem
allow = 127.0.0.0/8
CONF
    start_program worker PGOPTIONS= \
        "$work/tree/worker/leadterra-worker" --config "$work/worker.conf"
}

# The mails of a user's mailbox that have a line.
mails_with() { grep -lrs -- "$2" "$work/mailserver/mail/$1/new" "$work/mailserver/mail/$1/cur"; }

demo_mail() {
    sql -c "CREATE DATABASE leadterra"
    export PGDATABASE=leadterra
    sql -c "CREATE EXTENSION leadterra" -c "CREATE ROLE leadterra_worker LOGIN"
    workspace=$(value "SELECT lt_create_workspace('Acme')")
    export PGOPTIONS="-c leadterra.workspace_id=$workspace"
    sql -c "SELECT lt_grant_worker('leadterra_worker', '$workspace')" >/dev/null
    sql -c "SELECT lt_set_unsubscribe_url('https://acmecorp.test/u/')" >/dev/null

    say "starting a mail server with mailboxes (Exim, Dovecot), a receiver of webhooks, the worker"
    start_mail_server
    start_receiver
    start_worker

    say "creating a sender, a pool, and a campaign of two steps, a minute apart"
    campaign=$(value "SELECT lt_create_campaign('Spring launch', '[
        {\"subject\": \"Grüße, {{firstName|hello}}\",
         \"bodyHtml\": \"<p>Who looks after outbound at <b>{{company}}</b>?</p><p>Ann</p>\"},
        {\"subject\": \"\", \"delay\": 1, \"delayUnit\": \"minutes\",
         \"bodyHtml\": \"<p>Shall I send an example?</p>\"}]')")
    sql -c "SELECT lt_set_sending('$campaign', jsonb_build_object('poolId', p)) FROM (
        SELECT p, lt_set_pool_senders(p, ARRAY[lt_create_sender('ann@acmecorp.test',
            '{\"name\": \"Ann Müller\", \"transport\": \"office\", \"dailyLimit\": 50}')])
        FROM lt_create_pool('Sales') p) s" >/dev/null
    sql -c "SELECT * FROM lt_bulk_upsert('$campaign', '[
        {\"email\": \"ava@example.com\", \"firstName\": \"Ava\", \"company\": \"Loop & Craft\"},
        {\"email\": \"unknown.ben@example.com\", \"firstName\": \"Ben\"},
        {\"email\": \"refused.cleo@example.com\", \"firstName\": \"Cleo\"}]')"
    sql -c "SELECT status, queued_messages FROM lt_start_campaign('$campaign')"

    say "the worker sends; this is the mail to Ava as it arrived"
    wait_while no_mail world 'To: .*ava@example.com'
    cat "$(mails_with world 'To: .*ava@example.com' | head -n 1)"

    say "one address was refused at once, and one mail came back from the next server"
    wait_until "SELECT bounced = 2 FROM lt_campaign_stats('$campaign')"
    sql -c "SELECT email, state, reason FROM lt_messages WHERE step = 1 ORDER BY email"
    sql -c "SELECT entry, reason FROM lt_suppressions ORDER BY entry"

    say "Ava answers"
    mail=$(mails_with world 'To: .*ava@example.com' | head -n 1)
    answer "$(sed -n 's/^Message-I[Dd]: *//p' "$mail" | tr -d '\r' | head -n 1)"
    wait_until "SELECT replied = 1 FROM lt_campaign_stats('$campaign')"
    sql -c "SELECT email, classification, thread_snippet FROM lt_replies"

    say "what the receiver of webhooks printed, each with its signature verified"
    wait_while has_few_webhooks
    cat "$work/receiver.log"
    say "statistics"
    sql -c "SELECT step, sender_email, sent, replied, bounced FROM lt_step_stats('$campaign')"
    sql -c "SELECT status, message FROM lt_sending_status('$campaign')"
}

no_mail() { [ -z "$(mails_with "$@")" ]; }
has_few_webhooks() { [ "$(grep -c . "$work/receiver.log")" -lt 5 ]; }

# Ava's mail program answers what it got.
answer() {
    {
        printf '%s\n' "From: Ava <ava@example.com>" "To: Ann <ann@acmecorp.test>" \
            "Subject: Re: Hello" "Message-ID: <answer@example.com>" "In-Reply-To: $1" \
            "References: $1" "" "Yes, send me an example, please." "" \
            "On Monday Ann wrote:" "> Who looks after outbound?"
    } | curl -sS --mail-from ava@example.com --mail-rcpt ann@acmecorp.test -T - \
        --crlf "smtp://127.0.0.1:$mx"
}
