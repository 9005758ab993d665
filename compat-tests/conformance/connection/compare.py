#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs every scenario of a transcript program with the installed libdbus and with ours, and compares. Prints TAP.

compare.py LIBRARY PROGRAM [SCENARIO...]
"""

import difflib
import os
import re
import shutil
import subprocess
import sys


def comparable(text):
    """What may differ: process ids, our file names and lines."""
    text = re.sub(r'dbus\[\d+\]', 'dbus[*]', text)
    text = re.sub(r'/tmp/dbus-genl-transcript\.\d+', '/tmp/dbus-genl-transcript.N', text)
    text = re.sub(r'assertion ".*" failed in file \S+ line \d+\.', 'assertion failed.', text)
    return text.splitlines()


def run(program, scenario, environment):
    result = subprocess.run([program, scenario], env=environment, text=True, timeout=300,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return comparable(result.stdout) + [f'status {result.returncode}']


def main(library, program, *scenarios):
    if not shutil.which('dbus-daemon'):
        print('1..0 # SKIP no dbus-daemon')
        return 0
    # Meson's LD_LIBRARY_PATH has our library, which the reference must not have.
    clean = {name: value for name, value in os.environ.items()
             if name not in ('LD_LIBRARY_PATH', 'LD_PRELOAD') and not name.startswith('DBUS_')}
    daemon = subprocess.Popen(['dbus-daemon', '--session', '--nofork', '--print-address=1'],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=clean)
    failed = 0
    try:
        clean['DBUS_SESSION_BUS_ADDRESS'] = daemon.stdout.readline().strip()
        clean['DBUS_FATAL_WARNINGS'] = '0'
        scenarios = scenarios or subprocess.run([program, '--list'], env=clean, text=True, check=True,
                                                stdout=subprocess.PIPE).stdout.split()
        print(f'1..{len(scenarios)}')
        for number, scenario in enumerate(scenarios, 1):
            stock = run(program, scenario, clean)
            ours = run(program, scenario, {**clean, 'LD_PRELOAD': os.path.realpath(library)})
            # A reference that printed nothing compares nothing.
            same = stock == ours and len(stock) > 2
            failed += not same
            print(f'{"ok" if same else "not ok"} {number} - {scenario}: {len(stock)} lines', flush=True)
            if not same:
                for line in difflib.unified_diff(stock, ours, 'installed', 'ours', lineterm='', n=3):
                    print(f'# {line}')
    finally:
        daemon.terminate()
        daemon.wait()
    return failed != 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
