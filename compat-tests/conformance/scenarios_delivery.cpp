// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_delivery.cpp - who gets a message: calls, replies, signals to one,
 * messages to nobody, and what callers get when the callee dies
 */
#include "stage.h"

namespace dg::test {

namespace {

Message answer(uint32_t serial, const std::string& to, const Args& args = Args()) {
  Message m;
  m.type = RETURN;
  m.reply_serial = serial;
  m.destination = to;
  return m.with(args);
}

Message error(uint32_t serial, const std::string& to, const Args& args = Args()) {
  Message m = answer(serial, to, args);
  m.type = ERROR;
  m.error_name = "t.Error.Some";
  return m;
}

void calls(Stage& s) {
  s.enter("a");
  s.enter("b");
  s.enter("w");
  s.quietly("b", driver_call("RequestName", Args().s("t.B").u(0)));
  s.quietly("w", driver_call("AddMatch", Args().s("")));

  s.test("call: to a well-known name, and its reply");
  s.send("a", call("t.B", "/o", "i.I", "M", Args().s("x").u(7).as({"p", "q"})));
  s.send("b", answer(s.last("b").serial, s.last("b").sender, Args().s("fine")));

  s.test("call: to a unique name, without interface, with an error for a reply");
  s.send("a", call(s.name("b"), "/o", "", "M"));
  s.send("b", error(s.last("b").serial, s.last("b").sender, Args().s("not today")));

  s.test("call: to oneself");
  s.send("a", call(s.name("a"), "/o", "i.I", "M"));
  s.send("a", answer(s.last("a").serial, s.name("a")));

  s.test("call: two at once, answered in the other order");
  s.send("a", call("t.B", "/o", "i.I", "First"));
  uint32_t first = s.last("b").serial;
  s.send("a", call("t.B", "/o", "i.I", "Second"));
  uint32_t second = s.last("b").serial;
  s.send("b", answer(second, s.name("a"), Args().s("second")));
  s.send("b", answer(first, s.name("a"), Args().s("first")));

  s.test("call: flags are handed on");
  for (uint8_t flags : {1, 2, 3, 4, 5, 7}) {
    Message m = call("t.B", "/o", "i.I", "M");
    m.flags = flags;
    s.send("a", m);
  }

  s.test("call: to nobody");
  for (const char* to : {"t.Nobody", ":1.99999", ":7.1"})
    for (uint8_t flags : {0, 1, 2, 3}) {
      Message m = call(to, "/o", "i.I", "M");
      m.flags = flags;
      s.send("a", m);
    }

  s.test("no destination: calls");
  s.send("a", call("", "/o", "i.I", "M"));
  s.send("a", call("", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId"));
  s.send("a", call("", "/o", "org.freedesktop.DBus.Peer", "Ping"));
  s.send("a", call("", "/o", "", "M"));
  s.leave_all();
}

void replies(Stage& s) {
  s.enter("a");
  s.enter("b");
  s.enter("c");
  s.quietly("b", driver_call("RequestName", Args().s("t.B").u(0)));

  s.test("reply: that nobody asked for");
  s.send("b", answer(77, s.name("a")));
  s.send("b", error(77, s.name("a"), Args().s("boo")));
  s.send("b", answer(77, "t.Nobody"));
  s.send("b", answer(77, "org.freedesktop.DBus"));
  s.send("b", answer(77, ""));
  s.send("b", error(77, ""));

  s.test("reply: from another than the callee; then twice from the callee");
  s.send("a", call("t.B", "/o", "i.I", "M"));
  uint32_t serial = s.last("b").serial;
  s.send("c", answer(serial, s.name("a"), Args().s("mine")));
  s.send("b", answer(serial, s.name("a"), Args().s("real")));
  s.send("b", answer(serial, s.name("a"), Args().s("again")));

  s.test("reply: to a call that wanted none");
  Message quiet = call("t.B", "/o", "i.I", "M");
  quiet.flags = NO_REPLY;
  s.send("a", quiet);
  s.send("b", answer(s.last("b").serial, s.name("a")));

  s.test("reply: addressed by the caller's well-known name");
  s.quietly("a", driver_call("RequestName", Args().s("t.A").u(0)));
  s.send("a", call("t.B", "/o", "i.I", "M"));
  s.send("b", answer(s.last("b").serial, "t.A", Args().s("by name")));

  s.test("reply: the callee gives up the name first");
  s.send("a", call("t.B", "/o", "i.I", "M"));
  serial = s.last("b").serial;
  s.ask("b", "ReleaseName", Args().s("t.B"));
  s.send("b", answer(serial, s.name("a"), Args().s("still")));
  s.leave_all();

  s.test("reply: the callee dies with calls waiting");
  s.enter("a");
  s.enter("b");
  s.enter("c");
  s.enter("w");
  s.quietly("b", driver_call("RequestName", Args().s("t.B").u(0)));
  s.quietly("w", driver_call("AddMatch", Args().s("member='NameOwnerChanged'")));
  s.quietly("a", driver_call("AddMatch", Args().s("member='NameOwnerChanged'")));
  s.send("a", call("t.B", "/o", "i.I", "First"));
  s.send("a", quiet);
  s.send("c", call("t.B", "/o", "i.I", "Third"));
  s.send("a", call(s.name("b"), "/o", "i.I", "Fourth"));
  s.leave("b");
  s.send("a", call("t.B", "/o", "i.I", "Late"));

  s.test("reply: the caller dies before the reply");
  s.enter("d");
  s.send("d", call(s.name("c"), "/o", "i.I", "M"));
  serial = s.last("c").serial;
  const std::string gone = s.name("d");
  s.leave("d");
  s.send("c", answer(serial, gone));
  s.send("c", error(serial, gone));
  s.leave_all();
}

void signals(Stage& s) {
  s.enter("a");
  s.enter("b");
  s.enter("w");
  s.quietly("w", driver_call("AddMatch", Args().s("type='signal'")));
  s.quietly("b", driver_call("RequestName", Args().s("t.B").u(0)));

  s.test("signal: to one, who needs no rule");
  for (const std::string& to : {std::string("t.B"), s.name("b"), s.name("a")}) {
    Message m = signal("/o", "i.I", "M", Args().s("for you"));
    m.destination = to;
    s.send("a", m);
  }
  s.test("signal: to nobody");
  for (const char* to : {"t.Nobody", ":1.99999"}) {
    Message m = signal("/o", "i.I", "M");
    m.destination = to;
    s.send("a", m);
  }
  s.test("signal: to the driver");
  Message to_driver = signal("/o", "i.I", "M");
  to_driver.destination = "org.freedesktop.DBus";
  s.send("a", to_driver);

  s.test("signal: that looks like the driver's");
  s.send("a", signal("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged",
                     Args().s("x.Y").s("").s(":1.5")));
  s.ask("w", "AddMatch", Args().s("sender='org.freedesktop.DBus'"));
  s.ask("w", "RemoveMatch", Args().s("type='signal'"));
  s.send("a", signal("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged",
                     Args().s("x.Y").s("").s(":1.5")));

  s.test("signal: flags are handed on");
  s.ask("w", "AddMatch", Args().s("type='signal'"));
  for (uint8_t flags : {1, 2, 4, 7}) {
    Message m = signal("/o", "i.I", "M");
    m.flags = flags;
    s.send("a", m);
  }
  s.leave_all();
}

}  // namespace

void delivery_scenarios(Stage& s) {
  calls(s);
  replies(s);
  signals(s);
}

}  // namespace dg::test
