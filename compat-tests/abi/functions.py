#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes functions.h, a table of all public functions, from libdbus-1.symbols: functions.py SYMBOLS OUTPUT."""

import importlib.util
import os
import sys


def main(symbols, output):
    reader = os.path.join(os.path.dirname(symbols), 'version-script.py')
    spec = importlib.util.spec_from_file_location('version_script', reader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with open(output, 'w', encoding='utf-8') as out:
        for node, name in module.read_symbols(symbols, 'private'):
            if node == 'LIBDBUS_1_3':
                out.write(f'FUNCTION({name})\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
