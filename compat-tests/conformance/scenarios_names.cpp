// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_names.cpp - Hello; RequestName with all flags, queues, ReleaseName,
 * and the order of NameAcquired, NameLost and NameOwnerChanged
 */
#include "stage.h"

namespace dg::test {

namespace {

enum : uint32_t { ALLOW_REPLACEMENT = 1, REPLACE_EXISTING = 2, DO_NOT_QUEUE = 4 };

Args name_flags(const char* name, uint32_t flags) { return Args().s(name).u(flags); }

void hello(Stage& s) {
  s.test("hello: the first call, and again");
  s.enter_unregistered("a");
  s.send("a", driver_call("Hello"));
  s.registered("a");
  s.ask("a", "Hello");
  s.ask("a", "Hello", Args().s("x"));
  s.leave_all();

  s.test("hello: with an argument, first");
  s.enter_unregistered("a");
  s.send("a", driver_call("Hello", Args().s("x")));
  s.leave_all();

  s.test("hello: without interface");
  s.enter_unregistered("a");
  s.send("a", call("org.freedesktop.DBus", "/org/freedesktop/DBus", "", "Hello"));
  s.leave_all();

  s.test("hello: on another path");
  s.enter_unregistered("a");
  s.send("a", call("org.freedesktop.DBus", "/elsewhere", "org.freedesktop.DBus", "Hello"));
  s.leave_all();

  s.test("hello: another call first");
  s.enter_unregistered("a");
  s.send("a", driver_call("ListNames"));
  s.leave_all();

  s.test("hello: Ping of the driver first");
  s.enter_unregistered("a");
  s.send("a", call("org.freedesktop.DBus", "/", "org.freedesktop.DBus.Peer", "Ping"));
  s.leave_all();

  s.test("hello: a signal first");
  s.enter_unregistered("a");
  s.send("a", signal("/x", "x.Y", "Z"));
  s.leave_all();

  s.test("hello: a call to nobody first");
  s.enter_unregistered("a");
  s.send("a", call("x.Nobody", "/x", "x.Y", "Z"));
  s.leave_all();

  s.test("hello: not yet seen by others");
  s.enter("w");
  s.quietly("w", driver_call("AddMatch", Args().s("type='signal',member='NameOwnerChanged'")));
  s.enter_unregistered("a");
  s.ask("w", "ListNames");
  s.send("a", driver_call("Hello"));
  s.registered("a");
  s.ask("w", "ListNames");
  s.leave("a");
  s.leave_all();
}

void request(Stage& s) {
  s.test("request: free name, again, release");
  s.enter("a");
  s.ask("a", "RequestName", name_flags("t.One", 0));
  s.ask("a", "RequestName", name_flags("t.One", 0));
  s.ask("a", "ReleaseName", Args().s("t.One"));
  s.ask("a", "ReleaseName", Args().s("t.One"));

  s.test("request: unknown flags");
  s.ask("a", "RequestName", name_flags("t.One", 8));
  s.ask("a", "RequestName", name_flags("t.One", 0xffffffff));
  s.ask("a", "ReleaseName", Args().s("t.One"));

  s.test("request: names that are none");
  const std::string long_name = "t." + std::string(253, 'x');
  for (const char* bad :
       {"", "x", ":1.0", ":1.77", "org.freedesktop.DBus", ".x.y", "x..y", "x.y.", "x.1y", "1.y",
        "x.y-z", "x.y z", "x/y", "x.\xc3\xa9", "-x.y", "_x._y", "x.y$"}) {
    s.ask("a", "RequestName", name_flags(bad, 0));
    s.ask("a", "ReleaseName", Args().s(bad));
  }
  s.ask("a", "RequestName", name_flags(long_name.c_str(), 0));
  s.ask("a", "RequestName", name_flags((long_name + "x").c_str(), 0));
  s.ask("a", "ReleaseName", Args().s(long_name + "x"));

  s.test("request: wrong arguments");
  s.ask("a", "RequestName");
  s.ask("a", "RequestName", Args().s("t.One"));
  s.ask("a", "RequestName", Args().u(1).s("t.One"));
  s.ask("a", "RequestName", Args().s("t.One").u(0).u(0));
  s.ask("a", "RequestName", Args().o("/t/One").u(0));
  s.ask("a", "ReleaseName");
  s.ask("a", "ReleaseName", Args().s("t.One").s("t.Two"));
  s.leave_all();
}

void queues(Stage& s) {
  // Every pair of the owner's and the newcomer's flags, then releases in both orders.
  for (uint32_t owner = 0; owner < 8; ++owner)
    for (uint32_t next = 0; next < 8; ++next) {
      s.test("queue: owner flags " + std::to_string(owner) + ", next " + std::to_string(next));
      s.enter("a");
      s.enter("b");
      s.enter("w");
      s.quietly("w", driver_call("AddMatch", Args().s("type='signal',member='NameOwnerChanged'")));
      s.ask("a", "RequestName", name_flags("t.Q", owner));
      s.ask("b", "RequestName", name_flags("t.Q", next));
      s.ask("w", "ListQueuedOwners", Args().s("t.Q"));
      if (next & 1)
        s.ask("b", "ReleaseName", Args().s("t.Q"));
      else
        s.leave("a");
      s.ask("w", "ListQueuedOwners", Args().s("t.Q"));
      s.leave_all();
    }

  s.test("queue: three deep; change flags while waiting; replaced owner goes to the front");
  for (const char* actor : {"a", "b", "c", "w"}) s.enter(actor);
  s.quietly("w", driver_call("AddMatch", Args().s("type='signal',arg0='t.Q'")));
  s.ask("a", "RequestName", name_flags("t.Q", ALLOW_REPLACEMENT));
  s.ask("b", "RequestName", name_flags("t.Q", 0));
  s.ask("c", "RequestName", name_flags("t.Q", 0));
  s.ask("w", "ListQueuedOwners", Args().s("t.Q"));
  s.ask("c", "RequestName", name_flags("t.Q", REPLACE_EXISTING));
  s.ask("w", "ListQueuedOwners", Args().s("t.Q"));
  s.ask("b", "RequestName", name_flags("t.Q", DO_NOT_QUEUE));
  s.ask("w", "ListQueuedOwners", Args().s("t.Q"));
  s.ask("b", "ReleaseName", Args().s("t.Q"));
  s.ask("w", "ReleaseName", Args().s("t.Q"));
  s.ask("c", "ReleaseName", Args().s("t.Q"));
  s.ask("w", "ListQueuedOwners", Args().s("t.Q"));
  s.leave_all();

  s.test("queue: a waiting one dies, then the owner of several names dies");
  for (const char* actor : {"a", "b", "c", "w"}) s.enter(actor);
  s.quietly("w", driver_call("AddMatch", Args().s("type='signal',member='NameOwnerChanged'")));
  for (const char* name : {"t.One", "t.Two", "t.Three"})
    s.ask("a", "RequestName", name_flags(name, 0));
  s.ask("b", "RequestName", name_flags("t.Two", 0));
  s.ask("c", "RequestName", name_flags("t.Two", 0));
  s.ask("c", "RequestName", name_flags("t.Three", 0));
  s.leave("b");
  s.leave("a");
  s.ask("w", "ListNames");
  s.leave_all();
}

}  // namespace

void names_scenarios(Stage& s) {
  hello(s);
  request(s);
  queues(s);
}

}  // namespace dg::test
