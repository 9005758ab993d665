#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""witness.py FILE CMD ARG…: runs a command and notes in FILE which libdbus each of its processes had mapped.

A short-lived program's /proc/PID/maps is gone before anybody can read it. So the command and all that it starts
are traced, for nothing but the moment in which a process ends: it is stopped there with its memory still mapped.
One line of FILE a process: pid, program, the mapped files with libdbus-1.so in their names.
"""
import ctypes
import os
import signal
import sys

SEIZE, CONT, LISTEN = 0x4206, 7, 0x4208
FORK, VFORK, CLONE, EXEC, EXIT, STOP = 1, 2, 3, 4, 6, 128
WALL = 0x40000000
STOPPING = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long


def mapped(pid):
    """The program and its mapped libdbus files."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        files = {line.split(None, 5)[5].rstrip("\n") for line in maps if "libdbus-1.so" in line}
    return os.readlink(f"/proc/{pid}/exe"), sorted(files)


def leads_its_threads(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        return f"Tgid:\t{pid}\n" in status


def main():
    out = open(sys.argv[1], "a", encoding="utf-8")
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(ready, 1)
        try:
            os.execvp(sys.argv[2], sys.argv[2:])
        except OSError as e:
            print(f"{sys.argv[2]}: {e}", file=sys.stderr)
        os._exit(127)
    options = sum(1 << event for event in (FORK, VFORK, CLONE, EXEC, EXIT))
    if libc.ptrace(SEIZE, child, None, options) != 0:
        sys.exit(f"cannot trace: {os.strerror(ctypes.get_errno())}")
    os.write(go, b"x")
    while True:
        pid, status = os.waitpid(-1, WALL)
        if os.WIFSTOPPED(status):
            event, number = status >> 16, os.WSTOPSIG(status)
            if event == EXIT and leads_its_threads(pid):
                print(pid, *[part for name in [mapped(pid)] for part in (name[0], *name[1])], file=out, flush=True)
            if event == STOP and number in STOPPING:
                libc.ptrace(LISTEN, pid, None, None)
            else:
                libc.ptrace(CONT, pid, None, None if event else number)
        elif pid == child:
            # What it left running is let go when this process ends.
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


main()
