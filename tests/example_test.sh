#!/bin/bash
# examples/hello as its README says. Usage: example_test.sh BUILD PLATFORM
set -euo pipefail
EXAMPLE=hello
. "$(dirname "$0")/example.sh"
gcc -static -O2 -Wall -Wextra -Werror -o hello hello.c
mkdir data

LANG=de_DE HOST_SECRET=x "$enclavisor" run --platform "$platform" --print-measurement hello.toml >out 2>err ||
    fail "ended with $?"
expected='Good morning, world! (LANG is C.UTF-8)'
[[ $(cat out) == "$expected" ]] || fail "printed $(cat out)"
[[ $(cat data/result.txt) == "$expected" ]] || fail "wrote $(cat data/result.txt)"
[[ $(grep -c 'insecure: .*/data' err) -eq 1 ]] || fail "no line about what is insecure"
check_measurement hello.toml

echo 'Good evening' >greeting.conf
[[ $("$enclavisor" measure hello.toml) != "$measured" ]] || fail "the trusted file is not measured"
status=0
"$enclavisor" run --platform "$platform" hello.toml stranger >out 2>err || status=$?
[[ $status -eq 125 && ! -s out ]] || fail "arguments of the host were not refused"
echo "hello: as its README says"
