#!/usr/bin/env python3
"""Checks the golden vectors of every device profile without any of the project's own code.

The TOML is read with the standard library, registers are taken apart with `struct`, numbers are
fractions and are rounded once, ties to even. Only what a value means is taken from the profile:

    python3 tests/python/golden_profiles.py [FOLDER]

Needs Python 3.11. Exits 0 when everything agrees, 1 with everything that does not.
"""

import json
import re
import struct
import sys
import tomllib
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "meter-gateway/profiles"
KEYS = {
    "import": "import_wh", "export": "export_wh", "pv": "pv_wh", "charge": "charge_wh",
    "discharge": "discharge_wh", "power": "power_w", "voltage_l1": "voltage_l1_mv",
    "voltage_l2": "voltage_l2_mv", "voltage_l3": "voltage_l3_mv", "frequency": "frequency_mhz",
    "soc": "soc_permille",
}
COUNTERS = {"import", "export", "pv", "charge", "discharge"}
UNITS = {"Wh": 1, "kWh": 1000, "MWh": 10**6, "W": 1, "kW": 1000, "V": 1000, "mV": 1, "Hz": 1000, "mHz": 1, "%": 10, "permille": 1}
FORMATS = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "u64": ">Q", "i64": ">q", "f32": ">f", "acc16": ">H", "acc32": ">I", "acc64": ">Q"}
LOWEST = {"i16", "i32", "i64"}


class Refused(Exception):
    """The device or the message cannot be read."""


def many(value):
    return value if isinstance(value, list) else [value]


def number(kind, order, words, sentinels):
    """The number in these registers as a fraction, None when it is not available."""
    if order == "little":
        words = words[::-1]
    data = struct.pack(f">{len(words)}H", *words)
    bits = int.from_bytes(data, "big")
    width = 8 * len(data)
    lowest = 1 << (width - 1)
    if bits in {s & ((1 << width) - 1) for s in sentinels}:
        return None
    if kind != "f32" and bits == (lowest if kind in LOWEST else (1 << width) - 1):
        return None
    value = struct.unpack(FORMATS[kind], data)[0]
    return None if value != value else Fraction(value)


class Registers:
    """The registers of a golden vector."""

    def __init__(self, vector):
        self.words = {}
        for first, count in vector.get("blank", []):
            self.words.update({(None, first + i): 0 for i in range(count)})
        for run in vector.get("registers", []):
            self.words.update({(run.get("unit_id"), run["address"] + i): w for i, w in enumerate(run["words"])})

    def read(self, address, count, unit=None):
        words = [self.words.get((unit, address + i)) for i in range(count)]
        return None if None in words else words

    def models(self, bases):
        """Id → (address, length) of the first model of each id, and the addresses of all models 1."""
        base = next((b for b in bases if self.read(b, 2) == [0x5375, 0x6E53]), None)
        if base is None:
            raise Refused("expected the SunSpec marker")
        found, commons, at = {}, [], base + 2
        while (header := self.read(at, 2)) and header[0] != 0xFFFF:
            found.setdefault(header[0], (at, header[1]))
            if header[0] == 1:
                commons.append(at)
            at += 2 + header[1]
        return found, commons


def at_registers(point, registers, models):
    """(candidate is there, its value) of a point of a Modbus or SunSpec device."""
    kind, size = point["type"], struct.calcsize(FORMATS[point["type"]]) // 2
    if "model" in point:
        if point["model"] not in models:
            return False, None
        address, length = models[point["model"]]
        places = [(address + o, 1, None) for o in many(point["offset"])]
        ends = [o + size for o in many(point["offset"])] + [point.get("scale_offset", 0) + 1]
        if max(ends) > length + 2:
            return False, None
    else:
        unit = point.get("unit_id")
        places = [(a, 1, unit) for a in many(point["address"])]
        places += [(a, -1, unit) for a in many(point.get("minus_address", []))]
    factor = 0
    if "scale_offset" in point:
        factor = struct.unpack(">h", struct.pack(">H", registers.read(address + point["scale_offset"], 1)[0]))[0]
        if factor == -32768:
            return True, None
    total = Fraction(0)
    for place, sign, unit in places:
        words = registers.read(place, size, unit)
        if words is None:
            return True, None
        part = number(kind, point.get("order", "big"), words, point.get("sentinels", []))
        if part is None:
            return True, None
        total += sign * part * Fraction(10) ** factor
    return True, total


def crc16_arc(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def telegram(text):
    body, _, checksum = text.partition("!")
    if crc16_arc((body + "!").encode()) != int(checksum.strip(), 16):
        raise Refused("expected the checksum of its content")
    return dict(re.findall(r"^([0-9-]+:[0-9.]+)\(([^)*]*)", body, re.MULTILINE))


def json_at(message, path):
    for name, index in re.findall(r"\.([^.\[]+)|\[(\d+)\]", path):
        try:
            message = message[name] if name else message[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return message


class Messages:
    """The messages of a golden vector, laid one over the other."""

    def __init__(self, profile, vector):
        mqtt = profile["mqtt"]
        self.kind = mqtt.get("payload", "json")
        topics = [t["name"] for t in mqtt.get("topics", [])] or [""]
        arrived = [(topics[0], vector["payload"])] if "payload" in vector else []
        arrived += [(m["topic"], m["payload"]) for m in vector.get("messages", [])]
        self.seen = {}
        for topic, payload in arrived:
            read = telegram(payload) if self.kind == "telegram" else json.loads(payload, parse_float=Decimal)
            self.seen.setdefault(topic, []).append(read)
        if "time_path" in mqtt:
            stamp = json_at(self.seen[""][-1], mqtt["time_path"])
            if stamp is None:
                raise Refused(f"expected the device's time at `{mqtt['time_path']}`")
            if mqtt["time_unit"] == "rfc3339":
                datetime.fromisoformat(stamp)

    def find(self, topic, place):
        """The newest value for a place; partial updates leave what they do not name."""
        for message in reversed(self.seen.get(topic, [])):
            value = message.get(place) if self.kind == "telegram" else json_at(message, place)
            if value is not None:
                return value
        return None

    def point(self, point):
        name = "obis" if self.kind == "telegram" else "path"
        places = [(p, 1) for p in many(point[name])] + [(p, -1) for p in many(point.get(f"minus_{name}", []))]
        topics = many(point.get("topic", ""))
        count = max(len(places), len(topics))
        places, topics = (x * count if len(x) == 1 else x for x in (places, topics))
        values = [(self.find(t, p), sign) for t, (p, sign) in zip(topics, places)]
        if any(value is None for value, _ in values):
            return False, None
        parts = [(Fraction(str(value)), sign) for value, sign in values]
        if any(part in point.get("sentinels", []) for part, _ in parts):
            return True, None
        return True, sum((sign * part for part, sign in parts), Fraction(0))


def as_read(point, value):
    """What the point says: an integer in the quantity's unit, "absent" or "error"."""
    if value is None:
        return "absent"
    value *= UNITS[point["unit"]] * Fraction(point.get("scale", "1"))
    value = {"negated": -value, "absolute": abs(value)}.get(point.get("sign"), value)
    value = round(value)
    if value == 0 and point.get("zero") == "absent":
        return "absent"
    if point["quantity"] in COUNTERS and value < 0:
        return "error"
    return value


def points_of(profile):
    """One point for each model of those that name several."""
    for point in profile["point"]:
        if "model" in point:
            yield from ({**point, "model": model} for model in many(point["model"]))
        else:
            yield point


def check_identity(profile, registers):
    for check in profile.get("identity", []):
        if check.get("must") and (words := registers.read(check["address"], 1)) and words[0] not in check["expect"]:
            raise Refused(f"expected a device whose {check['what']} is {check['expect']}")


def read(profile, vector):
    """Quantity → what the vector's device says."""
    if "mqtt" in profile:
        messages = Messages(profile, vector)
        say = messages.point
    else:
        registers, models = Registers(vector), {}
        if "sunspec" in profile:
            models, _ = registers.models(profile["sunspec"]["bases"])
            settling = {p["model"] for p in points_of(profile) if "model" in p and p["quantity"] in ("import", "export", "pv")}
            if not settling & set(models):
                raise Refused("expected a SunSpec device with one of the models")
        check_identity(profile, registers)
        say = lambda point: at_registers(point, registers, models)
    said = {}
    for point in points_of(profile):
        quantity = point["quantity"]
        is_there, value = say(point)
        # A counter is one register for good; of several voltages any will do.
        if is_there and (quantity not in said or (quantity not in COUNTERS and said[quantity] == "absent")):
            said[quantity] = as_read(point, value)
    return said


def check(profile, vector):
    """What does not agree, as sentences."""
    expect = dict(vector["expect"])
    try:
        said = read(profile, vector)
    except Refused as reason:
        return [] if expect.get("fails", "\0") in str(reason) else [f"refused: {reason}"]
    if "fails" in expect:
        return [f"expected to be refused for `{expect['fails']}`"]
    wrong = []
    for quantity, key in KEYS.items():
        expected, got = expect.get(key, "absent"), said.get(quantity, "absent")
        if expected != got:
            wrong.append(f"{key}: the file says {expected}, the raw values say {got}")
    return wrong


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    files, vectors, wrong = 0, 0, []
    for file in sorted(folder.glob("*.toml")):
        profile = tomllib.loads(file.read_text())
        files += 1
        for vector in profile["golden"]:
            vectors += 1
            wrong += [f"{file.name}, {vector['description']}: {w}" for w in check(profile, vector)]
    print("\n".join(wrong) or f"{vectors} golden vectors of {files} profiles agree")
    return 1 if wrong or not vectors else 0


if __name__ == "__main__":
    sys.exit(main())
