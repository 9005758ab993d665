#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ask_dbussy.py - DBussy loads libdbus by dlopen and drives it with asyncio: a call, a match, a signal"""
import asyncio

import dbussy
from dbussy import DBUS

BUS = "org.freedesktop.DBus"


async def main():
    loop = asyncio.get_running_loop()
    bus = await dbussy.Connection.bus_get_async(DBUS.BUS_SESSION, private=False, loop=loop)
    ask = dbussy.Message.new_method_call(destination=BUS, path="/", iface=BUS, method="ListNames")
    reply = await bus.send_await_reply(ask)
    names = reply.expect_return_objects("as")[0]
    print("names:", BUS in names and bus.bus_unique_name in names)
    seen = loop.create_future()

    def note(_, message, __):
        if message.is_signal(BUS, "NameOwnerChanged"):
            name, old, new = message.expect_objects("sss")
            if name == "org.example.Dussy" and not seen.done():
                seen.set_result((name, old == "" and new == bus.bus_unique_name))
        return DBUS.HANDLER_RESULT_NOT_YET_HANDLED

    bus.add_filter(note, None)
    bus.bus_add_match(f"type='signal',interface='{BUS}',member='NameOwnerChanged'")
    print("request:", await bus.bus_request_name_async("org.example.Dussy", 0))
    print("signal: NameOwnerChanged", *await asyncio.wait_for(seen, 20))


asyncio.run(main())
