#!/usr/bin/env bash
# Starts one Apache Kafka broker (KRaft, broker and controller in one process) and prints its bootstrap address.
#   kafka-up.sh PORT DIR [NAME=VALUE ...]
# PORT: client listener on 127.0.0.1 (controller: PORT+1). DIR: its data, log, pid (made when missing; kept when there).
# NAME=VALUE lines are added to server.properties and win over the defaults (say listeners=..., ssl.keystore.location=...).
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
. "$(dirname "$0")/kafka-env.sh"
port=$1 dir=$2; shift 2
kafka_resolve
mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
if [ -e "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; then echo "already running in $dir" >&2; exit 1; fi
cp="$KAFKA_LIBS/*"
node=${SCHLOSS_KAFKA_NODE:-1}
voters=${SCHLOSS_KAFKA_VOTERS:-$node@127.0.0.1:$((port + 1))}
rf=${SCHLOSS_KAFKA_RF:-1}
cluster=${SCHLOSS_KAFKA_CLUSTER_ID:-c2NobG9zcy10ZXN0LTAwMQ}
{
    cat <<P
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
log.dirs=$dir/data
num.partitions=1
default.replication.factor=$rf
min.insync.replicas=$(((rf + 1) / 2))
offsets.topic.replication.factor=$rf
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$rf
transaction.state.log.min.isr=$(((rf + 1) / 2))
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$rf
share.coordinator.state.topic.min.isr=$(((rf + 1) / 2))
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=true
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=2
background.threads=2
num.recovery.threads.per.data.dir=1
P
    for kv in "$@"; do printf '%s\n' "$kv"; done
} >"$dir/server.properties"
jvm="-Xms128m -Xmx${SCHLOSS_KAFKA_HEAP:-512m} $KAFKA_JVM $KAFKA_LOG"
# Class-data archive of this version: made from the first clean stop, halves the start after it.
jsa=$SCHLOSS_KAFKA_HOME/$KAFKA_VERSION/broker.jsa
if [ -s "$jsa" ]; then jvm="$jvm -XX:SharedArchiveFile=$jsa"
elif [ -z "${SCHLOSS_KAFKA_NO_CDS:-}" ]; then jvm="$jvm -XX:ArchiveClassesAtExit=$jsa.$$ -Xlog:cds=off -Xlog:cds+dynamic=off"; echo "$jsa.$$" >"$dir/jsa"; fi
if [ ! -e "$dir/data/meta.properties" ]; then
    # shellcheck disable=SC2086
    "$JAVA" -Xmx128m $KAFKA_JVM -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$cp" kafka.tools.StorageTool format \
        ${SCHLOSS_KAFKA_FORMAT:-} -t "$cluster" -c "$dir/server.properties" >"$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; exit 1; }
fi
: >"$dir/broker.log"
# shellcheck disable=SC2086
nohup setsid "$JAVA" $jvm ${SCHLOSS_KAFKA_OPTS:-} -cp "$cp" kafka.Kafka "$dir/server.properties" >"$dir/broker.log" 2>&1 </dev/null &
pid=$!; echo "$pid" >"$dir/pid"
if [ -z "${SCHLOSS_KAFKA_NO_WAIT:-}" ] &&
    ! wait_for 60 "$pid" grep -q 'Kafka Server started' "$dir/broker.log"; then
    echo "broker did not start; end of $dir/broker.log:" >&2; tail -20 "$dir/broker.log" >&2; exit 1
fi
echo "127.0.0.1:$port"
