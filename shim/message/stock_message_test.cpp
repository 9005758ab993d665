// SPDX-License-Identifier: LGPL-2.1-or-later
// The same messages made with the installed libdbus and with ours: same bytes, same values read
// back.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message/stock_api.h"

namespace dg::test {
namespace {

using Bytes = std::string;

const std::vector<const char*> kPaths = {nullptr, "/", "/a/b", "/org/freedesktop/DBus/x_9"};
const std::vector<const char*> kInterfaces = {nullptr, "a.b", "org.freedesktop.DBus.Properties"};
const std::vector<const char*> kMembers = {nullptr, "M", "GetManagedObjects"};
const std::vector<const char*> kNames = {nullptr, ":1.5", "org.example.Name", ":1.12345"};

void change_header(const Api& api, DBusMessage* m, Random& random) {
  switch (random.below(12)) {
    case 0:
      api.dbus_message_set_path(m, random.of(kPaths));
      break;
    case 1:
      api.dbus_message_set_interface(m, random.of(kInterfaces));
      break;
    case 2:
      api.dbus_message_set_member(m, random.of(kMembers));
      break;
    case 3:
      api.dbus_message_set_error_name(m, random.of(kInterfaces));
      break;
    case 4:
      api.dbus_message_set_destination(m, random.of(kNames));
      break;
    case 5:
      api.dbus_message_set_sender(m, random.of(kNames));
      break;
    case 6:
      api.dbus_message_set_container_instance(m, random.of(kPaths));
      break;
    case 7:
      api.dbus_message_set_reply_serial(m, random.below(1000) + 1);
      break;
    case 8:
      api.dbus_message_set_no_reply(m, random.below(2));
      break;
    case 9:
      api.dbus_message_set_auto_start(m, random.below(2));
      break;
    case 10:
      api.dbus_message_set_allow_interactive_authorization(m, random.below(2));
      break;
    default:
      api.dbus_message_set_serial(m, random.below(100000));
      break;
  }
}

// A message by a random sequence of calls, the same for the same seed.
Message build(const Api& api, std::uint32_t seed) {
  Random random(seed);
  Message m(api, api.dbus_message_new(1 + static_cast<int>(random.below(4))));
  for (unsigned i = random.below(12); i > 0; --i) change_header(api, m.get(), random);
  DBusMessageIter iter;
  api.dbus_message_iter_init_append(m.get(), &iter);
  for (unsigned args = random.below(5); args > 0; --args) {
    EXPECT_TRUE(append_values(api, &iter, random_type(random, 3).c_str(), random));
    if (random.chance(30)) change_header(api, m.get(), random);
  }
  return m;
}

TEST(StockMessage, RandomMessagesHaveTheSameBytesAndValues) {
  for (std::uint32_t seed = 0; seed < rounds(3000); ++seed) {
    const Message a = build(stock(), seed), b = build(ours(), seed);
    ASSERT_EQ(hex(marshal(stock(), a.get())), hex(marshal(ours(), b.get()))) << "seed " << seed;
    ASSERT_EQ(dump(stock(), a.get()), dump(ours(), b.get())) << "seed " << seed;
  }
}

TEST(StockMessage, CopiesAreTheSame) {
  for (std::uint32_t seed = 10000; seed < 10000 + rounds(200); ++seed) {
    const Message a = build(stock(), seed), b = build(ours(), seed);
    ours().dbus_message_lock(b.get());
    const Message ca(stock(), stock().dbus_message_copy(a.get()));
    const Message cb(ours(), ours().dbus_message_copy(b.get()));
    ASSERT_EQ(hex(marshal(stock(), ca.get())), hex(marshal(ours(), cb.get()))) << "seed " << seed;
    ASSERT_EQ(dump(stock(), ca.get()), dump(ours(), cb.get())) << "seed " << seed;
    EXPECT_TRUE(ours().dbus_message_set_member(cb.get(), "Unlocked"));
    EXPECT_STREQ(ours().dbus_message_get_member(cb.get()), "Unlocked");
  }
}

// Runs `make` on both and compares what came of it.
template <typename Make>
void compare(const char* what, Make make) {
  SCOPED_TRACE(what);
  std::string text[2];
  const Api* apis[2] = {&stock(), &ours()};
  for (int i = 0; i < 2; ++i) {
    const Api& api = *apis[i];
    const Message call(api, api.dbus_message_new_method_call("a.b", "/x", "i.f", "M"));
    const Message m(api, make(api, call.get()));
    text[i] = m ? hex(marshal(api, m.get())) + dump(api, m.get()) : "none";
  }
  EXPECT_EQ(text[0], text[1]);
}

TEST(StockMessage, Constructors) {
  compare("call", [](const Api& api, DBusMessage*) {
    return api.dbus_message_new_method_call(nullptr, "/", nullptr, "M");
  });
  compare("signal", [](const Api& api, DBusMessage*) {
    return api.dbus_message_new_signal("/a", "b.c", "S");
  });
  compare("return, no sender", [](const Api& api, DBusMessage* call) {
    api.dbus_message_set_serial(call, 7);
    return api.dbus_message_new_method_return(call);
  });
  compare("return, sender", [](const Api& api, DBusMessage* call) {
    api.dbus_message_set_serial(call, 7);
    api.dbus_message_set_sender(call, ":1.9");
    return api.dbus_message_new_method_return(call);
  });
  compare("return of a call without serial", [](const Api& api, DBusMessage* call) {
    return api.dbus_message_new_method_return(call);
  });
  compare("error", [](const Api& api, DBusMessage* call) {
    api.dbus_message_set_serial(call, 7);
    api.dbus_message_set_sender(call, ":1.9");
    return api.dbus_message_new_error(call, "a.E", "100%s");
  });
  compare("error without text", [](const Api& api, DBusMessage* call) {
    api.dbus_message_set_serial(call, 7);
    return api.dbus_message_new_error(call, "a.E", nullptr);
  });
  compare("error with text that isn't UTF-8", [](const Api& api, DBusMessage* call) {
    api.dbus_message_set_serial(call, 7);
    return api.dbus_message_new_error(call, "a.E", "\xff");
  });
  compare("error, formatted", [](const Api& api, DBusMessage* call) {
    api.dbus_message_set_serial(call, 7);
    return api.dbus_message_new_error_printf(call, "a.E", "%s-%d", "x", 5);
  });
  for (const int type : {-1, 0, 5, 200, 300})
    compare("type", [type](const Api& api, DBusMessage*) { return api.dbus_message_new(type); });
}

TEST(StockMessage, Predicates) {
  std::string text[2];
  const Api* apis[2] = {&stock(), &ours()};
  for (int i = 0; i < 2; ++i) {
    const Api& api = *apis[i];
    for (std::uint32_t seed = 0; seed < rounds(300); ++seed) {
      const Message m = build(api, seed);
      for (const char* interface : {"a.b", "org.freedesktop.DBus.Properties", "x.y"}) {
        for (const char* member : {"M", "GetManagedObjects", "No"}) {
          text[i] += std::to_string(api.dbus_message_is_method_call(m.get(), interface, member));
          text[i] += std::to_string(api.dbus_message_is_signal(m.get(), interface, member));
          text[i] += std::to_string(api.dbus_message_has_member(m.get(), member));
        }
        text[i] += std::to_string(api.dbus_message_is_error(m.get(), interface));
        text[i] += std::to_string(api.dbus_message_has_interface(m.get(), interface));
      }
      for (const char* name : {":1.5", "org.example.Name"}) {
        text[i] += std::to_string(api.dbus_message_has_destination(m.get(), name));
        text[i] += std::to_string(api.dbus_message_has_sender(m.get(), name));
      }
      text[i] += std::to_string(api.dbus_message_has_path(m.get(), "/a/b"));
      text[i] += std::to_string(api.dbus_message_has_path(m.get(), nullptr));
      text[i] += std::to_string(api.dbus_message_has_interface(m.get(), nullptr));
      text[i] += std::to_string(api.dbus_message_has_member(m.get(), nullptr));
      text[i] += std::to_string(api.dbus_message_has_signature(m.get(), ""));
    }
  }
  EXPECT_EQ(text[0], text[1]);
}

TEST(StockMessage, TypeStrings) {
  for (int type = -1; type < 7; ++type)
    EXPECT_STREQ(stock().dbus_message_type_to_string(type),
                 ours().dbus_message_type_to_string(type));
  for (const char* text : {"method_call", "method_return", "error", "signal", "invalid", "", "x"})
    EXPECT_EQ(stock().dbus_message_type_from_string(text),
              ours().dbus_message_type_from_string(text));
}

// Descriptors: the same wire format, and duplicates in and out.
TEST(StockMessage, Descriptors) {
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  std::string text[2];
  const Api* apis[2] = {&stock(), &ours()};
  for (int i = 0; i < 2; ++i) {
    const Api& api = *apis[i];
    const Message m(api, api.dbus_message_new_signal("/a", "b.c", "S"));
    DBusMessageIter iter, sub;
    api.dbus_message_iter_init_append(m.get(), &iter);
    EXPECT_TRUE(api.dbus_message_iter_append_basic(&iter, DBUS_TYPE_UNIX_FD, &pipe_fds[0]));
    const int bad = -1;
    EXPECT_FALSE(api.dbus_message_iter_append_basic(&iter, DBUS_TYPE_UNIX_FD, &bad));
    EXPECT_TRUE(api.dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "h", &sub));
    EXPECT_TRUE(api.dbus_message_iter_append_basic(&sub, DBUS_TYPE_UNIX_FD, &pipe_fds[1]));
    EXPECT_TRUE(api.dbus_message_iter_close_container(&iter, &sub));
    const Message copy(api, api.dbus_message_copy(m.get()));
    text[i] = hex(marshal(api, m.get())) + hex(marshal(api, copy.get()));
    int fd = -1;
    ASSERT_TRUE(
        api.dbus_message_get_args(copy.get(), nullptr, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
    ASSERT_GE(fd, 3);
    struct stat original, duplicate;
    fstat(pipe_fds[0], &original);
    ASSERT_EQ(fstat(fd, &duplicate), 0);
    EXPECT_EQ(original.st_ino, duplicate.st_ino);
    close(fd);
  }
  EXPECT_EQ(text[0], text[1]);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

}  // namespace
}  // namespace dg::test
