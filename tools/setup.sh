#!/bin/bash
# Installs the Debian packages of tools/packages.txt that are missing; does
# nothing, and touches no network, when all are there. Asks no questions.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
while read -r package; do
    [[ -z $package || $package == \#* ]] && continue
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed ]] || missing+=("$package")
done <tools/packages.txt

[[ ${#missing[@]} -eq 0 ]] && exit 0

echo "setup: installing ${missing[*]}"
as_root=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: these packages are missing and there is neither root nor sudo; install them and retry:" >&2
        echo "  apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@"
}
# Stale or absent package lists are the usual reason for a failed installation.
apt install -y --no-install-recommends "${missing[@]}" 2>/dev/null && exit 0
apt update
apt install -y --no-install-recommends "${missing[@]}"
