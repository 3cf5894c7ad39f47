#!/bin/bash
# Fetches the kernel of Debian's cloud images and unpacks it: DIRECTORY/vmlinux, DIRECTORY/version
# and its drivers of virtio. Nothing is installed. Does nothing if they are there; says so,
# and succeeds, if they cannot be had.
# Usage: fetch_kernel.sh DIRECTORY
set -euo pipefail
directory=$1
[[ -s $directory/vmlinux && -s $directory/version && -s $directory/modules/virtio_blk.ko ]] && exit 0

give_up() {
    echo "bench: no Linux kernel ($1); its figures are the recorded ones" >&2
    exit 0
}
rm -rf "$directory"
mkdir -p "$directory/package"
# Readable for the user that apt downloads as.
cd "$directory/package"
package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
    sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -1) || true
[[ -n $package ]] || give_up "apt knows no linux-image-cloud-amd64"
echo "bench: fetching $package"
apt-get download -qq "$package" >../download.log 2>&1 || give_up "apt-get download fails: $(tail -1 ../download.log)"
dpkg -x ./*.deb . || give_up "dpkg cannot unpack $package"
image=$(echo boot/vmlinuz-*)

# The kernel itself lies compressed behind the code that would unpack it:
# Documentation/arch/x86/boot.rst, setup_sects and payload_offset, payload_length.
number() { od -An -t "u$2" -j "$1" -N "$2" "$image" | tr -d ' '; }
start=$((($(number $((0x1f1)) 1) + 1) * 512 + $(number $((0x248)) 4)))
length=$(number $((0x24c)) 4)
# The last four bytes are not the compressor's, but the size of what comes out.
head -c $((start + length - 4)) "$image" | tail -c $((length - 4)) | lz4 -dcq >../vmlinux.part ||
    give_up "$image is not as expected"
version=$(dpkg-deb -f ./*.deb Version)
cd ..
mv vmlinux.part vmlinux
mkdir modules
find package/lib/modules \( -name 'virtio*.ko' -o -name '*failover.ko' \) -exec cp {} modules \;
rm -r package download.log
echo "${package#linux-image-} (Debian $version)" >version
