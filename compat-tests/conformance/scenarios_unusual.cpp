// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_unusual.cpp - messages that honest programs hardly send: without a destination, of
 * types that nobody knows, and signals and calls that say that they are replies
 */
#include "stage.h"

namespace dg::test {

namespace {

const std::string bus = "org.freedesktop.DBus";
const std::string bus_path = "/org/freedesktop/DBus";

struct Case {
  std::string what;
  Message message;
};

Message of_type(uint8_t type, Message m) {
  m.type = type;
  return m;
}

Message replying(uint32_t serial, const std::string& destination, Message m) {
  m.reply_serial = serial;
  m.destination = destination;
  return m;
}

Message answer(uint32_t serial, const std::string& to) {
  Message m;
  m.type = RETURN;
  return replying(serial, to, m);
}

// What libdbus answers in dbus-daemon, or would if it were a call; and what the daemon gets.
std::vector<Case> without_destination() {
  const std::string peer = bus + ".Peer", introspectable = bus + ".Introspectable";
  Message error;
  error.type = ERROR;
  error.reply_serial = 7;
  error.error_name = "t.Error.Some";
  Message error_of_peer = error;
  error_of_peer.interface = peer;
  Message reply_of_peer = replying(7, "", of_type(RETURN, call("", "/o", peer, "Ping")));
  Message quiet = signal("/o", peer, "S");
  quiet.flags = NO_REPLY;
  return {
      {"a call", call("", "/o", "i.I", "M")},
      {"Ping without an interface", call("", "/o", "", "Ping")},
      {"Introspect", call("", "/o", introspectable, "Introspect")},
      {"Introspect without an interface", call("", "/o", "", "Introspect")},
      {"Get of a property", call("", bus_path, bus + ".Properties", "Get", Args().s(bus).s("x"))},
      {"a call of the driver", call("", bus_path, bus, "GetId")},
      {"Ping", call("", "/o", peer, "Ping")},
      {"Ping with an argument", call("", "/o", peer, "Ping", Args().s("x"))},
      {"Nothing of Peer", call("", "/o", peer, "Nothing")},
      {"an error", error},
      {"a signal of Peer", signal("/o", peer, "S", Args().s("x"))},
      {"a signal of Peer that wants no reply", quiet},
      {"a signal named Ping", signal("/o", peer, "Ping")},
      {"a signal of Introspectable", signal("/o", introspectable, "Introspect")},
      {"a reply of Peer", reply_of_peer},
      {"an error of Peer", error_of_peer},
      {"type 77", of_type(77, call("", "/o", "i.I", "M"))},
      {"type 77 of Peer", of_type(77, call("", "/o", peer, "Ping"))},
      {"type 77 with nothing", of_type(77, Message())},
  };
}

void audience(Stage& s) {
  s.enter("b");
  s.quietly("b", driver_call("AddMatch", Args().s("eavesdrop='true'")));
  s.enter("n");
  s.monitor("n", {});
}

// Who has not said Hello may not be answered: then there is nothing to wait for but what its next
// message brings.
void from_a_newcomer(Stage& s, const Message& m) {
  s.enter_unregistered("c");
  s.without_waiting("c", m);
  s.send("c", driver_call("GetId"));
  s.leave("c");
}

void no_destination(Stage& s) {
  s.test("no destination: to be seen by others");
  audience(s);
  s.enter("a");
  for (auto& [what, message] : without_destination()) {
    s.test("no destination: a peer sends " + what);
    s.send("a", message);
    s.test("no destination: a monitor sends " + what);
    s.enter("m");
    s.monitor("m", {"member='Never'"});
    s.send("m", message);
    s.leave("m");
    // Each takes two seconds: of calls, one is enough.
    if (message.type == CALL ? message.member == "M"
                             : message.type != SIGNAL || message.interface == bus + ".Peer") {
      s.test("no destination: a newcomer sends " + what);
      from_a_newcomer(s, message);
    }
  }
  // To somebody it is a message like others.
  s.test("signal: of Peer, to one");
  for (const std::string& to : {s.name("b"), bus, std::string("t.Nobody")}) {
    Message m = signal("/o", bus + ".Peer", "Ping");
    m.destination = to;
    s.send("a", m);
  }
  s.leave_all();
}

void unknown_types(Stage& s) {
  for (int type : {5, 77, 255}) {
    const auto t = static_cast<uint8_t>(type);
    const std::string title = "type " + std::to_string(type) + ": ";
    s.test(title + "to peers, to the driver, to nobody");
    audience(s);
    s.enter("a");
    const std::string b = s.name("b");
    Message none = of_type(t, Message());
    none.destination = b;
    std::vector<Case> cases = {
        {"a peer", of_type(t, call(b, "/o", "i.I", "M", Args().s("x")))},
        {"a peer, with nothing", none},
        {"itself", of_type(t, call(s.name("a"), "/o", "i.I", "M"))},
        {"the driver", of_type(t, driver_call("GetId"))},
        {"the driver, Ping", of_type(t, call(bus, bus_path, bus + ".Peer", "Ping"))},
        {"the driver, Hello", of_type(t, driver_call("Hello"))},
        {"nobody", of_type(t, call("t.Nobody", "/o", "i.I", "M"))},
    };
    for (auto& c : cases) s.send("a", c.message);
    for (uint8_t flags : {1, 2, 3})
      for (auto& c : {cases[0], cases.back()}) {
        Message m = c.message;
        m.flags = flags;
        s.send("a", m);
      }
    for (auto& c : type == 77 ? cases : std::vector<Case>()) {
      s.test(title + "a monitor sends to " + c.what);
      s.enter("m");
      s.monitor("m", {"member='Never'"});
      s.send("m", c.message);
      s.leave("m");
      s.test(title + "a newcomer sends to " + c.what);
      s.enter_unregistered("c");
      s.send("c", c.message);
      s.leave("c");
    }
    s.leave_all();
  }

  s.test("type 77: as a reply, which it isn't");
  s.enter("a");
  s.enter("b");
  s.send("a", call(s.name("b"), "/o", "i.I", "M"));
  const uint32_t serial = s.last("b").serial;
  s.send("b", replying(serial, s.name("a"), of_type(77, call("", "/o", "i.I", "M"))));
  s.send("b", answer(serial, s.name("a")));
  s.leave_all();
}

// The serial of a call that has come to who is to reply.
uint32_t called(Stage& s) {
  s.send("a", call(s.name("b"), "/o", "i.I", "M"));
  return s.last("b").serial;
}

void replies(Stage& s) {
  Message quiet = call("", "/o", "i.I", "Quiet");
  quiet.flags = NO_REPLY;
  const std::vector<Case> kinds = {
      {"a signal", signal("/o", "i.I", "S")},
      {"a call", call("", "/o", "i.I", "Call")},
      {"a call that wants no reply", quiet},
  };
  for (auto& [what, message] : kinds) {
    for (const char* actor : {"a", "b", "c", "e"}) s.enter(actor);
    // What is a reply by its type isn't seen by others with the reference's configuration.
    for (const char* type : {"method_call", "signal"})
      s.quietly("e", driver_call("AddMatch",
                                 Args().s("eavesdrop='true',type='" + std::string(type) + "'")));
    s.test("reply: by " + what + ", then by a return");
    uint32_t serial = called(s);
    s.send("b", replying(serial, s.name("a"), message));
    s.send("b", answer(serial, s.name("a")));
    s.send("b", replying(serial, s.name("a"), message));
    s.test("reply: by " + what + " of another's, then by a return");
    serial = called(s);
    s.send("c", replying(serial, s.name("a"), message));
    s.send("b", answer(serial, s.name("a")));
    s.test("reply: by " + what + " to nothing");
    s.send("b", replying(4711, s.name("a"), message));
    s.send("b", replying(4711, "t.Nobody", message));
    s.test("reply: by " + what + " to the caller's name");
    s.quietly("a", driver_call("RequestName", Args().s("t.A").u(0)));
    serial = called(s);
    s.send("b", replying(serial, "t.A", message));
    s.test("reply: by " + what + ", then the callee dies");
    serial = called(s);
    s.send("b", replying(serial, s.name("a"), message));
    s.leave("b");
    s.leave_all();
  }
  s.test("reply: a call that replies is replied to");
  s.enter("a");
  s.enter("b");
  s.send("b", replying(called(s), s.name("a"), call("", "/o", "i.I", "Back")));
  s.send("a", answer(s.last("a").serial, s.name("b")));

  s.test("reply: a broadcast replies to nobody");
  s.quietly("a", driver_call("AddMatch", Args().s("type='signal'")));
  const uint32_t serial = called(s);
  s.send("b", replying(serial, "", signal("/o", "i.I", "S")));
  s.send("b", answer(serial, s.name("a")));
  s.test("reply: to the driver, that called nobody");
  s.send("b", replying(serial, bus, signal("/o", "i.I", "S")));
  s.send("b", replying(serial, bus, driver_call("GetId")));
  s.leave_all();
}

}  // namespace

void unusual_scenarios(Stage& s) {
  no_destination(s);
  unknown_types(s);
  replies(s);
}

}  // namespace dg::test
