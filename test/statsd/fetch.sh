#!/usr/bin/env bash
# Lays down the StatsD daemon for test/integration/statsd.test.ts: 1 MB in /var/cache/tallyman-statsd or $TALLYMAN_STATSD_CACHE.
# Does nothing when it is there. Not a devDependency: its optional dependencies are old native modules.
set -euo pipefail
cache=${TALLYMAN_STATSD_CACHE:-/var/cache/tallyman-statsd}
version=0.9.0
[[ -f $cache/stamp && $(<"$cache/stamp") == "$version" ]] && exit 0
rm -rf "$cache"
mkdir -p "$cache"
npm install --silent --no-audit --no-fund --omit=optional --ignore-scripts --prefix "$cache" "statsd@$version"
printf '%s\n' "$version" >"$cache/stamp"
