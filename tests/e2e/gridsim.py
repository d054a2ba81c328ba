"""The simulator is deterministic: the same seed gives the same files, byte for byte, on one thread and on two; another
seed gives others."""

import argparse
import hashlib
import pathlib
import subprocess
import time

from street import check, program, run, say

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--scenario", default="street-25-week")
parser.add_argument("--seeds", type=int, default=1)
options = parser.parse_args()


def main(folder):
    seen = set()
    for seed in range(1, options.seeds + 2):
        one = simulate(folder / f"seed-{seed}-one", seed, 1)
        if seed <= options.seeds:
            two = simulate(folder / f"seed-{seed}-two", seed, 2)
            check(one == two, f"seed {seed}: {len(one)} files are the same on one thread and on two")
        check(any(name.endswith(".parquet") for name in one), f"seed {seed}: there is Parquet among them")
        seen.add(tuple(sorted(one.items())))
    check(len(seen) == options.seeds + 1, "every seed gives other files")


def simulate(folder, seed, threads):
    """File name → hash of everything that one run wrote."""
    line = [program("GRIDSIM"), "run", options.scenario, "--seed", str(seed), "--threads", str(threads), "--out", str(folder)]
    start = time.monotonic()
    answer = subprocess.run(line, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)
    if answer.returncode != 0:
        raise AssertionError(f"{' '.join(line)} ended with {answer.returncode}:\n{answer.stderr}")
    if seed == 1 and threads == 1:
        say(answer.stdout)
    say(f"  seed {seed}, {threads} thread(s): {time.monotonic() - start:.1f} s")
    files = sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


if __name__ == "__main__":
    run(main)
