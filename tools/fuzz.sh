#!/bin/bash
# Every libFuzzer target under ASan and UBSan. Usage: fuzz.sh SECONDS-EACH
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
CC=clang CXX=clang++ cmake -S . -B build-fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DENCLAVISOR_FUZZ=ON >/dev/null
mapfile -t targets < <(ninja -C build-fuzz -t targets all | sed -n 's/^\([a-z0-9_]*_fuzz\): phony$/\1/p' | grep -v "^cmake_" | sort -u)
[[ ${#targets[@]} -gt 0 ]] || { echo "no fuzz targets"; exit 1; }
ninja -C build-fuzz "${targets[@]}"
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target"
    echo "== $target, $seconds s"
    status=0
    options=()
    # Steps one after the other: short inputs reach nothing.
    [[ $target =~ ^(carrier|guest_side)_fuzz$ ]] && options=(-len_control=0 -max_len=1024)
    "build-fuzz/bin/$target" -max_total_time="$seconds" -print_final_stats=1 "${options[@]}" \
        -artifact_prefix="corpus/$target-" "corpus/$target" >"corpus/$target.log" 2>&1 || status=$?
    grep -E 'ERROR|SUMMARY|panic|invariant|stat::(number_of_executed_units|average_exec_per_sec)' "corpus/$target.log" || true
    [[ $status -eq 0 ]] || { echo "$target found something: see corpus/$target.log and corpus/$target-*"; exit 1; }
done
