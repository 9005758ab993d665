// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusError, and what misuse prints: compared with the installed libdbus.
#include "base/error.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cerrno>
#include <string>

#include "base/check.h"
#include "test/stock_libdbus.h"

namespace {

// name|message|who owns the strings
std::string describe(const DBusError& error) {
  return std::string(error.name ? error.name : "(none)") + "|" +
         (error.message ? error.message : "(none)") + "|" + (error.dummy1 ? "const" : "copied");
}

TEST(Error, DefaultMessagesAreStocks) {
  for (const char* name : {DBUS_ERROR_FAILED,
                           DBUS_ERROR_NO_MEMORY,
                           DBUS_ERROR_SERVICE_UNKNOWN,
                           DBUS_ERROR_NAME_HAS_NO_OWNER,
                           DBUS_ERROR_NO_REPLY,
                           DBUS_ERROR_IO_ERROR,
                           DBUS_ERROR_BAD_ADDRESS,
                           DBUS_ERROR_NOT_SUPPORTED,
                           DBUS_ERROR_LIMITS_EXCEEDED,
                           DBUS_ERROR_ACCESS_DENIED,
                           DBUS_ERROR_AUTH_FAILED,
                           DBUS_ERROR_NO_SERVER,
                           DBUS_ERROR_TIMEOUT,
                           DBUS_ERROR_NO_NETWORK,
                           DBUS_ERROR_ADDRESS_IN_USE,
                           DBUS_ERROR_DISCONNECTED,
                           DBUS_ERROR_INVALID_ARGS,
                           DBUS_ERROR_FILE_NOT_FOUND,
                           DBUS_ERROR_FILE_EXISTS,
                           DBUS_ERROR_UNKNOWN_METHOD,
                           DBUS_ERROR_UNKNOWN_OBJECT,
                           DBUS_ERROR_OBJECT_PATH_IN_USE,
                           DBUS_ERROR_TIMED_OUT,
                           DBUS_ERROR_MATCH_RULE_INVALID,
                           DBUS_ERROR_INVALID_SIGNATURE,
                           "a.b"}) {
    DBusError ours = DBUS_ERROR_INIT, stocks = DBUS_ERROR_INIT;
    dbus_set_error_const(&ours, name, nullptr);
    STOCK(dbus_set_error_const)(&stocks, name, nullptr);
    EXPECT_EQ(describe(ours), describe(stocks));
    EXPECT_EQ(ours.name, name) << "not copied";
    dbus_error_free(&ours);
    STOCK(dbus_error_free)(&stocks);
    dbus_set_error(&ours, name, nullptr);
    STOCK(dbus_set_error)(&stocks, name, nullptr);
    EXPECT_EQ(describe(ours), describe(stocks));
    dbus_error_free(&ours);
    STOCK(dbus_error_free)(&stocks);
  }
}

TEST(Error, FormatsAndCopies) {
  std::string name = "a.b", long_text(5000, 'x');
  DBusError error;
  dbus_error_init(&error);
  dbus_set_error(&error, name.c_str(), "%d %s", 3, long_text.c_str());
  name = "changed";
  EXPECT_TRUE(dbus_error_is_set(&error));
  EXPECT_TRUE(dbus_error_has_name(&error, "a.b"));
  EXPECT_FALSE(dbus_error_has_name(&error, "a.c"));
  EXPECT_EQ(error.message, "3 " + long_text);
  DBusError moved = DBUS_ERROR_INIT;
  dbus_move_error(&error, &moved);
  EXPECT_FALSE(dbus_error_is_set(&error));
  EXPECT_EQ(describe(moved), "a.b|3 " + long_text + "|copied");
  dbus_move_error(&moved, nullptr);
  EXPECT_FALSE(dbus_error_is_set(&moved));
  dbus_set_error(nullptr, "a.b", "nobody is interested");
  dbus_set_error_const(nullptr, "a.b", nullptr);
}

TEST(Error, TheFirstStays) {
  DBusError error = DBUS_ERROR_INIT;
  dg::set_error(&error, "a.first", "1");
  dg::set_error(&error, "a.second", "2");
  dg::set_oom(&error);
  EXPECT_EQ(describe(error), "a.first|1|copied");
  dbus_error_free(&error);
  EXPECT_FALSE(dbus_error_is_set(&error));
  dbus_error_free(&error);
}

// Both libraries' texts, without what is theirs: the file, the line, and how a condition is spaced.
std::string without_place(std::string text) {
  const auto cut = [&text](const std::string& from, const std::string& to) {
    const std::size_t start = text.find(from);
    const std::size_t end = text.find(to, start);
    if (start != std::string::npos && end != std::string::npos) {
      text.replace(start + from.size(), end - start - from.size(), "*");
    }
  };
  cut("in file ", ".\nThis");
  std::erase(text, ' ');
  return text;
}

TEST(Check, MisuseSaysWhatStockSays) {
  const auto both = [](auto ours, auto stock) {
    testing::internal::CaptureStderr();
    ours();
    const std::string text = testing::internal::GetCapturedStderr();
    testing::internal::CaptureStderr();
    stock();
    EXPECT_EQ(without_place(text), without_place(testing::internal::GetCapturedStderr()));
    EXPECT_NE(text.find("arguments to dbus_"), std::string::npos) << text;
  };
  both([] { dbus_error_init(nullptr); }, [] { STOCK(dbus_error_init)(nullptr); });
  both([] { dbus_error_is_set(nullptr); }, [] { STOCK(dbus_error_is_set)(nullptr); });
  DBusError set = DBUS_ERROR_INIT;
  dbus_set_error_const(&set, "a.b", "c");
  both([&] { dbus_set_error(&set, "a.b", "d"); }, [&] { STOCK(dbus_set_error)(&set, "a.b", "d"); });
  both([&] { dbus_error_has_name(&set, nullptr); },
       [&] {
         STOCK(dbus_error_has_name)
         (&set, nullptr);
       });
  EXPECT_STREQ(set.message, "c");
}

// Without this the installed library aborts at the first misuse, as it does by default.
const bool warnings_are_not_fatal = ::setenv("DBUS_FATAL_WARNINGS", "0", 1) == 0;

TEST(Check, NeverAborts) {
  ASSERT_TRUE(warnings_are_not_fatal);
  ::setenv("DBUS_FATAL_WARNINGS", "1", 1);
  dbus_error_free(nullptr);
  ::setenv("DBUS_FATAL_WARNINGS", "0", 1);
}

}  // namespace
