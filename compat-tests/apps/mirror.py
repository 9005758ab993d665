#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""mirror.py - a dbus-python service that the apps test calls: it gives back what it gets

Names: org.example.Mirror.  Objects: / and /mirror/room, with properties.
"""
import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = "org.example.Mirror"


class Mirror(dbus.service.Object):
    def __init__(self, bus, path):
        super().__init__(bus, path)
        self.properties = {"Size": dbus.UInt32(7), "Colour": "silver", "Names": dbus.Array(["a", "b"], signature="s")}

    @dbus.service.method(NAME, in_signature="v", out_signature="v")
    def Same(self, value):
        return value

    @dbus.service.method(NAME, in_signature="ybnqiuxtdsogasa{sv}(si)ai", out_signature="ybnqiuxtdsogasa{sv}(si)ai")
    def All(self, y, b, n, q, i, u, x, t, d, s, o, g, strings, variants, struct, numbers):
        return y, b, n, q, i, u, x, t, d, s, o, g, strings, variants, struct, numbers

    @dbus.service.method(NAME, in_signature="ay", out_signature="u")
    def Length(self, data):
        return len(data)

    @dbus.service.method(NAME, in_signature="u", out_signature="s")
    def Letters(self, count):
        return "x" * count

    @dbus.service.method(NAME, in_signature="ss", out_signature="")
    def Fail(self, name, text):
        raise dbus.exceptions.DBusException(text, name=name)

    @dbus.service.method(NAME, in_signature="", out_signature="s", sender_keyword="sender")
    def WhoAmI(self, sender=None):
        return f"{sender} of user {self.connection.get_unix_user(sender)}"

    @dbus.service.method(NAME, in_signature="su", out_signature="")
    def Emit(self, text, count):
        for i in range(count):
            self.Changed(text, i)

    @dbus.service.signal(NAME, signature="su")
    def Changed(self, text, number):
        pass

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        if name not in self.properties:
            raise dbus.exceptions.DBusException(f"no {name}", name="org.freedesktop.DBus.Error.UnknownProperty")
        return self.properties[name]

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return self.properties

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ssv", out_signature="")
    def Set(self, interface, name, value):
        self.properties[name] = value
        self.PropertiesChanged(interface, {name: value}, [])

    @dbus.service.signal(dbus.PROPERTIES_IFACE, signature="sa{sv}as")
    def PropertiesChanged(self, interface, changed, invalidated):
        pass


DBusGMainLoop(set_as_default=True)
session = dbus.SessionBus()
name = dbus.service.BusName(NAME, session)
objects = [Mirror(session, "/"), Mirror(session, "/mirror/room")]
print("ready", flush=True)
GLib.MainLoop().run()
