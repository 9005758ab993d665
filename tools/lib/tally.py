# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counting test cases, and reading them from TAP."""

import re
import threading
import time

PASS, FAIL, SKIP = "pass", "fail", "skip"

_LINE = re.compile(r"^(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*)$")
_PLAN = re.compile(r"^1\.\.(\d+)(\s*#\s*skip\b.*)?\s*$", re.IGNORECASE)


class Case:
    def __init__(self, name, result, detail=""):
        self.name, self.result, self.detail = name, result, detail


def tap_cases(text, status):
    """The cases of a TAP producer that ended with a status. What TAP doesn't promise
    (no plan, fewer cases than planned, a status that no case explains) is a failure."""
    cases, plan, notes, skip_all = [], None, [], False
    for line in text.splitlines():
        if match := _PLAN.match(line):
            plan, skip_all = int(match[1]), bool(match[2])
            if skip_all:
                cases.append(Case(line.strip(), SKIP))
        elif match := _LINE.match(line):
            what = match[3] or f"case {match[2] or len(cases) + 1}"
            skipped = re.search(r"#\s*skip\b", what, re.IGNORECASE)
            result = FAIL if match[1] else SKIP if skipped else PASS
            # Diagnostics come before or after their case; the tail of both is kept.
            cases.append(Case(what, result))
            notes = []
        elif line.strip():
            notes.append(line)
            if cases and cases[-1].result == FAIL and len(notes) <= 40:
                cases[-1].detail += line + "\n"
    tail = "\n".join(text.splitlines()[-40:])
    count = 0 if skip_all else len(cases)
    if plan is None:
        cases.append(Case(f"no plan (status {status})", FAIL, tail))
    elif count != plan:
        cases.append(Case(f"{plan} cases planned, {count} seen (status {status})", FAIL, tail))
    elif status != 0 and not any(case.result == FAIL for case in cases):
        cases.append(Case(f"ended with status {status}", FAIL, tail))
    return cases


class Tally:
    """For several threads: what one call prints stays together."""

    def __init__(self, colour=False):
        self._lock = threading.RLock()
        self.counts = {PASS: 0, FAIL: 0, SKIP: 0}
        self.failed = []
        self.start = time.monotonic()
        self.colour = colour

    def say(self, text):
        with self._lock:
            print(f"[{time.monotonic() - self.start:5.0f}s] {text}", flush=True)

    def case(self, group, name, passed, detail="", seconds=None):
        self.cases(f"{group}: {name}", [Case(name, PASS if passed else FAIL, "" if passed else detail)], seconds)

    def cases(self, group, cases, seconds=None):
        """Counts them and prints one line, and every failure in full."""
        with self._lock:
            self._cases(group, cases, seconds)

    def _cases(self, group, cases, seconds):
        n = {PASS: 0, FAIL: 0, SKIP: 0}
        for case in cases:
            n[case.result] += 1
            self.counts[case.result] += 1
        word = "FAIL" if n[FAIL] else "ok"
        if self.colour:
            word = f"\033[3{1 if n[FAIL] else 2}m{word}\033[0m"
        told = ", ".join(f"{n[key]} {past}" for key, past in ((PASS, "passed"), (FAIL, "failed"), (SKIP, "skipped"))
                         if n[key])
        took = f" ({seconds:.1f} s)" if seconds is not None else ""
        self.say(f"{word} {group}: {told or 'nothing ran'}{took}")
        for case in cases:
            if case.result == FAIL:
                self.failed.append(f"{group}: {case.name}")
                print(f"    not ok: {case.name}")
                for line in case.detail.rstrip().splitlines():
                    print(f"    | {line}")
            elif case.result == SKIP:
                print(f"    skipped: {case.name}")
        print(end="", flush=True)

    def finish(self):
        """Prints the last line; returns the exit status."""
        if self.failed:
            print("\nfailed:")
            for name in self.failed:
                print(f"  {name}")
        print(f"\n{self.counts[PASS]} passed, {self.counts[FAIL]} failed, {self.counts[SKIP]} skipped", flush=True)
        # Nothing at all is no success.
        return 0 if self.counts[PASS] and not self.counts[FAIL] else 1
