# For scripts to source, from the repository's root: what they fetch and install. Without `cache`, the folder of downloads is
# target/drivers, or MICROGLIA_DRIVERS.

cache=${MICROGLIA_DRIVERS:-$PWD/target/drivers}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

stop() {
    echo "$1" >&2
    exit 2
}

# Into the current folder, which apt's own user may not write to.
fetch() {
    apt-get -q -o APT::Sandbox::User=root download "$1"
}

# A Debian package, unpacked into $cache and not installed.
package() {
    [[ -d $cache/$1 ]] && return
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
        stop "$1 is needed, and there is no apt-get here: this script needs Debian or Ubuntu"
    echo "fetching $1"
    local fetched
    fetched=$(mktemp -d "$cache/fetch.XXXXXX")
    (cd "$fetched" && { fetch "$1" || { apt-get -q update && fetch "$1"; }; }) ||
        stop "$1 could not be fetched with apt-get: is the network reachable, and is it in this distribution?"
    dpkg-deb -x "$fetched"/*.deb "$fetched/$1"
    mv "$fetched/$1" "$cache/$1"
    rm -r "$fetched"
}

# Debian packages, installed: only as root or in CI, and where there is apt-get.
install() {
    local as_root=()
    if [[ $(id -u) != 0 ]]; then
        [[ -n ${CI:-} ]] && command -v sudo >/dev/null || return 1
        as_root=(sudo)
    fi
    command -v apt-get >/dev/null || return 1
    echo "installing $*"
    # `apt-get update` fails if any one list does; the install tells whether that mattered.
    "${as_root[@]}" apt-get update -q || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}
