#!/usr/bin/env python3
"""The launch digest of a firmware image, computed from docs/measurement.md ("The VM") alone.

Usage: launch_digest.py sev|sev-es|sev-snp IMAGE VCPUS SIGNATURE [FEATURES|legacy]
       launch_digest.py --compare ENCLAVISOR IMAGE

--compare: for all platforms and several numbers and models of vCPUs, as `enclavisor measure` has
it; and that a byte, a vCPU or a model more or less changes it. A second implementation that
shares no code with libenclavisor's.
"""
import hashlib
import itertools
import struct
import subprocess
import sys
import tempfile
import uuid

PAGE = 4096
FOOTER = "96b582de-1fb2-45f7-baea-a366c55a082d"
RESET = "00f771de-1a7e-4fcb-890e-68c77e2fb44e"
METADATA = "dc886566-984a-4798-a75e-5585a7bf67cc"
MODELS = {"EPYC-v4": 0x800F12, "EPYC-Rome": 0x830F10, "EPYC-Milan": 0xA00F11, "EPYC-Genoa": 0xA10F10,
          "EPYC-Turin": 0xB00F00, "0xa20f12": 0xA20F12}


class Image:
    def __init__(self, data):
        self.data = data
        end = len(data) - 32
        assert self.guid(end) == FOOTER, "no table"
        begin, at, entries = end - self.u16(end - 18), end - 18, {}
        while at > begin:
            size = self.u16(at - 18)
            entries[self.guid(at)] = data[at - size:at - 18]
            at -= size
        self.reset = int.from_bytes(entries[RESET], "little")
        metadata = data[len(data) - int.from_bytes(entries[METADATA], "little"):]
        assert metadata[:4] == b"ASEV"
        count = int.from_bytes(metadata[12:16], "little")
        self.sections = [struct.unpack_from("<III", metadata, 16 + 12 * i) for i in range(count)]

    def guid(self, end):
        return str(uuid.UUID(bytes_le=self.data[end - 16:end]))

    def u16(self, at):
        return int.from_bytes(self.data[at:at + 2], "little")


def vmsa(start, signature, features, legacy):
    page = bytearray(PAGE)

    def put(at, form, *values):
        struct.pack_into("<" + form, page, at, *values)

    # selector, attributes, limit, base
    for at in (0x00, 0x20, 0x30, 0x40, 0x50):
        put(at, "HHIQ", 0, 0x93, 0xFFFF, 0)
    put(0x10, "HHIQ", 0xF000, 0x9B, 0xFFFF, start >> 16 << 16)
    for at, attributes in ((0x60, 0), (0x70, 0x82), (0x80, 0), (0x90, 0x8B)):
        put(at, "HHIQ", 0, attributes, 0xFFFF, 0)
    for at, value in ((0xD0, 0x1000), (0x148, 0x40), (0x158, 0x10), (0x160, 0x400), (0x168, 0xFFFF0FF0), (0x170, 2),
                      (0x178, start % 0x10000), (0x268, 0x0007040600070406), (0x310, signature), (0x3B0, features),
                      (0x3E8, 1)):
        put(at, "Q", value)
    if not legacy:
        put(0x408, "I", 0x1F80)
        put(0x410, "H", 0x37F)
    return bytes(page)


def digest(platform, data, vcpus, signature, features=None, legacy=False):
    if platform == "sev":
        return hashlib.sha256(data).hexdigest()
    image = Image(data)
    if features is None:
        features = 0 if platform == "sev-es" else 1
    states = [vmsa(0xFFFFFFF0 if i == 0 else image.reset, signature, features, legacy) for i in range(vcpus)]
    if platform == "sev-es":
        return hashlib.sha256(data + b"".join(states)).hexdigest()
    pages = [(1, 0x100000000 - len(data) + at, data[at:at + PAGE]) for at in range(0, len(data), PAGE)]
    for base, size, kind in image.sections:
        pages += [({2: 5, 3: 6}.get(kind, 3), base + at, None) for at in range(0, size, PAGE)]
    pages += [(2, 0xFFFFFFFFF000, state) for state in states]
    current = bytes(48)
    for kind, address, contents in pages:
        hashed = bytes(48) if contents is None else hashlib.sha384(contents).digest()
        current = hashlib.sha384(current + hashed + struct.pack("<HB5xQ", 0x70, kind, address)).digest()
    return current.hex()


def measured(enclavisor, platform, path, vcpus, model, *options):
    return subprocess.run([enclavisor, "measure", "--platform", platform, "--firmware", path, "--vcpus", str(vcpus),
                           "--cpu-model", model, *options], check=True, capture_output=True, text=True).stdout.strip()


def compare(enclavisor, path):
    with open(path, "rb") as file:
        data = file.read()
    seen = {}
    cases = list(itertools.product(("sev-es", "sev-snp"), (1, 2, 5, 64), MODELS)) + [("sev", 1, "EPYC-v4")]
    for platform, vcpus, model in cases:
        variants = {"sev": {(): None},
                    "sev-es": {(): None, ("--legacy-vm-type",): None, ("--require", "debug-swap"): 0x20},
                    "sev-snp": {(): None, ("--sev-features", "0x21"): 0x21,
                                ("--require", "secure-tsc"): 0x201,
                                ("--require", "debug-swap,secure-tsc"): 0x221}}[platform]
        for options in variants if (vcpus, model) == (2, "EPYC-Milan") else [()]:
            features = variants[options]
            ours = digest(platform, data, vcpus, MODELS[model], features, "--legacy-vm-type" in options)
            theirs = measured(enclavisor, platform, path, vcpus, model, *options)
            case = f"{platform}, {vcpus} vCPUs, {model} {' '.join(options)}"
            if ours != theirs:
                sys.exit(f"{case}: {ours} here, {theirs} by enclavisor measure")
            # A number of vCPUs, a model or a feature is never without effect.
            if ours in seen:
                sys.exit(f"{case}: the same digest as {seen[ours]}")
            seen[ours] = case
    # A byte: the first, one of the kernel, the last; one of the table's, which moves the others' start.
    for at in (0, len(data) // 2, len(data) - 1, len(data) - 32 - 18 - 18 - 4):
        changed = bytearray(data)
        changed[at] ^= 1
        with tempfile.NamedTemporaryFile() as file:
            file.write(changed)
            file.flush()
            for platform in ("sev", "sev-es", "sev-snp"):
                theirs = measured(enclavisor, platform, file.name, 2, "EPYC-Milan")
                if theirs in seen or theirs != digest(platform, bytes(changed), 2, 0xA00F11):
                    sys.exit(f"{platform}: byte {at:#x} changed, and {theirs} measured")
                seen[theirs] = f"byte {at:#x} changed"
    print(f"{path}: {len(seen)} digests, equal and all different")


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(*sys.argv[2:])
    else:
        platform_, path_, vcpus_, signature_, *more = sys.argv[1:]
        with open(path_, "rb") as file_:
            print(digest(platform_, file_.read(), int(vcpus_), int(signature_, 0),
                         int(more[0], 0) if more and more[0] != "legacy" else None, "legacy" in more))
