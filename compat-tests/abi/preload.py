#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts programs with the built library preloaded: preload.py LIBRARY. Prints TAP."""

import os
import re
import shutil
import subprocess
import sys

tests = 0


def check(name, passed, *details):
    global tests
    tests += 1
    print(f'{"ok" if passed else "not ok"} {tests} - {name}')
    if not passed:
        for detail in details:
            print('\n'.join('# ' + line for line in str(detail).splitlines()))


def skip(name, why):
    global tests
    tests += 1
    print(f'ok {tests} - {name} # SKIP {why}')


def main(library):
    library = os.path.realpath(library)
    # All symbols are looked up at start, so that one that is missing shows.
    environment = dict(os.environ, LD_PRELOAD=library, LD_BIND_NOW='1')
    for name in ('LD_LIBRARY_PATH', 'DBUS_SESSION_BUS_ADDRESS', 'DBUS_SYSTEM_BUS_ADDRESS', 'DBUS_STARTER_ADDRESS'):
        environment.pop(name, None)

    def run(*command):
        return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60)

    for tool, option in (('dbus-send', '--help'), ('dbus-monitor', '--help'),
                         ('dbus-test-tool', '--help'), ('dbus-run-session', '--version'),
                         ('dbus-uuidgen', '--version'), ('dbus-launch', '--version')):
        name = f'{tool} loads'
        if not shutil.which(tool):
            skip(name, 'not installed')
            continue
        result = run(tool, option)
        # Some print their usage as an error; the loader's failure is 127, a crash is negative.
        check(name, 0 <= result.returncode < 126 and 'symbol' not in result.stderr,
              result.returncode, result.stderr)

    if shutil.which('dbus-uuidgen'):
        result = run('dbus-uuidgen')
        check('dbus-uuidgen makes a UUID', re.fullmatch(r'[0-9a-f]{32}\n', result.stdout),
              result.stdout, result.stderr)

    if shutil.which('dbus-run-session') and shutil.which('dbus-daemon'):
        # The daemon gets the installed library, its clients ours.
        result = run('dbus-run-session', '--', 'sh', '-c',
                     'echo "preloaded $LD_PRELOAD"; exec dbus-send --session --print-reply '
                     '--dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner '
                     'string:org.freedesktop.DBus')
        check('dbus-run-session and dbus-send work together',
              f'preloaded {library}\n' in result.stdout and 'boolean true' in result.stdout,
              result.stdout, result.stderr)

    program = ('import ctypes\n'
               'major, minor, micro = (ctypes.c_int() for i in range(3))\n'
               'ctypes.CDLL("libdbus-1.so.3").dbus_get_version(*map(ctypes.byref, (major, minor, micro)))\n'
               'print(open("/proc/self/maps").read())')
    result = run(sys.executable, '-c', program)
    loaded = set(re.findall(r'/\S*libdbus-1\.so\S*', result.stdout))
    check('dlopen("libdbus-1.so.3") gives the preloaded library, once', loaded == {library},
          loaded, result.stderr)
    print(f'1..{tests}')


if __name__ == '__main__':
    main(*sys.argv[1:])
