#!/usr/bin/env bash
# How do I start a server and talk to it with a client that I already have?
#
# Needs kcat (Debian: apt-get install kcat). Uses port 9092, or the one given.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${1:-9092}
data=$(mktemp -d)
log=$(mktemp)

set -m # a process group of its own: npx does not pass signals on to what it runs
npx -y deno@2.9.6 task serve --listen "127.0.0.1:$port" --data "$data" >"$log" 2>&1 &
server=$!
trap 'kill -- "-$server"; wait; rm -rf "$data" "$log"' EXIT
until grep -q "is ready" "$log"; do sleep 0.1; done
grep "is ready" "$log"

# A topic that does not exist yet is made by the first record.
printf 'one\ntwo\nthree\n' | kcat -P -b "127.0.0.1:$port" -t greetings -z zstd

# Everything in it, from the beginning to the end of today.
kcat -C -b "127.0.0.1:$port" -t greetings -o beginning -e -q -f '%o: %s\n'
