#!/bin/bash
# examples/lua as its README says. Usage: lua_example_test.sh BUILD PLATFORM
set -euo pipefail
EXAMPLE=lua
. "$(dirname "$0")/example.sh"

"$enclavisor" run --platform "$platform" --print-measurement lua.toml >out 2>err || fail "ended with $?"
[[ $(cat out) == $'5\tis\n2\tenclave\n2\tmeasured' ]] || fail "printed $(cat out)"
! grep -q insecure err || fail "something is insecure"
check_measurement lua.toml

sed -i 's/enclave is/enclave was/' app/text.txt
[[ $("$enclavisor" measure lua.toml) != "$measured" ]] || fail "the text is not measured"
sed -i /libm.so.6/d lua.toml
status=0
"$enclavisor" run --platform "$platform" lua.toml >out 2>err || status=$?
[[ $status -eq 127 ]] && grep -q 'libm.so.6: cannot open shared object file' err || fail "without libm: $status"
echo "lua: as its README says"
