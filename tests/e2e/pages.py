"""Three pages in a real browser: the street, a home, the operator's page; 360 and 1440 px wide, light and dark.

Fails on console errors, refused content (CSP), requests to other hosts, horizontal overflow, controls without a name.
Leaves a picture of each."""

import argparse
import json
import os
import pathlib
import re

from browser import Browser
from street import Street, check, run, say, wait_for

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--homes", type=int, default=24)
parser.add_argument("--history-days", type=int, default=1)
options = parser.parse_args()

WIDTHS = [360, 1440]
SCHEMES = ["light", "dark"]
SCREENS = pathlib.Path(os.environ.get("E2E_SCREENS", "target/e2e-screens"))

# What sticks out to the right, when the page can be scrolled sideways.
OVERFLOW = """(() => {
  const page = document.documentElement;
  if (page.scrollWidth <= page.clientWidth) return [];
  const out = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > page.clientWidth + 1);
  return [`${page.scrollWidth} px in ${page.clientWidth} px`].concat(out.slice(0, 5).map(e => e.outerHTML.slice(0, 120)));
})()"""

# Controls and pictures that a screen reader could not name.
NAMELESS = """[...document.querySelectorAll('img, input, select, textarea, button, a[href], svg[role=img]')].filter(e => {
  if (e.type === 'hidden' || e.closest('[aria-hidden=true]')) return false;
  const label = e.labels && e.labels.length ? e.labels[0].textContent : '';
  const title = e.querySelector ? e.querySelector('title') : null;
  const name = e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.getAttribute('alt') || label ||
    e.textContent || (title && title.textContent) || e.getAttribute('title');
  return e.tagName === 'IMG' ? !e.hasAttribute('alt') : !(name && name.trim());
}).map(e => e.outerHTML.slice(0, 120))"""


def main(folder):
    SCREENS.mkdir(parents=True, exist_ok=True)
    street = Street(folder, homes=options.homes, history_days=options.history_days).start()
    street.wait_page(60)
    street.wait_ready(600)
    logins = wait_for("the log-ins in the demo's banner", 20, lambda: read_logins(street))
    browser = Browser(folder)
    say(browser.name)
    try:
        anybody, household, operator = (browser.new_tab(street.url) for _ in range(3))
        home_page = log_in(household, street, logins["household"])
        operator_page = log_in(operator, street, logins["operator"])
        for name, tab, url in [
            ("street", anybody, street.url + "/"), ("home", household, home_page), ("operator", operator, operator_page),
        ]:
            for width in WIDTHS:
                for scheme in SCHEMES:
                    look(tab, name, url, width, scheme)
        change_preference(household, home_page)
    finally:
        browser.close()
    street.stop()
    say(f"pictures in {SCREENS}")


def read_logins(street):
    """`Log in as household NAME password WORD` → {"household": (NAME, WORD)}."""
    rows = re.findall(r"Log in as\s+(\S+)\s+(\S+)\s+password\s+(\S+)", street.log.read_text(errors="replace"))
    return {role: (name, word) for role, name, word in rows}


def log_in(tab, street, login):
    """Types the log-in as a person would; gives the address of the page it leads to."""
    name, word = login
    tab.look_like(1440, "light")
    tab.open(street.url + "/login")
    before = tab.loaded
    tab.run(f"""(() => {{
      const word = document.querySelector('input[type=password]');
      const form = word.form;
      const name = form.querySelector('input:not([type=password]):not([type=hidden]):not([type=submit])');
      name.value = {json.dumps(name)};
      word.value = {json.dumps(word)};
      form.requestSubmit();
    }})()""")
    tab.wait_loaded(before, f"the page after the log-in of {name}")
    address = tab.run("location.href")
    check("/login" not in address, f"{name} can log in and comes to {address.removeprefix(street.url)}")
    return address


def look(tab, name, url, width, scheme):
    tab.complaints.clear()
    tab.look_like(width, scheme)
    tab.open(url)
    picture = SCREENS / f"{name}-{width}-{scheme}.png"
    tab.picture(picture)
    found = list(tab.complaints)
    found += [f"wider than the screen: {part}" for part in tab.run(OVERFLOW)]
    found += [f"has no name: {part}" for part in tab.run(NAMELESS)]
    if not tab.run("document.querySelectorAll('h1').length === 1"):
        found.append("expected one h1")
    if not tab.run("!!document.documentElement.lang && !!document.title"):
        found.append("expected a language and a title")
    if found:
        raise AssertionError(f"{name} at {width} px, {scheme}:\n  " + "\n  ".join(found) + f"\n  picture: {picture}")
    check(True, f"{name} at {width} px, {scheme}: {picture.name}")


def change_preference(tab, url):
    """The form on the home's page takes a new mode, and shows it after a reload."""
    tab.complaints.clear()
    tab.open(url)
    wanted = tab.run("""(() => {
      const choice = [...document.querySelectorAll('form input[type=radio]')].find(e => !e.checked && /cheap|balanced|green/.test(e.value));
      if (!choice) return null;
      choice.checked = true;
      choice.dispatchEvent(new Event('change', { bubbles: true }));
      choice.form.requestSubmit();
      return choice.value;
    })()""")
    if wanted is None:
        raise AssertionError("the home's page has no form with the modes cheap, balanced and green")
    tab.browser.settle(2.0)
    tab.open(url)
    now = tab.run("[...document.querySelectorAll('form input[type=radio]')].filter(e => e.checked).map(e => e.value)")
    check(wanted in now and not tab.complaints, f"the price preference is now {wanted} {tab.complaints or ''}")
    for typed in ["-1", "a lot"]:
        tab.open(url)
        before = tab.loaded
        tab.run(f"""(() => {{
          const own = document.querySelector('form input[type=radio][value=own]');
          own.checked = true;
          own.form.elements.sell_above.value = {json.dumps(typed)};
          own.form.elements.buy_below.value = '20';
          own.form.noValidate = true;
          own.form.requestSubmit();
        }})()""")
        tab.wait_loaded(before, "the answer to a wrong price")
        said = tab.run("(document.getElementById('sell_problem') || {}).textContent")
        check(bool(said and said.strip()), f"sell above `{typed}`: {(said or '').strip()}")
    tab.open(url)
    now = tab.run("[...document.querySelectorAll('form input[type=radio]')].filter(e => e.checked).map(e => e.value)")
    check(wanted in now, f"the price preference is still {wanted}")


if __name__ == "__main__":
    run(main)
