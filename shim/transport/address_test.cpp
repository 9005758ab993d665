// SPDX-License-Identifier: LGPL-2.1-or-later
// Addresses: the public functions give what the installed libdbus gives, to the word.
#include "transport/address.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "test/stock_libdbus.h"

namespace {

constexpr const char* keys[] = {"path", "abstract", "guid", "a", "host", ""};

// What a parse gave, as one comparable text.
template <typename Parse, typename Method, typename Value, typename FreeEntries, typename FreeError>
std::string describe(const char* text, Parse parse, Method method, Value value,
                     FreeEntries free_entries, FreeError free_error) {
  DBusError error = DBUS_ERROR_INIT;
  DBusAddressEntry** entries = nullptr;
  int count = -1;
  if (!parse(text, &entries, &count, &error)) {
    std::string result = std::string(error.name) + ": " + error.message;
    free_error(&error);
    return result;
  }
  std::string result = std::to_string(count);
  for (int i = 0; i < count; ++i) {
    result += std::string(" {") + method(entries[i]);
    for (const char* key : keys) {
      if (const char* found = value(entries[i], key))
        result += std::string(" ") + key + "=" + found;
    }
    result += "}";
  }
  free_entries(entries);
  return result;
}

std::string ours(const char* text) {
  return describe(text, dbus_parse_address, dbus_address_entry_get_method,
                  dbus_address_entry_get_value, dbus_address_entries_free, dbus_error_free);
}

std::string stock(const char* text) {
  return describe(text, STOCK(dbus_parse_address), STOCK(dbus_address_entry_get_method),
                  STOCK(dbus_address_entry_get_value), STOCK(dbus_address_entries_free),
                  STOCK(dbus_error_free));
}

template <typename Unescape, typename Free, typename FreeError>
std::string unescape(const char* text, Unescape unescape, Free free, FreeError free_error) {
  DBusError error = DBUS_ERROR_INIT;
  char* value = unescape(text, &error);
  if (!value) {
    std::string result = std::string(error.name) + ": " + error.message;
    free_error(&error);
    return result;
  }
  std::string result = value;
  free(value);
  return "'" + result + "'";
}

std::string our_unescape(const char* text) {
  return unescape(text, dbus_address_unescape_value, dbus_free, dbus_error_free);
}

std::string stock_unescape(const char* text) {
  return unescape(text, STOCK(dbus_address_unescape_value), STOCK(dbus_free),
                  STOCK(dbus_error_free));
}

class Address : public testing::TestWithParam<const char*> {};

TEST_P(Address, ParsesAsStock) { EXPECT_EQ(ours(GetParam()), stock(GetParam())); }

INSTANTIATE_TEST_SUITE_P(
    Texts, Address,
    testing::Values("", ";", ";;", "unix", "unix:", "unix:;", "unix:path",
                    "unix:path=", "unix:path=/a", "unix:path=/a,", "unix:,path=/a",
                    "unix:path=/a,path=/b", "unix:path=/a,guid=0123", "unix:path=/a;tcp:host=x",
                    "unix:path=/a;", ":path=/a", ":", "unix:=/a", "unix:path=%2fa%41",
                    "unix:path=%2", "unix:path=%", "unix:path=%zz", "unix:path=/a b",
                    "unix:path=a=b", "un ix:path=a", "a:a=*~", "a:a=x%00y", "a:a=!",
                    "unix:path=/a,,a=b", "genl:bus=system", "genl:bus=x,uid=1000",
                    "autolaunch:", "a:a=\xc3\xa9", "b:a=%c3%a9", ";a:", "a:;;b:", "a:a=%FF",
                    "a:%61=b", "a%3a:a=b", "a:a=b;b", "a:a;b:", "a:a=b,a;", "a", "a:b=c:d",
                    "autolaunch:scope=*user", "unix:abstract=x,guid=1;unix:path=%"));

TEST(AddressEscape, AsStockForAllBytes) {
  for (int byte = 1; byte < 256; ++byte) {
    const char text[] = {'x', static_cast<char>(byte), 'y', '\0'};
    char* escaped = dbus_address_escape_value(text);
    char* expected = STOCK(dbus_address_escape_value)(text);
    EXPECT_STREQ(escaped, expected) << byte;
    EXPECT_EQ(our_unescape(escaped), std::string("'") + text + "'");
    EXPECT_EQ(our_unescape(text), stock_unescape(text)) << byte;
    dbus_free(escaped);
    STOCK(dbus_free)(expected);
  }
}

TEST(AddressEscape, UnescapesAsStock) {
  for (const char* text : {"", "%", "%4", "%41", "%4x", "a b", "*", "ab%", "%25", "%C3%a9", "a%00b",
                           "-_/\\.0aZ", "%%41", "%+1", "% 1"}) {
    EXPECT_EQ(our_unescape(text), stock_unescape(text)) << text;
  }
}

TEST(Address, RandomTextsAsStock) {
  std::mt19937 random(20261122);
  const std::string alphabet = "a=:;,%41Fg /*\\~=,;:%";
  for (int round = 0; round < 5000; ++round) {
    std::string text = round % 2 ? "unix:path=" : "";
    const int length = static_cast<int>(random() % 14);
    for (int i = 0; i < length; ++i) text += alphabet[random() % alphabet.size()];
    ASSERT_EQ(ours(text.c_str()), stock(text.c_str())) << text;
  }
}

TEST(UserBus, IsASocketOfThisUser) {
  char directory[] = "/tmp/dg-address-XXXXXX";
  ASSERT_TRUE(::mkdtemp(directory));
  ASSERT_EQ(::setenv("XDG_RUNTIME_DIR", directory, 1), 0);
  EXPECT_EQ(dg::user_bus_address(), "");

  const std::string path = std::string(directory) + "/bus";
  { const dg::UniqueFd file(::creat(path.c_str(), 0600)); }
  EXPECT_EQ(dg::user_bus_address(), "") << "a plain file is no bus";
  ::unlink(path.c_str());

  dg::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strcpy(name.sun_path, path.c_str());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  EXPECT_EQ(dg::user_bus_address(), "unix:path=" + dg::escape_address_value(path));
  ASSERT_EQ(::unsetenv("XDG_RUNTIME_DIR"), 0);
  EXPECT_EQ(dg::user_bus_address(), "");
  ::unlink(path.c_str());
  ::rmdir(directory);
}

}  // namespace
