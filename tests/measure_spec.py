#!/usr/bin/env python3
"""The measurement of a program or manifest, computed from docs/measurement.md alone.

Usage: measure_spec.py RUNTIME PROGRAM|MANIFEST.toml [LIMIT-IN-BYTES]
       measure_spec.py --compare ENCLAVISOR RUNTIME PROGRAM|MANIFEST.toml [LIMIT-IN-BYTES]

A third implementation beside the VM's and libenclavisor's; it shares no code with them.
"""
import hashlib
import os
import re
import struct
import subprocess
import sys
import tomllib

PAGE = 4096
PIE_BASE, INTERPRETER_BASE = 0x555555554000, 0x7EF000000000
CONFIG, BLOCK, IO_WINDOW = 0x7F1000000000, 0x7F2000000000, 0x7F3000000000
MOUNT_TYPES = {"trusted": 1, "tmpfs": 2, "insecure__passthrough": 3}


def down(address):
    return address // PAGE * PAGE


def up(address):
    return down(address + PAGE - 1)


class Elf:
    def __init__(self, path, pie_base=PIE_BASE):
        with open(path, "rb") as file:
            self.bytes = file.read()
        kind, = struct.unpack_from("<H", self.bytes, 16)
        self.entry, table, self.section_table = struct.unpack_from("<QQQ", self.bytes, 24)
        _, _, self.count, _, self.section_count, _ = struct.unpack_from("<HHHHHH", self.bytes, 52)
        self.base = pie_base if kind == 3 else 0
        self.segments, self.headers, self.interpreter = [], 0, None
        for i in range(self.count):
            kind, flags, offset, address, _, in_file, in_memory, _ = struct.unpack_from(
                "<IIQQQQQQ", self.bytes, table + 56 * i)
            if kind == 3:
                self.interpreter = self.bytes[offset:offset + in_file - 1].decode()
            if kind != 1 or in_memory == 0 or flags == 0:
                continue
            permissions = 1 | (flags & 2) | (4 if flags & 1 else 0)
            self.segments.append((self.base + address, self.bytes[offset:offset + in_file], in_memory, permissions))
            if offset <= table and table + 56 * self.count <= offset + in_file:
                self.headers = self.base + address + table - offset

    def begin(self):
        return self.segments[0][0]

    def end(self):
        return self.segments[-1][0] + self.segments[-1][2]

    def symbol(self, wanted):
        sections = [struct.unpack_from("<IIQQQQIIQQ", self.bytes, self.section_table + 64 * i)
                    for i in range(self.section_count)]
        for section in sections:
            if section[1] != 2:
                continue
            strings = sections[section[6]][4]
            for offset in range(section[4], section[4] + section[5], 24):
                name, _, _, defined, value = struct.unpack_from("<IBBHQ", self.bytes, offset)
                end = self.bytes.index(b"\0", strings + name)
                if defined and self.bytes[strings + name:end] == wanted:
                    return value
        sys.exit(f"no symbol {wanted}")


class Stream:
    def __init__(self):
        self.hash = hashlib.sha384()

    def record(self, kind, *fields):
        self.hash.update(struct.pack("<8s7Q", kind, *fields, *[0] * (7 - len(fields))))

    def segment(self, address, contents, in_memory, permissions):
        filled = down(address)
        if contents:
            filled = up(address + len(contents))
            padded = bytes(address - down(address)) + contents
            padded += bytes(filled - down(address) - len(padded))
            for offset in range(0, len(padded), PAGE):
                self.record(b"EADPAGE\0", down(address) + offset, permissions)
                self.hash.update(padded[offset:offset + PAGE])
        while filled < up(address + in_memory):
            pages = min((up(address + in_memory) - filled) // PAGE, 65536)
            self.record(b"EADZERO\0", filled, pages, permissions)
            filled += pages * PAGE


def item(tag, payload):
    return struct.pack("<II", tag, len(payload)) + payload + bytes(-len(payload) % 8)


def configuration(elf, interpreter, options, executable, arguments=(), variables=(), from_host=(), mounts=(), files=(), links=()):
    headers = (elf.headers, elf.count) if elf.headers else (0, 0)
    first = (interpreter.base + interpreter.entry, interpreter.base, interpreter.headers, interpreter.count) \
        if interpreter else (0, 0, 0, 0)
    text = item(1, struct.pack("<10Q", elf.base + elf.entry, elf.base, *headers, up(elf.end()), down(elf.begin()),
                               *first))
    text += item(2, struct.pack("<6Q", *options)) + item(8, executable.encode())
    for tag, strings in ((3, arguments), (4, variables), (5, from_host)):
        text += b"".join(item(tag, string.encode()) for string in strings)
    for kind, path, uri in mounts:
        path, uri = path.encode(), uri.encode()
        text += item(6, struct.pack("<4I", kind, len(path), len(uri), 0) + path + uri)
    for path, real in files:
        with open(real, "rb") as file:
            contents = file.read()
        hashes = [hashlib.sha256(contents[at:at + 16384]).digest() for at in range(0, len(contents), 16384)]
        root = hashlib.sha256(struct.pack("<Q", len(contents)) + b"".join(hashes)).digest()
        mode = os.stat(real).st_mode & 0o555
        text += item(7, struct.pack("<Q32sII", len(contents), root, mode, 0) + path.encode())
    for path, real in links:
        path, target = path.encode(), os.readlink(real).encode()
        text += item(9, struct.pack("<2I", len(path), len(target)) + path + target)
    return struct.pack("<QQ", 0x31474643434E45, 16 + len(text)) + text


def measure(runtime, program, interpreter, limit, threads, config):
    stream = Stream()
    text, = [s for s in runtime.segments if s[3] & 4]
    stream.record(b"ECREATE\0", limit // PAGE, down(text[0]), up(text[0] + text[2]),
                  runtime.symbol(b"enclavisor_syscall_entry"), runtime.symbol(b"enclavisor_exception_entry"), 0)
    first = interpreter.segments if interpreter else []
    for segment in runtime.segments + program.segments + first + [(CONFIG, config, len(config), 1)]:
        stream.segment(*segment)
    stream.record(b"EADTHRD\0", runtime.entry, BLOCK, IO_WINDOW, 65 + 18 * (threads - 1))
    stream.record(b"EESEAL\0\0")
    return stream.hash.hexdigest()


# --- The manifest ----------------------------------------------------------

def size(text):
    number, unit = re.fullmatch(r"(\d+)([KMGT]?)(?:i?B)?", text).groups()
    return up(int(number) << 10 * (" KMGT".index(unit) if unit else 0))


def normal(path):
    return re.sub(r"^//+", "/", os.path.normpath(path))


def trusted(path, real):
    if not os.path.isdir(real):
        return [(path, real)], []
    found = []
    for folder, folders, names in os.walk(real):
        found += [os.path.join(folder, name) for name in folders + names]
    found.sort(key=lambda p: p.encode().split(b"/"))
    named = [(path.rstrip("/") + "/" + os.path.relpath(p, real), p) for p in found]
    return [pair for pair in named if os.path.isfile(pair[1]) and not os.path.islink(pair[1])], \
        [pair for pair in named if os.path.islink(pair[1])]


def plan_manifest(path):
    with open(path, "rb") as file:
        manifest = tomllib.load(file)
    tables = [manifest] + [manifest.get(name, {}) for name in ("loader", "enclave", "libos")]

    def key(name, otherwise):
        return next((t[name] for t in tables if name in t), otherwise)

    folder = os.path.dirname(os.path.abspath(path))
    entrypoint = key("entrypoint", "").removeprefix("file:")
    program = Elf(os.path.join(folder, entrypoint))
    host_arguments = key("insecure__use_host_argv", key("insecure__use_cmdline_argv", False))
    flags = host_arguments + 2 * key("insecure__use_host_env", False) + 4 * key("insecure__use_host_identity", False)
    flags += 8 * (key("freeze", None) == "input")
    limit = size(key("memory_limit", "256M"))
    threads = key("threads", 16)
    options = (flags, size(key("stack_size", "8M")), limit, threads, key("uid", 0), key("gid", 0))
    executable = normal("/" + entrypoint)
    arguments = [] if host_arguments else key("argv", []) or [executable]
    environment = key("env", {})
    variables = sorted(f"{n}={v}".encode() for n, v in environment.items() if isinstance(v, str))
    from_host = sorted(n for n, v in environment.items() if isinstance(v, dict) and v.get("passthrough"))
    mounts, files, links = [], [], []
    for mount in manifest.get("fs", {}).get("mounts", []):
        point = normal(mount["path"])
        uri = normal(os.path.join(folder, mount["uri"].removeprefix("file:"))) if "uri" in mount else ""
        mounts.append((MOUNT_TYPES[mount["type"]], point, uri))
        if mount["type"] == "trusted":
            below = trusted(point, uri)
            files += below[0]
            links += below[1]
    interpreter = None
    if program.interpreter:
        covering = [(point, uri) for _, point, uri in mounts
                    if uri and (program.interpreter + "/").startswith(point.rstrip("/") + "/")]
        point, uri = max(covering, key=lambda mount: len(mount[0]), default=("/", "/"))
        interpreter = Elf(normal(uri + "/" + program.interpreter.removeprefix(point)), INTERPRETER_BASE)
    return program, interpreter, limit, threads, configuration(program, interpreter, options, executable, arguments,
                                                  [v.decode() for v in variables], from_host, mounts, files, links)


def plan_program(path, limit):
    program = Elf(path)
    options = (7, 8 << 20, limit, 16, 0, 0)
    interpreter, libraries, mounts = None, [], [(3, "/", "/")]
    if program.interpreter:
        interpreter = Elf(program.interpreter, INTERPRETER_BASE)
        # Asked of the interpreter itself; libenclavisor has a search of its own.
        found = subprocess.run([program.interpreter, "--list", os.path.realpath(path)], check=True, env={},
                               capture_output=True, text=True).stdout
        libraries = sorted(set(re.findall(r" => (/\S+)", found)) - {program.interpreter})
        mounts += [(1, "/", "/")] if libraries else []
    return program, interpreter, limit, 16, configuration(program, interpreter, options, os.path.realpath(path),
                                                          mounts=mounts, files=[(l, l) for l in libraries])


def measure_target(runtime, target, limit):
    if not target.endswith(".toml"):
        return measure(Elf(runtime), *plan_program(target, limit))
    with open(target, "rb") as file:
        members = tomllib.load(file).get("group", {}).get("members", [])
    if not members:
        return measure(Elf(runtime), *plan_manifest(target))
    stream = struct.pack("<8s7Q", b"EGROUP", len(members), *[0] * 6)
    for member in members:
        digest = measure_target(runtime, os.path.join(os.path.dirname(target), member), limit)
        stream += struct.pack("<8s48s8x", b"EMEMBER", bytes.fromhex(digest))
    stream += struct.pack("<8s56x", b"EESEAL")
    return hashlib.sha384(stream).hexdigest()


def main(words):
    command = words.pop(0) and words.pop(0) if words[0] == "--compare" else None
    runtime, target, *limit = words
    ours = measure_target(runtime, target, int(limit[0]) if limit else 256 << 20)
    print(ours)
    if command:
        options = ["--limit", limit[0]] if limit else []
        theirs = subprocess.run([command, "measure", target, *options], check=True, capture_output=True,
                                text=True).stdout.strip()
        if ours != theirs:
            sys.exit(f"{command} says {theirs}")


main(sys.argv[1:])
