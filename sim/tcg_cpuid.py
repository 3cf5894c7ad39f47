"""What CPUID answers on QEMU's TCG processor, as rows of sim/tcg_cpuid.cpp: a firmware of a page runs the
instruction for each leaf and writes the answers to a port. With --check FILE: whether FILE has these rows."""
import argparse
import pathlib
import struct
import subprocess
import tempfile

CPU = "max,-la57"
PORT = 0x402
# Leaves, and of those with subleaves which may say something.
INPUTS = [(0, 0), (1, 0), (7, 0), (7, 1)] + [(0xD, n) for n in range(20)]
INPUTS += [(0x80000000 + n, 0) for n in (0, 1, 2, 3, 4, 7, 8)]

FIRMWARE = """
    .code16
    .org 0
start:
    cli
    movw $inputs, %si
next:
    movl %cs:(%si), %eax
    movl %cs:4(%si), %ecx
    cmpl $0xffffffff, %eax
    je done
    cpuid
    call put
    movl %ebx, %eax
    call put
    movl %ecx, %eax
    call put
    movl %edx, %eax
    call put
    addw $8, %si
    jmp next
done:
    hlt
    jmp done
put:
    movl %edx, %edi
    movl $4, %ebp
1:  movw $PORT, %dx
    outb %al, %dx
    shrl $8, %eax
    decl %ebp
    jnz 1b
    movl %edi, %edx
    ret
inputs:
ROWS
    .long 0xffffffff, 0
    .org 0xfff0
    jmp start
    .org 0x10000
"""


def answers(qemu):
    rows = "\n".join(f"    .long {leaf:#x}, {subleaf}" for leaf, subleaf in INPUTS)
    text = FIRMWARE.replace("PORT", hex(PORT)).replace("ROWS", rows)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "rom.s").write_text(text)
        subprocess.run(["as", "--32", "-o", folder / "rom.o", folder / "rom.s"], check=True)
        subprocess.run(["ld", "-m", "elf_i386", "--oformat", "binary", "-Ttext", "0", "-e", "0", "-o", folder / "rom",
                        folder / "rom.o"], check=True)
        size = 16 * len(INPUTS)
        process = subprocess.Popen(
            [qemu, "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-accel", "tcg", "-cpu", CPU,
             "-bios", folder / "rom", "-chardev", "stdio,id=out", "-device", f"isa-debugcon,iobase={PORT},chardev=out"],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        try:
            data = process.stdout.read(size)
        finally:
            process.kill()
            process.wait()
    return {INPUTS[i]: struct.unpack_from("<4I", data, 16 * i) for i in range(len(INPUTS))}


def row(leaf, subleaf, values):
    eax, ebx, ecx, edx = values
    if leaf == 1:
        ebx &= 0x0000FFFF  # without the vCPU's number and how many there are
        ecx &= ~(1 << 27)  # OSXSAVE: as the guest's CR4 has it
    if leaf == 0x80000000:
        eax = 0x8000001F
    xcr0 = 1 if leaf == 0xD and subleaf <= 1 else 0
    return f"    {{{leaf:#x}, {subleaf}, {xcr0}, 0, {eax:#010x}, {ebx:#010x}, {ecx:#010x}, {edx:#010x}, 0}},"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--check", type=pathlib.Path)
    options = parser.parse_args()
    found = answers(options.qemu)
    rows = [row(*key, found[key]) for key in INPUTS if any(found[key])]
    if not options.check:
        print("\n".join(rows))
        return
    text = options.check.read_text()
    missing = [r for r in rows if r.strip().rstrip(",") not in text]
    if missing:
        raise SystemExit("\n".join([f"{options.check.name} is not what QEMU's CPU says; it lacks:"] + missing))


main()
