"""Bad input and faults: each gets a sentence that says what was expected and what came, and nothing else stops."""

import argparse
import http.client
import json
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import threading
import urllib.parse

import paho.mqtt.client as mqtt

from street import (
    GRID_START, Street, after, check, end, free_port, moment, program, rfc3339, run, say, spawn, wait_for,
)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--only", metavar="CASE", help="one case, for instance port_in_use")
options = parser.parse_args()


def main(folder):
    cases = [
        port_in_use, rpc_port_in_use, data_of_another_version, data_in_use, another_seed, unknown_unit,
        broker_not_there, bad_preferences, altered_batch, broken_meter,
    ]
    chosen = [case for case in cases if options.only in (None, case.__name__)]
    check(chosen, f"{len(chosen)} of {len(cases)} cases")
    for case in chosen:
        say(f"-- {case.__name__.replace('_', ' ')}")
        place = folder / case.__name__
        place.mkdir()
        case(place)


def refused(street, *words):
    """It ends by itself, not with 0, with one sentence that holds all the words and no trace of the code."""
    street.start()
    try:
        code = street.child.wait(60)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"it went on, expected a refusal with {words}:\n{street.tail()}") from None
    text = street.log.read_text(errors="replace")
    check_sentence(code, text, *words)


def check_sentence(code, text, *words):
    last = [row for row in text.splitlines() if row.strip()][-1:] or [""]
    if code == 0 or "panicked" in text:
        raise AssertionError(f"expected a refusal with {words}, got exit {code}:\n{text}")
    missing = [word for word in words if str(word).lower() not in text.lower()]
    if missing:
        raise AssertionError(f"exit {code}, but nothing is said about {missing}:\n{text}")
    check(True, last[0].strip())


def port_in_use(folder):
    street = Street(folder, homes=2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", street.port))
        other.listen()
        refused(street, street.port, "another program uses it")


def rpc_port_in_use(folder):
    street = Street(folder, homes=2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", street.rpc_port))
        other.listen()
        refused(street, street.rpc_port, "another program uses it")


def small_run(folder, **options):
    """A data folder that a short run left behind."""
    street = Street(folder, homes=2, speed=900, stop_at=after(1), **options).start()
    street.wait_end(120)
    street.log.unlink()
    return street


def data_of_another_version(folder):
    street = small_run(folder)
    changed = 0
    for path in street.data.rglob("*"):
        if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3":
            with sqlite3.connect(path) as database:
                tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
                if "__diesel_schema_migrations" in tables:
                    database.execute("insert into __diesel_schema_migrations (version) values ('99991231000000')")
                    changed += 1
            database.close()
    check(changed == 1, "the data folder is now of a version that is not known yet")
    refused(street, "version", street.data.name)


def data_in_use(folder):
    first = Street(folder, homes=2).start()
    first.wait_page(60)
    second = Street(folder / "second", homes=2)
    second.data = first.data
    refused(second, "in use", first.data.name)
    check(first.ask("/")[0] == 200, "the first one goes on")
    first.stop()


def another_seed(folder):
    street = small_run(folder)
    street.seed += 1
    refused(street, "seed", street.seed, street.seed - 1)


def unknown_unit(folder):
    """A profile is checked before anything is read with it."""
    source = pathlib.Path(__file__).parents[2] / "meter-gateway" / "profiles"
    text = (source / "eastron-sdm630.toml").read_text()
    profile = folder / "wrong.toml"
    changed, count = re.subn(r'unit = "kWh"', 'unit = "furlong"', text, count=1)
    check(count == 1, "the profile now has a unit that does not exist")
    profile.write_text(changed)
    answer = subprocess.run(
        [program(), "profile", profile], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )
    check_sentence(answer.returncode, answer.stdout + answer.stderr, "furlong", "unit", "kWh")


def broker_not_there(folder):
    port = free_port()
    street = Street(folder, homes=4, speed=120, broker=f"mqtt://127.0.0.1:{port}").start()
    street.wait_page(60)

    def said():
        rows = [row for row in street.log.read_text(errors="replace").splitlines() if "broker" in row and str(port) in row]
        return rows and rows[0]

    check(True, wait_for(f"a line about the broker on port {port}", 60, said).strip())
    street.must_run()
    broker = mosquitto(folder, port)

    def first_final():
        street.must_run()
        rows = street.audit(GRID_START, street.grid_now())["intervals"]
        return any(row["state"] == "final" and row["metered_wh"] for row in rows)

    wait_for("a final interval", 180, first_final, every_s=0.5)
    check(True, "when the broker comes, the street goes on by itself")
    street.stop()
    end(broker)


def mosquitto(folder, port):
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\n")
    return spawn([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", config], folder / "mosquitto.log")


def bad_preferences(folder):
    street = Street(folder, homes=4).start()
    street.wait_ready(300)
    cookie, home = log_in(street)
    path = f"/api/v1/homes/{home}/preference"
    before = json.loads(street.ask(path, headers={"cookie": cookie})[2])
    for body, words in [
        ({"mode": "own", "sell_above_micro": -1, "buy_below_micro": 200000}, ["sell_above_micro"]),
        ({"mode": "own", "sell_above_micro": 100000, "buy_below_micro": -5}, ["buy_below_micro"]),
        ({"mode": "own", "sell_above_micro": 100000}, ["buy_below_micro"]),
        ({"mode": "own", "sell_above_micro": "dear", "buy_below_micro": 200000}, ["dear", "i64"]),
        ({"mode": "own", "sell_above_micro": 0.5, "buy_below_micro": 200000}, ["0.5"]),
        ({"mode": "own", "sell_above_micro": 10**30, "buy_below_micro": 200000}, []),
        ({"mode": "generous"}, ["generous", "cheap", "balanced", "green"]),
        ({"mode": "cheap", "colour": "blue"}, ["colour"]),
        ("not an object", []),
    ]:
        status, headers, data = street.ask(
            path, method="PUT", body=json.dumps(body).encode(),
            headers={"cookie": cookie, "content-type": "application/json", "sec-fetch-site": "same-origin"},
        )
        text = data.decode(errors="replace")
        missing = [word for word in words if word not in text]
        if not 400 <= status < 500 or missing or "problem+json" not in headers.get("content-type", ""):
            raise AssertionError(f"{body} was answered {status} {text}; expected a refusal that names {words}")
        problem = json.loads(text)
        said = "; ".join(part["detail"] for part in problem.get("errors", [])) or problem["detail"]
        check(True, f"{json.dumps(body)}: {status} {said}")
    check(before == json.loads(street.ask(path, headers={"cookie": cookie})[2]), "the preference is what it was")
    status, _, _ = street.ask(path, method="PUT", body=b'{"mode":"green"}', headers={
        "cookie": cookie, "content-type": "application/json", "sec-fetch-site": "cross-site",
    })
    check(status == 403, "a change that another site sends is refused")
    street.stop()


def log_in(street):
    """The session cookie of the demo's household, and which home it is."""
    def login():
        return re.search(r"Log in as\s+household\s+(\S+)\s+password\s+(\S+)", street.log.read_text(errors="replace"))

    name, word = wait_for("the log-ins in the demo's banner", 20, login).groups()
    connection = http.client.HTTPConnection("127.0.0.1", street.port, timeout=30)
    # Not through `ask`, which would follow the answer to the next page and lose the cookie.
    connection.request("POST", "/login", urllib.parse.urlencode({"login": name, "password": word}), {
        "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin",
    })
    answer = connection.getresponse()
    answer.read()
    home = re.fullmatch(r"/homes/(\d+)", answer.getheader("location", ""))
    check(answer.status == 303 and home, f"{name} logs in: {answer.status} {answer.getheader('location')}")
    cookie = answer.getheader("set-cookie").split(";")[0]
    connection.close()
    return cookie, home.group(1)


def altered_batch(folder):
    """Somebody else on the broker sends reading batches with one changed bit, and plain nonsense."""
    port = free_port()
    broker = mosquitto(folder, port)
    street = Street(folder, homes=4, speed=120, broker=f"mqtt://127.0.0.1:{port}").start()
    street.wait_ready(300)

    seen, got = [], threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)

    def on_message(_client, _data, message):
        seen.append((message.topic, bytes(message.payload)))
        got.set()

    client.on_message = on_message
    wait_for("the broker", 20, lambda: client.connect("127.0.0.1", port) == 0)
    client.subscribe("commonwatt/v1/+/+/batch", qos=1)
    client.loop_start()
    check(got.wait(60), "a gateway's reading batch passes by")
    topic, payload = seen[0]
    for at in range(0, len(payload), max(1, len(payload) // 40)):
        changed = bytearray(payload)
        changed[at] ^= 1
        client.publish(topic, bytes(changed), qos=1).wait_for_publish(10)
    for nonsense in [b"", b"\xff" * 64, b"{}", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", payload * 3, payload[:-1]]:
        client.publish(topic, nonsense, qos=1).wait_for_publish(10)
    client.publish(topic, payload, qos=1).wait_for_publish(10)
    client.loop_stop()
    client.disconnect()
    check(True, f"{len(payload)} bytes sent again with one changed bit, in 40 places; nonsense; and once unchanged")

    came_to = street.grid_now()

    def three_later():
        street.must_run()
        rows = street.audit(came_to, street.grid_now())["intervals"]
        final = [row for row in rows if row["state"] == "final"]
        return final if len(final) >= 3 else None

    wait_for("three more final intervals", 120, three_later, every_s=0.5)
    audit = street.audit(GRID_START, street.grid_now())
    check(audit["energy_difference_wh"] == 0 and audit["cash_difference_nano"] == 0, "intervals go on, the audit is zero")
    text = street.log.read_text(errors="replace")
    check("not authentic" in text, "the refusals are in the log, with their reasons")
    check("panicked" not in text, "nothing panicked")
    street.stop()
    end(broker)


def broken_meter(folder):
    """A meter answers with exceptions for an hour: the other homes trade on, and its energy comes as a correction."""
    home, length = 5, 16
    start, end_ = after(4), after(8)
    street = Street(
        folder, homes=12, speed=900, stop_at=after(length),
        fault=f"elm-street-{home}-grid={rfc3339(start)}/{rfc3339(end_)}",
    ).start()
    street.wait_end(180)
    text = street.log.read_text(errors="replace")
    check("answered with exception 4" in text, "the log says what was expected of the meter and what it answered")

    street.stop_at, street.speed, street.fault = None, 2, None
    street.start()
    street.wait_page(60)
    rows = street.audit(GRID_START, after(length))["intervals"]
    check(len(rows) == length, f"all {length} intervals are cleared, none waited for it")
    audit = street.audit(GRID_START, after(length))
    check(audit["energy_difference_wh"] == 0 and audit["cash_difference_nano"] == 0, "the audit is zero")
    own = street.statement(home, GRID_START, after(length))["lines"]
    broken = [row for row in own if start < moment(row["start"]) < end_]
    check(broken and all(row["order"] is None and "reading" in row["reason"] for row in broken), "it had no part, and is told why")
    check(sum(row["export_wh"] + row["import_wh"] for row in broken) > 0, "its energy came as corrections")
    check(sum(row["saved_nano"] for row in broken) == 0, "settled at the utility's price")
    other = street.statement(home + 1, GRID_START, after(length))["lines"]
    fills = [row["order"]["fill_wh"] for row in other if start < moment(row["start"]) < end_ and row["order"]]
    check(sum(fills) > 0, "its neighbour traded on")
    street.stop()


if __name__ == "__main__":
    run(main)
