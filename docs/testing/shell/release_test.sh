#!/usr/bin/env bash
# A release script's tests in a shell, against `otagw test-server`: needs curl and otagw.
set -euo pipefail

folder=$(mktemp -d)
otagw test-server --port-file "$folder/where.json" > "$folder/env" &
server=$!
trap 'kill "$server"; wait "$server" || true; rm -r "$folder"' EXIT
until [ -e "$folder/where.json" ]; do kill -0 "$server"; sleep 0.1; done
# shellcheck disable=SC1091
source "$folder/env"

# Tell the control API something; curl fails where an expectation does not hold, and prints why.
tell() { curl --silent --show-error --fail-with-body "$OTAGW_CONTROL$1" --data "${2:-{\}}"; echo; }

# Call an Action, signed by the key of the environment.
action() {
    curl --silent --show-error "$(otagw sign "$@" --endpoint "$OTAGW_PUBLIC_URL" \
        --id "$ALIBABA_CLOUD_ACCESS_KEY_ID" --secret "$ALIBABA_CLOUD_ACCESS_KEY_SECRET")"
}

echo "a create whose answer was lost is repeated with its token"
tell /reset > "$folder/out"
tell /faults '{"operation": "CreateOTAFirmware", "after": "commit", "times": 1}' > "$folder/out"
release=(CreateOTAFirmware FirmwareName=door-lock DestVersion=2.0.0 ClientToken=build-4711)
if action "${release[@]}" 2> "$folder/out"; then echo "the answer was not lost"; exit 1; fi
id=$(action "${release[@]}" | grep -o '[0-9]\{18\}')
action ListOTAFirmware CurrentPage=1 PageSize=10 | grep -q "$id"
tell /calls/expect '{"operation": "CreateOTAFirmware", "times": 2}' > "$folder/out"
tell /verify > "$folder/out"

echo "a throttled call is repeated"
tell /reset > "$folder/out"
tell /faults '{"operation": "ListOTAFirmware", "code": "Throttling.User", "times": 1}' > "$folder/out"
action ListOTAFirmware CurrentPage=1 PageSize=10 | grep -q '"Code":"Throttling.User"'
action ListOTAFirmware CurrentPage=1 PageSize=10 | grep -q '"Total":0'
tell /verify > "$folder/out"

echo "a rollout begins at its time"
tell /reset > "$folder/out"
tell /clock '{"freeze": "2026-11-22T12:00Z"}' > "$folder/out"
tell /seed '{
  "devices": [{"product": "a1lock", "count": 3}],
  "packages": [{"name": "door-lock", "version": "2.0.0", "product": "a1lock", "data": "new firmware"}],
  "jobs": [{"package": "door-lock", "schedule": "2026-11-23T02:00Z"}]
}' > "$folder/out"
tell /devices/play > "$folder/out"
tell /clock '{"advance": {"hours": 15}}' > "$folder/out"
action QueryOTAFirmware FirmwareId="$(action ListOTAFirmware CurrentPage=1 PageSize=10 | grep -o '[0-9]\{18\}' | head -1)" |
    grep -q '"DestVersion":"2.0.0"'
tell /calls/expect '{"operation": "device.version", "params": {"version": "2.0.0"}, "times": 3}' > "$folder/out"
echo "all held"
