"""A few times that a person notices, of the programs named by COMMONWATT and GRIDSIM."""

import argparse
import subprocess
import time

from street import Street, program, run, say

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--homes", type=int, default=24)
parser.add_argument("--history-days", type=int, default=3)
options = parser.parse_args()


def main(folder):
    street = Street(folder, homes=options.homes, history_days=options.history_days)
    start = time.monotonic()
    street.start()
    street.wait_page(60)
    page = time.monotonic() - start
    street.wait_ready(600)
    ready = time.monotonic() - start
    times = []
    for _ in range(200):
        began = time.monotonic()
        street.ask("/")
        times.append(time.monotonic() - began)
    times.sort()
    street.stop()

    start = time.monotonic()
    line = [program("GRIDSIM"), "run", "street-25-week", "--seed", "1", "--out", str(folder / "week")]
    subprocess.run(line, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    week = time.monotonic() - start

    say(f"{'first page after the start':44} {page:8.2f} s   (limit 5 s)")
    say(f"{f'{options.history_days} days of history of {options.homes} homes complete':44} {ready:8.2f} s   (limit 60 s)")
    say(f"{'street page, median of 200':44} {times[100] * 1000:8.2f} ms")
    say(f"{'street page, 99 % of 200':44} {times[197] * 1000:8.2f} ms")
    say(f"{'gridsim: 25 homes, one week':44} {week:8.2f} s")


if __name__ == "__main__":
    run(main)
