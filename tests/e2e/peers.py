"""The same street with Mosquitto as broker and anvil as chain comes to the same statements and balances, byte for
byte, as on the embedded broker and chain."""

import argparse
import json
import shutil
import urllib.request

from street import GRID_START, Street, after, check, difference, end, free_port, run, say, snapshot, spawn, wait_for

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--homes", type=int, default=12)
parser.add_argument("--intervals", type=int, default=20, help="from 09:00 on, so that the sun shines")
parser.add_argument("--speed", type=int, default=900)
options = parser.parse_args()


def main(folder):
    stop = after(options.intervals)
    say(f"-- embedded broker and chain, until {stop}")
    embedded = one_run(folder / "embedded", stop)

    say("-- Mosquitto and anvil")
    broker, broker_url = mosquitto(folder)
    chain, chain_url = anvil(folder)
    outside = one_run(folder / "outside", stop, broker=broker_url, chain=chain_url)
    end(chain)
    end(broker)

    homes = json.loads(embedded)["homes"]
    check(len(homes) == options.homes, f"{len(homes)} homes have a statement and a balance")
    if embedded != outside:
        raise AssertionError("the two runs differ:\n" + difference(embedded, outside, ["embedded", "Mosquitto and anvil"]))
    check(True, f"{len(embedded)} bytes of statements, balances and audit are equal")


def one_run(folder, stop, **parts):
    street = Street(folder, homes=options.homes, speed=options.speed, stop_at=stop, **parts).start()
    street.wait_end(60 + options.intervals * 20)
    return snapshot(folder, street, GRID_START, stop)


def mosquitto(folder):
    """A broker on a free port, with persistence, like the one in docker-compose.yml."""
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\n")
    path = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    child = spawn([path, "-c", config], folder / "mosquitto.log")

    def is_open():
        import socket

        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True

    wait_for("Mosquitto", 20, is_open)
    return child, f"mqtt://127.0.0.1:{port}"


def anvil(folder):
    """A chain on a free port with the rules and the chain id of the embedded one."""
    port = free_port()
    child = spawn(
        ["anvil", "--hardfork", "osaka", "--host", "127.0.0.1", "--port", port, "--chain-id", 31337,
         "--gas-limit", 60000000, "--base-fee", 1000, "--timestamp", int(GRID_START.timestamp()) - 600, "--silent"],
        folder / "anvil.log",
    )
    url = f"http://127.0.0.1:{port}"
    question = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).encode()

    def answers():
        request = urllib.request.Request(url, data=question, headers={"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=2) as answer:
            return json.loads(answer.read())["result"] == hex(31337)

    wait_for("anvil", 60, answers)
    return child, url


if __name__ == "__main__":
    run(main)
