"""A running street: starts the program, talks to its API, ends it. Everything stays on 127.0.0.1.

Only processes started here are ended, by their own id. Every wait is a poll with a deadline; nothing sleeps and hopes.
"""

import atexit
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone

INTERVAL_S = 900
# The demo's grid time starts here, whatever the wall clock says: same seed, same run.
GRID_START = datetime(2026, 6, 15, 9, 0, tzinfo=timezone.utc)

_alive = []
_no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def program(name="COMMONWATT"):
    """The path of the program under test."""
    path = os.environ.get(name)
    if not path:
        path = pathlib.Path(__file__).parents[2] / "target" / "debug" / name.lower()
    if not pathlib.Path(path).is_file():
        sys.exit(f"{path} does not exist: run `cargo build --workspace --bins`, or set {name}")
    return str(path)


def free_port():
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scratch(name):
    """A new folder for one run; removed when the test passed, kept and named when it failed."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"commonwatt-{name}-"))
    say(f"working in {folder}")
    return folder


def say(text):
    """One line of what was seen."""
    print(text, flush=True)


def check(truth, text):
    """Says what holds; ends the test when it does not."""
    if not truth:
        raise AssertionError(text)
    say(f"  ok  {text}")


def wait_for(what, deadline_s, probe, every_s=0.1):
    """Polls until `probe` gives something true; fails with `what` after the deadline."""
    start = time.monotonic()
    last = None
    while time.monotonic() - start < deadline_s:
        try:
            found = probe()
            if found:
                return found
            last = found
        except (OSError, ValueError, KeyError) as error:
            last = error
        time.sleep(every_s)
    raise AssertionError(f"waited {deadline_s} s for {what}; the last answer was: {last}")


def rfc3339(moment):
    """A moment as the API reads it."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text):
    """A moment as the API writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def spawn(command, log, **options):
    """Starts a process in a session of its own; it is ended when this script ends, if it still runs."""
    say("$ " + " ".join(str(part) for part in command))
    with open(log, "ab") as out:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, **options,
        )
    _alive.append(child)
    return child


def end(child, hard=False, within_s=30):
    """Ends one process that was started here and waits for it."""
    if child.poll() is None:
        child.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
        try:
            child.wait(within_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            raise AssertionError(f"process {child.pid} did not end within {within_s} s of SIGTERM") from None
    return child.returncode


@atexit.register
def _end_all():
    for child in _alive:
        if child.poll() is None:
            child.kill()
            child.wait()


class Street:
    """One `commonwatt demo` on free ports, with a data folder of its own."""

    def __init__(self, folder, *, homes=24, speed=60, seed=7, history_days=0, stop_at=None, broker=None, chain=None, fault=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "street.log"
        self.data = self.folder / "data"
        self.port, self.rpc_port = free_port(), free_port()
        self.homes, self.speed, self.seed, self.history_days = homes, speed, seed, history_days
        self.stop_at, self.broker, self.chain, self.fault = stop_at, broker, chain, fault
        self.child = None

    def command(self):
        """The command line."""
        line = [
            program(), "demo", "--homes", self.homes, "--speed", self.speed, "--seed", self.seed,
            "--port", self.port, "--rpc-port", self.rpc_port, "--data-dir", self.data,
            "--history-days", self.history_days,
        ]
        if self.stop_at:
            line += ["--stop-at", rfc3339(self.stop_at)]
        if self.broker:
            line += ["--broker", self.broker]
        if self.chain:
            line += ["--chain", self.chain]
        if self.fault:
            line += ["--fault", self.fault]
        return line

    def start(self):
        """Starts it; a second time goes on in the same data folder."""
        self.child = spawn(self.command(), self.log)
        return self

    def stop(self):
        """Ends it as a person would, with a signal that it can act on."""
        return end(self.child)

    def kill(self):
        """Ends it as a power cut would."""
        return end(self.child, hard=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def rpc(self):
        """Where the chain answers JSON-RPC."""
        return self.chain or f"http://127.0.0.1:{self.rpc_port}"

    def ask(self, path, *, method="GET", body=None, headers=None, timeout_s=20, **query):
        """Status, headers and bytes of one request; an error status is an answer too."""
        if query:
            path += "?" + urllib.parse.urlencode({name.rstrip("_"): value for name, value in query.items()})
        request = urllib.request.Request(self.url + path, data=body, headers=headers or {}, method=method)
        try:
            with _no_proxy.open(request, timeout=timeout_s) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def get(self, path, **query):
        """The JSON of an answer with status 200."""
        status, _, data = self.ask(path, **query)
        if status != 200:
            raise ValueError(f"GET {path} {query or ''} answered {status}: {data[:300].decode(errors='replace')}")
        return json.loads(data)

    def must_run(self):
        """Fails with the end of the log when the process is gone."""
        if self.child.poll() is not None:
            raise AssertionError(f"the street ended with {self.child.returncode}; end of {self.log}:\n{self.tail()}")

    def tail(self, lines=30):
        """The last lines it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_page(self, deadline_s):
        """Until the first page answers, whatever the history is at. Gives the seconds it took."""
        start = time.monotonic()

        def answers():
            self.must_run()
            return self.ask("/", timeout_s=2)[0] == 200

        wait_for("the first page", deadline_s, answers, every_s=0.05)
        return time.monotonic() - start

    def wait_ready(self, deadline_s=300):
        """Until /readyz says 200. Gives the seconds it took."""
        start = time.monotonic()

        def is_ready():
            self.must_run()
            status, _, data = self.ask("/readyz", timeout_s=5)
            if status != 200:
                raise ValueError(f"/readyz answered {status}: {data[:200].decode(errors='replace')}")
            return True

        wait_for("/readyz to say 200", deadline_s, is_ready)
        return time.monotonic() - start

    def wait_end(self, deadline_s):
        """Until it ends by itself, which it must do with 0."""
        try:
            code = self.child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the street did not stop at {self.stop_at} within {deadline_s} s:\n{self.tail()}") from None
        if code != 0:
            raise AssertionError(f"the street ended with {code}, expected 0:\n{self.tail()}")

    def grid_now(self):
        """Grid time."""
        clock = self.get("/api/v1/clock", timeout_s=5)
        return datetime.fromtimestamp(clock["grid_ms"] / 1000, tz=timezone.utc)

    def home_ids(self):
        """The ids of all homes, in order."""
        return sorted(row["home"] for row in self.get("/api/v1/homes")["homes"])

    def audit(self, start, end):
        """The audit of [start, end)."""
        return self.get("/api/v1/audit", from_=rfc3339(start), to=rfc3339(end))

    def statement(self, home, start, end):
        """A home's statement of [start, end)."""
        return self.get(f"/api/v1/homes/{home}/statement", from_=rfc3339(start), to=rfc3339(end))

    def whole_statement(self, home):
        """A home's statement from its first interval on."""
        return self.statement(home, GRID_START - timedelta(days=30), self.grid_now() + timedelta(days=1))

    def balance(self, home):
        """A home's balance."""
        return self.get(f"/api/v1/homes/{home}/balance")


def snapshot(folder, street, start, end):
    """What a run came to: every home's statement of [start, end) and its balance, as text that can be compared.

    The stopped street is opened again in its data folder, at a speed that leaves minutes before the next interval.
    """
    street.stop_at, street.speed = None, 2
    street.start()
    street.wait_ready(120)
    homes = street.home_ids()
    result = {
        "homes": {
            str(home): {
                "statement": stable(street.statement(home, start, end)),
                "balance": stable(street.balance(home)),
            }
            for home in homes
        },
        "audit": stable(street.audit(start, end)),
    }
    street.stop()
    text = json.dumps(result, indent=1, sort_keys=True)
    (pathlib.Path(folder) / "snapshot.json").write_text(text)
    return text


# What depends on the wall clock, on ports or on the chain's own numbering, and on nothing else.
UNSTABLE = {"generated_at", "tx", "tx_hash", "transaction", "gas", "gas_used", "block", "block_number", "contract", "rpc", "url"}


def stable(value):
    """The same JSON without what may differ between two equal runs."""
    if isinstance(value, dict):
        return {name: stable(part) for name, part in value.items() if name not in UNSTABLE}
    if isinstance(value, list):
        return [stable(part) for part in value]
    return value


def difference(left, right, names):
    """The first lines in which two snapshots differ."""
    import difflib

    lines = difflib.unified_diff(left.splitlines(), right.splitlines(), *names, lineterm="", n=2)
    return "\n".join(list(lines)[:40])


def run(main):
    """Runs one script: 0 when it passed, 1 with the reason when not; keeps the folder of a failed run."""
    folder = scratch(pathlib.Path(sys.argv[0]).stem)
    try:
        main(folder)
    except AssertionError as error:
        say(f"FAILED: {error}\nkept for a look: {folder}")
        sys.exit(1)
    except BaseException:
        say(f"kept for a look: {folder}")
        raise
    _end_all()
    shutil.rmtree(folder, ignore_errors=True)
    say("passed")


def after(intervals, history_days=0):
    """The boundary this many intervals after the live part begins."""
    return GRID_START + timedelta(days=history_days, seconds=intervals * INTERVAL_S)
