# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows: daemons of the session bus, and their clients."""
import re
import wave

from box import expect
from row import row


@row("pulseaudio", "pulseaudio's module-dbus-protocol", "its own server, peer to peer: sinks, properties, a volume set")
def pulseaudio(box):
    daemon = box.start("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--system=no",
                       "--disable-shm=yes", "--log-target=stderr", "-L", "module-null-sink sink_name=example",
                       "-L", "module-native-protocol-unix", "-L", "module-dbus-protocol access=local")
    box.wait_name("session", "org.PulseAudio1", daemon)
    lookup = box.get("session", "org.PulseAudio1", "/org/pulseaudio/server_lookup1", "org.PulseAudio.ServerLookup1", "Address")
    address = re.search("'(unix:[^']*)'", lookup)[1]
    core, path = "org.PulseAudio.Core1", "/org/pulseaudio/core1"
    name = box.get(address, None, path, core, "Name")
    sinks = box.get(address, None, path, core, "Sinks")
    sink = re.search("(/org[^']*)'", sinks)[1]
    sink_name = expect("'example'", box.get(address, None, sink, f"{core}.Device", "Name"))
    box.ask(address, None, sink, "org.freedesktop.DBus.Properties.Set", f"{core}.Device", "Volume", "<[uint32 30000]>")
    volume = expect("30000", box.get(address, None, sink, f"{core}.Device", "Volume"))
    wrong = box.ask(address, None, sink, f"{core}.Device.Nothing", status=1)
    version = box.run("dbus-send", f"--peer={address}", "--print-reply=literal", path, "org.freedesktop.DBus.Properties.Get",
                      f"string:{core}", "string:Version")
    failed = box.run("dbus-send", f"--peer={address}", "--print-reply", sink, "org.freedesktop.DBus.Properties.Get",
                     "string:no.such", "string:Thing", status=1)
    xml = box.ask(address, None, path, "org.freedesktop.DBus.Introspectable.Introspect")
    return "\n".join([name, version, failed, sink_name, volume, wrong, expect("LoadModule", xml)])


@row("at-spi", "at-spi-bus-launcher, at-spi2-registryd", "the accessibility bus, whose dbus-daemon it starts; the registry's root")
def at_spi(box):
    launcher = box.start("/usr/libexec/at-spi-bus-launcher", uses=False)
    box.wait_name("session", "org.a11y.Bus", launcher)
    address = re.search("'(unix:[^']*)'", box.ask("session", "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress"))[1]
    registry = box.start("/usr/libexec/at-spi2-registryd", env={"AT_SPI_BUS_ADDRESS": address})

    def there():
        return "true" in box.ask(address, "org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner",
                                 "org.a11y.atspi.Registry")
    box.until(there, "org.a11y.atspi.Registry")
    name, root = "org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root"
    role = box.ask(address, name, root, "org.a11y.atspi.Accessible.GetRoleName")
    children = box.get(address, name, root, "org.a11y.atspi.Accessible", "ChildCount")
    events = box.ask(address, name, "/org/a11y/atspi/registry", "org.a11y.atspi.Registry.GetRegisteredEvents")
    assert registry.poll() is None
    return "\n".join([role, children, events])


@row("gconf", "gconfd, gconftool-2 (dbus-glib)", "values set and got through a service that the bus starts")
def gconf(box):
    box.activate_with_preload()
    box.run("gconftool-2", "--type", "string", "--set", "/apps/example/text", "grüße")
    box.run("gconftool-2", "--type", "list", "--list-type=int", "--set", "/apps/example/numbers", "[1,2,3]")
    got = box.run("gconftool-2", "--get", "/apps/example/text") + box.run("gconftool-2", "--get", "/apps/example/numbers")
    return expect("grüße.*1,2,3", got) + expect("text = grüße", box.run("gconftool-2", "--all-entries", "/apps/example"))


@row("telepathy-idle", "telepathy-idle (dbus-glib)", "its protocols, a connection made, its properties")
def telepathy_idle(box):
    name = "org.freedesktop.Telepathy.ConnectionManager.idle"
    path = "/org/freedesktop/Telepathy/ConnectionManager/idle"
    daemon = box.start("/usr/lib/telepathy/telepathy-idle")
    box.wait_name("session", name, daemon)
    cm = "org.freedesktop.Telepathy.ConnectionManager"
    protocols = expect("'irc'", box.ask("session", name, path, f"{cm}.ListProtocols"))
    parameters = box.ask("session", name, path, f"{cm}.GetParameters", "irc")
    made = box.ask("session", name, path, f"{cm}.RequestConnection", "irc",
                   "{'account': <'me'>, 'server': <'irc.example.org'>}")
    connection = re.search(r"/org[^']*", made)[0]
    status = box.ask("session", connection[1:].replace("/", "."), connection,
                     "org.freedesktop.Telepathy.Connection.GetStatus")
    return "\n".join([protocols, expect("server", parameters), made, status])


@row("mission-control", "mission-control-5 (telepathy-glib)", "an account added, listed and removed by mc-tool")
def mission_control(box):
    box.activate_with_preload()
    daemon = box.start("/usr/lib/telepathy/mission-control-5")
    box.wait_name("session", "org.freedesktop.Telepathy.AccountManager", daemon)
    added = box.run("mc-tool", "add", "idle/irc", "Example", "string:account=me", "string:server=irc.example.org")
    listed = expect("idle/irc", box.run("mc-tool", "list"))
    shown = expect("Example", box.run("mc-tool", "show", listed.strip().splitlines()[0]))
    return "\n".join([added, listed, shown])


@row("obexd", "obexd", "its client and agent managers, an error")
def obexd(box):
    daemon = box.start("/usr/libexec/bluetooth/obexd", "-n")
    box.wait_name("session", "org.bluez.obex", daemon)
    managed = box.ask("session", "org.bluez.obex", "/", "org.freedesktop.DBus.ObjectManager.GetManagedObjects", status=None)
    xml = box.ask("session", "org.bluez.obex", "/org/bluez/obex", "org.freedesktop.DBus.Introspectable.Introspect")
    error = box.ask("session", "org.bluez.obex", "/org/bluez/obex", "org.bluez.obex.AgentManager1.UnregisterAgent", "/x", status=1)
    return "\n".join([managed, expect("AgentManager1", xml), error])


@row("jackdbus", "jackdbus, jack_control", "its drivers and parameters, one set, its server started and stopped")
def jackdbus(box):
    daemon = box.start("jackdbus", "auto")
    box.wait_name("session", "org.jackaudio.service", daemon)
    drivers = expect("dummy", box.run("jack_control", "dl"))
    box.run("jack_control", "eps", "realtime", "False")
    box.run("jack_control", "ds", "dummy")
    selected = expect("dummy", box.run("jack_control", "dg"))
    parameters = box.run("jack_control", "dp")
    started = box.run("jack_control", "start")
    status = expect("started", box.run("jack_control", "status"))
    stopped = box.run("jack_control", "stop")
    return "\n".join([drivers, selected, parameters, started, status, stopped])


@row("fcitx", "fcitx", "its input methods; an input context made")
def fcitx(box):
    daemon = box.start("fcitx", "-D", "--disable", "fcitx-x11,fcitx-classic-ui,fcitx-kimpanel-ui,fcitx-xim,fcitx-notificationitem",
                       env={"DISPLAY": ":7"})
    box.wait_name("session", "org.fcitx.Fcitx", daemon)
    methods = box.get("session", "org.fcitx.Fcitx", "/inputmethod", "org.fcitx.Fcitx.InputMethod", "IMList")
    made = box.ask("session", "org.fcitx.Fcitx", "/inputmethod", "org.fcitx.Fcitx.InputMethod.CreateICv3", "example", "1")
    return "\n".join([methods, made])


@row("signond", "signond (QtDBus)", "its methods and mechanisms; an error")
def signond(box):
    name, path = "com.google.code.AccountsSSO.SingleSignOn", "/com/google/code/AccountsSSO/SingleSignOn"
    daemon = box.start("signond")
    box.wait_name("session", name, daemon)
    methods = box.ask("session", name, path, f"{name}.AuthService.queryMethods")
    identities = box.ask("session", name, path, f"{name}.AuthService.queryIdentities", "{}", "example", status=None)
    xml = box.ask("session", name, path, "org.freedesktop.DBus.Introspectable.Introspect")
    return "\n".join([methods, identities, expect("queryMethods", xml)])


@row("vlc", "cvlc, by dbus-launch with its dbus-daemon", "MPRIS: a sound opened, played and paused; a property set; an error")
def vlc(box):
    with wave.open("/tmp/sound.wav", "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", None))
        sound.writeframes(bytes(2 * 8000 * 600))
    # Not root, which VLC refuses to be; so on a bus of its own. dbus-launch becomes VLC.
    nobody = 65534
    player = box.start("dbus-launch", "cvlc", "--no-video", "--aout=dummy", "--control=dbus", user=nobody,
                       env={"HOME": "/tmp", "XDG_RUNTIME_DIR": "/tmp/nobody", "DBUS_SESSION_BUS_ADDRESS": ""})

    def address():
        with open(f"/proc/{player.pid}/environ", encoding="utf-8", errors="replace") as environment:
            return re.search(r"\0DBUS_SESSION_BUS_ADDRESS=(unix:[^\0]*)", environment.read())
    bus = box.until(address, "dbus-launch's bus")[1]
    name, path, interface = "org.mpris.MediaPlayer2.vlc", "/org/mpris/MediaPlayer2", "org.mpris.MediaPlayer2.Player"

    def ask(method, *args, status=0):
        return box.ask(bus, name, path, method, *args, status=status, user=nobody)

    def get(prop, of=interface):
        return ask("org.freedesktop.DBus.Properties.Get", of, prop)

    def until(prop, wanted):
        return box.until(lambda: wanted in get(prop) and wanted, f"{prop} {wanted}")
    box.until(lambda: "true" in box.ask(bus, "org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner", name,
                                        user=nobody), name)
    answers = [get("Identity", "org.mpris.MediaPlayer2"), until("PlaybackStatus", "Stopped")]
    ask(f"{interface}.OpenUri", "file:///tmp/sound.wav")
    answers.append(until("PlaybackStatus", "Playing"))
    ask(f"{interface}.Pause")
    answers.append(until("PlaybackStatus", "Paused"))
    answers.append(re.search(r"'mpris:length': <int64 \d+>", expect("file:///tmp/sound.wav", get("Metadata")))[0])
    ask("org.freedesktop.DBus.Properties.Set", interface, "LoopStatus", "<'Playlist'>")
    answers.append(until("LoopStatus", "Playlist"))
    answers.append(ask(f"{interface}.Nothing", status=1))
    return "\n".join(answers)
