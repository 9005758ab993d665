// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_stats.cpp - Debug.Stats, and replies of the driver that are longer
 * than what fits into a message of the kernel's bus
 */
#include "stage.h"

namespace dg::test {

namespace {

void statistics(Stage& s) {
  auto stats = [&](const char* member, const Args& args = Args(),
                   const char* path = "/org/freedesktop/DBus",
                   const char* interface = "org.freedesktop.DBus.Debug.Stats") {
    s.send("a", call("org.freedesktop.DBus", path, interface, member, args));
  };
  for (const char* actor : {"a", "b", "c", "m"}) s.enter(actor);

  s.test("stats: rules as they are told");
  for (const char* rule :
       {"", "", "type=signal", "type=method_call", "type=method_return", "type=error",
        "eavesdrop=true,arg3path=/x,arg2=y,arg0namespace=a.b,path=/p,destination=':1.5',member=M,"
        "interface=a.B,sender=s.S,type=signal",
        "path_namespace=/a", "path_namespace=/", "sender=':1.0'", "eavesdrop='false'",
        "arg10='',arg1=b", "arg0='it'\\''s'", "arg0=a\\b", "arg63path='/'"})
    s.quietly("b", driver_call("AddMatch", Args().s(rule)));
  stats("GetAllMatchRules");
  s.quietly("b", driver_call("RemoveMatch", Args().s("type=error")));
  s.quietly("c", driver_call("AddMatch", Args().s("type=error")));
  stats("GetAllMatchRules");

  s.test("stats: of a peer");
  s.quietly("b", driver_call("RequestName", Args().s("t.B").u(0)));
  s.quietly("c", driver_call("RequestName", Args().s("t.B").u(0)));
  s.quietly("b", driver_call("RequestName", Args().s("t.B2").u(0)));
  for (const std::string& name : {s.name("a"), s.name("b"), s.name("c"), std::string("t.B")})
    stats("GetConnectionStats", Args().s(name));
  s.quietly("b", driver_call("ReleaseName", Args().s("t.B")));
  stats("GetConnectionStats", Args().s("t.B"));
  stats("GetConnectionStats", Args().s(s.name("b")));
  for (const char* name : {"org.freedesktop.DBus", "t.Nobody", ":1.99999", "", "x"})
    stats("GetConnectionStats", Args().s(name));

  s.test("stats: wrong arguments, interfaces, objects");
  stats("GetStats", Args().s("x"));
  stats("GetConnectionStats");
  stats("GetConnectionStats", Args().u(1));
  stats("GetAllMatchRules", Args().u(1));
  stats("Nothing");
  for (const char* member : {"GetStats", "GetAllMatchRules"}) stats(member, Args(), "/");
  stats("GetStats", Args(), "/org/freedesktop/DBus", "org.freedesktop.DBus");
  stats("GetAllMatchRules", Args(), "/org/freedesktop/DBus", "");

  s.test("stats: a monitor isn't told of");
  s.monitor("m", {"type='signal'"});
  stats("GetAllMatchRules");
  stats("GetConnectionStats", Args().s(s.name("m")));
  s.leave_all();
}

// A name of 255 characters that has the number n in it.
std::string long_name(int n) {
  std::string number = std::to_string(n);
  return "t." + std::string(253 - number.size(), 'n') + number;
}

void large_replies(Stage& s) {
  s.enter("a");
  s.enter("b");
  for (int n = 0; n < 400; n++)
    s.without_waiting("b", driver_call("RequestName", Args().s(long_name(n)).u(0)));
  s.quietly("b", driver_call("GetId"));
  s.test("large: ListNames");
  s.ask("a", "ListNames");

  s.test("large: GetAllMatchRules");
  for (int n = 0; n < 100; n++)
    s.without_waiting("b", driver_call("AddMatch", Args().s("arg0='" + std::string(1000, 'x') +
                                                            std::to_string(n) + "'")));
  s.quietly("b", driver_call("GetId"));
  s.send("a", call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                   "org.freedesktop.DBus.Debug.Stats", "GetAllMatchRules"));

  s.test("large: a monitor sees it too");
  s.enter("m");
  s.monitor("m", {});
  s.ask("a", "ListNames");
  s.leave_all();

  s.test("large: and again it fits");
  s.enter("a");
  s.ask("a", "ListNames");
  s.leave_all();
}

}  // namespace

void stats_scenarios(Stage& s) {
  statistics(s);
  large_replies(s);
}

}  // namespace dg::test
