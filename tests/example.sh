# To be sourced by the tests of examples/: BUILD PLATFORM are the arguments, EXAMPLE names the
# folder. A copy of it is the working directory afterwards.
source=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "$1")
platform=$2
enclavisor=$build/bin/enclavisor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$source/examples/$EXAMPLE/." "$work"
cd "$work"

fail() { echo "FAILED: $*"; cat err; exit 1; }
# MANIFEST: ran with --print-measurement before, its messages in err.
check_measurement() {
    measured=$("$enclavisor" measure "$1")
    grep -q "measurement $measured" err || fail "the measurement is not $measured"
    "$source/tests/measure_spec.py" --compare "$enclavisor" "$build/runtime/enclavisor-runtime" "$1" >/dev/null
}
