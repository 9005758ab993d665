# SPDX-License-Identifier: LGPL-2.1-or-later
"""Upstream's test sources: fetched from the archive that the installed package came from, and compiled against the
public API. Both are kept in the cache; nothing of libdbus's own sources is unpacked."""

import concurrent.futures
import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from programs import NAME_TESTS, ROOT_TESTS, SERVICES, STATUS_TESTS, TESTS, WHERE

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'public')
CACHE = os.environ.get('DBUS_GENL_CACHE', '/var/cache/dbus-genl')
KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

# Each is a file that includes private-api.h.
PRIVATE_HEADERS = [f'dbus/dbus-{name}.h' for name in (
    'connection-internal', 'internals', 'mainloop', 'message-internal', 'pipe', 'server-socket', 'string', 'sysdeps', 'sysdeps-unix',
    'test-tap', 'valgrind-internal')] + ['bus/stats.h']
PACKAGES = ['dbus-1', 'gio-2.0', 'gio-unix-2.0']
FLAGS = ['-O1', '-g1', '-std=gnu11', '-DDBUS_COMPILATION', '-Werror=implicit-function-declaration']


def output(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def installed_version():
    return output('dpkg-query', '-W', '-f=${source:Version}', 'dbus-tests')


@contextlib.contextmanager
def locked(name):
    os.makedirs(os.path.join(CACHE, 'locks'), exist_ok=True)
    with open(os.path.join(CACHE, 'locks', name), 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def source_lines():
    """deb-src lines for the archive that has the installed dbus-tests, as this machine names it."""
    for line in output('apt-cache', 'madison', 'dbus-tests').splitlines():
        package, version, origin = (field.strip() for field in line.split('|'))
        if version != output('dpkg-query', '-W', '-f=${Version}', package):
            continue
        if match := re.fullmatch(r'(\S+) (\S+?)/(\S+) \S+ Packages', origin):
            signed = f'[signed-by={KEYRING}] ' if os.path.exists(KEYRING) else ''
            yield f'deb-src {signed}{match[1]} {match[2]} {match[3]}\n'


def download(version, directory):
    """apt-get source with an apt configuration of its own: the machine's lists stay as they are."""
    lines = list(source_lines())
    if not lines:
        raise RuntimeError('no archive of this machine has the installed version of dbus-tests')
    for name in ('state/lists/partial', 'cache/archives/partial', 'parts', 'got'):
        os.makedirs(os.path.join(directory, name))
    with open(os.path.join(directory, 'sources.list'), 'w', encoding='utf-8') as out:
        out.writelines(lines)
    options = [f'Dir::Etc::sourcelist={directory}/sources.list', f'Dir::Etc::sourceparts={directory}/parts',
               f'Dir::State={directory}/state', 'Dir::State::status=/var/lib/dpkg/status',
               f'Dir::Cache={directory}/cache', 'APT::Sandbox::User=root', 'Acquire::Retries=3']
    apt = ['apt-get', '-qq'] + [word for option in options for word in ('-o', option)]
    for command in (['update'], ['source', '--download-only', f'dbus={version}']):
        subprocess.run(apt + command, check=True, cwd=os.path.join(directory, 'got'),
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=600)
    return os.path.join(directory, 'got')


def fetch(say):
    """The directory of upstream's test/, unpacked."""
    version = installed_version()
    kept = os.path.join(CACHE, f'dbus-src-{version}')
    with locked('dbus-src'):
        if not os.path.isdir(os.path.join(kept, 'test')):
            say(f'fetching the source package dbus {version}')
            os.makedirs(kept, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix='dbus-genl-src-') as directory:
                archive, = glob.glob(os.path.join(download(version, directory), 'dbus_*.orig.tar.*[!c]'))
                # The tests, and not the library beside them.
                unpacked = tempfile.mkdtemp(prefix='unpack-', dir=kept)
                subprocess.run(['tar', '-xf', archive, '-C', unpacked, '--strip-components=1', '--no-same-owner',
                                '--wildcards', 'dbus-*/test/*'], check=True)
                os.rename(os.path.join(unpacked, 'test'), os.path.join(kept, 'test'))
                os.rmdir(unpacked)
    return os.path.join(kept, 'test')


def compile_all(source, say):
    """The directory of the compiled tests, dynamically linked to whichever libdbus there is."""
    ours = [os.path.join(HERE, name) for name in sorted(os.listdir(HERE))]
    key = hashlib.sha256(' '.join(PRIVATE_HEADERS + FLAGS).encode())
    for name in ours:
        with open(name, 'rb') as file:
            key.update(file.read())
    kept = os.path.join(os.path.dirname(source), f'build-{key.hexdigest()[:12]}')
    with locked('dbus-src'):
        if not os.path.isdir(kept):
            say('compiling the tests against the public API')
            work = tempfile.mkdtemp(prefix='compile-', dir=os.path.dirname(source))
            try:
                compile_into(work, source)
                os.chmod(work, 0o755)
                os.rename(work, kept)
            except BaseException:
                shutil.rmtree(work)
                raise
    return kept


def compile_into(work, source):
    for name in PRIVATE_HEADERS:
        path = os.path.join(work, 'include', name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='ascii') as out:
            out.write('#include "private-api.h"\n')
    flags = FLAGS + [f'-I{HERE}', f'-I{work}/include', f'-I{source}'] + output('pkg-config', '--cflags', *PACKAGES).split()
    libraries = output('pkg-config', '--libs', *PACKAGES).split()

    def compiler(*arguments):
        result = subprocess.run(['gcc', *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if result.returncode:
            raise RuntimeError(f'gcc {" ".join(arguments)}\n{result.stdout}')

    common = []
    for path in (os.path.join(HERE, 'main-loop.c'), os.path.join(HERE, 'private-api.c'),
                 os.path.join(source, 'test-utils-glib.c')):
        common.append(os.path.join(work, os.path.basename(path)[:-2] + '.o'))
        # Upstream's own code was never compiled with these headers: its warnings are not ours.
        # Ours hidden: they are named as private functions of the installed library, which must go on using its own.
        compiler(*flags, *(['-w'] if path.startswith(source)
                           else ['-Wall', '-Wextra', '-Werror', '-fvisibility=hidden']), '-c', path, '-o', common[-1])

    def program(name):
        compiler(*flags, '-w', os.path.join(source, WHERE.get(name, name) + '.c'), *common,
                 '-o', os.path.join(work, name), *libraries)

    names = TESTS + ROOT_TESTS + NAME_TESTS + STATUS_TESTS + list(SERVICES.values())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(program, names))
