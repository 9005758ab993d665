# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rows of the table, and one of them run in the sandbox: row.py NAME stock|ours.

A row is a function that gets a box.Box, starts programs, asks them and returns their answer, or raises box.Wrong.
The answer must be the same text with either library, so it has nothing in it that differs from run to run."""
import importlib
import json
import signal
import subprocess
import sys
import traceback

ROWS = {}


def row(name, program, asked):
    def register(function):
        ROWS[name] = (program, asked, function)
        return function
    return register


def load():
    for module in ("rows_bindings", "rows_network", "rows_daemons", "rows_session"):
        importlib.import_module(module)
    return ROWS


def main():
    # As process 1, which a signal without a handler doesn't end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    import box
    result = {}
    here = None
    try:
        here = box.Box(sys.argv[2] == "ours")
        result["answer"] = box.normal(load()[sys.argv[1]][2](here))
        result["processes"] = here.proof()
    except box.Wrong as e:
        result["wrong"] = str(e)
    except subprocess.TimeoutExpired as e:
        output = e.stdout or b""
        result["wrong"] = f"{e.cmd[-4:]} did not end; it printed: {output[-1500:]!r}"
    except Exception:  # pylint: disable=broad-except # told to the table, which fails
        result["wrong"] = traceback.format_exc()
    if "wrong" in result and here:
        result["printed"] = {p.what: here.printed(p)[-1500:] for p in here.started}
    print("\nRESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    # The rows import this module by its name: let it be this one.
    sys.modules["row"] = sys.modules["__main__"]
    main()
