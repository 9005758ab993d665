#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs programs with the installed libdbus and with ours, each on a dbus-daemon of its own, and compares what they
print. Prints TAP.

transcripts.py LIBRARY PROGRAM...
"""

import difflib
import os
import re
import shutil
import subprocess
import sys


def comparable(text):
    """What may differ: process ids, our file names, lines and names of private functions in warnings."""
    text = re.sub(r'dbus\[\d+\]', 'dbus[*]', text)
    text = re.sub(r'arguments to \w+\(\) were incorrect, assertion ".*" failed in file \S+ line \d+\.',
                  'arguments were incorrect.', text)
    return text.splitlines()


def run(program, preload):
    """The program's output and status, on a bus that has had no other client."""
    # Meson's LD_LIBRARY_PATH has our library, which the daemon can't run with and the program is to have only by preload.
    environment = {name: value for name, value in os.environ.items()
                   if name != 'LD_LIBRARY_PATH' and not name.startswith('DBUS_')}
    daemon = subprocess.Popen(['dbus-daemon', '--session', '--nofork', '--print-address=1'],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env=environment)
    try:
        environment['DBUS_SESSION_BUS_ADDRESS'] = daemon.stdout.readline().strip()
        environment['DBUS_FATAL_WARNINGS'] = '0'
        if preload:
            environment['LD_PRELOAD'] = preload
        result = subprocess.run([program], env=environment, text=True, timeout=330,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return comparable(result.stdout) + [f'status {result.returncode}']
    finally:
        daemon.terminate()
        daemon.wait()


def main(library, *programs):
    if not shutil.which('dbus-daemon'):
        print('1..0 # SKIP no dbus-daemon')
        return
    print(f'1..{len(programs)}')
    for number, program in enumerate(programs, 1):
        stock, ours = run(program, None), run(program, os.path.realpath(library))
        # Also a guard against a program that prints nothing worth comparing.
        same = stock == ours and stock[-1] == 'status 0' and len(stock) > 20
        print(f'{"ok" if same else "not ok"} {number} - {os.path.basename(program)}: '
              f'{len(stock)} lines are the same with either library')
        if not same:
            for line in difflib.unified_diff(stock, ours, 'installed', 'ours', lineterm='', n=2):
                print(f'# {line}')


if __name__ == '__main__':
    main(*sys.argv[1:])
