#!/bin/bash
# examples/function as its README says, and the gcc command of sdk/README.md.
# Usage: function_example_test.sh BUILD PLATFORM
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "$1")
platform=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

# What the README promises, which ends its block after the commands.
awk '/^2 \+ 3/ {on=1} /^```/ {on=0} on' "$source/examples/function/README.md" >"$work/expected"
[[ -s $work/expected ]] || fail "the README shows no output"
"$build/bin/function-example" "$build/bin/greeter" "$platform" >"$work/output" || fail "ended with $?"
diff "$work/expected" "$work/output" || fail "another output"

"$build/bin/function-example-c" "$build/bin/greeter" "$platform" >"$work/output" || fail "C: ended with $?"
printf '2 + 3 = 5\nGood morning, Ada!\nrefused: the entry point takes other arguments\n' | diff - "$work/output" ||
    fail "C: another output"

# The command line of sdk/README.md builds the same function elsewhere.
awk '/^g\+\+ /, /greeter.cpp/' "$source/sdk/README.md" >"$work/command"
[[ -s $work/command ]] || fail "sdk/README.md shows no command"
cp "$source/examples/function/greeter.cpp" "$work"
(cd "$work" && ENCLAVISOR=$source BUILD=$build bash -eu command) || fail "the command does not build it"
"$build/bin/function-example" "$work/greeter" "$platform" | diff "$work/expected" - || fail "built by hand: another output"
echo "function: as its README says"
