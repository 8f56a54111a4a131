#!/usr/bin/env bash
# Holds the scripts to what they promise: they write nothing outside of tmp/ whatever
# is installed, leave nothing running, and signal no process that is not theirs.
#
# test/scripts.sh WORK: the folder of a run of scripts/test, which calls this.  A copy
# of its server stands in for the system's, with leadterra installed in two versions.
# scripts/demo then runs in a copy of the tree: as root in a folder that the user who
# runs the server cannot reach, and without /proc where that can be hidden.
set -eu
. "$(dirname "$0")/../scripts/lib.sh"

base=$1
system=$base/system
tree=$base/closed/tree
system_pg_config=${PG_CONFIG/#"$base/server"/"$system"}
bin=${system_pg_config%/*}

checks=0
errors=0
# Takes what has to hold, and a command that says whether it does.
check() {
    checks=$((checks + 1))
    if ! "${@:2}"; then
        printf 'not so: %s\n' "$1"
        errors=$((errors + 1))
    fi
}

# What is in a folder, when it was written, and what it says.
state() { (cd "$1" && find . -printf '%p %y %m %u %s %T@ %l\n' -type f -exec cksum {} + | sort); }

# Whether a process runs; a zombie does not.
runs() { kill -0 "$1" 2>/dev/null && ! grep -qs '^State:.Z' "/proc/$1/status"; }
ends() { ! runs "$1"; }

stop() {
    kill "${bystander:-}" 2>/dev/null || true
    stop_servers
    [ "${scratch:-$work}" = "$work" ] || rm -rf "$scratch"
}

# The system's server, with files that only another version has.
cp -a "$base/server" "$system"
installed=$("$system_pg_config" --sharedir)/extension/leadterra--0.0.0
bitcode=$("$system_pg_config" --pkglibdir)/bitcode/leadterra
touch "$installed.sql" "$installed--0.0.1.sql"
mkdir -p "$bitcode/old"
touch "$bitcode/old/old.bc" "$bitcode.old.bc"

mkdir -m 700 "$base/closed"
tar -C "$root" --exclude=./tmp --exclude=./test/js/node_modules -cf - . |
    tar -C "$base/closed" --no-same-owner -xf - --one-top-level=tree

# A server that a killed run has left.
work=$tree/tmp/demo
mkdir -p "$work"
trap stop EXIT
choose_user
choose_scratch
start_server
left=$(head -n 1 "$work/data/postmaster.pid")
ln "$work/server.log" "$base/left.log"

# And a server that has ended, whose number is another process's now.  Its socket
# is the other server's, or nobody's.
env --default-signal=INT tail -f /dev/null &
bystander=$!
mkdir "$work/ended" "$work/gone"
printf '%s\n' "$bystander" "$work/ended" 0 5432 "$scratch" '' >"$work/ended/postmaster.pid"
printf '%s\n' "$bystander" "$work/gone" 0 5432 "$work/gone" '' >"$work/gone/postmaster.pid"

# shellcheck disable=SC2016
hidden=(sh -c 'mount -t tmpfs none /proc && exec "$@"' sh)
if [ "$(id -u)" -eq 0 ]; then
    hidden=(unshare --mount "${hidden[@]}")
else
    hidden=(unshare --map-current-user --keep-caps --mount "${hidden[@]}")
fi
if ! "${hidden[@]}" true 2>/dev/null; then
    hidden=()
    echo "a run without /proc .. skipped: it cannot be hidden here"
fi

before=$(state "$system")
check "scripts/demo runs" \
    "${hidden[@]}" env PG_CONFIG="$system_pg_config" DESTDIR="$base/elsewhere" \
    "$tree/scripts/demo" </dev/null
check "the system's server is as it was" test "$(state "$system")" = "$before"
check "no file of an installed version is in the copy of the server" \
    test -z "$(find "$work/server" -name 'leadterra--0.0.*' -o -name '*old.bc')"
check "the copy has links to libraries alone" \
    test -z "$(find "$work/server" -type l ! -path "*$("$system_pg_config" --libdir)/lib*")"
check "nothing is installed elsewhere" test ! -e "$base/elsewhere"
check "the server that a killed run left was stopped" \
    grep -q 'received fast shutdown request' "$base/left.log"
check "and has ended" ends "$left"
check "the process that has the number of a server runs" runs "$bystander"
check "the server of the run was stopped" test -z "$(find "$work" -name postmaster.pid)"

[ "$errors" -eq 0 ] || { echo "$errors of $checks checks failed"; exit 1; }
echo "$checks checks passed"
