#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the linker's version script from libdbus-1.symbols: version-script.py SYMBOLS VERSION OUTPUT."""

import re
import sys


def read_symbols(path, version):
    """Yields (node, symbol, marker) of each line; VERSION replaces @VERSION@ in the names of nodes."""
    node = None
    with open(path, encoding='utf-8') as lines:
        for number, line in enumerate(lines, 1):
            line = line.split('#')[0].strip()
            if not line:
                continue
            if match := re.fullmatch(r'\[([\w.@]+)\]', line):
                node = match.group(1).replace('@VERSION@', version)
            elif (match := re.fullmatch(r'(\w+)(?:\s+(missing))?', line)) and node:
                yield node, match.group(1), match.group(2)
            else:
                raise SystemExit(f'{path}:{number}: not a symbol: {line}')


def main(path, version, output):
    nodes = {}
    for node, symbol, _ in read_symbols(path, version):
        if any(symbol in symbols for symbols in nodes.values()):
            raise SystemExit(f'{path}: {symbol} is listed twice')
        nodes.setdefault(node, []).append(symbol)
    with open(output, 'w', encoding='utf-8') as out:
        for index, (node, symbols) in enumerate(nodes.items()):
            out.write(f'{node} {{\nglobal:\n')
            out.writelines(f'\t{symbol};\n' for symbol in symbols)
            if index == 0:
                out.write('local:\n\t*;\n')
            out.write('};\n\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
