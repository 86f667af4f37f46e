#!/usr/bin/env bash
# The check of the ABI: the built libraries are what lib/abi records, and each kind of change is found and needs its step
# of the version.
#   tests/e2e/abi_test.sh build/release/bin/schloss
set -uo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
build=$(realpath --relative-to="$root" "$(dirname "$(dirname "$(realpath "$1")")")")
tool=$root/tools/check-abi

check "the interface is the recorded one" "$tool" "$build" || exit
version=$(cat "$root/lib/abi/current/version")
check "which is that of the headers" bash -c \
    "grep -qx '#define SCHLOSS_VERSION_MINOR $(cut -d . -f 2 <<<"$version")' '$root/include/schloss/version.h'"

# recorded RELEASED SED-EXPRESSION FILE: an interface that differs from the built one, as an open or a released version.
recorded() {
    rm -rf "$scratch/abi"
    mkdir -p "$scratch/abi"
    cp -r "$root/lib/abi/current" "$scratch/abi/current"
    sed -i "$2" "$scratch/abi/current/$3"
    echo "$1" >"$scratch/abi/current/version"
}
refused() { ! "$tool" "$build" --dumps "$scratch/abi" "$@" >"$scratch/said"; }
says() { grep -q "$1" "$scratch/said"; }

gone="/<elf-symbol name='schloss_version'/d; /<function-decl name='schloss_version'/,/<\/function-decl>/d"
recorded "$version" "$gone" libschloss.abi
check "a new function is found" refused
check "and named" says schloss_version
recorded "$version" "/name='schloss_encoded'/s/size-in-bits='[0-9]*'/size-in-bits='64'/" libschloss.abi
check "a struct that has grown is found" refused
recorded "$version" 's/^SCHLOSS_E_TLS .*/SCHLOSS_E_TLS -77/' constants
check "a renumbered error code is found" refused
check "and named" says "SCHLOSS_E_TLS -77"
recorded "$version" 's/^KMS_BUSY .*/KMS_BUSY KMS 0/' constants
check "an error that is retriable no more is found" refused

# Released versions (none of these numbers is called open by CHANGELOG.md).
recorded 0.9.1 "$gone" libschloss.abi
check "a released version does not change" refused --version 0.9.1
check "nor by a patch" refused --version 0.9.2
check "and cannot be written then" refused --version 0.9.2 --write
check "which is said with the file to step" says include/schloss/version.h
check "a minor step allows a new function" "$tool" "$build" --dumps "$scratch/abi" --version 0.10.0 --write
check "it is recorded, and the released one kept" test "$(cat "$scratch/abi/current/version" "$scratch/abi/released/version" | xargs)" = "0.10.0 0.9.1"
recorded 1.4.0 's/^SCHLOSS_E_TLS .*/SCHLOSS_E_TLS -77/' constants
check "from 1.0 on a minor step does not allow an incompatible change" refused --version 1.5.0 --write
check "a major step does" "$tool" "$build" --dumps "$scratch/abi" --version 2.0.0 --write
