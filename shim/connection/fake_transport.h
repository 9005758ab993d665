// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests: a Transport that is a peer in memory. What it "receives" and whether it can write is
// the test's decision; its descriptor is one end of a pair of sockets, readable while there is
// something, so that polling works as with a real one.
#pragma once

#include <dbus/dbus.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "connection/connection.h"
#include "connection/local_messages.h"
#include "connection/memory_transport.h"
#include "message/builder.h"

namespace dg::test {

// The peer's side: outlives the transport, usable from any thread.
class FakePeer {
 public:
  FakePeer() {
    int pair[2];
    EXPECT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
    ours_.reset(pair[0]);
    theirs_.reset(pair[1]);
  }

  // Hands a message (and the reference) to the connection.
  void deliver(DBusMessage* message) {
    std::lock_guard lock(mutex_);
    queue_.push_back(message);
    (void)!write(ours_.get(), "x", 1);
  }
  void hang_up() {
    std::lock_guard lock(mutex_);
    hung_up_ = true;
    (void)!write(ours_.get(), "x", 1);
  }
  // Whether the connection's writes go out.
  void accept(bool on) {
    std::lock_guard lock(mutex_);
    accepts_ = on;
  }
  // Called with each message sent, with no lock of the peer's held.
  std::function<void(DBusMessage*)> on_send;
  std::vector<std::string> sent() {
    std::lock_guard lock(mutex_);
    return sent_;
  }
  std::size_t sent_count() { return sent().size(); }

 private:
  friend class FakeTransport;
  std::mutex mutex_;
  std::deque<DBusMessage*> queue_;
  std::vector<std::string> sent_;
  bool hung_up_ = false;
  bool accepts_ = true;
  UniqueFd ours_, theirs_;
};

class FakeTransport final : public MemoryTransport {
 public:
  explicit FakeTransport(FakePeer& peer) : MemoryTransport(std::move(peer.theirs_)), peer_(peer) {}

  IoStatus send(DBusMessage& message) noexcept override {
    {
      std::lock_guard lock(peer_.mutex_);
      if (peer_.hung_up_) return IoStatus::Disconnected;
      if (!peer_.accepts_) return IoStatus::WouldBlock;
      peer_.sent_.push_back(message.member()
                                ? message.member()
                                : "reply to " + std::to_string(message.reply_serial()));
    }
    if (peer_.on_send) peer_.on_send(&message);
    return IoStatus::Ok;
  }
  IoStatus receive(MessageList& out) noexcept override {
    std::lock_guard lock(peer_.mutex_);
    if (reading_paused()) return IoStatus::WouldBlock;
    char byte;
    bool any = false;
    while (!peer_.queue_.empty()) {
      (void)!read(fd(), &byte, 1);
      EXPECT_TRUE(out.push_back(peer_.queue_.front()));
      peer_.queue_.pop_front();
      any = true;
    }
    if (peer_.hung_up_) return IoStatus::Disconnected;
    return any ? IoStatus::Ok : IoStatus::WouldBlock;
  }

 private:
  FakePeer& peer_;
};

inline DBusMessage* call(const char* member) {
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_METHOD_CALL, 0, 900);
  builder.set_path("/a");
  builder.set_interface("a.b");
  builder.set_member(member);
  builder.set_sender(":1.9");
  return builder.finish();
}

inline DBusMessage* signal(const char* member) {
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_SIGNAL, DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, 901);
  builder.set_path("/a");
  builder.set_interface("a.b");
  builder.set_member(member);
  return builder.finish();
}

inline DBusMessage* reply(std::uint32_t serial) {
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_METHOD_RETURN, DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, 902);
  builder.set_reply_serial(serial);
  return builder.finish();
}

// A connection to a FakePeer, and what the application sees of it.
class ConnectionTest : public testing::Test {
 public:
  ConnectionTest() : connection(DBusConnection::create(std::make_unique<FakeTransport>(peer))) {
    EXPECT_NE(nullptr, connection);
  }
  ~ConnectionTest() override {
    if (!connection) return;
    // Popped, not dispatched: handlers may refer to what was local to the test.
    dbus_connection_close(connection);
    while (pop() != "none") {
    }
    dbus_connection_unref(connection);
  }
  // A message for the connection to send: unlocked, no serial.
  static Ref<DBusMessage> fresh(const char* member = "Call") {
    return Ref<DBusMessage>::adopt(dbus_message_new_method_call(":1.1", "/o", "i.f", member));
  }
  void read() { dbus_connection_read_write(connection, 0); }
  void dispatch_all() {
    while (dbus_connection_dispatch(connection) == DBUS_DISPATCH_DATA_REMAINS) {
    }
  }
  std::string pop() {
    auto message = Ref<DBusMessage>::adopt(dbus_connection_pop_message(connection));
    if (!message) return "none";
    return message->member() ? message->member()
                             : "reply to " + std::to_string(message->reply_serial());
  }

  FakePeer peer;
  DBusConnection* connection;
};

}  // namespace dg::test
