// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_driver.cpp - calls that the driver doesn't have, or has elsewhere,
 * and what it says of itself
 */
#include "stage.h"

namespace dg::test {

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

  s.test("driver: no reply wanted");
  for (const char* member : {"GetId", "Nothing", "Hello"}) {
    Message m = call(bus, path, bus, member);
    m.flags = NO_REPLY;
    s.send("a", m);
  }
  Message request = driver_call("RequestName", Args().s("t.Quiet").u(0));
  request.flags = NO_REPLY;
  s.send("a", request);

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

  s.test("monitoring: BecomeMonitor refused with bad arguments");
  s.send("a", call(bus, path, "org.freedesktop.DBus.Monitoring", "BecomeMonitor", Args().s("x")));
  s.send("a", call(bus, path, "org.freedesktop.DBus.Monitoring", "BecomeMonitor",
                   Args().as({"x"}).u(0)));
  s.send("a",
         call(bus, path, "org.freedesktop.DBus.Monitoring", "BecomeMonitor", Args().as({}).u(5)));

  s.test("monitoring: BecomeMonitor");
  s.enter("b");
  s.enter("m");
  s.send("m",
         call(bus, path, "org.freedesktop.DBus.Monitoring", "BecomeMonitor", Args().as({}).u(0)));
  s.leave_all();
}

}  // namespace dg::test
