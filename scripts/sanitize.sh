# For scripts/test --sanitize and --fuzz: the module under sanitizers, and its
# plain readers under libFuzzer.
#
# AddressSanitizer and UndefinedBehaviorSanitizer are in the module and not in
# the server, which preloads their runtime.  Of what is wrong inside of the
# server's blocks of memory neither they nor valgrind know anything, unless the
# server was built for it; but they see the stack, tables and the ends of blocks,
# which valgrind does not all, and take twice the time and not thirty times as
# much, so that every test runs.  Fuzz targets see the ends of pieces, too
# (test/fuzz/memory.c).  Assertions of the server's headers are on.

extra_packages="$extra_packages clang libclang-rt-dev"
sanitizers="-g -fno-omit-frame-pointer -fsanitize=address,undefined"
sanitizers="$sanitizers -fno-sanitize-recover=undefined -shared-libsan -DUSE_ASSERT_CHECKING"
fuzz_targets="email template typeid json lead error answer"
for file in "$root"/worker/test/fuzz_*.c; do
    fuzz_targets="$fuzz_targets worker-$(basename "${file#*/fuzz_}" .c)"
done
fuzz_seconds=60

# A preloaded library that makes the sanitizer start before the constructors of
# others: libgpg-error's takes the lock of message catalogs and then memory, and
# a sanitizer that starts within that leaves the lock broken.
build_first() {
    first=$work/first.so
    "${as_user[@]}" gcc -shared -fPIC -fno-builtin -Wl,-z,initfirst -x c - -o "$first" <<'SOURCE'
#include <stdlib.h>
__attribute__((constructor)) static void first(void) { free(malloc(1)); }
SOURCE
}

# A finding ends the backend with a signal, which the server takes for a crash.
# Leaks are what memory contexts are for; freed blocks are not kept for long,
# since tests measure memory.
asan_options=abort_on_error=1:detect_leaks=0:detect_stack_use_after_return=0:quarantine_size_mb=8
ubsan_options=abort_on_error=1:print_stacktrace=1

# Puts a script in the server's place that preloads the runtime, whoever starts
# it, and keeps what is found in files.  The runtime of clang has both sanitizers
# and reads its options at once; that of gcc reads half of them at the first
# finding, when the server has overwritten them with what ps shows.
instrument() {
    runtime=$(clang -print-file-name="libclang_rt.asan-$(uname -m).so")
    build_first
    "${as_user[@]}" mkdir "$work/findings"
    [ -e "$bin/postgres.real" ] || "${as_user[@]}" mv "$bin/postgres" "$bin/postgres.real"
    "${as_user[@]}" tee "$bin/postgres" >/dev/null <<SCRIPT
#!/usr/bin/env bash
export LD_PRELOAD=$runtime:$first
export ASAN_OPTIONS=$asan_options:log_path=$work/findings/asan
export UBSAN_OPTIONS=$ubsan_options:log_path=$work/findings/ubsan
exec -a "\$0" "\$0.real" "\$@"
SCRIPT
    "${as_user[@]}" chmod 755 "$bin/postgres"
}

# The worker's unit tests, in a build of their own: gcc has its sanitizers with it.
run_worker() {
    unprivileged mkdir -p "$work/worker"
    unprivileged make -C "$work/worker" -s -j2 -f "$work/tree/worker/Makefile" check \
        CFLAGS="-O1 -g -fno-omit-frame-pointer" LDFLAGS= \
        COPT="-Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
}

# Nothing may have been found, also by a process whose end no test noticed.
run_findings() {
    set -- "$work"/findings/*
    if [ -e "$1" ]; then
        cat "$@"
        return 1
    fi
    echo "1 checks passed"
}

# Links the module, the targets and libFuzzer into a library that a backend loads.
build_fuzz() {
    say "building fuzz targets"
    wrapped=
    for name in palloc palloc0 repalloc repalloc_huge MemoryContextAllocHuge pfree; do
        wrapped="$wrapped,--wrap=$name"
    done
    driver=$(clang -print-file-name="libclang_rt.fuzzer_no_main-$(uname -m).a")
    # shellcheck disable=SC2086
    "${as_user[@]}" clang -O1 $sanitizers -fsanitize=fuzzer-no-link -shared -fPIC \
        -Wall -Werror=implicit-function-declaration -Wno-ignored-attributes \
        -D_GNU_SOURCE -DLEADTERRA_VERSION='"fuzz"' \
        -Isrc -isystem "$("$PG_CONFIG" --includedir-server)" src/*.c test/fuzz/*.c \
        -Wl,-Bsymbolic"$wrapped" "$driver" -lidn2 -lstdc++ -lpthread -lm \
        -o "$work/fuzz.so" >"$work/build-fuzz.log" 2>&1 ||
        { cat "$work/build-fuzz.log" >&2; die "The build of the fuzz targets failed."; }
    "${as_user[@]}" "$bin/pg_ctl" -D "$work/data" -w stop >/dev/null
    # A program as libFuzzer wants one, which starts itself again to merge inputs:
    # a single-user backend on a copy of the data, since libFuzzer ends the process.
    "${as_user[@]}" tee "$work/fuzz" >/dev/null <<SCRIPT
#!/usr/bin/env bash
# fuzz TARGET ARGUMENT..., without spaces in them
set -eu
target=\$1
shift
data=\$(mktemp -d "$work/fuzz-data.XXXXXX")
trap 'rm -rf "\$data"' EXIT
cp -r "$work/data/." "\$data"
export LD_PRELOAD=$runtime:$first ASAN_OPTIONS=$asan_options UBSAN_OPTIONS=$ubsan_options
"$bin/postgres.real" --single -D "\$data" postgres <<SQL
CREATE FUNCTION pg_temp.fuzz(text, text, text) RETURNS integer LANGUAGE c AS '$work/fuzz.so'
SELECT pg_temp.fuzz('\$0', '\$target', '\$*')
SQL
SCRIPT
    "${as_user[@]}" chmod 755 "$work/fuzz"
}

# The worker's targets, which are programs of their own.
build_worker_fuzz() {
    say "building fuzz targets of the worker"
    unprivileged mkdir -p "$work/worker-fuzz"
    unprivileged make -C "$work/worker-fuzz" -s -j2 -f "$work/tree/worker/Makefile" fuzz \
        >"$work/build-worker-fuzz.log" 2>&1 ||
        { cat "$work/build-worker-fuzz.log" >&2; die "The build of the fuzz targets failed."; }
}

# Starts a target: TARGET ARGUMENT...
fuzz_program() {
    case $1 in
        worker-*)
            program=$work/worker-fuzz/test/fuzz_${1#worker-}.fuzz
            shift
            unprivileged "$program" "$@"
            ;;
        *) unprivileged "$work/fuzz" "$@" ;;
    esac
}

# Where the inputs of a target are that are kept in the tree; those of the worker read mails.
kept_inputs() {
    case $1 in
        worker-*) echo "$work/tree/worker/test/fixture" ;;
        *) echo "$work/tree/test/fuzz/corpus/$1" ;;
    esac
}

# Runs a target for some seconds, from the inputs that are kept in the tree.
fuzz() {
    unprivileged mkdir -p "$work/found/$1"
    dictionary=test/fuzz/$1.dict
    # Without the line for each new input.  The server's status says nothing of the run.
    fuzz_program "$1" "-max_total_time=$2" -timeout=10 -print_final_stats=1 \
        $([ ! -e "$dictionary" ] || echo "-dict=$work/tree/$dictionary") \
        "-artifact_prefix=$work/found/$1-" "$work/found/$1" "$(kept_inputs "$1")" 2>&1 |
        awk '!/^#/ { print }
            /^Done [0-9]+ runs/ { done = 1; print "1 checks passed" }
            END { exit !done }'
}

# Adds to the inputs that are kept those few of the found that reach more of the code.
add_found() {
    kept=$work/tree/test/fuzz/corpus/$1
    unprivileged "$work/fuzz" "$1" -merge=1 -use_counters=0 "$kept" "$work/found/$1" \
        >"$work/merge.log" 2>&1 ||
        { cat "$work/merge.log" >&2; die "Inputs could not be merged."; }
    say "inputs to keep are in $kept"
}
