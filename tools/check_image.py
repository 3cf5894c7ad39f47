#!/usr/bin/env python3
"""What the kernel's image may hold. Usage: check_image.py BUILD

No cryptography and no ELF parser by symbol, no segment writable and
executable, and the budgets: 256 KiB without the attestation enclave (section
.attest), 8,000 lines of kernel source. Prints sizes and lines.
"""
import pathlib
import re
import struct
import sys

from sources import files, read

SIZE_BUDGET = 256 * 1024
LINE_BUDGET = 8000
FORBIDDEN = re.compile(
    r"(?:^|_|\d)(?:br_|sha\d|hmac|aes|ecdsa|rsa|chacha|poly1305|gcm|hkdf|x25519|curve25519|openssl|mbedtls)"
    r"|elf_?(?:parse|load|header)|Elf(?:32|64)_", re.IGNORECASE)
PT_LOAD, PF_X, PF_W, SHT_SYMTAB, SHT_NOBITS, SHF_ALLOC = 1, 1, 2, 2, 8, 2


class Elf:
    def __init__(self, path):
        self.bytes = path.read_bytes()
        if self.bytes[:5] != b"\x7fELF\x02":
            sys.exit(f"{path}: not an ELF64 file")
        (self.phoff, self.shoff) = struct.unpack_from("<QQ", self.bytes, 32)
        (self.phentsize, self.phnum, self.shentsize, self.shnum, self.shstrndx) = struct.unpack_from(
            "<HHHHH", self.bytes, 54)

    def segments(self):
        for i in range(self.phnum):
            kind, flags, _, vaddr = struct.unpack_from("<IIQQ", self.bytes, self.phoff + i * self.phentsize)
            if kind == PT_LOAD:
                yield flags, vaddr

    def sections(self):
        raw = [struct.unpack_from("<IIQQQQIIQQ", self.bytes, self.shoff + i * self.shentsize)
               for i in range(self.shnum)]
        names = raw[self.shstrndx][4]
        for s in raw:
            yield self.string(names + s[0]), s

    def string(self, offset):
        return self.bytes[offset:self.bytes.index(b"\0", offset)].decode()

    def symbols(self):
        sections = [s for _, s in self.sections()]
        for s in sections:
            if s[1] == SHT_SYMTAB:
                strings = sections[s[6]][4]
                for offset in range(s[4], s[4] + s[5], 24):
                    name, _, _, section = struct.unpack_from("<IBBH", self.bytes, offset)
                    yield self.string(strings + name), section


def check_image(path):
    elf = Elf(path)
    bad = []
    for flags, address in elf.segments():
        if flags & PF_X and flags & PF_W:
            bad.append(f"segment at {address:#x} is writable and executable")
    attest = {i for i, (name, _) in enumerate(elf.sections()) if name == ".attest"}
    if not attest:
        bad.append("no section .attest: the size without the attestation enclave is unknown")
    for name, section in elf.symbols():
        if section not in attest and FORBIDDEN.search(name):
            bad.append(f"symbol {name} looks like cryptography or an ELF parser")
    size = with_attest = 0
    for name, s in elf.sections():
        if s[2] & SHF_ALLOC and s[1] != SHT_NOBITS:
            with_attest += s[5]
            if name != ".attest":
                size += s[5]
    if size > SIZE_BUDGET:
        bad.append(f"{size} bytes, more than {SIZE_BUDGET}")
    print(f"  {path.name}: {size} bytes, {with_attest} with the attestation enclave (budget {SIZE_BUDGET})")
    for problem in bad:
        print(f"{path}: {problem}")
    return not bad


def code_lines(text):
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.DOTALL)
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("//"))


def check_lines():
    total = code = 0
    for path in files(".hpp", ".cpp", ".S", ".ld"):
        if path.parts[0] == "kernel" and not path.stem.endswith(("_test", "_fuzz")):
            total += read(path).count("\n")
            code += code_lines(read(path))
    print(f"  kernel/: {code} lines of code, {total} with comments and blank lines (budget {LINE_BUDGET})")
    return total <= LINE_BUDGET


build = pathlib.Path(sys.argv[1])
images = sorted((build / "kernel").glob("enclavisor-*.elf"))
if not images:
    sys.exit(f"no kernel images in {build}/kernel")
ok = [check_image(image) for image in images]
sys.exit(0 if all(ok) & check_lines() else 1)
