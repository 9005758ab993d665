# SPDX-License-Identifier: LGPL-2.1-or-later
"""A step of tools/check: a command with a log and a time limit that holds for all it starts."""

import os
import signal
import subprocess


def run(command, log, timeout, **options):
    """Runs it with stdout in a log file, and stderr too unless the options say otherwise.

    Returns status and text; 124 at the time limit, when its whole process group is killed.
    """
    options.setdefault("stderr", subprocess.STDOUT)
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, process_group=0, **options)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = 124
        finally:
            # Also when somebody presses Ctrl-C, which reaches this process only.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if status == 124:
            out.write(b"\ntime limit of %d s reached\n" % timeout)
    return status, log.read_text(errors="replace")
