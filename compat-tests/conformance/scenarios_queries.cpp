// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_queries.cpp - what the driver tells: owners, names, credentials, ids
 */
#include <unistd.h>

#include <fstream>

#include "stage.h"

namespace dg::test {

namespace {

// This process's label as it is in a body's text. dbus-daemon asks its sockets for it, to which
// AppArmor says nothing on many kernels; the system test "namespaces" looks at ours.
std::string label_entry() {
  std::string label;
  std::getline(std::ifstream("/proc/self/attr/current"), label);
  if (label.empty()) return "";
  std::string text = ",\"LinuxSecurityLabel\":<ay[";
  for (const unsigned char c : label) text += "y" + std::to_string(c) + ",";
  return text + "y0]>";
}

}  // namespace

void queries_scenarios(Stage& s) {
  const std::string pid = "u" + std::to_string(getpid());
  s.hide(pid + ">", "u<pid>>");
  s.hide(pid + ")", "u<pid>)");
  s.hide(label_entry(), "");
  // Of dbus-daemon 1.16; the system test "process-fd" looks at ours.
  s.hide(",\"ProcessFD\":<h>", "");

  s.enter("a");
  s.enter("b");
  s.quietly("b", driver_call("RequestName", Args().s("t.B").u(0)));
  for (const char* member :
       {"GetNameOwner", "NameHasOwner", "ListQueuedOwners", "GetConnectionUnixUser",
        "GetConnectionUnixProcessID", "GetConnectionCredentials"}) {
    s.test(std::string("query: ") + member);
    for (const char* name :
         {"t.B", "t.Nobody", ":1.99999", ":2.0", ":1.", ":1.x", "", "x", ".x", "a..b", ":"})
      s.ask("a", member, Args().s(name));
    s.ask("a", member, Args().s(s.name("a")));
    s.ask("a", member, Args().s(s.name("b")));
    s.test(std::string("query: ") + member + " of the driver");
    s.ask("a", member, Args().s("org.freedesktop.DBus"));
    s.test(std::string("query: ") + member + " with wrong arguments");
    s.ask("a", member);
    s.ask("a", member, Args().u(1));
    s.ask("a", member, Args().s("t.B").s("t.B"));
    s.ask("a", member, Args().o("/t/B"));
  }
  for (const char* member : {"GetAdtAuditSessionData", "GetConnectionSELinuxSecurityContext"}) {
    s.test(std::string("query: ") + member);
    for (const char* name : {"t.B", "org.freedesktop.DBus", "t.Nobody", ""})
      s.ask("a", member, Args().s(name));
    s.ask("a", member);
  }

  s.test("query: ListNames");
  s.ask("a", "ListNames");
  s.ask("a", "ListNames", Args().s("x"));
  s.test("query: ListActivatableNames");
  s.ask("a", "ListActivatableNames");
  s.ask("a", "ListActivatableNames", Args().s("x"));
  s.test("query: GetId");
  s.ask("a", "GetId");
  s.ask("a", "GetId", Args().s("x"));

  s.test("query: StartServiceByName");
  s.ask("a", "StartServiceByName", Args().s("t.B").u(0));
  s.ask("a", "StartServiceByName", Args().s("t.Nobody").u(0));
  s.ask("a", "StartServiceByName", Args().s("org.freedesktop.DBus").u(0));
  s.ask("a", "StartServiceByName", Args().s(s.name("b")).u(0));
  s.ask("a", "StartServiceByName", Args().s("").u(0));
  s.ask("a", "StartServiceByName", Args().s("t.B"));
  s.test("query: ReloadConfig");
  s.ask("a", "ReloadConfig");
  s.test("query: UpdateActivationEnvironment");
  s.ask("a", "UpdateActivationEnvironment", Args().s("x"));

  s.test("query: Properties");
  auto properties = [&](const char* member, const Args& args) {
    s.send("a", call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                     "org.freedesktop.DBus.Properties", member, args));
  };
  properties("Get", Args().s("org.freedesktop.DBus").s("Nothing"));
  properties("Get", Args().s("x.Y").s("Features"));
  properties("GetAll", Args().s("x.Y"));
  properties("GetAll", Args().s(""));
  properties("Get", Args().s("org.freedesktop.DBus"));
  properties("Set", Args().s("org.freedesktop.DBus").s("Features"));
  properties("Nothing", Args());
  s.test("query: Properties, what differs by features");
  properties("Get", Args().s("org.freedesktop.DBus").s("Interfaces"));
  properties("Get", Args().s("org.freedesktop.DBus").s("Features"));
  properties("GetAll", Args().s("org.freedesktop.DBus"));

  s.test("query: Peer");
  for (const char* path : {"/org/freedesktop/DBus", "/", "/x/y"}) {
    s.send("a", call("org.freedesktop.DBus", path, "org.freedesktop.DBus.Peer", "Ping"));
    s.send("a", call("org.freedesktop.DBus", path, "org.freedesktop.DBus.Peer", "GetMachineId"));
    s.send("a", call("org.freedesktop.DBus", path, "org.freedesktop.DBus.Peer", "Nothing"));
  }
  s.send("a",
         call("org.freedesktop.DBus", "/", "org.freedesktop.DBus.Peer", "Ping", Args().s("x")));
  s.send("a", call("org.freedesktop.DBus", "/", "", "Ping"));
  s.leave_all();
}

}  // namespace dg::test
