#!/usr/bin/env bash
# `make quickstart` as a user sees it: what it shows, that it says what to do next, and that it leaves nothing behind.
#   tests/e2e/quickstart_test.sh build/release/bin/schloss
set -uo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
schloss=$(realpath "$1")
out=$scratch/out
running() { pgrep -f -x "$schloss dev .*"; }

# part N: what step N printed.
part() { awk -v n="$1" '/^[0-9]\. / { on = index($0, n ".") == 1 } /^What next/ { on = 0 } on' "$out"; }

before=$(running | sort)
check "it runs to its end" timeout 120 "$root/examples/quickstart/run" "$schloss"
cp "$scratch/check.out" "$out"
check "it leaves no process behind" test "$(running | sort)" = "$before"

part 4 >"$scratch/raw"
part 5 >"$scratch/clear"
part 6 >"$scratch/denied"
part 7 >"$scratch/none"
for secret in ada@example.org 987-65-4320; do
    check "on the topic $secret is ciphertext" bash -c "! grep -qF '$secret' '$scratch/raw'"
    check "with the key $secret is read" grep -qF "$secret" "$scratch/clear"
    check "without the key $secret is not shown" bash -c "! grep -qF '$secret' '$scratch/denied'"
    check "with onFailure=NONE $secret stays ciphertext" bash -c "! grep -qF '$secret' '$scratch/none'"
done
check "five records lie on the topic, cities readable" test "$(grep -c '"city":"' "$scratch/raw")" = 5
check "five records are read" test "$(grep -c '"city":"' "$scratch/clear")" = 5
check "without the key no record is shown" bash -c "! grep -q '\"city\":' '$scratch/denied'"
check "without the key there is an error that names the field" grep -q 'field: shop.Customer.email' "$scratch/denied"
check "and it has an exit status" grep -q '^(exit status [1-9]' "$scratch/denied"
check "with onFailure=NONE five records are shown" test "$(grep -c '"city":"' "$scratch/none")" = 5
check "it ends with three lines of what next" test "$(sed '1,/^What next/d' "$out" | grep -c '^  ')" = 3

# On a broker of the user's; here another `schloss dev` plays it.
check "a broker starts" start_dev "$schloss" dev || exit
check "KAFKA=host:port runs to its end" env -u SCHLOSS_REGISTRY KAFKA="$SCHLOSS_BOOTSTRAP" timeout 120 \
    "$root/examples/quickstart/run" "$schloss"
check "and reads five records twice" test "$(grep -c '"city":"' "$scratch/check.out")" -ge 15
