#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""show.py - what ./tools/demo shows: unmodified programs on a bus in the kernel

Runs on a bus that dbus-genl-run has made (`run` beside it starts it so), and
prints each step as a line of what was done and the real output below it.  A step
whose output isn't what it must be ends the show with exit status 1.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
NAME = "org.example.Inventory"
PATH = "/org/example/Inventory"
QDBUS = "/usr/lib/qt5/bin/qdbus"
# Code in an emulated guest runs up to 25 times slower than on a real machine.
PATIENCE = 120

programs = []
most_daemons = 0


def daemons():
    """Bus daemons that run now, of any kind."""
    found = []
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            name = comm.read_text().strip()
        except OSError:
            continue
        if name in ("dbus-daemon", "dbus-broker", "dbus-broker-lau"):
            found.append(name)
    return found


class Failed(Exception):
    pass


def say(text):
    print(text, flush=True)


def step(text):
    global most_daemons
    most_daemons = max(most_daemons, len(daemons()))
    say(f"\n* {text}")


def output(text):
    for line in text.rstrip("\n").split("\n"):
        say(f"    {line}")


def expect(text, *patterns):
    for pattern in patterns:
        if not re.search(pattern, text, re.MULTILINE | re.DOTALL):
            raise Failed(f"the output has no match for {pattern!r}")


def shown(command):
    return " ".join(arg if re.fullmatch(r"[\w./:=,@%+-]+", arg) else f'"{arg}"' for arg in map(str, command))


def run(program, *command, ok=(0,)):
    """Runs a program to its end and shows its output, which it returns."""
    if program not in programs:
        programs.append(program)
    say(f"  $ {shown(command)}")
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, timeout=PATIENCE, check=False)
    if result.stdout:
        output(result.stdout)
    if result.returncode not in ok:
        raise Failed(f"exit status {result.returncode}")
    return result.stdout


class Background:
    """A program that stays; what it prints is collected, and shown when wanted."""

    def __init__(self, program, *command):
        if program not in programs:
            programs.append(program)
        say(f"  $ {shown(command)} &")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.text = ""
        self._all_read = False
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.text += line
                self._changed.notify_all()
        with self._changed:
            self._all_read = True
            self._changed.notify_all()

    def wait_for(self, pattern):
        """What it has printed, once that matches."""
        end = time.monotonic() + PATIENCE
        with self._changed:
            while not re.search(pattern, self.text, re.MULTILINE | re.DOTALL):
                # Not "has it ended": what it printed as its last may be in the pipe still.
                if self._all_read or not self._changed.wait(max(0.0, end - time.monotonic())):
                    raise Failed(f"no match for {pattern!r} (status {self.process.poll()}) in:\n{self.text}")
            return self.text

    def uses_our_library(self):
        """The libdbus that the process has mapped: ours, and no other."""
        maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()
        libraries = sorted(set(re.findall(r"\S*/libdbus-1\.so\S*", maps)))
        ours = os.path.realpath(os.environ["LD_PRELOAD"].split(":")[-1].split(" ")[-1])
        if [os.path.realpath(path) for path in libraries] != [ours]:
            raise Failed(f"maps {libraries}, not {ours} alone")
        return libraries[0]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE)


def has_owner(name):
    return run("dbus-send", "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus",
               "/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner", f"string:{name}")


def wait_for_name(name):
    for _ in range(PATIENCE * 4):
        if "true" in subprocess.run(["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/",
                                     "org.freedesktop.DBus.NameHasOwner", f"string:{name}"], capture_output=True,
                                    text=True, timeout=PATIENCE, check=False).stdout:
            return
        time.sleep(0.25)
    raise Failed(f"nobody takes {name}")


def services():
    step(f"a dbus-python service on a GLib main loop takes the name {NAME}")
    service = Background("python3-dbus service", "/usr/bin/python3", str(HERE / "service.py"))
    output(service.wait_for(f"owns {NAME}"))
    output(f"its libdbus: {service.uses_our_library()}")

    step("dbus-monitor watches its signals, and who owns its name")
    monitor = Background("dbus-monitor", "dbus-monitor", "--session", f"type='signal',interface='{NAME}'",
                         f"type='signal',member='NameOwnerChanged',arg0='{NAME}'")
    # BecomeMonitor takes the name of its own Hello from it: it monitors then.
    monitor.wait_for("NameLost")
    output(f"its libdbus: {monitor.uses_our_library()}")
    return service, monitor


def calls(monitor):
    step("dbus-send calls it with a dict, an array and a variant, and prints the reply")
    text = run("dbus-send", "dbus-send", "--session", "--print-reply", f"--dest={NAME}", PATH, f"{NAME}.Add",
               "dict:string:int32:apples,3,nuts,40", "array:string:red,round", "variant:double:2.5")
    expect(text, r"method return .*sender=:1\.\d+", r'string "apples"\s+int32 3', r'string "nuts"\s+int32 40',
           r'string "RED"\s+string "ROUND"', r'string "note"\s+variant\s+double 2.5', r'string "total"\s+variant\s+uint32 43')

    step("dbus-monitor, on the same bus, has seen the signals that this emitted")
    text = monitor.wait_for(r'member=Added\s+string "apples"\s+int32 3.*member=Added\s+string "nuts"\s+int32 40')
    output(re.search(r"^signal [^\n]*member=Added.*", text, re.MULTILINE | re.DOTALL)[0])

    step("qdbus lists the names, and introspects it")
    text = run("qdbus", QDBUS)
    expect(text, rf"^ ?{re.escape(NAME)}$", r"^:1\.\d+$", r"^org\.freedesktop\.DBus$")
    text = run("qdbus", QDBUS, NAME, PATH)
    expect(text, rf"signal void {NAME}\.Added\(QString item, int count\)", rf"method QVariantMap {NAME}\.Add\(.*\)",
           rf"method int {NAME}\.Count\(QString item\)")

    step("Perl's Net::DBus calls it")
    text = run("Net::DBus", "perl", str(HERE / "client.pl"))
    expect(text, r"^Add: total 45, pears 2, tags FROM PERL, note a note$", r"^Count of pears: 2$",
           rf"^Count of diamonds: {NAME}\.Error\.NoSuchItem: no diamonds here$")

    step("a dbus-python client calls it, and receives its signal")
    text = run("python3-dbus client", "/usr/bin/python3", str(HERE / "client.py"))
    expect(text, r"^Add: total 49, plums 4, tags \['RIPE'\], note 0\.5$", r"^Count: .*NoSuchItem: no diamonds here$",
           r"^signal Added\(plums, 4\) from the service$")


def bulk(counts):
    step("dbus-test-tool echo and spam push 2,000 messages through")
    echo = Background("dbus-test-tool echo", "dbus-test-tool", "echo", "--name=org.example.Echo")
    wait_for_name("org.example.Echo")
    output(f"its libdbus: {echo.uses_our_library()}")
    before = counts("routed")
    start = time.monotonic()
    run("dbus-test-tool spam", "dbus-test-tool", "spam", "--dest=org.example.Echo", "--count=2000", "--queue=32",
        "--string", "--payload=hello")
    seconds = time.monotonic() - start
    routed = counts("routed") - before
    output(f"{routed} messages through the kernel in {seconds:.1f} s: calls, and their replies")
    # 2,000 calls, 2,000 replies, and what connecting takes.
    if not 4000 <= routed <= 4100:
        raise Failed(f"{routed} messages, not some 4,000")
    echo.stop()


def death(service, monitor):
    step("the service is killed with SIGKILL while a call waits in it: the caller has NoReply at once")
    with tempfile.TemporaryDirectory() as directory:
        stamp = pathlib.Path(directory) / "killed"
        caller = Background("python3-dbus caller", "/usr/bin/python3", str(HERE / "caller.py"), str(stamp))
        service.wait_for("a call waits")
        time.sleep(1)
        if caller.process.poll() is not None:
            raise Failed(f"the caller didn't wait: {caller.text}")
        say(f"  $ kill -KILL {service.process.pid}")
        stamp.write_text(str(time.monotonic()))
        service.process.send_signal(signal.SIGKILL)
        text = caller.wait_for(r"milliseconds after the kill: \d+")
        output(text)
        expect(text, r"org\.freedesktop\.DBus\.Error\.NoReply: Message recipient disconnected from message bus")
        # Python's own part, in an emulated guest, is most of it; by its time-out it would have been a minute.
        if int(re.search(r"kill: (\d+)", text)[1]) > 30000:
            raise Failed("that isn't at once")
        caller.stop()
    service.process.wait(PATIENCE)

    step("NameOwnerChanged follows")
    text = monitor.wait_for(rf'member=NameOwnerChanged\s+string "{NAME}"\s+string ":1\.\d+"\s+string ""')
    output(re.search(r"^signal [^\n]*member=NameOwnerChanged.*", text, re.MULTILINE | re.DOTALL)[0])

    step("and the name is free")
    expect(has_owner(NAME), r"boolean false")
    text = run("dbus-send", "dbus-send", "--session", "--print-reply", f"--dest={NAME}", PATH, f"{NAME}.Count",
               "string:apples", ok=(1,))
    expect(text, rf"ServiceUnknown: The name {NAME} was not provided by any \.service files")


def main():
    stats = sys.argv[1]

    def counts(name):
        text = subprocess.run([stats, name], capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
        return int(text.split("=")[1])

    failure = None
    service = monitor = None
    try:
        service, monitor = services()
        calls(monitor)
        bulk(counts)
        death(service, monitor)
    except (Failed, subprocess.TimeoutExpired) as e:
        failure = str(e)
        say(f"  FAILED: {failure}")
        for process in (service, monitor):
            if process:
                output(f"it printed: {process.text}")
    for process in (monitor, service):
        if process:
            process.stop()
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        json.dump({"programs": programs, "daemons": max(most_daemons, len(daemons())), "failure": failure}, f)
    return 1 if failure else 0


sys.exit(main())
