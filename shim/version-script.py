#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes what the build needs from libdbus-1.symbols.

version-script.py script SYMBOLS VERSION OUTPUT [MORE...]   the linker's version script
version-script.py private SYMBOLS VERSION OUTPUT STOCK      lines for api/private_programs.cpp: IMPLEMENTED(name) for
                                                            each private symbol that is listed, TRAP(name) or
                                                            TRAP_DATA(name) for each further one of the library STOCK

Of MORE, symbols files or outputs of "private", all symbols are exported too. "--public" there leaves out the private
symbols of SYMBOLS.
"""

import re
import subprocess
import sys


def read_symbols(path, version):
    """Yields (node, symbol) of each line; VERSION replaces @VERSION@ in the names of nodes."""
    node = None
    with open(path, encoding='utf-8') as lines:
        for number, line in enumerate(lines, 1):
            line = line.split('#')[0].strip()
            if not line:
                continue
            if match := re.fullmatch(r'\[([\w.@]+)\]', line):
                node = match.group(1).replace('@VERSION@', version)
            elif (match := re.fullmatch(r'\w+', line)) and node:
                yield node, match.group()
            elif match := re.fullmatch(r'(\w+)\((\w+)\)', line):
                if match.group(1) != 'IMPLEMENTED':
                    yield private_node(version), match.group(2)
            else:
                raise SystemExit(f'{path}:{number}: not a symbol: {line}')


def private_node(version):
    return f'LIBDBUS_PRIVATE_{version}'


def exported(library, node):
    """{symbol: type} of what the library has in the version node."""
    table = subprocess.run(['readelf', '-W', '--dyn-syms', library], check=True, text=True,
                           capture_output=True).stdout
    found = re.findall(r'^.*? (FUNC|OBJECT) +(?:GLOBAL|WEAK) .* (\w+)@@(\S+)$', table, re.MULTILINE)
    return {name: kind for kind, name, version in found if version == node}


def write_script(symbols, version, output, *more):
    nodes = {}
    for path in (symbols, *(path for path in more if path != '--public')):
        for node, symbol in read_symbols(path, version):
            if '--public' in more and path == symbols and node == private_node(version):
                continue
            if any(symbol in names for names in nodes.values()):
                raise SystemExit(f'{path}: {symbol} is listed twice')
            nodes.setdefault(node, []).append(symbol)
    with open(output, 'w', encoding='utf-8') as out:
        for index, (node, names) in enumerate(nodes.items()):
            out.write(f'{node} {{\nglobal:\n')
            out.writelines(f'\t{symbol};\n' for symbol in names)
            if index == 0:
                out.write('local:\n\t*;\n')
            out.write('};\n\n')


def write_private(symbols, version, output, stock):
    node = private_node(version)
    ours = [symbol for where, symbol in read_symbols(symbols, version) if where == node]
    theirs = exported(stock, node)
    with open(output, 'w', encoding='utf-8') as out:
        out.writelines(f'IMPLEMENTED({symbol})\n' for symbol in ours)
        out.writelines(f'{"TRAP" if kind == "FUNC" else "TRAP_DATA"}({symbol})\n'
                       for symbol, kind in sorted(theirs.items()) if symbol not in ours)


def main(what, *arguments):
    {'script': write_script, 'private': write_private}[what](*arguments)


if __name__ == '__main__':
    main(*sys.argv[1:])
