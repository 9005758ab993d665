// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_monitor.cpp - BecomeMonitor, what monitors and eavesdroppers see,
 * and in which order
 */
#include "stage.h"

namespace dg::test {

namespace {

const std::string bus = "org.freedesktop.DBus";
const std::string bus_path = "/org/freedesktop/DBus";
const std::string monitoring = "org.freedesktop.DBus.Monitoring";

Message answer(const Seen& to, const Args& args = Args()) {
  Message m;
  m.type = RETURN;
  m.reply_serial = to.serial;
  m.destination = to.sender;
  return m.with(args);
}

Message signal_to(const std::string& destination, const std::string& member) {
  Message m = signal("/o", "i.I", member);
  m.destination = destination;
  return m;
}

void refused(Stage& s) {
  s.enter("a");
  const std::vector<std::pair<std::string, Args>> cases = {
      {"flags", Args().as({}).u(5)},
      {"flags come before rules", Args().as({"x"}).u(1)},
      {"a bad rule", Args().as({"x"}).u(0)},
      {"a bad rule after a good one", Args().as({"type='signal'", "type='foo'"}).u(0)},
      {"a rule too long", Args().as({std::string(1100, 'x')}).u(0)},
      {"no arguments", Args()},
      {"a string", Args().s("x")},
      {"rules alone", Args().as({})},
      {"one argument more", Args().as({}).u(0).u(0)},
  };
  for (auto& [what, args] : cases) {
    s.test("monitoring: refused: " + what);
    s.send("a", call(bus, bus_path, monitoring, "BecomeMonitor", args));
  }
  s.test("monitoring: refused: elsewhere");
  s.send("a", call(bus, "/", monitoring, "BecomeMonitor", Args().as({}).u(0)));
  s.send("a", call(bus, "/", "", "BecomeMonitor", Args().as({}).u(0)));
  s.send("a", call(bus, bus_path, monitoring, "Nothing"));
  s.send("a", call(bus, bus_path, bus, "BecomeMonitor", Args().as({}).u(0)));
  s.send("a", call(bus, bus_path, "", "BecomeMonitor", Args().as({}).u(5)));
  s.test("monitoring: and so it stays what it was");
  s.ask("a", "GetNameOwner", Args().s(s.name("a")));
  s.leave_all();
}

// What a peer that has everything loses when it becomes a monitor.
void becoming(Stage& s) {
  for (bool second : {false, true}) {
    for (bool rule : {false, true}) {
      s.test(std::string("monitoring: becoming ") + (second ? "the second" : "the first") +
             (rule ? ", with a match rule of its own" : ""));
      for (const char* actor : {"a", "b", "m", "w"}) s.enter(actor);
      if (second) {
        s.enter("n");
        s.monitor("n", {});
      }
      s.quietly("w", driver_call("AddMatch", Args().s("type='signal'")));
      if (rule) s.quietly("m", driver_call("AddMatch", Args().s("type='signal'")));
      for (const char* name : {"t.One", "t.Two", "t.Three"})
        s.quietly("m", driver_call("RequestName", Args().s(name).u(0)));
      s.quietly("b", driver_call("RequestName", Args().s("t.Four").u(0)));
      s.quietly("m", driver_call("RequestName", Args().s("t.Four").u(0)));
      s.quietly("a", driver_call("RequestName", Args().s("t.Two").u(0)));
      s.quietly("a", call("t.One", "/o", "i.I", "First"));
      s.quietly("b", call("t.One", "/o", "i.I", "Second"));
      s.quietly("a", call("t.One", "/o", "i.I", "Third"));
      s.quietly("m", call(s.name("a"), "/o", "i.I", "OfTheMonitor"));
      Seen pending = s.last("a");
      s.monitor("m", rule ? std::vector<std::string>{"type='signal'"} : std::vector<std::string>{});
      s.send("a", answer(pending));
      s.ask("a", "GetNameOwner", Args().s(s.name("m")));
      s.ask("a", "NameHasOwner", Args().s("t.One"));
      s.ask("a", "ListNames");
      s.ask("a", "ListQueuedOwners", Args().s("t.Four"));
      s.ask("a", "GetConnectionUnixUser", Args().s(s.name("m")));
      s.send("a", call(s.name("m"), "/o", "i.I", "ToTheMonitor"));
      s.send("a", signal("/o", "i.I", "Heard"));
      s.leave("m");
      s.leave_all();
    }
  }
}

void sends(Stage& s) {
  struct Case {
    const char* what;
    Message message;
  };
  Message reply;
  reply.type = RETURN;
  reply.reply_serial = 7;
  const std::vector<Case> cases = {
      {"a call of the driver", driver_call("GetId")},
      {"BecomeMonitor", call(bus, bus_path, monitoring, "BecomeMonitor", Args().as({}).u(0))},
      {"a signal", signal("/o", "i.I", "S")},
      {"a call to nobody", call("t.Nobody", "/o", "i.I", "M")},
      {"a reply without a destination", reply},
  };
  for (auto& c : cases) {
    s.test(std::string("monitoring: a monitor sends ") + c.what);
    for (const char* actor : {"a", "m", "n"}) s.enter(actor);
    s.quietly("a", driver_call("AddMatch", Args().s("type='signal'")));
    s.monitor("n", {});
    s.monitor("m", {});
    s.send("m", c.message);
    s.ask("a", "GetId");
    s.leave_all();
  }
  s.test("monitoring: an eavesdropper waits for who becomes one");
  for (const char* actor : {"a", "e", "m"}) s.enter(actor);
  s.quietly("e", driver_call("AddMatch", Args().s("eavesdrop='true'")));
  s.quietly("m", driver_call("RequestName", Args().s("t.M").u(0)));
  s.send("e", call("t.M", "/o", "i.I", "First"));
  s.send("a", call("t.M", "/o", "i.I", "Second"));
  s.send("e", call("t.M", "/o", "i.I", "Third"));
  s.monitor("m", {"type='error'"});
  s.leave_all();
  s.test("monitoring: no reply wanted");
  for (const char* actor : {"a", "m"}) s.enter(actor);
  s.monitor("m", {}, NO_REPLY);
  s.ask("a", "GetId");
  s.leave_all();
}

// Calls of the driver, messages between peers, messages that are refused.
void traffic(Stage& s) {
  s.test("monitoring: traffic: calls of the driver");
  s.ask("a", "GetId");
  s.ask("a", "Nothing");
  s.ask("a", "GetId", Args().s("x"));
  s.send("a", call(bus, bus_path, "i.I", "GetId"));
  s.test("monitoring: traffic: names");
  s.ask("b", "RequestName", Args().s("t.Q").u(1));
  s.ask("a", "RequestName", Args().s("t.Q").u(2));
  s.ask("a", "ReleaseName", Args().s("t.Q"));
  s.test("monitoring: traffic: calls and replies");
  s.send("a", call("t.Q", "/o", "i.I", "M", Args().s("x")));
  Seen asked = s.last("b");
  s.send("b", answer(asked, Args().s("y")));
  s.send("b", answer(asked, Args().s("again")));
  s.send("a", call(s.name("b"), "/p", "i.J", "N"));
  s.send("a", call("t.Nobody", "/o", "i.I", "M"));
  s.test("monitoring: traffic: signals");
  s.send("a", signal("/o", "i.I", "S", Args().s("x")));
  s.send("a", signal_to("t.Q", "ToName"));
  s.send("a", signal_to(s.name("b"), "ToUnique"));
  s.send("a", signal_to("t.Nobody", "ToNobody"));
  s.send("a", signal_to(bus, "ToDriver"));
  s.test("monitoring: traffic: replies to the bus");
  Message reply;
  reply.type = RETURN;
  reply.reply_serial = 7;
  reply.destination = bus;
  s.send("a", reply);
  reply.destination = "";
  s.send("a", reply);
  s.test("no destination: calls with monitors");
  s.send("a", call("", "/o", bus + ".Peer", "Nothing"));
  s.send("a", call("", "/o", "i.I", "M"));
  s.test("monitoring: traffic: no reply wanted");
  Message quiet = driver_call("AddMatch", Args().s("type='error'"));
  quiet.flags = NO_REPLY;
  s.send("a", quiet);
  quiet = driver_call("GetId");
  quiet.flags = NO_REPLY;
  s.send("a", quiet);
}

void newcomers(Stage& s) {
  s.test("monitoring: Hello, before it, and again");
  s.enter_unregistered("c");
  s.send("c", driver_call("GetId"));
  s.send("c", driver_call("Hello"));
  s.registered("c");
  s.send("c", driver_call("Hello"));
  s.leave("c");
  const std::vector<std::pair<std::string, Message>> others = {
      {"a signal", signal("/o", "i.I", "Early")},
      {"a signal to somebody", signal_to("t.Q", "Early")},
      {"a call", call("t.Q", "/o", "i.I", "Early")},
      {"BecomeMonitor", call(bus, bus_path, monitoring, "BecomeMonitor", Args().as({}).u(0))},
  };
  for (auto& [what, message] : others) {
    s.test("monitoring: before Hello: " + what);
    s.enter_unregistered("d");
    s.send("d", message);
    s.leave("d");
  }
  s.test("no destination: a call before Hello");
  s.enter_unregistered("d");
  s.send("d", call("", "/o", bus + ".Peer", "Nothing"));
  s.leave("d");
}

void rules(Stage& s) {
  s.test("monitoring: many of them");
  s.enter("a");
  s.enter("b");
  int n = 0;
  for (std::string rule : {"",
                           "type='method_call'",
                           "type='method_return'",
                           "type='error'",
                           "type='signal'",
                           "sender='org.freedesktop.DBus'",
                           "destination='org.freedesktop.DBus'",
                           "sender='A'",
                           "destination='A'",
                           "sender=':not.active.yet'",
                           "destination=':not.active.yet'",
                           "destination='t.Nobody'",
                           "interface='i.I'",
                           "member='Hello'",
                           "path='/o'",
                           "path_namespace='/org'",
                           "arg0='x'",
                           "arg0='t.Q'",
                           "eavesdrop='true',type='error'",
                           "eavesdrop='false',type='method_call'",
                           "member='NameOwnerChanged',arg0namespace='t'"}) {
    std::string actor = "m" + std::to_string(10 + n++);
    if (size_t at = rule.find("'A'"); at != std::string::npos)
      rule.replace(at, 3, "'" + s.name("a") + "'");
    s.enter(actor);
    s.monitor(actor, rule.empty() ? std::vector<std::string>{} : std::vector<std::string>{rule});
  }
  traffic(s);
  newcomers(s);
  s.test("monitoring: a peer dies");
  s.leave("b");
  s.leave_all();

  s.test("monitoring: once, however many rules match");
  for (const char* actor : {"a", "b", "m"}) s.enter(actor);
  s.monitor("m", {"type='signal'", "member='S'", "type='signal'", "interface='i.I'"});
  s.send("a", signal("/o", "i.I", "S"));
  s.send("a", call(s.name("b"), "/o", "i.I", "S"));
  s.leave_all();
}

// A monitor's rules that name who has a name: see docs/differences.md for names that are changing
// hands just then.
void names(Stage& s) {
  s.test("monitoring: by a well-known name");
  for (const char* actor : {"a", "b", "m", "n"}) s.enter(actor);
  s.quietly("b", driver_call("RequestName", Args().s("t.Q").u(0)));
  s.monitor("m", {"sender='t.Q'"});
  s.monitor("n", {"destination='t.Q'"});
  s.send("a", call("t.Q", "/o", "i.I", "M"));
  s.send("b", answer(s.last("b")));
  s.send("a", call(s.name("b"), "/o", "i.I", "M"));
  s.send("b", signal("/o", "i.I", "S"));
  s.ask("b", "GetId");
  s.leave_all();
}

// In which order one peer, that listens to all signals, sees its own names come and go.
void own_names(Stage& s) {
  s.test("signal: of a name that one takes from another, gives up, or dies with");
  for (const char* actor : {"a", "b", "w"}) {
    s.enter(actor);
    s.quietly(actor, driver_call("AddMatch", Args().s("type='signal'")));
  }
  s.ask("a", "RequestName", Args().s("t.N").u(1));
  s.ask("b", "RequestName", Args().s("t.N").u(2));
  s.ask("b", "ReleaseName", Args().s("t.N"));
  s.ask("b", "RequestName", Args().s("t.N").u(2));
  s.ask("b", "RequestName", Args().s("t.O").u(0));
  s.leave("b");
  s.ask("a", "ReleaseName", Args().s("t.N"));
  s.leave_all();
}

// eavesdrop='true': what it sees of the driver are calls that succeed, after they have.
void eavesdropping(Stage& s) {
  s.test("eavesdrop: calls and signals to others");
  for (const char* actor : {"a", "b", "w"}) s.enter(actor);
  s.ask("w", "AddMatch", Args().s("eavesdrop='true'"));
  s.ask("a", "GetId");
  s.ask("a", "Nothing");
  s.ask("a", "RequestName", Args().s("t.Q").u(1));
  s.ask("b", "RequestName", Args().s("t.Q").u(2));
  s.ask("b", "ReleaseName", Args().s("t.Q"));
  s.ask("w", "GetId");
  s.ask("w", "Nothing");
  s.ask("w", "RequestName", Args().s("t.W").u(0));
  s.send("a", call("t.Q", "/o", "i.I", "ToItself"));
  s.send("a", call(s.name("b"), "/o", "i.I", "M"));
  s.send("a", call("t.W", "/o", "i.I", "ToTheEavesdropper"));
  s.send("w", call(s.name("a"), "/o", "i.I", "FromTheEavesdropper"));
  s.send("a", call("t.Nobody", "/o", "i.I", "M"));
  s.send("a", signal_to(s.name("b"), "S"));
  s.send("a", signal_to("t.W", "ToTheEavesdropper"));
  s.enter_unregistered("c");
  s.send("c", driver_call("GetId"));
  s.send("c", driver_call("Hello"));
  s.registered("c");
  s.leave("c");
  s.leave_all();
}

}  // namespace

void monitor_scenarios(Stage& s) {
  refused(s);
  becoming(s);
  sends(s);
  rules(s);
  names(s);
  own_names(s);
  eavesdropping(s);
}

}  // namespace dg::test
