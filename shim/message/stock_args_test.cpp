// SPDX-License-Identifier: LGPL-2.1-or-later
// dbus_message_get_args and dbus_message_append_args, and errors from messages, against the
// installed libdbus.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "message/stock_api.h"

namespace dg::test {
namespace {

// Appends one of each that append_args can.
Message with_args(const Api& api) {
  Message m(api, api.dbus_message_new_signal("/a", "b.c", "S"));
  const unsigned char byte = 7;
  const dbus_bool_t boolean = TRUE;
  const dbus_int16_t i16 = -2;
  const dbus_int64_t i64 = -5000000000;
  const double real = 1.5;
  const char *string = "text", *path = "/p", *signature = "a{sv}";
  const dbus_uint32_t numbers[] = {1, 2, 3}, *numbers_pointer = numbers;
  const char *strings[] = {"x", "", "zzz"}, **strings_pointer = strings;
  const char** no_strings = nullptr;
  const double* no_doubles = nullptr;
  EXPECT_TRUE(api.dbus_message_append_args(
      m.get(), DBUS_TYPE_BYTE, &byte, DBUS_TYPE_BOOLEAN, &boolean, DBUS_TYPE_INT16, &i16,
      DBUS_TYPE_INT64, &i64, DBUS_TYPE_DOUBLE, &real, DBUS_TYPE_STRING, &string,
      DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_SIGNATURE, &signature, DBUS_TYPE_ARRAY,
      DBUS_TYPE_UINT32, &numbers_pointer, 3, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &strings_pointer, 3,
      DBUS_TYPE_ARRAY, DBUS_TYPE_OBJECT_PATH, &no_strings, 0, DBUS_TYPE_ARRAY, DBUS_TYPE_DOUBLE,
      &no_doubles, 0, DBUS_TYPE_INVALID));
  return m;
}

TEST(StockArgs, AppendAndGetAll) {
  std::string text[2];
  const Api* apis[2] = {&stock(), &ours()};
  for (int i = 0; i < 2; ++i) {
    const Api& api = *apis[i];
    const Message m = with_args(api);
    text[i] = hex(marshal(api, m.get()));
    unsigned char byte = 0;
    dbus_bool_t boolean = FALSE;
    dbus_int16_t i16 = 0;
    dbus_int64_t i64 = 0;
    double real = 0;
    const char *string = nullptr, *path = nullptr, *signature = nullptr;
    const dbus_uint32_t* numbers = nullptr;
    const double* doubles = &real;
    char **strings = nullptr, **paths = nullptr;
    int n_numbers = -1, n_strings = -1, n_paths = -1, n_doubles = -1;
    Error error(api);
    ASSERT_TRUE(api.dbus_message_get_args(
        m.get(), error, DBUS_TYPE_BYTE, &byte, DBUS_TYPE_BOOLEAN, &boolean, DBUS_TYPE_INT16, &i16,
        DBUS_TYPE_INT64, &i64, DBUS_TYPE_DOUBLE, &real, DBUS_TYPE_STRING, &string,
        DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_SIGNATURE, &signature, DBUS_TYPE_ARRAY,
        DBUS_TYPE_UINT32, &numbers, &n_numbers, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &strings,
        &n_strings, DBUS_TYPE_ARRAY, DBUS_TYPE_OBJECT_PATH, &paths, &n_paths, DBUS_TYPE_ARRAY,
        DBUS_TYPE_DOUBLE, &doubles, &n_doubles, DBUS_TYPE_INVALID))
        << error.text();
    EXPECT_EQ(byte, 7);
    EXPECT_EQ(boolean, TRUE);
    EXPECT_EQ(i16, -2);
    EXPECT_EQ(i64, -5000000000);
    EXPECT_EQ(real, 1.5);
    EXPECT_STREQ(string, "text");
    EXPECT_STREQ(path, "/p");
    EXPECT_STREQ(signature, "a{sv}");
    ASSERT_EQ(n_numbers, 3);
    EXPECT_EQ(numbers[2], 3u);
    ASSERT_EQ(n_strings, 3);
    EXPECT_STREQ(strings[2], "zzz");
    EXPECT_EQ(strings[3], nullptr);
    EXPECT_EQ(n_paths, 0);
    ASSERT_NE(paths, nullptr);
    EXPECT_EQ(paths[0], nullptr);
    EXPECT_EQ(n_doubles, 0);
    EXPECT_EQ(doubles, nullptr);
    api.dbus_free_string_array(strings);
    api.dbus_free_string_array(paths);
  }
  EXPECT_EQ(text[0], text[1]);
}

// What get_args says when asked for (type, element type) against a message with this signature.
std::string ask(const Api& api, const std::string& signature, int first, int first_element,
                int second, int second_element) {
  Random random(9);
  const Message m(api, api.dbus_message_new_signal("/a", "b.c", "S"));
  DBusMessageIter iter;
  api.dbus_message_iter_init_append(m.get(), &iter);
  EXPECT_TRUE(append_values(api, &iter, signature.c_str(), random));

  Error error(api);
  void* values[2] = {nullptr, nullptr};
  std::uint64_t scalars[2] = {0, 0};
  int counts[2] = {-1, -1};
  void* places[2] = {nullptr, nullptr};
  const int types[2] = {first, second}, elements[2] = {first_element, second_element};
  for (int i = 0; i < 2; ++i)
    places[i] = types[i] == DBUS_TYPE_ARRAY ? static_cast<void*>(&values[i]) : &scalars[i];
  bool ok;
  if (first == DBUS_TYPE_ARRAY && second == DBUS_TYPE_ARRAY) {
    ok = api.dbus_message_get_args(m.get(), error, first, elements[0], places[0], &counts[0],
                                   second, elements[1], places[1], &counts[1], DBUS_TYPE_INVALID);
  } else if (first == DBUS_TYPE_ARRAY) {
    ok = api.dbus_message_get_args(m.get(), error, first, elements[0], places[0], &counts[0],
                                   second, places[1], DBUS_TYPE_INVALID);
  } else if (second == DBUS_TYPE_ARRAY) {
    ok = api.dbus_message_get_args(m.get(), error, first, places[0], second, elements[1], places[1],
                                   &counts[1], DBUS_TYPE_INVALID);
  } else {
    ok = api.dbus_message_get_args(m.get(), error, first, places[0], second, places[1],
                                   DBUS_TYPE_INVALID);
  }
  std::string text = std::to_string(ok) + " " + error.text();
  for (int i = 0; i < 2; ++i) {
    const bool strings = types[i] == DBUS_TYPE_ARRAY &&
                         (elements[i] == DBUS_TYPE_STRING || elements[i] == DBUS_TYPE_OBJECT_PATH);
    text += " " + std::to_string(counts[i]) + (values[i] ? "set" : "null");
    if (strings && ok) api.dbus_free_string_array(static_cast<char**>(values[i]));
  }
  return text;
}

TEST(StockArgs, WrongRequests) {
  testing::internal::CaptureStderr();  // both warn about types that get_args can't read
  std::vector<std::string> signatures = {"",   "u",   "us",   "uu",     "asu", "asas",  "auas",
                                         "vu", "uv",  "(u)u", "a{sv}u", "aas", "asaas", "oas",
                                         "xd", "ayu", "ub",   "ubi",    "avu", "aoag"};
  const std::vector<std::pair<int, int>> wanted = {{DBUS_TYPE_INVALID, 0},
                                                   {DBUS_TYPE_UINT32, 0},
                                                   {DBUS_TYPE_STRING, 0},
                                                   {DBUS_TYPE_BOOLEAN, 0},
                                                   {DBUS_TYPE_VARIANT, 0},
                                                   {DBUS_TYPE_STRUCT, 0},
                                                   {DBUS_TYPE_ARRAY, DBUS_TYPE_STRING},
                                                   {DBUS_TYPE_ARRAY, DBUS_TYPE_UINT32},
                                                   {DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE},
                                                   {DBUS_TYPE_ARRAY, DBUS_TYPE_VARIANT},
                                                   {DBUS_TYPE_ARRAY, DBUS_TYPE_ARRAY},
                                                   {DBUS_TYPE_ARRAY, DBUS_TYPE_DICT_ENTRY}};
  for (const std::string& signature : signatures)
    for (const auto& [first, first_element] : wanted)
      for (const auto& [second, second_element] : wanted)
        EXPECT_EQ(ask(stock(), signature, first, first_element, second, second_element),
                  ask(ours(), signature, first, first_element, second, second_element))
            << signature << " " << first << "," << first_element << " " << second << ","
            << second_element;
  testing::internal::GetCapturedStderr();
}

TEST(StockArgs, ErrorFromMessage) {
  const auto run = [](const Api& api, int type, const char* name, const char* signature) {
    Random random(11);
    const Message m(api, api.dbus_message_new(type));
    if (name) api.dbus_message_set_error_name(m.get(), name);
    DBusMessageIter iter;
    api.dbus_message_iter_init_append(m.get(), &iter);
    append_values(api, &iter, signature, random);
    Error error(api);
    std::string text = std::to_string(api.dbus_set_error_from_message(error, m.get())) + " ";
    text += error.text();
    return text + " " + std::to_string(api.dbus_set_error_from_message(nullptr, m.get()));
  };
  for (const int type : {DBUS_MESSAGE_TYPE_ERROR, DBUS_MESSAGE_TYPE_SIGNAL})
    for (const char* name : {"a.E", DBUS_ERROR_FAILED, DBUS_ERROR_NO_MEMORY, DBUS_ERROR_TIMEOUT})
      for (const char* signature : {"", "s", "u", "us", "ss", "as", "o"})
        EXPECT_EQ(run(stock(), type, name, signature), run(ours(), type, name, signature))
            << name << " " << signature;
}

// What failed get_args calls had allocated and duplicated is given back.
TEST(StockArgs, FailureLeavesNothing) {
  const int before = dup(0);
  close(before);
  for (const Api* api : {&stock(), &ours()}) {
    const Message m(*api, api->dbus_message_new_signal("/a", "b.c", "S"));
    const int fd = 0;
    const dbus_uint32_t number = 5;
    EXPECT_TRUE(api->dbus_message_append_args(m.get(), DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_UINT32,
                                              &number, DBUS_TYPE_INVALID));
    int received = 99;
    const char* text = nullptr;
    EXPECT_FALSE(api->dbus_message_get_args(m.get(), nullptr, DBUS_TYPE_UNIX_FD, &received,
                                            DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
    EXPECT_EQ(received, -1);
  }
  const int after = dup(0);
  close(after);
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace dg::test
