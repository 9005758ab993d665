# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens at small limits, one line for each thing: on dbus-daemon and on a kernel bus it must be the same.

limits_client.py ADDRESS. The bus has the limits of limits.conf.
"""
import sys

import dbus.bus
import dbus.lowlevel
import dbus.mainloop.glib
from gi.repository import GLib

ADDRESS = sys.argv[1]


def outcome(function, *args):
    try:
        function(*args)
        return "done"
    except dbus.DBusException as error:
        return f"{error.get_dbus_name()}: {error.get_dbus_message()}"


caller = dbus.bus.BusConnection(ADDRESS, mainloop=dbus.mainloop.glib.DBusGMainLoop())
callee = dbus.bus.BusConnection(ADDRESS)  # without a main loop: it never answers

for i in range(4):
    print("name", i, outcome(caller.request_name, f"limits.N{i}"))
print("name given up", outcome(caller.release_name, "limits.N0"))
print("name", outcome(caller.request_name, "limits.N9"))
for i in range(4):
    print("rule", i, outcome(caller.add_match_string, f"member='m{i}'"))

# --- connections: two are there
more = []
for i in range(2):
    print("connection", i, outcome(lambda: more.append(dbus.bus.BusConnection(ADDRESS))))
more[0].close()
del more[0]
print("connection in its place", outcome(lambda: more.append(dbus.bus.BusConnection(ADDRESS))))

# --- calls, and the bus's own time-out of replies
replies = {}
loop = GLib.MainLoop()


def call(number):
    message = dbus.lowlevel.MethodCallMessage(callee.get_unique_name(), "/x", "x.Y", f"Call{number}")

    def came(reply):
        replies[number] = f"{reply.get_error_name()}: {reply.get_args_list()[0]} from {reply.get_sender()}"
        if len(replies) == 4:
            loop.quit()

    caller.send_message_with_reply(message, came, 100)


for n in range(4):
    call(n)
GLib.timeout_add_seconds(60, loop.quit)
loop.run()
for n, text in sorted(replies.items()):
    print("call", n, text)

# --- a monitor may have more rules than others
rules = dbus.Array([f"member='m{i}'" for i in range(4)], signature="s")
print("monitor", outcome(more[-1].call_blocking, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring",
                         "BecomeMonitor", "asu", (rules, dbus.UInt32(0))))
