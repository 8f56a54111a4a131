# Shared by the scripts: packages, build, and a throw-away server.
#
# Everything happens below $work, a folder under the repository's ignored tmp/:
# a copy of the tree that is built there, a relocated copy of the installed
# server that the extension is installed into, and a cluster.  Nothing outside
# it is written but packages, and nothing runs when the script has ended.
#
# Of a run that came through its build, the next one keeps
#   source   the copy of the tree with what make made of it; no test runs in it
#   server   the copy of the server
#   kept     of what and how both were made; without it both are made anew
#   js       packages of npm (scripts/test)
#   mail     the programs of a mail server

# What the caller's environment says is not for this server, build and output.
for name in CDPATH DESTDIR LANGUAGE VPATH "${!LC_@}" "${!MAKE@}" "${!PG@}"; do
    [ "$name" = PG_CONFIG ] || unset "$name"
done
export LANG=C.UTF-8
umask 022
extra_packages=
# Not empty: the worker is built, too.
with_worker=
# What the worker is built with, and what a mail server to try it with needs.
worker_packages="libcurl4-openssl-dev libgmime-3.0-dev libpq-dev libxml2-dev pkg-config"
mail_packages="dovecot-imapd openssl libnss-wrapper libdb5.3 libgnutls-dane0 libidn12 libnsl2"
server_folders=(--bindir --sharedir --pkglibdir --pkgincludedir --includedir-server)

root=$(cd "$(dirname "$0")/.." && pwd)

say() { printf '%s\n' "== $*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# Neither make nor PGXS quotes paths.
check_path() {
    special=$' \t\n"#$%&\'()*:;<=>?[\\]`{|}'
    [[ $1 != *["$special"]* ]] ||
        die "Cannot build below '$1', a path with white space or special characters: use another."
}

# Waits until a command fails, at most half a minute.
wait_while() {
    for _ in $(seq 300); do
        "$@" 2>/dev/null || return 0
        sleep 0.1
    done
}

major() { "$1" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'; }

# Whether a pg_config stands with a server and its headers.
is_server() { [ -x "${1%/*}/postgres" ] && [ -e "$("$1" --pgxs)" ]; }

# The newest server that is installed with headers, if any.
find_server() {
    for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -t/ -k5 -n -r); do
        if [ -x "$candidate" ] && [ "$(major "$candidate")" -ge 15 ] && is_server "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
}

# The server of PG_CONFIG, which may be a link or a wrapper.
chosen_server() {
    command -v "$PG_CONFIG" >/dev/null || die "PG_CONFIG: there is no program $PG_CONFIG."
    [ "$(major "$PG_CONFIG")" -ge 15 ] ||
        die "PG_CONFIG: $PG_CONFIG is of $("$PG_CONFIG" --version); leadterra needs 15 or newer."
    chosen=$("$PG_CONFIG" --bindir)/pg_config
    is_server "$chosen" ||
        die "PG_CONFIG: $PG_CONFIG is of no server that is installed with its headers."
    printf '%s\n' "$chosen"
}

# The version that the distribution has, if the list of packages tells.
offered_version() {
    apt-cache depends postgresql 2>/dev/null |
        sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1
}

missing_packages() {
    for package in make gcc libc6-dev libidn2-dev perl util-linux \
        "postgresql-$1" "postgresql-server-dev-$1" "postgresql-$1-pgtap" \
        libtap-parser-sourcehandler-pgtap-perl libipc-run-perl ${extra_packages//VERSION/$1}; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            printf '%s ' "$package"
    done
}

become_root() {
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
        { command -v sudo && sudo true; } >/dev/null || {
            [ -n "$version" ] || packages="$packages(N: 15 or newer)"
            die "Install these packages as root, then run this script again: $packages"
        }
    fi
}

# What apt-get says goes to a log.
apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 "$@" \
        </dev/null >>"$work/packages.log" 2>&1
}

install_packages() {
    say "installing with apt-get: $*"
    become_root
    # The server's package would start a cluster of its own; this keeps it from that.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
    fi
    # A list that cannot be updated may still do.
    apt_get update || true
    apt_get install -y --no-install-recommends "$@" || {
        tail -n 20 "$work/packages.log" >&2
        die "apt-get failed; $work/packages.log has all it said."
    }
    remove_policy
}

# Unpacks the programs of scripts/mail-server, unless an earlier run did.
fetch_mail_server() {
    export LEADTERRA_MAIL=$work/mail
    [ ! -e "$work/mail/fetched" ] || return 0
    say "unpacking a mail server of the distribution, below tmp"
    rm -rf "$work/mail"
    fetch=("${as_user[@]}" "$root/scripts/mail-server" --fetch "$work/mail")
    "${fetch[@]}" 2>/dev/null || { become_root && apt_get update && "${fetch[@]}"; } ||
        die "The packages of a mail server could not be fetched."
    "${as_user[@]}" touch "$work/mail/fetched"
}

remove_policy() {
    [ -z "${policy:-}" ] || "${as_root[@]}" rm -f "$policy"
    policy=
}

# PG_CONFIG chooses a server; otherwise it is the newest one installed, or the
# one that the distribution has.
set_up_packages() {
    if [ -n "${PG_CONFIG:-}" ]; then
        system_pg_config=$(chosen_server)
        return
    fi
    system_pg_config=$(find_server)
    if [ -n "$system_pg_config" ]; then
        version=$(major "$system_pg_config")
    else
        version=$(offered_version)
    fi
    packages=$(missing_packages "${version:-N}")
    [ -n "$packages" ] || return 0

    command -v apt-get >/dev/null ||
        die "Missing packages, and no apt-get to install them: $packages"
    if [ -z "$version" ]; then
        say "updating the list of packages"
        become_root
        apt_get update || true
        version=$(offered_version)
        packages=$(missing_packages "$version")
    fi
    [ "${version:-0}" -ge 15 ] ||
        die "This system offers PostgreSQL ${version:-none}; leadterra needs 15 or newer."
    # shellcheck disable=SC2086
    install_packages $packages
    system_pg_config=$(find_server)
    [ -n "$system_pg_config" ] ||
        die "PostgreSQL $version is installed, but its pg_config was not found."
}

# The server refuses to run as root; then an unprivileged user runs all that
# is not a package.  Where that user cannot reach this folder (a clone under
# /root), it gets the one capability to do so: that to search any folder or,
# where root has none to give, that to write, too.
choose_user() {
    as_user=()
    [ "$(id -u)" -eq 0 ] || return 0
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown -hR "$user" "$work"
    switch=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
    for capability in '' dac_read_search dac_override; do
        as_user=("${switch[@]}")
        # The last lets access(2), too, heed the capability.
        [ -z "$capability" ] || as_user+=("--inh-caps=+$capability" "--ambient-caps=+$capability"
            --securebits=+no_setuid_fixup)
        ! "${as_user[@]}" test -w "$work" 2>/dev/null || break
    done
    "${as_user[@]}" test -w "$work" ||
        die "User $user, who runs the server, cannot reach $work. Clone the repository elsewhere."
    as_user+=(env "HOME=$work" "USER=$user" "LOGNAME=$user")
}

# Sockets and temporary files are in $work too, unless that is too long: the
# path of a socket is at most 107 bytes.
choose_scratch() {
    scratch=$work
    [ "${#work}" -le 80 ] || scratch=$("${as_user[@]}" mktemp -d /tmp/leadterra.XXXXXX)
    export TMPDIR=$scratch
}

# Copies a folder into the relocated server.  It holds no links to what it was
# copied from, through which a program would write there, and nothing of ours,
# whichever version is installed in the system.
copy_folder() {
    "${as_user[@]}" mkdir -p "$work/server$1"
    (cd "$1" && find -L . -name 'leadterra*' -prune -o ! -type l -print0) |
        tar -C "$1" --null --no-recursion -T - -h -cf - |
        "${as_user[@]}" tar -C "$work/server$1" --no-same-owner -xf -
}

# A copy of the server with the folders in the same places below $work/server,
# because programs find their files from where they are.
relocate_server() {
    bin=$work/server$("$system_pg_config" --bindir)
    export PG_CONFIG=$bin/pg_config
    [ ! -e "$work/server" ] || return 0
    for option in "${server_folders[@]}"; do
        copy_folder "$("$system_pg_config" "$option")"
    done
    # The system's libraries are many, and nothing is written among them: links do.
    libdir=$("$system_pg_config" --libdir)
    libraries=()
    for library in "$libdir"/lib*; do
        [ -e "$work/server$library" ] || libraries+=("$library")
    done
    "${as_user[@]}" mkdir -p "$work/server$libdir"
    [ "${#libraries[@]}" -eq 0 ] || "${as_user[@]}" ln -s -t "$work/server$libdir" "${libraries[@]}"
}

# What decides how things are made, beside what is in the files of the tree: what
# is done here, compilers, the server, the arguments for make, the Makefile and which
# files there are.  Nothing is made of tests.
recipe() {
    {
        cat "$root/scripts/lib.sh" "$root/scripts/sanitize.sh" "$root/Makefile"
        printf '%s\n' "$@" "$system_pg_config" "$("$system_pg_config" --libdir)"/lib*
        for compiler in gcc clang; do "$compiler" --version 2>&1 || true; done
        for option in "${server_folders[@]}"; do
            find -L "$("$system_pg_config" "$option")" -name 'leadterra*' -prune -o \
                -type f -printf '%p %s %T@\n' | sort
        done
        find "$work/tree" -mindepth 1 \
            \( -path "$work/tree/test" -o -path "$work/tree/expected" \) -prune -o \
            ! -type d -printf '%m %P %l\n' | sort
    } | cksum
}

# Whether what the last build made is whole, for it ended, and is of this recipe.
# Nor may anything be of the future: make would take it for newer than a change.
is_kept() {
    [ "$(cat "$work/kept" 2>/dev/null)" = "$recipe" ] && [ -d "$work/server" ] &&
        [ -d "$work/source" ] && [ -z "$(find "$work/source" -newermt now -print -quit)" ]
}

# Copies the tree, without what git ignores, to $work/tree.
copy_tree() {
    sed -e 's|^/|./|' -e 's|/$||' "$root/.gitignore" >"$work/not-copied"
    tar -C "$root" --exclude=./.git -X "$work/not-copied" -cf - . |
        "${as_user[@]}" tar -C "$work" --no-same-owner -m -xf - --one-top-level=tree
}

# Brings $work/source up to date with $work/tree.  A file that differs gets the time
# of now, and others keep theirs: so make sees what has changed, whatever the times
# in the repository are.
update_source() {
    if [ ! -e "$work/source" ]; then
        "${as_user[@]}" cp -a "$work/tree" "$work/source"
        return
    fi
    for folder in test expected; do
        "${as_user[@]}" rm -rf "$work/source/$folder"
        "${as_user[@]}" cp -a "$work/tree/$folder" "$work/source"
    done
    (cd "$work/tree" && find . -type f -exec sha256sum {} +) >"$work/sums"
    (cd "$work/source" && sha256sum --check --quiet "$work/sums" 2>/dev/null || true) |
        sed -n 's/: FAILED.*//p' |
        while read -r file; do "${as_user[@]}" cp "$work/tree/$file" "$work/source/$file"; done
}

# Builds the tree against a relocated copy of the server, of which nothing is made
# again that is kept and up to date.  $work/tree is then a copy to run tests in.
build() {
    say "building with $("$system_pg_config" --version)"
    copy_tree
    recipe=$(recipe "$@")
    is_kept || rm -rf "$work/source" "$work/server" || die "$not_mine"
    # Until make has ended.
    rm -f "$work/kept"
    update_source
    relocate_server
    # What an earlier version of the tree has installed.
    find "$work/server" -name 'leadterra*' -prune -exec rm -rf {} +
    status=0
    "${as_user[@]}" make -C "$work/source" -s -j2 --eval=.DELETE_ON_ERROR: "$@" install \
        PG_CONFIG="$PG_CONFIG" >"$work/build.log" 2>&1 || status=$?
    if [ -n "$with_worker" ] && [ "$status" -eq 0 ]; then
        "${as_user[@]}" make -C "$work/source" -s -j2 --eval=.DELETE_ON_ERROR: worker \
            COPT=-Werror PG_CONFIG="$PG_CONFIG" >>"$work/build.log" 2>&1 || status=$?
    fi
    # Also where it fails, make leaves nothing that is half made, unless it is killed.
    [ "$status" -gt 2 ] || printf '%s\n' "$recipe" >"$work/kept"
    [ "$status" -eq 0 ] || { cat "$work/build.log" >&2; die "The build failed."; }
    "${as_user[@]}" rm -rf "$work/tree"
    "${as_user[@]}" cp -a "$work/source" "$work/tree"
}

start_server() {
    "${as_user[@]}" "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 \
        --locale=C.UTF-8 -N >"$work/initdb.log" 2>&1 ||
        { cat "$work/initdb.log" >&2; die "initdb failed."; }
    # What a plan is does not depend on when autovacuum came by.
    cat >"$work/server.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$scratch'
unix_socket_permissions = 0700
fsync = off
autovacuum = off
jit = off
${server_settings:-}
CONF
    printf "include '%s'\n" "$work/server.conf" |
        "${as_user[@]}" tee -a "$work/data/postgresql.conf" >/dev/null
    "${as_user[@]}" "$bin/pg_ctl" -D "$work/data" -l "$work/server.log" -w start >/dev/null 9>&- ||
        { cat "$work/server.log" >&2; die "The server did not start."; }
    export PGHOST=$scratch PGUSER=postgres PGDATABASE=postgres PGPORT=5432
}

# The process that listens on a socket, if any; the kernel knows.
listener() {
    perl -MSocket -e 'alarm 5;
        socket SERVER, AF_UNIX, SOCK_STREAM, 0 and connect SERVER, pack_sockaddr_un($ARGV[0])
            and print unpack "i", getsockopt SERVER, SOL_SOCKET, SO_PEERCRED' "$1"
}

# Reads a postmaster.pid: the process, its folder, its start, its port, its sockets.
read_pid_file() {
    mapfile -t pid_file <"$1" && [ "${#pid_file[@]}" -ge 5 ] && [ "${pid_file[0]}" -gt 0 ]
}

# Whether a postmaster.pid is of a server that has no socket yet.
is_starting() { read_pid_file "$1" && [ -z "${pid_file[4]}" ] && kill -0 "${pid_file[0]}"; }

# Whether the process of a postmaster.pid is the server of that folder: its number
# may have become another process's.  Some systems do not tell who listens, others
# have no /proc.
is_running() {
    read_pid_file "$1" && [ "${pid_file[1]}" -ef "${1%/*}" ] || return
    [ "$(listener "${pid_file[4]}/.s.PGSQL.${pid_file[3]}")" = "${pid_file[0]}" ] ||
        grep -qsF -- "${pid_file[1]}" "/proc/${pid_file[0]}/cmdline"
}

# Stops the servers below $work: the script's own, those of interrupted tests,
# and those that a killed run left.
stop_servers() {
    find "$work" -name postmaster.pid 2>/dev/null | while read -r file; do
        wait_while is_starting "$file"
        if is_running "$file" 2>/dev/null && kill -INT "${pid_file[0]}"; then
            # It removes the file last.
            wait_while test -e "$file"
            # Where nothing reaps it, it stays as a zombie.
            wait_while grep -q '^State:.[^Z]' "/proc/${pid_file[0]}/status"
        fi
    done
}

free_port() {
    perl -MIO::Socket::INET \
        -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

# Starts a program beside the server, in the background; its output goes to NAME.log below
# $work.  It stops with the script.
start_program() {
    name=$1
    shift
    "${as_user[@]}" env "$@" >"$work/$name.log" 2>&1 </dev/null 9>&- &
    program_pids="${program_pids:-} $!"
}

# Ends them in the order in which they were started: who calls the server comes first.
stop_programs() {
    for pid in ${program_pids:-}; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    program_pids=
}

clean_up() {
    trap '' INT TERM HUP PIPE
    for group in ${groups:-}; do
        kill -TERM -- "-$group" 2>/dev/null || continue
        wait "$group" || true
        wait_while kill -0 -- "-$group"
    done
    stop_programs
    stop_servers
    [ "${scratch:-$work}" = "$work" ] || rm -rf "$scratch"
    remove_policy
    # For a later run as the owner of the repository.
    [ "$(id -u)" -ne 0 ] || chown -hR --reference="$root" "$work"
}

# Removes what earlier runs left but what is kept.
empty_work() {
    if [ -d "$work" ] && [ ! -L "$work" ]; then
        find "$work" -mindepth 1 -maxdepth 1 ! -name source ! -name server \
            ! -name kept ! -name js ! -name mail -exec rm -rf {} +
    else
        rm -rf "$work"
    fi
}

# Sets everything up in tmp/NAME; arguments for make follow.
set_up() {
    check_path "$root"
    work=$root/tmp/$1
    not_mine="Cannot write $work, which may be another user's:"
    not_mine="$not_mine remove it as root, then run this script again."
    { mkdir -p "$root/tmp" && exec 9>>"$work.lock"; } 2>/dev/null || die "$not_mine"
    flock -n 9 || die "Another run uses $work."
    [ "$(id -u)" -ne 0 ] || chown --reference="$root" "$root/tmp" "$work.lock"
    stop_servers
    { empty_work && mkdir -p "$work"; } 2>/dev/null || die "$not_mine"
    shift
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP PIPE
    set_up_packages
    check_path "$system_pg_config"
    choose_user
    choose_scratch
    build "$@"
    if [ "$(type -t instrument)" = function ]; then instrument; fi
    start_server
}
