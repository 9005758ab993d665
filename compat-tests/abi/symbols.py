#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares what a built libdbus-1.so.3 exports and needs with the installed one. Prints TAP.

symbols.py OURS STOCK SYMBOLS VERSION SANITIZER
"""

import importlib.util
import os
import re
import subprocess
import sys

# What a program that preloads the library gets into its address space besides.
ALLOWED_NEEDED = {
    'libnl-3.so.200', 'libnl-genl-3.so.200',   # netlink
    'libstdc++.so.6', 'libgcc_s.so.1', 'libm.so.6', 'libc.so.6', 'ld-linux-x86-64.so.2',
}

tests = 0


def check(name, problems):
    """One TAP line; problems, a list of lines, is empty when all is well."""
    global tests
    tests += 1
    print(f'{"not ok" if problems else "ok"} {tests} - {name}')
    for problem in problems:
        print(f'# {problem}')


def readelf(option, path):
    return subprocess.run(['readelf', '-W', option, path], check=True, text=True,
                          capture_output=True).stdout


def exported(path):
    """{symbol: (version or None, is default, type)} of what the library defines for others."""
    symbols = {}
    for line in readelf('--dyn-syms', path).splitlines():
        fields = line.split()
        if len(fields) < 8 or not fields[0].rstrip(':').isdigit() or fields[6] == 'UND':
            continue
        kind, binding, name = fields[3], fields[4], fields[7]
        if binding == 'LOCAL' or fields[6] == 'ABS':    # ABS: the version nodes themselves
            continue
        match = re.fullmatch(r'([^@]+)(?:(@@?)(.+))?', name)
        symbols[match[1]] = (match[3], match[2] == '@@', kind)
    return symbols


def dynamic(path, tag):
    return re.findall(rf'\({tag}\).*?\[(.+?)\]', readelf('--dynamic', path))


def listed(path, version):
    reader = os.path.join(os.path.dirname(path), 'version-script.py')
    spec = importlib.util.spec_from_file_location('version_script', reader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.read_symbols(path, version))


def main(ours_path, stock_path, list_path, version, sanitizer):
    ours, stock = exported(ours_path), exported(stock_path)
    public = {name: value for name, value in stock.items() if value[0] == 'LIBDBUS_1_3'}
    private_node = f'LIBDBUS_PRIVATE_{version}'
    private = {name: value for name, value in stock.items() if value[0] == private_node}

    check('the installed library has 240 public symbols',
          [] if len(public) == 240 else [f'it has {len(public)}'])
    check('each of them is exported, in the same version',
          [f'{name}: {ours.get(name, "missing")} instead of {value}'
           for name, value in sorted(public.items()) if ours.get(name) != value])
    check('the public ones are functions',
          [name for name, value in sorted(public.items()) if value[2] != 'FUNC'])
    # As traps where they can't be implemented: shim/api/private_programs.cpp.
    check('each private symbol of the installed library is exported, in its own version',
          [f'{name}: {ours.get(name, "missing")} instead of {value}'
           for name, value in sorted(private.items()) if ours.get(name) != value]
          + ([] if private else ['the installed library has none']))
    check('nothing else is', sorted(set(ours) - set(stock)))

    names = listed(list_path, version)
    check('libdbus-1.symbols lists the public ones, and no private one that is not installed',
          sorted(f'{name}: in one of them only'
                 for name in {name for node, name in names if node == 'LIBDBUS_1_3'} ^ set(public))
          + sorted({name for node, name in names if node == private_node} - set(private)))

    check('SONAME', [] if dynamic(ours_path, 'SONAME') == dynamic(stock_path, 'SONAME')
          == ['libdbus-1.so.3'] else dynamic(ours_path, 'SONAME'))
    allowed = set(ALLOWED_NEEDED)
    if sanitizer != 'none':
        allowed |= {name for name in dynamic(ours_path, 'NEEDED')
                    if re.match(r'lib(asan|ubsan|tsan|lsan)\.so', name)}
    check('it links to nothing that is not needed',
          [name for name in dynamic(ours_path, 'NEEDED') if name not in allowed])
    flags = readelf('--dynamic', ours_path)
    check('relocations are done at start, none in code',
          [flag for flag, wanted in (('BIND_NOW', True), ('TEXTREL', False))
           if (flag in flags) != wanted])
    check('its stack is not executable',
          [line for line in readelf('--program-headers', ours_path).splitlines()
           if 'GNU_STACK' in line and 'RWE' in line])
    print(f'1..{tests}')


if __name__ == '__main__':
    main(*sys.argv[1:])
