#!/usr/bin/env bash
# Stops what kafka-up.sh started in DIR (SIGTERM, then SIGKILL after 20 s). kafka-down.sh DIR [--wipe]
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
dir=$1
if [ -e "$dir/pid" ]; then
    pid=$(cat "$dir/pid")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$dir/pid"
fi
# keep the class-data archive that the clean stop wrote
if [ -e "$dir/jsa" ]; then new=$(cat "$dir/jsa"); [ -s "$new" ] && mv -n "$new" "${new%.*}"; rm -f "$new" "$dir/jsa"; fi
[ "${2:-}" = --wipe ] && rm -rf "$dir"
exit 0
