# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows: daemons of the network, in a network of their own, and their clients."""
import re

from box import expect
from row import row


@row("avahi", "avahi-daemon, avahi-browse", "a service that avahi-publish offers, browsed and resolved")
def avahi(box):
    daemon = box.start("avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits", "--debug")
    box.wait_name("system", "org.freedesktop.Avahi", daemon)
    publish = box.start("avahi-publish", "-s", "An example", "_http._tcp", "8080", "colour=blue")
    box.wait_printed(publish, "Established under name")
    text = box.run("avahi-browse", "--terminate", "--resolve", "--parsable", "--no-db-lookup", "_http._tcp")
    expect(r"^=;[^;]*;IPv4;An\\032example;_http._tcp;local;apps.local;[^;]*;8080;\"colour=blue\"", text)
    version = box.ask("system", "org.freedesktop.Avahi", "/", "org.freedesktop.Avahi.Server.GetVersionString")
    found = sorted(set(re.sub(r";(cable0|lo);|;\d[\d.]*;|;[0-9a-f]*:[0-9a-f:]*;", ";*;", line)
                       for line in text.splitlines() if line.startswith("=") and "IPv4" in line))
    return "\n".join([version, *found])


@row("wpa_supplicant", "wpa_supplicant -u", "its fi.w1.wpa_supplicant1: an interface made on the wired driver, its state")
def wpa_supplicant(box):
    name, path = "fi.w1.wpa_supplicant1", "/fi/w1/wpa_supplicant1"
    daemon = box.start("wpa_supplicant", "-u", "-s")
    box.wait_name("system", name, daemon)
    eap = box.get("system", name, path, name, "EapMethods")
    created = expect("/fi/w1/wpa_supplicant1/Interfaces/0", box.ask(
        "system", name, path, f"{name}.CreateInterface", "{'Ifname': <'cable1'>, 'Driver': <'wired'>}"))
    interface = path + "/Interfaces/0"
    network = box.ask("system", name, interface, f"{name}.Interface.AddNetwork",
                      "{'key_mgmt': <'IEEE8021X'>, 'eap': <'MD5'>, 'identity': <'me'>, 'password': <'secret'>}")
    driver = box.get("system", name, interface, f"{name}.Interface", "Driver")
    properties = box.get("system", name, interface + "/Networks/0", f"{name}.Network", "Properties")
    unknown = box.ask("system", name, path, f"{name}.GetInterface", "nothing", status=1)
    removed = box.ask("system", name, path, f"{name}.RemoveInterface", interface)
    return "\n".join([expect("PEAP", eap), created, network, driver, expect("IEEE8021X", properties), unknown, removed])


@row("connman", "connmand, connmanctl", "state and technologies, its property set and seen changed")
def connman(box):
    daemon = box.start("connmand", "-n", "--nodnsproxy", "--nobacktrace", "-I", "cable1")
    box.wait_name("system", "net.connman", daemon)
    state = expect(r"State = \w+", box.run("connmanctl", "state"))
    technologies = expect("/net/connman/technology/ethernet", box.run("connmanctl", "technologies"))
    box.run("connmanctl", "enable", "offline")
    changed = expect("OfflineMode = True", box.run("connmanctl", "state"))
    asked = box.ask("system", "net.connman", "/", "net.connman.Manager.GetProperties")
    services = box.run("connmanctl", "services")
    stable = [line for line in (state + technologies + changed).splitlines() if "State" not in line and "Connected" not in line]
    return "\n".join([*stable, expect("'OfflineMode': <true>", asked) and "offline", str("Wired" in services)])


@row("connman-vpnd", "connman-vpnd", "a VPN connection made, listed and removed")
def connman_vpnd(box):
    name = "net.connman.vpn"
    daemon = box.start("connman-vpnd", "-n")
    box.wait_name("system", name, daemon)
    empty = box.ask("system", name, "/", f"{name}.Manager.GetConnections")
    made = box.ask("system", name, "/", f"{name}.Manager.Create",
                   "{'Type': <'openvpn'>, 'Name': <'example'>, 'Host': <'192.0.2.9'>, 'Domain': <'example.org'>}")
    path = re.search("'(/net/connman/vpn/connection/[^']*)'", made)[1]
    listed = expect("'Host': <'192.0.2.9'>", box.ask("system", name, "/", f"{name}.Manager.GetConnections"))
    wrong = box.ask("system", name, "/", f"{name}.Manager.Remove", "/nothing", status=1)
    box.ask("system", name, "/", f"{name}.Manager.Remove", path)
    left = expect(r"\[\]", box.ask("system", name, "/", f"{name}.Manager.GetConnections"))
    return "\n".join([empty, made, listed, wrong, left])


@row("dnsmasq", "dnsmasq --enable-dbus", "its version, servers set and its statistics, having forked and dropped root")
def dnsmasq(box):
    name, path = "uk.org.thekelleys.dnsmasq", "/uk/org/thekelleys/dnsmasq"
    # Connects, then forks and becomes another user; the parent ends.
    box.run("dnsmasq", "--enable-dbus", "--no-resolv", "--port=5353", "--bind-interfaces", "--listen-address=127.0.0.1",
            "--log-facility=/tmp/dnsmasq.log", "--pid-file=/tmp/dnsmasq.pid", "--user=nobody", "--conf-file=/dev/null")
    box.wait_name("system", name)
    version = expect(r"\d\.\d", box.ask("system", name, path, f"{name}.GetVersion"))
    box.ask("system", name, path, f"{name}.SetDomainServers", "['192.0.2.7#5300', '/example.org/192.0.2.8']")
    box.ask("system", name, path, f"{name}.ClearCache")
    metrics = box.ask("system", name, path, f"{name}.GetMetrics")
    expect("dns_cache_inserted", metrics)
    box.until(lambda: "192.0.2.7#5300" in open("/tmp/dnsmasq.log", encoding="utf-8").read(), "the server in dnsmasq's log")
    return "\n".join([version, metrics, box.ask("system", name, path, f"{name}.Nothing", status=1)])
