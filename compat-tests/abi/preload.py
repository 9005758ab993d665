#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts programs with the built library preloaded: preload.py LIBRARY. Prints TAP.

Some are built on private structures of the installed library: shim/api/private_programs.cpp has them run with that one.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

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


class Daemon:
    """A dbus-daemon, started by its name with the library preloaded, and what the process has become."""

    def __init__(self, environment):
        self.process = subprocess.Popen(['dbus-daemon', '--session', '--nofork', '--print-address=1'], text=True,
                                        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.address = self.process.stdout.readline().strip()
        self.libraries = loaded_libdbus(self.process.pid)
        self.name = self.read('comm').strip()
        self.arguments = self.read('cmdline').split('\0')
        self.environment = self.read('environ').split('\0')

    def read(self, name):
        with open(f'/proc/{self.process.pid}/{name}', encoding='utf-8') as file:
            return file.read()

    def end(self):
        self.process.terminate()
        return self.process.wait(60)


def loaded_libdbus(pid):
    """The files of that name which a process has mapped."""
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps:
        return set(re.findall(r'/\S*libdbus-1\.so\S*', maps.read()))


def private_programs(library, environment, run):
    """Programs that only the installed library can run behave as if nothing was preloaded."""
    def is_stock(libraries):
        return len(libraries) == 1 and not any(os.path.samefile(name, library) for name in libraries)

    daemon = Daemon(environment)
    check('dbus-daemon runs with the installed library', is_stock(daemon.libraries), daemon.libraries)
    check('under its own name and with its arguments', daemon.name == 'dbus-daemon'
          and daemon.arguments[:3] == ['dbus-daemon', '--session', '--nofork'], daemon.name, daemon.arguments)
    answer = subprocess.run(['dbus-send', f'--bus={daemon.address}', '--print-reply', '--dest=org.freedesktop.DBus',
                             '/', 'org.freedesktop.DBus.GetId'], env=environment, text=True, capture_output=True)
    check('and answers a client that runs with ours', re.search(r'string "[0-9a-f]{32}"', answer.stdout),
          answer.stdout, answer.stderr)
    check('dbus-daemon ends as it should', daemon.end() == 0)

    with tempfile.TemporaryDirectory() as directory:
        other = os.path.join(directory, 'other.so')
        subprocess.run(['gcc', '-shared', '-x', 'c', '/dev/null', '-o', other], check=True)
        daemon = Daemon(dict(environment, LD_PRELOAD=f'{other}:{library}'))
        check('other entries of LD_PRELOAD are kept', f'LD_PRELOAD={other}' in daemon.environment
              and is_stock(daemon.libraries), daemon.libraries)
        daemon.end()
        os.symlink(library, os.path.join(directory, 'libdbus-1.so.3'))
        path = dict(environment, LD_LIBRARY_PATH=directory)
        del path['LD_PRELOAD']
        daemon = Daemon(path)
        check('a library found by LD_LIBRARY_PATH is left behind too', is_stock(daemon.libraries), daemon.libraries)
        daemon.end()
        # Nothing to leave behind: no endless execution, but a word and the dynamic linker's status.
        program = os.path.join(directory, 'program')
        subprocess.run(['gcc', '-x', 'c', '-', '-o', program, f'-Wl,-rpath,{directory}', '-ldbus-1'], check=True,
                       text=True, input='void _dbus_poll(void); int main(void) { _dbus_poll(); return 0; }')
        plain = {name: value for name, value in environment.items() if name != 'LD_PRELOAD'}
        result = subprocess.run([program], env=plain, text=True, capture_output=True, timeout=20)
        check('one that cannot be left behind says so', result.returncode == 127
              and 'private functions' in result.stderr, result)

    if shutil.which('dbus-launch'):
        result = run('dbus-launch', '--sh-syntax')
        found = dict(re.findall(r"^(DBUS_SESSION_BUS_\w+)='?([^';\n]*)", result.stdout, re.MULTILINE))
        pid = int(found.get('DBUS_SESSION_BUS_PID', 0))
        check('dbus-launch starts a dbus-daemon', pid and is_stock(loaded_libdbus(pid)), result)
        if pid:
            os.kill(pid, signal.SIGTERM)
    helper = '/usr/lib/dbus-1.0/dbus-daemon-launch-helper'
    if os.access(helper, os.X_OK):
        result = run(helper)
        check('dbus-daemon-launch-helper prints its usage', 'service.to.activate' in result.stdout + result.stderr, result)
    launcher = '/usr/libexec/at-spi-bus-launcher'
    if os.path.exists(launcher):
        # It asks the session bus for its name, and starts a bus of its own, whose address it tells.
        result = run('dbus-run-session', '--', 'sh', '-c',
                     f'{launcher} --launch-immediately & '
                     'for i in $(seq 100); do dbus-send --session --print-reply=literal --dest=org.a11y.Bus '
                     '/org/a11y/bus org.a11y.Bus.GetAddress && break; sleep 0.3; done; kill $!')
        check('at-spi-bus-launcher starts its bus', re.search(r'^\s*unix:', result.stdout, re.MULTILINE), result)


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

    private_programs(library, environment, run)

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
