#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""service.py - a service as programs have it: dbus-python on a GLib main loop

Nothing here knows of dbus-genl: it is a client of the session bus.  It owns
org.example.Inventory, answers on /org/example/Inventory, and emits a signal
when something was added.  Slow() never answers: it is there to be killed in.
"""
import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = "org.example.Inventory"
PATH = "/org/example/Inventory"


class Inventory(dbus.service.Object):
    def __init__(self, bus):
        super().__init__(bus, PATH)
        self.items = {}

    @dbus.service.method(NAME, in_signature="a{si}asv", out_signature="a{sv}")
    def Add(self, counts, tags, note):
        """Adds items; tells what there is now, whatever the types."""
        for item, count in counts.items():
            self.items[str(item)] = self.items.get(str(item), 0) + int(count)
            self.Added(item, count)
        return dbus.Dictionary({
            "items": dbus.Dictionary(self.items, signature="si"),
            "tags": dbus.Array([str(tag).upper() for tag in tags], signature="s"),
            "note": note,
            "total": dbus.UInt32(sum(self.items.values())),
        }, signature="sv")

    @dbus.service.method(NAME, in_signature="s", out_signature="i")
    def Count(self, item):
        if item not in self.items:
            raise dbus.exceptions.DBusException(f"no {item} here", name=f"{NAME}.Error.NoSuchItem")
        return self.items[item]

    @dbus.service.method(NAME, async_callbacks=("reply", "error"))
    def Slow(self, reply, error):
        """Keeps its caller waiting for ever."""
        print("service: a call waits", flush=True)

    @dbus.service.signal(NAME, signature="si")
    def Added(self, item, count):
        pass


def main():
    DBusGMainLoop(set_as_default=True)
    bus = dbus.SessionBus()
    name = dbus.service.BusName(NAME, bus, do_not_queue=True)
    service = Inventory(bus)
    print(f"service: {bus.get_unique_name()} owns {name.get_name()}", flush=True)
    GLib.MainLoop().run()
    return service


main()
