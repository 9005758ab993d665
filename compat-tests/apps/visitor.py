#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""visitor.py - a dbus-python client of mirror.py; prints what it gets

All types, errors, large bodies, asynchronous calls, signals selected by
argument, name watching, and RequestName's answers.
"""
import sys

import dbus
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = "org.example.Mirror"
DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
loop = GLib.MainLoop()
mirror = dbus.Interface(bus.get_object(NAME, "/mirror/room"), NAME)
properties = dbus.Interface(mirror, dbus.PROPERTIES_IFACE)


def attempt(what, call):
    try:
        print(f"{what}: {call()!r}")
    except dbus.DBusException as e:
        print(f"{what}: {e.get_dbus_name()}: {e.get_dbus_message()}")
    except ValueError as e:  # refused by dbus-python itself
        print(f"{what}: {e}")


for value in (dbus.Byte(255), True, dbus.Int16(-5), dbus.UInt16(5), dbus.Int32(-2**31), dbus.UInt32(2**32 - 1),
              dbus.Int64(-2**63), dbus.UInt64(2**64 - 1), 0.1, "", "grüße 漢字 🙂", dbus.ObjectPath("/a/b"),
              dbus.Signature("a{s(iv)}"), dbus.Array([], signature="s"), dbus.Array([[1, 2], []], signature="ai"),
              dbus.Dictionary({"k": dbus.Struct((1, "x"), signature="is")}, signature="s(is)"),
              dbus.ByteArray(bytes(range(256)))):
    attempt(f"Same {value!r}", lambda: mirror.Same(value))
values = (1, True, -2, 3, -4, 5, -6, 7, 0.5, "s", "/o", "g", ["a", ""], {"x": dbus.Byte(1)}, ("t", 9), [1, 2, 3])
attempt("All", lambda: mirror.All(*values))
for size in (0, 1, 1000, 30000, 60000):
    attempt(f"Length {size}", lambda: mirror.Length(dbus.ByteArray(b"z" * size)))
    attempt(f"Letters {size}", lambda: len(mirror.Letters(size)))
attempt("Fail", lambda: mirror.Fail("org.example.Error.Mine", "because: ü"))
attempt("NoSuchMethod", lambda: bus.call_blocking(NAME, "/", NAME, "NoSuchMethod", "", ()))
attempt("no such object", lambda: bus.call_blocking(NAME, "/nowhere", NAME, "WhoAmI", "", ()))
attempt("no such interface", lambda: bus.call_blocking(NAME, "/", "org.example.Other", "WhoAmI", "", ()))
attempt("no such service", lambda: bus.call_blocking("org.example.Nobody", "/", NAME, "WhoAmI", "", ()))
attempt("WhoAmI", lambda: mirror.WhoAmI() == f"{bus.get_unique_name()} of user {bus.get_unix_user(bus.get_unique_name())}")
attempt("Get", lambda: properties.Get(NAME, "Size"))
attempt("Get unknown", lambda: properties.Get(NAME, "Nothing"))
attempt("GetAll", lambda: dict(properties.GetAll(NAME)))
attempt("Introspect", lambda: bus.call_blocking(NAME, "/mirror", dbus.INTROSPECTABLE_IFACE, "Introspect", "", ()))
attempt("Ping", lambda: bus.call_blocking(NAME, "/", dbus.PEER_IFACE, "Ping", "", ()))
attempt("GetMachineId", lambda: len(bus.call_blocking(NAME, "/", dbus.PEER_IFACE, "GetMachineId", "", ())))
attempt("timeout", lambda: bus.call_blocking("org.example.Hole", "/", NAME, "WhoAmI", "", (), timeout=0.5))

for flags in (0, 0, dbus.bus.NAME_FLAG_DO_NOT_QUEUE):
    attempt(f"request_name {flags}", lambda: bus.request_name("org.example.Visitor", flags))
attempt("request_name of the mirror's", lambda: bus.request_name(NAME, dbus.bus.NAME_FLAG_DO_NOT_QUEUE))
attempt("request_name of none", lambda: bus.request_name("x..y"))
attempt("release_name", lambda: bus.release_name("org.example.Visitor"))
attempt("release_name again", lambda: bus.release_name("org.example.Visitor"))
attempt("name_has_owner", lambda: (bus.name_has_owner(NAME), bus.name_has_owner("org.example.Nobody")))
attempt("list_names", lambda: sorted(n for n in bus.list_names() if not n.startswith(":")))
attempt("add_match of nonsense", lambda: bus.add_match_string("type='nonsense'"))

seen = []


def note(kind):
    def handler(*args):
        seen.append(f"{kind} {args!r}")
    return handler


bus.add_signal_receiver(note("all"), "Changed", NAME)
bus.add_signal_receiver(note("by argument"), "Changed", NAME, arg0="wanted")
bus.add_signal_receiver(note("by path"), "Changed", NAME, path="/")
bus.add_signal_receiver(note("properties"), "PropertiesChanged", dbus.PROPERTIES_IFACE, NAME)
watch = bus.watch_name_owner("org.example.Watched", lambda owner: seen.append(f"owner of Watched: {owner != ''}"))


def replied(*args):
    print(f"asynchronous reply: {args!r}")


def failed(e):
    print(f"asynchronous error: {e.get_dbus_name()}")
    # The answer to what was asked for last: all signals have come before it.
    loop.quit()


def act():
    mirror.Emit("wanted", 2)
    mirror.Emit("unwanted", 2)
    dbus.Interface(bus.get_object(NAME, "/"), NAME).Emit("at the root", 1)
    properties.Set(NAME, "Colour", "gold")
    bus.request_name("org.example.Watched")
    bus.release_name("org.example.Watched")
    mirror.Same("later", reply_handler=replied, error_handler=failed)
    mirror.Fail("org.example.Error.Later", "x", reply_handler=replied, error_handler=failed)


GLib.idle_add(act)
GLib.timeout_add_seconds(100, lambda: sys.exit("it takes too long"))
loop.run()
for line in sorted(seen):
    print(line)
