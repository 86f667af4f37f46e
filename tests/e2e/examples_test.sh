#!/usr/bin/env bash
# Every program of examples/: short enough to read, and it does what it says against `schloss dev`.
#   tests/e2e/examples_test.sh build/release/bin/schloss
set -uo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
SCHLOSS=$(realpath "$1")
build=$(dirname "$(dirname "$SCHLOSS")")
BUILD=$build/examples
export SCHLOSS BUILD

for source in "$root"/examples/*.c; do
    lines=$(wc -l <"$source")
    check "$(basename "$source") has at most 150 lines ($lines)" test "$lines" -le 150
    check "the Makefile builds $(basename "$source" .c)" grep -q "^PROGRAMS := .*\b$(basename "$source" .c)\b" "$root/examples/Makefile"
done

# says PROGRAM TEXT...: the program runs to its end and prints each text.
says() {
    local program=$1 text
    shift
    check "$program runs" timeout 120 "$root/examples/run" "$program" || return
    cp "$scratch/check.out" "$scratch/$program"
    for text in "$@"; do
        check "$program: $text" grep -qF -- "$text" "$scratch/$program"
    done
}

check "produce and consume run" timeout 120 "$root/examples/run" produce consume
cp "$scratch/check.out" "$scratch/both"
check "three records arrive" grep -qF "3 of 3 records are on customers; 6 values were encrypted" "$scratch/both"
check "and are read" grep -qF "2: Customer 2, customer2@example.org, 078-05-0002, Berlin" "$scratch/both"
says payload "rule encryptAll, KEK examples, AES256_GCM, DEK version 1: looks like ciphertext" \
    'read again: {"id":7,"name":"Emmy","email":"emmy@example.org","ssn":"111-22-3333","city":"Erlangen"}'
says rotation "day 0: written under DEK version 1" "day 1: written under DEK version 2" \
    "all 2 records are read; DEKs made here: 2"
says own_kms "ssn on the topic: ciphertext; read again: the same record"
says event_loop "customers: " "visits: " "contracts: "
says rule_executor '"email":"***********.org","ssn":"*******1120"' "id -1: RULE_CONDITION" \
    "idIsPositive (CEL, WRITE): 1 succeeded, 1 failed" "maskPII (MASK, READ): 1 succeeded, 0 failed"
says dead_letters "a letter for topic customers.dead, key 1" "source: import" "__rule.name: encryptPII" \
    "__rule.mode: WRITE" "__rule.subject: letters-value" "__rule.topic: letters" '"ssn":"<REDACTED>"' '"city":"London"'
check "no dead letter shows plaintext" bash -c "! grep -qF -e ada@example -e 078-05 '$scratch/dead_letters'"
says json "read again, byte for byte: yes"
says protobuf 'shop.Payment: {"id":"p-1","cents":"1250","card":{"number":"4012888888881881","year":2031}}' \
    'shop.Payment: {"id":"p-2","iban":"DE02120300000000202051","notes":["ring twice","gate 0815"]}'
check "an example that is none is refused" bash -c "! '$root/examples/run' nothing"
