#!/usr/bin/env python3
"""The model as its peers see it, by a second implementation that shares nothing with it but the documents: it
launches a guest, sends its messages, and verifies what comes back with OpenSSL's command.

Usage: model_test.py PROGRAM [ROOT.der...]   # roots under which its certificates must not be accepted
"""
import hashlib
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import uuid

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from report_verifier import accepts, chain_holds, extensions, openssl, pem

PROGRAM, ROOTS = sys.argv[1], sys.argv[2:]
POLICY = 0x30000
ARK, ASK, ASVK, VCEK, VLEK, LIST, SEV_ARK, SEV_ASK, CEK = range(9)


class Model:
    def __init__(self, folder, *options):
        self.path = str(folder / "socket")
        reader, writer = os.pipe()
        self.process = subprocess.Popen([PROGRAM, "--socket", self.path, "--ready-fd", str(writer), *options],
                                        pass_fds=[writer])
        os.close(writer)
        assert os.read(reader, 6) == b"ready\n"
        os.close(reader)
        self.socket = self.connect()

    def connect(self):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(self.path)
        return peer

    @staticmethod
    def receive(peer, size):
        data = b""
        while len(data) < size:
            more = peer.recv(size - len(data))
            assert more, "the model has hung up"
            data += more
        return data

    def try_ask(self, command, payload=b"", peer=None):
        peer = peer or self.socket
        peer.sendall(struct.pack("<II", command, len(payload)) + payload)
        status, size = struct.unpack("<II", self.receive(peer, 8))
        return status, self.receive(peer, size)

    def ask(self, command, payload=b""):
        status, reply = self.try_ask(command, payload)
        assert status == 0, f"command {command:#x} is refused with {status:#x}"
        return reply

    def certificate(self, kind, tcb=0):
        return self.ask(0x200, struct.pack("<IIQ", kind, 0, tcb))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait() == 0
        assert not os.path.exists(self.path)


class Guest:
    """Launched with one page of zeros and its secrets page."""

    def __init__(self, model):
        self.model, self.count = model, 0
        self.number = struct.unpack("<I", model.ask(0x93))[0]
        model.ask(0xA0, struct.pack("<IIQII16x", self.number, 0, POLICY, 0, 0))
        model.ask(0x91, struct.pack("<II", self.number, self.number))
        self.digest = bytes(48)
        self.page(0x1000, 1, bytes(range(256)) * 16)
        secrets = self.page(0x2000, 5, bytes(4096))
        self.key = secrets[0x20:0x40]
        self.host_data = os.urandom(32)
        model.ask(0xA2, struct.pack("<IIII32s", self.number, 0, 0, 0, self.host_data) + bytes(96 + 4096))

    def page(self, address, kind, contents):
        outcome = self.model.ask(0x110, struct.pack("<QQII", address, address, self.number, 3))
        assert outcome == bytes(4)
        hashed = hashlib.sha384(contents).digest() if kind == 1 else bytes(48)
        info = self.digest + hashed + struct.pack("<HBBBBBBQ", 0x70, kind, 0, 0, 0, 0, 0, address)
        self.digest = hashlib.sha384(info).digest()
        return self.model.ask(0xA1, struct.pack("<IIQBBBBBB2x", self.number, 0, address, kind, 0, 0, 0, 0, 0) + contents)

    def seal(self, kind, text):
        number = struct.pack("<Q", self.count + 1)
        head = struct.pack("<BBHBBHIB35x", 1, 1, 0x60, kind, 1, len(text), 0, 0)
        sealed = AESGCM(self.key).encrypt(number + bytes(4), text, head)
        page = sealed[-16:] + bytes(16) + number + bytes(8) + head + sealed[:-16]
        return page.ljust(4096, b"\0")

    def open(self, page, kind):
        number, head = page[0x20:0x28], page[0x30:0x60]
        assert struct.unpack("<Q", number)[0] == self.count + 2
        assert head[4] == kind + 1
        size = struct.unpack_from("<H", head, 6)[0]
        self.count += 2
        return AESGCM(self.key).decrypt(number + bytes(4), page[0x60:0x60 + size] + page[:16], head)

    def extended_report(self, report_data):
        message = self.seal(5, struct.pack("<64sII24x", report_data, 0, 0))
        head = struct.pack("<II", self.number, 0)
        error, _, pages, _ = struct.unpack("<IIII", self.model.ask(0x100, head + message))
        assert error == 1 and pages > 0, "no room for certificates must not be enough"
        reply = self.model.ask(0x100, struct.pack("<II", self.number, pages) + message)
        assert struct.unpack_from("<II", reply) == (0, 0)
        table, page = reply[16:16 + pages * 4096], reply[16 + pages * 4096:]
        text = self.open(page, 5)
        assert struct.unpack_from("<II", text) == (0, 1184)
        return text[32:], read_table(table)


def read_table(table):
    names = {"63da758d-e664-4564-adc5-f4b93be8accd": "vcek", "4ab7b379-bbac-4fe4-a02f-05aef327c782": "ask",
             "c0b406a4-a803-4952-9743-3fb6014cd0ae": "ark"}
    found, at = {}, 0
    while any(table[at:at + 24]):
        guid = uuid.UUID(bytes_le=table[at:at + 16])
        offset, size = struct.unpack_from("<II", table, at + 16)
        found[names[str(guid)]] = table[offset:offset + size]
        at += 24
    return found


def check_report(folder, model):
    model.ask(0x81)
    guest, nonce = Guest(model), os.urandom(64)
    report, certificates = guest.extended_report(nonce)
    assert len(report) == 1184 and struct.unpack_from("<I", report)[0] == 5
    assert report[0x50:0x90] == nonce and report[0x90:0xC0] == guest.digest and report[0xC0:0xE0] == guest.host_data
    root = certificates["ark"]
    assert root == model.certificate(ARK) and certificates["ask"] == model.certificate(ASK)
    assert accepts(folder, root, report, certificates)
    for offset in (0, 0x8, 0x50, 0x90, 0x187, 0x29F, 0x2A0, 0x2E8, 0x330):
        changed = bytearray(report)
        changed[offset] ^= 1
        assert not accepts(folder, root, bytes(changed), certificates), f"changed at {offset:#x}"
    # The VCEK of another TCB is another key, and says so.
    other = dict(certificates, vcek=model.certificate(VCEK, struct.unpack_from("<Q", report, 0x180)[0] - (1 << 56)))
    assert chain_holds(folder, root, other["ask"], other["vcek"])
    assert not accepts(folder, root, report, other)
    for path in ROOTS:
        foreign = pathlib.Path(path).read_bytes()
        assert not accepts(folder, foreign, report, certificates), path
        print(f"refused under {path}")
    return report, certificates


def check_text(model):
    for kind in (ARK, ASK, ASVK, VCEK):
        text = openssl("x509", "-inform", "DER", "-noout", "-text", data=model.certificate(kind)).stdout.decode()
        for word in ("Signature Algorithm: rsassaPss", "Hash Algorithm: sha384", "Salt Length: 0x30",
                     "description = \"SIMULATION by Enclavisor, not AMD\""):
            assert word in text, f"{word} is not in\n{text}"
        assert ("Public-Key: (384 bit)" if kind == VCEK else "Public-Key: (4096 bit)") in text
        assert ("CA:TRUE" in text) == (kind != VCEK)


def check_vlek(folder, model, root):
    assert model.try_ask(0x200, struct.pack("<IIQ", VLEK, 0, 0))[0] == 0x27
    tcb = struct.unpack_from("<Q", model.ask(0x83), 24)[0]
    model.ask(0xCD, struct.pack("<Q", tcb) + b"CN=cloud.example")
    leaf = model.certificate(VLEK)
    assert chain_holds(folder, root, model.certificate(ASVK), leaf)
    assert not chain_holds(folder, root, model.certificate(ASK), leaf)
    assert extensions(leaf)["5"] == b"\x16\x10CN=cloud.example" and "4" not in extensions(leaf)


def check_list(folder, model):
    ark, ask = pem(folder, "ark", model.certificate(ARK)), pem(folder, "ask", model.certificate(ASK))

    def standing():
        path = folder / "list.pem"
        path.write_bytes(openssl("crl", "-inform", "DER", data=model.certificate(LIST)).stdout)
        assert openssl("crl", "-in", str(path), "-CAfile", ark, "-noout").stderr.strip() == b"verify OK"
        return openssl("verify", "-crl_check", "-CAfile", ark, "-CRLfile", str(path), ask)
    assert standing().returncode == 0
    model.ask(0x203, struct.pack("<I", ASK))
    assert b"certificate revoked" in standing().stderr
    assert model.try_ask(0x203, struct.pack("<I", VCEK))[0] == 0x16


def check_sev_chain(model):
    def signer(certificate):
        assert len(certificate) == 0x40 + 3 * 512
        exponent, modulus = (int.from_bytes(certificate[at:at + 512], "little") for at in (0x40, 0x240))
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()

    def holds(key, signed, signature):
        try:
            key.verify(signature[::-1], signed, padding.PSS(padding.MGF1(hashes.SHA384()), 48), hashes.SHA384())
            return True
        except InvalidSignature:
            return False
    ark, ask, cek = (model.certificate(kind) for kind in (SEV_ARK, SEV_ASK, CEK))
    assert holds(signer(ark), ark[:0x440], ark[0x440:]) and holds(signer(ark), ask[:0x440], ask[0x440:])
    assert ask[0x14:0x24] == ark[0x04:0x14] == ark[0x14:0x24]
    assert len(cek) == 0x824 and holds(signer(ask), cek[:0x414], cek[0x41C:0x61C])
    assert not holds(signer(ark), cek[:0x414], cek[0x41C:0x61C])
    model.ask(0x01, struct.pack("<I", 1))
    assert model.ask(0x08)[3 * 0x824 + 0x10:3 * 0x824 + 0x414] == cek[0x10:0x414]


def check_peers(model):
    """One that says nonsense is cut off; one that says nothing, or half, keeps nobody waiting."""
    silent, half, rude = (model.connect() for _ in range(3))
    half.sendall(struct.pack("<II", 0x83, 100) + bytes(50))
    rude.sendall(struct.pack("<II", 0x83, 0xFFFFFFFF))
    assert rude.recv(1) == b""
    model.ask(0x83)
    half.sendall(bytes(50))
    assert struct.unpack("<II", model.receive(half, 8))[0] == 0
    assert model.try_ask(0xFFFFFFFF, b"x" * 1000, silent)[0] == 0x11
    for command in list(range(0x00, 0x100)) + list(range(0x100, 0x140)) + [0x200, 0x201, 0x202, 0x203]:
        if command in (0x02, 0x05, 0x09, 0xCB):  # they need nothing, and change what other tests look at
            continue
        assert model.try_ask(command, b"\xFF" * 7)[0] != 0 or command in (0x04, 0x08, 0x0C, 0x83, 0x93), hex(command)


def key_of(certificate):
    return openssl("x509", "-inform", "DER", "-pubkey", "-noout", data=certificate).stdout


def fails_to_start(*options):
    run = subprocess.run([PROGRAM, *options], capture_output=True, text=True)
    assert run.returncode == 125 and run.stderr.count("\n") == 1, run
    return run.stderr


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    state = folder / "state"
    model = Model(folder, "--state", str(state))
    assert "another model's socket" in fails_to_start("--socket", model.path)
    report, certificates = check_report(folder, model)
    check_text(model)
    check_list(folder, model)
    check_sev_chain(model)
    check_peers(model)
    check_vlek(folder, model, certificates["ark"])
    cek = model.certificate(CEK)[0x10:0x414]
    pdh = model.ask(0x08)[0x10:0x414]
    model.end()

    model = Model(folder, "--state", str(state))
    assert model.certificate(ARK) == certificates["ark"] and model.certificate(ASK) == certificates["ask"]
    assert key_of(model.certificate(VCEK)) == key_of(certificates["vcek"])
    assert model.certificate(CEK)[0x10:0x414] == cek
    assert struct.unpack_from("<I", model.ask(0x83), 8)[0] & 4, "the VLEK is lost"
    model.ask(0x01, struct.pack("<I", 1))
    assert model.ask(0x08)[0x10:0x414] == pdh
    model.end()

    assert "--product" in fails_to_start("--socket", model.path, "--state", str(state), "--product", "Genoa")
    (state / "state.json").write_text("{}")
    assert "not a state" in fails_to_start("--socket", model.path, "--state", str(state))

    turin = Model(folder, "--product", "Turin")  # keeps nothing
    assert not accepts(folder, turin.certificate(ARK), report, certificates)
    turin.ask(0x81)
    report, certificates = Guest(turin).extended_report(bytes(64))
    assert accepts(folder, certificates["ark"], report, certificates, "Turin")
    assert not accepts(folder, certificates["ark"], report, certificates, "Milan")
    assert report[0x188:0x18B] == b"\x1A\x02\x01"
    turin.end()
