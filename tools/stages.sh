# shellcheck shell=bash
# Sourced by tools/test-all and .ci/run: runs named stages, keeps their minutes and counts, prints a table at the end.
# Stages go on after one failed, so that one run tells everything.
stage_logs=${stage_logs:-build/logs}
stage_table=()
stage_sum=(0 0 0)
# What runs in the background of a script ignores Ctrl-C: pass it on to everything that was started here.
trap 'trap - INT TERM; kill -TERM 0; exit 130' INT TERM

# stage NAME COMMAND...: runs it, output to the terminal and to build/logs/stage-NAME.log. 0 when nothing failed.
# What only builds prints no count and adds none, unless it fails.
stage() {
    local name=$1 log=$stage_logs/stage-$1.log began=$EPOCHREALTIME rc=0 line counts
    shift
    mkdir -p "$stage_logs"
    printf '\n== %s\n' "$name"
    "$@" >"$log.raw" 2>&1 </dev/null &
    local pid=$!
    tail -n +1 -s 0.2 --pid="$pid" -f "$log.raw" 2>/dev/null
    wait "$pid" || rc=$?
    mv "$log.raw" "$log"
    line=$(tail -n 400 "$log" | grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' | tail -n 1)
    read -r -a counts <<<"$(tr -dc '0-9 ' <<<"${line:-0 0 0}")"
    if [ "$rc" -ne 0 ] && [ "${counts[1]}" -eq 0 ]; then
        counts[1]=1
    fi
    local i
    for i in 0 1 2; do
        stage_sum[i]=$((stage_sum[i] + counts[i]))
    done
    stage_table+=("$(awk -v n="$name" -v a="$began" -v b="$EPOCHREALTIME" -v p="${counts[0]}" -v f="${counts[1]}" \
        -v s="${counts[2]}" -v rc="$rc" 'BEGIN { printf "  %-28s %5.1f min %6d passed %4d failed %4d skipped%s", n,
        (b - a) / 60, p, f, s, rc ? "   exit " rc : "" }')")
    [ "${counts[1]}" -eq 0 ]
}

# stages_end: the table and the closing line; 1 when anything failed or nothing ran.
stages_end() {
    printf '\n== minutes per stage\n'
    printf '%s\n' "${stage_table[@]}"
    printf '\n%d passed, %d failed, %d skipped\n' "${stage_sum[@]}"
    [ "${stage_sum[1]}" -eq 0 ] && [ "${stage_sum[0]}" -gt 0 ]
}
