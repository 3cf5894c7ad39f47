#!/bin/bash
# The pages of docs/ that are made from tables in the code, and the picture of
# the figures. Usage: docs.sh BUILD [--check]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
for page in forwarded-calls linux-calls; do
    "$build/bin/enclavisor-reference" "$page" >"$made/$page.md"
done
python3 bench/figures.py >"$made/figures.svg"
if [[ ${2:-} != --check ]]; then
    cp "$made"/* docs/
    exit
fi
status=0
for file in "$made"/*; do
    cmp -s "$file" "docs/${file##*/}" || { echo "docs/${file##*/}: out of date: run make docs"; status=1; }
done
exit $status
