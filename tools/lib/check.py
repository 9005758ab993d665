# SPDX-License-Identifier: LGPL-2.1-or-later
"""tools/check: runs every check, shows progress, counts.

Each step reports test cases to a Tally; nothing that was meant to run and did not can
pass: a program without a plan, a guest that died, a build that stopped are failures.
"""

import argparse
import concurrent.futures
import fcntl
import os
import pathlib
import signal
import sys
import time

import bounded
import guest
import hosttests
from tally import Tally, tap_cases

SRC = pathlib.Path(__file__).resolve().parents[2]
BUILD = SRC / "build"
LOGS = BUILD / "check-logs"


def lint(tally):
    status, text = bounded.run([SRC / "tools/lint"], LOGS / "lint.log", 300, cwd=SRC)
    tally.cases("lint", tap_cases(text, status))


def build(tally, directory=BUILD, group="build", options=()):
    """Returns whether there is something to run."""
    setup = ["meson", "setup", "--werror", *options, str(directory), str(SRC)]
    if (directory / "build.ninja").exists():
        setup.insert(2, "--reconfigure")
    for name, step in (("meson setup", setup), ("meson compile", ["meson", "compile", "-C", str(directory)])):
        start = time.monotonic()
        tally.say(f"{group}: {name} …")
        status, text = bounded.run(step, LOGS / f"{group}-{name.replace(' ', '-')}.log", 3600, cwd=SRC)
        tally.case(group, name, status == 0, text[-8000:], time.monotonic() - start)
        if status != 0:
            return False
    return True


# The library and its unit tests in few, large translation units, since that is what compiling
# costs; shim-message has one thread.
SANITIZED = ("-Dcompat_tests=false", "-Dunity=on", "-Dunity_size=200", "-Dbuildtype=plain", "-Doptimization=0",
             "-Dcpp_args=-g1")
SANITIZERS = {
    "address,undefined": ("--suite", "unit"),
    "thread": ("shim-base", "shim-transport", "shim-connection", "shim-server", "shim-oom"),
}


def sanitized(tally):
    for sanitizer, tests in SANITIZERS.items():
        # A comma would end an option of the linker.
        name = sanitizer.replace(",", "-")
        directory, group = BUILD / f"sanitize-{name}", f"sanitizer {name}"
        if build(tally, directory, group, (*SANITIZED, f"-Db_sanitize={sanitizer}")):
            hosttests.run(tally, directory, LOGS / f"{group}.log", group, tests)


# TAP programs that have to fetch what they run, and keep it in the cache: name, path, seconds.
HOST_PROGRAMS = (
    ("upstream's tests", "compat-tests/upstream/run", 1200),
    ("programs over dbus-daemon", "compat-tests/apps/over-daemon", 1800),
)


def host_programs(tally):
    for name, path, timeout in HOST_PROGRAMS:
        start = time.monotonic()
        tally.say(f"{name} …")
        # stderr carries the progress.
        status, text = bounded.run([SRC / path], LOGS / (path.replace("/", "-") + ".log"), timeout, stderr=None,
                                   cwd=SRC)
        tally.cases(f"host: {name}", tap_cases(text, status), time.monotonic() - start)


def module(tally, kernel):
    for mode in ("warnings", "sparse"):
        start = time.monotonic()
        tally.say(f"module for the {kernel} kernel, {mode} …")
        # stderr carries the progress of a kernel that is being built.
        status, text = bounded.run([SRC / "tools/lib/module", kernel, mode],
                                   LOGS / f"module-{kernel}-{mode}.log", 3000, stderr=None)
        tally.case("module", f"{kernel} kernel, {'W=1' if mode == 'warnings' else 'sparse'}",
                   status == 0, text[-8000:], time.monotonic() - start)


def on_kernel(tally, kernel, tests, whole, long):
    if whole:
        module(tally, kernel)
    guest.run(tally, SRC, LOGS, kernel, tests, long)


def arguments():
    parser = argparse.ArgumentParser(prog="tools/check", description="Runs every check of dbus-genl.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these system tests")
    parser.add_argument("--host", action="store_true", help="only lint, build and host tests")
    parser.add_argument("--kernel", choices=(*guest.KERNELS, guest.KCSAN, *guest.SERIES), action="append", help="only this kernel")
    parser.add_argument("--long", action="store_true", help="also what takes too long for each change")
    parser.add_argument("--list", action="store_true", help="name the system tests and end")
    return parser.parse_args()


def main():
    args = arguments()
    kernels = args.kernel or list(guest.KERNELS + ((guest.KCSAN, *guest.SERIES) if args.long else ()))
    tests = guest.discover(SRC / "compat-tests/system")
    if args.list:
        for test in tests:
            kernels = list(test.kernels) + [f"{kernel} with --long" for kernel in test.long]
            print(f"{test.name}: {test.timeout} s, {', '.join(kernels)}")
        return 0
    unknown = set(args.names) - {test.name for test in tests}
    if unknown:
        sys.exit(f"tools/check: no such test in compat-tests/system: {', '.join(sorted(unknown))}")

    LOGS.mkdir(parents=True, exist_ok=True)
    # Held until this process ends: two runs in one checkout would build into the same files.
    lock = open(LOGS / "lock", "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("tools/check: another one runs in this checkout: wait for its end, or use another clone")
    tally = Tally(colour=sys.stdout.isatty())
    os.environ["DBUS_GENL_BUILD"] = str(BUILD)
    os.environ["DBUS_GENL_SRC"] = str(SRC)
    if args.long:
        # Guests get it too: for tests that can take any time.
        os.environ["DBUS_GENL_LONG"] = "1"
    whole = not args.names
    if whole and not args.kernel:
        lint(tally)
    built = build(tally)
    side_by_side = []
    if built and whole and not args.kernel:
        hosttests.run(tally, BUILD, LOGS / "host.log")
        side_by_side += [(host_programs, tally), (sanitized, tally)]
    if not args.host:
        chosen = [test for test in tests if whole or test.name in args.names]
        # Who names a test wants it.
        long = args.long or bool(args.names)
        side_by_side += [(on_kernel, tally, kernel, [test for test in chosen if test.runs_on(kernel, long)], whole, long)
                         for kernel in kernels]
    # An emulated guest seldom has work for more than one processor, programs wait, and the debug
    # kernel can be built while Debian's is tested.
    # With --long there are more kernels than processors commonly.
    with concurrent.futures.ThreadPoolExecutor(max(4, os.cpu_count() or 1)) as pool:
        for run in [pool.submit(*job) for job in side_by_side]:
            run.result()
    return tally.finish()


def stop(_signal, _frame):
    bounded.terminate_all()
    os._exit(130)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    sys.exit(main())
