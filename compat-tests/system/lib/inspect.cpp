// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * inspect.cpp - PEER_GET, NAME_GET, MATCH_GET: do they tell what there is?
 *
 * What they say is compared with what the test did and with what the driver
 * says; then while peers, names and rules come and go, when the bus ends in
 * the middle of a dump, and asked by those who may not know.
 */
#include <linux/netlink.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <set>
#include <thread>

#include "../../../kmod/limits.h"
#include "files.h"
#include "pass_fds.h"
#include "peer.h"
#include "settle.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr const char* BUS = "inspect";
constexpr uint32_t USER = 20001;
constexpr uint32_t STRANGER = 20002;

Attrs bus_attrs(const char* name = BUS, std::optional<uint32_t> uid = std::nullopt) {
  Attrs a;
  a.str(DBUS_GENL_BUS_A_NAME, name);
  if (uid) a.u32(DBUS_GENL_BUS_A_UID, *uid);
  return a;
}

Answer dump(uint8_t cmd, const Attrs& attrs = bus_attrs()) {
  GenlSocket s;
  s.open();
  return s.request(cmd, attrs, NLM_F_DUMP);
}

// PEER_GET by id; those without one by the negative of their number.
std::map<int64_t, Packet> peers(const Attrs& attrs = bus_attrs()) {
  std::map<int64_t, Packet> out;
  for (auto& p : dump(DBUS_GENL_CMD_PEER_GET, attrs).packets) {
    int64_t key = p.has(DBUS_GENL_PEER_A_ID)
                      ? static_cast<int64_t>(p.num(DBUS_GENL_PEER_A_ID))
                      : -static_cast<int64_t>(p.num(DBUS_GENL_PEER_A_NUMBER));
    out[key] = p;
  }
  return out;
}

Packet peer(const Peer& p) { return peers()[static_cast<int64_t>(p.id)]; }

// "name position owner flags" of each place, sorted.
std::set<std::string> places(const std::vector<Packet>& packets) {
  std::set<std::string> out;
  for (auto& p : packets)
    out.insert(p.str(DBUS_GENL_NAME_A_NAME) + " " +
               std::to_string(p.num(DBUS_GENL_NAME_A_POSITION)) + " " +
               unique_name(p.num(DBUS_GENL_NAME_A_OWNER)) + " " +
               std::to_string(p.num(DBUS_GENL_NAME_A_FLAGS)));
  return out;
}

std::vector<std::string> rules_of(const Peer& owner) {
  std::vector<std::string> out;
  for (auto& p : dump(DBUS_GENL_CMD_MATCH_GET).packets)
    if (p.num(DBUS_GENL_MATCH_A_OWNER) == owner.id) out.push_back(p.str(DBUS_GENL_MATCH_A_RULE));
  return out;
}

// The strings of an array of strings, as the driver's lists are.
std::set<std::string> list(Peer& p, std::string_view member, const Args& args = Args()) {
  std::set<std::string> out;
  auto reply = p.call(driver_call(member, args));
  if (!reply || reply->signature != "as") return out;
  const Bytes& b = reply->body;
  for (size_t at = 4; at + 4 <= b.size();) {
    uint32_t n;
    at = (at + 3) & ~size_t{3};
    if (at + 4 > b.size()) break;
    std::memcpy(&n, b.data() + at, 4);
    out.emplace(reinterpret_cast<const char*>(b.data()) + at + 4, n);
    at += 4 + n + 1;
  }
  return out;
}

uint64_t grew(const Packet& before, const Packet& after, uint16_t attr) {
  return after.num(attr) - before.num(attr);
}

// The attributes that are nested in one.
Packet inside(const Packet& p, uint16_t attr) {
  Packet nest;
  auto bytes = p.attr(attr);
  if (bytes) nest.attrs.assign(bytes->begin(), bytes->end());
  return nest;
}

void what_there_is(Tap& tap) {
  Bus bus;
  if (bus.create(BUS).error) tap.bail("no bus");
  Peer a, b, c, silent;
  b.takes_fds = true;
  if (a.join(BUS).empty() || b.join(BUS).empty() || c.join(BUS).empty() ||
      silent.connect(BUS).error)
    tap.bail("cannot join");

  // --- who is there
  auto all = peers();
  std::set<std::string> unique;
  for (auto& [id, p] : all)
    if (id > 0) unique.insert(p.str(DBUS_GENL_PEER_A_NAME));
  auto names = list(a, "ListNames");
  names.erase("org.freedesktop.DBus");
  tap.ok(all.size() == 4 && unique == names, "4 peers; those with a name are ListNames's (%zu)",
         names.size());
  tap.ok(all.begin()->first < 0 && !all.begin()->second.has(DBUS_GENL_PEER_A_NAME),
         "one has not said Hello: no id, no name");
  char comm[17] = "";
  prctl(PR_GET_NAME, comm);
  Packet pa = peer(a), pb = peer(b);
  tap.ok(pa.num(DBUS_GENL_PEER_A_UID) == 0 &&
             pa.num(DBUS_GENL_PEER_A_PID) == static_cast<uint64_t>(getpid()) &&
             pa.str(DBUS_GENL_PEER_A_COMM) == comm,
         "uid, pid, name of the process: %s", pa.str(DBUS_GENL_PEER_A_COMM).c_str());
  tap.ok(
      pa.num(DBUS_GENL_PEER_A_FLAGS) == 0 && pb.num(DBUS_GENL_PEER_A_FLAGS) == DBUS_GENL_PEER_FDS,
      "who takes fds");

  // --- names and their queues
  a.ask("RequestName", Args().s("inspect.one").u(1));
  b.ask("RequestName", Args().s("inspect.one").u(0));
  c.ask("RequestName", Args().s("inspect.one").u(0));
  c.ask("RequestName", Args().s("inspect.two").u(4));
  auto want =
      std::set<std::string>{"inspect.one 0 " + a.name() + " 1", "inspect.one 1 " + b.name() + " 0",
                            "inspect.one 2 " + c.name() + " 0", "inspect.two 0 " + c.name() + " 4"};
  auto got = places(dump(DBUS_GENL_CMD_NAME_GET).packets);
  tap.ok(got == want, "names with their queues and flags (%zu places)", got.size());
  c.ask("RequestName", Args().s("inspect.one").u(2));  // takes it over from a
  want = {"inspect.one 0 " + c.name() + " 2", "inspect.one 1 " + a.name() + " 1",
          "inspect.one 2 " + b.name() + " 0", "inspect.two 0 " + c.name() + " 4"};
  got = places(dump(DBUS_GENL_CMD_NAME_GET).packets);
  tap.ok(got == want && list(a, "ListQueuedOwners", Args().s("inspect.one")).size() == 3,
         "as they change");
  tap.ok(peer(c).num(DBUS_GENL_PEER_A_NAMES) == 2 && peer(b).num(DBUS_GENL_PEER_A_NAMES) == 1,
         "and their number for each peer");

  // --- rules: the texts are dbus-daemon's GetAllMatchRules's of the same rules
  const std::pair<const char*, const char*> texts[] = {
      {"", ""},
      {"type='signal'", "type='signal'"},
      {"member=M,interface=a.b,type=error,sender=a.b.c,destination=:1.3,path=/x,arg3=a,arg0=it\\'s,"
       "arg1path=/p/,eavesdrop=true",
       "type='error',interface='a.b',member='M',path='/x',sender='a.b.c',destination=':1.3',"
       "eavesdrop='true',arg0='it'\\''s',arg1path='/p/',arg3='a'"},
      {"path_namespace=/a,arg0namespace=a.b", "path_namespace='/a',arg0namespace='a.b'"},
      {"eavesdrop=false,arg2='a,b'", "arg2='a,b'"},
      {"arg63='a\\b'", "arg63='a\\b'"},
      {"type='signal'", "type='signal'"},
  };
  std::vector<std::string> expected;
  for (auto& [text, dumped] : texts) {
    a.ask("AddMatch", Args().s(text));
    expected.insert(expected.begin(), dumped);
  }
  auto rules = rules_of(a);
  tap.ok(rules == expected, "match rules, newest first, in dbus-daemon's words");
  for (auto& r : rules)
    if (std::find(expected.begin(), expected.end(), r) == expected.end())
      tap.note("got %s", r.c_str());
  tap.ok(peer(a).num(DBUS_GENL_PEER_A_MATCHES) == std::size(texts), "and their number");
  bool removed = true;
  for (auto& r : rules) removed &= a.ask("RemoveMatch", Args().s(r)).empty();
  tap.ok(removed && rules_of(a).empty(), "RemoveMatch finds each by the text that was told");
  // The longest, all apostrophes.
  std::string longest = "arg0=";
  while (longest.size() + 2 <= 1024) longest += "\\'";
  a.ask("AddMatch", Args().s(longest));
  rules = rules_of(a);
  tap.ok(rules.size() == 1 && a.ask("RemoveMatch", Args().s(longest)).empty(),
         "a rule of %zu bytes, told in %zu", longest.size(), rules.empty() ? 0 : rules[0].size());

  // --- counters
  Packet a0 = peer(a), b0 = peer(b);
  for (int i = 0; i < 5; ++i) {
    Message m = call(b.name(), "/x", "x.Y", "Quiet");
    m.flags = NO_REPLY;
    a.send(m);
  }
  Message nobody = call("no.body", "/x", "x.Y", "Z");
  a.send(nobody);
  Message bad = call(b.name(), "no path", "x.Y", "Z");
  int refused = a.send(bad);
  Packet a1 = peer(a), b1 = peer(b);
  tap.ok(grew(a0, a1, DBUS_GENL_PEER_A_SENT) == 6 && refused == -EINVAL &&
             grew(a0, a1, DBUS_GENL_PEER_A_REFUSED) == 2,
         "6 messages sent, one refused by error, one by errno: %lu, %lu",
         grew(a0, a1, DBUS_GENL_PEER_A_SENT), grew(a0, a1, DBUS_GENL_PEER_A_REFUSED));
  tap.ok(
      grew(b0, b1, DBUS_GENL_PEER_A_RECEIVED) == 5 && grew(a0, a1, DBUS_GENL_PEER_A_RECEIVED) == 1,
      "5 received; the error too");

  // --- calls
  Message unanswered = call(b.name(), "/x", "x.Y", "Slow");
  a.send(unanswered);
  tap.ok(peer(a).num(DBUS_GENL_PEER_A_CALLS) == 1 && peer(b).num(DBUS_GENL_PEER_A_OWED) == 1,
         "a call that waits for its reply, and who owes it");
  std::optional<Message> slow;
  while ((slow = b.receive(1000)) && slow->member != "Slow")
    ;
  if (slow) {
    Message reply = reply_to(*slow);
    b.send(reply);
  }
  tap.ok(
      slow && peer(a).num(DBUS_GENL_PEER_A_CALLS) == 0 && peer(b).num(DBUS_GENL_PEER_A_OWED) == 0,
      "until it comes");

  // --- files
  Message file = call(b.name(), "/x", "x.Y", "File");
  file.flags = NO_REPLY;
  file.fds = {0, 1};
  int sent = a.send(file);
  tap.ok(!sent && peer(b).num(DBUS_GENL_PEER_A_UNCLAIMED_FDS) == 2, "2 files wait to be claimed");
  auto came = b.receive(1000);
  if (came) b.claim(*came).close();
  tap.ok(came && peer(b).num(DBUS_GENL_PEER_A_UNCLAIMED_FDS) == 0, "and were claimed");

  // --- an overflow queue
  c.auto_pull = false;
  for (int i = 0; i < 600; ++i) {
    Message m = call(c.name(), "/x", "x.Y", "Much", Args().s(std::string(1000, 'x')));
    m.flags = NO_REPLY;
    a.send(m);
  }
  Packet pc = peer(c);
  Stats s = stats();
  tap.ok(pc.num(DBUS_GENL_PEER_A_QUEUED_MESSAGES) > 0 &&
             pc.num(DBUS_GENL_PEER_A_QUEUED_MESSAGES) == s[DBUS_GENL_STATS_A_QUEUED_MESSAGES] &&
             pc.num(DBUS_GENL_PEER_A_QUEUED_BYTES) == s[DBUS_GENL_STATS_A_QUEUED_BYTES] &&
             pc.num(DBUS_GENL_PEER_A_OVERFLOWED) == pc.num(DBUS_GENL_PEER_A_QUEUED_MESSAGES) &&
             pc.num(DBUS_GENL_PEER_A_UNREAD_BYTES) > 0,
         "%lu messages wait in its queue, %lu bytes; %lu in its socket",
         pc.num(DBUS_GENL_PEER_A_QUEUED_MESSAGES), pc.num(DBUS_GENL_PEER_A_QUEUED_BYTES),
         pc.num(DBUS_GENL_PEER_A_UNREAD_BYTES));
  c.auto_pull = true;
  c.sock.send(DBUS_GENL_CMD_PULL, Attrs(), 0, c.sock.next_seq());
  int much = 0;
  while (auto m = c.receive(500)) much += m->member == "Much";
  pc = peer(c);
  tap.ok(much == 600 && pc.num(DBUS_GENL_PEER_A_QUEUED_MESSAGES) == 0 &&
             pc.num(DBUS_GENL_PEER_A_QUEUED_BYTES) == 0 &&
             pc.num(DBUS_GENL_PEER_A_UNREAD_BYTES) == 0,
         "and are gone when it has read (%d)", much);
}

// The name of a process is any bytes; it stands in texts that others get.
void odd_name(Tap& tap) {
  Bus bus;
  if (bus.create(BUS).error) tap.bail("no bus");
  Peer a, odd;
  odd.takes_fds = true;
  char comm[17] = "";
  prctl(PR_GET_NAME, comm);
  prctl(PR_SET_NAME, "o\xff\x1b\n\xc3\xa9\"d");
  if (a.join(BUS).empty() || odd.join(BUS).empty()) tap.bail("cannot join");
  prctl(PR_SET_NAME, comm);
  Attrs limits;
  limits.u32(DBUS_GENL_LIMIT_A_MAX_OUTGOING_UNIX_FDS, 0);
  GenlSocket s;
  s.open();
  s.request(DBUS_GENL_CMD_LIMITS_SET, bus_attrs().nested(DBUS_GENL_BUS_A_LIMITS, limits));
  Message m = call(odd.name(), "/x", "x.Y", "File");
  m.fds = {0};
  auto error = a.call(m);
  const std::string text = error ? error->string_arg() : "";
  tap.ok(error && error->error_name == "org.freedesktop.DBus.Error.LimitsExceeded" &&
             text.find("comm=\"o?????\"d\"") != text.npos &&
             peer(odd).str(DBUS_GENL_PEER_A_COMM) == "o?????\"d",
         "a process's name that isn't printable: %s", error ? error->text().c_str() : "no error");
}

// BUS_A_STATS of the bus.
Packet bus_stats() {
  for (auto& p : dump(DBUS_GENL_CMD_BUS_GET, Attrs()).packets)
    if (p.str(DBUS_GENL_BUS_A_NAME) == BUS) return inside(p, DBUS_GENL_BUS_A_STATS);
  return {};
}

// What is refused by an error, whoever's it is, counts; of its peer, its bus, and all.
void refusals(Tap& tap) {
  Bus bus;
  if (bus.create(BUS).error) tap.bail("no bus");
  Peer a;
  if (a.join(BUS).empty()) tap.bail("cannot join");
  auto refused = [&](const char* what, const std::function<void()>& send) {
    const Packet peer_before = peer(a), bus_before = bus_stats();
    const Stats before = stats();
    send();
    const uint64_t of_peer = grew(peer_before, peer(a), DBUS_GENL_PEER_A_REFUSED);
    const uint64_t of_bus = grew(bus_before, bus_stats(), DBUS_GENL_STATS_A_REFUSED);
    const uint64_t of_all =
        stats()[DBUS_GENL_STATS_A_REFUSED] - before.at(DBUS_GENL_STATS_A_REFUSED);
    tap.ok(of_peer == 1 && of_bus == 1 && of_all == 1,
           "%s: counted (peer %lu, bus %lu, namespace %lu)", what, of_peer, of_bus, of_all);
  };
  refused("Hello again", [&] { a.ask("Hello"); });
  refused("RequestName of what is no name", [&] { a.ask("RequestName", Args().s("x").u(0)); });
  refused("a wrong rule", [&] { a.ask("AddMatch", Args().s("x")); });
  refused("an owner of no name", [&] { a.ask("GetNameOwner", Args().s("no.body")); });
  refused("StartServiceByName", [&] { a.ask("StartServiceByName", Args().s("no.body").u(0)); });
  refused("an unknown method", [&] { a.ask("Nonsense"); });
  refused("wrong arguments", [&] { a.ask("GetId", Args().s("x")); });
  auto unaddressed = [&](const char* interface) { a.call(call("", "/x", interface, "Nonsense")); };
  refused("an unknown method without destination", [&] { unaddressed("x.Y"); });
  refused("and of Peer", [&] { unaddressed("org.freedesktop.DBus.Peer"); });
  Message m = call("no.body", "/x", "x.Y", "Z");
  refused("a message for nobody", [&] { a.send(m); });
  m = call("no.body", "no path", "x.Y", "Z");
  refused("a malformed one", [&] { a.send(m); });
  Attrs twice = send_attrs(call("no.body", "/x", "x.Y", "Z"));
  twice.u8(DBUS_GENL_MSG_A_TYPE, CALL);
  refused("one with an attribute twice", [&] { a.sock.request(DBUS_GENL_CMD_SEND, twice); });
  const Packet before = peer(a);
  a.ask("GetId");
  a.ask("ReleaseName", Args().s("no.body"));
  tap.ok(grew(before, peer(a), DBUS_GENL_PEER_A_REFUSED) == 0, "what is answered is not");
  const uint64_t all = stats()[DBUS_GENL_STATS_A_REFUSED];
  a.sock.close();
  bus.close();
  tap.ok(comes_true([] { return stats()[DBUS_GENL_STATS_A_BUSES] == 0; }) &&
             stats()[DBUS_GENL_STATS_A_REFUSED] == all,
         "the count outlives the bus (%lu)", all);
}

void a_monitor(Tap& tap) {
  Bus bus;
  if (bus.create(BUS).error) tap.bail("no bus");
  GenlSocket s;
  s.open();
  Answer claimed = s.request(DBUS_GENL_CMD_CONNECT,
                             bus_attrs().u32(DBUS_GENL_BUS_A_FLAGS, DBUS_GENL_PEER_MONITOR));
  tap.ok(claimed.error == -EINVAL, "CONNECT as a monitor: %s, %s", strerrorname_np(-claimed.error),
         claimed.extack.c_str());
  Peer a, b;
  if (a.join(BUS).empty() || b.join(BUS).empty()) tap.bail("cannot join");
  a.ask("AddMatch", Args().s("type='error'"));
  b.ask("AddMatch", Args().s("type='signal'"));
  auto become = b.call(call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                            "org.freedesktop.DBus.Monitoring", "BecomeMonitor",
                            Args().as({"member='One'", "member='Two'"}).u(0)));
  if (!become || become->type != RETURN) tap.bail("no monitor");
  Packet pa = peer(a), pb = peer(b);
  tap.ok(pb.num(DBUS_GENL_PEER_A_FLAGS) == DBUS_GENL_PEER_MONITOR &&
             !pb.has(DBUS_GENL_PEER_A_NAME) && pb.num(DBUS_GENL_PEER_A_MATCHES) == 2,
         "a monitor: the flag, no name, 2 rules");
  tap.ok(pa.num(DBUS_GENL_PEER_A_FLAGS) == 0 && pa.str(DBUS_GENL_PEER_A_NAME) == a.name(),
         "and another peer is as it was");
  a.ask("AddMatch", Args().s("type='method_return'"));
  const std::vector<std::string> monitors = {"member='Two'", "member='One'"};
  const std::vector<std::string> others = {"type='method_return'", "type='error'"};
  tap.ok(rules_of(b) == monitors && rules_of(a) == others, "MATCH_GET has both peers' rules");
  tap.ok(stats()[DBUS_GENL_STATS_A_MATCHES] == 4, "and so has their count");
}

// What a user is charged, by all its peers.
void quotas(Tap& tap) {
  struct Charge {
    uint64_t used, limit;
  };
  Bus bus, other;
  if (bus.create(BUS).error || other.create("inspect-other").error) tap.bail("no bus");
  Peer a, b, elsewhere;
  b.takes_fds = elsewhere.takes_fds = true;
  if (a.join(BUS).empty() || b.join(BUS).empty() || elsewhere.join("inspect-other").empty())
    tap.bail("cannot join");
  auto charge = [&](const Peer& p, uint16_t which) {
    Packet quota = inside(inside(peer(p), DBUS_GENL_PEER_A_QUOTAS), which);
    return Charge{quota.num(DBUS_GENL_CHARGE_A_USED), quota.num(DBUS_GENL_CHARGE_A_LIMIT)};
  };
  auto is = [&](const Peer& p, uint16_t which, uint64_t used, uint64_t limit, const char* what) {
    const Charge c = charge(p, which);
    tap.ok(c.used == used && c.limit == limit, "%s: %lu of %lu", what, c.used, c.limit);
  };
  is(a, DBUS_GENL_QUOTA_A_CONNECTIONS, 2, DG_PEERS_PER_USER_MAX, "connections");
  is(a, DBUS_GENL_QUOTA_A_WAITING, 0, DG_SERVICE_STARTS_MAX, "what waits for services, root's");
  is(a, DBUS_GENL_QUOTA_A_BYTES, 0, DG_USER_BYTES_MAX, "bytes");

  // Files, one of them a body of 8 bytes; on the other bus one more.
  Message m = to(b, {0, 1});
  a.send(m);
  const int body = memfd(u32_bytes(4) + "body");
  m = with_body(to(b, {}), "ay", body);
  a.send(m);
  m = to(elsewhere, {0});
  elsewhere.send(m);
  close(body);
  for (const Peer* p : {&a, &b}) {
    is(*p, DBUS_GENL_QUOTA_A_FDS, 3, DG_USER_FDS_MAX, "files that wait");
    is(*p, DBUS_GENL_QUOTA_A_BODY_BYTES, 8, DG_USER_BODY_BYTES_MAX, "bytes of bodies");
    is(*p, DBUS_GENL_QUOTA_A_ALL_FDS, 4, DG_ACCOUNT_FDS_MAX, "files on all buses");
    is(*p, DBUS_GENL_QUOTA_A_ALL_BODY_BYTES, 8, DG_ACCOUNT_BODY_BYTES_MAX, "bodies on all buses");
  }

  const uint64_t held = charge(a, DBUS_GENL_QUOTA_A_ALL_HELD).used;
  a.ask("AddMatch", Args().s("member='X'"));
  b.ask("RequestName", Args().s("inspect.quota").u(0));
  elsewhere.ask("AddMatch", Args().s("member='X'"));
  m = call(b.name(), "/x", "x.Y", "Unanswered");
  a.send(m);
  is(b, DBUS_GENL_QUOTA_A_ALL_HELD, held + 4, DG_ACCOUNT_HELD_MAX, "rules, names, calls");

  // More than its socket takes, from a peer and from the driver.
  b.auto_pull = false;
  for (int i = 0; i < 600; ++i) {
    m = call(b.name(), "/x", "x.Y", "Much", Args().s(std::string(1000, 'x')));
    m.flags = NO_REPLY;
    a.send(m);
  }
  const Charge bytes = charge(a, DBUS_GENL_QUOTA_A_BYTES);
  tap.ok(bytes.used > 0 && bytes.used == peer(b).num(DBUS_GENL_PEER_A_QUEUED_BYTES),
         "bytes in overflow queues: %lu", bytes.used);
  is(a, DBUS_GENL_QUOTA_A_ALL_BYTES, bytes.used, DG_ACCOUNT_BYTES_MAX, "and on all buses");
  is(a, DBUS_GENL_QUOTA_A_DRIVER_BYTES, 0, DG_USER_DRIVER_BYTES_MAX, "the driver's");
  Message ask = driver_call("ListNames");
  b.send(ask);
  const Charge driver = charge(a, DBUS_GENL_QUOTA_A_DRIVER_BYTES);
  tap.ok(driver.used > 0 && bytes.used + driver.used == peer(b).num(DBUS_GENL_PEER_A_QUEUED_BYTES),
         "and of an answer of it: %lu", driver.used);

  Bus theirs;
  {
    Become user(USER);
    theirs.create("inspect-users");
    Peer user_peer;
    user_peer.join("inspect-users");
    for (auto& p : dump(DBUS_GENL_CMD_PEER_GET, bus_attrs("inspect-users")).packets) {
      const Packet quota = inside(inside(p, DBUS_GENL_PEER_A_QUOTAS), DBUS_GENL_QUOTA_A_ALL_BYTES);
      tap.ok(quota.has(DBUS_GENL_CHARGE_A_USED) && quota.num(DBUS_GENL_CHARGE_A_USED) == 0,
             "another user's is its own");
    }
  }
}

// The number of the process that connected stays, as dbus-daemon's does.
void an_ended_process(Tap& tap) {
  Bus bus;
  if (bus.create(BUS).error) tap.bail("no bus");
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) tap.bail("no socketpair");
  const pid_t pid = fork();
  if (!pid) {
    Peer p;
    p.join(BUS);
    _exit(send_fds(pair[1], {p.sock.fd()}, &p.id, sizeof p.id) ? 0 : 1);
  }
  uint64_t id = 0;
  std::vector<int> fds = receive_fds(pair[0], &id, sizeof id);
  int status = 1;
  waitpid(pid, &status, 0);
  tap.ok(
      !status && fds.size() == 1 &&
          peers()[static_cast<int64_t>(id)].num(DBUS_GENL_PEER_A_PID) == static_cast<uint64_t>(pid),
      "a peer whose process has ended keeps its number");
  for (int fd : {pair[0], pair[1]}) close(fd);
  for (int fd : fds) close(fd);
}

// What the attribute policy refuses of a dump is no dump yet; the rest comes at its end.
void how_dumps_fail(Tap& tap) {
  auto first = [](const Attrs& attrs) {
    GenlSocket s;
    s.open();
    s.send(DBUS_GENL_CMD_PEER_GET, attrs, NLM_F_DUMP, 7);
    auto p = s.receive(5000);
    return p ? p->type : 0;
  };
  tap.ok(first(Attrs().u32(DBUS_GENL_BUS_A_NAME, 1).u32(DBUS_GENL_BUS_A_FLAGS, 0)) == NLMSG_ERROR,
         "an attribute that a dump doesn't take: NLMSG_ERROR");
  tap.ok(first(bus_attrs("nobus")) == NLMSG_DONE && first(Attrs()) == NLMSG_DONE,
         "no such bus, no NAME: NLMSG_DONE");
}

void refused(Tap& tap, uint8_t cmd, const Attrs& attrs, int error, const char* what,
             uint16_t flags = NLM_F_DUMP) {
  GenlSocket s;
  s.open();
  Answer a = s.request(cmd, attrs, flags);
  tap.ok(a.error == -error && !a.extack.empty() && a.packets.empty(), "%s: %s, %s", what,
         strerrorname_np(-a.error), a.extack.c_str());
}

void who_may(Tap& tap) {
  Bus bus;
  {
    Become user(USER);
    if (bus.create(BUS).error) tap.bail("no bus of a user");
  }
  const uint8_t dumps[] = {DBUS_GENL_CMD_PEER_GET, DBUS_GENL_CMD_NAME_GET, DBUS_GENL_CMD_MATCH_GET};
  Peer p;
  {
    Become user(USER);
    p.join(BUS);
    p.ask("RequestName", Args().s("inspect.user").u(0));
    p.ask("AddMatch", Args().s("type='signal'"));
    for (uint8_t cmd : dumps) {
      Answer a = dump(cmd);
      tap.ok(!a.error && a.packets.size() == 1, "its user reads it: command %u", cmd);
    }
  }
  for (uint8_t cmd : dumps) {
    Answer a = dump(cmd, bus_attrs(BUS, USER));
    tap.ok(!a.error && a.packets.size() == 1, "an administrator reads it: command %u", cmd);
    Become stranger(STRANGER);
    refused(tap, cmd, bus_attrs(BUS, USER), EPERM, "another user does not");
  }
  refused(tap, dumps[0], Attrs(), EINVAL, "no NAME");
  refused(tap, dumps[0], bus_attrs("no.bus"), EINVAL, "no name of a bus");
  refused(tap, dumps[0], bus_attrs("nobus"), ENOENT, "no such bus");
  refused(tap, dumps[1], bus_attrs().str(DBUS_GENL_BUS_A_NAME, BUS), EINVAL, "NAME is repeated");
  refused(tap, dumps[1], bus_attrs().u32(DBUS_GENL_BUS_A_FLAGS, 0), EINVAL, "what it doesn't take");
  refused(tap, dumps[2], bus_attrs(), EOPNOTSUPP, "without NLM_F_DUMP", 0);

  // Opened by the user, written to by root: root's rights must not be lent.
  GenlSocket lent;
  {
    Become user(STRANGER);
    lent.open();
  }
  Answer a = lent.request(dumps[0], bus_attrs(BUS, USER), NLM_F_DUMP);
  tap.ok(a.error == -EPERM && a.packets.empty(), "a socket that a user opened, used by root: %s",
         a.extack.c_str());
}

// Each of `wanted` exactly once?
bool once(const std::map<std::string, int>& seen, const std::set<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& w) {
    auto at = seen.find(w);
    return at != seen.end() && at->second == 1;
  });
}

void under_churn(Tap& tap) {
  constexpr int STABLE = 60;
  constexpr int ROUNDS = 15;
  Bus bus;
  if (bus.create(BUS).error) tap.bail("no bus");
  std::vector<Peer> stable(STABLE);
  std::set<std::string> ids, names, rules;
  for (int i = 0; i < STABLE; ++i) {
    Peer& p = stable[static_cast<size_t>(i)];
    if (p.join(BUS).empty()) tap.bail("cannot join");
    ids.insert(p.name());
    for (int k = 0; k < 5; ++k) {
      std::string n = "stable.n" + std::to_string(i) + ".k" + std::to_string(k);
      std::string r = "member='" + std::string(40, 'm') + std::to_string(i * 5 + k) + "'";
      p.ask("RequestName", Args().s(n).u(0));
      p.ask("AddMatch", Args().s(r));
      names.insert(n);
      rules.insert(r);
    }
  }

  std::atomic<bool> over{false};
  std::atomic<unsigned> cycles{0};
  // Comes, takes names and adds rules among the others', and goes.
  std::thread churn([&] {
    while (!over) {
      Peer p;
      p.join(BUS);
      for (int k = 0; k < 3; ++k) {
        p.ask("RequestName", Args().s("churn.n" + std::to_string(k)).u(0));
        p.ask("AddMatch", Args().s("arg0='" + std::to_string(k) + "'"));
      }
      ++cycles;
    }
  });
  // A peer that has been there all the time goes on too.
  std::thread busy([&] {
    for (Peer& p = stable[STABLE / 2]; !over; ++cycles) {
      p.ask("RequestName", Args().s("churn.extra").u(0));
      p.ask("AddMatch", Args().s("arg1='extra'"));
      p.ask("RemoveMatch", Args().s("arg1='extra'"));
      p.ask("ReleaseName", Args().s("churn.extra"));
    }
  });

  const struct {
    uint8_t cmd;
    uint16_t attr;
    const char* what;
    const std::set<std::string>& wanted;
  } kinds[] = {{DBUS_GENL_CMD_PEER_GET, DBUS_GENL_PEER_A_NAME, "peers", ids},
               {DBUS_GENL_CMD_NAME_GET, DBUS_GENL_NAME_A_NAME, "names", names},
               {DBUS_GENL_CMD_MATCH_GET, DBUS_GENL_MATCH_A_RULE, "rules", rules}};
  for (auto& kind : kinds) {
    bool complete = true;
    size_t most = 0;
    unsigned interrupted = 0;
    for (int round = 0; round < ROUNDS; ++round) {
      Answer a = dump(kind.cmd);
      std::map<std::string, int> seen;
      bool intr = false;
      for (auto& p : a.packets) {
        ++seen[p.str(kind.attr)];
        intr |= p.flags & NLM_F_DUMP_INTR;
      }
      interrupted += intr;
      complete &= !a.error && once(seen, kind.wanted);
      most = std::max(most, a.packets.size());
    }
    tap.ok(complete,
           "%s: %d dumps while others come and go; the %zu that stay exactly once (%zu at most, %u "
           "interrupted)",
           kind.what, ROUNDS, kind.wanted.size(), most, interrupted);
  }

  // A reader that is slow: all that comes between its calls of recvmsg() must not keep it going.
  GenlSocket slow;
  slow.open();
  uint32_t seq = slow.next_seq();
  slow.send(DBUS_GENL_CMD_PEER_GET, bus_attrs(), NLM_F_DUMP, seq);
  size_t told = 0;
  bool done = false;
  for (int i = 0; i < 2000 && !done; ++i) {
    auto p = slow.receive(30000);
    if (!p) break;
    done = p->type == NLMSG_DONE;
    told += !done;
    usleep(1000);
  }
  over = true;
  churn.join();
  busy.join();
  tap.ok(done && told <= STABLE + 2,
         "a slow reader comes to the end (%zu peers; %u cycles of churn)", told, cycles.load());

  // The bus ends while a dump goes on; so does a reader.
  const uint8_t dumps[] = {DBUS_GENL_CMD_PEER_GET, DBUS_GENL_CMD_NAME_GET, DBUS_GENL_CMD_MATCH_GET};
  std::vector<GenlSocket> readers(6);
  for (size_t i = 0; i < readers.size(); ++i) {
    readers[i].open();
    readers[i].send(dumps[i % 3], bus_attrs(), NLM_F_DUMP, 7);
    readers[i].receive(30000);
  }
  bus.close();
  bool ended = true;
  for (size_t i = 0; i < 3; ++i) {
    std::optional<Packet> p;
    while ((p = readers[i].receive(5000)) && p->type != NLMSG_DONE)
      ;
    ended &= p.has_value();
  }
  tap.ok(ended, "dumps of a bus that has ended end");
  readers.clear();
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  what_there_is(tap);
  odd_name(tap);
  refusals(tap);
  a_monitor(tap);
  quotas(tap);
  an_ended_process(tap);
  how_dumps_fail(tap);
  who_may(tap);
  under_churn(tap);
  nothing_left(tap, before, 5000);
  return tap.finish();
}
