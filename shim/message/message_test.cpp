// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages as the rest of the library uses them: fields, builder, wire loader, lists, counters,
// iterators' memory.
#include "message/message.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "message/builder.h"
#include "message/message_list.h"
#include "message/stock_api.h"
#include "message/wire.h"

namespace dg {
namespace {

using MessageRef = Ref<DBusMessage>;

MessageRef make_call(const char* member) {
  return MessageRef::adopt(dbus_message_new_method_call("a.b", "/x", "i.f", member));
}

std::string wire(DBusMessage& message) {
  std::string bytes(message.wire_size(), '\0');
  wire_marshal(message, reinterpret_cast<std::byte*>(bytes.data()));
  return bytes;
}

UniqueFd null_fd() { return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

TEST(Message, FieldsMayPointIntoTheMessageItself) {
  const MessageRef m = make_call("M");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(m->set_sender(m->destination()));
    ASSERT_TRUE(m->set_destination(m->interface()));
    ASSERT_TRUE(m->set_interface(m->sender()));
  }
  const std::string longer = "a." + std::string(250, 'b');
  ASSERT_TRUE(m->set_sender(longer.c_str()));
  ASSERT_TRUE(m->set_destination(m->sender()));
  EXPECT_EQ(m->destination(), longer);
  EXPECT_STREQ(m->member(), "M");
}

TEST(Message, FieldsOutgrowTheObject) {
  const MessageRef m = make_call("M");
  const std::string path = "/" + std::string(100000, 'p');
  ASSERT_TRUE(m->set_path(path.c_str()));
  EXPECT_EQ(m->path(), path);
  EXPECT_STREQ(m->destination(), "a.b");
  ASSERT_TRUE(m->set_path("/"));
  EXPECT_STREQ(m->member(), "M");
  m->set_destination(nullptr);
  EXPECT_EQ(m->destination(), nullptr);
  EXPECT_EQ(wire(*m), [] {
    const auto other = MessageRef::adopt(dbus_message_new_method_call(nullptr, "/", "i.f", "M"));
    return wire(*other);
  }());
}

TEST(Message, ReusedMemoryIsClean) {
  for (int i = 0; i < 30; ++i) {
    const auto m = MessageRef::adopt(DBusMessage::create(DBUS_MESSAGE_TYPE_SIGNAL));
    EXPECT_EQ(m->path(), nullptr);
    EXPECT_EQ(m->flags(), 0);
    EXPECT_EQ(m->serial(), 0u);
    EXPECT_FALSE(m->locked());
    EXPECT_TRUE(m->body().empty());
    EXPECT_EQ(wire(*m).size(), 16u);
    m->set_path("/a");
    m->set_serial(7);
    m->set_flag(1, true);
    const char* text = "text";
    dbus_message_append_args(m.get(), DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
    m->lock();
  }
}

TEST(MessageBuilder, MakesTheMessageThatTheApiMakes) {
  const auto expected = MessageRef::adopt(
      dbus_message_new_method_call("org.example", "/a/b", "org.example.I", "Method"));
  const char* text = "hello";
  ASSERT_TRUE(dbus_message_append_args(expected.get(), DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
  expected->set_serial(77);
  expected->set_sender(":1.3");

  MessageBuilder builder;
  EXPECT_EQ(builder.finish(), nullptr);
  builder.start(DBUS_MESSAGE_TYPE_METHOD_CALL, 0, 77);
  builder.set_path(std::string_view("/a/bcd").substr(0, 4));
  builder.set_destination("org.example");
  builder.set_interface("org.example.I");
  builder.set_member("Method");
  builder.set_error_name({});
  builder.set_signature("s");
  builder.set_sender(":1.3");
  std::byte* body = builder.reserve_body(10);
  ASSERT_NE(body, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(body) % 8, 0u);
  std::memcpy(body, expected->body().data(), 10);
  const auto m = MessageRef::adopt(builder.finish());
  ASSERT_TRUE(m);
  EXPECT_TRUE(m->locked());
  EXPECT_EQ(wire(*m), wire(*expected));
  EXPECT_EQ(builder.finish(), nullptr);
}

TEST(MessageBuilder, Descriptors) {
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_SIGNAL, 1, 2);
  builder.set_signature("h");
  const std::uint32_t index = 0;
  builder.set_body(&index, sizeof index);
  std::vector<UniqueFd> fds;
  fds.push_back(null_fd());
  builder.adopt_fds(std::move(fds));
  const auto m = MessageRef::adopt(builder.finish());
  ASSERT_TRUE(m);
  EXPECT_EQ(m->unix_fds_field(), 1u);
  EXPECT_TRUE(dbus_message_contains_unix_fds(m.get()));
  int fd = -1;
  ASSERT_TRUE(dbus_message_get_args(m.get(), nullptr, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
  EXPECT_NE(fd, m->fds()[0].get());
  close(fd);
}

// A stream of messages in any pieces comes out as the messages that went in.
TEST(WireLoader, AnyPieces) {
  test::Random random(1);
  for (int round = 0; round < 50; ++round) {
    std::string stream;
    std::vector<std::string> sent;
    for (int i = 0; i < 20; ++i) {
      const MessageRef m = make_call("M");
      m->set_serial(1 + random.below(1000));
      DBusMessageIter iter;
      dbus_message_iter_init_append(m.get(), &iter);
      ASSERT_TRUE(
          test::append_values(test::ours(), &iter, test::random_type(random, 3).c_str(), random));
      sent.push_back(wire(*m));
      stream += sent.back();
    }
    WireLoader loader;
    std::size_t received = 0;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t piece = std::min<std::size_t>(
          stream.size() - at, 1 + random.below(random.chance(20) ? 4000 : 40));
      if (random.chance(50)) {
        ASSERT_TRUE(loader.feed(stream.data() + at, piece));
      } else {
        const std::span<std::byte> room = loader.prepare(piece);
        ASSERT_GE(room.size(), piece);
        std::memcpy(room.data(), stream.data() + at, piece);
        loader.commit(piece);
      }
      at += piece;
      while (const auto m = MessageRef::adopt(loader.pop())) {
        ASSERT_LT(received, sent.size());
        EXPECT_EQ(wire(*m), sent[received++]);
        EXPECT_TRUE(m->locked());
      }
      ASSERT_FALSE(loader.corrupted()) << loader.reason();
      EXPECT_TRUE(at == stream.size() || loader.missing() > 0);
    }
    EXPECT_EQ(received, sent.size());
    EXPECT_EQ(loader.buffered(), 0u);
  }
}

TEST(WireLoader, DescriptorsGoWithTheirMessages) {
  WireLoader loader;
  std::string stream;
  for (int i = 0; i < 3; ++i) {
    const MessageRef m = make_call("M");
    m->set_serial(1);
    const UniqueFd fd = null_fd();
    const int number = fd.get();
    for (int j = 0; j < i; ++j)
      ASSERT_TRUE(dbus_message_append_args(m.get(), DBUS_TYPE_UNIX_FD, &number, DBUS_TYPE_INVALID));
    stream += wire(*m);
  }
  std::vector<UniqueFd> fds;
  for (int i = 0; i < 3; ++i) fds.push_back(null_fd());
  const int first = fds[0].get();
  ASSERT_TRUE(loader.feed(stream.data(), stream.size(), std::move(fds)));
  for (std::size_t i = 0; i < 3; ++i) {
    const auto m = MessageRef::adopt(loader.pop());
    ASSERT_TRUE(m) << loader.reason();
    ASSERT_EQ(m->fds().size(), i);
    EXPECT_TRUE(i != 1 || m->fds()[0].get() == first);
  }
  EXPECT_EQ(loader.buffered_fds(), 0u);
  // The third message again, without its descriptors.
  ASSERT_TRUE(loader.feed(stream.data(), stream.size()));
  EXPECT_TRUE(MessageRef::adopt(loader.pop()));
  EXPECT_FALSE(MessageRef::adopt(loader.pop()));
  EXPECT_EQ(loader.validity(), Validity::MissingFds);
}

TEST(WireLoader, LimitsAndCorruption) {
  const MessageRef m = make_call("M");
  m->set_serial(1);
  const std::string bytes = wire(*m);
  {
    WireLoader loader;
    loader.set_max_size(static_cast<long>(bytes.size()) - 1);
    ASSERT_TRUE(loader.feed(bytes.data(), 16));  // known from the start, not at the end
    EXPECT_EQ(loader.pop(), nullptr);
    EXPECT_TRUE(loader.corrupted());
  }
  {
    WireLoader loader;
    loader.set_max_size(static_cast<long>(bytes.size()));
    ASSERT_TRUE(loader.feed(bytes.data(), bytes.size()));
    EXPECT_TRUE(MessageRef::adopt(loader.pop()));
  }
  {
    // Once corrupted, for good.
    WireLoader loader;
    ASSERT_TRUE(loader.feed("this is no message at all", 25));
    EXPECT_EQ(loader.pop(), nullptr);
    EXPECT_EQ(loader.validity(), Validity::BadByteOrder);
    ASSERT_TRUE(loader.feed(bytes.data(), bytes.size()));
    EXPECT_EQ(loader.pop(), nullptr);
  }
}

TEST(MessageList, Queue) {
  MessageList list;
  EXPECT_EQ(list.pop_front(), nullptr);
  for (std::uint32_t i = 1; i <= 100; ++i) {
    DBusMessage* m = DBusMessage::create(DBUS_MESSAGE_TYPE_SIGNAL);
    m->set_serial(i);
    ASSERT_TRUE(i % 2 ? list.push_back(m) : list.push_front(m));
  }
  EXPECT_EQ(list.size(), 100u);
  EXPECT_EQ(list.front()->serial(), 100u);
  EXPECT_EQ(list[99]->serial(), 99u);
  const auto taken = MessageRef::adopt(list.take(50));
  EXPECT_EQ(taken->serial(), 1u);
  EXPECT_EQ(list[49]->serial(), 2u);
  EXPECT_EQ(list[50]->serial(), 3u);
  MessageList other;
  ASSERT_TRUE(other.push_back(DBusMessage::create(DBUS_MESSAGE_TYPE_ERROR)));
  ASSERT_TRUE(other.append(list));
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(other.size(), 100u);
  EXPECT_EQ(other[1]->serial(), 100u);
  const MessageList moved = std::move(other);
  EXPECT_EQ(moved.size(), 100u);
}

TEST(MessageCounter, FollowsTheMessages) {
  struct Counter : MessageCounter {
    void changed() noexcept override { ++changes; }
    int changes = 0;
  };
  auto* counter = new Counter;
  auto* second = new Counter;
  {
    const MessageRef a = make_call("A"), b = make_call("B");
    ASSERT_TRUE(a->count_under(counter));
    ASSERT_TRUE(b->count_under(counter));
    ASSERT_TRUE(b->count_under(second));
    EXPECT_EQ(counter->bytes(), static_cast<long>(a->wire_size() + b->wire_size()));
    EXPECT_EQ(second->bytes(), static_cast<long>(b->wire_size()));
  }
  EXPECT_EQ(counter->bytes(), 0);
  EXPECT_EQ(counter->changes, 2);
  EXPECT_EQ(second->changes, 1);
  counter->unref();
  second->unref();
}

TEST(Message, DataSlots) {
  dbus_int32_t slot = -1;
  ASSERT_TRUE(dbus_message_allocate_data_slot(&slot));
  static int freed;
  freed = 0;
  {
    const MessageRef m = make_call("M");
    const auto count = [](void*) { ++freed; };
    EXPECT_TRUE(dbus_message_set_data(m.get(), slot, &slot, count));
    EXPECT_EQ(dbus_message_get_data(m.get(), slot), &slot);
    EXPECT_TRUE(dbus_message_set_data(m.get(), slot, nullptr, count));
    EXPECT_EQ(freed, 1);
    const auto copy = MessageRef::adopt(m->copy());
    EXPECT_EQ(dbus_message_get_data(copy.get(), slot), nullptr);
  }
  EXPECT_EQ(freed, 2);
  dbus_message_free_data_slot(&slot);
  EXPECT_EQ(slot, -1);
}

// Programs keep iterators by value, forget them, and go on with a copy.
TEST(MessageIter, CopiesWork) {
  const MessageRef m = make_call("M");
  DBusMessageIter iter, array;
  dbus_message_iter_init_append(m.get(), &iter);
  DBusMessageIter copy = iter;
  ASSERT_TRUE(dbus_message_iter_open_container(&copy, DBUS_TYPE_ARRAY, "u", &array));
  for (dbus_uint32_t i = 0; i < 1000; ++i) {
    DBusMessageIter element = array;
    ASSERT_TRUE(dbus_message_iter_append_basic(&element, DBUS_TYPE_UINT32, &i));
  }
  ASSERT_TRUE(dbus_message_iter_close_container(&copy, &array));
  ASSERT_TRUE(dbus_message_iter_init(m.get(), &iter));
  EXPECT_EQ(dbus_message_iter_get_element_count(&iter), 1000);
  dbus_message_iter_recurse(&iter, &array);
  // A reader survives the message growing.
  const char* text = "more";
  ASSERT_TRUE(dbus_message_append_args(m.get(), DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
  dbus_uint32_t value = 0, expected = 0;
  do {
    dbus_message_iter_get_basic(&array, &value);
    ASSERT_EQ(value, expected++);
  } while (dbus_message_iter_next(&array));
  ASSERT_TRUE(dbus_message_iter_next(&iter));
  dbus_message_iter_get_basic(&iter, &text);
  EXPECT_STREQ(text, "more");
}

TEST(MessageIter, AbandonedContainersLeaveNoTrace) {
  const MessageRef m = make_call("M");
  const char* text = "kept";
  ASSERT_TRUE(dbus_message_append_args(m.get(), DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
  const std::string before = wire(*m);
  DBusMessageIter iter, outer = DBUS_MESSAGE_ITER_INIT_CLOSED,
                        inner = DBUS_MESSAGE_ITER_INIT_CLOSED;
  dbus_message_iter_init_append(m.get(), &iter);
  dbus_message_iter_abandon_container_if_open(&iter, &outer);
  ASSERT_TRUE(dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, nullptr, &outer));
  const UniqueFd fd = null_fd();
  const int number = fd.get();
  ASSERT_TRUE(dbus_message_iter_append_basic(&outer, DBUS_TYPE_UNIX_FD, &number));
  ASSERT_TRUE(dbus_message_iter_open_container(&outer, DBUS_TYPE_VARIANT, "as", &inner));
  dbus_message_iter_abandon_container_if_open(&outer, &inner);
  dbus_message_iter_abandon_container_if_open(&iter, &outer);
  EXPECT_EQ(test::hex(wire(*m)), test::hex(before));
  EXPECT_FALSE(dbus_message_contains_unix_fds(m.get()));
}

// Messages are made on one thread and dropped on another all the time.
TEST(Message, Threads) {
  std::vector<std::thread> threads;
  const MessageRef shared = make_call("Shared");
  shared->set_serial(5);
  shared->lock();
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&shared] {
      for (int i = 0; i < 2000; ++i) {
        const MessageRef m = make_call("M");
        const MessageRef reply = MessageRef::adopt(dbus_message_new_method_return(shared.get()));
        const MessageRef another = shared;
        ASSERT_EQ(reply->reply_serial(), 5u);
        ASSERT_STREQ(m->member(), "M");
        ASSERT_EQ(wire(*another).size(), shared->wire_size());
      }
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace dg
