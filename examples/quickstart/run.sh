#!/usr/bin/env bash
# Runs the quickstart: the receiver and the gateway, until Ctrl-C. The secrets
# are made at the first run, in a folder that git does not see.
#
#   run.sh <folder with the built programs>
set -euo pipefail

bin=$(cd "${1:?the folder with the built programs}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
state=$here/../../.quickstart
mkdir -p "$state" && chmod 700 "$state"
state=$(cd "$state" && pwd)

umask 077
for name in alice bob carol; do
  [ -s "$state/token-$name" ] || "$bin/curfew" token new >"$state/token-$name"
done
[ -s "$state/webhook-secret" ] || "$bin/curfew" token new --webhook >"$state/webhook-secret"

"$bin/receiver" -listen 127.0.0.1:9090 -secret-file "$state/webhook-secret" &
receiver=$!
exec {said}< <(exec "$bin/curfew" serve --config "$here/curfew.yaml" --log-level warn)
gateway=$!
tail --pid="$gateway" -f /dev/null & # the gateway is no job of this shell, which can wait for jobs only
gone=$!
stop() { kill "$gateway" "$receiver" "$gone" 2>/dev/null || true; wait "$gateway" "$receiver" 2>/dev/null || true; }
trap stop EXIT
trap 'exit 0' INT TERM

# The gateway says one line when it serves.
read -r -t 30 line <&"$said" || { echo "The gateway did not start; what it said stands above." >&2; exit 1; }
kill -0 "$receiver" 2>/dev/null || { echo "The receiver did not start; what it said stands above." >&2; exit 1; }
echo "$line"

cat <<EOF

Curfew runs at http://127.0.0.1:8080 and the receiver prints here what it is told. Try, in another terminal:

  $bin/curfew --token-file $state/token-alice request customer/acme debug --for 30s --reason 'PD-4711: checkout is slow'
  $bin/curfew --token-file $state/token-carol request customer/globex debug --for 2h --reason 'INC-12: stuck export'
  $bin/curfew --token-file $state/token-bob requests

The first is allowed, because Alice is on call: watch her access end here after 30 s. The second waits for Bob, who
sees it with the third. Ctrl-C ends both programs; the ledger stays in $state.

EOF
wait -n "$gone" "$receiver"
