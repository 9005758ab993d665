# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a row of the table has at hand inside the sandbox: two private buses, programs with or without the
preload, questions, and the proof of which library a process uses."""
import os
import pathlib
import re
import subprocess
import threading
import time

import witness_log

OURS_DIR = "/opt/dbus-genl"
APPS = "/opt/apps"
SESSION = "unix:path=/run/session_bus"
SYSTEM = "unix:path=/run/dbus/system_bus_socket"
PATIENCE = 60
# Built on libdbus's private structures: ours hands it over to the installed one (shim/api/private_programs.cpp).
STOCK_ONLY = "/usr/bin/dbus-daemon"


class Wrong(Exception):
    """The program did not do what is expected of it."""


def normal(text):
    """Without what differs from run to run."""
    text = re.sub(r":1\.\d+", ":1.N", text)
    text = re.sub(r"\b[0-9a-f]{32}\b", "<id>", text)
    text = re.sub(r"0x[0-9a-f]{8,}", "<pointer>", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def expect(pattern, text):
    """The text, which must match."""
    if not re.search(pattern, text, re.MULTILINE | re.DOTALL):
        raise Wrong(f"no {pattern!r} in: {text[-1500:]}")
    return text


def _copy(master, log):
    """What a terminal shows, into a file."""
    try:
        while data := os.read(master, 65536):
            log.write(data.decode(errors="replace"))
            log.flush()
    except OSError:  # nobody has the other side any more
        pass


class Box:
    def __init__(self, ours):
        self.ours = ours
        self.log = pathlib.Path("/tmp/witness")
        self.started = []
        self.checked = {}
        self.plain = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=SESSION, DBUS_SYSTEM_BUS_ADDRESS=SYSTEM, TERM="dumb")
        self.env = dict(self.plain, LD_PRELOAD=f"{OURS_DIR}/libdbus-1.so.3") if ours else self.plain
        os.makedirs(os.environ["XDG_RUNTIME_DIR"], mode=0o700, exist_ok=True)
        self.log.touch()
        self.buses = [self._bus("--session", f"--address={SESSION}"),
                      self._bus(f"--config-file={APPS}/over/system.conf")]
        for path in ("/run/session_bus", "/run/dbus/system_bus_socket"):
            self.until(lambda path=path: os.path.exists(path), path)

    def _bus(self, *options):
        return subprocess.Popen(["dbus-daemon", "--nofork", "--nopidfile", *options], env=self.plain,
                                stdin=subprocess.DEVNULL, stderr=open("/tmp/bus.log", "a", encoding="utf-8"))

    def activate_with_preload(self):
        """What the session bus starts from now on has the preload too."""
        if self.ours:
            self.ask("session", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                     "org.freedesktop.DBus.UpdateActivationEnvironment",
                     "{'LD_PRELOAD': '%s'}" % self.env["LD_PRELOAD"])

    # --- programs ------------------------------------------------------------------------------------------

    def run(self, *command, status=0, text="", timeout=PATIENCE, both=True):
        """A program that ends by itself: what it printed. The witness notes what it had mapped."""
        log = self.log.with_name(f"witness.{len(self.checked)}")
        self.checked[log] = command[0]
        result = subprocess.run(["/usr/bin/python3", "-ISBE", f"{APPS}/over/witness.py", log, "env",
                                 *[f"{k}={v}" for k, v in self.env.items() if k == "LD_PRELOAD"], *command],
                                env=self.plain, input=text, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT if both else None, text=True, errors="replace",
                                timeout=timeout, check=False)
        if status is not None and result.returncode != status:
            raise Wrong(f"{' '.join(map(str, command))}: status {result.returncode}: {result.stdout[-1500:]}")
        return result.stdout

    def start(self, *command, env=None, uses=True, terminal=False, user=None):
        """A program that stays. uses: it is built on libdbus (what it starts may be, if it isn't). terminal: it
        gets one, with a method to type a line. user: a number, for one that won't be root."""
        log = open(f"/tmp/started.{len(self.started)}", "w+", encoding="utf-8", errors="replace")
        master, slave = os.openpty() if terminal else (None, subprocess.DEVNULL)
        process = subprocess.Popen(command, env={**self.env, **(env or {})}, stdin=slave, stdout=slave if terminal else log,
                                   stderr=subprocess.STDOUT, user=user, group=user, extra_groups=None if user is None else [])
        if terminal:
            os.close(slave)
            threading.Thread(target=_copy, args=(master, log), daemon=True).start()
            process.type = lambda line: os.write(master, line.encode() + b"\n")
        process.log = log.name
        process.what = command[0]
        process.uses = uses
        self.started.append(process)
        return process

    def printed(self, process):
        text = pathlib.Path(process.log).read_text(encoding="utf-8", errors="replace")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x01\x02]", "", text)  # without what steers a terminal

    def until(self, what, name, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while not (value := what()):
            if time.monotonic() > end:
                raise Wrong(f"waited in vain for {name}")
            time.sleep(0.03)
        return value

    def wait_printed(self, process, pattern):
        self.until(lambda: re.search(pattern, self.printed(process), re.MULTILINE | re.DOTALL) or process.poll() is not None,
                   f"{pattern} of {process.what}, which printed {self.printed(process)[-1500:]!r}")
        return expect(pattern, self.printed(process))

    # --- questions, asked by GDBus, which has nothing of libdbus ----------------------------------------------

    def ask(self, bus, name, path, method, *args, status=0, user=None):
        """name None: the address is a peer's, not a bus's. user: a number, for a bus that takes only that one."""
        address = {"session": SESSION, "system": SYSTEM}.get(bus, bus)
        if name:
            command = ["gdbus", "call", "--address", address, "--dest", name, "--object-path", path, "--method", method]
        else:
            command = ["/usr/bin/python3", "-B", f"{APPS}/over/ask_peer.py", address, path, method]
        result = subprocess.run([*command, *args], env=self.plain, capture_output=True, text=True, timeout=PATIENCE,
                                check=False, user=user, group=user)
        if status is not None and (result.returncode != 0) != (status != 0):
            raise Wrong(f"{method}: {result.stderr[-800:]}{result.stdout[-800:]}")
        return (result.stdout + result.stderr).strip()

    def get(self, bus, name, path, interface, prop):
        return self.ask(bus, name, path, "org.freedesktop.DBus.Properties.Get", interface, prop)

    def owned(self, bus, name):
        return "true" in self.ask(bus, "org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner", name)

    def wait_name(self, bus, name, process=None):
        def there():
            if process and process.poll() not in (None, 0):
                raise Wrong(f"{process.what} ended, {process.returncode}: {self.printed(process)[-1500:]}")
            return self.owned(bus, name)
        try:
            self.until(there, name)
        except Wrong as e:
            raise Wrong(f"{e}; it printed: {self.printed(process)[-1500:] if process else ''}") from None

    # --- the proof --------------------------------------------------------------------------------------------

    def proof(self):
        """Of every process that this row started which has a libdbus: ours and nothing else, or in the stock run
        stock and nothing else. Returns the programs seen; raises Wrong."""
        seen = {}
        for log, what in self.checked.items():
            ended = witness_log.read(log)
            if not any(files for _, files in ended):
                raise Wrong(f"{what} had no libdbus mapped at its end: {ended}")
            for program, files in ended:
                self._judge(program, files, seen)
        buses = {bus.pid for bus in self.buses}
        living = witness_log.living(buses)
        for process in self.started:
            if process.uses and process.poll() is None and not any(pid == process.pid for pid, *_ in living):
                raise Wrong(f"{process.what} has no libdbus mapped")
        for _, program, files in living:
            self._judge(program, files, seen)
        if not seen:
            raise Wrong("no process had a libdbus mapped")
        for process in self.started:
            # What libdbus says of a call that it refuses, on stderr.
            if "a bug in some application" in (text := self.printed(process)):
                raise Wrong(f"{process.what} was warned: {text[-1500:]}")
        return sorted(seen)

    def _judge(self, program, files, seen):
        if not files:
            return
        right = self.ours and program != STOCK_ONLY
        wrong = [f for f in files if f.startswith(OURS_DIR + "/") != right]
        if wrong:
            raise Wrong(f"{program} has {wrong} mapped in the run with {'our' if self.ours else 'the stock'} library")
        if program != STOCK_ONLY:
            seen[os.path.basename(program)] = True
