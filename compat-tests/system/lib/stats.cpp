// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * stats.cpp - the module's counts in one line, for scripts
 *
 * dbus-genl-test-stats [NAME...]: `name=value` for each (default: the gauges),
 * read with STATS_GET; exit status 1 if the family isn't there.
 */
#include <cstdio>
#include <cstring>

#include "netlink.h"

using namespace dg::test;

int main(int argc, char** argv) {
  Stats s = stats();
  if (s.empty()) {
    std::fprintf(stderr, "no STATS_GET: is the module dbus_genl loaded?\n");
    return 1;
  }
  if (argc == 1) {
    std::printf("%s\n", gauges_text(s).c_str());
    return 0;
  }
  for (int i = 1; i < argc; ++i)
    for (auto& [attr, value] : s)
      if (!std::strcmp(stats_name(attr), argv[i]))
        std::printf("%s%s=%llu", i > 1 ? " " : "", argv[i], static_cast<unsigned long long>(value));
  std::printf("\n");
  return 0;
}
