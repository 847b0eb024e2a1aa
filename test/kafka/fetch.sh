#!/usr/bin/env bash
# Lays down a Kafka broker for test/integration/kafka.test.ts: 46 MB in /var/cache/tallyman-kafka or $TALLYMAN_KAFKA_CACHE.
# Needs Java 17 and Maven. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")"
cache=${TALLYMAN_KAFKA_CACHE:-/var/cache/tallyman-kafka}
stamp=$(sha256sum <pom.xml)
[[ -f $cache/stamp && $(<"$cache/stamp") == "$stamp" ]] && exit 0
rm -rf "$cache"
mkdir -p "$cache"
mvn --batch-mode --quiet --file pom.xml -DincludeScope=runtime -DoutputDirectory="$cache/libs" dependency:copy-dependencies
printf '%s\n' "$stamp" >"$cache/stamp"
