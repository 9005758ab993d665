# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows: daemons of the system bus, and their clients."""
from box import APPS, expect
from row import row


@row("bluetoothctl", "bluetoothctl", "adapter and device of a BlueZ made with dbus-python, one removed, one switched off")
def bluetoothctl(box):
    mock = box.start("/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "bluez5")
    box.wait_name("system", "org.bluez", mock)
    box.ask("system", "org.bluez", "/org/bluez", "org.bluez.Mock.AddAdapter", "hci0", "my-computer")
    box.ask("system", "org.bluez", "/org/bluez", "org.bluez.Mock.AddDevice", "hci0", "11:22:33:44:55:66", "My Phone")
    control = box.start("bluetoothctl", terminal=True)
    box.wait_printed(control, r"\[bluetooth\]#.*Failed to register agent|Agent registered")
    for command, answer in (("list", r"Controller 00:01:02:03:04:05 my-computer \[default\]"),
                            ("devices", "Device 11:22:33:44:55:66 My Phone"),
                            ("info 11:22:33:44:55:66", r"Device 11:22:33:44:55:66 \(public\).*LegacyPairing: no"),
                            ("show", r"Controller 00:01:02:03:04:05 \(public\).*Discovering: no"),
                            ("remove 11:22:33:44:55:66", "Device has been removed"),
                            ("power off", "Changing power off succeeded")):
        control.type(command)
        text = box.wait_printed(control, answer)
    powered = box.get("system", "org.bluez", "/org/bluez/hci0", "org.bluez.Adapter1", "Powered")
    told = {line.strip() for line in text.splitlines()}
    return "\n".join([powered, *sorted(line for line in told if line.startswith(
        ("Name:", "Alias:", "Paired:", "Powered:", "Device has", "Changing")))])


@row("rtkit", "rtkit-daemon", "its limits; a thread of a dbus-python program made nicer and real-time")
def rtkit(box):
    name, path = "org.freedesktop.RealtimeKit1", "/org/freedesktop/RealtimeKit1"
    policy = "org.freedesktop.PolicyKit1"
    box.wait_name("system", policy, box.start("/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "polkitd"))
    box.ask("system", policy, "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.DBus.Mock.AllowUnknown", "true")
    daemon = box.start("/usr/libexec/rtkit-daemon", "--no-canary", "--no-drop-privileges",
                       "--no-limit-resources", "--stderr")
    box.wait_name("system", name, daemon)
    limits = [box.get("system", name, path, name, p) for p in ("RTTimeUSecMax", "MaxRealtimePriority", "MinNiceLevel")]
    expect(r"<.*\d+>", limits[0])
    refused = box.ask("system", name, path, f"{name}.MakeThreadHighPriority", "999999", "0", status=1)
    made = box.run("/usr/bin/python3", "-B", f"{APPS}/over/ask_rtkit.py")
    return "\n".join([*limits, refused, expect("^nice: 0 -> -5$", made)])


@row("ofono", "ofonod", "no modems; a manager that introspects; errors")
def ofono(box):
    daemon = box.start("ofonod", "-n")
    box.wait_name("system", "org.ofono", daemon)
    modems = box.ask("system", "org.ofono", "/", "org.ofono.Manager.GetModems")
    xml = box.ask("system", "org.ofono", "/", "org.freedesktop.DBus.Introspectable.Introspect")
    error = box.ask("system", "org.ofono", "/", "org.ofono.Manager.Nothing", status=1)
    return "\n".join([modems, expect("ModemAdded", xml), error])


ODDJOB = """<?xml version="1.0"?>
<oddjobconfig><service name="org.example.oddjob"><allow/><object name="/"><interface name="org.example.oddjob">
<method name="upper"><helper exec="/usr/bin/tr a-z A-Z" arguments="1" argument_passing_method="stdin"
 prepend_user_name="no"/></method></interface></object></service></oddjobconfig>
"""


@row("oddjob", "oddjobd, oddjob_request", "its methods listed, one called that runs a helper")
def oddjob(box):
    with open("/etc/oddjobd.conf.d/example.conf", "w", encoding="ascii") as conf:
        conf.write(ODDJOB)
    daemon = box.start("oddjobd", "-n", "-p", "/tmp/oddjobd.pid")
    box.wait_name("system", "org.example.oddjob", daemon)
    listed = box.run("oddjob_request", "-s", "com.redhat.oddjob", "-o", "/com/redhat/oddjob", "-i", "com.redhat.oddjob", "listall")
    upper = box.run("oddjob_request", "-s", "org.example.oddjob", "-o", "/", "-i", "org.example.oddjob", "upper", "shout")
    xml = box.ask("system", "com.redhat.oddjob", "/com/redhat/oddjob", "org.freedesktop.DBus.Introspectable.Introspect")
    return "\n".join([expect('method="listall"', listed), expect("SHOUT", upper), expect("com.redhat.oddjob", xml)])


@row("snapper", "snapperd, snapper", "its configurations, and the error for one that isn't there")
def snapper(box):
    daemon = box.start("snapperd", "--stdout")
    box.wait_name("system", "org.opensuse.Snapper", daemon)
    listed = box.run("snapper", "list-configs")
    missing = box.run("snapper", "-c", "nothing", "list", status=None)
    configs = box.ask("system", "org.opensuse.Snapper", "/org/opensuse/Snapper", "org.opensuse.Snapper.ListConfigs")
    return "\n".join([expect("Config", listed), expect("nknown config", missing), configs])
