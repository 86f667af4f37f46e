# shellcheck shell=bash
# Sourced by the scripts beside it: fetches a toolchain that Debian 12 has too old from PyPI, through pip as this
# machine has it set up, into the git-ignored .cache/toolchain. Safe from several shells at once.
cache=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/.cache/toolchain

# at_least WANTED HAVE: is version HAVE the same as or newer than WANTED?
at_least() {
    [ -n "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# from_pypi PACKAGE VERSION: prints the folder that holds the installed package.
from_pypi() {
    local dir=$cache/$1-$2
    if [ ! -e "$dir/.complete" ]; then
        mkdir -p "$cache"
        (
            flock 9
            [ ! -e "$dir/.complete" ] || exit 0
            [ -x "$cache/pip/bin/pip" ] || python3 -m venv "$cache/pip" >&2
            rm -rf "$dir"
            echo "Fetching $1 $2 from PyPI into .cache/toolchain" >&2
            "$cache/pip/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: \
                --target "$dir" "$1==$2" >&2
            : >"$dir/.complete"
        ) 9>"$cache/.lock" || return 1
    fi
    echo "$dir"
}
