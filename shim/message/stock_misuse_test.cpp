// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls that a program must not make: the same answers as the installed libdbus, and the same
// functions named in the warnings. Where libdbus would crash or write a message that nobody can
// read, ours refuses instead; that is tested too.
#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "message/stock_api.h"

namespace dg::test {
namespace {

// Of the warnings, the names of functions whose arguments were wrong, and other texts without the
// process.
std::string essence(const std::string& warnings) {
  std::istringstream lines(warnings);
  std::string line, text;
  const std::string arguments = "arguments to ", incorrect = " were incorrect";
  while (std::getline(lines, line)) {
    const std::size_t from = line.find(arguments), to = line.find(incorrect);
    if (from != std::string::npos && to != std::string::npos) {
      text += line.substr(from + arguments.size(), to - from - arguments.size()) + "\n";
    } else if (line.find("normally a bug") == std::string::npos && !line.empty()) {
      text += line.substr(line.find("]: ") == std::string::npos ? 0 : line.find("]: ") + 3) + "\n";
    }
  }
  return text;
}

// A signal with one argument, an append iterator of it, and what else the calls need.
struct Scene {
  explicit Scene(const Api& a) : api(a), m(a, a.dbus_message_new_signal("/a", "b.c", "S")) {
    api.dbus_message_append_args(m.get(), DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
    api.dbus_message_iter_init_append(m.get(), &iter);
    api.dbus_message_iter_init(m.get(), &reader);
    api.dbus_message_iter_init_closed(&sub);
  }
  const Api& api;
  Message m;
  dbus_uint32_t number = 5;
  const void* pointer = &number;
  const char* text = "x";
  DBusMessageIter iter, reader, sub;
};

using Call = std::function<std::string(Scene&)>;

std::string run(const Api& api, const Call& call) {
  Scene scene(api);
  testing::internal::CaptureStderr();
  std::string text = call(scene);
  text += "\n" + essence(testing::internal::GetCapturedStderr());
  return text + hex(marshal(api, scene.m.get()));
}

std::string n(long long number) { return std::to_string(number); }

void same(const char* what, const Call& call) {
  EXPECT_EQ(run(stock(), call), run(ours(), call)) << what;
}

#define SAME(expression) same(#expression, [](Scene& s) { return n(expression); })
#define SAME_VOID(expression)      \
  same(#expression, [](Scene& s) { \
    expression;                    \
    return std::string();          \
  })

TEST(StockMisuse, Null) {
  SAME(s.api.dbus_message_get_type(nullptr));
  SAME(s.api.dbus_message_get_serial(nullptr));
  SAME(s.api.dbus_message_get_reply_serial(nullptr));
  SAME(s.api.dbus_message_get_no_reply(nullptr));
  SAME(s.api.dbus_message_get_auto_start(nullptr));
  SAME(s.api.dbus_message_get_path(nullptr) != nullptr);
  SAME(s.api.dbus_message_get_signature(nullptr) != nullptr);
  SAME(s.api.dbus_message_get_container_instance(nullptr) != nullptr);
  SAME(s.api.dbus_message_has_destination(s.m.get(), nullptr));
  SAME(s.api.dbus_message_has_sender(s.m.get(), nullptr));
  SAME(s.api.dbus_message_has_signature(s.m.get(), nullptr));
  SAME(s.api.dbus_message_is_signal(s.m.get(), nullptr, "S"));
  SAME(s.api.dbus_message_is_method_call(s.m.get(), "a.b", nullptr));
  SAME(s.api.dbus_message_is_error(s.m.get(), nullptr));
  SAME(s.api.dbus_message_copy(nullptr) != nullptr);
  SAME(s.api.dbus_message_ref(nullptr) != nullptr);
  SAME_VOID(s.api.dbus_message_unref(nullptr));
  SAME(s.api.dbus_message_new_method_return(nullptr) != nullptr);
  SAME(s.api.dbus_message_new_error(nullptr, "a.b", nullptr) != nullptr);
  SAME(s.api.dbus_message_new_method_call(nullptr, nullptr, nullptr, "M") != nullptr);
  SAME(s.api.dbus_message_new_signal("/", nullptr, "M") != nullptr);
  SAME(s.api.dbus_message_marshal(nullptr, nullptr, nullptr));
  SAME(s.api.dbus_message_demarshal(nullptr, 0, nullptr) != nullptr);
  SAME(s.api.dbus_message_iter_init(nullptr, &s.sub));
  SAME_VOID(s.api.dbus_message_iter_init_closed(nullptr));
  SAME_VOID(s.api.dbus_message_iter_init_append(nullptr, &s.sub));
  SAME(s.api.dbus_message_get_args(nullptr, nullptr, DBUS_TYPE_INVALID));
  SAME(s.api.dbus_message_append_args(nullptr, DBUS_TYPE_INVALID));
  SAME(s.api.dbus_message_get_path_decomposed(s.m.get(), nullptr));
  SAME(s.api.dbus_message_iter_append_basic(nullptr, DBUS_TYPE_UINT32, &s.number));
  SAME(s.api.dbus_message_iter_append_basic(&s.iter, DBUS_TYPE_UINT32, nullptr));
  SAME(s.api.dbus_validate_path(nullptr, nullptr));
}

TEST(StockMisuse, InvalidNames) {
  SAME(s.api.dbus_message_set_path(s.m.get(), "a"));
  SAME(s.api.dbus_message_set_interface(s.m.get(), "a"));
  SAME(s.api.dbus_message_set_member(s.m.get(), "a.b"));
  SAME(s.api.dbus_message_set_error_name(s.m.get(), "a"));
  SAME(s.api.dbus_message_set_destination(s.m.get(), "a"));
  SAME(s.api.dbus_message_set_sender(s.m.get(), "a"));
  SAME(s.api.dbus_message_set_container_instance(s.m.get(), "a"));
  SAME(s.api.dbus_message_set_reply_serial(s.m.get(), 0));
  SAME(s.api.dbus_message_new_method_call("a", "/", nullptr, "M") != nullptr);
  SAME(s.api.dbus_message_new_method_call(nullptr, "x", nullptr, "M") != nullptr);
  SAME(s.api.dbus_message_new_method_call(nullptr, "/", "x", "M") != nullptr);
  SAME(s.api.dbus_message_new_method_call(nullptr, "/", nullptr, "M.") != nullptr);
  SAME(s.api.dbus_message_new_error(s.m.get(), "bad", nullptr) != nullptr);
}

TEST(StockMisuse, LockedMessages) {
  SAME((s.api.dbus_message_lock(s.m.get()), s.api.dbus_message_set_path(s.m.get(), "/b")));
  SAME((s.api.dbus_message_lock(s.m.get()), s.api.dbus_message_set_interface(s.m.get(), "a.c")));
  SAME((s.api.dbus_message_lock(s.m.get()), s.api.dbus_message_set_member(s.m.get(), "M")));
  SAME((s.api.dbus_message_lock(s.m.get()), s.api.dbus_message_set_error_name(s.m.get(), "a.c")));
  SAME((s.api.dbus_message_lock(s.m.get()), s.api.dbus_message_set_destination(s.m.get(), "a.c")));
  SAME((s.api.dbus_message_lock(s.m.get()), s.api.dbus_message_set_sender(s.m.get(), "a.c")));
  SAME((s.api.dbus_message_lock(s.m.get()), s.api.dbus_message_set_reply_serial(s.m.get(), 3)));
  SAME_VOID((s.api.dbus_message_lock(s.m.get()), s.api.dbus_message_set_serial(s.m.get(), 3)));
  SAME_VOID((s.api.dbus_message_lock(s.m.get()), s.api.dbus_message_set_no_reply(s.m.get(), 0)));
  SAME_VOID((s.api.dbus_message_lock(s.m.get()), s.api.dbus_message_set_auto_start(s.m.get(), 0)));
  SAME((s.api.dbus_message_lock(s.m.get()),
        s.api.dbus_message_append_args(s.m.get(), DBUS_TYPE_UINT32, &s.number, DBUS_TYPE_INVALID)));
  SAME((s.api.dbus_message_lock(s.m.get()),
        s.api.dbus_message_iter_append_basic(&s.iter, DBUS_TYPE_UINT32, &s.number)));
  SAME((s.api.dbus_message_lock(s.m.get()),
        s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_VARIANT, "u", &s.sub)));
}

TEST(StockMisuse, Iterators) {
  SAME(s.api.dbus_message_iter_get_arg_type(&s.sub));
  SAME(s.api.dbus_message_iter_next(&s.sub));
  SAME(s.api.dbus_message_iter_get_arg_type(&s.iter));
  SAME(s.api.dbus_message_iter_append_basic(&s.reader, DBUS_TYPE_UINT32, &s.number));
  SAME(s.api.dbus_message_iter_append_basic(&s.sub, DBUS_TYPE_UINT32, &s.number));
  SAME(s.api.dbus_message_iter_get_element_type(&s.reader));
  SAME(s.api.dbus_message_iter_get_element_count(&s.reader));
  SAME(s.api.dbus_message_iter_close_container(&s.iter, &s.sub));
  SAME_VOID(s.api.dbus_message_iter_abandon_container(&s.iter, &s.sub));
  SAME_VOID(s.api.dbus_message_iter_abandon_container_if_open(&s.iter, &s.sub));
  SAME((s.api.dbus_message_iter_next(&s.reader),
        s.api.dbus_message_iter_get_basic(&s.reader, &s.number), 0));
  SAME(s.api.dbus_message_iter_append_fixed_array(&s.iter, DBUS_TYPE_UINT32, &s.pointer, 1));
  // After a container is closed its iterator is.
  SAME((s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_ARRAY, "u", &s.sub),
        s.api.dbus_message_iter_close_container(&s.iter, &s.sub),
        s.api.dbus_message_iter_close_container(&s.iter, &s.sub)));
}

TEST(StockMisuse, Values) {
  SAME(s.api.dbus_message_iter_append_basic(&s.iter, DBUS_TYPE_ARRAY, &s.number));
  SAME(s.api.dbus_message_iter_append_basic(&s.iter, DBUS_TYPE_BOOLEAN, &s.number));
  SAME(
      (s.text = nullptr, s.api.dbus_message_iter_append_basic(&s.iter, DBUS_TYPE_STRING, &s.text)));
  SAME((s.text = "\xff", s.api.dbus_message_iter_append_basic(&s.iter, DBUS_TYPE_STRING, &s.text)));
  SAME(s.api.dbus_message_iter_append_basic(&s.iter, DBUS_TYPE_OBJECT_PATH, &s.text));
  SAME((s.text = "a", s.api.dbus_message_iter_append_basic(&s.iter, DBUS_TYPE_SIGNATURE, &s.text)));
  SAME(s.api.dbus_message_append_args(s.m.get(), DBUS_TYPE_VARIANT, &s.number, DBUS_TYPE_INVALID));
  for (const int element : {DBUS_TYPE_STRING, DBUS_TYPE_UNIX_FD, DBUS_TYPE_BOOLEAN})
    same("fixed array", [element](Scene& s) {
      const char signature[2] = {static_cast<char>(element), 0};
      s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_ARRAY, signature, &s.sub);
      const int ok = s.api.dbus_message_iter_append_fixed_array(&s.sub, element, &s.pointer, 1);
      s.api.dbus_message_iter_close_container(&s.iter, &s.sub);
      return n(ok);
    });
  same("fixed array of -1", [](Scene& s) {
    s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_ARRAY, "u", &s.sub);
    const int ok =
        s.api.dbus_message_iter_append_fixed_array(&s.sub, DBUS_TYPE_UINT32, &s.pointer, -1);
    s.api.dbus_message_iter_close_container(&s.iter, &s.sub);
    return n(ok);
  });
}

TEST(StockMisuse, Containers) {
  SAME(s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_UINT32, nullptr, &s.sub));
  SAME(s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_VARIANT, nullptr, &s.sub));
  SAME(s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_STRUCT, "u", &s.sub));
  SAME(s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_VARIANT, "a", &s.sub));
  SAME(s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_ARRAY, "z", &s.sub));
  SAME(s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_VARIANT, "{uu}", &s.sub));
  // Of several types the first counts.
  same("several types", [](Scene& s) {
    const int ok = s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_VARIANT, "us", &s.sub);
    s.api.dbus_message_iter_append_basic(&s.sub, DBUS_TYPE_UINT32, &s.number);
    return n(ok) + n(s.api.dbus_message_iter_close_container(&s.iter, &s.sub));
  });
}

// Runs on ours alone: refused with a warning, and the message is as before.
void refused(const char* what, const Call& call) {
  SCOPED_TRACE(what);
  Scene scene(ours());
  const std::string before = hex(marshal(ours(), scene.m.get()));
  testing::internal::CaptureStderr();
  EXPECT_EQ(call(scene), "0");
  EXPECT_NE(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(before, hex(marshal(ours(), scene.m.get())));
}

TEST(Misuse, WhatWouldSpoilTheMessageIsRefused) {
  const auto abandoned = [](Scene& s, bool ok) {
    s.api.dbus_message_iter_abandon_container_if_open(&s.iter, &s.sub);
    return n(ok);
  };
  refused("wrong element", [&](Scene& s) {
    s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_ARRAY, "s", &s.sub);
    return abandoned(s, s.api.dbus_message_iter_append_basic(&s.sub, DBUS_TYPE_UINT32, &s.number));
  });
  refused("wrong fixed elements", [&](Scene& s) {
    s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_ARRAY, "i", &s.sub);
    return abandoned(
        s, s.api.dbus_message_iter_append_fixed_array(&s.sub, DBUS_TYPE_UINT32, &s.pointer, 1));
  });
  refused("two values in a variant", [&](Scene& s) {
    s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_VARIANT, "u", &s.sub);
    s.api.dbus_message_iter_append_basic(&s.sub, DBUS_TYPE_UINT32, &s.number);
    return abandoned(s, s.api.dbus_message_iter_append_basic(&s.sub, DBUS_TYPE_UINT32, &s.number));
  });
  refused("empty variant", [](Scene& s) {
    s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_VARIANT, "u", &s.sub);
    return n(s.api.dbus_message_iter_close_container(&s.iter, &s.sub));
  });
  refused("empty struct", [](Scene& s) {
    s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_STRUCT, nullptr, &s.sub);
    return n(s.api.dbus_message_iter_close_container(&s.iter, &s.sub));
  });
  refused("struct that lacks a field", [](Scene& s) {
    DBusMessageIter element;
    s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_ARRAY, "(us)", &s.sub);
    s.api.dbus_message_iter_open_container(&s.sub, DBUS_TYPE_STRUCT, nullptr, &element);
    s.api.dbus_message_iter_append_basic(&element, DBUS_TYPE_UINT32, &s.number);
    const int ok = s.api.dbus_message_iter_close_container(&s.sub, &element);
    s.api.dbus_message_iter_abandon_container(&s.iter, &s.sub);
    return n(ok);
  });
  refused("dict entry outside an array", [](Scene& s) {
    return n(
        s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_DICT_ENTRY, nullptr, &s.sub));
  });
  refused("array of nothing", [](Scene& s) {
    return n(s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_ARRAY, "", &s.sub));
  });
  refused("other inner array", [](Scene& s) {
    DBusMessageIter inner;
    s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_ARRAY, "au", &s.sub);
    const int ok = s.api.dbus_message_iter_open_container(&s.sub, DBUS_TYPE_ARRAY, "s", &inner);
    s.api.dbus_message_iter_abandon_container(&s.iter, &s.sub);
    return n(ok);
  });
  refused("recursing into a number", [](Scene& s) {
    s.api.dbus_message_iter_recurse(&s.reader, &s.sub);
    return n(0);
  });
}

TEST(Misuse, SignatureOf256) {
  Scene s(ours());
  for (int i = 1; i < 255; ++i)
    ASSERT_TRUE(s.api.dbus_message_iter_append_basic(&s.iter, DBUS_TYPE_BYTE, &s.number));
  testing::internal::CaptureStderr();
  EXPECT_FALSE(s.api.dbus_message_iter_append_basic(&s.iter, DBUS_TYPE_BYTE, &s.number));
  EXPECT_NE(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(std::string(s.api.dbus_message_get_signature(s.m.get())).size(), 255u);
}

// A container that is never closed: reading such a message must stay inside it.
TEST(Misuse, ForgottenContainers) {
  for (const char* contained : {"s", "(us)", "v", "a{sv}"}) {
    Scene s(ours());
    DBusMessageIter inner;
    ASSERT_TRUE(s.api.dbus_message_iter_open_container(&s.iter, DBUS_TYPE_STRUCT, nullptr, &s.sub));
    ASSERT_TRUE(s.api.dbus_message_iter_open_container(&s.sub, DBUS_TYPE_ARRAY, contained, &inner));
    EXPECT_NE(dump(s.api, s.m.get()), "");
  }
}

}  // namespace
}  // namespace dg::test
