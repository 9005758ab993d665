// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * faults_nth.cpp - each place in turn where a request can fail in the kernel
 *
 * Each request is made again and again, with its 1st, 2nd, … allocation (or copy from user space)
 * failing, netlink's and the module's, until it gets through untouched. A request that was refused
 * has done nothing; made once more, it succeeds; and nothing is left in the module.
 */
#include <sys/socket.h>

#include <functional>
#include <utility>

#include "controller.h"
#include "faults_walk.h"
#include "files.h"

using namespace dg::test;

namespace {

void buses(Tap& tap, Walk& walk) {
  GenlSocket sock;
  Attrs name;
  name.str(DBUS_GENL_BUS_A_NAME, "short");
  auto fresh = [&] {
    sock.close();
    comes_true([] { return stats()[DBUS_GENL_STATS_A_BUSES] == 1; });
    sock.open();
  };
  walk.each(
      "BUS_CREATE", [&] { return walk.request(sock, DBUS_GENL_CMD_BUS_CREATE, name); },
      [&](int outcome) -> std::string {
        int error = walk.request(sock, DBUS_GENL_CMD_BUS_CREATE, name);
        if (outcome > 0) return unless(error == 0, "then " + std::to_string(error));
        return unless(error != 0 || outcome == LOST, "made twice");
      },
      fresh);
  walk.each(
      "BUS_DESTROY", [&] { return walk.request(sock, DBUS_GENL_CMD_BUS_DESTROY, name); },
      [&](int outcome) -> std::string {
        int error = walk.request(sock, DBUS_GENL_CMD_BUS_DESTROY, name);
        if (outcome > 0) return unless(error == 0, "then " + std::to_string(error));
        return unless(error != 0 || outcome == LOST, "destroyed twice");
      },
      [&] {
        fresh();
        if (walk.request(sock, DBUS_GENL_CMD_BUS_CREATE, name)) tap.bail("no bus");
      });
  sock.close();
}

void joining(Tap& tap, Walk& walk) {
  std::optional<Peer> p;
  Attrs bus;
  bus.str(DBUS_GENL_BUS_A_NAME, BUS);
  auto fresh = [&] {
    p.emplace();
    p->sock.open();
  };
  walk.each(
      "CONNECT", [&] { return walk.request(p->sock, DBUS_GENL_CMD_CONNECT, bus); },
      [&](int outcome) -> std::string {
        int error = walk.request(p->sock, DBUS_GENL_CMD_CONNECT, bus);
        if (outcome > 0 && error) return "then " + std::to_string(error);
        if (outcome == 0 && !error) return "connected twice";
        return unless(!p->hello().empty(), "and can't say Hello");
      },
      fresh);
  Message hello = driver_call("Hello");
  walk.each(
      "Hello", [&] { return walk.send(*p, hello, 900); },
      [&](int outcome) -> std::string {
        auto reply = p->call(driver_call("Hello"), TIMEOUT_MS);
        if (!reply) return "no answer the second time";
        // It may have got its name, and the reply or the answer be what failed.
        if (outcome > 0) return unless(reply->type == RETURN, reply->error_name);
        return unless(reply->type == ERROR || outcome == LOST, "Hello said twice");
      },
      [&] {
        fresh();
        if (p->connect(BUS).error) tap.bail("can't connect");
      });
}

void names(Tap& tap, Walk& walk) {
  Guest a(tap), b(tap);
  const Args owned = Args().s("n.N").u(0);
  auto call_of = [&](const char* member, const Args& args) { return driver_call(member, args); };
  Message take = call_of("RequestName", owned), drop = call_of("ReleaseName", Args().s("n.N"));
  walk.each(
      "RequestName", [&] { return walk.send(a, take, 901); },
      [&](int outcome) -> std::string {
        a.drain();
        std::string owner = a.ask("GetNameOwner", Args().s("n.N"));
        bool has = owner.find(a.name()) != owner.npos;
        if (outcome > 0 && has) return "refused, and owner all the same";
        if (outcome == 0 && !has) return "not owner: " + owner;
        auto reply = a.call(driver_call("RequestName", owned), TIMEOUT_MS);
        return unless(reply && reply->u32_arg() == (has ? 4u : 1u), "the second time: no");
      },
      [&] {
        a.ask("ReleaseName", Args().s("n.N"));
        a.drain();
      });
  walk.each(
      "RequestName, queued", [&] { return walk.send(b, take, 902); },
      [&](int outcome) -> std::string {
        b.drain();
        std::string queue = a.ask("ListQueuedOwners", Args().s("n.N"));
        bool has = queue.find(b.name()) != queue.npos;
        if (outcome > 0 && has) return "refused, and in the queue all the same";
        return unless(outcome || has, "not in the queue");
      },
      [&] {
        a.ask("RequestName", owned);
        b.ask("ReleaseName", Args().s("n.N"));
        b.drain();
      });
  // The name goes to who waits.
  walk.each(
      "ReleaseName", [&] { return walk.send(a, drop, 903); },
      [&](int outcome) -> std::string {
        a.drain();
        std::string owner = a.ask("GetNameOwner", Args().s("n.N"));
        bool is_a = owner.find(a.name()) != owner.npos, is_b = owner.find(b.name()) != owner.npos;
        if (outcome > 0 && !is_a) return "refused, and lost all the same: " + owner;
        return unless(is_a != is_b && (outcome || is_b), "owner: " + owner);
      },
      [&] {
        b.ask("ReleaseName", Args().s("n.N"));
        a.ask("RequestName", owned);
        b.ask("RequestName", owned);
        a.drain(), b.drain();
      });
}

void rules(Tap& tap, Walk& walk) {
  Guest a(tap);
  const Args rule =
      Args().s("type='signal',interface='r.R',path_namespace='/a',arg0='x',arg3path='/y/'");
  Message add = driver_call("AddMatch", rule), remove = driver_call("RemoveMatch", rule);
  auto count = [] { return stats()[DBUS_GENL_STATS_A_MATCHES]; };
  walk.each(
      "AddMatch", [&] { return walk.send(a, add, 904); },
      [&](int outcome) -> std::string {
        a.drain();
        return unless(outcome == LOST || count() == (outcome ? 0u : 1u),
                      std::to_string(count()) + " rules, " + std::to_string(outcome));
      },
      [&] {
        while (count()) a.ask("RemoveMatch", rule);
        a.drain();
      });
  walk.each(
      "RemoveMatch", [&] { return walk.send(a, remove, 905); },
      [&](int outcome) -> std::string {
        a.drain();
        return unless(outcome == LOST || count() == (outcome ? 1u : 0u),
                      std::to_string(count()) + " rules, " + std::to_string(outcome));
      },
      [&] {
        if (!count()) a.ask("AddMatch", rule);
        a.drain();
      });
}

// Each of these is sent once with a failure and once without.
void sending(Tap& tap, Walk& walk) {
  Guest a(tap, true), b(tap, true), c(tap, true);
  for (Guest* x : {&b, &c}) x->ask("AddMatch", Args().s("interface='i.I'"));
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC)) tap.bail("pipe");
  const int body = memfd(say("body", 100000));
  Message call_b = call(b.name(), "/o", "j.J", "Call", Args().s("text"));
  Message quiet = call_b;
  quiet.flags = NO_REPLY;
  Message broadcast = dg::test::signal("/o", "i.I", "Signal", Args().s("text"));
  Message with_fds = to(b, {pipe_fds[1], pipe_fds[1]}, "Fds");
  Message shared_fds = carrying(broadcast, {pipe_fds[1]});
  Message large = with_body(to(b, {}, "Large"), "say", body);
  struct {
    const char* name;
    Message m;
    bool to_all;
  } table[] = {{"SEND, a call", call_b, false},
               {"SEND without reply", quiet, false},
               {"SEND, a broadcast", broadcast, true},
               {"SEND with fds", with_fds, false},
               {"SEND, a broadcast with fds", shared_fds, true},
               {"SEND, a body in a memfd", large, false}};
  uint32_t serial = 10000;
  for (auto& t : table) {
    walk.each(
        t.name, [&] { return walk.send(a, t.m, ++serial); },
        [&](int outcome) -> std::string {
          int at_b = b.came(t.m.member), at_c = c.came(t.m.member);
          if (at_b > 1 || at_c > (t.to_all ? 1 : 0)) return "came more than once";
          if (outcome > 0 && !t.to_all && at_b) return "refused, and came all the same";
          // A receiver of a broadcast may lose it; its count says so.
          if (outcome == 0 && !t.to_all && !at_b) return "accepted, and didn't come";
          int second = walk.send(a, t.m, ++serial);
          at_b = b.came(t.m.member);
          at_c = c.came(t.m.member);
          return unless(second == 0 && at_b == 1 && at_c == (t.to_all ? 1 : 0),
                        "the second time: " + std::to_string(second));
        },
        [&] { a.drain(), b.drain(), c.drain(); });
  }
  close(pipe_fds[1]);
  close(body);

  // What nobody claimed is given back.
  for (Guest* x : {&a, &b, &c}) x->sock.close();
  tap.ok(comes_true([] { return unclaimed() == 0; }), "no fd waits to be claimed");
  char end;
  fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
  tap.ok(comes_true([&] { return read(pipe_fds[0], &end, 1) == 0; }), "nor is one open anywhere");
  close(pipe_fds[0]);
}

void claiming(Tap& tap, Walk& walk) {
  Guest a(tap, true), b(tap, true);
  const int fd = memfd("claimed");
  std::optional<Message> got;
  const int open_before = open_fds();
  Claim claim;
  walk.each(
      "FD_CLAIM",
      [&] {
        Attrs which;
        which.u64(DBUS_GENL_MSG_A_SENDER, got->sender).u32(DBUS_GENL_MSG_A_SERIAL, got->serial);
        int error = 0;
        walk.perform([&] { error = b.sock.send(DBUS_GENL_CMD_FD_CLAIM, which, 0, 77); });
        if (error) return -error;
        auto p = b.sock.receive_raw();
        claim = Claim();
        if (!p || p->is_error()) return p ? -p->error : LOST;
        claim.answered = p->cmd == DBUS_GENL_CMD_FD_CLAIM;
        claim.fds = parse_message(*p).fds;
        return static_cast<int>(p->num(DBUS_GENL_MSG_A_ERRNO));
      },
      [&](int outcome) -> std::string {
        if (outcome > 0) {
          if (!claim.fds.empty() || open_fds() != open_before) return "refused, with fds";
          claim = b.claim(*got);
          if (claim.error == ENOENT) return "refused, and gone";
        }
        bool right = claim.fds.size() == 3 && same_file(claim.fds[0], fd);
        claim.close();
        // Installed, and who has them wasn't told their numbers.
        if (outcome == LOST) return "no answer";
        return unless(right && open_fds() == open_before, "not the fds");
      },
      [&] {
        b.drain();
        Message m = to(b, {fd, fd, fd});
        if (a.send(m)) tap.bail("can't send");
        got = b.receive(TIMEOUT_MS);
        if (!got) tap.bail("nothing came");
      });
  close(fd);
}

// A reply; and an end: who waits for a reply gets an error, though its allocation may fail.
void replies(Tap& tap, Walk& walk) {
  Guest a(tap), b(tap);
  Message call_b = call(b.name(), "/o", "j.J", "Call");
  uint32_t serial = 50000;
  Message reply;
  auto called = [&] {
    a.drain(), b.drain();
    if (walk.send(a, call_b, ++serial)) tap.bail("can't call");
    auto got = b.receive(TIMEOUT_MS);
    if (!got) tap.bail("no call came");
    reply = reply_to(*got);
  };
  walk.each(
      "SEND, a reply", [&] { return walk.send(b, reply, ++serial); },
      [&](int outcome) -> std::string {
        auto got = a.receive(0);
        if (outcome == 0 && !got) return "accepted, and didn't come";
        if (got) return unless(got->reply_serial == reply.reply_serial, "something else came");
        // The caller still waits, and gets it.
        walk.send(b, reply, ++serial);
        got = a.receive(TIMEOUT_MS);
        return unless(got && got->reply_serial == reply.reply_serial, "the caller waits for ever");
      },
      called);

  std::optional<Guest> callee;
  a.ask("AddMatch", Args().s("member='NameOwnerChanged'"));
  walk.each(
      "the callee's end",
      [&] {
        walk.perform([&] { callee->sock.close(); });
        return 0;
      },
      [&](int) -> std::string {
        std::optional<Message> got;
        do got = a.receive(TIMEOUT_MS);
        while (got && got->type == SIGNAL);
        return unless(got && got->type == ERROR && got->reply_serial == serial,
                      "the caller waits for ever");
      },
      [&] {
        callee.emplace(tap);
        callee->ask("RequestName", Args().s("end.E").u(0));
        a.drain();
        Message m = call(callee->name(), "/o", "j.J", "Call");
        if (walk.send(a, m, ++serial)) tap.bail("can't call");
      });
}

// A message that the bus refuses although it was valid: whatever fails, the sender is told, since
// the call isn't pending any more.
void refusals(Tap& tap, Walk& walk) {
  Guest a(tap, true), full(tap), without(tap);
  full.auto_pull = false;
  uint32_t serial = 70000;
  Message bulk = call(full.name(), "/o", "j.J", "M", Args().s(std::string(60000, 'x')));
  bulk.flags = NO_REPLY;
  int outcome = 0;
  for (int i = 0; i < 2000 && !outcome; ++i) outcome = walk.send(a, bulk, ++serial);
  if (outcome != REFUSED) tap.bail("its queue doesn't get full");

  const int fd = memfd("refused");
  Message with_file = to(without, {fd});
  with_file.flags = 0;
  const std::pair<const char*, Message> kinds[] = {
      {"SEND to a full queue", call(full.name(), "/o", "j.J", "M")},
      {"SEND with fds to who takes none", with_file}};
  for (auto& [what, message] : kinds) {
    Message m = message;
    walk.each(
        what,
        [&] {
          const int came = walk.send(a, m, ++serial);
          if (came == REFUSED) return 0;
          return came > 0 ? came : UNANSWERED;
        },
        [&](int) -> std::string {
          return unless(walk.send(a, m, ++serial) == REFUSED, "the second time: accepted");
        },
        [&] { a.drain(); });
  }
  close(fd);
}

// A peer that doesn't read has its messages in the overflow queue.
void pulling(Tap& tap, Walk& walk) {
  Guest a(tap), b(tap);
  int small = 4096;
  setsockopt(b.sock.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  b.auto_pull = false;
  walk.each(
      "PULL", [&] { return walk.request(b.sock, DBUS_GENL_CMD_PULL, Attrs()); },
      [&](int) -> std::string {
        // Some were dropped with the answers; what comes is in order and up to the last.
        b.auto_pull = true;
        walk.request(b.sock, DBUS_GENL_CMD_PULL, Attrs());
        uint32_t last = 0;
        while (auto m = b.receive(last == 40 ? 0 : 200)) {
          if (m->member != "Many") continue;
          if (m->u32_arg() <= last) return "out of order";
          last = m->u32_arg();
        }
        b.auto_pull = false;
        return unless(last == 40 || last == 0, "ends at " + std::to_string(last));
      },
      [&] {
        b.drain();
        for (uint32_t i = 1; i <= 40; ++i) {
          Message m = call(b.name(), "/o", "j.J", "Many", Args().u(i).s(std::string(500, 'x')));
          m.flags = NO_REPLY;
          a.send(m);
        }
      });
}

// Services that a controller starts, on a bus of their own.
void starting(Tap& tap, Walk& walk) {
  constexpr char STARTS[] = "starts";
  const std::string list("s.One\0s.Two\0", 12);
  std::optional<Controller> c;
  std::optional<Peer> a, s;
  auto fresh = [&] {
    for (auto* p : {&a, &s}) p->reset();
    c.reset();
    comes_true([] { return stats()[DBUS_GENL_STATS_A_BUSES] == 1; });
    c.emplace();
    if (c->create(STARTS).error) tap.bail("no bus");
    for (auto* p : {&a, &s})
      if (p->emplace().join(STARTS).empty()) tap.bail("can't join");
  };
  auto declared = [&] {
    fresh();
    if (c->declare_bytes(list).error) tap.bail("no names");
  };
  Attrs names;
  names.raw(DBUS_GENL_BUS_A_ACTIVATABLE, list.data(), list.size());
  walk.each(
      "ACTIVATABLE_SET",
      [&] { return walk.request(c->sock(), DBUS_GENL_CMD_ACTIVATABLE_SET, names); },
      [&](int outcome) -> std::string {
        const std::string now = a->ask("ListActivatableNames");
        if (outcome >= 0 && (now.find("s.One") == std::string::npos) == (outcome == 0))
          return "then there is " + now;
        const Answer again = c->declare_bytes(list);
        return unless(
            !again.error && a->ask("ListActivatableNames").find("s.One") != std::string::npos,
            "and then " + std::to_string(again.error));
      },
      fresh);

  // What waits, or was refused: the caller gets one answer, once the controller fails.
  uint32_t serial = 5000;
  auto sent = [&](Message& m) {
    m.serial = ++serial;
    return walk.request(a->sock, DBUS_GENL_CMD_SEND, send_attrs(m));
  };
  auto fails = [&](int outcome) -> std::string {
    const uint64_t waits = stats()[DBUS_GENL_STATS_A_WAITING];
    if (outcome >= 0 && waits != (outcome == 0)) return "waits: " + std::to_string(waits);
    if (!waits) return "";
    auto r = c->next(TIMEOUT_MS);
    if (!r) return "the controller isn't asked";
    if (c->answer(*r, "x.Y", "z").error) return "the controller can't answer";
    auto got = a->receive(TIMEOUT_MS);
    return unless(got && got->reply_serial == serial && got->error_name == "x.Y",
                  "no answer comes");
  };
  const std::pair<const char*, Message> kinds[] = {
      {"SEND that waits for a service", call("s.One", "/o", "j.J", "M", Args().s("x"))},
      {"StartServiceByName", driver_call("StartServiceByName", Args().s("s.One").u(0))},
      {"ReloadConfig", driver_call("ReloadConfig")},
      {"UpdateActivationEnvironment",
       driver_call("UpdateActivationEnvironment", Args().ss({{"A", "b"}}))}};
  for (auto& [what, message] : kinds) {
    Message m = message;
    walk.each(
        what, [&] { return sent(m); }, fails, declared);
  }
  Message with_file = call("s.One", "/o", "j.J", "M");
  with_file.fds = {0};
  walk.each(
      "SEND with a file that waits", [&] { return sent(with_file); }, fails, declared);

  Message m = call("s.One", "/o", "j.J", "M");
  std::optional<Request> r;
  auto waits = [&] {
    declared();
    if (sent(m)) tap.bail("can't call");
    r = c->next(TIMEOUT_MS);
    if (!r) tap.bail("the controller isn't asked");
  };
  auto one_answer = [&]() -> std::string {
    auto got = a->receive(TIMEOUT_MS);
    if (!got || got->reply_serial != serial) return "no answer comes";
    if (stats()[DBUS_GENL_STATS_A_WAITING]) return "something waits";
    return unless(!a->receive(0), "two answers come");
  };
  walk.each(
      "ACTIVATE, an error",
      [&] {
        return walk.request(c->sock(), DBUS_GENL_CMD_ACTIVATE,
                            Attrs()
                                .u64(DBUS_GENL_ACTIVATE_A_ID, r->id)
                                .str(DBUS_GENL_ACTIVATE_A_ERROR_NAME, "x.Y")
                                .str(DBUS_GENL_ACTIVATE_A_ERROR_TEXT, "z"));
      },
      [&](int outcome) -> std::string {
        const int again = c->answer(*r, "x.Y", "z").error;
        if (outcome >= 0 && again != (outcome ? 0 : -ENOENT))
          return "then " + std::to_string(again);
        return one_answer();
      },
      waits);
  Message take = driver_call("RequestName", Args().s("s.One").u(0));
  walk.each(
      "RequestName that a message waits for", [&] { return walk.send(*s, take, ++serial); },
      [&](int) -> std::string {
        serial = m.serial;
        // It has the name then at the latest, and goes: with the call, if it got it.
        s->call(take, TIMEOUT_MS);
        s.reset();
        return one_answer();
      },
      waits);

  walk.each(
      "PULL of a controller", [&] { return walk.request(c->sock(), DBUS_GENL_CMD_PULL, Attrs()); },
      [&](int) -> std::string {
        Answer again = c->sock().request(DBUS_GENL_CMD_PULL, Attrs());
        return unless(!again.error, "then " + std::to_string(again.error));
      },
      [&] {
        declared();
        int small = 4096;
        setsockopt(c->sock().fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        for (int i = 0; i < 20; i++) {
          Message reload = driver_call("ReloadConfig");
          if (sent(reload)) tap.bail("can't call");
        }
        while (c->sock().receive_raw()) continue;
      });
  for (auto* p : {&a, &s}) p->reset();
}

}  // namespace

int main() {
  return walk_on_a_bus([](Tap& tap, Walk& walk, Bus&) {
    buses(tap, walk);
    joining(tap, walk);
    names(tap, walk);
    rules(tap, walk);
    sending(tap, walk);
    claiming(tap, walk);
    replies(tap, walk);
    refusals(tap, walk);
    pulling(tap, walk);
    starting(tap, walk);
  });
}
