#!/bin/bash
# All checks that need no run. Usage: check.sh BUILD
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
failed=0
export PYTHONDONTWRITEBYTECODE=1
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        printf 'ok      %s\n' "$name"
        [[ -z $output ]] || printf '%s\n' "$output"
    else
        printf 'FAILED  %s\n%s\n' "$name" "$output"
        failed=1
    fi
}
check "format (clang-format 14)" tools/check_format.sh
check "include direction and cycles" python3 tools/check_includes.py
check "no paths of a machine, no package hosts" python3 tools/check_paths.py
check "file sizes and READMEs" python3 tools/check_size.py
check "kernel image and line count" python3 tools/check_image.py "$build"
check "generated pages of docs/" tools/docs.sh "$build" --check
check "lint (clang-tidy)" tools/check_lint.sh "$build"
if [[ $failed -ne 0 ]]; then echo "make check: FAILED"; else echo "make check: all passed"; fi
exit $failed
