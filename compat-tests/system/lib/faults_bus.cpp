// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * faults_bus.cpp - each place in turn where a request can fail that concerns a bus as a whole:
 * its policy and what is sent under it, its limits, its monitors, what is told of it; and
 * broadcasts to several
 *
 * As faults_nth.cpp. What is in force when a request has failed is what was before.
 */
#include "faults_walk.h"
#include "files.h"
#include "policy_attrs.h"

using namespace dg::test;

namespace {

constexpr uint32_t USER = 20001;

uint64_t dropped() { return stats()[DBUS_GENL_STATS_A_DROPPED]; }

Attrs bus_attrs() {
  Attrs a;
  a.str(DBUS_GENL_BUS_A_NAME, BUS);
  return a;
}

// --- policy

// Open, but for messages of an interface.
Attrs denying(const char* interface) {
  return open_section()
      .append(id_section(DBUS_GENL_SECTION_A_USER, USER,
                         {rule_attrs(DBUS_GENL_RULE_OWN, false).str(DBUS_GENL_RULE_A_NAME, "a.b"),
                          rule_attrs(DBUS_GENL_RULE_SEND, false)
                              .str(DBUS_GENL_RULE_A_NAME, "a.c")
                              .u8(DBUS_GENL_RULE_A_TYPE, CALL)}))
      .append(context_section(
          DBUS_GENL_CONTEXT_MANDATORY,
          {rule_attrs(DBUS_GENL_RULE_SEND, false).str(DBUS_GENL_RULE_A_INTERFACE, interface)}));
}

constexpr char OLD[] = "policy.Old", NEW[] = "policy.New";

// A peer of another user.
class Stranger : public Peer {
 public:
  explicit Stranger(Tap& tap) {
    const Become user(USER);
    if (join(BUS, 0).empty()) tap.bail("a stranger can't join");
  }
};

// Which of the two interfaces is denied now: "old", "new", or what both or neither is.
std::string in_force(Peer& from, Guest& to) {
  bool denied[2];
  for (int i : {0, 1}) {
    auto reply = from.call(call(to.name(), "/o", i ? NEW : OLD, "Probe"), 0);
    denied[i] = reply && reply->type == ERROR;
  }
  to.drain();
  return denied[0] == denied[1] ? "both or neither" : denied[0] ? "old" : "new";
}

void policies(Tap& tap, Walk& walk, Bus& bus) {
  const Attrs before = policy_request(denying(OLD)), after = policy_request(denying(NEW));
  const Bytes blob = denying(NEW).bytes();
  const int file = memfd(std::string(blob.begin(), blob.end()));
  Attrs from_file;
  from_file.u32(DBUS_GENL_BUS_A_POLICY_FD, static_cast<uint32_t>(file));
  if (walk.request(bus.sock, DBUS_GENL_CMD_POLICY_SET, before)) tap.bail("no policy");
  Guest a(tap), b(tap);
  // The classes of users differ: one is made for each.
  Stranger c(tap);
  auto set = [&](const char* name, const Attrs& request) {
    walk.each(
        name, [&] { return walk.request(bus.sock, DBUS_GENL_CMD_POLICY_SET, request); },
        [&](int outcome) -> std::string {
          const std::string now = in_force(a, b), theirs = in_force(c, b);
          if (now != theirs) return now + " for one, " + theirs + " for another";
          if (outcome >= 0 && now != (outcome ? "old" : "new")) return now + " is in force";
          int error = walk.request(bus.sock, DBUS_GENL_CMD_POLICY_SET, request);
          if (error) return "then " + std::to_string(error);
          return unless(in_force(a, b) == "new" && in_force(c, b) == "new",
                        "then it isn't in force");
        },
        [&] {
          if (walk.request(bus.sock, DBUS_GENL_CMD_POLICY_SET, before)) tap.bail("no old policy");
        });
  };
  set("POLICY_SET", after);
  set("POLICY_SET of a file", from_file);
  close(file);
}

// The bus has a policy: what is asked of it may need memory.
void under_policy(Tap& tap, Walk& walk) {
  Guest a(tap), b(tap);
  {
    const Become user(USER);
    std::optional<Peer> p;
    Attrs bus = bus_attrs();
    bus.u32(DBUS_GENL_BUS_A_UID, 0);
    walk.each(
        "CONNECT of another user",
        [&] { return walk.request(p->sock, DBUS_GENL_CMD_CONNECT, bus); },
        [&](int outcome) -> std::string {
          int error = walk.request(p->sock, DBUS_GENL_CMD_CONNECT, bus);
          if (outcome > 0 && error) return "then " + std::to_string(error);
          if (outcome == 0 && !error) return "connected twice";
          return unless(!p->hello().empty(), "and can't say Hello");
        },
        [&] {
          p.emplace();
          p->sock.open();
        });
  }

  uint32_t serial = 20000;
  Message allowed = call(b.name(), "/o", "policy.Other", "Call", Args().s("text"));
  Message denied = call(b.name(), "/o", NEW, "Denied", Args().s("text"));
  auto clean = [&] { a.drain(), b.drain(); };
  walk.each(
      "SEND of what the policy allows", [&] { return walk.send(a, allowed, ++serial); },
      [&](int outcome) -> std::string {
        const int came = b.came("Call");
        if (outcome >= 0 && came != (outcome ? 0 : 1)) return std::to_string(came) + " came";
        const int second = walk.send(a, allowed, ++serial);
        return unless(!second && b.came("Call") == 1, "then " + std::to_string(second));
      },
      clean);
  // AccessDenied is what the sender is to be told; refused is when it isn't, or not so.
  auto refuse = [&] {
    const int outcome = walk.send(a, denied, ++serial);
    return outcome == REFUSED ? 0 : outcome == 0 ? UNANSWERED : outcome;
  };
  walk.each(
      "SEND of what it denies", refuse,
      [&](int) -> std::string {
        const int second = refuse();
        return unless(!second && b.came("Denied") == 0, "then " + std::to_string(second));
      },
      clean);

  Message take = driver_call("RequestName", Args().s("a.d").u(0));
  walk.each(
      "RequestName under a policy", [&] { return walk.send(a, take, ++serial); },
      [&](int outcome) -> std::string {
        a.drain();
        const bool has = a.ask("GetNameOwner", Args().s("a.d")).find(a.name()) != std::string::npos;
        return unless(outcome < 0 || has == !outcome, has ? "refused, and owner" : "not owner");
      },
      [&] {
        a.ask("ReleaseName", Args().s("a.d"));
        a.drain();
      });
}

// --- limits

uint32_t limit(uint16_t which) {
  GenlSocket sock;
  sock.open();
  Answer buses = sock.request(DBUS_GENL_CMD_BUS_GET, Attrs(), NLM_F_DUMP);
  for (const Packet& bus : buses.packets) {
    auto limits = bus.attr(DBUS_GENL_BUS_A_LIMITS);
    if (bus.str(DBUS_GENL_BUS_A_NAME) != BUS || !limits) continue;
    Packet inside;
    inside.attrs.assign(limits->begin(), limits->end());
    return static_cast<uint32_t>(inside.num(which));
  }
  return 0;
}

void limits(Tap& tap, Walk& walk) {
  GenlSocket sock;
  sock.open();
  constexpr uint16_t RULES = DBUS_GENL_LIMIT_A_MAX_MATCH_RULES_PER_CONNECTION,
                     REPLIES = DBUS_GENL_LIMIT_A_MAX_REPLIES_PER_CONNECTION;
  auto request_of = [&](uint32_t rules, uint32_t replies) {
    Attrs all = bus_attrs(), inside;
    inside.u32(RULES, rules).u32(REPLIES, replies);
    return all.nested(DBUS_GENL_BUS_A_LIMITS, inside);
  };
  const Attrs before = request_of(500, 501), after = request_of(400, 401);
  walk.each(
      "LIMITS_SET", [&] { return walk.request(sock, DBUS_GENL_CMD_LIMITS_SET, after); },
      [&](int outcome) -> std::string {
        const uint32_t rules = limit(RULES), replies = limit(REPLIES);
        if (replies != rules + 1) return "half of them are in force";
        if (outcome >= 0 && rules != (outcome ? 500u : 400u))
          return std::to_string(rules) + " is in force after " + std::to_string(outcome);
        const int second = walk.request(sock, DBUS_GENL_CMD_LIMITS_SET, after);
        return unless(!second && limit(RULES) == 400, "then " + std::to_string(second));
      },
      [&] {
        if (walk.request(sock, DBUS_GENL_CMD_LIMITS_SET, before)) tap.bail("LIMITS_SET");
      });
}

// --- monitors

Message monitoring(const std::vector<std::string>& rules) {
  return call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring",
              "BecomeMonitor", Args().as(rules).u(0));
}

void monitors(Tap& tap, Walk& walk) {
  Guest a(tap), b(tap);
  const Message become = monitoring({"type='method_call',interface='mon.M'", "type='signal'"});
  std::optional<Guest> m;
  uint32_t serial = 30000;
  auto sees = [&] {
    Message probe = call(b.name(), "/o", "mon.M", "Probe");
    probe.flags = NO_REPLY;
    if (a.send(probe)) return 0;
    b.drain();
    return m->came("Probe");
  };
  walk.each(
      "BecomeMonitor", [&] { return walk.send(*m, become, ++serial); },
      [&](int outcome) -> std::string {
        const int seen = sees();
        if (outcome >= 0 && seen != (outcome ? 0 : 1)) return std::to_string(seen) + " seen";
        if (seen) return unless(!m->disconnected, "disconnected");
        // It is a peer as before, with its name and rules.
        m->drain();
        if (m->ask("GetNameOwner", Args().s("mon.Name")).find(m->name()) == std::string::npos)
          return "refused, and without its name";
        const int second = walk.send(*m, become, ++serial);
        return unless(!second && sees() == 1, "then " + std::to_string(second));
      },
      [&] {
        m.emplace(tap);
        m->ask("RequestName", Args().s("mon.Name").u(0));
        m->ask("AddMatch", Args().s("type='signal'"));
        m->drain();
      });

  // What monitors see, one with each rule and one with all, may be lost; that is counted, and what
  // they watch goes its way.
  m.emplace(tap);
  Guest all(tap, true);
  if (walk.send(*m, become, ++serial) || walk.send(all, monitoring({}), ++serial))
    tap.bail("no monitors");
  const int fd = memfd("seen");
  struct {
    const char* name;
    Message message;
    int by_m;
  } const table[] = {
      {"SEND that monitors see", call(b.name(), "/o", "mon.M", "Seen", Args().s("text")), 1},
      {"a broadcast that monitors see", dg::test::signal("/o", "mon.M", "Seen", Args().s("text")),
       1},
      {"fds that a monitor sees", carrying(call(b.name(), "/o", "mon.M", "Seen"), {fd, fd}), 0},
  };
  b.takes_fds = true;
  Guest receiver(tap, true);
  receiver.ask("AddMatch", Args().s("interface='mon.M'"));
  for (auto& t : table) {
    Message message = t.message;
    message.flags = NO_REPLY;
    const bool to_one = !message.destination.empty();
    if (to_one) message.destination = receiver.name();
    uint64_t lost_before = 0;
    walk.each(
        t.name,
        [&] {
          lost_before = dropped();
          return walk.send(a, message, ++serial);
        },
        [&](int outcome) -> std::string {
          const uint64_t lost = dropped() - lost_before;
          const int at = receiver.came("Seen"), by_m = m->came("Seen"), by_all = all.came("Seen");
          if (to_one && outcome >= 0 && at != (outcome ? 0 : 1))
            return std::to_string(at) + " came";
          if (at > 1 || by_m > t.by_m || by_all > 1) return "seen twice";
          // A request that was refused was perhaps not seen: it did not happen.
          const int missed = (to_one ? 0 : 1 - at) + t.by_m - by_m + 1 - by_all;
          if (outcome == 0 && lost != static_cast<uint64_t>(missed))
            return std::to_string(missed) + " lost, and " + std::to_string(lost) + " counted";
          const int second = walk.send(a, message, ++serial);
          return unless(!second && receiver.came("Seen") == 1 && m->came("Seen") == t.by_m &&
                            all.came("Seen") == 1,
                        "then " + std::to_string(second) + ", or not seen");
        },
        [&] { a.drain(), receiver.drain(), m->drain(), all.drain(); });
  }
  Message ask = driver_call("GetNameOwner", Args().s(b.name()));
  uint64_t lost_before = 0;
  walk.each(
      "a call of the driver that a monitor sees",
      [&] {
        lost_before = dropped();
        return walk.send(a, ask, ++serial);
      },
      [&](int outcome) -> std::string {
        const uint64_t lost = dropped() - lost_before;
        int calls = 0, replies = 0;
        while (auto seen = all.receive(0)) {
          calls += seen->member == "GetNameOwner";
          replies += seen->type == RETURN;
        }
        return unless(outcome != 0 || (calls == 1 && replies == 1) || lost,
                      "lost, and not counted");
      },
      [&] { a.drain(), all.drain(); });
  close(fd);
}

// --- rules, and what tells of them

const char MANY_KEYS[] =
    "type='signal',sender='org.freedesktop.DBus',interface='r.R',member='M',path='/a/b',"
    "destination=':1.0',eavesdrop='true',arg0='zero',arg1='one',arg2path='/two/',arg5='five',"
    "arg63='last'";

void many_keys(Tap& tap, Walk& walk) {
  Guest a(tap);
  const Args rule = Args().s(MANY_KEYS);
  Message add = driver_call("AddMatch", rule), remove = driver_call("RemoveMatch", rule);
  const uint64_t others = stats()[DBUS_GENL_STATS_A_MATCHES];
  auto count = [&] { return stats()[DBUS_GENL_STATS_A_MATCHES] - others; };
  auto check = [&](bool there) {
    return [&, there](int outcome) -> std::string {
      a.drain();
      const bool is = count() == 1;
      if (count() > 1 || (outcome >= 0 && is != (outcome ? !there : there)))
        return std::to_string(count()) + " rules after " + std::to_string(outcome);
      if (is != there) a.ask(there ? "AddMatch" : "RemoveMatch", rule);
      return unless(count() == (there ? 1u : 0u), "not the second time");
    };
  };
  walk.each(
      "AddMatch with many keys", [&] { return walk.send(a, add, 904); }, check(true),
      [&] {
        while (count()) a.ask("RemoveMatch", rule);
        a.drain();
      });
  walk.each(
      "RemoveMatch with many keys", [&] { return walk.send(a, remove, 905); }, check(false),
      [&] {
        if (!count()) a.ask("AddMatch", rule);
        a.drain();
      });
}

// How many messages a dump has; -1 if it didn't come to its end.
int dumped(GenlSocket& sock) {
  int n = 0;
  while (auto p = sock.receive(0)) {
    if (p->type == NLMSG_DONE) return p->error ? -1 : n;
    if (p->is_error()) return -1;
    ++n;
  }
  return -1;
}

void dumps(Tap& tap, Walk& walk) {
  // More than one buffer of a dump has room for.
  Guest a(tap, true), b(tap);
  constexpr int MANY = 250;
  for (int i = 0; i < MANY; ++i) {
    a.ask("AddMatch", Args().s("interface='" + std::string(200, 'i') + ".I',member='M" +
                               std::to_string(i) + "'"));
    if (i % 5 == 0) b.ask("RequestName", Args().s("dump.N" + std::to_string(i)).u(0));
  }
  a.drain(), b.drain();
  struct {
    const char* name;
    uint8_t cmd;
    Attrs attrs;
  } const table[] = {{"BUS_GET", DBUS_GENL_CMD_BUS_GET, Attrs()},
                     {"PEER_GET", DBUS_GENL_CMD_PEER_GET, bus_attrs()},
                     {"NAME_GET", DBUS_GENL_CMD_NAME_GET, bus_attrs()},
                     {"MATCH_GET", DBUS_GENL_CMD_MATCH_GET, bus_attrs()}};
  for (auto& t : table) {
    GenlSocket sock;
    auto whole = [&] {
      GenlSocket other;
      other.open();
      Answer all = other.request(t.cmd, t.attrs, NLM_F_DUMP);
      return all.error ? -1 : static_cast<int>(all.packets.size());
    };
    const int expected = whole();
    // One that failed is over for its socket; another has it whole, and nothing is left of it.
    auto again = [&](int outcome) -> std::string {
      sock.close();
      const int n = whole();
      return unless(n == expected && expected > 0, std::to_string(n) + " of " +
                                                       std::to_string(expected) + " after " +
                                                       std::to_string(outcome));
    };
    auto asked = [&] { return genl_bytes(t.cmd, t.attrs, NLM_F_DUMP, sock.next_seq()); };
    walk.each(
        t.name,
        [&] {
          const Bytes bytes = asked();
          int error = 0;
          walk.perform([&] { error = sock.send_bytes(bytes); });
          if (error) return -error;
          const int n = dumped(sock);
          return n == expected ? 0 : n < 0 ? LOST : UNANSWERED;
        },
        again, [&] { sock.open(); });
    walk.each((std::string(t.name) + ", read").c_str(),
              [&] {
                const Bytes bytes = asked();
                if (sock.send_bytes(bytes)) return UNANSWERED;
                int n = 0;
                bool end = false;
                walk.perform([&] {
                  // The first of its buffers.
                  if (auto p = sock.receive(0)) {
                    n = 1;
                    end = p->type == NLMSG_DONE;
                  }
                });
                const int rest = end ? -1 : dumped(sock);
                return rest >= 0 && n + rest == expected ? 0 : LOST;
              },
              again, [&] { sock.open(); });
  }

  uint32_t serial = 40000;
  auto debug = [&](const char* member, const Args& args = Args()) {
    return call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Debug.Stats",
                member, args);
  };
  struct {
    const char* name;
    Message message;
  } const methods[] = {{"GetStats", debug("GetStats")},
                       {"GetConnectionStats", debug("GetConnectionStats", Args().s(a.name()))},
                       // More than an attribute has room for: it comes as a file.
                       {"GetAllMatchRules", debug("GetAllMatchRules")},
                       {"ListNames", driver_call("ListNames")}};
  for (auto& t : methods) {
    Message message = t.message;
    walk.each(
        t.name, [&] { return walk.send(a, message, ++serial); },
        [&](int) -> std::string {
          a.drain();
          auto reply = a.call(message, TIMEOUT_MS);
          if (!reply || reply->type != RETURN) return "not the second time";
          if (reply->body_fd != -1) a.claim(*reply).close();
          return unless(reply->signature == (message.member == "ListNames"          ? "as"
                                             : message.member == "GetAllMatchRules" ? "a{sas}"
                                                                                    : "a{sv}"),
                        "with " + reply->signature);
        },
        [&] { a.drain(); });
  }
}

// --- broadcasts

void broadcasts(Tap& tap, Walk& walk) {
  Guest a(tap, true), b(tap, true), c(tap, true), without(tap);
  for (Guest* x : {&b, &c, &without}) {
    x->ask("AddMatch", Args().s("interface='i.I'"));
    x->ask("AddMatch", Args().s("type='signal',path='/o'"));
  }
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC)) tap.bail("pipe");
  const int body = memfd(say("body", 100000));
  const Message plain = dg::test::signal("/o", "i.I", "Signal", Args().s("text"));
  Message large = with_body(plain, "say", body);
  Message both = with_body(carrying(plain, {pipe_fds[1]}), "sayh", body);
  both.fds = {pipe_fds[1]};
  Message inline_body = plain;
  inline_body.with(Args().s(std::string(30000, 'x')));
  struct {
    const char* name;
    Message message;
    int without;
  } const table[] = {{"a broadcast of fds to three", carrying(plain, {pipe_fds[1], body}), 0},
                     {"a broadcast of a body in a memfd", large, 0},
                     {"a broadcast of both", both, 0},
                     {"a broadcast of 30 KB", inline_body, 1}};
  uint32_t serial = 60000;
  for (auto& t : table) {
    Message message = t.message;
    uint64_t lost_before = 0;
    walk.each(
        t.name,
        [&] {
          lost_before = dropped();
          return walk.send(a, message, ++serial);
        },
        [&](int outcome) -> std::string {
          const uint64_t lost = dropped() - lost_before;
          const int at_b = b.came("Signal"), at_c = c.came("Signal"), at_w = without.came("Signal");
          if (at_b > 1 || at_c > 1 || at_w > t.without) return "came more than once";
          const int came = at_b + at_c + at_w;
          if (outcome > 0 && came) return "refused, and came all the same";
          const int missed = 2 + t.without - came;
          if (outcome == 0 && lost != static_cast<uint64_t>(missed))
            return std::to_string(missed) + " lost, and " + std::to_string(lost) + " counted";
          const int second = walk.send(a, message, ++serial);
          return unless(!second && b.came("Signal") == 1 && c.came("Signal") == 1 &&
                            without.came("Signal") == t.without,
                        "then " + std::to_string(second) + ", or it didn't come to all");
        },
        [&] { a.drain(), b.drain(), c.drain(), without.drain(); });
  }
  close(pipe_fds[1]);
  close(body);
  for (Guest* x : {&a, &b, &c, &without}) x->sock.close();
  tap.ok(comes_true([] { return unclaimed() == 0; }), "no fd waits to be claimed");
  char end;
  fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
  tap.ok(comes_true([&] { return read(pipe_fds[0], &end, 1) == 0; }), "nor is one open anywhere");
  close(pipe_fds[0]);
}

}  // namespace

int main() {
  return walk_on_a_bus([](Tap& tap, Walk& walk, Bus& bus) {
    many_keys(tap, walk);
    dumps(tap, walk);
    broadcasts(tap, walk);
    monitors(tap, walk);
    limits(tap, walk);
    policies(tap, walk, bus);
    under_policy(tap, walk);
  });
}
