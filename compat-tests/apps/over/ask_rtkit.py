#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ask_rtkit.py - has RealtimeKit change the scheduling of this very thread, and looks at what came of it"""
import os
import resource
import threading

import dbus

NAME = "org.freedesktop.RealtimeKit1"
# A thread that could hang the machine is refused.
resource.setrlimit(resource.RLIMIT_RTTIME, (200000, 200000))
kit = dbus.Interface(dbus.SystemBus().get_object(NAME, "/org/freedesktop/RealtimeKit1"), NAME)
thread = threading.get_native_id()
before = os.getpriority(os.PRIO_PROCESS, thread)
kit.MakeThreadHighPriority(dbus.UInt64(thread), dbus.Int32(-5))
print("nice:", before, "->", os.getpriority(os.PRIO_PROCESS, thread))
try:
    kit.MakeThreadRealtime(dbus.UInt64(thread), dbus.UInt32(1))
    print("real-time:", os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK in (os.SCHED_RR, os.SCHED_FIFO))
except dbus.DBusException as e:
    print("real-time:", e.get_dbus_name())
