"""Drives Debian's Chromium over its own debugging protocol (CDP): no driver, no second browser."""

import base64
import json
import os
import pathlib
import shutil
import time
import urllib.request

from websockets.sync.client import connect

from street import end, spawn, wait_for

FLAGS = [
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-port=0",
]


class Browser:
    """One headless Chromium with an empty profile."""

    def __init__(self, folder):
        profile = pathlib.Path(folder) / "chromium"
        profile.mkdir()
        path = shutil.which("chromium")
        if path is None:
            raise AssertionError("chromium is missing: apt-get install chromium")
        flags = list(FLAGS)
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium refuses to run its sandbox as root.
        self.child = spawn([path, *flags, f"--user-data-dir={profile}", "about:blank"], profile.with_suffix(".log"))
        port_file = profile / "DevToolsActivePort"
        wait_for("Chromium's debugging port", 60, lambda: port_file.exists() and port_file.read_text().count("\n") >= 1)
        port = port_file.read_text().split("\n")[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/version", timeout=20) as answer:
            version = json.loads(answer.read())
        self.socket = connect(version["webSocketDebuggerUrl"], max_size=None, open_timeout=30, compression=None)
        self.name = version["Browser"]
        self.last_id = 0
        self.tabs = {}

    def call(self, method, session=None, **parameters):
        """Sends a command and gives its result; events that come in between go to their tab."""
        self.last_id += 1
        number = self.last_id
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self.socket.send(json.dumps(message))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.receive(deadline - time.monotonic())
            if answer and answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']['message']}")
                return answer["result"]
        raise AssertionError(f"Chromium did not answer {method} within 60 s")

    def receive(self, timeout_s):
        """The next message, if one comes in time."""
        try:
            message = json.loads(self.socket.recv(timeout=max(timeout_s, 0.01)))
        except TimeoutError:
            return None
        tab = self.tabs.get(message.get("sessionId"))
        if tab and "method" in message:
            tab.on_event(message["method"], message["params"])
        return message

    def settle(self, seconds):
        """Lets the page run and collects what it reports."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.receive(left)

    def new_tab(self, origin):
        """A tab with cookies of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session, origin)
        self.tabs[session] = tab
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"]:
            tab.call(f"{domain}.enable")
        return tab

    def close(self):
        """Ends Chromium."""
        self.socket.close()
        end(self.child)


class Tab:
    """One page, and everything that went wrong on it."""

    def __init__(self, browser, session, origin):
        self.browser, self.session, self.origin = browser, session, origin
        self.complaints = []
        self.loaded = 0

    def call(self, method, **parameters):
        """A command to this page."""
        return self.browser.call(method, self.session, **parameters)

    def on_event(self, method, event):
        """Keeps what a person would see red in the console."""
        if method == "Page.loadEventFired":
            self.loaded += 1
        elif method == "Runtime.exceptionThrown":
            details = event["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", "")
            self.complaints.append(f"exception: {details['text']} {thrown}")
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "assert"):
            words = [str(part.get("value", part.get("description", ""))) for part in event["args"]]
            self.complaints.append("console: " + " ".join(words))
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.complaints.append(f"log: {event['entry']['text']} {event['entry'].get('url', '')}")
        elif method == "Audits.issueAdded" and event["issue"]["code"] == "ContentSecurityPolicyIssue":
            self.complaints.append(f"CSP: {json.dumps(event['issue']['details'])[:300]}")
        elif method == "Network.requestWillBeSent":
            url = event["request"]["url"]
            if not url.startswith((self.origin, "data:", "blob:", "about:")):
                self.complaints.append(f"asked another host: {url}")

    def look_like(self, width, scheme):
        """Width in CSS pixels and colour scheme."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url):
        """Goes there and waits until it has loaded and its first events have been drawn."""
        before = self.loaded
        answer = self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise AssertionError(f"{url}: {answer['errorText']}")
        self.wait_loaded(before, url)

    def wait_loaded(self, before, what):
        """Until one more page than `before` has loaded."""
        deadline = time.monotonic() + 30
        while self.loaded == before:
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not load within 30 s")
            self.browser.receive(0.2)
        self.browser.settle(1.0)

    def run(self, expression):
        """The value of a JavaScript expression on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']['text']}")
        return answer["result"].get("value")

    def picture(self, path):
        """Saves the whole page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))
