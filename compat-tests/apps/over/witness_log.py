# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which libdbus processes have mapped: those that ended (as witness.py noted), and those that live."""
import os


def read(path):
    """[(program, [libdbus files])] of a file that witness.py wrote."""
    with open(path, encoding="utf-8") as log:
        return [(fields[1], fields[2:]) for fields in (line.split() for line in log)]


def living(apart):
    """[(pid, program, [libdbus files])] of the processes of this pid namespace that have one, apart from some."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) in apart:
            continue
        try:
            with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
                files = sorted({line.split(None, 5)[5].rstrip("\n") for line in maps if "libdbus-1.so" in line})
            program = os.readlink(f"/proc/{pid}/exe")
        except OSError:
            continue
        if files:
            found.append((int(pid), program, files))
    return found
