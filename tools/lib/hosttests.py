# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's tests: meson test, its cases counted one by one from its JUnit file."""

import json
import subprocess
import time
import xml.etree.ElementTree as ElementTree

from tally import FAIL, PASS, SKIP, Case


def _cases(suite):
    for node in suite.iter("testcase"):
        name = node.get("name") or "?"
        if node.get("classname") not in (None, suite.get("name")):
            name = f"{node.get('classname')}.{name}"
        bad = node.find("failure")
        if bad is None:
            bad = node.find("error")
        if bad is not None:
            yield Case(name, FAIL, (bad.get("message") or "") + (bad.text or ""))
        elif node.find("skipped") is not None or node.get("status") == "notrun":
            yield Case(name, SKIP)
        else:
            yield Case(name, PASS)


def run(tally, build, log, group="host", tests=()):
    """meson test of a build directory: all, or what its arguments in tests choose."""
    logs = build / "meson-logs"
    junit, told = logs / "testlog.junit.xml", logs / "testlog.json"
    for old in (junit, told):
        old.unlink(missing_ok=True)
    tally.say(f"{group}: meson test …")
    start = time.monotonic()
    # The result is in the files; output shows only what a stopped run would hide.
    done = subprocess.run(["meson", "test", "-C", str(build), "--no-rebuild", "--print-errorlogs", *tests],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    log.write_text(done.stdout)
    if not told.exists():
        tally.case(group, "meson test", False, done.stdout[-4000:], time.monotonic() - start)
        return
    suites = {}
    if junit.exists():
        for suite in ElementTree.parse(junit).getroot().iter("testsuite"):
            suites.setdefault(suite.get("name"), []).extend(_cases(suite))
    tests = [json.loads(line) for line in told.read_text().splitlines() if line.strip()]
    program_failed = {test["name"]: test for test in tests if test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")}
    for name, cases in suites.items():
        tally.cases(f"{group}: {name}", cases)
    # A program that died has no failing case of its own to show.
    seen = {case.name for cases in suites.values() for case in cases if case.result == FAIL}
    for name, test in program_failed.items():
        short = name.split(" / ")[-1]
        suite_failed = any(case.result == FAIL for suite, cases in suites.items() for case in cases
                           if suite and (suite == name or suite.endswith(short)))
        if short not in seen and name not in seen and not suite_failed:
            detail = (test.get("stdout") or "")[-3000:] + (test.get("stderr") or "")[-3000:]
            tally.case(group, name, False, f"{test['result']}\n{detail}")
    tally.say(f"{group}: tests took {time.monotonic() - start:.1f} s")
