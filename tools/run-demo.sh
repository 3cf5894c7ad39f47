#!/bin/bash
# make run: Debian's busybox, unmodified, hashes a file inside an enclave.
# Fails unless the digest equals the host's and the measurement that the
# attestation enclave took equals the one computed off-line.
# Usage: run-demo.sh BUILD [PLATFORM]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
platform=${2:-plain}
program=/bin/busybox
megabytes=${ENCLAVISOR_DEMO_MEGABYTES:-64}
enclavisor=$build/bin/enclavisor

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
file=$work/data

step() { printf '%-44s' "$1"; }
seconds() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f s", b - a }'; }

step "making a file of $megabytes MiB"
start=$EPOCHREALTIME
seq -f 'enclavisor demo line %.0f: the quick brown fox' 1 3000000 | head -c "${megabytes}M" >"$file" || true
[[ $(stat -c %s "$file") -eq $((megabytes << 20)) ]] || { echo "cannot write $file (disk full?)"; exit 1; }
seconds "$start" "$EPOCHREALTIME"; echo

step "sha256sum on the host"
start=$EPOCHREALTIME
host_digest=$(sha256sum "$file" | cut -d' ' -f1)
seconds "$start" "$EPOCHREALTIME"; echo

step "computing the measurement off-line"
expected=$("$enclavisor" measure "$program" | grep -oE '[0-9a-f]{96}' | head -1)
echo "done"

step "busybox sha256sum in an enclave ($platform)"
start=$EPOCHREALTIME
status=0
"$enclavisor" run --platform "$platform" --quiet --print-measurement "$program" sha256sum "$file" >"$work/out" 2>"$work/err" || status=$?
seconds "$start" "$EPOCHREALTIME"; echo
if [[ $status -ne 0 ]]; then
    echo "the enclave's program ended with status $status:"
    cat "$work/err"
    exit 1
fi
enclave_digest=$(cut -d' ' -f1 "$work/out")
reported=$(grep -oE '[0-9a-f]{96}' "$work/err" | head -1 || true)

echo
echo "digest on the host          $host_digest"
echo "digest from the enclave     $enclave_digest"
echo "measurement, off-line       $expected"
echo "measurement, as reported    $reported"
echo
[[ -n $host_digest && $host_digest == "$enclave_digest" ]] || { echo "FAILED: the digests differ"; exit 1; }
[[ -n $expected && $expected == "$reported" ]] || { echo "FAILED: the measurements differ"; exit 1; }
echo "Same digest, same measurement. The program was $program, unmodified."
