#!/bin/bash
# The ROMs are the same bytes wherever they are built: two clean builds of two copies of the
# sources, in folders of different names, by no cache. Usage: reproducible_test.sh SOURCES ROM-TARGET...
set -euo pipefail
sources=$(realpath "$1")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER
export CCACHE_DISABLE=1

for place in one another/folder/further/below; do
    mkdir -p "$work/$place"
    tar -C "$sources" --exclude='./build*' --exclude=./.git --exclude=./corpus -cf - . | tar -C "$work/$place" -xf -
    cmake -S "$work/$place" -B "$work/$place/build-it" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo >"$work/log" ||
        { cat "$work/log"; exit 1; }
    cmake --build "$work/$place/build-it" --parallel 2 --target "$@" >"$work/log" || { cat "$work/log"; exit 1; }
done
for target in "$@"; do
    name=kernel/${target%-rom}.rom
    cmp "$work/one/build-it/$name" "$work/another/folder/further/below/build-it/$name"
    sha256sum "$work/one/build-it/$name" | sed "s|$work/one/build-it/||"
done
