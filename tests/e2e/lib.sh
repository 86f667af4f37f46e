# shellcheck shell=bash
# Sourced by the end-to-end tests written in shell: checks with counts, a scratch folder, servers that end with the test.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
checks_passed=0 checks_failed=0
servers=()

at_end() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$scratch"
    echo "$checks_passed passed, $checks_failed failed, 0 skipped"
    [ "$checks_failed" -eq 0 ] && [ "$checks_passed" -gt 0 ] || exit 1
}
trap at_end EXIT

# check TEXT COMMAND...: counts; shows what the command printed when it fails.
check() {
    local text=$1 rc=0
    shift
    "$@" >"$scratch/check.out" 2>&1 </dev/null || rc=$?
    if [ "$rc" -eq 0 ]; then
        checks_passed=$((checks_passed + 1))
        echo "ok      $text"
    else
        checks_failed=$((checks_failed + 1))
        echo "FAILED  $text (exit $rc): $*"
        tail -n 30 "$scratch/check.out" | sed 's/^/  | /'
    fi
    return "$rc"
}

# start_dev SCHLOSS [ARGUMENT...]: starts `schloss dev`, exports SCHLOSS_REGISTRY and SCHLOSS_BOOTSTRAP.
start_dev() {
    "$@" >"$scratch/dev" 2>"$scratch/dev.err" &
    servers+=($!)
    local i
    for i in $(seq 200); do
        grep -q '^ready' "$scratch/dev" && break
        kill -0 "${servers[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    SCHLOSS_REGISTRY=$(sed -n 's/^registry=//p' "$scratch/dev")
    SCHLOSS_BOOTSTRAP=$(sed -n 's/^bootstrap=//p' "$scratch/dev")
    export SCHLOSS_REGISTRY SCHLOSS_BOOTSTRAP
    [ -n "$SCHLOSS_REGISTRY" ] && [ -n "$SCHLOSS_BOOTSTRAP" ] || {
        echo "schloss dev did not start in ${i:-0} tenths of a second"
        cat "$scratch/dev" "$scratch/dev.err"
        return 1
    }
}

# sanitizer_flags BINARY: what a program needs at compile time to use libraries of the same build.
# (No grep -q: it would close the pipe early, and pipefail takes that for a failure.)
sanitizer_flags() {
    if nm -D "$1" 2>/dev/null | grep __asan_init >/dev/null; then
        echo "-fsanitize=address,undefined"
    elif nm -D "$1" 2>/dev/null | grep __tsan_init >/dev/null; then
        echo "-fsanitize=thread"
    fi
}

# readme_example FILE: the C example of README.md, exactly as printed.
readme_example() {
    awk '/<!-- example:begin -->/ { on = 1; next } /<!-- example:end -->/ { on = 0 } on && !/^```/' "$root/README.md" >"$1"
}
