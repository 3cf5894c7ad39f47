#!/bin/bash
# Checks the models with spin, exhaustively. Each has variants with one defence
# taken out, in which the checker must find the error: check.sh MODEL VARIANT...
set -euo pipefail
model=$(realpath "$1")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Prints "ok" or "error"; the rest of what spin says goes to a file.
verdict() {
    spin "$@" -a "$model" >spin.txt 2>&1 || { cat spin.txt >&2; exit 1; }
    gcc -O2 -w -DSAFETY -DNOFAIR -DVECTORSZ=2048 -o pan pan.c
    ./pan -m200000 >pan.txt 2>&1 || true
    if grep -q 'Search not completed\|max search depth too small' pan.txt && ! grep -q 'errors: [1-9]' pan.txt; then
        cat pan.txt >&2
        echo incomplete
    elif grep -q 'errors: 0' pan.txt; then
        echo ok
    else
        echo error
    fi
}

found=$(verdict)
echo "$(basename "$model"): $found ($(grep -o '[0-9]* states, stored' pan.txt | head -1))"
[[ $found == ok ]] || { cat pan.txt; exit 1; }
for variant in "$@"; do
    found=$(verdict "-D$variant")
    echo "$(basename "$model") with $variant: $found"
    [[ $found == error ]] || { echo "the checker finds nothing wrong with $variant: the model shows nothing" >&2; exit 1; }
done
