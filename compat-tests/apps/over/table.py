# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the rows, each with the stock library and then with ours, several at a time; prints TAP and the table.

table.py ROOT LIBRARY_DIR [ROW…]"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time

import row

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 240
# They mostly wait for each other.
AT_ONCE = 2 * (os.cpu_count() or 1)
# Without so many rows that could be judged, nothing was.
ENOUGH = 28


def sandboxed(root, library, name, which):
    start = time.monotonic()
    try:
        done = subprocess.run([HERE / "sandbox", root, library, "/usr/bin/python3", "-B", "/opt/apps/over/row.py", name, which],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=LIMIT, check=False)
        text = done.stdout
    except subprocess.TimeoutExpired as e:
        text = (e.stdout or b"").decode(errors="replace") + f"\n(did not end in {LIMIT} s)"
    lines = [line for line in text.splitlines() if line.startswith("RESULT ")]
    result = json.loads(lines[-1][7:]) if lines else {"wrong": f"the sandbox gave no result: {text[-2000:]}"}
    result["seconds"] = time.monotonic() - start
    return result


def judged(root, library, name):
    stock = sandboxed(root, library, name, "stock")
    return name, stock, sandboxed(root, library, name, "ours") if "wrong" not in stock else {}


def difference(stock, ours):
    """Why ours isn't as good as stock, or None."""
    if "wrong" in ours:
        return f"with ours: {ours['wrong']}"
    if stock["answer"] != ours["answer"]:
        return f"the answers differ\nstock:\n{stock['answer']}\nours:\n{ours['answer']}"
    return None


def comment(text, limit=120):
    for line in text.splitlines()[:limit]:
        print(f"#   {line}")


def main():
    root, library, *chosen = sys.argv[1:]
    rows = row.load()
    names = chosen or list(rows)
    if unknown := set(names) - set(rows):
        sys.exit(f"no such row: {', '.join(sorted(unknown))}; there are: {' '.join(rows)}")
    print(f"1..{len(names) + 1}", flush=True)
    table, compared, failed, start = [], 0, False, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(judged, root, library, name) for name in names]
        for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
            name, stock, ours = future.result()
            program, asked, _ = rows[name]
            took = f"{stock['seconds']:.1f} s, {ours.get('seconds', 0):.1f} s"
            if "wrong" in stock:
                reason = stock["wrong"].strip().splitlines()[-1][:160]
                print(f"ok {number} - {name} # SKIP with the stock library: {reason}")
                comment(stock["wrong"])
                comment(json.dumps(stock.get("printed", {}), indent=1))
                table.append((program, asked, "fails", "not run"))
            elif why := difference(stock, ours):
                failed = True
                print(f"not ok {number} - {name}: {program}: {asked} ({took})")
                comment(why)
                comment(json.dumps(ours.get("printed", {}), indent=1))
                table.append((program, asked, "ok", "FAILS"))
            else:
                compared += 1
                print(f"ok {number} - {name}: {program}: {asked} ({took}; mapped in {', '.join(ours['processes'])})")
                if os.environ.get("APPS_VERBOSE"):
                    comment(ours["answer"])
                table.append((program, asked, "ok", "ok"))
            sys.stdout.flush()
    enough = min(ENOUGH, len(names))
    print(f"{'ok' if compared >= enough else 'not ok'} {len(names) + 1} - {compared} programs gave the same answers "
          f"with both libraries, {enough} wanted")
    width = [max(len(line[i]) for line in table) for i in range(4)]
    print(f"#\n# {'program':{width[0]}}  {'what was asked':{width[1]}}  stock  ours")
    for line in sorted(table):
        print(f"# {line[0]:{width[0]}}  {line[1]:{width[1]}}  {line[2]:5}  {line[3]}")
    print(f"# {time.monotonic() - start:.0f} s")
    return 1 if failed or compared < enough else 0


if __name__ == "__main__":
    sys.exit(main())
