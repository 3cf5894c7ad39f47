#!/bin/bash
# clang-format 14 leaves every source file as it is. With --fix: makes it so.
set -uo pipefail
cd "$(dirname "$0")/.."
sources() {
    git ls-files --cached --others --exclude-standard '*.hpp' '*.cpp' '*.c' |
        grep -v -x -f tools/format_exceptions.txt
}
if [[ ${1:-} == --fix ]]; then
    sources | xargs -P "$(nproc)" -n 8 clang-format-14 -i
    exit
fi
sources | xargs -P "$(nproc)" -I FILE sh -c \
    'clang-format-14 --dry-run -Werror FILE 2>/dev/null || { echo "FILE: run tools/check_format.sh --fix"; exit 1; }'
