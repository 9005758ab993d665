// SPDX-License-Identifier: LGPL-2.1-or-later
// Which bus is taken without one being named. What the functions say to a bus is compared with the
// installed libdbus in compat-tests/abi/transcripts.
#include "connection/bus.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "transport/genl_bus.h"

namespace {

class BusAddress : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS",
                             "DBUS_STARTER_ADDRESS", "DBUS_STARTER_BUS_TYPE", "XDG_RUNTIME_DIR"}) {
      ::unsetenv(name);
    }
  }
};

TEST_F(BusAddress, EnvironmentComesFirst) {
  ::setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/session", 1);
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/system", 1);
  EXPECT_EQ(dg::default_bus_address(DBUS_BUS_SESSION), "unix:path=/session");
  EXPECT_EQ(dg::default_bus_address(DBUS_BUS_SYSTEM), "unix:path=/system");
  EXPECT_EQ(dg::default_bus_address(DBUS_BUS_STARTER), "unix:path=/session");
  ::setenv("DBUS_STARTER_ADDRESS", "unix:path=/starter", 1);
  EXPECT_EQ(dg::default_bus_address(DBUS_BUS_STARTER), "unix:path=/starter");
  EXPECT_EQ(dg::default_bus_address(DBUS_BUS_SESSION), "unix:path=/session");
}

TEST_F(BusAddress, KernelThenSocket) {
  const bool has_system = dg::genl_bus_exists("system"),
             has_session = dg::genl_bus_exists("session");
  for (const bool empty : {false, true}) {
    if (empty) {
      ::setenv("DBUS_SESSION_BUS_ADDRESS", "", 1);
      ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "", 1);
    }
    EXPECT_EQ(dg::default_bus_address(DBUS_BUS_SYSTEM),
              has_system ? "genl:bus=system" : "unix:path=/run/dbus/system_bus_socket");
    EXPECT_EQ(dg::default_bus_address(DBUS_BUS_SESSION),
              has_session ? "genl:bus=session" : "autolaunch:");
  }
}

TEST_F(BusAddress, ErrorsAreStocks) {
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "bogus", 1);
  DBusError error = DBUS_ERROR_INIT;
  EXPECT_EQ(dbus_bus_get(DBUS_BUS_SYSTEM, &error), nullptr);
  EXPECT_STREQ(error.name, DBUS_ERROR_BAD_ADDRESS);
  EXPECT_STREQ(error.message, "Address does not contain a colon");
  dbus_error_free(&error);
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
  EXPECT_EQ(dbus_bus_get_private(DBUS_BUS_SYSTEM, &error), nullptr);
  EXPECT_STREQ(error.name, DBUS_ERROR_FILE_NOT_FOUND);
  EXPECT_STREQ(error.message,
               "Failed to connect to socket /nonexistent/bus: No such file or directory");
  dbus_error_free(&error);
}

}  // namespace
