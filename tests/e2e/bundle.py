"""A home's bundle verifies offline; a flipped bit, a cut and a bundle signed again with other keys do not.

`commonwatt verify` ends with 0 verified, 1 wrong (names the step), 2 unreadable, 3 consistent but its root is not among
the trusted ones."""

import argparse
import concurrent.futures
import json
import os
import random
import shutil
import subprocess

from street import GRID_START, Street, check, moment, program, rfc3339, run, say, wait_for

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--homes", type=int, default=12)
parser.add_argument("--bits", type=int, default=400, help="how many bits to flip, spread over the whole file")
parser.add_argument("--every-bit", action="store_true")
parser.add_argument("--flip-seed", type=int, default=None)
options = parser.parse_args()


def main(folder):
    street = Street(folder, homes=options.homes, history_days=0, speed=300).start()
    street.wait_ready(300)
    home, interval = wait_for("a final interval with a local trade", 240, lambda: traded(street), every_s=1)
    say(f"home {home}, interval {interval}")
    status, headers, data = street.ask(f"/api/v1/homes/{home}/bundles/{interval}")
    check(status == 200, f"the bundle downloads: {len(data)} bytes, {headers['content-type']}")
    bundle = folder / "home.bundle"
    bundle.write_bytes(data)

    seen = verify(bundle)
    check(seen.returncode == 3, f"without a trust file it ends with 3: consistent, root not trusted\n{indent(seen.stdout)}")
    trust = enrol(street, folder, home)
    chain = street.get("/api/v1/chain")
    expect(0, "with the trust file", bundle, "--trust", trust)
    expect(0, "against the chain itself", bundle, "--rpc", street.rpc, "--contract", chain["settlement"])
    shown = verify(bundle, "--json")
    check(isinstance(json.loads(shown.stdout), dict), "--json prints it")
    expect_again(bundle, folder)

    cuts(bundle, folder, data)
    flips(bundle, folder, data, trust)
    forged(street, folder, bundle, trust)
    street.stop()


def traded(street):
    """A home and an interval whose bundle there is something to see in."""
    street.must_run()
    rows = street.audit(GRID_START, street.grid_now())["intervals"]
    final = [row["start"] for row in rows if row["state"] == "final"]
    for start in reversed(final[-8:]):
        for home in street.home_ids():
            sums = street.statement(home, moment(start), moment(start).replace(second=1))["sums"]
            if sums["sold_wh"] or sums["bought_wh"]:
                return home, rfc3339(moment(start))
    return None


def enrol(street, folder, home):
    """The trust file of a home: keys from its enrolment, then the accepted roots read from the chain."""
    trust = folder / "trust.json"
    shutil.copy(street.data / "trust" / f"home-{home}.json", trust)
    known = json.loads(trust.read_text())
    check(set(known) >= {"chain_id", "contract", "gateway_key", "node_key"}, "the enrolment left a trust file")
    line = [program(), "chain", "roots", "--rpc", street.rpc, "--contract", "0x" + known["contract"].removeprefix("0x"), "--trust", trust]
    answer = subprocess.run(line, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    check(answer.returncode == 0, f"`commonwatt chain roots` reads the accepted roots {answer.stderr.strip()}")
    roots = json.loads(trust.read_text())["roots"]
    check(len(roots) > 0, f"it added {len(roots)} roots to the trust file")
    return trust


def verify(path, *more):
    return subprocess.run([program(), "verify", path, *more], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def expect(code, how, path, *more):
    answer = verify(path, *more)
    if answer.returncode != code:
        raise AssertionError(f"{how.rstrip(':')}: expected exit {code}, got {answer.returncode}:\n{indent(answer.stdout + answer.stderr)}")
    check(True, f"{how} it ends with {code}")


def expect_again(bundle, folder):
    """Offline means offline: an empty folder, no home, no network settings."""
    answer = subprocess.run(
        [program(), "verify", bundle], capture_output=True, text=True, cwd=folder, stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"},
    )
    check(answer.returncode == 3, "it needs nothing from its surroundings")


def cuts(bundle, folder, data):
    """A file that ends too early or goes on is unreadable; so is something else."""
    for name, content in [
        ("empty", b""), ("half", data[: len(data) // 2]), ("one byte short", data[:-1]), ("one byte long", data + b"\0"),
        ("text", b"this is not a bundle\n"),
    ]:
        path = folder / "cut.bundle"
        path.write_bytes(content)
        expect(2, f"{name}:", path)


def flips(bundle, folder, data, trust):
    """Flips single bits: each must end with 1 or 2 and say where."""
    total = len(data) * 8
    seed = options.flip_seed if options.flip_seed is not None else random.SystemRandom().randrange(2**32)
    if options.every_bit:
        bits = range(total)
    else:
        say(f"flip seed {seed}: `bundle.py --flip-seed {seed}` repeats these bits")
        step = max(1, total // options.bits)
        chance = random.Random(seed)
        # One bit in each stretch, so that no part of the file is left out.
        bits = [min(start + chance.randrange(step), total - 1) for start in range(0, total, step)]

    def flip(bit):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << (bit % 8)
        path = folder / f"flip-{bit}.bundle"
        path.write_bytes(changed)
        answer = verify(path, "--trust", trust)
        path.unlink()
        return bit, answer.returncode, (answer.stdout + answer.stderr).strip()

    count = {1: 0, 2: 0}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for bit, code, text in pool.map(flip, bits):
            if code not in count:
                raise AssertionError(f"byte {bit // 8}, bit {bit % 8} flipped: exit {code}, expected 1 or 2:\n{indent(text)}")
            if not text:
                raise AssertionError(f"byte {bit // 8}, bit {bit % 8} flipped: exit {code} without a word")
            count[code] += 1
    check(True, f"{sum(count.values())} of {total} bits flipped: {count[1]} found wrong, {count[2]} unreadable, none passed")


def forged(street, folder, bundle, trust):
    """Everything signed again with new keys is consistent in itself, and caught by the trust file."""
    path = folder / "forged.bundle"
    # Test-only: makes a bundle that is right in every step but for whose keys signed it.
    answer = subprocess.run(
        [program(), "sign-again", bundle, path], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )
    check(answer.returncode == 0, f"a forger signs the whole bundle again {answer.stderr.strip()}")
    expect(3, "without a trust file the forgery is only consistent:", path)
    expect(1, "with the trust file the forgery is caught:", path, "--trust", trust)


def indent(text):
    return "\n".join("      " + row for row in text.strip().splitlines())


if __name__ == "__main__":
    run(main)
