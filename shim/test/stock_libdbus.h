// SPDX-License-Identifier: LGPL-2.1-or-later
// The installed libdbus beside ours in one test program, to compare what both do with the same
// arguments:
//
//   EXPECT_EQ(dbus_validate_path("/a", nullptr), STOCK(dbus_validate_path)("/a", nullptr));
//
// A test program has our code linked in statically and exports none of it, so that neither library
// finds the other's symbols. Objects (messages, connections, memory) must go back to the library
// that they came from; DBusError is plain data, but its strings must be freed where it was set.
#pragma once

#include <dbus/dbus.h>
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace dg::test {

inline void* stock_symbol(const char* name) {
  static void* const library = ::dlopen(DG_STOCK_LIBDBUS, RTLD_NOW | RTLD_LOCAL);
  void* symbol = library ? ::dlsym(library, name) : nullptr;
  if (!symbol) {
    std::fprintf(stderr, "%s: %s\n", DG_STOCK_LIBDBUS, ::dlerror());
    std::abort();
  }
  return symbol;
}

}  // namespace dg::test

#define STOCK(function) (reinterpret_cast<decltype(&function)>(::dg::test::stock_symbol(#function)))
