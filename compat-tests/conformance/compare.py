#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare.py REFERENCE OURS DIFFERENCES [LEAST] - compares two transcripts case by case

Prints TAP: a case is ok if both transcripts have the same lines for it, or if
it is listed in DIFFERENCES (one a line: `case | reason`; a case that ends in *
is a prefix).  With `case | "theirs" => "ours" | reason` the case is ok if that
is all that differs.  A listed case that doesn't differ is a failure too: the
list must stay true.  So is a case that only one of them has.
"""
import difflib
import re
import sys


def read_cases(path):
    cases = {}
    lines = None
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("== "):
                lines = cases.setdefault(line[3:], [])
            elif lines is not None:
                lines.append(line)
    return cases


def read_differences(path):
    listed = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                # The case itself may hold " | "; the reason may not.
                case, _, reason = line.strip().rpartition(" | ")
                listed.append((case, reason))
    return listed


def split_texts(listed):
    """Of a list of differences those of whole cases, and those of texts: (case, theirs, ours)."""
    cases, texts = [], []
    for case, reason in listed:
        text = re.fullmatch(r'(.*) \| "(.*)" => "(.*)"', case)
        if text:
            texts.append(text.groups())
        else:
            cases.append((case, reason))
    return cases, texts


def is_listed(name, case):
    return name == case or case.endswith("*") and name.startswith(case[:-1])


def readable(lines):
    """Long texts, such as XML in a string, are compared by their own lines."""
    return [part for line in lines for part in (line.split("\\n") if len(line) > 400 else [line])]


def main():
    reference, ours = read_cases(sys.argv[1]), read_cases(sys.argv[2])
    listed, texts = split_texts(read_differences(sys.argv[3]))
    used = set()
    for name, lines in reference.items():
        for text in texts:
            if is_listed(name, text[0]) and any(text[1] in line for line in lines):
                used.add(text)
                lines[:] = [line.replace(text[1], text[2]) for line in lines]
    count = failed = 0
    sys.stdout.reconfigure(errors="replace")

    def check(outcome, text):
        nonlocal count, failed
        count += 1
        failed += not outcome
        print(f"{'ok' if outcome else 'not ok'} {count} - {text}")

    for name in list(reference) + [n for n in ours if n not in reference]:
        if reference.get(name) == ours.get(name):
            check(True, name)
            continue
        entry = next((e for e in listed if is_listed(name, e[0])), None)
        if entry:
            used.add(entry)
            check(True, f"{name} (differs on purpose: {entry[1]})")
            continue
        check(False, name)
        for line in difflib.unified_diff(readable(reference.get(name, ["(no such case)"])),
                                         readable(ours.get(name, ["(no such case)"])), "reference", "ours", lineterm="", n=1):
            print("#   " + line[:400])
    for entry in listed:
        if entry not in used:
            check(False, f"listed as a difference, but there is none: {entry[0]}")
    for text in texts:
        if text not in used:
            check(False, f"listed as a difference, but the reference has no such text: {text}")
    # Or a reference that failed to start would compare well with nothing.
    least = int(sys.argv[4]) if len(sys.argv) > 4 else 100
    check(len(reference) >= least, f"the reference has {len(reference)} cases")
    print(f"1..{count}")
    if failed:
        print(f"# {failed} of {count} failed")
    return 1 if failed else 0


sys.exit(main())
