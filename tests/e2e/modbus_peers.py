"""Every shipped Modbus profile against an independent server: its golden vectors come out of pymodbus through the
gateway's own client, to the unit, and `gateway detect` names the profile.

A vector's registers are served as they stand in the profile; `commonwatt gateway read --json` reads them. A value that
the vector does not name has to be absent, and a vector that must fail has to fail with its reason and exit code 1.
"""

import argparse
import asyncio
import json
import logging
import pathlib
import subprocess
import threading
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor

from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from street import check, free_port, program, run, say

PROFILES = pathlib.Path(__file__).parents[2] / "meter-gateway" / "profiles"
QUANTITIES = [
    "import_wh", "export_wh", "pv_wh", "charge_wh", "discharge_wh", "power_w", "voltage_l1_mv", "voltage_l2_mv",
    "voltage_l3_mv", "frequency_mhz", "soc_permille",
]

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--only", metavar="PROFILE", help="one profile, for instance eastron-sdm630")
options = parser.parse_args()


def main(_folder):
    files = [tomllib.loads(path.read_text()) for path in sorted(PROFILES.glob("*.toml"))]
    devices = [file for file in files if "modbus" in file or "sunspec" in file]
    chosen = [file for file in devices if options.only in (None, file["name"])]
    check(chosen, f"{len(chosen)} of {len(devices)} Modbus profiles")
    servers = Servers()
    vectors = 0
    for file in chosen:
        for vector in file["golden"]:
            read_back(servers, file, vector)
        vectors += len(file["golden"])
        check(True, f"{file['name']}: {len(file['golden'])} vectors")
    serial = [file for file in chosen if "serial" in file.get("modbus", {})]
    for file in serial:
        for vector in file["golden"]:
            read_back(servers, file, vector, FramerType.RTU)
    check(serial or options.only, f"{len(serial)} of them with the frames of a serial line over TCP too")
    with ThreadPoolExecutor(4) as pool:
        took = list(pool.map(lambda file: found_again(servers, file), chosen))
    check(max(took) < 10, f"`gateway detect` finds each kind of device within {max(took):.1f} s")
    refusals(servers)
    say(f"{vectors} vectors of {len(chosen)} profiles, each through a server of its own")


class Servers:
    """pymodbus servers on free ports of 127.0.0.1, on a loop in a thread of their own."""

    def __init__(self):
        # It writes every frame of a request that it refuses.
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def serve(self, devices, framer=FramerType.SOCKET):
        """Starts a server for these units; gives its port and what ends it."""
        port = free_port()

        async def start():
            server = ModbusTcpServer(devices, framer=framer, address=("127.0.0.1", port))
            await server.serve_forever(background=True)
            return server

        server = self.run(start())
        return port, lambda: self.run(server.shutdown())

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


def own_unit(file):
    """The unit id under which such a device is usually found."""
    return (file.get("modbus") or file["sunspec"]).get("units", [1])[0]


def devices_of(file, vector):
    """The units that a vector describes."""
    own = own_unit(file)
    images = {own: {}}
    for address, count in vector.get("blank", []):
        images[own].update((address + i, 0) for i in range(count))
    for block in vector.get("registers", []):
        image = images.setdefault(block.get("unit_id", own), {})
        image.update((block["address"] + i, word) for i, word in enumerate(block["words"]))
    return [SimDevice(unit, simdata=runs(image)) for unit, image in images.items()]


def runs(image):
    """Registers in blocks without holes; whatever lies outside is refused with exception 2."""
    blocks = []
    for address, word in sorted(image.items()):
        if blocks and blocks[-1][0] + len(blocks[-1][1]) == address:
            blocks[-1][1].append(word)
        else:
            blocks.append((address, [word]))
    return [SimData(address, values=words, datatype=DataType.REGISTERS) for address, words in blocks or [(65535, [0])]]


def gateway(*arguments):
    """One call of the installer's commands."""
    command = [program(), "gateway", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def read_back(servers, file, vector, framer=FramerType.SOCKET):
    """One vector, served and read."""
    name, expect = file["name"], vector["expect"]
    options = ["--rtu"] if framer == FramerType.RTU else []
    port, stop = servers.serve(devices_of(file, vector), framer)
    try:
        got = gateway("read", "--profile", name, "--tcp", f"127.0.0.1:{port}", "--json", *options)
    finally:
        stop()
    where = f"{name}, `{vector['description']}`"
    if "fails" in expect:
        wanted = got.returncode == 1 and expect["fails"] in got.stderr and len(got.stderr.splitlines()) == 1
        require(wanted, f"{where}: expected exit 1 with `{expect['fails']}`, got {got.returncode}: {got.stderr}")
        return
    require(got.returncode == 0, f"{where}: exit {got.returncode}: {got.stderr}")
    reading = json.loads(got.stdout)
    require(reading["profile"] == name, f"{where}: {reading['profile']}")
    require(sorted(reading["values"]) == sorted(QUANTITIES), f"{where}: {sorted(reading['values'])}")
    for quantity in QUANTITIES:
        require_value(where, quantity, expect.get(quantity, "absent"), reading["values"][quantity])
    if "serial" in expect:
        serial = reading["identity"].get("serial", "none")
        require(serial == expect["serial"], f"{where}: expected serial {expect['serial']}, got {serial}")


def require_value(where, quantity, expected, got):
    wanted = {"absent": (None, "absent"), "error": (None, "error")}.get(expected, (expected, "value"))
    came = (got["value"], got["state"])
    require(came == wanted, f"{where}, {quantity}: expected {wanted}, got {came} from {got['raw']}")
    if got["state"] != "absent":
        require(got["raw"], f"{where}, {quantity}: a value without registers")


def found_again(servers, file):
    """`gateway detect` names the profile, at the unit where such a device is read; gives how long that took.

    The first vector of a profile is a device that says who it is; others say only what their values need.
    """
    vector = file["golden"][0]
    port, stop = servers.serve(devices_of(file, vector))
    began = time.monotonic()
    try:
        got = gateway("detect", f"127.0.0.1:{port}")
    finally:
        stop()
    took = time.monotonic() - began
    where = f"detect, {file['name']}, `{vector['description']}`"
    require(got.returncode == 0, f"{where}: exit {got.returncode}: {got.stderr}")
    blocks = tomllib.loads(got.stdout).get("devices", [])
    seen = [(block["profile"], block["endpoint"]["modbus"]) for block in blocks]
    wanted = (file["name"], {"host": "127.0.0.1", "port": port, "unit": own_unit(file)})
    require(seen == [wanted], f"{where}: expected {wanted}, found {seen}:\n{got.stdout}")
    return took


def refusals(servers):
    """What cannot be read says why in one line, with the exit code for it."""
    nobody = free_port()
    port, stop = servers.serve([SimDevice(1, simdata=[SimData(0, values=[1], datatype=DataType.REGISTERS)])])
    try:
        cases = [
            (1, "connection to 127.0.0.1", ["--profile", "sunspec", "--tcp", f"127.0.0.1:{nobody}"]),
            (1, "exception 2", ["--profile", "eastron-sdm630", "--tcp", f"127.0.0.1:{port}"]),
            (1, "SunSpec marker", ["--profile", "sunspec", "--tcp", f"127.0.0.1:{port}"]),
            (2, "eastron-sdm630", ["--profile", "sdm", "--tcp", f"127.0.0.1:{port}"]),
            (2, "MQTT", ["--profile", "tasmota-sml", "--tcp", f"127.0.0.1:{port}"]),
            (2, "HOST:PORT", ["--profile", "sunspec", "--tcp", "127.0.0.1:x"]),
        ]
        for code, words, arguments in cases:
            got = gateway("read", *arguments)
            wanted = got.returncode == code and words in got.stderr and not got.stdout
            require(wanted, f"{arguments}: expected exit {code} with `{words}`, got {got.returncode}: {got.stderr}")
    finally:
        stop()
    check(True, f"{len(cases)} refusals in one line each")


def require(truth, text):
    if not truth:
        raise AssertionError(text)


if __name__ == "__main__":
    run(main)
