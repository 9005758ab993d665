#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""monitor_traffic.py traffic|flood|awake - what happens on the bus while monitors look on

By dbus-python, on the session bus: `traffic` has at least one of everything that a bus sees,
`flood` is more than the kernel keeps for a monitor that doesn't read, `awake` a single signal.
"""
import os
import sys
import time

import dbus
import dbus.bus
import dbus.lowlevel
import dbus.mainloop.glib
from gi.repository import GLib

BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus")


def connect():
    return dbus.SessionBus(private=True)


def driver(bus, member, signature="", *args, interface="org.freedesktop.DBus"):
    try:
        bus.call_blocking(*BUS, interface, member, signature, args)
    except dbus.DBusException as error:
        print(member, error.get_dbus_name())


def send_signal(bus, member, signature="", *args, destination=None):
    message = dbus.lowlevel.SignalMessage("/o", "t.I", member)
    message.append(*args, signature=signature)
    if destination:
        message.set_destination(destination)
    bus.send_message(message)
    bus.flush()


def call(bus, destination, member, signature="", *args, quiet=False):
    """A call whose reply is waited for: its error, if it is one, is printed."""
    message = dbus.lowlevel.MethodCallMessage(destination, "/o", "t.I", member)
    message.append(*args, signature=signature)
    message.set_no_reply(quiet)
    if quiet:
        bus.send_message(message)
        bus.flush()
        return
    try:
        bus.send_message_with_reply_and_block(message, 60)
    except dbus.DBusException as error:
        print(member, error.get_dbus_name())


class Service:
    """Answers calls with their arguments, until it is called Quit."""

    def __init__(self, bus, loop):
        self.bus = bus
        self.loop = loop
        bus.add_message_filter(self.answer)

    def answer(self, _bus, message):
        if message.get_type() != dbus.lowlevel.MESSAGE_TYPE_METHOD_CALL:
            return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
        if message.get_member() == "Quit":
            self.loop.quit()
        if message.get_member() == "Fail":
            reply = dbus.lowlevel.ErrorMessage(message, "t.Error.Failed", "it failed")
        else:
            reply = dbus.lowlevel.MethodReturnMessage(message)
            reply.append(*message.get_args_list(), signature=message.get_signature())
        if not message.get_no_reply():
            self.bus.send_message(reply)
        return dbus.lowlevel.HANDLER_RESULT_HANDLED


def serve():
    """A service in a child, which owns t.S: its pid and unique name."""
    ready, go = os.pipe()
    pid = os.fork()
    if pid:
        os.close(go)
        return pid, os.read(ready, 100).decode()
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = connect()
    loop = GLib.MainLoop()
    Service(bus, loop)
    bus.request_name("t.S", dbus.bus.NAME_FLAG_ALLOW_REPLACEMENT)
    os.write(go, bus.get_unique_name().encode())
    loop.run()
    bus.close()
    os._exit(0)


class Departures:
    """Hears who goes: dbus-daemon may read what others send before it sees that a connection has gone."""

    def __init__(self):
        self.names = set()
        self.bus = dbus.SessionBus(private=True, mainloop=dbus.mainloop.glib.DBusGMainLoop())
        self.bus.add_message_filter(self.hear)
        driver(self.bus, "AddMatch", "s", "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''")

    def hear(self, _bus, message):
        if message.get_member() == "NameOwnerChanged":
            self.names.add(str(message.get_args_list()[0]))
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED

    def wait_for(self, name):
        end = time.monotonic() + 100
        while name not in self.names:
            if time.monotonic() > end:
                sys.exit(f"{name} isn't seen to go")
            if not GLib.MainContext.default().iteration(False):
                time.sleep(0.01)


def traffic():
    service, its_name = serve()
    departures = Departures()
    a = connect()
    driver(a, "GetId")
    driver(a, "Nothing")
    driver(a, "GetNameOwner", "s", "t.Nobody")
    driver(a, "AddMatch", "s", "type='signal',interface='t.I'")
    driver(a, "AddMatch", "s", "nonsense")
    driver(a, "ListQueuedOwners", "s", "t.S")
    driver(a, "Ping", interface="org.freedesktop.DBus.Peer")
    driver(a, "Get", "ss", BUS[0], "Nothing", interface="org.freedesktop.DBus.Properties")
    driver(a, "RequestName", "su", "t.A", 0)
    driver(a, "RequestName", "su", "t.S", 2)
    driver(a, "ReleaseName", "s", "t.S")
    call(a, "t.S", "Types", "ybnqiuxtdsoga{sv}(is)as", 1, True, -2, 3, -4, 5, -6, 7, 0.5, "text", "/p", "a{sv}",
         {"k": dbus.Array([1, 2], signature="i"), "l": "v"}, (1, "x"), ["a", "b"])
    call(a, "t.S", "Fail")
    call(a, "t.S", "Quiet", quiet=True)
    call(a, "t.S", "Large", "ay", dbus.ByteArray(b"x" * 100000))
    with open("/dev/null", "rb") as null:
        call(a, "t.S", "Files", "h", dbus.types.UnixFd(null))
    call(a, "t.Nobody", "M", "s", "x")
    call(a, ":1.99999", "M")
    send_signal(a, "S", "si", "x", 1)
    send_signal(a, "ToOne", "s", "x", destination="t.S")
    send_signal(a, "ToNobody", destination="t.Nobody")
    driver(a, "ReleaseName", "s", "t.A")
    call(a, "t.S", "Quit", quiet=True)
    os.waitpid(service, 0)
    departures.wait_for(its_name)
    b = connect()
    b_name = b.get_unique_name()
    b.close()
    departures.wait_for(b_name)
    send_signal(a, "TheEnd")
    driver(a, "GetId")


def flood():
    a, b = connect(), connect()
    for _ in range(300):
        send_signal(a, "Flood", "ay", dbus.ByteArray(b"x" * 60000))
    driver(a, "GetId")
    call(a, b.get_unique_name(), "M", quiet=True)
    driver(b, "GetId")


def awake():
    a = connect()
    send_signal(a, "Awake")
    driver(a, "GetId")


{"traffic": traffic, "flood": flood, "awake": awake}[sys.argv[1]]()
