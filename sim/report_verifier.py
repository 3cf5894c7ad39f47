#!/usr/bin/env python3
"""A verifier of SNP reports that shares nothing with the model but the documents: OpenSSL's command checks
chain and signature.

Usage: report_verifier.py REPORT VCEK ASK ROOT...   # DER; says for each root whether it accepts the report
"""
import pathlib
import subprocess
import sys
import tempfile

# Product name in a VCEK, bytes of CHIP_ID, bytes of the TCB by the extension that has them.
PRODUCTS = {
    "Milan": (b"\x16\x08Milan-B0", 64, {"3.1": 0, "3.2": 1, "3.4": 2, "3.5": 3, "3.6": 4, "3.7": 5, "3.3": 6, "3.8": 7}),
    "Turin": (b"\x16\x05Turin", 8, {"3.9": 0, "3.1": 1, "3.2": 2, "3.3": 3, "3.5": 4, "3.6": 5, "3.7": 6, "3.8": 7}),
}


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True)


def pem(folder, name, der):
    path = folder / f"{name}.pem"
    path.write_bytes(openssl("x509", "-inform", "DER", data=der).stdout)
    assert path.read_bytes().startswith(b"-----BEGIN")
    return str(path)


def chain_holds(folder, root, ask, leaf):
    return openssl("verify", "-CAfile", pem(folder, "root", root), "-untrusted", pem(folder, "ask", ask),
                   pem(folder, "leaf", leaf)).returncode == 0


def extensions(der):
    """AMD's, by the end of their OID: the bytes in the OCTET STRING."""
    found, arc = {}, None
    for line in openssl("asn1parse", "-inform", "DER", data=der).stdout.decode().splitlines():
        if "OBJECT" in line:
            oid = line.split(":")[-1]
            arc = oid[len("1.3.6.1.4.1.3704.1."):] if oid.startswith("1.3.6.1.4.1.3704.1.") else None
        elif arc and "[HEX DUMP]:" in line:
            found[arc] = bytes.fromhex(line.split(":")[-1])
            arc = None
    return found


def signature_holds(folder, report, leaf):
    def integer(data):
        raw = data[::-1].lstrip(b"\0") or b"\0"
        raw = (b"\0" if raw[0] & 0x80 else b"") + raw
        return bytes([2, len(raw)]) + raw
    both = integer(report[0x2A0:0x2E8]) + integer(report[0x2E8:0x330])
    (folder / "signature").write_bytes(bytes([0x30, len(both)]) + both)
    (folder / "key").write_bytes(openssl("x509", "-inform", "DER", "-pubkey", "-noout", data=leaf).stdout)
    return openssl("dgst", "-sha384", "-verify", str(folder / "key"), "-signature", str(folder / "signature"),
                   data=report[:0x2A0]).returncode == 0


def accepts(folder, root, report, certificates, product="Milan"):
    """A verifier: whether this report is of a chip that `root` vouches for, at the TCB that it reports."""
    leaf = certificates["vcek"]
    if not chain_holds(folder, root, certificates["ask"], leaf) or not signature_holds(folder, report, leaf):
        return False
    name, size, components = PRODUCTS[product]
    own, tcb = extensions(leaf), report[0x180:0x188]
    for arc, byte in components.items():
        if int.from_bytes(own.get(arc, b"\2\1\xFF")[2:], "big") != tcb[byte]:
            return False
    chip = report[0x1A0:0x1E0]
    return own["4"] == chip[:size] and not any(chip[size:]) and own["2"] == name and not any(report[0x330:])


def main(report, vcek, ask, *roots):
    report, *rest = (pathlib.Path(path).read_bytes() for path in (report, vcek, ask))
    with tempfile.TemporaryDirectory() as name:
        for root in roots:
            certificates = {"vcek": rest[0], "ask": rest[1]}
            accepted = accepts(pathlib.Path(name), pathlib.Path(root).read_bytes(), report, certificates)
            print("accepted" if accepted else "refused", root)
    print("report data", report[0x50:0x90].hex())
    print("measurement", report[0x90:0xC0].hex())
    print("vmpl", int.from_bytes(report[0x30:0x34], "little"))


if __name__ == "__main__":
    main(*sys.argv[1:])
