// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * main.cpp - conformance: prints the transcript of the scenarios on one bus
 *
 * conformance --libdbus [ADDRESS]	over libdbus, default $DBUS_SESSION_BUS_ADDRESS
 * conformance --genl BUS		over raw netlink, to the bus BUS, which it makes
 * conformance --activation --libdbus|--genl …	services that the bus starts; BUS is there
 * conformance --serve NAME --libdbus|--genl …	such a service, at $DBUS_STARTER_ADDRESS or BUS
 *
 * The bus must be fresh, since unique names are printed as they are.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "client.h"

using namespace dg::test;

namespace {

int fail_usage() {
  std::fprintf(
      stderr,
      "usage: conformance [--activation | --serve NAME] --libdbus [ADDRESS] | --genl BUS\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::string service;
  bool activation = false;
  int at = 1;
  if (argc > at && !std::strcmp(argv[at], "--activation")) {
    activation = true;
    at++;
  } else if (argc > at + 1 && !std::strcmp(argv[at], "--serve")) {
    service = argv[at + 1];
    at += 2;
  }
  if (argc <= at) return fail_usage();

  const bool genl = !std::strcmp(argv[at], "--genl");
  if (genl ? argc <= at + 1 : std::strcmp(argv[at], "--libdbus")) return fail_usage();
  const char* env =
      std::getenv(service.empty() ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_STARTER_ADDRESS");
  const std::string where = argc > at + 1 ? argv[at + 1] : env ? env : "";
  auto connect = [&] { return genl ? connect_genl(where) : connect_libdbus(where); };

  if (!service.empty()) return serve(connect, service);
  if (activation) {
    run_activation_scenarios(connect);
    return 0;
  }
  Bus bus;
  if (genl) {
    Answer a = bus.create(where);
    if (a.error) {
      std::fprintf(stderr, "BUS_CREATE %s: errno %d %s\n", where.c_str(), -a.error,
                   a.extack.c_str());
      return 2;
    }
  }
  run_scenarios(connect);
  return 0;
}
