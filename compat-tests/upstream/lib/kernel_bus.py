# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs that want a bus, on one that they didn't start (DBUS_TEST_DAEMON_ADDRESS): a dbus-daemon with the
installed library, here, and a kernel bus with ours, in the guest.

A point that fails often ends the whole program, so the points after it are run again without it.
"""

import json
import os
import re
import shutil
import subprocess
import sys

from conditions import Result
from programs import INSTALLED_DIR

# relay uses none, but connects as they do.
PROGRAMS = ['dbus-daemon', 'dbus-daemon-eavesdrop', 'sd-activation', 'containers', 'monitor', 'uid-permissions',
            'relay']
# Without it their points wait for what never comes.
NEEDED_INTERFACE = {'monitor': 'org.freedesktop.DBus.Monitoring'}
# What a test does with the session bus of whatever has started it.
ON_SESSION_BUS = 'DBUS_TEST_DAEMON_ADDRESS=$DBUS_SESSION_BUS_ADDRESS; export DBUS_TEST_DAEMON_ADDRESS; exec "$@"'


def list_points(program):
    """The paths of its points, in order."""
    listed = subprocess.run([program, '-l'], check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [line for line in listed.stdout.splitlines() if line.startswith('/')]


def run_points(program, run):
    """A Result with a point for each path; run(command) gives (status, stdout, stderr)."""
    paths = list_points(program)
    points = {}
    while remaining := [path for path in paths if path not in points]:
        selection = [word for path in remaining for word in ('-p', path)]
        status, out, err = run([program, '--tap', *selection])
        for match in re.finditer(r'^(not )?ok \d+ (/\S+)(.*)$', out, re.MULTILINE):
            if match[2] in remaining:
                kind = 'fail' if match[1] else 'skip' if '# SKIP' in match[3] else 'ok'
                points[match[2]] = (kind, match[2] + match[3])
        first = next((path for path in remaining if path not in points), None)
        if first:
            why = re.search(r'^Bail out! (.*)$', out, re.MULTILINE)
            last = (err.strip().splitlines() or [''])[-1]
            points[first] = ('fail', f'{first} {why[1] if why else f"status {status}: {last}"}')
    return Result([points[path] for path in paths])


def over_dbus_daemon(conditions, program):
    """The installed library; the daemon has what upstream's documentation asks of an external one."""
    command = ['dbus-run-session', f'--config-file={INSTALLED_DIR}/data/valid-config-files/session.conf',
               f'--dbus-daemon={conditions.script("external-daemon", EXTERNAL)}', '--', 'sh', '-c', ON_SESSION_BUS, 'sh']
    return run_points(program, lambda test: conditions.run(command + test))


EXTERNAL = 'exec /usr/bin/dbus-daemon --systemd-activation "$@"\n'


class KernelBus:
    """Runs programs with ours, each on a bus that the tests' user has made."""

    def __init__(self, conditions, build_directory):
        self.conditions = conditions
        # Where it finds the library, and the tests' user both.
        runner = os.path.join(conditions.root, 'tools/dbus-genl-run')
        os.makedirs(os.path.dirname(runner))
        shutil.copy(os.path.join(build_directory, 'tools/dbus-genl-run'), runner)
        os.makedirs(os.path.join(conditions.root, 'shim'))
        shutil.copy(conditions.library, os.path.join(conditions.root, 'shim'))
        self.command = [runner, '--', 'sh', '-c', ON_SESSION_BUS, 'sh']
        # The features and interfaces that it says it has.
        self.properties = ' '.join(map(self.property, ('Features', 'Interfaces')))

    def property(self, name):
        status, out, err = self.run(['dbus-send', '--session', '--print-reply=literal', '--dest=org.freedesktop.DBus',
                                     '/org/freedesktop/DBus', 'org.freedesktop.DBus.Properties.Get',
                                     'string:org.freedesktop.DBus', f'string:{name}'])
        if status != 0:
            raise RuntimeError(f'the kernel bus does not tell its {name}: {err}')
        return out

    def run(self, test):
        return self.conditions.run(self.command + test)

    def results(self, compiled, names):
        """For each program what is said of it: its points, or the interface that the bus would need."""
        # The guest's only address is the loopback's; upstream then takes name resolution for broken.
        subprocess.run(['ip', 'address', 'replace', '192.0.2.1/32', 'dev', 'lo'], check=True)
        for name in names:
            needed = NEEDED_INTERFACE.get(name)
            said = {'program': name, 'properties': self.properties}
            if needed and needed not in self.properties:
                said['lacks'] = needed
            else:
                said['points'] = run_points(os.path.join(compiled, name), self.run).points
            yield said


def result_of(said, stock):
    """What the guest said of a program as a Result; stock's is the pattern where nothing could be run."""
    if 'points' in said:
        return Result([tuple(point) for point in said['points']])
    return Result([(kind if kind == 'skip' else 'fail', words) for kind, words in stock.points],
                  error=said.get('lacks', 'the guest said nothing'))


def here(conditions, compiled, build_directory, names):
    """{program: what was said of it}, in the guest itself."""
    results = {}
    for said in KernelBus(conditions, build_directory).results(compiled, names):
        results[said['program']] = said
        # A sign of life, for who waits.
        print(f'# ran {said["program"]}', flush=True)
    return results


def from_guest(top, build_directory, names):
    """The same, by booting the guest."""
    command = [os.path.join(top, 'tools/vm'), '--timeout', '1800', '--',
               os.path.join(top, 'compat-tests/upstream/run'), '--inside-guest', ','.join(names), '--build',
               build_directory]
    results = {}
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as guest:
        for line in guest.stdout:
            if line.startswith('{'):
                said = json.loads(line)
                results[said['program']] = said
                print(f'# in the guest: {said["program"]}', file=sys.stderr, flush=True)
    return results
