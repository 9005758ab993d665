// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * tracing.cpp - each tracepoint fires, with the right fields
 *
 * The events of one bus, from its first peer's coming to its end, read from a
 * tracefs instance of this test's own.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "peer.h"
#include "settle.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr const char* BUS = "tracing";
const std::string ROOT = "/sys/kernel/tracing";
const std::string OWN = ROOT + "/instances/dbus-genl-test";

bool write_file(const std::string& path, const char* text) {
  std::ofstream f(path);
  f << text;
  f.close();
  return !f.fail();
}

// The events of our bus: "dg_send: bus=…", without task, processor and time.
std::vector<std::string> events() {
  std::vector<std::string> out;
  std::ifstream f(OWN + "/trace");
  std::string line;
  while (std::getline(f, line)) {
    size_t at = line.find(": dg_");
    if (at != std::string::npos && line.find(std::string("bus=") + BUS + " ") != std::string::npos)
      out.push_back(line.substr(at + 2));
  }
  return out;
}

void clear() { write_file(OWN + "/trace", ""); }

// Whether there is an event of this name with all these fields.
bool has(const std::vector<std::string>& all, const std::string& event,
         const std::vector<std::string>& fields) {
  for (auto& line : all) {
    if (line.rfind(event + ": ", 0)) continue;
    bool every = true;
    for (auto& f : fields) every &= (line + " ").find(" " + f + " ") != std::string::npos;
    if (every) return true;
  }
  return false;
}

size_t count(const std::vector<std::string>& all, const std::string& event) {
  size_t n = 0;
  for (auto& line : all) n += line.rfind(event + ": ", 0) == 0;
  return n;
}

void check(Tap& tap, bool outcome, const char* what, const std::vector<std::string>& all) {
  if (tap.ok(outcome, "%s", what)) return;
  for (auto& line : all) tap.note("%s", line.c_str());
}

std::string field(const char* name, uint64_t value) { return name + ("=" + std::to_string(value)); }

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  if (access((ROOT + "/instances").c_str(), F_OK) &&
      mount("tracefs", ROOT.c_str(), "tracefs", 0, nullptr))
    tap.bail("no tracefs: %s", std::strerror(errno));
  if (mkdir(OWN.c_str(), 0700) && errno != EEXIST)
    tap.bail("no instance: %s", std::strerror(errno));
  if (!write_file(OWN + "/events/dbus_genl/enable", "1")) tap.bail("no events/dbus_genl");

  Bus bus;
  if (bus.create(BUS).error) tap.bail("no bus");
  Peer a, b;
  b.takes_fds = true;
  a.join(BUS);
  b.join(BUS);
  auto all = events();
  check(tap,
        has(all, "dg_connect",
            {"bus_uid=0", "peer=1", "uid=0", field("pid", static_cast<uint64_t>(getpid()))}) &&
            has(all, "dg_connect", {"peer=2"}) && count(all, "dg_connect") == 2,
        "dg_connect", all);
  check(tap,
        has(all, "dg_send",
            {"peer=1", "id=0", "serial=1", "type=1", "destination=org.freedesktop.DBus",
             "interface=org.freedesktop.DBus", "member=Hello", "body=0", "fds=0"}),
        "dg_send: Hello", all);
  check(tap,
        has(all, "dg_deliver", {"peer=1", field("id", a.id), "sender=0"}) &&
            count(all, "dg_deliver") == 4,
        "dg_deliver: the driver's replies and NameAcquired, twice", all);

  clear();
  Message m = call(b.name(), "/x", "x.Y", "Member", Args().s("text"));
  a.send(m);
  all = events();
  check(tap,
        has(all, "dg_send",
            {"peer=1", field("id", a.id), field("serial", m.serial), "reply_serial=0", "type=1",
             "flags=0x0", "destination=" + b.name(), "interface=x.Y", "member=Member",
             field("body", m.body.size())}) &&
            has(all, "dg_deliver",
                {"peer=2", field("id", b.id), field("sender", a.id), field("serial", m.serial)}) &&
            all.size() == 2,
        "a call: dg_send and dg_deliver, and no more", all);

  clear();
  Message nobody = call("no.body", "/x", "x.Y", "Member");
  a.send(nobody);
  Message bad = call(b.name(), "no path", "x.Y", "Member");
  a.send(bad);
  all = events();
  check(tap,
        has(all, "dg_refuse",
            {"peer=1", field("serial", nobody.serial),
             "error=org.freedesktop.DBus.Error.ServiceUnknown", "errno=0"}),
        "dg_refuse: by error", all);
  check(tap, has(all, "dg_refuse", {"peer=1", field("serial", bad.serial), "error=", "errno=-22"}),
        "dg_refuse: by errno", all);

  clear();
  a.ask("GetNameOwner", Args().s("no.body"));
  Message unaddressed = call("", "/x", "x.Y", "Nonsense");
  a.call(unaddressed);
  all = events();
  check(tap,
        has(all, "dg_refuse", {"peer=1", "error=org.freedesktop.DBus.Error.NameHasNoOwner"}) &&
            has(all, "dg_refuse", {"peer=1", "error=org.freedesktop.DBus.Error.UnknownMethod"}),
        "dg_refuse: a method of the driver, and what has no destination", all);

  // No file may be on its way: who would have got it loses it.
  auto limit = [&](uint16_t which, uint32_t value) {
    Attrs limits;
    limits.u32(which, value);
    return bus.sock.request(
        DBUS_GENL_CMD_LIMITS_SET,
        Attrs().str(DBUS_GENL_BUS_A_NAME, BUS).nested(DBUS_GENL_BUS_A_LIMITS, limits));
  };
  b.ask("AddMatch", Args().s("interface='x.File'"));
  limit(DBUS_GENL_LIMIT_A_MAX_INCOMING_UNIX_FDS, 0);
  clear();
  Message lost = signal("/x", "x.File", "File");
  lost.fds = {0};
  a.send(lost);
  all = events();
  check(tap,
        has(all, "dg_drop",
            {"peer=2", field("id", b.id), field("sender", a.id), field("serial", lost.serial)}) &&
            count(all, "dg_drop") == 1,
        "dg_drop: a signal whose sender has too many files on their way", all);
  limit(DBUS_GENL_LIMIT_A_MAX_INCOMING_UNIX_FDS, 100);
  limit(DBUS_GENL_LIMIT_A_PENDING_FD_TIMEOUT, 100);
  clear();
  Message late = signal("/x", "x.File", "File");
  late.fds = {0, 1};
  a.send(late);
  const bool expired = comes_true([&] {
    return has(events(), "dg_expire",
               {"peer=2", field("id", b.id), field("sender", a.id), field("serial", late.serial),
                "fds=2"});
  });
  check(tap, expired, "dg_expire: files that nobody claims", events());

  // Until the receiver's socket and the queue for broadcasts are full.
  b.ask("AddMatch", Args().s("interface='x.Much'"));
  clear();
  write_file(OWN + "/events/dbus_genl/dg_send/enable", "0");
  write_file(OWN + "/events/dbus_genl/dg_deliver/enable", "0");
  bool queued = false, dropped = false;
  for (int i = 0; i < 4000 && !dropped; ++i) {
    Message much = signal("/x", "x.Much", "Much", Args().s(std::string(60000, 'x')));
    a.send(much);
    if (i % 16) continue;
    all = events();
    queued |= has(all, "dg_queue", {"peer=2", field("id", b.id), field("sender", a.id)});
    dropped |= has(all, "dg_drop", {"peer=2", field("id", b.id), field("sender", a.id)});
    if (!dropped) clear();
  }
  check(tap, queued, "dg_queue: into the overflow queue", {});
  check(tap, dropped, "dg_drop: when that is over quota", {});

  clear();
  uint64_t b_id = b.id;
  b.sock.close();
  bus.close();
  all = events();
  check(tap,
        has(all, "dg_release", {"peer=2", field("id", b_id), "reason=0"}) &&
            has(all, "dg_release",
                {"peer=1", field("id", a.id), field("reason", DBUS_GENL_REASON_BUS_GONE)}),
        "dg_release: its socket was closed, its bus is gone", all);

  clear();
  write_file(OWN + "/events/dbus_genl/enable", "0");
  Bus again;
  again.create(BUS);
  Peer c;
  c.join(BUS);
  check(tap, events().empty(), "nothing when they are off", events());
  c.sock.close();
  again.close();
  tap.ok(!rmdir(OWN.c_str()), "the instance is removed");
  return tap.finish();
}
