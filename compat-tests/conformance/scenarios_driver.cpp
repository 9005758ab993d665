// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_driver.cpp - calls that the driver doesn't have, or has elsewhere,
 * and what it says of itself
 */
#include "stage.h"

namespace dg::test {

namespace {

// Some methods reply all the same, and errors always come.
void no_reply_wanted(Stage& s) {
  const std::string bus = "org.freedesktop.DBus";
  struct Case {
    const char* interface;
    const char* member;
    Args args;
  };
  const std::vector<Case> cases = {
      {"", "GetId", {}},
      {"", "GetId", Args().s("x")},
      {"", "Nothing", {}},
      {"", "Hello", {}},
      {"", "RequestName", Args().s("t.Quiet").u(0)},
      {"", "RequestName", Args().s("x").u(0)},
      {"", "ReleaseName", Args().s("t.Quiet")},
      {"", "NameHasOwner", Args().s("t.Quiet")},
      {"", "ListNames", {}},
      {"", "ListActivatableNames", {}},
      {"", "ListQueuedOwners", Args().s(bus)},
      {"", "GetNameOwner", Args().s(bus)},
      {"", "GetNameOwner", Args().s("t.Quiet")},
      {"", "GetConnectionUnixUser", Args().s(bus)},
      {"", "StartServiceByName", Args().s("t.Quiet").u(0)},
      {"", "AddMatch", Args().s("type='error'")},
      {"", "AddMatch", Args().s("x")},
      {"", "RemoveMatch", Args().s("type='error'")},
      {"", "RemoveMatch", Args().s("type='error'")},
      {"", "ReloadConfig", {}},
      {"", "UpdateActivationEnvironment", {}},
      {".Peer", "Ping", {}},
      {".Peer", "Ping", Args().s("x")},
      {".Peer", "GetMachineId", {}},
      {".Peer", "Nothing", {}},
      {".Properties", "Get", Args().s(bus).s("Nothing")},
      {".Properties", "Set", Args().s(bus).s("Features")},
      {".Monitoring", "BecomeMonitor", Args().as({"x"}).u(0)},
      {".Debug.Stats", "GetConnectionStats", Args().s("t.Quiet")},
  };
  for (auto& c : cases) {
    s.test("driver: no reply wanted: " + std::string(c.member) + "(" + c.args.signature() + ")");
    Message m = call(bus, "/org/freedesktop/DBus", bus + c.interface, c.member, c.args);
    m.flags = NO_REPLY;
    s.send("a", m);
  }
  s.test("no destination: no reply wanted");
  for (const char* member : {"Ping", "GetMachineId", "Nothing"}) {
    Message m = call("", "/x", bus + ".Peer", member);
    m.flags = NO_REPLY;
    s.send("a", m);
  }
}

}  // namespace

void driver_scenarios(Stage& s) {
  const std::string bus = "org.freedesktop.DBus";
  const std::string path = "/org/freedesktop/DBus";
  s.enter("a");

  s.test("driver: unknown methods, interfaces and objects");
  s.send("a", call(bus, path, bus, "Nothing"));
  s.send("a", call(bus, path, "", "Nothing"));
  s.send("a", call(bus, path, "x.Y", "Nothing"));
  s.send("a", call(bus, path, "x.Y", "GetId"));
  s.send("a", call(bus, "/x", bus, "Nothing"));
  s.send("a", call(bus, "/x", "x.Y", "Nothing"));
  s.send("a", call(bus, "/x", "", "Nothing"));
  s.send("a", call(bus, path, bus, "Nothing", Args().s("x")));
  s.send("a", call(bus, path, bus, "getid"));

  s.test("driver: without interface");
  for (const char* member : {"GetId", "Ping", "Introspect", "GetMachineId", "ListNames"})
    s.send("a", call(bus, path, "", member));

  s.test("driver: on other objects");
  for (const char* other : {"/", "/x", "/org/freedesktop", "/org/freedesktop/DBus/x"}) {
    s.send("a", call(bus, other, bus, "GetId"));
    s.send("a", call(bus, other, bus, "ListNames"));
    s.send("a", call(bus, other, bus, "AddMatch", Args().s("type='error'")));
    s.send("a", call(bus, other, bus, "RequestName", Args().s("t.X").u(0)));
    s.send("a", call(bus, other, bus, "UpdateActivationEnvironment"));
  }

  no_reply_wanted(s);

  s.test("driver: replies and errors sent to it");
  Message m;
  m.type = RETURN;
  m.reply_serial = 1;
  m.destination = bus;
  s.send("a", m);
  m.type = ERROR;
  m.error_name = "x.Y";
  s.send("a", m);

  s.test("driver: by its name as if it were a unique one");
  s.ask("a", "GetNameOwner", Args().s(bus));

  for (const char* where : {"/org/freedesktop/DBus", "/", "/org", "/org/freedesktop", "/x"}) {
    s.test(std::string("introspect: ") + where);
    s.send("a", call(bus, where, "org.freedesktop.DBus.Introspectable", "Introspect"));
  }
  s.test("introspect: with an argument, and without interface");
  s.send("a", call(bus, "/", "org.freedesktop.DBus.Introspectable", "Introspect", Args().s("x")));
  s.send("a", call(bus, "/x", "", "Introspect"));
  s.leave_all();
}

}  // namespace dg::test
