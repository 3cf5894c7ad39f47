#!/bin/bash
# docs/measurement.md, as measure_spec.py understood it, against `enclavisor
# measure`. Usage: measure_spec_test.sh BUILD
set -euo pipefail
tests=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compare() {
    "$tests/measure_spec.py" --compare "$build/bin/enclavisor" "$build/runtime/enclavisor-runtime" "$@" >"$work/out" ||
        { echo "FAILED: $*"; exit 1; }
    echo "$(cut -c1-16 "$work/out")... $*"
}
for program in /bin/busybox /bin/bash-static "$build"/tests/programs/{libc_tour,libc_tour_pie,cxx_tour,cxx_tour_pie,sqlite_inserts}; do
    compare "$program"
done
compare /bin/busybox $((300 << 20))
for program in "$build"/tests/programs/dynamic_tour /bin/ls /usr/bin/{lua5.4,perl,sqlite3,xz,openssl,python3}; do
    compare "$program"
done

# Every key that is measured; names whose order and form invite mistakes.
mkdir -p "$work"/files/{a,a.b,b/c/d}
for name in a/z a.b/y a-file b/c/d/deep 'with space' zero; do echo "$name" >"$work/files/$name"; done
: >"$work/files/zero"
chmod 700 "$work/files/a/z"
ln -s a-file "$work/files/link"
ln -s a "$work/files/linked-directory"
ln -s /nowhere "$work/files/dangling"
cp /bin/busybox "$work/program"
cat >"$work/all.toml" <<'END'
[loader]
entrypoint = "file:./program"
argv = ["ash", "-c", "echo \u00e4 'quoted'", ""]
env.ZED = "last"
env.A = "first = not"
env.A_B = ""
env.TERM = { passthrough = true }
env.HOME = { passthrough = true }
env.NOT = { passthrough = false }
insecure__use_host_identity = true
uid = 1000
gid = 4294967294
[enclave]
memory_limit = "100000001"
stack_size = "1M"
threads = 5
debug = false
[[fs.mounts]]
type = "trusted"
path = "/opt//app/./lib/"
uri = "file:files/"
[[fs.mounts]]
type = "tmpfs"
path = "/tmp"
[[fs.mounts]]
type = "insecure__passthrough"
path = "/host"
uri = "/usr/../etc"
[[fs.mounts]]
type = "trusted"
path = "/one"
uri = "files/a-file"
END
compare "$work/all.toml"
printf 'entrypoint = "program"\ninsecure__use_host_argv = true\ninsecure__use_host_env = true\n[[fs.mounts]]\ntype = "trusted"\npath = "/"\nuri = "files"\n' >"$work/little.toml"
compare "$work/little.toml"
printf 'entrypoint = "program"\nenclave.freeze = "input"\n' >"$work/frozen.toml"
compare "$work/frozen.toml"
printf '[group]\nmembers = ["little.toml", "frozen.toml"]\n' >"$work/group.toml"
compare "$work/group.toml"
