"""kill -9 at random moments of an accelerated day, each followed by a restart in the same data folder: statements and
balances equal those of a run with the same seed and no kill."""

import argparse
import random
import time
from datetime import timedelta

from street import GRID_START, INTERVAL_S, Street, after, check, difference, run, say, snapshot

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--homes", type=int, default=12)
parser.add_argument("--kills", type=int, default=10)
parser.add_argument("--days", type=int, default=1)
parser.add_argument("--speed", type=int, default=1800)
parser.add_argument("--kill-seed", type=int, default=None, help="repeats the moments of an earlier run")
options = parser.parse_args()


def main(folder):
    seed = options.kill_seed if options.kill_seed is not None else random.SystemRandom().randrange(2**32)
    say(f"kill seed {seed}: `kills.py --kill-seed {seed}` repeats these moments")
    intervals = 96 * options.days
    stop = after(intervals)

    say("-- a run without kills")
    calm = make(folder / "calm", stop).start()
    start = time.monotonic()
    calm.wait_end(120 + intervals * 20)
    say(f"ended after {time.monotonic() - start:.1f} s")
    wanted = snapshot(folder / "calm", calm, GRID_START, stop)

    say(f"-- a run with {options.kills} kills")
    killed = make(folder / "killed", stop)
    with_kills(killed, random.Random(seed), intervals)
    got = snapshot(folder / "killed", killed, GRID_START, stop)
    if got != wanted:
        raise AssertionError(f"kill seed {seed}: the two runs differ:\n" + difference(wanted, got, ["calm", "killed"]))
    check(True, f"{len(wanted)} bytes of statements, balances and audit are equal after {options.kills} kills")


def make(folder, stop):
    return Street(folder, homes=options.homes, speed=options.speed, stop_at=stop)


def with_kills(street, chance, intervals):
    """Kills at random grid times, a random moment after each: in the middle of readings, clearing, proposing, writing."""
    day = intervals * INTERVAL_S
    moments = sorted(GRID_START + timedelta(seconds=chance.randrange(day * 95 // 100)) for _ in range(options.kills))
    street.start()
    for number, at in enumerate(moments, start=1):
        reach(street, at)
        time.sleep(chance.random() * 0.4)
        if street.child.poll() is not None:
            raise AssertionError(f"it ended before kill {number}, due at {at}:\n{street.tail()}")
        street.kill()
        say(f"  kill {number} of {options.kills} after grid time {at}")
        street.start()
    street.wait_end(120 + intervals * 20)


def reach(street, at):
    """Until grid time has come to `at`."""
    deadline = time.monotonic() + 60 + 20 * 96 * options.days
    while time.monotonic() < deadline:
        street.must_run()
        try:
            if street.grid_now() >= at:
                return
        except (OSError, ValueError):
            pass  # it is still starting
        time.sleep(0.02)
    raise AssertionError(f"grid time did not come to {at}:\n{street.tail()}")


if __name__ == "__main__":
    run(main)
