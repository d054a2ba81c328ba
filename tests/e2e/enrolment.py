"""A gateway that shares no code with the product is invited, enrols, and has its batches receipted over HTTP.

Keys, COSE, CBOR, hashes and Merkle root are made here with cbor2, cryptography and pycryptodome.
"""

import json
import os
import pathlib
import subprocess
import sys

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "python"))
from golden_reading_batch import GOLDEN, canonical, keccak, merkle_root, reading_leaf, unhex  # noqa: E402
from street import Street, check, program, run, say  # noqa: E402

PROTECTED = canonical({1: -8})
NOT_THIS_GATEWAY, FROM_THE_FUTURE = 1, 5


def sign1(key, external, payload):
    """COSE_Sign1 with EdDSA (RFC 9052)."""
    signature = key.sign(canonical(["Signature1", PROTECTED, external, payload]))
    return canonical(cbor2.CBORTag(18, [PROTECTED, {}, payload, signature]))


def open1(key, external, message):
    """The payload of a COSE_Sign1, if the key signed it."""
    protected, _, payload, signature = cbor2.loads(message).value
    key.verify(signature, canonical(["Signature1", protected, external, payload]))
    return payload


class Gateway:
    """Just enough of a gateway."""

    def __init__(self, street):
        self.street = street
        self.key = Ed25519PrivateKey.generate()
        self.public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.sequence, self.previous = 0, bytes(32)
        self.heads = {}

    def enrol(self, token, key=None):
        """The status and the body of the answer."""
        key = key or self.key
        proof = sign1(key, b"commonwatt/enrolment/1", keccak(token.encode()) + self.public)
        body = {"token": token, "gateway_key": self.public.hex(), "proof": proof.hex()}
        status, _, data = self.street.ask(
            "/api/v1/enrolments", method="POST", body=json.dumps(body).encode(), headers={"content-type": "application/json"}
        )
        answer = json.loads(data)
        if status == 200:
            zone = answer["zone_document"]
            document = [zone["name"], zone["chain_id"], unhex(zone["settlement"]), zone["valid_from"], zone["interval_s"]]
            self.id, self.zone_hash = unhex(answer["gateway"]), keccak(canonical(document))
            self.node_key = Ed25519PublicKey.from_public_bytes(unhex(answer["node_key"]))
            self.meter = unhex(answer["meters"][0]["meter"])
        return status, answer

    def batch(self, meter, time_ms, import_wh, keep=True):
        """The bytes of the next batch, of one reading."""
        reading = cbor2.loads(unhex(json.loads(GOLDEN.read_text())["readings"][2]["cbor"]))
        head, sequence = self.heads.get(meter, bytes(32)), time_ms
        reading[1], reading[2], reading[3] = meter, sequence, time_ms
        reading[6], reading[19] = import_wh, head
        leaf = reading_leaf(canonical(reading))
        header = canonical([self.id, self.sequence + 1, self.previous, 1, merkle_root([leaf])])
        signed = sign1(self.key, b"commonwatt/reading-batch/1" + self.zone_hash, header)
        if keep:
            self.sequence, self.previous = self.sequence + 1, keccak(header)
            self.heads[meter] = leaf
        return canonical([signed, [reading]])

    def send(self, batch):
        """Status and body."""
        status, _, data = self.street.ask("/api/v1/batches", method="POST", body=batch)
        return status, data

    def receipt(self, data):
        """What the node vouches for, its signature checked."""
        payload = open1(self.node_key, b"commonwatt/receipt/1" + self.zone_hash, data)
        gateway, epoch, through, through_hash, refused = cbor2.loads(payload)
        assert gateway == self.id and epoch >= 1
        return through, through_hash, refused


def invite(street, *options, password="elm-street-operator"):
    return subprocess.run(
        [program(), "enrol", "new", "--node", street.url, *options],
        env=os.environ | {"COMMONWATT_PASSWORD": password}, capture_output=True, text=True, timeout=60,
    )


def main(folder):
    # Slow enough that grid time stays inside one interval while this runs.
    street = Street(folder, homes=4, speed=2).start()
    street.wait_ready(120)

    done = invite(street, "--home", "3", "--role", "storage")
    check(done.returncode == 0 and "█" in done.stdout and "home 3" in done.stdout, "the invitation comes with a picture")
    say(done.stdout)
    done = invite(street, "--home", "3", password="wrong")
    check(done.returncode == 1 and "do not fit" in done.stderr, done.stderr.strip())
    done = invite(street, "--home", "99")
    check(done.returncode == 1 and "99" in done.stderr, done.stderr.strip())
    token = invite(street, "--home", "3", "--role", "storage", "--plain").stdout.strip()

    gateway, thief = Gateway(street), Gateway(street)
    status, answer = gateway.enrol(token, key=thief.key)
    check(status == 422, f"a key that is not held is refused: {answer['detail']}")
    status, answer = gateway.enrol("2222-2222-2222-2222-2222")
    check(status == 422, f"an unknown token is refused: {answer['detail']}")
    status, first = gateway.enrol(token)
    check(status == 200 and len(first["meters"]) == 1, f"enrolled as {first['gateway']}")
    check(gateway.id == keccak(b"commonwatt/gateway\x00" + gateway.public)[:16], "the id is made from the key")
    check(gateway.enrol(token) == (200, first), "the same key is given the same answer again")
    status, answer = thief.enrol(token)
    check(status == 422, f"another key is not: {answer['detail']}")

    def now_ms():
        return int(street.grid_now().timestamp() * 1000)

    status, data = gateway.send(gateway.batch(gateway.meter, now_ms(), 1_000))
    check(status == 200, "the first batch is answered with 200")
    through, through_hash, refused = gateway.receipt(data)
    check((through, through_hash, refused) == (1, gateway.previous, []), "its receipt is signed by the node and names it")

    batch = gateway.batch(gateway.meter, now_ms() + 60, 1_001, keep=False)
    changed = bytearray(batch)
    changed[-40] ^= 1
    status, data = gateway.send(bytes(changed))
    check(status == 422 and json.loads(data)["status"] == 422, f"a changed bit: {json.loads(data)['detail']}")

    status, data = gateway.send(gateway.batch(gateway.meter, now_ms() + 3_600_000, 1_002, keep=False))
    _, _, refused = gateway.receipt(data)
    check(status == 200 and refused[0][2] == FROM_THE_FUTURE, "a reading from the future is kept, refused and receipted")
    # That batch is kept: the chain goes on from it.
    gateway.sequence, gateway.previous = gateway.receipt(data)[:2]

    other = next(row for row in connection_meters(street) if row != gateway.meter.hex())
    status, data = gateway.send(gateway.batch(bytes.fromhex(other), now_ms(), 1))
    check(status == 200 and gateway.receipt(data)[2][0][2] == NOT_THIS_GATEWAY, "somebody else's meter is refused")

    lost = gateway.batch(gateway.meter, now_ms() + 90, 1_003)
    late = gateway.batch(gateway.meter, now_ms() + 120, 1_004)
    before = gateway.receipt(gateway.send(late)[1])[0]
    check(before == gateway.sequence - 2, "a batch whose predecessor is missing waits")
    after = gateway.receipt(gateway.send(lost)[1])[0]
    check(after == gateway.sequence, "when the predecessor is there both are receipted")

    street.kill()
    street.start()
    street.wait_ready(120)
    status, data = gateway.send(gateway.batch(gateway.meter, now_ms() + 200, 1_005))
    check(status == 200 and gateway.receipt(data)[0] == gateway.sequence, "after kill -9 and a restart it is still known")
    try:
        gateway.node_key = Ed25519PublicKey.from_public_bytes(gateway.public)
        gateway.receipt(data)
        raise AssertionError("a receipt passes with another key")
    except InvalidSignature:
        check(True, "the receipt is the node's and nobody else's")
    street.stop()


def connection_meters(street):
    """The ids of all meters, from the trust files that the demo writes for its homes."""
    for path in sorted((street.data / "trust").glob("home-*.json")):
        yield json.loads(path.read_text())["connection_meter"]


run(main)
