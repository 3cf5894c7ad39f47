#!/usr/bin/env python3
"""What the kernel's image may hold. Usage: check_image.py BUILD

No cryptography, no ELF parser and, outside their own images, nothing of the
simulations by symbol, no segment writable and
executable, and the budgets: 256 KiB without the attestation enclave (section
.attest), 8,000 lines of kernel source. The table at the ROM's end says where the
kernel's memory really is. Prints sizes and lines.
"""
import pathlib
import re
import struct
import sys
import uuid

from sources import files, read

SIZE_BUDGET = 256 * 1024
LINE_BUDGET = 8000
FORBIDDEN = re.compile(
    r"(?:^|_|\d)(?:br_|sha\d|hmac|aes|ecdsa|rsa|chacha|poly1305|gcm|hkdf|x25519|curve25519|openssl|mbedtls)"
    r"|elf_?(?:parse|load|header)|Elf(?:32|64)_", re.IGNORECASE)
PT_LOAD, PF_X, PF_W, SHT_SYMTAB, SHT_NOBITS, SHF_ALLOC = 1, 1, 2, 2, 8, 2
FOOTER = uuid.UUID("96b582de-1fb2-45f7-baea-a366c55a082d")
RESET = uuid.UUID("00f771de-1a7e-4fcb-890e-68c77e2fb44e")
SECRET = uuid.UUID("4c2eb361-7d9b-4cc3-8081-127c90d3d294")
METADATA = uuid.UUID("dc886566-984a-4798-a75e-5585a7bf67cc")
PAGES = pathlib.Path("kernel/boot/pages.hpp")
LOW_2G = 0x7FFFFFFF          # the kernel runs at -2 GiB plus where it lies
FRAMES_BEGIN = 4 << 20       # kImagePhys + kImageSize (kernel/memory/kernel_map.hpp)


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
                    name, _, _, section, value = struct.unpack_from("<IBBHQ", self.bytes, offset)
                    yield self.string(strings + name), section, value


def firmware_table(rom):
    """The entries of the table that ends 32 bytes before the ROM's end, by GUID; None: there is none."""
    at = len(rom) - 32 - 18
    size, guid = struct.unpack_from("<H16s", rom, at)
    if uuid.UUID(bytes_le=guid) != FOOTER:
        return None
    entries, begin = {}, len(rom) - 32 - size
    while at > begin:
        length, guid = struct.unpack_from("<H16s", rom, at - 18)
        entries[uuid.UUID(bytes_le=guid)] = rom[at - length:at - 18]
        at -= length
    return entries if at == begin else None


def check_table(rom, symbols):
    """Yields what the table says that is not so."""
    entries = firmware_table(rom)
    if entries is None or set(entries) != {RESET, SECRET, METADATA}:
        yield "the GUID table at its end is not whole"
        return
    if struct.unpack("<I", entries[RESET])[0] != symbols["ap_reset16"]:
        yield "the SEV-ES reset block does not say ap_reset16"
    at = len(rom) - struct.unpack("<I", entries[METADATA])[0]
    magic, size, version, count = struct.unpack_from("<4sIII", rom, at)
    if (magic, size, version, count) != (b"ASEV", 16 + 12 * 3, 1, 3):
        yield "the SEV metadata is not as this check knows it"
        return
    sections = [struct.unpack_from("<III", rom, at + 16 + 12 * i) for i in range(count)]
    kernel = (symbols["kernel_begin"] & LOW_2G, symbols["kernel_end"] - symbols["kernel_begin"], 1)
    if [s for s in sections if s[2] == 1] != [kernel]:
        yield f"the SEV metadata does not say that the kernel's memory is {kernel[0]:#x}+{kernel[1]:#x}"
    pages = {name: int(at, 16) for name, at in re.findall(r"#define (\w+_PAGE) (0x\w+)", read(PAGES))}
    if sorted(s for s in sections if s[2] != 1) != [
            (pages["SEV_SECRETS_PAGE"], 4096, 2), (pages["SEV_CPUID_PAGE"], 4096, 3)]:
        yield f"the SEV metadata does not say where secrets and CPUID are in {PAGES}"
    secret = struct.unpack("<II", entries[SECRET])
    if secret != (pages["LAUNCH_SECRET_PAGE"], 4096):
        yield f"the table does not say where the launch secret is in {PAGES}"
    areas = sorted([s[:2] for s in sections] + [secret])
    if any(a % 4096 or a + n > b for (a, n), (b, _) in zip(areas, areas[1:] + [(FRAMES_BEGIN, 0)])):
        yield "areas that the table names overlap each other or what the kernel gives away"


def check_image(path):
    elf = Elf(path)
    bad = []
    for flags, address in elf.segments():
        if flags & PF_X and flags & PF_W:
            bad.append(f"segment at {address:#x} is writable and executable")
    attest = {i for i, (name, _) in enumerate(elf.sections()) if name == ".attest"}
    if not attest:
        bad.append("no section .attest: the size without the attestation enclave is unknown")
    symbols = {}
    for name, section, value in elf.symbols():
        symbols[name] = value
        if section not in attest and FORBIDDEN.search(name):
            bad.append(f"symbol {name} looks like cryptography or an ELF parser")
    if not path.name.startswith("enclavisor-sim-"):
        if any("simulat" in name for name in symbols) or b"simulat" in path.with_suffix(".rom").read_bytes():
            bad.append("something of the simulations is in it")
    size = with_attest = 0
    for name, s in elf.sections():
        if s[2] & SHF_ALLOC and s[1] != SHT_NOBITS:
            with_attest += s[5]
            if name != ".attest":
                size += s[5]
    if size > SIZE_BUDGET:
        bad.append(f"{size} bytes, more than {SIZE_BUDGET}")
    print(f"  {path.name}: {size} bytes, {with_attest} with the attestation enclave (budget {SIZE_BUDGET})")
    bad += check_table(path.with_suffix(".rom").read_bytes(), symbols)
    for problem in bad:
        print(f"{path}: {problem}")
    return not bad


def code_lines(text):
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.DOTALL)
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("//"))


# Of what runs in ring 0 of a release. The simulations' part is told beside it.
def check_lines():
    total = {"kernel": 0, "simulation": 0}
    code = dict(total)
    for path in files(".hpp", ".cpp", ".S", ".inc", ".ld"):
        if path.parts[0] != "kernel" or path.parts[1] == "testing" or path.stem.endswith(("_test", "_fuzz")):
            continue
        part = "simulation" if path.parts[1] == "simulation" else "kernel"
        total[part] += read(path).count("\n")
        code[part] += code_lines(read(path))
    print(f"  kernel/: {code['kernel']} lines of code, {total['kernel']} with comments and blank lines "
          f"(budget {LINE_BUDGET} of code); simulations: {code['simulation']}")
    return code["kernel"] <= LINE_BUDGET


build = pathlib.Path(sys.argv[1])
images = sorted((build / "kernel").glob("enclavisor-*.elf"))
if not images:
    sys.exit(f"no kernel images in {build}/kernel")
ok = [check_image(image) for image in images]
sys.exit(0 if all(ok) & check_lines() else 1)
