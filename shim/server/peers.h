// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests: servers and clients of our library and of the installed one in one process, through
// the public API, and a main loop that serves them all.
#pragma once

#include <dbus/dbus.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "test/stock_libdbus.h"

// clang-format off
#define DG_PEER_FUNCTIONS(X) \
  X(dbus_free) X(dbus_error_free) X(dbus_threads_init_default) \
  X(dbus_server_listen) X(dbus_server_ref) X(dbus_server_unref) X(dbus_server_disconnect) \
  X(dbus_server_get_is_connected) X(dbus_server_get_address) X(dbus_server_get_id) \
  X(dbus_server_set_new_connection_function) X(dbus_server_set_watch_functions) \
  X(dbus_server_set_timeout_functions) X(dbus_server_set_auth_mechanisms) \
  X(dbus_connection_open_private) X(dbus_connection_ref) X(dbus_connection_unref) \
  X(dbus_connection_close) X(dbus_connection_get_is_connected) \
  X(dbus_connection_get_is_authenticated) X(dbus_connection_get_is_anonymous) \
  X(dbus_connection_get_unix_user) X(dbus_connection_get_unix_process_id) \
  X(dbus_connection_get_server_id) X(dbus_connection_set_allow_anonymous) \
  X(dbus_connection_set_unix_user_function) X(dbus_connection_can_send_type) \
  X(dbus_connection_set_watch_functions) X(dbus_connection_set_timeout_functions) \
  X(dbus_connection_dispatch) X(dbus_connection_get_dispatch_status) X(dbus_connection_send) \
  X(dbus_connection_send_with_reply) X(dbus_connection_add_filter) \
  X(dbus_pending_call_get_completed) X(dbus_pending_call_steal_reply) X(dbus_pending_call_unref) \
  X(dbus_watch_get_unix_fd) X(dbus_watch_get_flags) X(dbus_watch_get_enabled) X(dbus_watch_handle) \
  X(dbus_message_new_method_call) X(dbus_message_new_method_return) X(dbus_message_unref) \
  X(dbus_message_append_args) X(dbus_message_get_args) X(dbus_message_is_method_call) \
  X(dbus_message_get_type) X(dbus_message_contains_unix_fds)
// clang-format on

namespace dg::test {

struct Peer {
  const char* name;
#define DG_MEMBER(function) decltype(&::function) function;
  DG_PEER_FUNCTIONS(DG_MEMBER)
#undef DG_MEMBER
};

inline const Peer& our_peer() {
  static const Peer peer = {"ours",
#define DG_OURS(function) ::function,
                            DG_PEER_FUNCTIONS(DG_OURS)
#undef DG_OURS
  };
  return peer;
}

inline const Peer& stock_peer() {
  static const Peer peer = [] {
    Peer loaded{};
    loaded.name = "stock";
#define DG_STOCK(function) loaded.function = STOCK(function);
    DG_PEER_FUNCTIONS(DG_STOCK)
#undef DG_STOCK
    return loaded;
  }();
  return peer;
}

// A directory that goes with the test, and HOME in it, since keyrings are there.
class Home {
 public:
  Home() {
    char path[] = "/tmp/dbus-genl-server-XXXXXX";
    directory_ = ::mkdtemp(path);
    ::setenv("HOME", path, 1);
    ::setenv("XDG_RUNTIME_DIR", path, 1);
    ::setenv("TMPDIR", path, 1);
    ::setenv("DBUS_FATAL_WARNINGS", "0", 1);
  }
  ~Home() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  const std::string& path() const { return directory_; }

 private:
  std::string directory_;
};
// One for the process: the installed library asks for HOME only once.
inline const Home home;

// A main loop, of poll().
class Loop {
 public:
  // Runs until `done`, or false after what is for ever on a busy machine.
  bool run(const std::function<bool()>& done, int milliseconds = 60000) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    while (true) {
      dispatch();
      if (done()) return true;
      if (std::chrono::steady_clock::now() > end) return false;
      turn(10);
    }
  }
  // Until nothing is ready any more: within one process that is when all has been answered.
  void settle() {
    for (int turns = 0; turn(0) && turns < kMaxTurns; ++turns) dispatch();
  }

  void adopt(const Peer& peer, DBusServer* server) {
    auto* context = context_of(peer);
    peer.dbus_server_set_watch_functions(server, add_watch, remove_watch, toggle_watch, context,
                                         nullptr);
    peer.dbus_server_set_timeout_functions(server, add_timeout, remove_timeout, toggle_timeout,
                                           context, nullptr);
  }
  void adopt(const Peer& peer, DBusConnection* connection) {
    auto* context = context_of(peer);
    peer.dbus_connection_set_watch_functions(connection, add_watch, remove_watch, toggle_watch,
                                             context, nullptr);
    peer.dbus_connection_set_timeout_functions(connection, add_timeout, remove_timeout,
                                               toggle_timeout, context, nullptr);
    connections_.push_back({&peer, connection});
  }
  void forget(DBusConnection* connection) {
    std::erase_if(connections_, [&](const auto& entry) { return entry.second == connection; });
  }
  std::size_t watches() const { return watches_.size(); }

 private:
  struct Context {
    Loop* loop;
    const Peer* peer;
  };
  struct Entry {
    const Peer* peer;
    DBusWatch* watch;
  };

  Context* context_of(const Peer& peer) {
    contexts_.push_back(std::make_unique<Context>(Context{this, &peer}));
    return contexts_.back().get();
  }
  static dbus_bool_t add_watch(DBusWatch* watch, void* data) {
    auto* context = static_cast<Context*>(data);
    context->loop->watches_.push_back({context->peer, watch});
    return TRUE;
  }
  static void remove_watch(DBusWatch* watch, void* data) {
    auto& watches = static_cast<Context*>(data)->loop->watches_;
    EXPECT_EQ(std::erase_if(watches, [&](const Entry& e) { return e.watch == watch; }), 1U);
  }
  static void toggle_watch(DBusWatch*, void*) {}
  // Nothing here waits long enough for one.
  static dbus_bool_t add_timeout(DBusTimeout*, void*) { return TRUE; }
  static void remove_timeout(DBusTimeout*, void*) {}
  static void toggle_timeout(DBusTimeout*, void*) {}

  static constexpr int kMaxTurns = 1000;

  // False when nothing was ready.
  bool turn(int milliseconds) {
    std::vector<pollfd> polled;
    std::vector<Entry> entries;
    for (const Entry& entry : watches_) {
      if (!entry.peer->dbus_watch_get_enabled(entry.watch)) continue;
      const unsigned flags = entry.peer->dbus_watch_get_flags(entry.watch);
      const int events =
          (flags & DBUS_WATCH_READABLE ? POLLIN : 0) | (flags & DBUS_WATCH_WRITABLE ? POLLOUT : 0);
      polled.push_back(
          {entry.peer->dbus_watch_get_unix_fd(entry.watch), static_cast<short>(events), 0});
      entries.push_back(entry);
    }
    if (::poll(polled.data(), polled.size(), milliseconds) <= 0) return false;
    for (std::size_t i = 0; i < polled.size(); ++i) {
      const int found = polled[i].revents;
      unsigned condition = 0;
      if (found & POLLIN) condition |= DBUS_WATCH_READABLE;
      if (found & POLLOUT) condition |= DBUS_WATCH_WRITABLE;
      if (found & POLLERR) condition |= DBUS_WATCH_ERROR;
      if (found & POLLHUP) condition |= DBUS_WATCH_HANGUP;
      const bool is_there = std::any_of(watches_.begin(), watches_.end(), [&](const Entry& e) {
        return e.watch == entries[i].watch;
      });
      if (condition && is_there) {
        entries[i].peer->dbus_watch_handle(entries[i].watch, condition);
      }
    }
    return true;
  }
  void dispatch() {
    const auto connections = connections_;
    for (const auto& [peer, connection] : connections) {
      while (peer->dbus_connection_get_dispatch_status(connection) == DBUS_DISPATCH_DATA_REMAINS) {
        peer->dbus_connection_dispatch(connection);
      }
    }
  }

  std::vector<std::unique_ptr<Context>> contexts_;
  std::vector<Entry> watches_;
  std::vector<std::pair<const Peer*, DBusConnection*>> connections_;
};

// A server with the connections that have come to it. It answers each method call with what came.
class TestServer {
 public:
  // What is done with a connection before anything else.
  using Prepare = std::function<void(DBusConnection*)>;

  TestServer(const Peer& peer, Loop& loop, const std::string& address,
             const std::vector<const char*>& mechanisms = {}, Prepare prepare = nullptr)
      : peer_(peer), loop_(loop), prepare_(std::move(prepare)) {
    DBusError error = DBUS_ERROR_INIT;
    server_ = peer.dbus_server_listen(address.c_str(), &error);
    if (!server_) {
      ADD_FAILURE() << peer.name << ": " << address << ": " << error.name << ": " << error.message;
      peer.dbus_error_free(&error);
      return;
    }
    if (!mechanisms.empty()) {
      std::vector<const char*> names = mechanisms;
      names.push_back(nullptr);
      EXPECT_TRUE(peer.dbus_server_set_auth_mechanisms(server_, names.data()));
    }
    peer.dbus_server_set_new_connection_function(server_, on_new_connection, this, nullptr);
    loop.adopt(peer, server_);
  }
  ~TestServer() {
    drop_connections();
    if (!server_) return;
    stop();
    peer_.dbus_server_unref(server_);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  explicit operator bool() const { return server_ != nullptr; }
  DBusServer* get() const { return server_; }
  void stop() { peer_.dbus_server_disconnect(server_); }
  std::string address() const { return take(peer_.dbus_server_get_address(server_)); }
  std::string guid() const { return take(peer_.dbus_server_get_id(server_)); }
  const std::vector<DBusConnection*>& connections() const { return connections_; }
  void drop_connections() {
    for (DBusConnection* connection : connections_) {
      peer_.dbus_connection_close(connection);
      loop_.forget(connection);
      while (peer_.dbus_connection_dispatch(connection) == DBUS_DISPATCH_DATA_REMAINS) {
      }
      peer_.dbus_connection_unref(connection);
    }
    connections_.clear();
  }

 private:
  std::string take(char* text) const {
    const std::string copy = text ? text : "";
    peer_.dbus_free(text);
    return copy;
  }
  static void on_new_connection(DBusServer*, DBusConnection* connection, void* data) {
    auto* self = static_cast<TestServer*>(data);
    self->peer_.dbus_connection_ref(connection);
    self->connections_.push_back(connection);
    if (self->prepare_) self->prepare_(connection);
    self->peer_.dbus_connection_add_filter(connection, on_message, self, nullptr);
    self->loop_.adopt(self->peer_, connection);
  }
  static DBusHandlerResult on_message(DBusConnection* connection, DBusMessage* message,
                                      void* data) {
    const Peer& peer = static_cast<TestServer*>(data)->peer_;
    if (!peer.dbus_message_is_method_call(message, "a.b", "Echo")) {
      return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
    }
    const char* text = nullptr;
    int fd = -1;
    DBusMessage* reply = peer.dbus_message_new_method_return(message);
    if (peer.dbus_message_contains_unix_fds(message)) {
      EXPECT_TRUE(peer.dbus_message_get_args(message, nullptr, DBUS_TYPE_STRING, &text,
                                             DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
      EXPECT_TRUE(peer.dbus_message_append_args(reply, DBUS_TYPE_STRING, &text, DBUS_TYPE_UNIX_FD,
                                                &fd, DBUS_TYPE_INVALID));
      ::close(fd);
    } else {
      EXPECT_TRUE(
          peer.dbus_message_get_args(message, nullptr, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
      EXPECT_TRUE(peer.dbus_message_append_args(reply, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
    }
    EXPECT_TRUE(peer.dbus_connection_send(connection, reply, nullptr));
    peer.dbus_message_unref(reply);
    return DBUS_HANDLER_RESULT_HANDLED;
  }

  const Peer& peer_;
  Loop& loop_;
  Prepare prepare_;
  DBusServer* server_ = nullptr;
  std::vector<DBusConnection*> connections_;
};

class TestClient {
 public:
  TestClient(const Peer& peer, Loop& loop, const std::string& address) : peer_(peer), loop_(loop) {
    DBusError error = DBUS_ERROR_INIT;
    connection_ = peer.dbus_connection_open_private(address.c_str(), &error);
    if (!connection_) {
      ADD_FAILURE() << peer.name << ": " << address << ": " << error.name << ": " << error.message;
      peer.dbus_error_free(&error);
      return;
    }
    loop.adopt(peer, connection_);
  }
  ~TestClient() {
    if (!connection_) return;
    loop_.forget(connection_);
    peer_.dbus_connection_close(connection_);
    while (peer_.dbus_connection_dispatch(connection_) == DBUS_DISPATCH_DATA_REMAINS) {
    }
    peer_.dbus_connection_unref(connection_);
  }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  explicit operator bool() const { return connection_ != nullptr; }
  DBusConnection* get() const { return connection_; }
  bool is_connected() const { return peer_.dbus_connection_get_is_connected(connection_); }

  // What the other side makes of a text, and of an fd unless it is -1; "" without an answer.
  std::string echo(const std::string& text, int fd = -1, int* received = nullptr) {
    DBusMessage* call = peer_.dbus_message_new_method_call(nullptr, "/", "a.b", "Echo");
    const char* argument = text.c_str();
    if (fd < 0) {
      peer_.dbus_message_append_args(call, DBUS_TYPE_STRING, &argument, DBUS_TYPE_INVALID);
    } else {
      peer_.dbus_message_append_args(call, DBUS_TYPE_STRING, &argument, DBUS_TYPE_UNIX_FD, &fd,
                                     DBUS_TYPE_INVALID);
    }
    DBusPendingCall* pending = nullptr;
    EXPECT_TRUE(peer_.dbus_connection_send_with_reply(connection_, call, &pending, -1));
    peer_.dbus_message_unref(call);
    if (!pending) return "";
    std::string answer;
    loop_.run([&] { return peer_.dbus_pending_call_get_completed(pending) || !is_connected(); });
    if (DBusMessage* reply = peer_.dbus_pending_call_get_completed(pending)
                                 ? peer_.dbus_pending_call_steal_reply(pending)
                                 : nullptr) {
      const char* got = nullptr;
      if (peer_.dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR) {
        answer = "error";
      } else if (received) {
        peer_.dbus_message_get_args(reply, nullptr, DBUS_TYPE_STRING, &got, DBUS_TYPE_UNIX_FD,
                                    received, DBUS_TYPE_INVALID);
      } else {
        peer_.dbus_message_get_args(reply, nullptr, DBUS_TYPE_STRING, &got, DBUS_TYPE_INVALID);
      }
      if (got) answer = got;
      peer_.dbus_message_unref(reply);
    }
    peer_.dbus_pending_call_unref(pending);
    return answer;
  }

 private:
  const Peer& peer_;
  Loop& loop_;
  DBusConnection* connection_ = nullptr;
};

}  // namespace dg::test
