# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands of tools/check, each a process group, so that what they start ends with them."""

import contextlib
import os
import signal
import subprocess

_running = set()


@contextlib.contextmanager
def start(command, **options):
    """A process whose group terminate_all() ends."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, **options) as process:
        _running.add(process)
        try:
            yield process
        finally:
            _running.discard(process)


def run(command, log, timeout, **options):
    """Runs it with stdout in a log file, and stderr too unless the options say otherwise.

    Returns status and text; 124 at the time limit, when its whole process group is killed.
    """
    options.setdefault("stderr", subprocess.STDOUT)
    with open(log, "wb") as out, start(command, stdout=out, **options) as process:
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = 124
            _signal(process, signal.SIGKILL)
            out.write(b"\ntime limit of %d s reached\n" % timeout)
    return status, log.read_text(errors="replace")


def terminate_all():
    """Ends what all threads run: a Ctrl-C reaches only the terminal's process group."""
    for process in list(_running):
        _signal(process, signal.SIGTERM)


def _signal(process, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
