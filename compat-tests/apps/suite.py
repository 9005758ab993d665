#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""suite.py - real, unmodified programs on the session bus; prints what they print

Run once on a private dbus-daemon with the stock library, and once on a bus in the
kernel with ours preloaded: conformance/compare.py says whether the outputs agree.
What legitimately varies (times, serials, unique names, pids) is replaced here.
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
QDBUS = "/usr/lib/qt5/bin/qdbus"
PATIENCE = 200
DBUS = "org.freedesktop.DBus"


def normal(text):
    text = re.sub(r"\b(re)?ply_serial=\d+", "reply_serial=N", text)
    text = re.sub(r"\bserial=\d+", "serial=N", text)
    text = re.sub(r"time=[\d.]+", "time=T", text)
    text = re.sub(r":1\.\d+", ":1.N", text)
    text = re.sub(r"\b[0-9a-f]{32}\b", "<id>", text)
    text = re.sub(r"\b\d+\.\d+ (seconds|ms|s)\b", r"N \1", text)
    return text


def case(name):
    print(f"== {name}", flush=True)


def show(text):
    for line in normal(text).rstrip("\n").split("\n"):
        print(line, flush=True)


def run(*command, timeout=PATIENCE):
    """The program's output and exit status, into the transcript."""
    print("$ " + " ".join(pathlib.Path(c).name if "/compat-tests/" in c else c for c in command), flush=True)
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, errors="replace", timeout=timeout, check=False)
    except subprocess.TimeoutExpired as e:
        show((e.stdout or b"").decode(errors="replace"))
        print("(did not end)")
        return ""
    if result.stdout:
        show(result.stdout)
    print(f"(exit status {result.returncode})", flush=True)
    return result.stdout


class Background:
    def __init__(self, *command):
        self.file = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.file, stderr=subprocess.STDOUT)

    def text(self):
        with open(f"/proc/self/fd/{self.file.fileno()}", encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_for(self, pattern):
        end = time.monotonic() + PATIENCE
        while True:
            # Asked before its text is read: what it printed as its last is in there then.
            last = self.process.poll() is not None or time.monotonic() > end
            text = self.text()
            if re.search(pattern, text, re.MULTILINE | re.DOTALL):
                return
            if last:
                print(f"(no {pattern!r}; status {self.process.poll()}; it printed: {text[-2000:]!r})", flush=True)
                return
            time.sleep(0.05)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.ended()

    def ended(self):
        """The exit status of a program that ends by itself, or has been told to."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "(had to be killed)"


def driver(member, *args):
    return subprocess.run(["dbus-send", "--session", "--print-reply=literal", f"--dest={DBUS}", "/", f"{DBUS}.{member}", *args],
                          capture_output=True, text=True, timeout=PATIENCE, check=False).stdout


def wait_for_name(name):
    end = time.monotonic() + PATIENCE
    while "true" not in driver("NameHasOwner", f"string:{name}"):
        if time.monotonic() > end:
            print(f"(nobody takes {name})", flush=True)
            return
        time.sleep(0.1)


ALL_TYPES = ["string:grüße 漢字", "int16:-7", "uint16:7", "int32:-70000", "uint32:70000", "int64:-7000000000", "uint64:7000000000",
             "double:0.25", "byte:200", "boolean:true", "objpath:/a/b", "array:int32:1,2,3", "array:string:a,b", "array:byte:1,255",
             "dict:string:uint32:a,1,b,2", "dict:int32:string:5,five", "variant:uint16:3", "variant:string:v", "string:"]


def dbus_send():
    case("dbus-send: replies of the driver")
    for member in ("GetId", "ListNames"):
        text = driver(member)
        print(f"{member}: {normal(text) if member == 'GetId' else DBUS in text}".rstrip())
    run("dbus-send", "--session", "--print-reply", f"--dest={DBUS}", "/", f"{DBUS}.GetNameOwner", f"string:{DBUS}")
    case("dbus-send: errors")
    for args in ([f"--dest={DBUS}", "/", f"{DBUS}.Nothing"], [f"--dest={DBUS}", "/", f"{DBUS}.GetNameOwner", "int32:1"],
                 ["--dest=org.example.Nobody", "/", "a.B.C"], ["--dest=:1.99999", "/", "a.B.C"],
                 ["--dest=org.example.Mirror", "/", "a.B.C"], ["--dest=org.example.Mirror", "/none", "org.example.Mirror.WhoAmI"],
                 ["--dest=org.example.Mirror", "/", "org.example.Mirror.Fail", "string:org.example.E", "string:text"],
                 ["--dest=x..y", "/", "a.B.C"], ["--dest=org.example.Mirror", "nopath", "a.B.C"],
                 ["--dest=org.example.Mirror", "/", "NoInterface"], ["--reply-timeout=500", "--dest=org.example.Hole", "/", "a.B.C"]):
        run("dbus-send", "--session", "--print-reply", *args)
    case("dbus-send: there and back, each type")
    for value in ALL_TYPES:
        if not value.startswith(("array", "dict", "variant")):
            run("dbus-send", "--session", "--print-reply", "--dest=org.example.Mirror", "/", "org.example.Mirror.Same", f"variant:{value}")
    run("dbus-send", "--session", "--print-reply=literal", "--dest=org.example.Mirror", "/", "org.example.Mirror.Letters", "uint32:60000")
    run("dbus-send", "--session", "--print-reply", "--dest=org.example.Mirror", "/", "org.freedesktop.DBus.Properties.GetAll", "string:")
    run("dbus-send", "--session", "--print-reply", "--dest=org.example.Mirror", "/", "org.freedesktop.DBus.Introspectable.Introspect")
    case("dbus-send: without a reply")
    run("dbus-send", "--session", "--dest=org.example.Mirror", "/", "org.example.Mirror.Emit", "string:x", "uint32:1")
    run("dbus-send", "--session", "--type=signal", "/x", "a.B.C", "string:nobody hears it")
    case("dbus-send: twenty at once")
    many = [subprocess.Popen(["dbus-send", "--session", "--print-reply=literal", "--dest=org.example.Mirror", "/",
                              "org.example.Mirror.Letters", f"uint32:{n}"], stdout=subprocess.PIPE, text=True) for n in range(20)]
    print([len(p.communicate(timeout=PATIENCE)[0].strip()) for p in many])


def signals_of(text, member):
    """The signals of that name in dbus-monitor's output, whole."""
    blocks = re.split(r"^(?=signal |method |error )", text, flags=re.MULTILINE)
    return "".join(b for b in blocks if b.startswith("signal ") and f"member={member}" in b)


def dbus_monitor():
    case("dbus-monitor: a signal of all types, and only what its rule says")
    monitor = Background("dbus-monitor", "--session", "type='signal',interface='org.example.Shown'")
    monitor.wait_for("NameLost")  # it monitors then
    run("dbus-send", "--session", "--type=signal", "/hidden", "org.example.Hidden.Shown", "string:no")
    run("dbus-send", "--session", "--type=signal", "/shown", "org.example.Shown.Shown", *ALL_TYPES)
    run("dbus-send", "--session", "--type=signal", "/shown", "org.example.Shown.Shown", "string:last")
    monitor.wait_for('string "last"')
    show(signals_of(monitor.text(), "Shown"))
    print(f"status {monitor.stop()}")
    case("dbus-monitor: who comes and goes")
    monitor = Background("dbus-monitor", "--session", "type='signal',member='NameOwnerChanged',arg0='org.example.Brief'")
    monitor.wait_for("NameLost")  # it monitors then
    brief = Background("dbus-test-tool", "echo", "--name=org.example.Brief")
    wait_for_name("org.example.Brief")
    brief.stop()
    monitor.wait_for(r'string ":1\.\d+"\n\s+string ""\s*\Z')
    show(signals_of(monitor.text(), "NameOwnerChanged"))
    monitor.stop()


def dbus_test_tool():
    case("dbus-test-tool: spam to echo")
    echo = Background("dbus-test-tool", "echo", "--name=org.example.Echo")
    wait_for_name("org.example.Echo")
    for options in (["--count=500"], ["--count=500", "--queue=50", "--string", "--payload=hello"], ["--count=200", "--bytes"],
                    ["--count=100", "--payload=" + "x" * 50000], ["--count=100", "--no-reply"], ["--count=50", "--empty"],
                    ["--count=20", "--messages-per-conn=5"], ["--count=300", "--flood"]):
        run("dbus-test-tool", "spam", "--session", "--dest=org.example.Echo", *options)
    run("dbus-test-tool", "spam", "--session", "--dest=org.example.Nobody", "--count=5", "--ignore-errors")
    print(f"status {echo.stop()}")
    case("dbus-test-tool: black-hole")
    run("dbus-send", "--session", "--print-reply", "--reply-timeout=1000", "--dest=org.example.Hole", "/", "a.B.C")
    hole = Background("dbus-test-tool", "black-hole", "--name=org.example.Hole2", "--no-read")
    wait_for_name("org.example.Hole2")
    monitor = Background("dbus-monitor", "--session", "destination='org.example.Hole2'")
    monitor.wait_for("NameLost")
    call = Background("dbus-send", "--session", "--print-reply", "--dest=org.example.Hole2", "/", "a.B.C")
    monitor.wait_for("member=C")  # the call waits in the hole then
    hole.stop(signal.SIGKILL)
    call.wait_for("NoReply")
    show(call.text())
    print(f"status {call.ended()}")
    monitor.stop()


def qdbus():
    case("qdbus: names, objects, methods")
    names = subprocess.run([QDBUS], capture_output=True, text=True, timeout=PATIENCE, check=False).stdout
    print(sorted(n.strip() for n in names.split("\n") if n.strip() and not n.startswith(":")))
    run(QDBUS, "org.example.Mirror")
    run(QDBUS, "org.example.Mirror", "/mirror/room")
    run(QDBUS, DBUS, "/org/freedesktop/DBus", f"{DBUS}.NameHasOwner", "org.example.Mirror")
    run(QDBUS, DBUS, "/", f"{DBUS}.GetConnectionUnixUser", "org.example.Mirror")
    case("qdbus: calls and errors")
    run(QDBUS, "org.example.Mirror", "/", "org.example.Mirror.Letters", "5")
    run(QDBUS, "org.example.Mirror", "/", "org.example.Mirror.Fail", "org.example.E", "text")
    run(QDBUS, "org.example.Mirror", "/", "org.example.Mirror.Nothing")
    run(QDBUS, "org.example.Mirror", "/", "org.freedesktop.DBus.Properties.Get", "", "Size")
    run(QDBUS, "--literal", "org.example.Mirror", "/", "org.freedesktop.DBus.Properties.GetAll", "")
    run(QDBUS, "org.example.Nobody", "/")
    run(QDBUS, "org.example.Clock", "/org/example/Clock", "org.example.Clock.Add", "40", "2")


def python_and_perl():
    case("dbus-python: all types, errors, signals, names")
    run("/usr/bin/python3", str(HERE / "visitor.py"))
    case("Net::DBus: client and service")
    run("perl", str(HERE / "watcher.pl"))
    case("Net::DBus service from elsewhere")
    for args in (["Add", "int32:1", "int32:2"], ["Join", "array:string:a,b", "string:+"], ["Count", "dict:string:uint32:a,1"], ["Die"], ["Nothing"]):
        run("dbus-send", "--session", "--print-reply", "--dest=org.example.Clock", "/org/example/Clock", f"org.example.Clock.{args[0]}", *args[1:])
    run("dbus-send", "--session", "--print-reply", "--dest=org.example.Clock", "/org/example/Clock", f"{DBUS}.Introspectable.Introspect")


def main():
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        sys.exit("no DBUS_SESSION_BUS_ADDRESS")
    mirror = Background("/usr/bin/python3", str(HERE / "mirror.py"))
    clock = Background("perl", str(HERE / "clock.pl"))
    hole = Background("dbus-test-tool", "black-hole", "--name=org.example.Hole")
    for name in ("Mirror", "Clock", "Hole"):
        wait_for_name(f"org.example.{name}")
    dbus_send()
    dbus_monitor()
    dbus_test_tool()
    qdbus()
    python_and_perl()
    case("the services at the end")
    for name, service in (("mirror", mirror), ("clock", clock), ("hole", hole)):
        print(f"{name} still runs: {service.process.poll() is None}")
        service.stop()
        show(service.text())


main()
