#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ask_peer.py ADDRESS PATH METHOD ARG…: calls a method of a peer without a bus, by GDBus; prints what `gdbus call`
would print, which itself always says Hello. An ARG is a GVariant's text, or else a string."""
import sys

from gi.repository import Gio, GLib


def variant(text):
    try:
        return GLib.Variant.parse(None, text, None, None)
    except GLib.Error:
        return GLib.Variant("s", text)


def main():
    address, path, method, *args = sys.argv[1:]
    interface, member = method.rsplit(".", 1)
    try:
        peer = Gio.DBusConnection.new_for_address_sync(address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
        values = GLib.Variant.new_tuple(*map(variant, args)) if args else None
        print(peer.call_sync(None, path, interface, member, values, None, Gio.DBusCallFlags.NONE, 20000, None).print_(True))
    except GLib.Error as e:
        sys.exit(f"Error: {e.message}")


main()
