#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""client.py - a client of service.py in dbus-python, on a GLib main loop

Calls by introspection, catches an error of the service's, and waits for the
signal that its call causes.
"""
import sys

import dbus
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = "org.example.Inventory"
PATH = "/org/example/Inventory"

DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
loop = GLib.MainLoop()
inventory = dbus.Interface(bus.get_object(NAME, PATH), NAME)


def added(item, count, sender=None):
    print(f"signal Added({item}, {count}) from {'the service' if sender == bus.get_name_owner(NAME) else sender}")
    loop.quit()


bus.add_signal_receiver(added, "Added", NAME, path=PATH, sender_keyword="sender")
reply = inventory.Add({"plums": 4}, ["ripe"], dbus.Double(0.5))
print(f"Add: total {reply['total']}, plums {reply['items']['plums']}, tags {list(map(str, reply['tags']))}, note {reply['note']}")
try:
    inventory.Count("diamonds")
except dbus.DBusException as e:
    print(f"Count: {e.get_dbus_name()}: {e.get_dbus_message()}")
GLib.timeout_add_seconds(100, lambda: sys.exit("the signal never came"))
loop.run()
