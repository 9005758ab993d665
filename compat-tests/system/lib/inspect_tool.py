# SPDX-License-Identifier: LGPL-2.1-or-later
"""dbus-genl peers, users, names, rules: what they print of a bus that this program is on.

inspect_tool.py DBUS-GENL; runs under dbus-genl-run --bus inspect-tool. TAP.
"""
import json
import os
import subprocess
import sys

import dbus.bus

TOOL = sys.argv[1]
BUS = "inspect-tool"
count = failed = 0


def check(outcome, text):
    global count, failed
    count += 1
    failed += not outcome
    print(f"{'ok' if outcome else 'not ok'} {count} - {text}", flush=True)


def tool(*args):
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    return subprocess.run([TOOL, *args], env=env, capture_output=True, text=True, check=False)


def told(command):
    return json.loads(tool(command, BUS, "--json").stdout)


connection = dbus.bus.BusConnection(os.environ["DBUS_SESSION_BUS_ADDRESS"])
me = connection.get_unique_name()
connection.request_name("inspect.Tool", dbus.bus.NAME_FLAG_ALLOW_REPLACEMENT)
# Twice, and with what must not reach a terminal or break the JSON as it is.
RULE = 'type=\'signal\',arg0=\'a"b\\c\x1b[31m\''
for _ in range(2):
    connection.add_match_string(RULE)

peers = told("peers")
mine = [p for p in peers if p.get("name") == me]
check(len(mine) == 1 and mine[0]["pid"] == os.getpid() and mine[0]["uid"] == os.getuid(), "peers --json: this program")
check(mine and mine[0]["names"] == 1 and mine[0]["rules"] == 2 and mine[0]["takes_fds"], "what it has")
check(mine and mine[0]["sent"] >= 4 and mine[0]["received"] >= 5 and mine[0]["refused"] == 0, "what it has done")
check(told("names") == [{"name": "inspect.Tool", "position": 0, "peer": me, "flags": 1}], "names --json")
rules = told("rules")
check(rules == [{"peer": me, "count": 2, "rule": RULE}], f"rules --json {rules}")

users = told("users")
check(len(users) == 1 and users[0]["uid"] == os.getuid() and users[0]["peers"] == len(peers)
      and users[0]["connections"] == {"used": len(peers), "max": 4096} and users[0]["all_held"]["used"] >= 3,
      f"users --json {users}")

watch = dbus.bus.BusConnection(os.environ["DBUS_SESSION_BUS_ADDRESS"])
watch.call_blocking("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring",
                    "BecomeMonitor", "asu", (dbus.Array([], signature="s"), 0))
peers = told("peers")
monitors = [p for p in peers if p["monitor"]]
check(len(monitors) == 1 and "name" not in monitors[0] and monitors[0]["rules"] == 1, "a monitor")
out = tool("peers", BUS).stdout
check("(monitor)" in out, "and for people")
out = tool("users", BUS).stdout
check(out.startswith("USER ") and "all buses: rules, names, calls" in out, "users")

out = tool("peers", BUS).stdout.splitlines()
check(len(out) == 1 + len(peers) and out[0].startswith("PEER ") and any(line.startswith(me + " ") for line in out), "peers")
out = tool("names", BUS).stdout
check("inspect.Tool" in out and me in out and "allow-replacement" in out, "names")
out = tool("rules", BUS).stdout
check(me in out and "\x1b" not in out and "\\u001b[31m" in out, "rules, escaped")

for command in ("peers", "users", "names", "rules"):
    ran = tool(command, "no-such-bus")
    check(ran.returncode == 1 and "no such bus" in ran.stderr, f"{command} of no bus: {ran.stderr.strip()}")

print(f"1..{count}")
sys.exit(failed != 0)
