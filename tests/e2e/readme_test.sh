#!/usr/bin/env bash
# The C example of README.md, exactly as printed: at most 40 lines, compiles without a warning, runs against
# `schloss dev`, prints its record decrypted, and the tagged fields lie encrypted on the topic.
#   tests/e2e/readme_test.sh build/release/bin/schloss
set -uo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
schloss=$(realpath "$1")
lib=$(dirname "$schloss")/../lib

readme_example "$scratch/example.c"
lines=$(wc -l <"$scratch/example.c")
check "the example has at most 40 lines ($lines)" test "$lines" -gt 10 -a "$lines" -le 40
# shellcheck disable=SC2046
check "it compiles without a warning" gcc -std=c17 -Wall -Wextra -Wpedantic -Werror $(sanitizer_flags "$schloss") \
    -I"$root/include" "$scratch/example.c" -o "$scratch/example" -L"$lib" -Wl,-rpath,"$lib" \
    -lschloss-kafka -lschloss -lrdkafka

LOCAL_SECRET=$(head -c 24 /dev/urandom | base64)
export LOCAL_SECRET
check "schloss dev starts" start_dev "$schloss" dev --topic customers || exit
check "the KEK is made" "$schloss" kek create quickstart --kms-type local-kms --kms-key quickstart
check "schema and rule are registered" "$schloss" schema create --subject customers-value \
    --schema "$root/examples/quickstart/customer.avsc" --ruleset "$root/examples/quickstart/rules.json"
check "the example runs" timeout 60 "$scratch/example"
cp "$scratch/check.out" "$scratch/example.out"
check "it prints the record decrypted" grep -qF \
    '{"id":6,"name":"Emmy","email":"emmy@example.org","ssn":"111-22-3333","city":"Erlangen"}' "$scratch/example.out"
timeout 60 "$schloss" consume customers --raw --exit-at-end --print-key >"$scratch/raw" 2>&1
check "the untagged field lies readable on the topic" grep -q Erlangen "$scratch/raw"
for secret in emmy@example.org 111-22-3333; do
    check "$secret does not lie on the topic" bash -c "! grep -qF '$secret' '$scratch/raw'"
done
