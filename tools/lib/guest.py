# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system tests: compat-tests/system/NAME, run in guests by tools/vm.

One boot serves all tests of a kernel that don't ask for their own. When a guest dies,
the test that ran has failed, and the rest go on in a new one.
"""

import concurrent.futures
import re
import subprocess
import threading
import time

import bounded
from tally import FAIL, Case, tap_cases

KERNELS = ("debian", "debug")
# With --long: those tests that name it, which are those with several tasks at once.
KCSAN = "kcsan"
# Of other Debian releases (kernel_series.sh): there runs what runs on Debian's own.
SERIES = ("5.10", "6.12", "7.3")
# What a boot, its kmemleak scans and a loaded machine may take beside the tests.
OVERHEAD = {"debian": 180, "debug": 480, KCSAN: 480}


class Test:
    """A test program and what its '# vm:' line asks for."""

    def __init__(self, path):
        self.name, self.timeout, self.kernels, self.own_boot = path.name, 300, KERNELS, False
        self.host, self.long, self.leaks_always = None, (), True
        head = path.read_text(errors="replace")[:4096]
        match = re.search(r"^# vm:(.*)$", head, re.MULTILINE)
        for word in match[1].split() if match else ():
            key, _, value = word.partition("=")
            if key == "timeout":
                self.timeout = int(value)
            elif key == "kernels":
                self.kernels = tuple(filter(None, value.split(",")))
            elif key == "long":
                self.long = tuple(value.split(","))
            elif key == "leaks" and value == "long":
                self.leaks_always = False
            elif key == "host":
                self.host = path.parent / value
            elif key == "own-boot":
                self.own_boot = True
            else:
                raise SystemExit(f"{path}: '# vm:' knows no {word}")
        if set(self.kernels + self.long) - {*KERNELS, KCSAN}:
            raise SystemExit(f"{path}: '# vm:' names a kernel that is not one of {(*KERNELS, KCSAN)}")

    def runs_on(self, kernel, long):
        if kernel in SERIES:
            # What is prepared on the host is prepared for Debian's own.
            return not self.host and self.runs_on("debian", long)
        # Who names kcsan wants what there is for it.
        return kernel in self.kernels or (long or kernel == KCSAN) and kernel in self.long


def discover(directory):
    """Executable files without an extension."""
    return [Test(path) for path in sorted(directory.iterdir())
            if path.is_file() and "." not in path.name and path.stat().st_mode & 0o100]


class Boot:
    """One guest that runs some tests; afterwards results[name] = (status, text, seconds)."""

    def __init__(self, tally, src, log, kernel, batch):
        self.results, self.running, self.stderr = {}, None, ""
        self._text, self._tally, self._kernel = [], tally, kernel
        limit = sum(test.timeout for test in batch.tests) + OVERHEAD.get(kernel, OVERHEAD["debian"])
        command = [src / "tools/vm", "--kernel", kernel, "--timeout", str(limit), "--log", f"{log}.console",
                   *([] if batch.leaks else ["--no-leak-check"]), "--", "compat-tests/vm/run-suite",
                   *[f"{test.name}:{test.timeout}" for test in batch.tests]]
        with open(f"{log}.log", "w", encoding="utf-8") as out, bounded.start(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", cwd=src) as process:
            reader = threading.Thread(target=self._read_stderr, args=(process.stderr,))
            reader.start()
            for line in process.stdout:
                out.write(line)
                out.flush()
                self._line(line.rstrip("\n"))
            self.status = process.wait()
            reader.join()
            out.write(self.stderr)

    def _read_stderr(self, stream):
        for line in stream:
            self.stderr += line
            # Kernel fetch and build speak while they work.
            if line.startswith("vm: "):
                self._tally.say(line.rstrip("\n"))

    def _line(self, line):
        if line.startswith("@@ begin "):
            self.running, self._text, self._start = line.split()[2], [], time.monotonic()
            self._tally.say(f"{self._kernel}: {self.running} …")
        elif line.startswith("@@ end ") and self.running:
            _, _, name, status, millis = line.split()
            self.results[name] = (int(status), "\n".join(self._text), int(millis) / 1000)
            self._report(name)
            self.running = None
        else:
            self._text.append(line)

    def _report(self, name):
        status, text, seconds = self.results[name]
        cases = tap_cases(text, status)
        if status in (124, 137):
            cases.append(Case("time limit", FAIL, "\n".join(text.splitlines()[-20:])))
        self._tally.cases(f"{self._kernel}: {name}", cases, seconds)

    def died_in(self):
        """Text and name of the test that the guest died in."""
        return self.running, "\n".join(self._text)


def run_host_part(tally, logs, kernel, test):
    """What a test has to do before the guest boots: a TAP program like itself."""
    log, start = logs / f"{kernel}-{test.name}-host.log", time.monotonic()
    tally.say(f"{kernel}: {test.name}, on the host …")
    status, text = bounded.run([test.host], log, test.timeout)
    tally.cases(f"{kernel}: {test.name}, on the host", tap_cases(text, status), time.monotonic() - start)


class Batch:
    """Tests that share a boot, and whether kmemleak, where there is one, looks for what they leak."""

    def __init__(self, tests, leaks=True):
        self.tests, self.leaks = tests, leaks


def lanes(tests, kernel, long):
    """Two rows of batches, to be run side by side: one guest seldom has work for both processors. kmemleak halves the
    speed of everything, so tests that make the same requests as others, only more of them, do without."""
    shared = [test for test in tests if not test.own_boot]
    quick = [test for test in shared if kernel == "debug" and not long and not test.leaks_always]
    thorough = [test for test in shared if test not in quick]
    alone = [Batch([test]) for test in tests if test.own_boot]
    return [[Batch(thorough)] if thorough else [], ([Batch(quick, leaks=False)] if quick else []) + alone]


def run(tally, src, logs, kernel, tests, long):
    for test in tests:
        if test.host:
            run_host_part(tally, logs, kernel, test)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for lane in [pool.submit(run_lane, tally, src, logs / f"{kernel}-{number}", kernel, batches)
                     for number, batches in enumerate(lanes(tests, kernel, long), 1)]:
            lane.result()


def run_lane(tally, src, log, kernel, batches):
    serial = 0
    while batches:
        batch = batches.pop(0)
        serial += 1
        tally.say(f"{kernel}: booting for {', '.join(test.name for test in batch.tests)}")
        boot = Boot(tally, src, f"{log}-{serial}", kernel, batch)
        rest = [test for test in batch.tests if test.name not in boot.results]
        if rest:
            # It died in one, or before the first: that one has failed, the others go on.
            name, text = boot.died_in()
            name = name or rest[0].name
            cases = [case for case in tap_cases(text, boot.status) if case.result != FAIL]
            cases.append(Case(f"the guest died (status {boot.status})", FAIL,
                              "\n".join(text.splitlines()[-20:]) + "\n" + boot.stderr[-12000:]))
            tally.cases(f"{kernel}: {name}", cases)
            rest = [test for test in rest if test.name != name]
            if rest:
                batches.insert(0, Batch(rest, batch.leaks))
        else:
            # All ended; what is left is what the kernel says of them together.
            names = " ".join(test.name for test in batch.tests)
            what = "clean kernel log, nothing leaked" if batch.leaks else "clean kernel log"
            tally.case(kernel, f"{what} after {names}", boot.status == 0,
                       f"tools/vm's status {boot.status}\n" + boot.stderr[-12000:])
