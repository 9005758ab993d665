// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * activation.cpp - ACTIVATABLE_SET, ACTIVATE, RELOAD, ENVIRONMENT: the contract with a controller
 *
 * What dbus-daemon does likewise is compared in compat-tests/conformance; here is what only the
 * kernel has: the controller's requests, what becomes of what waits when one of the three dies, and
 * what all this may cost.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "controller.h"
#include "files.h"
#include "settle.h"

using namespace dg::test;

namespace {

constexpr const char* BUS = "activation";
constexpr int TIMEOUT_MS = 20000;
constexpr int SILENCE_MS = 100;
constexpr uint8_t NO_AUTO_START = 2;

const std::string DBUS_ERROR = "org.freedesktop.DBus.Error.";

// A controller of a fresh bus, and peers on it.
struct Lab {
  Tap& tap;
  Controller c;
  Peer a, b, s;

  explicit Lab(Tap& t, const std::vector<std::string>& names = {"t.One", "t.Two"},
               uint32_t flags = 0)
      : tap(t) {
    if (c.create(BUS, flags).error) t.bail("can't make the bus");
    for (Peer* p : {&a, &b, &s}) {
      p->takes_fds = true;
      if (p->join(BUS).empty()) t.bail("can't join the bus");
    }
    if (!names.empty() && c.declare(names).error) t.bail("ACTIVATABLE_SET");
    // However slow the machine is.
    limit(DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT, 0);
  }

  void limit(uint16_t which, uint32_t value) {
    if (c.limit(BUS, which, value).error) tap.bail("LIMITS_SET");
  }
  uint32_t send(Peer& from, Message m) {
    if (from.send(m)) tap.bail("SEND: %s", from.last_extack.c_str());
    return m.serial;
  }
  uint32_t ask(Peer& from, const char* member, const Args& args = Args(), uint8_t flags = 0) {
    Message m = driver_call(member, args);
    m.flags = flags;
    return send(from, m);
  }
  uint32_t start(Peer& from, const char* name) {
    return ask(from, "StartServiceByName", Args().s(name).u(0));
  }
  // Its request for this name, the next one.
  uint64_t asked(uint8_t cmd, const std::string& name = "") {
    auto r = c.next(TIMEOUT_MS);
    const bool right = r && r->cmd == cmd && r->name == name;
    if (!tap.ok(right, "the controller is asked: command %u %s", cmd, name.c_str()) && r)
      tap.note("command %u %s", r->cmd, r->name.c_str());
    return r ? r->id : 0;
  }
  void nothing_asked(const char* what) {
    tap.ok(!c.next(SILENCE_MS), "the controller isn't asked: %s", what);
  }
  void nothing_comes(Peer& p, const char* what) {
    auto m = p.receive(SILENCE_MS);
    tap.ok(!m, "%s: nothing comes%s", what, m ? (" but " + m->member + m->text()).c_str() : "");
  }
  void takes(Peer& p, const char* name) {
    tap.ok(p.ask("RequestName", Args().s(name).u(0)) == "u1", "%s gets an owner", name);
  }
  // The answer to a message: an error, or what a reply has.
  void answered(Peer& p, uint32_t serial, const std::string& wanted, const char* what) {
    std::optional<Message> m;
    do m = p.receive(TIMEOUT_MS);
    while (m && m->type == SIGNAL);
    std::string got = !m                 ? "nothing"
                      : m->type == ERROR ? m->error_name + ": " + m->string_arg()
                                         : m->text();
    const bool right = m && m->reply_serial == serial && got.rfind(wanted, 0) == 0;
    tap.ok(right, "%s: answered with %s", what, wanted.c_str());
    if (!right) tap.note("%s", got.c_str());
  }
  void comes(Peer& p, const std::string& member, const char* what) {
    auto m = p.receive(TIMEOUT_MS);
    tap.ok(m && m->member == member, "%s: %s comes", what, member.c_str());
    if (m && m->member != member) tap.note("%s", m->member.c_str());
  }
  void waiting(uint64_t starts, uint64_t messages, const char* what) {
    Stats now;
    const bool right = comes_true([&] {
      now = stats();
      return now[DBUS_GENL_STATS_A_STARTS] == starts && now[DBUS_GENL_STATS_A_WAITING] == messages;
    });
    tap.ok(right, "%s: starts=%llu waiting=%llu", what, (unsigned long long)starts,
           (unsigned long long)messages);
    if (!right) tap.note("%s", gauges_text(now).c_str());
  }
};

Message to(const char* name, const char* member, const Args& args = Args()) {
  return call(name, "/t", "t.I", member, args);
}

void refused(Tap& tap, const Answer& a, int error, const std::string& what) {
  tap.ok(a.error == -error && !a.extack.empty(), "%s: errno %d, \"%s\"", what.c_str(), -a.error,
         a.extack.c_str());
}

void lists(Tap& tap) {
  Lab l(tap);
  auto names = [&] { return l.a.ask("ListActivatableNames"); };
  const std::string both = "as[\"org.freedesktop.DBus\",\"t.One\",\"t.Two\"]";
  tap.ok(names() == both, "the names are listed");

  using namespace std::string_literals;
  const std::pair<const char*, std::string> bad[] = {
      {"no NUL at the end", "t.One"s},
      {"an empty name", "t.One\0\0"s},
      {"a unique name", ":1.1\0"s},
      {"no name", "t.One\0one\0"s},
      {"the driver's", "org.freedesktop.DBus\0"s},
      {"one twice", "t.One\0t.Two\0t.One\0"s},
      {"not ASCII", "t.\xc3\xa9\0"s},
      {"a name too long", "t." + std::string(254, 'x') + "\0"s}};
  for (bool file : {false, true})
    for (auto& [what, list] : bad)
      refused(tap, l.c.declare_bytes(list, file), EINVAL, what + (file ? " in a file"s : ""s));
  std::string many;
  for (int i = 0; i <= DBUS_GENL_ACTIVATABLE_NAMES_MAX; i++)
    many += "t.N" + std::to_string(i) + '\0';
  refused(tap, l.c.declare_bytes(many, true), EINVAL, "too many names");
  refused(tap, l.c.declare_bytes(std::string(DBUS_GENL_ACTIVATABLE_MAX + 1, 'x'), true), EMSGSIZE,
          "a file that is too long");

  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  auto set = [&](const Attrs& attrs) {
    return l.c.sock().request(DBUS_GENL_CMD_ACTIVATABLE_SET, attrs);
  };
  refused(tap, set(Attrs()), EINVAL, "neither attribute");
  refused(
      tap,
      set(Attrs().str(DBUS_GENL_BUS_A_ACTIVATABLE, "t.X").u32(DBUS_GENL_BUS_A_ACTIVATABLE_FD, 0)),
      EINVAL, "both attributes");
  refused(tap, set(Attrs().u32(DBUS_GENL_BUS_A_ACTIVATABLE_FD, 12345)), EBADF, "no open fd");
  refused(tap, set(Attrs().u32(DBUS_GENL_BUS_A_ACTIVATABLE_FD, static_cast<uint32_t>(null))),
          EINVAL, "an fd of no memfd");
  refused(tap, set(Attrs().str(DBUS_GENL_BUS_A_ACTIVATABLE, "t.X").str(DBUS_GENL_BUS_A_NAME, BUS)),
          EINVAL, "with another attribute");
  ::close(null);
  refused(tap,
          l.a.sock.request(DBUS_GENL_CMD_ACTIVATABLE_SET,
                           Attrs().str(DBUS_GENL_BUS_A_ACTIVATABLE, "t.X")),
          EPERM, "by a peer");
  GenlSocket other;
  other.open();
  refused(
      tap,
      other.request(DBUS_GENL_CMD_ACTIVATABLE_SET, Attrs().str(DBUS_GENL_BUS_A_ACTIVATABLE, "t.X")),
      EPERM, "by another socket");
  tap.ok(names() == both, "the names are what they were");
  l.nothing_comes(l.b, "of what was refused");

  l.b.ask("AddMatch", Args().s("member='ActivatableServicesChanged'"));
  tap.ok(!l.c.declare({"t.Three"}, true).error &&
             names() == "as[\"org.freedesktop.DBus\",\"t.Three\"]",
         "a file's names replace them");
  l.comes(l.b, "ActivatableServicesChanged", "a list that is replaced");
  tap.ok(!l.c.declare({}).error && names() == "as[\"org.freedesktop.DBus\"]", "none");
  std::vector<std::string> most;
  for (int i = 0; i < DBUS_GENL_ACTIVATABLE_NAMES_MAX; i++)
    most.push_back("t.N" + std::to_string(i));
  tap.ok(!l.c.declare(most, true).error, "as many as there can be");
  l.send(l.a, to("t.N16383", "M"));
  l.asked(DBUS_GENL_CMD_ACTIVATE, "t.N16383");
}

void answers(Tap& tap) {
  Lab l(tap);
  const uint32_t serial = l.send(l.a, to("t.One", "M"));
  const uint64_t id = l.asked(DBUS_GENL_CMD_ACTIVATE, "t.One");
  auto answer = [&](const Attrs& attrs) {
    return l.c.sock().request(DBUS_GENL_CMD_ACTIVATE, attrs);
  };
  auto attrs = [&](std::string_view name, std::string_view text) {
    return Attrs()
        .u64(DBUS_GENL_ACTIVATE_A_ID, id)
        .str(DBUS_GENL_ACTIVATE_A_ERROR_NAME, name)
        .str(DBUS_GENL_ACTIVATE_A_ERROR_TEXT, text);
  };
  refused(tap, answer(Attrs()), EINVAL, "no id");
  refused(tap, answer(Attrs().u64(DBUS_GENL_ACTIVATE_A_ID, id)), EINVAL, "no error");
  refused(tap, l.c.answer(DBUS_GENL_CMD_ACTIVATE, id + 1, "x.Y", "z"), ENOENT, "another id");
  refused(tap, l.c.answer(DBUS_GENL_CMD_RELOAD, id), ENOENT, "RELOAD with the id of ACTIVATE");
  refused(tap, l.c.answer(DBUS_GENL_CMD_ENVIRONMENT, id, "x.Y", "z"), ENOENT,
          "ENVIRONMENT likewise");
  refused(
      tap,
      answer(Attrs().u64(DBUS_GENL_ACTIVATE_A_ID, id).str(DBUS_GENL_ACTIVATE_A_ERROR_NAME, "x.Y")),
      EINVAL, "no text");
  refused(
      tap,
      answer(Attrs().u64(DBUS_GENL_ACTIVATE_A_ID, id).str(DBUS_GENL_ACTIVATE_A_ERROR_TEXT, "z")),
      EINVAL, "no name");
  for (const char* name : {"", "x", "x..y", "x.y-z", "x.\xc3\xa9"})
    refused(tap, answer(attrs(name, "z")), EINVAL, std::string("error name ") + name);
  refused(tap, answer(attrs("x.Y", "\xff")), EINVAL, "a text that isn't UTF-8");
  refused(tap, answer(attrs("x.Y", std::string_view("a\0b", 3))), EINVAL, "a NUL in the text");
  refused(tap, answer(attrs(std::string_view("x.Y\0.Z", 6), "z")), EINVAL, "a NUL in the name");
  refused(tap, answer(attrs("x.Y", std::string(DBUS_GENL_ERROR_TEXT_MAX + 1, 'x'))), EINVAL,
          "a long text");
  refused(tap, answer(attrs("x.Y", "z").str(DBUS_GENL_ACTIVATE_A_NAME, "t.One")), EINVAL,
          "with a name");
  refused(tap, answer(attrs("x.Y", "z").u64(DBUS_GENL_ACTIVATE_A_ID, id)), EINVAL, "the id twice");
  refused(tap, l.a.sock.request(DBUS_GENL_CMD_ACTIVATE, attrs("x.Y", "z")), EPERM, "by a peer");
  GenlSocket other;
  other.open();
  refused(tap, other.request(DBUS_GENL_CMD_ACTIVATE, attrs("x.Y", "z")), EPERM,
          "by another socket");
  l.waiting(1, 1, "it still waits");
  const std::string longest(DBUS_GENL_ERROR_TEXT_MAX, 'x');
  tap.ok(!l.c.answer(DBUS_GENL_CMD_ACTIVATE, id, "x.Y", longest).error, "an error");
  l.answered(l.a, serial, "x.Y: " + longest, "the message");
  refused(tap, l.c.answer(DBUS_GENL_CMD_ACTIVATE, id, "x.Y", "z"), ENOENT, "once more");
  l.waiting(0, 0, "nothing waits");
}

void waiting(Tap& tap) {
  Lab l(tap);
  Message quiet = to("t.One", "Quiet");
  quiet.flags = NO_REPLY;
  Message note = signal("/t", "t.I", "Note");
  note.destination = "t.One";
  l.send(l.a, to("t.One", "First", Args().s("x")));
  const uint32_t start = l.start(l.b, "t.One");
  l.send(l.b, quiet);
  l.send(l.a, note);
  Message never = to("t.One", "Never");
  never.flags = NO_AUTO_START;
  l.answered(l.a, l.send(l.a, never), DBUS_ERROR + "NameHasNoOwner", "without auto-start");
  l.asked(DBUS_GENL_CMD_ACTIVATE, "t.One");
  l.nothing_asked("once for all");
  const uint32_t two = l.start(l.a, "t.Two");
  const uint64_t second = l.asked(DBUS_GENL_CMD_ACTIVATE, "t.Two");
  l.waiting(2, 5, "all wait");
  l.takes(l.s, "t.One");
  l.comes(l.s, "NameAcquired", "first");
  for (const char* member : {"First", "Quiet", "Note"}) {
    auto m = l.s.receive(TIMEOUT_MS);
    tap.ok(m && m->member == member && m->sender == (m->member == "Quiet" ? l.b.id : l.a.id),
           "%s is delivered", member);
    if (m && m->member == "First") {
      Message reply = reply_to(*m, Args().s("done"));
      l.s.send(reply);
    }
  }
  l.answered(l.b, start, "u1", "StartServiceByName");
  l.answered(l.a, 2, "\"done\"", "the call");
  l.answered(l.b, l.start(l.b, "t.One"), "u2", "StartServiceByName of what runs");
  refused(tap, l.c.answer(DBUS_GENL_CMD_ACTIVATE, second + 1, "x.Y", "z"), ENOENT, "never asked");
  tap.ok(!l.c.answer(DBUS_GENL_CMD_ACTIVATE, second, "x.Y", "z").error, "the other fails");
  l.answered(l.a, two, "x.Y: z", "the other's StartServiceByName");
  l.waiting(0, 0, "nothing waits");

  // Long ones, which the kernel copies to pages; and several in one sendmsg.
  const std::string large(60000, 'l');
  l.send(l.a, to("t.Two", "Large", Args().s(large)));
  Bytes batch;
  for (int i = 0; i < 3; i++) {
    Message m = to("t.Two", "Batch", Args().u(static_cast<uint32_t>(i)));
    m.flags = NO_REPLY;
    m.serial = static_cast<uint32_t>(1000 + i);
    const Bytes one = genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(m), 0, m.serial);
    batch.insert(batch.end(), one.begin(), one.end());
    batch.resize((batch.size() + 3) / 4 * 4);
  }
  tap.ok(l.a.sock.send_bytes(batch) == 0, "three in one sendmsg");
  l.asked(DBUS_GENL_CMD_ACTIVATE, "t.Two");
  l.takes(l.s, "t.Two");
  l.comes(l.s, "NameAcquired", "then");
  auto m = l.s.receive(TIMEOUT_MS);
  tap.ok(m && m->member == "Large" && m->string_arg() == large, "the long one is what it was");
  for (uint32_t i = 0; i < 3; i++) {
    m = l.s.receive(TIMEOUT_MS);
    tap.ok(m && m->member == "Batch" && m->u32_arg() == i, "number %u of the batch", i);
  }
}

void controllers_requests(Tap& tap) {
  Lab l(tap);
  uint32_t serial = l.ask(l.a, "ReloadConfig");
  uint64_t id = l.asked(DBUS_GENL_CMD_RELOAD);
  l.nothing_comes(l.a, "before the controller has answered");
  tap.ok(!l.c.answer(DBUS_GENL_CMD_RELOAD, id).error, "RELOAD is done");
  l.answered(l.a, serial, "", "ReloadConfig");
  serial = l.ask(l.a, "ReloadConfig", Args(), NO_REPLY);
  id = l.asked(DBUS_GENL_CMD_RELOAD);
  tap.ok(!l.c.answer(DBUS_GENL_CMD_RELOAD, id, "x.Y", "bad file").error, "RELOAD fails");
  l.answered(l.a, serial, "x.Y: bad file", "ReloadConfig");

  const Args environment =
      Args().ss({{"A", "1"}, {"", ""}, {"LONG", std::string(3000, 'v')}, {"C=D", "x"}});
  serial = l.ask(l.a, "UpdateActivationEnvironment", environment);
  auto r = l.c.next(TIMEOUT_MS);
  tap.ok(r && r->cmd == DBUS_GENL_CMD_ENVIRONMENT && r->environment.size() == 4 &&
             r->environment[0] == std::pair<std::string, std::string>("A", "1") &&
             r->environment[1] == std::pair<std::string, std::string>("", "") &&
             r->environment[2].second == std::string(3000, 'v') &&
             r->environment[3] == std::pair<std::string, std::string>("C=D", "x"),
         "the environment comes");
  l.nothing_comes(l.a, "before the controller has answered");
  if (r) l.c.answer(*r);
  l.answered(l.a, serial, "", "UpdateActivationEnvironment");
  l.ask(l.a, "UpdateActivationEnvironment", environment, NO_REPLY);
  r = l.c.next(TIMEOUT_MS);
  if (r) l.c.answer(*r);
  l.nothing_comes(l.a, "no reply wanted");
  serial = l.ask(l.a, "UpdateActivationEnvironment", Args().ss({}));
  r = l.c.next(TIMEOUT_MS);
  tap.ok(r && r->environment.empty(), "an empty one");
  if (r) l.c.answer(*r);
  l.answered(l.a, serial, "", "UpdateActivationEnvironment");

  // In the order in which they were asked for.
  l.ask(l.a, "UpdateActivationEnvironment", environment);
  l.start(l.a, "t.One");
  l.ask(l.a, "ReloadConfig");
  uint64_t last = 0;
  for (uint8_t cmd : {DBUS_GENL_CMD_ENVIRONMENT, DBUS_GENL_CMD_ACTIVATE, DBUS_GENL_CMD_RELOAD}) {
    id = l.asked(cmd, cmd == DBUS_GENL_CMD_ACTIVATE ? "t.One" : "");
    tap.ok(id > last, "ids grow");
    last = id;
  }
}

void deaf(Tap& tap) {
  Lab l(tap, {});
  l.answered(l.a, l.send(l.a, to("t.One", "M")), DBUS_ERROR + "ServiceUnknown",
             "a deaf controller");
  l.answered(l.a, l.start(l.a, "t.One"), DBUS_ERROR + "ServiceUnknown", "StartServiceByName");
  l.answered(l.a, l.ask(l.a, "ReloadConfig"), "", "ReloadConfig");
  l.answered(l.a, l.ask(l.a, "UpdateActivationEnvironment", Args().ss({{"A", "b"}})), "",
             "UpdateActivationEnvironment");
  refused(tap, l.c.sock().request(DBUS_GENL_CMD_PULL, Attrs()), ENOTCONN, "PULL");
  l.nothing_asked("it hasn't said that it listens");
}

void timeouts(Tap& tap) {
  Lab l(tap);
  l.limit(DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT, 3000);
  const uint32_t serial = l.send(l.a, to("t.One", "M"));
  const uint32_t start = l.start(l.b, "t.One");
  const uint64_t id = l.asked(DBUS_GENL_CMD_ACTIVATE, "t.One");
  const std::string text = DBUS_ERROR +
                           "TimedOut: Failed to activate service 't.One': timed out "
                           "(service_start_timeout=3000ms)";
  l.answered(l.a, serial, text, "a message");
  l.answered(l.b, start, text, "StartServiceByName");
  refused(tap, l.c.answer(DBUS_GENL_CMD_ACTIVATE, id, "x.Y", "z"), ENOENT,
          "an answer that is late");
  const uint32_t reload = l.ask(l.a, "ReloadConfig");
  l.answered(l.a, reload, DBUS_ERROR + "TimedOut", "ReloadConfig");
  l.asked(DBUS_GENL_CMD_RELOAD);
  l.limit(DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT, 0);
  const uint32_t again = l.send(l.a, to("t.One", "M"));
  tap.ok(l.asked(DBUS_GENL_CMD_ACTIVATE, "t.One") > id, "it is asked for anew");
  l.nothing_comes(l.a, "0 is long");
  l.limit(DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT, 200);
  l.answered(l.a, again, DBUS_ERROR + "TimedOut", "a limit that is lowered holds for what waits");
  l.waiting(0, 0, "nothing waits");
}

void deaths(Tap& tap) {
  {
    Lab l(tap);
    Peer dying;
    dying.join(BUS);
    l.send(dying, to("t.One", "FromDead"));
    l.start(dying, "t.One");
    l.send(l.a, to("t.One", "FromLiving"));
    l.asked(DBUS_GENL_CMD_ACTIVATE, "t.One");
    dying.sock.close();
    l.waiting(1, 1, "who waits dies");
    l.takes(l.s, "t.One");
    l.comes(l.s, "NameAcquired", "then");
    l.comes(l.s, "FromLiving", "the other's");
    l.nothing_comes(l.s, "of the dead");

    Peer alone;
    alone.join(BUS);
    l.send(alone, to("t.Two", "M"));
    l.asked(DBUS_GENL_CMD_ACTIVATE, "t.Two");
    alone.sock.close();
    l.waiting(1, 0, "all who wait die");
    const uint32_t later = l.start(l.a, "t.Two");
    l.nothing_asked("it is being started");
    l.takes(l.b, "t.Two");
    l.answered(l.a, later, "u1", "who came later");
    l.waiting(0, 0, "nothing waits");
  }
  {
    Lab l(tap);
    const uint32_t serial = l.send(l.a, to("t.One", "M"));
    l.takes(l.s, "t.One");
    l.s.sock.close();
    l.answered(l.a, serial, DBUS_ERROR + "NoReply", "the service dies with the call");
  }
  {
    Lab l(tap, {"t.One"}, DBUS_GENL_BUS_PERSISTENT);
    l.b.ask("AddMatch", Args().s("member='ActivatableServicesChanged'"));
    const uint32_t serial = l.send(l.a, to("t.One", "M"));
    const uint32_t reload = l.ask(l.a, "ReloadConfig");
    l.c.bus.close();
    l.answered(l.a, serial, DBUS_ERROR + "Spawn.Failed", "the controller of a persistent bus dies");
    l.answered(l.a, reload, DBUS_ERROR + "Spawn.Failed", "ReloadConfig");
    l.comes(l.b, "ActivatableServicesChanged", "to who listens");
    tap.ok(l.a.ask("ListActivatableNames") == "as[\"org.freedesktop.DBus\"]",
           "nothing can be started");
    l.answered(l.a, l.send(l.a, to("t.One", "M")), DBUS_ERROR + "ServiceUnknown",
               "a message after it");
    l.answered(l.a, l.ask(l.a, "ReloadConfig"), "", "ReloadConfig after it");
    l.waiting(0, 0, "nothing waits");
    Bus destroyer;
    destroyer.sock.open();
    tap.ok(!destroyer.destroy(BUS).error, "the bus is destroyed");
  }
  for (bool destroy : {false, true}) {
    Lab l(tap);
    l.send(l.a, to("t.One", "M"));
    l.start(l.b, "t.Two");
    l.ask(l.b, "ReloadConfig");
    if (destroy)
      tap.ok(!l.a.sock.request(DBUS_GENL_CMD_BUS_DESTROY, Attrs().str(DBUS_GENL_BUS_A_NAME, BUS))
                  .error,
             "the bus is destroyed while messages wait");
    else
      l.c.bus.close();
    tap.ok(comes_true([&] { return !l.a.receive(100) && l.a.disconnected; }), "its peers are told");
    if (destroy) refused(tap, l.c.declare({"t.X"}), EPERM, "ACTIVATABLE_SET after it");
  }
}

void files(Tap& tap) {
  const Stats before = stats();
  Lab l(tap);
  int pipes[2];
  if (::pipe2(pipes, O_CLOEXEC)) tap.bail("pipe");
  Message m = to("t.One", "File");
  m.signature = "h";
  m.body = Bytes(4, 0);
  m.fds = {pipes[1]};
  l.send(l.a, m);
  const int body = ::memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  const Bytes content = Args().s(std::string(200000, 'b')).body();
  if (::write(body, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
      ::fcntl(body, F_ADD_SEALS, SEALS))
    tap.bail("memfd");
  Message large = to("t.One", "Large");
  large.signature = "s";
  large.body_fd = body;
  l.send(l.a, large);
  ::close(body);
  ::close(pipes[1]);
  tap.ok(stats()[DBUS_GENL_STATS_A_UNCLAIMED_FDS] == 2, "files wait");
  l.takes(l.s, "t.One");
  l.comes(l.s, "NameAcquired", "then");
  auto got = l.s.receive(TIMEOUT_MS);
  if (tap.ok(got && got->member == "File" && got->fds.size() == 1,
             "the message with a file comes")) {
    Claim claim = l.s.claim(*got);
    tap.ok(claim.fds.size() == 1 && ::write(claim.fds[0], "x", 1) == 1, "its file works");
    claim.close();
  }
  got = l.s.receive(TIMEOUT_MS);
  if (tap.ok(got && got->member == "Large", "the one with a large body comes")) {
    Claim claim = l.s.claim(*got);
    Bytes read(content.size());
    tap.ok(claim.body_fd >= 0 &&
               ::pread(claim.body_fd, read.data(), read.size(), 0) ==
                   static_cast<ssize_t>(read.size()) &&
               read == content,
           "its body is what it was");
    claim.close();
  }
  char byte;
  ::fcntl(pipes[0], F_SETFL, O_NONBLOCK);
  tap.ok(::read(pipes[0], &byte, 1) == 1 && ::read(pipes[0], &byte, 1) == 0,
         "nobody holds it any more");
  ::close(pipes[0]);

  // A peer's own socket, in a message of its that waits.
  l.limit(DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT, 500);
  {
    Peer cycle;
    cycle.join(BUS);
    Message own = to("t.Two", "Cycle");
    own.signature = "h";
    own.body = Bytes(4, 0);
    own.fds = {cycle.sock.fd()};
    l.send(cycle, own);
  }
  // Itself and the bus's four other things are all that is there.
  tap.ok(comes_true([] { return stats()[DBUS_GENL_STATS_A_UNCLAIMED_FDS] == 0; }),
         "a cycle ends in time");
  for (Peer* p : {&l.a, &l.b, &l.s}) p->sock.close();
  l.c.bus.close();
  nothing_left(tap, before);
}

void limits(Tap& tap) {
  {
    Lab l(tap);
    l.limit(DBUS_GENL_LIMIT_A_MAX_PENDING_SERVICE_STARTS, 3);
    for (int i = 0; i < 2; i++) l.send(l.a, to("t.One", "M"));
    l.start(l.b, "t.One");
    const std::string text =
        DBUS_ERROR +
        "LimitsExceeded: The maximum number of pending activations has been reached, "
        "activation of t.Two failed (max_pending_service_starts=3)";
    l.answered(l.b, l.send(l.b, to("t.Two", "M")), text, "one message too many");
    l.answered(l.b, l.start(l.b, "t.Two"), text, "one StartServiceByName too many");
    l.answered(l.b, l.ask(l.b, "ReloadConfig"), DBUS_ERROR + "LimitsExceeded",
               "one ReloadConfig too many");
    l.asked(DBUS_GENL_CMD_ACTIVATE, "t.One");
    l.nothing_asked("what was refused");
    l.waiting(1, 3, "three wait");
  }
  {
    Lab l(tap);
    l.limit(DBUS_GENL_LIMIT_A_MAX_OUTGOING_BYTES, 30000);
    l.limit(DBUS_GENL_LIMIT_A_MAX_OUTGOING_UNIX_FDS, 2);
    const Args big = Args().s(std::string(8000, 'x'));
    l.send(l.a, to("t.One", "M", big));
    l.send(l.a, to("t.One", "M", big));
    l.answered(l.a, l.send(l.a, to("t.Two", "M", big)), DBUS_ERROR + "LimitsExceeded",
               "too many bytes");
    l.asked(DBUS_GENL_CMD_ACTIVATE, "t.One");
    l.nothing_asked("what was refused");
    l.takes(l.s, "t.One");
    l.send(l.a, to("t.Two", "M", big));
    l.asked(DBUS_GENL_CMD_ACTIVATE, "t.Two");
    Message m = to("t.Two", "F");
    m.fds = {0, 0};
    l.send(l.a, m);
    l.answered(l.a, l.send(l.a, m), DBUS_ERROR + "LimitsExceeded", "too many files");
    tap.ok(stats()[DBUS_GENL_STATS_A_UNCLAIMED_FDS] == 2, "those that were refused aren't held");
    l.takes(l.s, "t.Two");
  }
  // Another user has half.
  Controller c;
  if (c.create("system").error) tap.bail("the system bus");
  Attrs section;
  section.u8(DBUS_GENL_SECTION_A_CONTEXT, DBUS_GENL_CONTEXT_DEFAULT);
  for (uint8_t kind : {DBUS_GENL_RULE_OWN, DBUS_GENL_RULE_SEND, DBUS_GENL_RULE_RECEIVE,
                       DBUS_GENL_RULE_CONNECT_USER})
    section.nested(DBUS_GENL_SECTION_A_RULE,
                   Attrs().u8(DBUS_GENL_RULE_A_KIND, kind).u8(DBUS_GENL_RULE_A_ALLOW, 1));
  const Bytes policy = Attrs().nested(DBUS_GENL_POLICY_A_SECTION, section).bytes();
  tap.ok(!c.sock()
              .request(DBUS_GENL_CMD_POLICY_SET,
                       Attrs().raw(DBUS_GENL_BUS_A_POLICY, policy.data(), policy.size()))
              .error,
         "a policy that admits all");
  c.declare({"t.One"});
  c.limit("system", DBUS_GENL_LIMIT_A_MAX_PENDING_SERVICE_STARTS, 5);
  Peer root, nobody, other;
  const auto join = [&] {
    root.join("system");
    Become user(65534);
    nobody.join("system");
  };
  join();
  Message m = to("t.One", "M");
  for (int i = 0; i < 3; i++) nobody.send(m);
  tap.ok(!nobody.receive(SILENCE_MS), "another user's wait");
  nobody.send(m);
  auto got = nobody.receive(TIMEOUT_MS);
  tap.ok(got && got->error_name == DBUS_ERROR + "LimitsExceeded", "half of them at most");
  {
    Become user(65533);
    other.join("system");
  }
  other.send(m);
  tap.ok(!other.receive(SILENCE_MS), "half of the rest is for the next");
  other.send(m);
  got = other.receive(TIMEOUT_MS);
  tap.ok(got && got->error_name == DBUS_ERROR + "LimitsExceeded", "and no more");
  for (int i = 0; i < 5; i++) root.send(m);
  tap.ok(!root.receive(SILENCE_MS), "root has all the room, whatever others have");
  root.send(m);
  got = root.receive(TIMEOUT_MS);
  tap.ok(got && got->error_name == DBUS_ERROR + "LimitsExceeded", "and no more");
  got = nobody.call(driver_call("UpdateActivationEnvironment", Args().ss({{"A", "b"}})));
  tap.ok(got && got->error_name == DBUS_ERROR + "AccessDenied", "the environment isn't for others");
  // What the controller has been asked for and does still is theirs, gone or not.
  const Message reload = driver_call("ReloadConfig");
  m = reload;
  for (Peer* p : {&root, &nobody, &other}) p->sock.close();
  for (int i = 0; i < 2; i++) {
    Become user(65534);
    Peer passing;
    passing.join("system");
    passing.send(m = reload);
  }
  join();
  nobody.send(m = reload);
  got = nobody.receive(TIMEOUT_MS);
  tap.ok(got && got->error_name == DBUS_ERROR + "LimitsExceeded", "it has half of all starts: %s",
         got ? got->error_name.c_str() : "it waits");
  root.send(m = reload);
  tap.ok(!root.receive(SILENCE_MS), "others may still ask");
  for (int i = 0; i < 4; i++) {
    auto r = c.next(TIMEOUT_MS);
    if (r) c.answer(*r, r->name.empty() ? "" : "t.Failed");
  }
  got = root.receive(TIMEOUT_MS);
  tap.ok(got && got->type == RETURN, "and are answered");
  nobody.send(m = reload);
  tap.ok(!nobody.receive(SILENCE_MS), "what has been answered counts no more");
}

// Requests that the controller doesn't read.
void unread(Tap& tap) {
  std::vector<std::string> names;
  for (int i = 0; i < 300; i++) names.push_back("t.N" + std::to_string(i));
  Lab l(tap, names);
  int small = 4096;
  setsockopt(l.c.sock().fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  for (auto& name : names) l.send(l.a, to(name.c_str(), "M"));
  l.waiting(300, 300, "all wait");
  // The ids are one after the other: the last can't be in the socket.
  auto first = l.c.next(TIMEOUT_MS);
  if (!tap.ok(first && first->name == "t.N0", "the first request")) return;
  refused(tap, l.c.answer(DBUS_GENL_CMD_ACTIVATE, first->id + 299, "x.Y", "z"), ENOENT,
          "an answer to what hasn't been told");
  // Those that end meanwhile aren't told of.
  l.takes(l.s, "t.N298");
  bool in_order = true;
  unsigned n = 1;
  for (; auto r = l.c.next(n < 299 ? TIMEOUT_MS : SILENCE_MS); n++)
    in_order = in_order && r->name == names[n < 298 ? n : 299];
  tap.ok(n == 299 && in_order && l.c.doorbells > 1, "the others come in order: %u, %u doorbells", n,
         l.c.doorbells);
  l.send(l.a, to("t.N298", "M"));
  l.nothing_asked("that one runs");
}

// It pulls without end and reads nothing: there is no room for more and more doorbells.
void pulls(Tap& tap) {
  std::vector<std::string> names;
  for (int i = 0; i < 40; i++) names.push_back("t.N" + std::to_string(i));
  Lab l(tap, names);
  int small = 4096;
  setsockopt(l.c.sock().fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  for (auto& name : names) l.send(l.a, to(name.c_str(), "M"));
  for (uint32_t i = 0; i < 1000; i++) l.c.sock().send(DBUS_GENL_CMD_PULL, Attrs(), 0, i);
  const unsigned unread = l.c.sock().discard();
  tap.ok(unread < 100, "a thousand unread PULLs leave %u packets", unread);
}

// Lists that are replaced, answers and owners, all at once: each call has one answer.
void traffic(Tap& tap) {
  Lab l(tap);
  std::atomic<bool> stop{false};
  std::atomic<unsigned> wrong{0}, done{0}, started{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; t++)
    threads.emplace_back([&, t] {
      Peer p;
      if (p.join(BUS).empty()) wrong++;
      for (unsigned i = 0; !stop; i++) {
        const char* name = (i + static_cast<unsigned>(t)) % 2 ? "t.One" : "t.Two";
        auto got = i % 3
                       ? p.call(to(name, "M", Args().u(i)), TIMEOUT_MS)
                       : p.call(driver_call("StartServiceByName", Args().s(name).u(0)), TIMEOUT_MS);
        if (!got || (got->type == RETURN && i % 3 && got->u32_arg() != i)) wrong++;
        if (got && got->type == RETURN) started++;
        done++;
      }
    });
  threads.emplace_back([&] {
    for (unsigned i = 0; !stop; i++) {
      Peer service;
      if (service.join(BUS).empty()) wrong++;
      service.ask("RequestName", Args().s(i % 2 ? "t.One" : "t.Two").u(0));
      for (unsigned n = i % 4; n && !stop;) {
        auto m = service.receive(50);
        if (!m) break;
        if (m->type != CALL) continue;
        Message reply = reply_to(*m, Args().u(m->u32_arg()));
        service.send(reply);
        n--;
      }
    }
  });
  unsigned replaced = 0;
  for (const int64_t end = now_ms() + 5000; now_ms() < end; replaced++) {
    l.c.declare(replaced % 3 ? std::vector<std::string>{"t.One", "t.Two"}
                             : std::vector<std::string>{"t.One"},
                replaced % 2);
    while (auto r = l.c.next(1))
      if (r->id % 2) l.c.answer(*r, "x.Y", "z");
  }
  stop = true;
  // What has been let wait is answered, too.
  l.c.declare({});
  l.limit(DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT, 100);
  for (auto& thread : threads) thread.join();
  tap.ok(!wrong && done > 20 && started > 0,
         "%u calls, %u of them with success, %u lists; wrong: %u", done.load(), started.load(),
         replaced, wrong.load());
  l.waiting(0, 0, "nothing waits");
}

}  // namespace

int main() {
  Tap tap;
  const Stats before = stats();
  if (before.empty()) tap.bail("no module");
  lists(tap);
  answers(tap);
  waiting(tap);
  controllers_requests(tap);
  deaf(tap);
  timeouts(tap);
  deaths(tap);
  files(tap);
  limits(tap);
  unread(tap);
  pulls(tap);
  traffic(tap);
  nothing_left(tap, before);
  return tap.finish();
}
