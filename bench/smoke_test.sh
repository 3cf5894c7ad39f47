#!/bin/bash
# The bench end to end, with two programs: in an enclave, in the Linux guest if
# `make bench` has fetched its kernel (a test touches no network), to page and picture.
# Usage: smoke_test.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$build/bin/enclavisor-bench" --work "$work/run" --kernel "$build/bench/linux" --recorded bench/recorded.json \
    --output "$work/results.json" --only micro python --platform plain | tee "$work/said"
python3 -B bench/figures.py "$work/results.json" "$work"

fail() { echo "FAILED: $1"; exit 1; }
[[ ! -e $work/run ]] || fail "the working directory is still there"
grep -q '^enclave, plain  *micro  *[0-9.]* s$' "$work/said" || fail "nothing measured in an enclave"
if [[ -s $build/bench/linux/vmlinux ]]; then
    grep -q '^Linux, tuned  *micro  *[0-9.]* s$' "$work/said" || fail "nothing measured in the Linux guest"
    grep -q '"measured": "in this run"' "$work/results.json" || fail "the results do not have it"
else
    grep -q '"measured": "earlier, recorded"' "$work/results.json" || fail "the recorded figures are not used"
fi
grep -q '^| null call (`getppid`) \[1\] | [0-9]* |' "$work/figures.md" || fail "no figure in the page"
for row in 'fork of a warm template to the first byte-code' 'with 30 imports, cold' 'with 30 imports, from a template'; do
    grep -q "^| python3:\\? $row \[[0-9]\] | [0-9]" "$work/figures.md" || fail "no figure of python3 $row"
done
grep -q '^| copy-on-write fault | not yet |' "$work/figures.md" || fail "what was not measured is not said"
grep -q '</svg>' "$work/figures.svg" || fail "no picture"

# A server in both needs a network for the guest.
if [[ -d $build/bench/linux/modules && $EUID = 0 && -w /dev/net/tun ]]; then
    "$build/bin/enclavisor-bench" --work "$work/run" --kernel "$build/bench/linux" --recorded bench/recorded.json \
        --output "$work/servers.json" --only redis --platform none --rounds 1
    python3 -B bench/figures.py "$work/servers.json" "$work" >/dev/null
    grep -q '^| redis-server, get \[1\] | [0-9,]* |  | [0-9,]* |' "$work/figures.md" || fail "no figure of redis-server"
fi
