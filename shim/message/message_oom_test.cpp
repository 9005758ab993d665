// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages when memory is short: each allocation in turn fails. What fails says so as libdbus does,
// leaves the message as it was, loses nothing, and succeeds once there is memory again.
#include <dbus/dbus.h>
#include <fcntl.h>

#include <cstring>
#include <string>

#include "base/unique_fd.h"
#include "message/message_list.h"
#include "message/wire.h"
#include "test/allocation_failure.h"

namespace dg::test {
namespace {

// Longer than what a message has room for within itself.
const std::string kLong(400, 'x');
const std::string kLongPath = "/" + kLong;

std::string marshal(DBusMessage* message) {
  char* bytes = nullptr;
  int size = 0;
  if (!dbus_message_marshal(message, &bytes, &size)) return "";
  const std::string text(bytes, static_cast<std::size_t>(size));
  dbus_free(bytes);
  return text;
}

// A message and what it was before an attempt to change it.
class Changing {
 public:
  explicit Changing(Ref<DBusMessage> message) : message_(std::move(message)) {}
  DBusMessage* get() const { return message_.get(); }
  template <typename Change>
  void change(Failing& failing, Change&& change) {
    const std::string before = marshal(get());
    failing.retry(change, [&] { EXPECT_EQ(before, marshal(get())) << "it is changed"; });
  }

 private:
  Ref<DBusMessage> message_;
};

Changing make(Failing& failing) {
  Ref<DBusMessage> message;
  failing.retry([&] {
    message =
        Ref<DBusMessage>::adopt(dbus_message_new_method_call("a.b", kLongPath.c_str(), "a.b", "M"));
    return static_cast<bool>(message);
  });
  return Changing(std::move(message));
}

class MessageOom : public testing::Test {
 protected:
  // Messages that died are kept for the next: gone, so that every message is allocated.
  void TearDown() override { dbus_shutdown(); }
  template <typename Function>
  void each(Function&& function) {
    const unsigned long made = for_each_allocation([&](Failing& failing) {
      function(failing);
      dbus_shutdown();
    });
    EXPECT_GT(made, 0u) << "nothing was tested";
  }
};

TEST_F(MessageOom, Constructors) {
  each([](Failing& failing) {
    Changing call = make(failing);
    dbus_message_set_serial(call.get(), 7);
    const std::string name = ":1." + std::string(240, '1');
    call.change(failing, [&] { return dbus_message_set_sender(call.get(), name.c_str()); });
    const auto once = [&](auto&& function) {
      Ref<DBusMessage> message;
      failing.retry([&] {
        message = Ref<DBusMessage>::adopt(function());
        return static_cast<bool>(message);
      });
      return message;
    };
    once([] { return dbus_message_new(DBUS_MESSAGE_TYPE_SIGNAL); });
    once([] { return dbus_message_new_signal(kLongPath.c_str(), "a.b", "S"); });
    once([&] { return dbus_message_new_method_return(call.get()); });
    Ref<DBusMessage> error =
        once([&] { return dbus_message_new_error(call.get(), "a.E", kLong.c_str()); });
    EXPECT_EQ(7u, dbus_message_get_reply_serial(error.get()));
    error = once([&] {
      return dbus_message_new_error_printf(call.get(), "a.E", "%s %d", kLong.c_str(), 5);
    });
    DBusError set = DBUS_ERROR_INIT;
    failing.run([&] { return dbus_set_error_from_message(&set, error.get()); });
    EXPECT_TRUE(dbus_error_is_set(&set));
    if (!failing.failed()) {
      EXPECT_EQ(kLong + " 5", set.message);
    }
    dbus_error_free(&set);
  });
}

TEST_F(MessageOom, HeaderFields) {
  each([](Failing& failing) {
    Changing m = make(failing);
    const std::string name = "a." + std::string(240, 'n');
    const auto set = [&](dbus_bool_t (*function)(DBusMessage*, const char*), const char* value) {
      m.change(failing, [&] { return function(m.get(), value); });
    };
    set(dbus_message_set_interface, name.c_str());
    set(dbus_message_set_member, std::string(240, 'm').c_str());
    set(dbus_message_set_destination, name.c_str());
    set(dbus_message_set_sender, name.c_str());
    set(dbus_message_set_error_name, name.c_str());
    set(dbus_message_set_container_instance, kLongPath.c_str());
    m.change(failing, [&] { return dbus_message_set_reply_serial(m.get(), 3); });
    // One of its own fields, which is copied first.
    set(dbus_message_set_path, dbus_message_get_container_instance(m.get()));
    EXPECT_STREQ(kLongPath.c_str(), dbus_message_get_path(m.get()));
    set(dbus_message_set_interface, nullptr);

    char** elements = nullptr;
    failing.retry([&] { return dbus_message_get_path_decomposed(m.get(), &elements); },
                  [&] { EXPECT_EQ(nullptr, elements); });
    EXPECT_EQ(kLong, elements[0]);
    dbus_free_string_array(elements);
  });
}

TEST_F(MessageOom, DataSlots) {
  dbus_int32_t slot = -1;
  ASSERT_TRUE(dbus_message_allocate_data_slot(&slot));
  each([&](Failing& failing) {
    static int freed;
    freed = 0;
    Changing m = make(failing);
    failing.retry([&] {
      return dbus_message_set_data(m.get(), slot, &freed,
                                   [](void* count) { ++*static_cast<int*>(count); });
    });
    EXPECT_EQ(&freed, dbus_message_get_data(m.get(), slot));
    EXPECT_EQ(0, freed);
    dbus_message_set_data(m.get(), slot, nullptr, nullptr);
    EXPECT_EQ(1, freed);
  });
  dbus_message_free_data_slot(&slot);
}

TEST_F(MessageOom, AppendAndRead) {
  each([](Failing& failing) {
    Changing m = make(failing);
    const char* text = kLong.c_str();
    const char* path = kLongPath.c_str();
    const dbus_uint64_t number = 1ull << 40;
    dbus_uint32_t numbers[200] = {1, 2, 3};
    const dbus_uint32_t* some = numbers;
    const char* strings[] = {"one", kLong.c_str(), "three"};
    const char** all = strings;
    m.change(failing, [&] {
      return dbus_message_append_args(m.get(), DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
    });
    m.change(failing, [&] {
      return dbus_message_append_args(m.get(), DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &all, 3,
                                      DBUS_TYPE_INVALID);
    });
    m.change(failing, [&] {
      return dbus_message_append_args(m.get(), DBUS_TYPE_ARRAY, DBUS_TYPE_UINT32, &some, 200,
                                      DBUS_TYPE_INVALID);
    });
    DBusMessageIter iter;
    dbus_message_iter_init_append(m.get(), &iter);
    m.change(failing,
             [&] { return dbus_message_iter_append_basic(&iter, DBUS_TYPE_UINT64, &number); });
    m.change(failing,
             [&] { return dbus_message_iter_append_basic(&iter, DBUS_TYPE_OBJECT_PATH, &path); });
    const char* signature = "a{sv}";
    m.change(failing, [&] {
      return dbus_message_iter_append_basic(&iter, DBUS_TYPE_SIGNATURE, &signature);
    });

    const char* got_text = nullptr;
    char** got_strings = nullptr;
    int count = -1;
    failing.retry([&] {
      return with_error([&](DBusError* error) {
        return dbus_message_get_args(m.get(), error, DBUS_TYPE_STRING, &got_text, DBUS_TYPE_ARRAY,
                                     DBUS_TYPE_STRING, &got_strings, &count, DBUS_TYPE_INVALID);
      });
    });
    EXPECT_EQ(kLong, got_text);
    EXPECT_EQ(3, count);
    EXPECT_EQ(kLong, got_strings[1]);
    dbus_free_string_array(got_strings);

    DBusMessageIter read;
    dbus_message_iter_init(m.get(), &read);
    dbus_message_iter_next(&read);
    char* found = nullptr;
    failing.retry([&] { return (found = dbus_message_iter_get_signature(&read)) != nullptr; });
    EXPECT_STREQ("as", found);
    dbus_free(found);
  });
}

TEST_F(MessageOom, Containers) {
  each([](Failing& failing) {
    Changing m = make(failing);
    DBusMessageIter iter;
    dbus_message_iter_init_append(m.get(), &iter);
    const auto entry = [](DBusMessageIter* array, const char* key) {
      DBusMessageIter sub, variant;
      const char* value = kLong.c_str();
      if (!dbus_message_iter_open_container(array, DBUS_TYPE_DICT_ENTRY, nullptr, &sub))
        return false;
      if (dbus_message_iter_append_basic(&sub, DBUS_TYPE_STRING, &key) &&
          dbus_message_iter_open_container(&sub, DBUS_TYPE_VARIANT, "s", &variant)) {
        if (dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &value)) {
          if (dbus_message_iter_close_container(&sub, &variant))
            return dbus_message_iter_close_container(array, &sub) != 0;
        } else {
          dbus_message_iter_abandon_container(&sub, &variant);
        }
      }
      dbus_message_iter_abandon_container(array, &sub);
      return false;
    };
    m.change(failing, [&] {
      DBusMessageIter array;
      if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &array)) return false;
      if (entry(&array, "first") && entry(&array, "second"))
        return dbus_message_iter_close_container(&iter, &array) != 0;
      dbus_message_iter_abandon_container(&iter, &array);
      return false;
    });
    // A long signature, which grows with the struct's fields.
    m.change(failing, [&] {
      DBusMessageIter fields;
      if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, nullptr, &fields))
        return false;
      const dbus_uint64_t number = 5;
      for (int i = 0; i < 200; ++i) {
        if (dbus_message_iter_append_basic(&fields, DBUS_TYPE_UINT64, &number)) continue;
        dbus_message_iter_abandon_container(&iter, &fields);
        return false;
      }
      return dbus_message_iter_close_container(&iter, &fields) != 0;
    });
    EXPECT_EQ("a{sv}(" + std::string(200, 't') + ")", dbus_message_get_signature(m.get()));
    const std::string bytes = marshal(m.get());
    dbus_message_set_serial(m.get(), 1);
    const std::string valid = marshal(m.get());
    Ref<DBusMessage> again = Ref<DBusMessage>::adopt(
        dbus_message_demarshal(valid.data(), static_cast<int>(valid.size()), nullptr));
    EXPECT_TRUE(again) << "it can't be read back";
  });
}

TEST_F(MessageOom, Descriptors) {
  const UniqueFd null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  each([&](Failing& failing) {
    Changing m = make(failing);
    const int fd = null.get();
    for (int i = 0; i < 20; ++i)
      m.change(failing, [&] {
        return dbus_message_append_args(m.get(), DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
      });
    EXPECT_EQ(20u, m.get()->fds().size());
    EXPECT_EQ(20u, m.get()->unix_fds_field());
    Ref<DBusMessage> copy;
    failing.retry([&] {
      copy = Ref<DBusMessage>::adopt(dbus_message_copy(m.get()));
      return static_cast<bool>(copy);
    });
    EXPECT_EQ(20u, copy->fds().size());
    // Those already given out are closed again when a string after them can't be.
    int got = -1;
    failing.retry([&] {
      return with_error([&](DBusError* error) {
        return dbus_message_get_args(copy.get(), error, DBUS_TYPE_UNIX_FD, &got, DBUS_TYPE_INVALID);
      });
    });
    const UniqueFd close{got};
    EXPECT_GE(got, 0);
  });
  // As many are open as before.
  const UniqueFd next{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  EXPECT_EQ(null.get() + 1, next.get());
}

TEST_F(MessageOom, WireFormat) {
  each([](Failing& failing) {
    Changing m = make(failing);
    const char* text = kLong.c_str();
    m.change(failing, [&] {
      return dbus_message_append_args(m.get(), DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
    });
    dbus_message_set_serial(m.get(), 9);
    char* bytes = nullptr;
    int size = 0;
    failing.retry([&] { return dbus_message_marshal(m.get(), &bytes, &size); });
    Ref<DBusMessage> again;
    failing.retry([&] {
      return with_error([&](DBusError* error) {
        again = Ref<DBusMessage>::adopt(dbus_message_demarshal(bytes, size, error));
        return static_cast<bool>(again);
      });
    });
    EXPECT_EQ(std::string(bytes, static_cast<std::size_t>(size)), marshal(again.get()));

    // Why it is refused may be lost, not that it is.
    bytes[1] = 0;
    DBusError error = DBUS_ERROR_INIT;
    failing.run([&] { return dbus_message_demarshal(bytes, size, &error) == nullptr; });
    EXPECT_TRUE(dbus_error_is_set(&error));
    dbus_error_free(&error);
    bytes[1] = DBUS_MESSAGE_TYPE_METHOD_CALL;

    // A stream goes on where it was.
    WireLoader loader;
    const int cut = size / 3;
    for (const auto& [at, length] : {std::pair{0, cut}, std::pair{cut, size - cut}})
      failing.retry(
          [&, at = at, length = length] {
            return loader.feed(bytes + at, static_cast<std::size_t>(length));
          },
          [&, at = at] { EXPECT_EQ(static_cast<std::size_t>(at), loader.buffered()); });
    Ref<DBusMessage> popped;
    failing.retry(
        [&] {
          popped = Ref<DBusMessage>::adopt(loader.pop());
          return static_cast<bool>(popped);
        },
        [&] {
          EXPECT_TRUE(loader.out_of_memory());
          EXPECT_FALSE(loader.corrupted());
        });
    EXPECT_EQ(marshal(m.get()), marshal(popped.get()));
    dbus_free(bytes);
  });
}

TEST_F(MessageOom, SyntaxAndErrors) {
  each([](Failing& failing) {
    DBusError error = DBUS_ERROR_INIT;
    failing.run([&] {
      dbus_set_error(&error, "a.E", "%s", kLong.c_str());
      return true;
    });
    EXPECT_STREQ(failing.failed() ? DBUS_ERROR_NO_MEMORY : "a.E", error.name);
    dbus_error_free(&error);
    failing.run([&] { return dbus_validate_bus_name("..", &error); });
    EXPECT_TRUE(dbus_error_is_set(&error));
    dbus_error_free(&error);

    DBusSignatureIter iter;
    dbus_signature_iter_init(&iter, "a{sv}i");
    char* signature = nullptr;
    failing.retry(
        [&] { return (signature = dbus_signature_iter_get_signature(&iter)) != nullptr; });
    EXPECT_STREQ("a{sv}", signature);
    dbus_free(signature);

    DBusAddressEntry** entries = nullptr;
    int count = 0;
    failing.retry(
        [&] {
          return with_error([&](DBusError* why) {
            return dbus_parse_address("unix:path=/a%20b;tcp:host=x,port=1", &entries, &count, why);
          });
        },
        [&] { EXPECT_EQ(nullptr, entries); });
    EXPECT_EQ(2, count);
    dbus_address_entries_free(entries);
    char* escaped = nullptr;
    failing.retry([&] { return (escaped = dbus_address_escape_value(kLong.c_str())) != nullptr; });
    char* plain = nullptr;
    failing.retry([&] {
      return with_error([&](DBusError* why) {
        return (plain = dbus_address_unescape_value(escaped, why)) != nullptr;
      });
    });
    EXPECT_EQ(kLong, plain);
    dbus_free(plain);
    dbus_free(escaped);
  });
}

// A handler that is short of memory gives back what it was lent, when the queue may have filled
// meanwhile and there is no memory for a larger one.
TEST_F(MessageOom, WhatIsLentHasItsPlaceKept) {
  constexpr std::size_t kMany = 100;
  MessageList spare;
  MessageList list;
  EXPECT_EQ(nullptr, list.lend_front());
  for (std::size_t i = 0; i < kMany; ++i) {
    ASSERT_TRUE((i < 2 ? list : spare).push_back(dbus_message_new(DBUS_MESSAGE_TYPE_SIGNAL)));
  }
  DBusMessage* first = list.lend_front();
  DBusMessage* second = list.lend_front();
  ASSERT_TRUE(list.empty());

  std::size_t pushed = 0;
  Failing all(1, 1000);
  all.run([&] {
    while (list.push_back(spare.front())) {
      (void)spare.pop_front();
      ++pushed;
    }
    list.take_back(second);
    list.take_back(first);
    return true;
  });
  EXPECT_TRUE(all.failed()) << "the queue was never full";
  ASSERT_EQ(pushed + 2, list.size());
  EXPECT_EQ(first, list[0]);
  EXPECT_EQ(second, list[1]);

  // A place that isn't needed any more is free for others.
  DBusMessage* another = dbus_message_new(DBUS_MESSAGE_TYPE_SIGNAL);
  Ref<DBusMessage>::adopt(list.lend_front());
  list.keep_no_place();
  Failing again(1, 1000);
  EXPECT_TRUE(again.run([&] { return list.push_back(another); }));
}

}  // namespace
}  // namespace dg::test
