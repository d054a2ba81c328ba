#!/usr/bin/env python3
"""Checks the golden reading batch without any of the project's own code.

CBOR, COSE signature, reading hashes, Merkle root and paths are rebuilt from the file
energy-core/tests/golden/reading_batch.json with cbor2, cryptography and pycryptodome:

    pip install cbor2 cryptography pycryptodome
    python3 tests/python/golden_reading_batch.py [FILE]

Exits 0 when everything agrees, 1 with the first thing that does not.
"""

import json
import sys
from pathlib import Path

import cbor2
from Crypto.Hash import keccak as crypto_keccak
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GOLDEN = Path(__file__).resolve().parents[2] / "energy-core/tests/golden/reading_batch.json"
ABSENT = 2**64 - 1
READING_FIELDS = 20


def keccak(data: bytes) -> bytes:
    return crypto_keccak.new(digest_bits=256, data=data).digest()


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"golden reading batch: {what}")


def canonical(value) -> bytes:
    return cbor2.dumps(value, canonical=True)


def reading_leaf(cbor: bytes) -> bytes:
    reading = cbor2.loads(cbor)
    check(len(reading) == READING_FIELDS and reading[0] == 1, "a reading is an array of 20 with version 1")
    meter, sequence, time_ms, imported, exported = reading[1], reading[2], reading[3], reading[6], reading[7]
    fixed = meter + b"".join(
        u64(ABSENT if number is None else number) for number in (sequence, time_ms, imported, exported)
    )
    return keccak(b"\x00" + fixed + keccak(cbor))


def node(left: bytes, right: bytes) -> bytes:
    return keccak(b"\x01" + left + right)


def merkle_root(leaves: list[bytes]) -> bytes:
    width = 1
    while width < len(leaves):
        width *= 2
    level = leaves + [bytes(32)] * (width - len(leaves))
    while len(level) > 1:
        level = [node(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def climb(leaf: bytes, index: int, path: list[bytes]) -> bytes:
    for sibling in path:
        leaf = node(leaf, sibling) if index % 2 == 0 else node(sibling, leaf)
        index //= 2
    check(index == 0, "a path fits its index")
    return leaf


def main() -> None:
    golden = json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else GOLDEN).read_text())

    # The bytes on the wire: [signed header, [reading, …]] in canonical CBOR.
    wire = unhex(golden["batch"])
    signed, readings = cbor2.loads(wire)
    check(canonical([signed, readings]) == wire, "the batch is canonical CBOR")
    check(signed == unhex(golden["signed_header"]), "the signed header")

    # The zone document and the purpose of the signature.
    zone = golden["zone_document"]
    document = unhex(zone["cbor"])
    name, chain_id, settlement, _valid_from, _interval = cbor2.loads(document)
    check(canonical(cbor2.loads(document)) == document, "the zone document is canonical CBOR")
    check((name, chain_id, settlement) == (zone["zone"], int(zone["chain_id"]), unhex(zone["settlement"])), "the zone")
    check(keccak(document) == unhex(zone["hash"]), "the hash of the zone document")
    external = b"commonwatt/reading-batch/1" + keccak(document)
    check(external == unhex(golden["external_data"]), "the external data")

    # COSE_Sign1 with EdDSA (RFC 9052): tag 18, {1: -8}, no unprotected header.
    message = cbor2.loads(signed)
    check(isinstance(message, cbor2.CBORTag) and message.tag == 18, "the tag of COSE_Sign1")
    protected, unprotected, payload, signature = message.value
    check(protected == canonical({1: -8}) and unprotected == {}, "the COSE headers")
    to_be_signed = canonical(["Signature1", protected, external, payload])
    check(to_be_signed == unhex(golden["signature_message"]), "the message of the signature")
    key = Ed25519PublicKey.from_public_bytes(unhex(golden["gateway_key"]))
    try:
        key.verify(signature, to_be_signed)
    except InvalidSignature:
        check(False, "the signature")
    try:
        key.verify(signature, to_be_signed[:-1] + bytes([to_be_signed[-1] ^ 1]))
        check(False, "a changed header passes the signature check")
    except InvalidSignature:
        pass

    # The header.
    header = golden["header"]
    check(payload == unhex(header["cbor"]), "the header's bytes")
    gateway, sequence, previous, count, root = cbor2.loads(payload)
    check(canonical(cbor2.loads(payload)) == payload, "the header is canonical CBOR")
    check(gateway == unhex(header["gateway"]) and sequence == int(header["sequence"]), "gateway and sequence")
    check(previous == unhex(header["previous"]) and count == int(header["count"]), "predecessor and count")
    check(root == unhex(header["root"]) and keccak(payload) == unhex(header["hash"]), "root and hash")

    # The readings under it.
    check(len(readings) == count == len(golden["readings"]), "the number of readings")
    leaves = []
    for reading, described in zip(readings, golden["readings"]):
        cbor = canonical(reading)
        check(cbor == unhex(described["cbor"]), "a reading's bytes")
        check(reading[1] == unhex(described["meter"]), "a reading's meter")
        check((reading[2], reading[3]) == (int(described["sequence"]), int(described["time_ms"])), "sequence and time")
        registers = [None if r is None else str(r) for r in (reading[6], reading[7])]
        check(registers == [described["import_wh"], described["export_wh"]], "a reading's registers")
        leaf = reading_leaf(cbor)
        check(leaf == unhex(described["leaf"]), "a reading's leaf")
        leaves.append(leaf)
    check(merkle_root(leaves) == root, "the Merkle root")
    for index, (leaf, described) in enumerate(zip(leaves, golden["readings"])):
        check(climb(leaf, index, [unhex(s) for s in described["path"]]) == root, "a reading's path")
    # The live reading names the first one as its predecessor.
    check(readings[2][19] == leaves[0], "the chain of readings")

    print(f"golden reading batch: {count} readings, signature, leaves, root and paths agree")


if __name__ == "__main__":
    main()
