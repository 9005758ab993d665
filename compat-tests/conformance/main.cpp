// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * main.cpp - conformance: prints the transcript of the scenarios on one bus
 *
 * conformance --libdbus [ADDRESS]	over libdbus, default $DBUS_SESSION_BUS_ADDRESS
 * conformance --genl BUS		over raw netlink, to the bus BUS, which it makes
 *
 * The bus must be fresh, since unique names are printed as they are.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "client.h"

using namespace dg::test;

int main(int argc, char** argv) {
  std::string arg = argc > 2 ? argv[2] : "";
  if (argc > 1 && !std::strcmp(argv[1], "--libdbus")) {
    const char* env = std::getenv("DBUS_SESSION_BUS_ADDRESS");
    std::string address = !arg.empty() ? arg : env ? env : "";
    run_scenarios([&] { return connect_libdbus(address); });
    return 0;
  }
  if (argc > 2 && !std::strcmp(argv[1], "--genl")) {
    Bus bus;
    Answer a = bus.create(arg);
    if (a.error) {
      std::fprintf(stderr, "BUS_CREATE %s: errno %d %s\n", argv[2], -a.error, a.extack.c_str());
      return 2;
    }
    run_scenarios([&] { return connect_genl(arg); });
    return 0;
  }
  std::fprintf(stderr, "usage: conformance --libdbus [ADDRESS] | --genl BUS\n");
  return 2;
}
