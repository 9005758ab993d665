# SPDX-License-Identifier: LGPL-2.1-or-later
"""Upstream's test programs: which are run and how, and why the others can't apply. Every program that the package or
the source package has must stand here, or ../run fails: a new one isn't to go unnoticed."""

INSTALLED_DIR = '/usr/lib/dbus-1.0/installed-tests/dbus'

# Compiled programs of the package; test-* stands before the names. The same are built from source.
TESTS = ['corrupt', 'dbus-daemon', 'dbus-daemon-eavesdrop', 'fdpass', 'loopback', 'marshal', 'message', 'monitor',
         'relay', 'sd-activation', 'server-oom', 'syntax', 'containers']

# Run as root, to become other users.
ROOT_TESTS = ['uid-permissions']

# Shell scripts around dbus-daemon, dbus-launch and dbus-send: all that they start has the library preloaded.
INSTALLED_SCRIPTS = ['test-dbus-daemon-fork.sh']
SOURCE_SCRIPTS = ['test-dbus-launch-eval.sh']

# No TAP: one point each, the exit status.
STATUS_TESTS = ['test-autolaunch']

# On a session bus that starts the services below.
NAME_TESTS = ['test-ids', 'test-pending-call-dispatch', 'test-pending-call-timeout', 'test-pending-call-disconnected',
              'test-privserver-client', 'test-shutdown']
SERVICES = {'org.freedesktop.DBus.TestSuiteEchoService': 'test-service',
            'org.freedesktop.DBus.TestSuite.PrivServer': 'test-privserver'}

# Sources that don't lie in test/ itself.
WHERE = {'server-oom': 'internals/server-oom', **{name: f'name-test/{name}' for name in NAME_TESTS + STATUS_TESTS}}

# What programs of the next two tables are for.
HELPERS = {'test-service', 'test-sleep-forever', 'test-exit', 'test-names', 'test-privserver', 'test-segfault',
           'test-shell-service', 'test-utils', 'test-utils-glib', 'disable-crash-handling',
           'internals/dbus-auth-script', 'internals/dbus-auth-util', 'internals/dbus-credentials-util',
           'internals/dbus-marshal-byteswap-util', 'internals/dbus-marshal-recursive-util',
           'internals/dbus-marshal-validate-util', 'internals/dbus-message-factory', 'internals/dbus-message-util',
           'internals/dbus-string-util', 'internals/dbus-sysdeps-util'}

PRIVATE = 'calls libdbus\'s private {} and nothing public that matters to it'
BY_HAND = 'for use by hand: has no points'
EMBEDDED = 'part of an embedded-tests build of libdbus: tests its private {}'
NOT_APPLICABLE = {
    'assertions': PRIVATE.format('assertions'),
    'atomic': PRIVATE.format('atomic counters'),
    'desktop-file': 'parses service files with dbus-daemon\'s own code; libdbus has no part in it',
    'hash': PRIVATE.format('hash tables'),
    'header-fields': PRIVATE.format('message header structures'),
    'misc-internals': PRIVATE.format('strings, lists, addresses, authentication structures'),
    'printf': PRIVATE.format('printf length function'),
    'refs': PRIVATE.format('link to connections\' and messages\' reference counters'),
    'shell': PRIVATE.format('shell parser'),
    'sysdeps': PRIVATE.format('wrappers of system calls'),
    'syslog': PRIVATE.format('syslog wrapper'),
    'userdb': PRIVATE.format('user data base'),
    'variant': PRIVATE.format('variant values'),
    'apparmor-activation': 'needs a kernel with AppArmor and root, and tests dbus-daemon\'s mediation',
    'test-apparmor-activation.sh': 'needs a kernel with AppArmor and root, and tests dbus-daemon\'s mediation',
    'manual-authz': BY_HAND, 'manual-backtrace': BY_HAND, 'manual-dir-iter': BY_HAND, 'manual-paths': BY_HAND,
    'manual-tcp': BY_HAND, 'manual-test-thread-blocking': BY_HAND, 'thread-blocking': BY_HAND,
    'shell-test': PRIVATE.format('shell parser'),
    'spawn-test': PRIVATE.format('spawning of processes'),
    'name-test/test-threads-init': PRIVATE.format('locks of a connection'),
    'name-test/run-test.sh': 'runs test-autolaunch, as ../run does',
    'name-test/run-test-systemserver.sh': 'wants upstream\'s build tree: it runs dbus-send by libtool',
    'test-dbus-launch-x11.sh': 'needs an X server',
    'integration/transient-services.sh': 'needs a running systemd user session',
    'glib-tap-test.sh': 'a driver of automake\'s', 'dbus-test-runner': 'a driver of automake\'s',
    **{f'internals/{name}': EMBEDDED.format(what) for name, what in {
        'address': 'address parser', 'counter': 'counters', 'marshal-recursive': 'type readers and writers',
        'mempool': 'memory pools', 'message-internals': 'message structures', 'sha': 'SHA-1',
        'spawn-oom': 'spawning', 'strings': 'strings'}.items()},
    **{f'internals/{name}': 'as the installed program of that name' for name in (
        'assertions', 'atomic', 'desktop-file', 'hash', 'misc-internals', 'printf', 'refs', 'sysdeps', 'syslog',
        'userdb', 'variant')},
    'bus': 'parts of dbus-daemon in an embedded-tests build',
}

# On the kernel bus (../run --kernel-bus): points that can't succeed yet, and why. A word with capitals is a feature or
# an interface, and the bus may not say that it has it: then the reason is out of date.
GDBUS = 'GDBus, which this test talks through, has no genl: transport'
KERNEL_BUS_LACKS = {
    '/properties/features': ('SystemdActivation',),
    '/properties/interfaces': ('org.freedesktop.DBus.Monitoring', 'org.freedesktop.DBus.Debug.Stats'),
    '/properties/get-all': ('SystemdActivation', 'org.freedesktop.DBus.Monitoring', 'org.freedesktop.DBus.Debug.Stats'),
    **{f'/containers/{name}': (GDBUS,)
       for name in ('get-supported-arguments', 'basic', 'wrong-uid', 'invalid-metadata-getters',
                    'unsupported-parameter', 'invalid-type-name', 'invalid-nesting')},
}
