# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs one test program in fixed conditions: own user, own home and working directory, nothing of the caller's
environment; and reads its TAP."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field

from programs import INSTALLED_DIR

NOBODY = 65534
# Many times what they take, for a loaded machine: a test that hangs has failed.
LIMIT_S = 240


@dataclass
class Result:
    """points: (ok | skip | fail, what the test says) in order."""
    points: list = field(default_factory=list)
    error: str = ''

    def count(self, status):
        return sum(1 for mine, _ in self.points if mine == status)

    def counts(self):
        return f'{self.count("ok")}/{self.count("fail")}/{self.count("skip")}'


def read_tap(text, status):
    """What the test's TAP and its exit status say. What is missing or can't be explained is a failed point."""
    result = Result()
    planned = None
    for line in text.splitlines():
        if match := re.match(r'(not )?ok\b(?:\s+\d+)?(.*)', line):
            words = match[2].strip()
            if match[1] and not re.search(r'#\s*TODO', words, re.I):
                result.points.append(('fail', words))
            else:
                result.points.append(('skip' if re.search(r'#\s*SKIP', words, re.I) else 'ok', words))
        elif match := re.match(r'1\.\.(\d+)', line):
            planned = int(match[1])
            if planned == 0:
                result.points.append(('skip', line))
        elif line.startswith('Bail out!'):
            result.error = line
    if planned is None:
        result.error = result.error or 'no plan'
    for number in range(len(result.points) + 1, (planned or 0) + 1):
        result.points.append(('fail', f'point {number} is missing'))
    if status != 0 and not result.count('fail'):
        result.error = result.error or f'exit status {status}'
    if result.error:
        result.points.append(('fail', result.error))
    return result


class Conditions:
    """A directory that the tests' user can read, with what the runs need; gone afterwards."""

    def __init__(self, library, test_library, keep=None):
        self.root = tempfile.mkdtemp(prefix='dbus-genl-upstream-')
        os.chmod(self.root, 0o755)
        self.keep = keep
        self.number = 0
        self.is_root = os.geteuid() == 0
        # The build may lie where the tests' user can't look.
        self.library = self.copy(library, 'libdbus-1.so.3')
        self.test_library = self.copy(test_library, os.path.basename(test_library))
        # The test build doesn't know that dbus-daemon can't run with it; the library itself does.
        self.plain_daemon = self.script('dbus-daemon', 'unset LD_PRELOAD\nexec /usr/bin/dbus-daemon "$@"\n')

    def copy(self, path, name):
        target = os.path.join(self.root, name)
        shutil.copyfile(os.path.realpath(path), target)
        os.chmod(target, 0o755)
        return target

    def script(self, name, text):
        path = os.path.join(self.root, name)
        with open(path, 'w', encoding='utf-8') as out:
            out.write('#!/bin/sh\n' + text)
        os.chmod(path, 0o755)
        return path

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def directory(self, name, user):
        path = os.path.join(self.root, str(self.number), name)
        os.makedirs(path)
        if self.is_root:
            os.chown(path, user, user)
        os.chmod(path, 0o700)
        return path

    def run(self, command, preload=None, user=NOBODY, environment=None):
        """(status, stdout, stderr). command runs with the library preloaded, from the start."""
        self.number += 1
        user = user if self.is_root else os.geteuid()
        clean = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LANG': 'C.UTF-8',
                 'HOME': self.directory('home', user), 'DBUS_TEST_MALLOC_FAILURES': '0',
                 'DBUS_TEST_DATA': f'{INSTALLED_DIR}/data', 'DBUS_TEST_EXEC': INSTALLED_DIR,
                 'DBUS_TEST_DAEMON': '/usr/bin/dbus-daemon',
                 # Whatever looks for the real session bus finds none.
                 'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nonexistent/session-bus', **(environment or {})}
        clean = {name: value for name, value in clean.items() if value is not None}
        if preload:
            clean['LD_PRELOAD'] = preload
        if self.is_root and user:
            command = ['setpriv', f'--reuid={user}', f'--regid={user}', '--clear-groups', '--', *command]
        outputs = [os.path.join(self.root, f'{self.number}.{name}') for name in ('out', 'err')]
        with open(outputs[0], 'wb') as out, open(outputs[1], 'wb') as err:
            # Into files: a daemon that a crashed test leaves behind would hold a pipe open.
            child = subprocess.Popen(command, env=clean, cwd=self.directory('work', user), stdin=subprocess.DEVNULL,
                                     stdout=out, stderr=err, start_new_session=True)
            try:
                status = child.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                status = f'none after {LIMIT_S} s'
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
        texts = []
        for path in outputs:
            with open(path, encoding='utf-8', errors='replace') as text:
                texts.append(text.read())
        if self.keep:
            for path in outputs:
                shutil.copy(path, self.keep)
        return status, texts[0], texts[1]

    def tap(self, command, **how):
        status, out, err = self.run(command, **how)
        return self.result(read_tap(out, status), out, err)

    def status(self, command, **how):
        """For a program whose exit status says all."""
        status, out, err = self.run(command, **how)
        return self.result(Result([('ok' if status == 0 else 'fail', f'exit status {status}')]), out, err)

    @staticmethod
    def result(result, out, err):
        if 'cannot be preloaded' in err:
            result.points.append(('fail', 'the library was not preloaded'))
        return result, out + err

    def loads(self, library):
        """Does a program of the tests' user get the library?"""
        status, maps, _ = self.run(['cat', '/proc/self/maps'], preload=library)
        return status == 0 and library in maps
