#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""caller.py - calls Slow of service.py and tells what it got, and how long after the kill

The time of the kill is read from a file that the killer writes just before.
"""
import sys
import time

import dbus

bus = dbus.SessionBus()
inventory = bus.get_object("org.example.Inventory", "/org/example/Inventory")
try:
    inventory.Slow(dbus_interface="org.example.Inventory", timeout=60)
    sys.exit("Slow answered?")
except dbus.DBusException as e:
    now = time.monotonic()
    with open(sys.argv[1], encoding="ascii") as f:
        killed = float(f.read())
    print(f"{e.get_dbus_name()}: {e.get_dbus_message()}")
    print(f"milliseconds after the kill: {(now - killed) * 1000:.0f}")
