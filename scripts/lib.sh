# Shared by the scripts: packages, build, and a throw-away server.
#
# Everything happens below $work, a folder under the repository's ignored tmp/:
# a copy of the tree that is built there, a relocated copy of the installed
# server that the extension is installed into, and a cluster.  Nothing outside
# it is written but packages, and nothing runs when the script has ended.

root=$(cd "$(dirname "$0")/.." && pwd)

say() { printf '%s\n' "== $*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# The newest server that is installed with headers, if any.
find_server() {
    for candidate in $(ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -t/ -k5 -n -r); do
        version=$(basename "$(dirname "$(dirname "$candidate")")")
        if [ "$version" -ge 15 ] && [ -x "$(dirname "$candidate")/postgres" ] &&
           [ -e "$("$candidate" --pgxs)" ]; then
            printf '%s\n' "$candidate"
            return
        fi
    done
}

# PG_CONFIG chooses a server; otherwise it is the newest one installed, or the
# one that the distribution has.
missing_packages() {
    version=$1
    for package in make gcc perl util-linux "postgresql-$version" "postgresql-server-dev-$version" \
        "postgresql-$version-pgtap" libtap-parser-sourcehandler-pgtap-perl libipc-run-perl; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            printf '%s ' "$package"
    done
}

install_packages() {
    command -v apt-get >/dev/null || die "These scripts install packages with apt-get, which this system lacks."
    if [ "$(id -u)" -eq 0 ]; then
        sudo=
    elif command -v sudo >/dev/null; then
        sudo=sudo
    else
        die "Missing packages: $*. Install them as root, then run this script again."
    fi
    say "installing with apt-get: $*"
    # The server's package would start a cluster of its own; this keeps it from that.
    policy=/usr/sbin/policy-rc.d
    held=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
        $sudo chmod 755 "$policy"
        held=yes
    fi
    result=0
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >"$work/packages.log" 2>&1 || result=$?
    [ -z "$held" ] || $sudo rm -f "$policy"
    [ "$result" -eq 0 ] || { tail -n 20 "$work/packages.log" >&2; die "apt-get failed; $work/packages.log has all it said."; }
}

set_up_packages() {
    if [ -n "${PG_CONFIG:-}" ]; then
        system_pg_config=$PG_CONFIG
        return
    fi
    system_pg_config=$(find_server)
    if [ -n "$system_pg_config" ]; then
        version=$(basename "$(dirname "$(dirname "$system_pg_config")")")
    else
        command -v apt-get >/dev/null || die "No PostgreSQL server of version 15 or newer is installed."
        say "updating the list of packages"
        if [ "$(id -u)" -eq 0 ]; then apt-get update -qq; else sudo apt-get update -qq; fi
        version=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
        [ "${version:-0}" -ge 15 ] || die "This system offers PostgreSQL ${version:-none}; leadterra needs 15 or newer."
    fi
    packages=$(missing_packages "$version")
    # shellcheck disable=SC2086
    [ -z "$packages" ] || install_packages $packages
    system_pg_config=$(find_server)
    [ -n "$system_pg_config" ] || die "PostgreSQL $version is installed, but its pg_config was not found."
}

# The server refuses to run as root; then an unprivileged user runs all that
# is not a package.  Where that user cannot reach this folder (a clone under
# /root), it gets the one capability to do so.
choose_user() {
    as_user=
    [ "$(id -u)" -eq 0 ] || return 0
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$work"
    as_user="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups"
    if ! $as_user test -w "$work"; then
        as_user="$as_user --inh-caps=+dac_override --ambient-caps=+dac_override"
        $as_user test -w "$work" ||
            die "User $user, who runs the server, cannot reach $work. Clone the repository elsewhere."
    fi
    as_user="$as_user env HOME=$work USER=$user LOGNAME=$user"
}

# Copies the tree and builds it against a relocated copy of the server.
build() {
    say "building with $($system_pg_config --version)"
    tar -C "$root" --exclude=./tmp --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' -cf - . |
        $as_user tar -C "$work" --no-same-owner -xf - --one-top-level=tree

    bindir=$($system_pg_config --bindir)
    for option in --bindir --sharedir --pkglibdir; do
        folder=$($system_pg_config $option)
        $as_user mkdir -p "$work/server$(dirname "$folder")"
        # Programs find their files from where they are, so they are copied.
        if [ "$option" = --bindir ]; then copy=-r; else copy=-rs; fi
        $as_user cp $copy "$folder" "$work/server$folder"
    done
    $as_user ln -s /usr/include "$work/server/usr/include"
    bin=$work/server$bindir
    PG_CONFIG=$bin/pg_config
    export PG_CONFIG
    $as_user make -C "$work/tree" -s -j2 "$@" install PG_CONFIG="$PG_CONFIG" >"$work/build.log" 2>&1 ||
        { cat "$work/build.log" >&2; die "The build failed."; }
}

start_server() {
    # The path of a socket is at most 107 bytes.
    socket=$work
    if [ "${#socket}" -gt 85 ]; then
        socket=$($as_user mktemp -d /tmp/leadterra.XXXXXX)
        socket_is_elsewhere=yes
    fi
    $as_user "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >"$work/initdb.log" 2>&1 ||
        { cat "$work/initdb.log" >&2; die "initdb failed."; }
    cat >>"$work/server.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$socket'
unix_socket_permissions = 0700
fsync = off
autovacuum_naptime = 5s
CONF
    printf "include '%s'\n" "$work/server.conf" | $as_user tee -a "$work/data/postgresql.conf" >/dev/null
    $as_user "$bin/pg_ctl" -D "$work/data" -l "$work/server.log" -w start >/dev/null ||
        { cat "$work/server.log" >&2; die "The server did not start."; }
    PGHOST=$socket PGUSER=postgres PGDATABASE=postgres PGPORT=5432
    export PGHOST PGUSER PGDATABASE PGPORT
    unset PGOPTIONS PGPASSWORD PGSERVICE
}

# Stops the server, and those that interrupted tests left below $work.
stop_server() {
    [ -z "${child:-}" ] || kill "$child" 2>/dev/null || true
    find "$work" -name postmaster.pid 2>/dev/null | while read -r pidfile; do
        $as_user "$bin/pg_ctl" -D "$(dirname "$pidfile")" -m fast -w stop >/dev/null 2>&1 || true
    done
    [ -z "${socket_is_elsewhere:-}" ] || rm -rf "$socket"
}

# Sets everything up in tmp/NAME; arguments for make follow.
set_up() {
    work=$root/tmp/$1
    shift
    if [ -e "$work/data/postmaster.pid" ] && kill -0 "$(head -n 1 "$work/data/postmaster.pid")" 2>/dev/null; then
        die "A server of another run uses $work."
    fi
    rm -rf "$work"
    mkdir -p "$work"
    set_up_packages
    choose_user
    trap stop_server EXIT
    trap 'exit 130' INT TERM HUP
    build "$@"
    start_server
}
