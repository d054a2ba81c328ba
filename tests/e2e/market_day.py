"""Over one whole day of the demo: at least half of the daylight intervals with local trade clear strictly inside the
band between feed-in tariff and retail price, fees taken off, and no home pays more than with the utility alone."""

import argparse
from datetime import timedelta

from street import GRID_START, Street, check, moment, rfc3339, run, say

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--homes", type=int, default=24)
parser.add_argument("--days", type=int, default=1)
options = parser.parse_args()

# The demo's zone, in 10⁻⁶ currency per kWh: an ask enters the book at no less than feed-in + seller fee, a bid at no
# more than retail − buyer fee. A price on one of these edges shares no gain.
EDGE_LOW, EDGE_HIGH = 80_000 + 5_000, 300_000 - 5_000
# Hours UTC of a June day in which panels give something.
SUNRISE, SUNSET = 4, 20


def main(folder):
    street = Street(folder, homes=options.homes, history_days=options.days).start()
    street.wait_page(60)
    say(f"the history is complete after {street.wait_ready(600 * options.days):.1f} s")
    start, end = GRID_START, GRID_START + timedelta(days=options.days)
    intervals = street.get("/api/v1/intervals", from_=rfc3339(start), to=rfc3339(end))["intervals"]
    check(len(intervals) == 96 * options.days, f"{len(intervals)} intervals are cleared, none is left out")

    traded = [row for row in intervals if row["traded_wh"] and SUNRISE <= moment(row["start"]).hour < SUNSET]
    for row in traded:
        if not EDGE_LOW <= row["price_micro_per_kwh"] <= EDGE_HIGH:
            raise AssertionError(f"{row['start']}: the price {row['price_micro_per_kwh']} is outside [{EDGE_LOW}, {EDGE_HIGH}]")
        if not row["price_lo_micro_per_kwh"] <= row["price_micro_per_kwh"] <= row["price_hi_micro_per_kwh"]:
            raise AssertionError(f"{row['start']}: the price is not among the valid ones: {row}")
    inside = [row for row in traded if EDGE_LOW < row["price_micro_per_kwh"] < EDGE_HIGH]
    check(len(traded) >= 20 * options.days, f"{len(traded)} daylight intervals have local trade")
    check(2 * len(inside) >= len(traded), f"{len(inside)} of them clear strictly inside the band")

    compare_homes(street, start, end)
    street.stop()


def compare_homes(street, start, end):
    """Line by line, so that no loss hides behind another interval's gain."""
    bought = sold = saved = 0
    for home in street.home_ids():
        statement = street.statement(home, start, end)
        for line in statement["lines"]:
            if line["saved_nano"] < 0:
                raise AssertionError(f"home {home}, {line['start']}: it pays {-line['saved_nano']} nano more than without the market")
        sums = statement["sums"]
        bought, sold, saved = bought + sums["bought_wh"], sold + sums["sold_wh"], saved + sums["saved_nano"]
    check(bought == sold, f"homes bought {bought} Wh from each other, and sold as much")
    check(saved > 0, f"no home paid more in any interval; together they saved {saved / 1e9:.2f}")


if __name__ == "__main__":
    run(main)
