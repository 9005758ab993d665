// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_table.cpp - each method of the driver, asked rightly and wrongly: with other
 * arguments, by other interfaces and none, at other objects
 *
 * Rows are what dbus-daemon 1.14 introspects, but for what activation is about.  A signal, a
 * property and an object have rows too, as far as they can be called.
 */
#include "stage.h"

namespace dg::test {

namespace {

const std::string kBus = "org.freedesktop.DBus";
const std::string kPath = "/org/freedesktop/DBus";

const char* const kInterfaces[] = {"",
                                   "org.freedesktop.DBus",
                                   "org.freedesktop.DBus.Properties",
                                   "org.freedesktop.DBus.Introspectable",
                                   "org.freedesktop.DBus.Monitoring",
                                   "org.freedesktop.DBus.Debug.Stats",
                                   "org.freedesktop.DBus.Peer",
                                   "org.freedesktop.DBus.ObjectManager",
                                   "org.freedesktop.DBus.Debug",
                                   "i.I"};
const char* const kPaths[] = {"/", "/x/y", "/org/freedesktop", "/org/freedesktop/DBus/x",
                              "/org/freedesktop/DBus"};

struct Row {
  const char* interface;
  const char* member;
  Args args;
  // Its answer is compared elsewhere, or ends the peer: asked for only where it is refused.
  bool refused_only = false;
};

Args values(const char* signature) {
  Args args;
  for (const char* type = signature; *type; ++type) {
    if (*type == 's') args.s("org.freedesktop.DBus");
    if (*type == 'u') args.u(0);
    if (*type == 'o') args.o("/org/freedesktop/DBus");
    if (*type == 'y') args.y(1);
    if (*type == 'i') args.i(0);
    if (*type == 'A') args.as({"x"});
  }
  return args;
}

// The same value, as a variant: it is marshalled as its signature and then itself.
Message set_property(const std::string& interface, const std::string& name) {
  Message m =
      call(kBus, kPath, kBus + ".Properties", "Set", Args().s(interface).s(name).g("s").s("value"));
  m.signature = "ssv";
  return m;
}

bool reaches(const Row& row, const std::string& interface, const std::string& path) {
  return (interface.empty() || interface == row.interface) && path == kPath;
}

void ask_all_ways(Stage& s, const Row& row) {
  const std::string title = std::string("table: ") + row.member;
  auto ask = [&](const std::string& path, const std::string& interface, const Args& args) {
    const bool right = args.signature() == row.args.signature();
    if (row.refused_only && right && reaches(row, interface, path)) return;
    s.send("a", call(kBus, path, interface, row.member, args));
  };
  s.test(title + ", arguments");
  ask(kPath, row.interface, row.args);
  for (const char* signature : {"", "s", "u", "ss", "su", "sss", "o", "y", "A", "ssss"})
    if (row.args.signature() != values(signature).signature())
      ask(kPath, row.interface, values(signature));
  s.test(title + ", interfaces");
  for (const char* interface : kInterfaces)
    if (std::string(interface) != row.interface) ask(kPath, interface, row.args);
  // What is said first.
  for (const char* interface : {"", "i.I"}) ask(kPath, interface, values("iii"));
  s.test(title + ", objects");
  for (const char* path : kPaths) {
    if (path == kPath) continue;
    for (const std::string& interface : {std::string(row.interface), std::string()})
      ask(path, interface, row.args);
  }
  for (const std::string& interface : {std::string(row.interface), std::string(), kBus})
    ask("/x/y", interface, values("iii"));
}

}  // namespace

void table_scenarios(Stage& s) {
  const std::string properties = kBus + ".Properties", stats = kBus + ".Debug.Stats";
  const std::vector<Row> rows = {
      {kBus.c_str(), "Hello", {}},
      {kBus.c_str(), "RequestName", Args().s("t.Table").u(0)},
      {kBus.c_str(), "ReleaseName", Args().s("t.Table")},
      {kBus.c_str(), "NameHasOwner", Args().s("t.Table")},
      {kBus.c_str(), "ListNames", {}},
      {kBus.c_str(), "AddMatch", Args().s("type='error',member='Never'")},
      {kBus.c_str(), "RemoveMatch", Args().s("type='error',member='Never'")},
      {kBus.c_str(), "GetNameOwner", Args().s("org.freedesktop.DBus")},
      {kBus.c_str(), "ListQueuedOwners", Args().s("org.freedesktop.DBus")},
      {kBus.c_str(), "GetConnectionUnixUser", Args().s("org.freedesktop.DBus")},
      // Of the driver's process there is a line in differences.txt.
      {kBus.c_str(), "GetConnectionUnixProcessID", Args().s("t.Nobody")},
      {kBus.c_str(), "GetAdtAuditSessionData", Args().s("org.freedesktop.DBus")},
      {kBus.c_str(), "GetConnectionSELinuxSecurityContext", Args().s("org.freedesktop.DBus")},
      {kBus.c_str(), "GetId", {}},
      {kBus.c_str(), "GetConnectionCredentials", Args().s("t.Nobody")},
      {properties.c_str(), "Get", Args().s("org.freedesktop.DBus").s("Nothing")},
      {properties.c_str(), "GetAll", Args().s("i.I")},
      {"org.freedesktop.DBus.Introspectable", "Introspect", {}, true},
      // With a rule that is none, so that it is refused wherever it is asked for.
      {"org.freedesktop.DBus.Monitoring", "BecomeMonitor", Args().as({"x"}).u(0)},
      {stats.c_str(), "GetStats", {}, true},
      {stats.c_str(), "GetConnectionStats", Args().s("org.freedesktop.DBus")},
      {stats.c_str(), "GetAllMatchRules", {}},
      {"org.freedesktop.DBus.Peer", "Ping", {}},
      {"org.freedesktop.DBus.Peer", "GetMachineId", {}},
      // Signals and properties are no methods.
      {kBus.c_str(), "NameOwnerChanged", Args().s("a").s("b").s("c")},
      {kBus.c_str(), "NameAcquired", Args().s("a")},
      {kBus.c_str(), "NameLost", Args().s("a")},
      {properties.c_str(), "PropertiesChanged", Args().s("a")},
      {kBus.c_str(), "Features", {}},
      {kBus.c_str(), "Interfaces", {}},
  };
  s.enter("a");
  for (const Row& row : rows) ask_all_ways(s, row);

  s.test("table: Set of properties");
  for (const char* interface : {"org.freedesktop.DBus", "org.freedesktop.DBus.Peer", "i.I", ""})
    for (const char* name : {"Features", "Interfaces", "Nothing", ""})
      s.send("a", set_property(interface, name));
  s.test("table: Set of properties elsewhere");
  for (const char* path : kPaths)
    for (const char* interface : {"", "org.freedesktop.DBus.Properties", "org.freedesktop.DBus"}) {
      Message m = set_property("org.freedesktop.DBus", "Features");
      m.path = path;
      m.interface = interface;
      s.send("a", m);
    }
  s.test("table: Get of properties");
  for (const char* interface : {"org.freedesktop.DBus", "org.freedesktop.DBus.Peer",
                                "org.freedesktop.DBus.Properties", "i.I", ""}) {
    for (const char* name : {"Nothing", "", "features", "Feature s"})
      s.send("a", call(kBus, kPath, kBus + ".Properties", "Get", Args().s(interface).s(name)));
    if (kBus != interface) {
      for (const char* name : {"Features", "Interfaces"})
        s.send("a", call(kBus, kPath, kBus + ".Properties", "Get", Args().s(interface).s(name)));
      s.send("a", call(kBus, kPath, kBus + ".Properties", "GetAll", Args().s(interface)));
    }
  }

  // Who a signal is from doesn't make it the driver's, and the driver listens to none.
  s.test("table: the driver's signals, sent by a peer");
  for (const char* member : {"NameOwnerChanged", "NameAcquired", "NameLost",
                             "ActivatableServicesChanged", "PropertiesChanged"})
    for (const std::string& destination : {std::string(), kBus, s.name("a")}) {
      Message m = signal(kPath, kBus, member, Args().s("t.Forged"));
      m.destination = destination;
      s.send("a", m);
    }
  s.leave_all();
}

}  // namespace dg::test
