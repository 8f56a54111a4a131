#!/usr/bin/env bash
# Holds the scripts to what they promise: they write nothing outside of tmp/ whatever
# is installed, leave nothing running, and signal no process that is not theirs.
#
# test/scripts.sh WORK PG_CONFIG: the folder of a run of scripts/test, which calls this,
# and the server that it chose.  A copy of it stands in for the system's, with leadterra
# installed in two versions.
# scripts/demo then runs in a copy of the tree: as root in a folder that the user who
# runs the server cannot reach, and without /proc where that can be hidden.  After it
# scripts/test does, from what this run has built, with one test, again and again.
set -eu
. "$(dirname "$0")/../scripts/lib.sh"

base=$1
chosen=$2
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
# Builds are half as long without bitcode.
sed -i 's/^with_llvm.*/with_llvm = no/' \
    "$(dirname "$("$system_pg_config" --pgxs)")/../Makefile.global"

mkdir -m 700 "$base/closed"
tar -C "$root" --exclude=./tmp --exclude=./test/js/node_modules --exclude=./tmp_check -cf - . |
    tar -C "$base/closed" --no-same-owner -xf - --one-top-level=tree

# A server that a killed run has left, and what one leaves that is interrupted while
# it copies the server and builds.
work=$tree/tmp/demo
mkdir -p "$work"
cp -a "$base/source" "$base/server" "$work"
: >"$work/source/src/typeid.o"
: >"$work/server${bin#"$system"}/initdb"
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
# A server under sanitizers reads its settings there.
if ! "${hidden[@]}" "$bin/postgres" -V >/dev/null 2>&1; then
    hidden=()
    echo "a run without /proc .. skipped: it cannot be hidden here"
fi

before=$(state "$system")
check "scripts/demo runs" \
    "${hidden[@]}" env PG_CONFIG="$system_pg_config" DESTDIR="$base/elsewhere" \
    "$tree/scripts/demo" </dev/null
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


run() { env PG_CONFIG="$chosen" "$tree/scripts/test" "$@" >"$base/run.log" 2>&1 </dev/null; }
fails() { ! "$@"; }
says() { grep -qF -e "$1" "$base/run.log"; }
# What make has made, and when.
made() { find "$tree/tmp/test/source" -name '*.o' -printf '%f %T@\n' | sort; }

mkdir "$tree/tmp/test"
cp -a "$base/source" "$base/server" "$base/kept" "$tree/tmp/test"
made_before=$(made)
expected=$tree/expected/suppression.out
cp "$expected" "$base/expected.out"
echo 'nobody prints this' >>"$expected"
check "output is accepted" run --accept regress suppression
check "and is then expected" cmp "$expected" "$base/expected.out"
check "one test runs" run regress suppression
check "and is counted" says 'all 1 tests passed'
cp "$tree/doc/reference.md" "$base/reference.md"
echo 'no comment says this' >>"$tree/doc/reference.md"
check "the reference is written" run --accept reference
check "from the comments" cmp "$tree/doc/reference.md" "$base/reference.md"
sed -i "s/^SELECT \* FROM finish/SELECT is(1, 2, 'one is two');\n&/" "$tree/test/pgtap/uuid7.sql"
check "a test of pgTAP fails" fails run pgtap uuid7
check "and what it wants is said" says 'want: 2'
check "an unchanged tree is not built again" test "$(made)" = "$made_before"

# A change that a clock would not show.
cp -p "$tree/src/typeid.c" "$base/typeid.c"
echo '#error changed' >>"$tree/src/typeid.c"
touch -d 2001-01-01 "$tree/src/typeid.c"
check "a file that changed is built again, whatever its time is" fails run regress suppression
check "what is wrong with it is said" says '#error changed'
cp -p "$base/typeid.c" "$tree/src/typeid.c"
echo 'SELECT pg_terminate_backend(pg_backend_pid());' >>"$tree/test/sql/suppression.sql"
check "output is not accepted of a test that did not come to its end" \
    fails run --accept regress suppression
check "nor taken" cmp "$expected" "$base/expected.out"
check "only what changed was built again" \
    test "$(made | grep -vxF "$made_before" | cut -d' ' -f1)" = typeid.o
check "a test that there is not is refused" fails run regress nothing
check "and those that there are are named" says 'it has: campaign '
check "two runs at once are refused" \
    fails flock "$tree/tmp/test.lock" env PG_CONFIG="$chosen" "$tree/scripts/test" checks

# The benchmarks, as doc/performance.md has them.
if [ -n "${LEADTERRA_LONG:-}" ] && perl -MDBD::Pg -e1 2>/dev/null; then
    for benchmark in enroll queue; do
        check "scripts/bench --quick $benchmark runs" \
            env PG_CONFIG="$chosen" "$tree/scripts/bench" --quick "$benchmark" </dev/null
    done
fi

check "the system's server is as it was" test "$(state "$system")" = "$before"
check "no server of a run runs" test -z "$(find "$tree/tmp" -name postmaster.pid)"

[ "$errors" -eq 0 ] || { echo "$errors of $checks checks failed"; exit 1; }
echo "$checks checks passed"
