# Sourced by the scripts beside it. Sets KAFKA_HERE, SCHLOSS_KAFKA_HOME, KAFKA_VERSION, KAFKA_LIBS, JAVA and the JVM flags;
# fetches the jars from Maven Central once (flock: safe from several shells).
# SCHLOSS_KAFKA_HOME: cache folder (default .cache/kafka of the repository, git-ignored).
# SCHLOSS_KAFKA_VERSION: Kafka release (default 4.3.1; 3.9.2 works too). SCHLOSS_KAFKA_HEAP: broker heap (default 512m).
KAFKA_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SCHLOSS_KAFKA_HOME=${SCHLOSS_KAFKA_HOME:-$(cd "$KAFKA_HERE/../.." && pwd)/.cache/kafka}
case $SCHLOSS_KAFKA_HOME in /*) ;; *) SCHLOSS_KAFKA_HOME=$PWD/$SCHLOSS_KAFKA_HOME ;; esac
KAFKA_VERSION=${SCHLOSS_KAFKA_VERSION:-4.3.1}
KAFKA_LIBS=$SCHLOSS_KAFKA_HOME/$KAFKA_VERSION/libs
JAVA=${JAVA_HOME:+$JAVA_HOME/bin/}java
# Quick start over peak speed. SCHLOSS_KAFKA_JVM overrides (say "-XX:+UseG1GC" for benchmarks).
KAFKA_JVM=${SCHLOSS_KAFKA_JVM--XX:+UseSerialGC -XX:TieredStopAtLevel=1}
KAFKA_JVM="$KAFKA_JVM -Xshare:auto -XX:-UsePerfData -Djava.awt.headless=true"
KAFKA_LOG="-Dorg.slf4j.simpleLogger.defaultLogLevel=${SCHLOSS_KAFKA_LOGLEVEL:-info} -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"

kafka_resolve() {
    [ -e "$KAFKA_LIBS/.complete" ] && return 0
    mkdir -p "$SCHLOSS_KAFKA_HOME/$KAFKA_VERSION"
    (
        flock 9
        [ -e "$KAFKA_LIBS/.complete" ] && exit 0
        mvn -q -B -f "$KAFKA_HERE/pom.xml" -Dkafka.version="$KAFKA_VERSION" dependency:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$KAFKA_LIBS" >&2 || exit 1
        # connect-file is a plugin (Connect loads it from plugin.path, not the class path)
        mvn -q -B dependency:copy -Dartifact=org.apache.kafka:connect-file:"$KAFKA_VERSION" \
            -DoutputDirectory="$SCHLOSS_KAFKA_HOME/$KAFKA_VERSION/plugins/connect-file" >&2 || exit 1
        : >"$KAFKA_LIBS/.complete"
    ) 9>"$SCHLOSS_KAFKA_HOME/$KAFKA_VERSION/.lock"
}

# wait_for SECONDS PID COMMAND...: until COMMAND succeeds; fails at once when PID is gone.
wait_for() {
    local limit=$1 pid=$2 end; shift 2
    end=$((SECONDS + limit))
    until "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || return 1
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}
