// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * limits.cpp - LIMITS_SET, and what each limit does to raw peers
 *
 * limits_client.py compares those with dbus-daemon that a program meets in the
 * same way on both; here is the rest.
 */
#include "../../../kmod/limits.h"

#include <linux/netlink.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <thread>

#include "peer.h"
#include "settle.h"
#include "shared_bus.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr const char* BUS = "limits";
constexpr uint32_t USER = 20001;
constexpr uint32_t STRANGER = 20002;
#define LIMIT(name) DBUS_GENL_LIMIT_A_##name

Answer set(const Attrs& limits, const char* bus = BUS, std::optional<uint32_t> uid = std::nullopt) {
  GenlSocket s;
  s.open();
  Attrs a;
  a.str(DBUS_GENL_BUS_A_NAME, bus);
  if (uid) a.u32(DBUS_GENL_BUS_A_UID, *uid);
  return s.request(DBUS_GENL_CMD_LIMITS_SET, a.nested(DBUS_GENL_BUS_A_LIMITS, limits));
}

Answer set(uint16_t limit, uint32_t value) { return set(Attrs().u32(limit, value)); }

// The limits in a message that has BUS_A_LIMITS.
std::map<uint16_t, uint32_t> limits_in(const Packet& p) {
  std::map<uint16_t, uint32_t> out;
  Packet nest;
  if (auto v = p.attr(DBUS_GENL_BUS_A_LIMITS)) nest.attrs.assign(v->begin(), v->end());
  for (uint16_t i = 1; i <= DBUS_GENL_LIMIT_A_MAX; ++i)
    if (nest.has(i)) out[i] = static_cast<uint32_t>(nest.num(i));
  return out;
}

// What BUS_GET tells of the bus.
std::map<uint16_t, uint32_t> limits(const char* bus = BUS) {
  GenlSocket s;
  s.open();
  for (auto& p : s.request(DBUS_GENL_CMD_BUS_GET, Attrs(), NLM_F_DUMP).packets)
    if (p.str(DBUS_GENL_BUS_A_NAME) == bus) return limits_in(p);
  return {};
}

void refused(Tap& tap, const Answer& a, int error, const char* what) {
  tap.ok(a.error == -error && !a.extack.empty(), "%s: %s, %s", what, strerrorname_np(-a.error),
         a.extack.c_str());
}

void setting(Tap& tap) {
  Bus bus;
  bus.create(BUS);
  auto at_first = limits();
  tap.ok(at_first.size() == 17 && at_first[LIMIT(MAX_OUTGOING_BYTES)] == DG_QUEUE_BYTES_MAX &&
             at_first[LIMIT(MAX_NAMES_PER_CONNECTION)] == DG_NAMES_PER_PEER_MAX &&
             at_first[LIMIT(REPLY_TIMEOUT)] == 0,
         "BUS_GET tells the defaults of %zu limits", at_first.size());
  Answer a = set(Attrs().u32(LIMIT(MAX_NAMES_PER_CONNECTION), 7).u32(LIMIT(REPLY_TIMEOUT), 9));
  auto now = limits();
  auto wanted = at_first;
  wanted[LIMIT(MAX_NAMES_PER_CONNECTION)] = 7;
  wanted[LIMIT(REPLY_TIMEOUT)] = 9;
  tap.ok(!a.error && now == wanted && !a.packets.empty() && limits_in(a.packets[0]) == wanted,
         "two are set, the others stay, the answer tells them all");
  a = set(LIMIT(MAX_MESSAGE_UNIX_FDS), 4096);
  tap.ok(!a.error && limits()[LIMIT(MAX_MESSAGE_UNIX_FDS)] == DG_MESSAGE_FDS_MAX,
         "what the module cannot bear is lowered to what it can");
  wanted = limits();

  refused(tap, set(Attrs().u32(LIMIT(REPLY_TIMEOUT), 1).u32(LIMIT(REPLY_TIMEOUT), 2)), EINVAL,
          "a limit that is repeated");
  refused(tap, set(Attrs().u32(LIMIT(REPLY_TIMEOUT), 1).u32(DBUS_GENL_LIMIT_A_MAX + 1, 2)), EINVAL,
          "an unknown one beside another");
  refused(tap, set(Attrs().u64(LIMIT(REPLY_TIMEOUT), 1)), EINVAL, "of 8 bytes");
  refused(tap, set(Attrs().u32(0, 1)), EINVAL, "UNSPEC");
  refused(tap, set(Attrs(), "nobus"), ENOENT, "no such bus");
  GenlSocket s;
  s.open();
  Attrs name;
  name.str(DBUS_GENL_BUS_A_NAME, BUS);
  refused(tap, s.request(DBUS_GENL_CMD_LIMITS_SET, name), EINVAL, "no LIMITS");
  refused(tap,
          s.request(DBUS_GENL_CMD_LIMITS_SET, Attrs().append(name).u32(DBUS_GENL_BUS_A_LIMITS, 1)),
          EINVAL, "LIMITS that are not nested");
  Attrs twice;
  twice.append(name)
      .nested(DBUS_GENL_BUS_A_LIMITS, Attrs())
      .nested(DBUS_GENL_BUS_A_LIMITS, Attrs());
  refused(tap, s.request(DBUS_GENL_CMD_LIMITS_SET, twice), EINVAL, "LIMITS twice");
  {
    Become stranger(STRANGER);
    refused(tap, set(Attrs().u32(LIMIT(REPLY_TIMEOUT), 1), BUS, 0), EPERM, "another user");
  }
  tap.ok(limits() == wanted, "nothing of that has changed anything");
  bus.close();
  {
    Become user(USER);
    bus.create(BUS);
    tap.ok(!set(LIMIT(REPLY_TIMEOUT), 1).error, "a user sets those of its bus");
  }
  tap.ok(!set(Attrs().u32(LIMIT(REPLY_TIMEOUT), 2), BUS, USER).error, "so does an administrator");
}

void hello(Tap& tap) {
  Bus bus;
  bus.create(BUS);
  set(LIMIT(MAX_INCOMPLETE_CONNECTIONS), 2);
  Peer a, b, c, d;
  const bool two = !a.connect(BUS).error && !b.connect(BUS).error;
  a.hello();
  tap.ok(two && !c.connect(BUS).error && !b.receive(50) && !b.disconnected,
         "one that says Hello makes room");
  tap.ok(!d.connect(BUS).error && !b.receive(30000) && b.disconnected &&
             b.reason == DBUS_GENL_REASON_CROWDED_OUT,
         "one too many has not said Hello: the oldest is disconnected");
  tap.ok(!c.receive(50) && !c.disconnected, "and no other");

  set(LIMIT(AUTH_TIMEOUT), 300);
  c.receive(30000);
  d.receive(30000);
  tap.ok(c.disconnected && c.reason == DBUS_GENL_REASON_TIMEOUT && d.disconnected,
         "auth_timeout: those that have not said Hello are disconnected, though it was set later");
  tap.ok(a.ask("GetId").size() > 30, "who has said it stays");
  c = Peer();
  c.connect(BUS);
  c.receive(30000);
  tap.ok(c.disconnected && c.reason == DBUS_GENL_REASON_TIMEOUT, "likewise who comes now");
  c.disconnected = false;
  set(LIMIT(AUTH_TIMEOUT), 0);
  int again = c.connect(BUS).error;
  usleep(500000);
  tap.ok(!again && !c.receive(0) && !c.disconnected && !c.hello().empty(),
         "its socket may CONNECT again; 0 is no limit");
}

// Nobody keeps others out by connections that never say Hello.
void crowd(Tap& tap) {
  Bus bus;
  open_shared_bus(tap, bus);
  set(Attrs().u32(LIMIT(MAX_INCOMPLETE_CONNECTIONS), 4), SHARED_BUS);
  Peer root, a[5];
  const auto connect = [](uint32_t uid, Peer& peer) {
    Become user(uid);
    return peer.connect(SHARED_BUS);
  };
  root.connect(SHARED_BUS);
  tap.ok(!connect(USER, a[0]).error && !connect(USER, a[1]).error, "half are one user's");
  const Answer third = connect(USER, a[2]);
  tap.ok(third.error == -EUSERS && !third.extack.empty(), "no more: %s", third.extack.c_str());
  tap.ok(!connect(STRANGER, a[3]).error && !connect(STRANGER, a[4]).error, "another's come");
  tap.ok(!a[0].receive(30000) && a[0].disconnected && a[0].reason == DBUS_GENL_REASON_CROWDED_OUT,
         "and the oldest goes, but root's");
  tap.ok(!root.receive(50) && !root.disconnected && !a[1].disconnected && !root.hello().empty(),
         "the others stay");
}

void messages(Tap& tap) {
  Bus bus;
  bus.create(BUS);
  set(Attrs().u32(LIMIT(MAX_MESSAGE_SIZE), 2000).u32(LIMIT(MAX_MESSAGE_UNIX_FDS), 2));
  Peer a, b;
  b.takes_fds = true;
  Answer answer = a.connect(BUS);
  a.hello();
  b.join(BUS);
  const Packet& p = answer.packets[0];
  tap.ok(p.num(DBUS_GENL_BUS_A_MAX_MESSAGE_SIZE) == 2000 && p.num(DBUS_GENL_BUS_A_MAX_FDS) == 2 &&
             p.num(DBUS_GENL_BUS_A_MAX_BODY_FD_SIZE) == 2000,
         "CONNECT tells max_message_size and max_message_unix_fds");
  auto send = [&](size_t text, size_t fds) {
    Message m = call(b.name(), "/x", "x.Y", "Z", Args().s(std::string(text, 'x')));
    m.flags = NO_REPLY;
    m.fds.assign(fds, 0);
    return a.send(m);
  };
  tap.ok(!send(1500, 2), "below them");
  int size = send(2000, 0);
  tap.ok(size == -EMSGSIZE && !a.last_extack.empty(), "above max_message_size: %s",
         a.last_extack.c_str());
  int fds = send(10, 3);
  tap.ok(fds == -ERANGE && !a.last_extack.empty(), "above max_message_unix_fds: %s",
         a.last_extack.c_str());
}

// Sends fds until the bus answers with an error; how many went.
size_t send_files(Peer& from, const Peer& to, size_t each, size_t most, std::string* error) {
  for (size_t n = 0; n < most; n += each) {
    Message m = call(to.name(), "/x", "x.Y", "Files");
    m.flags = NO_REPLY;
    m.fds.assign(each, 0);
    from.send(m);
    while (auto got = from.receive(0)) {
      if (got->type != ERROR) continue;
      *error = got->error_name;
      return n;
    }
  }
  return most;
}

void files(Tap& tap) {
  const std::string EXCEEDED = "org.freedesktop.DBus.Error.LimitsExceeded";
  Bus bus;
  bus.create(BUS);
  set(Attrs().u32(LIMIT(MAX_OUTGOING_UNIX_FDS), 6).u32(LIMIT(MAX_INCOMING_UNIX_FDS), 9));
  Peer a, b, c;
  b.takes_fds = c.takes_fds = true;
  a.join(BUS);
  b.join(BUS);
  c.join(BUS);
  std::string error;
  size_t n = send_files(a, b, 2, 20, &error);
  tap.ok(n == 6 && error == EXCEEDED, "max_outgoing_unix_fds: %zu wait for one receiver", n);
  n = send_files(a, c, 1, 20, &error);
  tap.ok(n == 3 && error == EXCEEDED, "max_incoming_unix_fds: %zu more of the user for another", n);
  set(LIMIT(PENDING_FD_TIMEOUT), 100);
  set(LIMIT(MAX_INCOMING_UNIX_FDS), 100);
  send_files(a, c, 1, 1, &error);
  std::optional<Message> m, last;
  while ((m = c.receive(500))) last = m;
  comes_true([] { return stats()[DBUS_GENL_STATS_A_UNCLAIMED_FDS] <= 9; });
  tap.ok(last && c.claim(*last).error == ENOENT,
         "pending_fd_timeout: the last, sent since then, has expired");
  bus.close();

  // A user's files, over all of its buses: no user has more than that, however many it makes.
  constexpr int BUSES = 3;
  std::vector<Bus> buses(BUSES);
  std::vector<Peer> from(BUSES), to(BUSES);
  size_t all = 0;
  Become user(USER);
  for (size_t i = 0; i < BUSES; ++i) {
    std::string name = BUS + std::to_string(i);
    buses[i].create(name);
    set(Attrs().u32(LIMIT(MAX_OUTGOING_UNIX_FDS), DG_USER_FDS_MAX), name.c_str());
    to[i].takes_fds = true;
    from[i].join(name);
    to[i].join(name);
    size_t sent = send_files(from[i], to[i], 16, 2 * DG_USER_FDS_MAX, &error);
    tap.note("bus %zu: %zu files", i, sent);
    all += sent;
  }
  tap.ok(all == DG_ACCOUNT_FDS_MAX && error == EXCEEDED, "a user's files on %d buses: %zu", BUSES,
         all);
  buses[0].close();
  n = send_files(from[2], to[2], 16, 160, &error);
  tap.ok(n == 160, "one bus ends: there is room again");
}

void replies(Tap& tap) {
  Bus bus;
  bus.create(BUS);
  Peer a, b;
  a.join(BUS);
  b.join(BUS);
  Message early = call(b.name(), "/x", "x.Y", "Early");
  a.send(early);
  set(LIMIT(REPLY_TIMEOUT), 200);
  Message late = call(b.name(), "/x", "x.Y", "Late");
  a.send(late);
  auto r1 = a.receive(30000), r2 = a.receive(30000);
  tap.ok(r1 && r2 && r1->reply_serial == early.serial && r2->reply_serial == late.serial &&
             r1->error_name == "org.freedesktop.DBus.Error.NoReply" && r1->sender == 0 &&
             r2->error_name == r1->error_name,
         "reply_timeout: NoReply, for a call before it was set too: %s",
         r1 ? r1->string_arg().c_str() : "");
  auto got = b.receive(1000);
  Message reply = got ? reply_to(*got) : Message();
  b.send(reply);
  auto denied = b.receive(1000);
  while (denied && denied->type == CALL) denied = b.receive(1000);
  tap.ok(
      denied && denied->error_name == "org.freedesktop.DBus.Error.AccessDenied" && !a.receive(100),
      "a reply that comes later is not asked for any more");
  tap.ok(stats()[DBUS_GENL_STATS_A_REPLIES] == 0, "no call waits");
  // In time.
  set(LIMIT(REPLY_TIMEOUT), 60000);
  std::thread answering([&] {
    if (auto m = b.receive(30000)) {
      Message r = reply_to(*m);
      b.send(r, false);
    }
  });
  auto ok = a.call(call(b.name(), "/x", "x.Y", "Quick"));
  answering.join();
  tap.ok(ok && ok->type == RETURN, "a reply in time");
}

// What expires is told to monitors too, which is a broadcast: under the bus's lock as such.
void replies_monitored(Tap& tap) {
  Bus bus;
  bus.create(BUS);
  Peer a, b, monitor;
  a.join(BUS);
  b.join(BUS);
  monitor.join(BUS);
  monitor.call(call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                    "org.freedesktop.DBus.Monitoring", "BecomeMonitor", Args().as({}).u(0)));
  set(LIMIT(REPLY_TIMEOUT), 200);
  Message late = call(b.name(), "/x", "x.Y", "Late");
  a.send(late);
  auto seen = monitor.receive(30000);
  while (seen && seen->type != ERROR) seen = monitor.receive(30000);
  auto error = a.receive(30000);
  tap.ok(error && seen && error->error_name == "org.freedesktop.DBus.Error.NoReply" &&
             seen->error_name == error->error_name && seen->reply_serial == late.serial &&
             seen->destination == a.name(),
         "a monitor sees the NoReply of a call that has waited too long");
}

// The median round trip between two peers, in µs.
int64_t median_us(Peer& from, const Peer& to, int rounds) {
  std::vector<int64_t> times;
  for (int i = 0; i < rounds; ++i) {
    timespec t0, t1;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    auto reply = from.call(call(to.name(), "/x", "x.Y", "Echo"));
    clock_gettime(CLOCK_MONOTONIC, &t1);
    if (!reply || reply->type != RETURN) return -1;
    times.push_back((t1.tv_sec - t0.tv_sec) * 1000000 + (t1.tv_nsec - t0.tv_nsec) / 1000);
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[static_cast<size_t>(rounds / 2)];
}

// A receiver that never reads, flooded until all is refused, while others work. Not a timed test:
// the figures are for who reads this; that each call is answered is the point.
void flood(Tap& tap) {
  Bus bus;
  bus.create(BUS);
  set(LIMIT(MAX_OUTGOING_BYTES), 1 << 20);
  Peer flooder, stuck, caller, echo;
  flooder.join(BUS);
  stuck.join(BUS);
  caller.join(BUS);
  echo.join(BUS);
  std::atomic<bool> over{false};
  std::atomic<unsigned> sent{0}, refused{0};
  std::thread answering([&] {
    while (!over)
      if (auto m = echo.receive(100)) {
        Message r = reply_to(*m);
        echo.send(r, false);
      }
  });
  int64_t idle = median_us(caller, echo, 50);
  std::thread flooding([&] {
    while (!over) {
      Message m = call(stuck.name(), "/x", "x.Y", "Flood", Args().s(std::string(4000, 'x')));
      m.flags = NO_REPLY;
      flooder.send(m);
      ++sent;
      while (auto got = flooder.receive(0)) refused += got->type == ERROR;
    }
  });
  for (int i = 0; i < 600 && !refused; ++i) usleep(50000);
  int64_t busy = median_us(caller, echo, 50);
  over = true;
  flooding.join();
  answering.join();
  tap.ok(idle > 0 && busy > 0 && refused > 0,
         "others' calls are answered while one is flooded (%u sent, %u of them refused)",
         sent.load(), refused.load());
  tap.note("median round trip: idle %ld us, during the flood %ld us", idle, busy);
  uint64_t queued = stats()[DBUS_GENL_STATS_A_QUEUED_BYTES];
  tap.ok(queued >= 1 << 20 && queued <= (1 << 20) + 2 * DG_MESSAGE_SIZE_MAX,
         "max_outgoing_bytes: %lu wait", queued);
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  setting(tap);
  hello(tap);
  crowd(tap);
  messages(tap);
  files(tap);
  replies(tap);
  replies_monitored(tap);
  flood(tap);
  nothing_left(tap, before);
  return tap.finish();
}
