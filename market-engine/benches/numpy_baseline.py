"""The same kind of book cleared with numpy: sort, cumulate, search.

Half bids, half asks, prices uniform in 80,000..300,000, quantities in 1..1000; gives the traded quantity and
the marginal prices. No fills, no ids, no money, no certificate: what a researcher writes in ten lines. Sorts in both
of numpy's ways: `stable` keeps the order of arrival among equal prices; `quicksort`, the default, does not, and uses
the processor's vector instructions where it has them.

Prints one `kind size=seconds` a line, the best of some runs, for `cargo xtask bench market` to put beside the engine's
figures.
"""

import sys
import time

import numpy as np


def clear(kind, bid_price, bid_quantity, ask_price, ask_quantity):
    best_bids = np.argsort(-bid_price, kind=kind)
    best_asks = np.argsort(ask_price, kind=kind)
    bids, asks = bid_price[best_bids], ask_price[best_asks]
    wanted = np.cumsum(bid_quantity[best_bids])
    offered = np.cumsum(ask_quantity[best_asks])
    # What is offered at or below each bid's price.
    reached = np.searchsorted(asks, bids, side="right")
    available = np.where(reached > 0, offered[reached - 1], 0)
    quantity = np.minimum(wanted, available).max()
    last_bid = bids[np.searchsorted(wanted, quantity)]
    last_ask = asks[np.searchsorted(offered, quantity)]
    return quantity, last_bid, last_ask


def best_time(kind, size):
    generator = np.random.default_rng(1)
    half = size // 2
    book = []
    for _ in range(2):
        book.append(generator.integers(80_000, 300_001, half))
        book.append(generator.integers(1, 1_001, half))
    best, spent = float("inf"), 0.0
    while spent < 0.5:
        started = time.perf_counter()
        clear(kind, *book)
        took = time.perf_counter() - started
        best, spent = min(best, took), spent + took
    return best


if __name__ == "__main__":
    print(f"version={np.__version__}")
    for kind in ("stable", "quicksort"):
        for size in sys.argv[1:]:
            print(f"{kind} {size}={best_time(kind, int(size)):.9f}")
