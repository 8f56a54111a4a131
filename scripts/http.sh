# Shared by scripts/demo: PostgREST and the gateway on a server that lib.sh started.
# Both listen on free ports of loopback, and stop with the script.

find_programs() {
    PATH=$PATH:/usr/sbin
    command -v postgrest >/dev/null ||
        die "There is no program postgrest on the PATH." \
            "It is one file: https://github.com/PostgREST/postgrest/releases"
    export LC_ALL=C.UTF-8
}

answers() { curl -sf -o /dev/null -m 5 "$1"; }
silent() { ! answers "$1"; }

# Brings up the files of deploy/, on other ports and without TLS.
start_http() {
    rest=$(free_port)
    admin=$(free_port)
    port=$(free_port)
    between=$(free_port)
    base=http://127.0.0.1:$port
    database="postgresql:///leadterra?host=$PGHOST&port=$PGPORT&user=authenticator"
    start_program postgrest PGRST_DB_URI="$database" \
        PGRST_SERVER_PORT="$rest" PGRST_ADMIN_SERVER_PORT="$admin" \
        postgrest "$work/tree/deploy/postgrest.conf"
    sed -e "s/listen 443 .*;/listen 127.0.0.1:$port;/" -e '/listen \[/d' -e '/^ *ssl_/d' \
        -e "s/127\.0\.0\.1:3000/127.0.0.1:$rest/" -e "s/127\.0\.0\.1:3002/127.0.0.1:$between/" \
        -e "s|/usr/share/leadterra/web/|$work/tree/web/|" \
        "$work/tree/deploy/nginx.conf" |
        "${as_user[@]}" tee "$work/nginx.conf" >/dev/null
    "${as_user[@]}" mkdir -p "$work/gateway"
    start_program nginx nginx -e stderr -p "$work/gateway" -c "$work/nginx.conf" -g 'daemon off;'
    wait_while silent "http://127.0.0.1:$admin/ready"
    answers "http://127.0.0.1:$admin/ready" || {
        cat "$work/postgrest.log" >&2
        die "PostgREST did not start."
    }
    # Nothing is at this path, which the gateway says as soon as it runs.
    wait_while gateway_silent
}

gateway_silent() { [ "$(curl -s -o /dev/null -m 5 -w '%{http_code}' "$base/")" != 404 ]; }

# Prints a request as one would type it, without the key, and its answer.
request() {
    say "$1"
    printf '$ curl'
    for word in "${@:2}"; do
        word=${word//$key/\$KEY}
        word=${word/$base/https://HOST}
        case $word in
        *[!A-Za-z0-9_./:-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    answer=$(curl -s -m 30 -w '\n%{http_code}' "${@:2}")
    printf '%s\n' "$answer" | tail -n 1
    printf '%s\n' "$answer" | sed '$d'
}

# Walks through the published calls.
demo_http() {
    "$bin/psql" -X -q -c "CREATE DATABASE leadterra"
    say "setting up the database: deploy/setup.sql"
    shown=$("$bin/psql" -X -d leadterra <"$work/tree/deploy/setup.sql")
    key=$(printf '%s\n' "$shown" | sed -n 's/^key //p')
    say "starting PostgREST and nginx with the files of deploy/"
    start_http
    bearer="Authorization: Bearer $key"
    json="Content-Type: application/json"

    request "create a campaign" -X POST "$base/v1/campaigns" -H "$bearer" -H "$json" -d '{
  "name": "Spring launch",
  "sequenceSteps": [
    {"subject": "{{firstName|Hello}}, a question",
     "bodyHtml": "<p>Who looks after outbound at {{company}}?</p>"},
    {"subject": "Re: a question", "bodyHtml": "<p>Shall I send an example?</p>", "delayDays": 3}
  ]
}'
    campaign=$(printf '%s\n' "$answer" | sed -n 's/.*"id": "\(camp_[0-9a-z]*\)".*/\1/p' | head -n 1)
    request "the example of the enroll guide" \
        -X POST "$base/v1/campaigns/$campaign/leads/bulk" -H "$bearer" -H "$json" -d '{
  "leads": [
    {"email": "ava@acmecorp.com", "firstName": "Ava", "lastName": "Chen",
     "company": "Acme Corp", "jobTitle": "VP Sales"},
    {"email": "marcus@buildfast.io", "firstName": "Marcus", "lastName": "Webb",
     "company": "BuildFast", "jobTitle": "Head of Growth"},
    {"email": "priya@nexusai.com", "firstName": "Priya", "lastName": "Sharma",
     "company": "Nexus AI", "jobTitle": "Director of Revenue"}
  ]
}'
    request "an invalid lead: nothing is written" \
        -X POST "$base/v1/campaigns/$campaign/leads/bulk" -H "$bearer" -H "$json" \
        -d '{"leads": [{"email": "ben@example.com"}, {"email": "nobody"}]}'
    request "suppress addresses" -X POST "$base/v1/suppression-list" -H "$bearer" -H "$json" \
        -d '{"emails": ["optout@example.com", "priya@nexusai.com"]}'
    start=(-X POST "$base/v1/campaigns/$campaign/start" -H "$bearer" -H "Idempotency-Key: start-1")
    request "start, sent twice with one Idempotency-Key" "${start[@]}"
    request "the same answer, nothing done" "${start[@]}"
    request "statistics" "$base/v1/campaigns/$campaign/stats" -H "$bearer"
    request "replies" "$base/v1/replies?campaignId=$campaign" -H "$bearer"
    request "pause" -X POST "$base/v1/campaigns/$campaign/pause" -H "$bearer"
    request "the second service's call" -X POST "$base/api/v2/leads/add" -H "$bearer" -H "$json" \
        -d "{\"campaign_id\": \"$campaign\", \"leads\": [
    {\"email\": \"jon@example.com\", \"first_name\": \"Jon\"},
    {\"email\": \"ava@acmecorp.com\"}
  ]}"
    request "without a key" "$base/v1/replies"
    request "what is not published is not there" "$base/rpc/lt_bulk_upsert" -H "$bearer"

    say "a fortnight of six campaigns, for the page to show: examples/page.sql"
    workspace=$(printf '%s\n' "$shown" | sed -n 's/^workspace //p')
    PGOPTIONS='-c search_path=api' "$bin/psql" -X -q -d leadterra -v workspace="$workspace" \
        -f "$work/tree/examples/page.sql"
    request "the page" -I "$base/app/"
    if [ -t 0 ]; then
        say "all of it runs until you press Enter: open $base/app/ and sign in with the key $key"
        read -r _ || true
    fi
    say "stopping everything"
}
