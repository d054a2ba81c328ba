"""After /readyz: new intervals become final in time, the audit is zero, and two independent clients of the chain read
the same balances as the API and the statements, to the unit."""

import argparse
import json
import subprocess
import time
from datetime import timedelta

from chain_reader import SETTLEMENT_ABI, ChainReader
from street import INTERVAL_S, Street, check, moment, program, run, say, wait_for

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--homes", type=int, default=24)
parser.add_argument("--history-days", type=int, default=1)
parser.add_argument("--intervals", type=int, default=3, help="how many intervals must become final")
parser.add_argument("--within", type=int, default=90, help="seconds after /readyz")
options = parser.parse_args()


def main(folder):
    street = Street(folder, homes=options.homes, history_days=options.history_days).start()
    say(f"first page after {street.wait_page(60):.1f} s")
    say(f"/readyz says 200 after {street.wait_ready(600):.1f} s")
    ready_wall, ready_grid = time.monotonic(), street.grid_now()

    # The first interval that begins after /readyz said 200.
    first = moment(ready_grid.strftime("%Y-%m-%dT%H:00:00Z"))
    while first <= ready_grid:
        first += timedelta(seconds=INTERVAL_S)
    last = first + timedelta(seconds=INTERVAL_S * options.intervals)
    say(f"grid time {ready_grid}; waiting for the {options.intervals} intervals from {first} to be final")

    def final():
        street.must_run()
        rows = street.audit(first, last)["intervals"]
        return len(rows) == options.intervals and all(row["state"] == "final" for row in rows) and rows

    left = options.within - (time.monotonic() - ready_wall)
    rows = wait_for(f"{options.intervals} final intervals", left, final, every_s=0.3)
    check(True, f"{options.intervals} intervals were final {time.monotonic() - ready_wall:.1f} s after /readyz (limit {options.within} s)")
    for row in rows:
        check_audit(row)
    whole = street.audit(first, last)
    check(whole["energy_difference_wh"] == 0 and whole["cash_difference_nano"] == 0, "the audit sums to zero")
    check(any(row["chain_wh"] is not None for row in rows), "at least one of them was compared with the chain")

    chain = street.get("/api/v1/chain")
    check_command(street, chain)
    compare_balances(street, ChainReader(street.rpc, chain))
    street.stop()


def check_audit(row):
    check(row["energy_difference_wh"] == 0 and row["cash_difference_nano"] == 0, f"{row['start']}: no difference")
    check(row["metered_wh"] == row["ledger_wh"], f"{row['start']}: meters {row['metered_wh']} Wh = ledger {row['ledger_wh']} Wh")
    if row["chain_wh"] is not None:
        check(row["chain_wh"] == row["ledger_wh"], f"{row['start']}: chain {row['chain_wh']} Wh = ledger")


def check_command(street, chain):
    """`commonwatt chain status --json` names the same contracts, and their ABI."""
    line = [program(), "chain", "status", "--json", "--rpc", street.rpc, "--contract", chain["settlement"]]
    answer = subprocess.run(line, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    check(answer.returncode == 0, f"`commonwatt chain status --json` ends with 0 {answer.stderr.strip()}")
    status = json.loads(answer.stdout)
    check(status["chain_id"] == chain["chain_id"], f"it names chain {status['chain_id']}")
    for name, key in [("Settlement", "settlement"), ("EnergyToken", "energy_token"), ("MeterRegistry", "meter_registry")]:
        contract = status["contracts"][name]
        check(contract["address"].lower() == chain[key].lower(), f"{name} is at {contract['address']}, as the API says")
    settlement = status["contracts"]["Settlement"]["abi"]
    [account] = [part for part in settlement if part.get("name") == "account"]
    names = [part["name"] for part in account["outputs"]]
    wanted = [part["name"] for part in SETTLEMENT_ABI[0]["outputs"]]
    check(names == wanted, f"its ABI says account(address) → ({', '.join(names)})")


def compare_balances(street, reader):
    """A batch may be settled while this reads, so a round counts only when nothing moved between its ends."""
    homes = street.get("/api/v1/homes")["homes"]

    def one_round():
        street.must_run()
        before = [street.balance(home["home"])["at_synced"] for home in homes]
        read = [reader.account(home["address"]) for home in homes]
        statements = [street.whole_statement(home["home"]) for home in homes]
        after = [street.balance(home["home"])["at_synced"] for home in homes]
        return (before, read, statements) if before == after else None

    before, read, statements = wait_for("a moment in which no batch is being settled", 60, one_round, every_s=0.2)
    for home, synced, account, statement in zip(homes, before, read, statements):
        compare(home["home"], synced, account, statement)
    check(any(account.cash_nano for account in read), "there is money in the leaves")
    check(any(account.credited_wh for account in read), "there is energy in the leaves")
    check(True, f"web3 reads the balances of {len(homes)} homes: equal to the API and the statements to the unit")
    for home in homes[:3]:
        reader.check_with_cast(home["address"])
    check(True, "cast reads the same")


def compare(home, synced, account, statement):
    """Balance of the API = account on the chain = sums of the statement up to the synced batch."""
    told = (synced["energy_wh"], synced["money_nano"])
    seen = (account.energy_wh, account.money_nano)
    if told != seen:
        raise AssertionError(f"home {home}: the API says {told}, the chain says {seen} (Wh, nano): {account}")
    if synced["batch"] is None:
        raise AssertionError(f"home {home}: no batch has been synced")
    lines = [line for line in statement["lines"] if line["batch"] is not None and line["batch"] <= synced["batch"]]
    credited = sum(line["credited_wh"] for line in lines)
    cash = sum(line["order"]["amount_nano"] for line in lines if line["order"])
    if (credited, cash) != (account.credited_wh, account.cash_nano):
        raise AssertionError(
            f"home {home}: {len(lines)} lines up to batch {synced['batch']} sum up to {credited} Wh and {cash} nano, "
            f"the chain says {account.credited_wh} Wh and {account.cash_nano} nano"
        )


if __name__ == "__main__":
    run(main)
