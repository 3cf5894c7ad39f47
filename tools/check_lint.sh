#!/bin/bash
# clang-tidy with the checks of .clang-tidy on the
# product sources. Usage: check_lint.sh BUILD
set -uo pipefail
cd "$(dirname "$0")/.."
build=$1
[[ -f $build/compile_commands.json ]] || { echo "no $build/compile_commands.json"; exit 1; }
# Tests say things in macros that clang-tidy dislikes; the product is what is linted.
python3 - "$build" <<'END' | xargs -P "$(nproc)" -n 4 clang-tidy-14 -p "$build" --quiet 2>/dev/null | grep -E 'error:|warning:' | sort -u
import json, os, sys
root = os.getcwd() + "/"
for entry in json.load(open(sys.argv[1] + "/compile_commands.json")):
    path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
    relative = path.removeprefix(root)
    if relative == path or not relative.endswith(".cpp"):
        continue
    if relative.split("/")[0] in ("attest", "kernel", "runtime", "host") and not relative.endswith(("_test.cpp", "_fuzz.cpp")):
        print(relative)
END
found=("${PIPESTATUS[@]}")
[[ ${found[2]} -ne 0 ]]
