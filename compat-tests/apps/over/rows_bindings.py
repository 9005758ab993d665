# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows: bindings of libdbus, and programs that load it with dlopen."""
from box import APPS, expect
from row import row


def _qdbus(box, program):
    bus = "org.freedesktop.DBus"
    mirror = box.start("/usr/bin/python3", "-B", f"{APPS}/mirror.py")
    box.wait_printed(mirror, "ready")
    out = expect(r"^\s*org.example.Mirror$", box.run(program, status=0))
    names = sorted(line.strip() for line in out.splitlines() if ":" not in line)
    out = ["names: " + " ".join(names)]
    for args in ([bus, "/org/freedesktop/DBus"], [bus, "/", bus + ".GetNameOwner", bus],
                 [bus, "/org/freedesktop/DBus", "org.freedesktop.DBus.Properties.Get", bus, "Features"],
                 ["org.example.Mirror"], ["org.example.Mirror", "/mirror/room"],
                 ["org.example.Mirror", "/mirror/room", "org.example.Mirror.Letters", "7"],
                 ["org.example.Mirror", "/mirror/room", "org.example.Mirror.Same", "grüße"],
                 ["--literal", "org.example.Mirror", "/", "org.freedesktop.DBus.Properties.GetAll", "org.example.Mirror"],
                 ["org.example.Mirror", "/mirror/room", "org.example.Mirror.Fail", "org.example.E", "text"]):
        out.append(f"$ {' '.join(args)}\n{box.run(program, *args, status=None)}")
    text = "\n".join(out)
    expect(r"^xxxxxxx$.*^grüße$.*org\.example\.E", text)
    return text


@row("qdbus5", "qdbus (Qt 5)", "names, introspection, calls and errors of a dbus-python service")
def qdbus5(box):
    return _qdbus(box, "/usr/lib/qt5/bin/qdbus")


@row("qdbus6", "qdbus (Qt 6)", "names, introspection, calls and errors of a dbus-python service")
def qdbus6(box):
    return _qdbus(box, "/usr/lib/qt6/bin/qdbus")


@row("dbus-python", "dbus-python, both sides", "every type there and back, errors, names, signals, asynchronous calls")
def dbus_python(box):
    box.wait_printed(box.start("/usr/bin/python3", "-B", f"{APPS}/mirror.py"), "ready")
    text = box.run("/usr/bin/python3", "-B", f"{APPS}/visitor.py")
    return expect(r"^asynchronous reply: .*later.*^by argument .*wanted.*^by path .*^properties .*gold", text)


@row("net-dbus", "Net::DBus, both sides", "methods, errors and signals of a service in Perl")
def net_dbus(box):
    box.wait_printed(box.start("perl", f"{APPS}/clock.pl"), "ready")
    return expect(r"^Add: 42$.*^Die: org.example.Clock.Error: out of time$.*^Tick 3$", box.run("perl", f"{APPS}/watcher.pl"))


@row("sdl2", "SDL2's testpower, by dlopen", "SDL_GetPowerInfo of a UPower with a battery at 42 %")
def sdl2(box):
    mock = box.start("/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "upower")
    box.wait_name("system", "org.freedesktop.UPower", mock)
    box.ask("system", "org.freedesktop.UPower", "/org/freedesktop/UPower", "org.freedesktop.DBus.Mock.AddDischargingBattery",
            "mock_BAT", "Mock Battery", "42.0", "1200")
    text = box.run("/usr/libexec/installed-tests/SDL2/testpower")
    return expect(r"42% left|42", text)


@row("dbussy", "DBussy, by dlopen", "a call, a match and a signal in Python's asyncio")
def dbussy(box):
    return expect(r"^names: True$.*^signal: NameOwnerChanged org.example.Dussy True$",
                  box.run("/usr/bin/python3", "-B", f"{APPS}/over/ask_dbussy.py"))


@row("emacs", "Emacs", "(require 'dbus) in batch: calls, a property, a method of its own, a signal")
def emacs(box):
    text = box.run("emacs-nox", "--batch", "-Q", "-l", f"{APPS}/over/ask.el")
    return expect(r"^owner: org.freedesktop.DBus$.*^echo: back$.*^signal: org.example.Emacs", text)


@row("dbus-cpp", "dbusxx-introspect (dbus-c++)", "the interfaces of a dbus-python service")
def dbus_cpp(box):
    box.wait_printed(box.start("/usr/bin/python3", "-B", f"{APPS}/mirror.py"), "ready")
    return expect('<interface name="org.example.Mirror">', box.run("dbusxx-introspect", "/mirror/room", "org.example.Mirror"))


@row("dbus-test-tool", "dbus-test-tool", "its spam of 200 messages, echoed; dbus-monitor sees them")
def test_tool(box):
    echo = box.start("dbus-test-tool", "echo", "--name=org.example.Echo", "--session")
    box.wait_name("session", "org.example.Echo", echo)
    monitor = box.start("dbus-monitor", "--session", "type='method_call',destination='org.example.Echo'")
    box.wait_printed(monitor, "NameLost")
    box.run("dbus-test-tool", "spam", "--session", "--dest=org.example.Echo", "--count=200", "--queue=20", "--string",
            "--payload=hello")
    box.until(lambda: box.printed(monitor).count('string "hello"') >= 200, "200 calls seen by the monitor")
    reply = box.run("dbus-send", "--session", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/",
                    "org.freedesktop.DBus.GetNameOwner", "string:org.freedesktop.DBus")
    return f"monitor saw 200 calls\ndbus-send: {reply}"


@row("dbus-run-session", "dbus-run-session, dbus-daemon", "a session with a dbus-daemon of its own, which only the stock library can run")
def run_session(box):
    text = box.run("dbus-run-session", "--", "sh", "-c", "echo $DBUS_SESSION_BUS_ADDRESS; "
                   "dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames")
    expect(r"^unix:.*guid=.*org.freedesktop.DBus *:1\.0", text)
    return text[text.index("array"):]
