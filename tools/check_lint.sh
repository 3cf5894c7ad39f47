#!/bin/bash
# clang-tidy, with the checks of .clang-tidy, on the product's sources (tests say
# things in macros that it dislikes). Usage: check_lint.sh BUILD
set -uo pipefail
cd "$(dirname "$0")/.."
build=$1
[[ -f $build/compile_commands.json ]] || { echo "no $build/compile_commands.json"; exit 1; }
database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT

# Each source once, with options that clang understands: it refuses to parse the
# standard library's headers under -mgeneral-regs-only; its own <limits.h> knows
# no IOV_MAX under -ffreestanding; its <cpuid.h> has other signs than GCC's.
python3 - "$build" "$database" <<'END' >"$database/sources"
import json, os, sys
root = os.getcwd() + "/"
chosen = {}
for entry in json.load(open(sys.argv[1] + "/compile_commands.json")):
    path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
    relative = path.removeprefix(root)
    if relative == path or not relative.endswith(".cpp") or relative.endswith(("_test.cpp", "_fuzz.cpp")):
        continue
    if relative.split("/")[0] in ("attest", "kernel", "runtime", "sdk", "host", "sim", "tools") and "/testing/" not in relative:
        words = [w for w in entry["command"].split()
                 if w not in ("-mgeneral-regs-only", "-mno-80387", "-Wno-restrict", "-Wno-invalid-noreturn", "-flto")]
        # The same source is also built for tests; the product's command wins.
        if relative not in chosen or "_test" not in entry["command"]:
            chosen[relative] = {**entry, "command": " ".join(words + ["-DIOV_MAX=1024", "-Wno-sign-compare"])}
json.dump(list(chosen.values()), open(sys.argv[2] + "/compile_commands.json", "w"))
print("\n".join(sorted(chosen)))
END
# GCC orders these two specialisations, clang 14 does not.
clang_differs='ambiguous partial specializations of .Invoke<'
xargs -P "$(nproc)" -n 4 clang-tidy-14 -p "$database" --quiet <"$database/sources" 2>/dev/null |
    grep -E 'error:|warning:' | grep -v "$clang_differs" | sort -u
found=${PIPESTATUS[2]}
echo "  $(wc -l <"$database/sources") sources"
[[ $found -ne 0 ]]
