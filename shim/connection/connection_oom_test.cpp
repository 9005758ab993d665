// SPDX-License-Identifier: LGPL-2.1-or-later
// Connections when memory is short: each allocation in turn fails, or a few in a row. What fails
// says so as libdbus does, no message is lost or handled twice, and everything goes on once there
// is memory again.
#include <dbus/dbus.h>
#include <sys/socket.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "connection/connection.h"
#include "connection/memory_transport.h"
#include "message/builder.h"
#include "test/allocation_failure.h"

namespace dg::test {
namespace {

using List = std::vector<std::string>;

std::string name_of(DBusMessage* message) {
  if (message->member()) return message->member();
  if (message->error_name()) return message->error_name();
  return "reply to " + std::to_string(message->reply_serial());
}

// The other side, in memory. It has enough of that, but its messages may find no room in the
// connection's queue.
class Peer {
 public:
  Peer() {
    int pair[2];
    EXPECT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
    mine.reset(pair[0]);
    theirs.reset(pair[1]);
  }
  ~Peer() {
    for (DBusMessage* message : queue) message->unref();
  }
  void deliver(DBusMessage* message) {
    const NoFailures own;
    queue.push_back(message);
    (void)!::write(mine.get(), "x", 1);
  }
  void reply(DBusMessage* call, int type = DBUS_TYPE_INVALID, const void* value = nullptr) {
    const NoFailures own;
    DBusMessage* message = dbus_message_new_method_return(call);
    if (type != DBUS_TYPE_INVALID)
      dbus_message_append_args(message, type, value, DBUS_TYPE_INVALID);
    dbus_message_set_serial(message, 77);
    message->lock();
    deliver(message);
  }
  void call(const char* path, const char* interface, const char* member) {
    const NoFailures own;
    MessageBuilder builder;
    builder.start(DBUS_MESSAGE_TYPE_METHOD_CALL, 0, 900);
    builder.set_path(path);
    builder.set_interface(interface);
    builder.set_member(member);
    builder.set_sender(":1.9");
    deliver(builder.finish());
  }
  void signal(const char* member) {
    const NoFailures own;
    MessageBuilder builder;
    builder.start(DBUS_MESSAGE_TYPE_SIGNAL, DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, 901);
    builder.set_path("/a");
    builder.set_interface("a.b");
    builder.set_member(member);
    deliver(builder.finish());
  }
  void hang_up() {
    hung_up = true;
    (void)!::write(mine.get(), "x", 1);
  }
  List take_sent() { return std::exchange(sent, {}); }

  UniqueFd mine, theirs;
  std::deque<DBusMessage*> queue;
  List sent;
  std::function<void(DBusMessage*)> on_send;
  bool accepts = true;
  bool hung_up = false;
};

class PeerTransport final : public MemoryTransport {
 public:
  explicit PeerTransport(Peer& peer) : MemoryTransport(std::move(peer.theirs)), peer_(peer) {}
  IoStatus send(DBusMessage& message) noexcept override {
    const NoFailures own;
    if (!peer_.accepts) return IoStatus::WouldBlock;
    if (peer_.hung_up) return IoStatus::Disconnected;
    peer_.sent.push_back(name_of(&message));
    if (peer_.on_send) peer_.on_send(&message);
    return IoStatus::Ok;
  }
  IoStatus receive(MessageList& out) noexcept override {
    char bytes[64];
    (void)!::read(fd(), bytes, sizeof bytes);
    while (!peer_.queue.empty()) {
      if (!out.push_back(peer_.queue.front())) return IoStatus::NoMemory;
      const NoFailures own;
      peer_.queue.pop_front();
    }
    return peer_.hung_up ? IoStatus::Disconnected : IoStatus::WouldBlock;
  }

 private:
  Peer& peer_;
};

class Session {
 public:
  explicit Session(Failing& failing) : failing_(failing) {
    failing.retry([&] {
      std::unique_ptr<Transport> transport;
      {
        const NoFailures own;
        if (!peer.theirs) {  // the first attempt's transport has taken it along
          peer.~Peer();
          new (&peer) Peer;
        }
        transport = std::make_unique<PeerTransport>(peer);
      }
      connection = DBusConnection::create(std::move(transport));
      return connection != nullptr;
    });
  }
  ~Session() {
    if (!connection) return;
    dbus_connection_close(connection);
    while (DBusMessage* message = dbus_connection_pop_message(connection))
      dbus_message_unref(message);
    dbus_connection_unref(connection);
  }
  static Ref<DBusMessage> fresh(const char* member) {
    return Ref<DBusMessage>::adopt(dbus_message_new_method_call(":1.1", "/o", "i.f", member));
  }
  void note(const std::string& what) {
    const NoFailures own;
    log.push_back(what);
  }
  List take_log() { return std::exchange(log, {}); }
  void filter() {
    failing_.retry([&] { return dbus_connection_add_filter(connection, seen, this, nullptr); });
  }
  static DBusHandlerResult seen(DBusConnection*, DBusMessage* message, void* self) {
    const NoFailures own;
    static_cast<Session*>(self)->note(name_of(message));
    return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
  }
  // Until nothing is left to do, as a main loop that tries again when memory was short: first with
  // the failure, then without.
  void pump() {
    const auto work = [&] {
      if (dbus_connection_get_is_connected(connection)) dbus_connection_read_write(connection, 0);
      DBusDispatchStatus status;
      int turns = 100;
      while ((status = dbus_connection_dispatch(connection)) == DBUS_DISPATCH_DATA_REMAINS &&
             --turns > 0) {
      }
      return status == DBUS_DISPATCH_COMPLETE;
    };
    failing_.run(work);
    EXPECT_TRUE(work());
    EXPECT_EQ(DBUS_DISPATCH_COMPLETE, dbus_connection_get_dispatch_status(connection));
  }

  Peer peer;
  DBusConnection* connection = nullptr;
  List log;

 private:
  Failing& failing_;
};

void each(const std::function<void(Failing&, Session&)>& function) {
  const unsigned long made = for_each_allocation([&](Failing& failing) {
    {
      Session session(failing);
      function(failing, session);
    }
    dbus_shutdown();
  });
  EXPECT_GT(made, 0u) << "nothing was tested";
}

TEST(ConnectionOom, Sending) {
  each([](Failing& failing, Session& s) {
    Ref<DBusMessage> first = s.fresh("First");
    dbus_uint32_t serial = 0;
    failing.retry([&] { return dbus_connection_send(s.connection, first.get(), &serial); });
    EXPECT_EQ(1u, serial);
    // What doesn't go out at once is queued.
    s.peer.accepts = false;
    List expected{"First"};
    for (int i = 0; i < 20; ++i) {
      Ref<DBusMessage> more = s.fresh("More");
      failing.retry([&] { return dbus_connection_send(s.connection, more.get(), nullptr); });
      expected.push_back("More");
    }
    DBusPreallocatedSend* room = nullptr;
    failing.retry(
        [&] { return (room = dbus_connection_preallocate_send(s.connection)) != nullptr; });
    Ref<DBusMessage> last = s.fresh("Last");
    failing.run([&] {
      dbus_connection_send_preallocated(s.connection, room, last.get(), &serial);
      return true;
    });
    EXPECT_EQ(22u, serial);
    expected.push_back("Last");
    s.peer.accepts = true;
    failing.run([&] {
      dbus_connection_flush(s.connection);
      return true;
    });
    EXPECT_EQ(expected, s.peer.take_sent());
  });
}

TEST(ConnectionOom, PendingCalls) {
  each([](Failing& failing, Session& s) {
    s.peer.on_send = [&](DBusMessage* call) { s.peer.reply(call); };
    std::vector<DBusPendingCall*> calls;
    for (int i = 0; i < 10; ++i) {
      Ref<DBusMessage> call = s.fresh("Call");
      DBusPendingCall* pending = nullptr;
      failing.retry([&] {
        return dbus_connection_send_with_reply(s.connection, call.get(), &pending, 60000);
      });
      ASSERT_NE(nullptr, pending);
      calls.push_back(pending);
      static int freed;
      freed = 0;
      EXPECT_TRUE(dbus_pending_call_set_notify(
          pending,
          [](DBusPendingCall*, void* self) { static_cast<Session*>(self)->note("notified"); }, &s,
          [](void*) { ++freed; }));
    }
    s.pump();
    EXPECT_EQ(List(10, "notified"), s.take_log());
    for (DBusPendingCall* pending : calls) {
      EXPECT_TRUE(dbus_pending_call_get_completed(pending));
      DBusMessage* reply = dbus_pending_call_steal_reply(pending);
      ASSERT_NE(nullptr, reply);
      dbus_message_unref(reply);
      dbus_pending_call_unref(pending);
    }
  });
}

// It was a reply that did not come: there is an error all the same, and only for calls that wait.
TEST(ConnectionOom, CallsThatTimeOut) {
  each([](Failing& failing, Session& s) {
    Ref<DBusMessage> call = s.fresh("Call");
    DBusPendingCall* pending = nullptr;
    failing.retry(
        [&] { return dbus_connection_send_with_reply(s.connection, call.get(), &pending, 1); });
    ASSERT_NE(nullptr, pending);
    failing.run([&] {
      dbus_pending_call_block(pending);
      return true;
    });
    EXPECT_TRUE(dbus_pending_call_get_completed(pending));
    DBusMessage* reply = dbus_pending_call_steal_reply(pending);
    ASSERT_NE(nullptr, reply);
    EXPECT_STREQ(DBUS_ERROR_NO_REPLY, dbus_message_get_error_name(reply));
    dbus_message_unref(reply);
    dbus_pending_call_unref(pending);
  });
}

TEST(ConnectionOom, BlockingCalls) {
  each([](Failing& failing, Session& s) {
    s.filter();
    s.peer.on_send = [&](DBusMessage* call) {
      const char* text = "answer";
      s.peer.signal("Meanwhile");
      s.peer.reply(call, DBUS_TYPE_STRING, &text);
    };
    int attempts = 0;
    Ref<DBusMessage> reply;
    failing.retry([&] {
      ++attempts;
      Ref<DBusMessage> call;
      {
        const NoFailures own;
        call = s.fresh("Call");
      }
      return with_error([&](DBusError* error) {
        reply = Ref<DBusMessage>::adopt(
            dbus_connection_send_with_reply_and_block(s.connection, call.get(), 5000, error));
        return static_cast<bool>(reply);
      });
    });
    ASSERT_TRUE(reply);
    EXPECT_STREQ("s", dbus_message_get_signature(reply.get()));
    s.pump();
    // Of a call that failed it isn't known whether it went out.
    const List seen = s.take_log();
    EXPECT_GE(seen.size(), 1u);
    EXPECT_LE(seen.size(), 2u * static_cast<unsigned>(attempts));
  });
}

TEST(ConnectionOom, FiltersAndDispatch) {
  each([](Failing& failing, Session& s) {
    s.filter();
    static int freed;
    freed = 0;
    failing.retry([&] {
      return dbus_connection_add_filter(s.connection, Session::seen, &s, [](void*) { ++freed; });
    });
    s.peer.signal("A");
    s.peer.signal("B");
    s.pump();
    EXPECT_EQ((List{"A", "A", "B", "B"}), s.take_log()) << "each once by each filter";
    // Taking one away works, whether there is memory or not.
    EXPECT_EQ(0, freed);
    failing.run([&] {
      dbus_connection_remove_filter(s.connection, Session::seen, &s);
      return true;
    });
    EXPECT_EQ(1, freed);
    s.peer.signal("C");
    s.pump();
    EXPECT_EQ(List{"C"}, s.take_log());
    failing.run([&] {
      dbus_connection_remove_filter(s.connection, Session::seen, &s);
      return true;
    });
    s.peer.signal("D");
    s.pump();
    EXPECT_EQ(List{}, s.take_log());
  });
}

// A handler that has no memory sees the message again.
TEST(ConnectionOom, HandlersWithoutMemory) {
  each([](Failing& failing, Session& s) {
    static int left;
    left = 3;
    failing.retry([&] {
      return dbus_connection_add_filter(
          s.connection,
          [](DBusConnection*, DBusMessage* message, void* self) {
            static_cast<Session*>(self)->note(message->member());
            return --left > 0 ? DBUS_HANDLER_RESULT_NEED_MEMORY : DBUS_HANDLER_RESULT_HANDLED;
          },
          &s, nullptr);
    });
    s.peer.signal("A");
    s.pump();
    EXPECT_EQ(List(3, "A"), s.take_log());
  });
}

TEST(ConnectionOom, ObjectPathsAndTheLibrarysOwnAnswers) {
  each([](Failing& failing, Session& s) {
    static int gone;
    gone = 0;
    static const DBusObjectPathVTable vtable{
        [](DBusConnection*, void*) { ++gone; },
        [](DBusConnection* connection, DBusMessage* message, void* self) {
          if (!dbus_message_has_member(message, "Echo")) return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
          (void)self;
          auto reply = Ref<DBusMessage>::adopt(dbus_message_new_method_return(message));
          return reply && dbus_connection_send(connection, reply.get(), nullptr)
                     ? DBUS_HANDLER_RESULT_HANDLED
                     : DBUS_HANDLER_RESULT_NEED_MEMORY;
        },
        nullptr,
        nullptr,
        nullptr,
        nullptr};
    failing.retry([&] {
      return with_error([&](DBusError* error) {
        return dbus_connection_try_register_object_path(s.connection, "/a/b/c", &vtable, &s, error);
      });
    });
    failing.retry([&] {
      return with_error([&](DBusError* error) {
        return dbus_connection_try_register_fallback(s.connection, "/a/d", &vtable, &s, error);
      });
    });
    failing.retry(
        [&] { return dbus_connection_register_object_path(s.connection, "/x", &vtable, &s); });
    char** children = nullptr;
    failing.retry([&] { return dbus_connection_list_registered(s.connection, "/a", &children); });
    EXPECT_STREQ("b", children[0]);
    EXPECT_STREQ("d", children[1]);
    dbus_free_string_array(children);

    const auto answer = [&](const char* path, const char* interface, const char* member) {
      s.peer.call(path, interface, member);
      s.pump();
      const List sent = s.peer.take_sent();
      EXPECT_EQ(1u, sent.size()) << member << ": not answered once";
      return sent.empty() ? "" : sent[0];
    };
    EXPECT_EQ("reply to 900", answer("/a/b/c", "a.b", "Echo"));
    EXPECT_EQ("reply to 900", answer("/a/d/e", "a.b", "Echo"));
    EXPECT_EQ("reply to 900", answer("/a", DBUS_INTERFACE_INTROSPECTABLE, "Introspect"));
    EXPECT_EQ("reply to 900", answer("/", DBUS_INTERFACE_PEER, "Ping"));
    EXPECT_EQ("reply to 900", answer("/", DBUS_INTERFACE_PEER, "GetMachineId"));
    EXPECT_EQ(DBUS_ERROR_UNKNOWN_METHOD, answer("/", DBUS_INTERFACE_PEER, "Other"));
    EXPECT_EQ(DBUS_ERROR_UNKNOWN_METHOD, answer("/a/b/c", "a.b", "Other"));
    // Unregistering works, whether there is memory or not.
    failing.run([&] { return dbus_connection_unregister_object_path(s.connection, "/a/b/c"); });
    EXPECT_EQ(1, gone);
  });
}

// Authentication isn't resumed: what was read of it is lost. Then so is the connection, also where
// it is a message to be sent that goes on with it, and a call says so at once.
TEST(ConnectionOom, AuthenticationGoesOnWithAMessage) {
  class Unfinished final : public MemoryTransport {
   public:
    explicit Unfinished(Peer& peer) : MemoryTransport(std::move(peer.theirs)) {}
    bool authenticated() const noexcept override { return false; }
    IoStatus handshake() noexcept override { return IoStatus::NoMemory; }
    IoStatus send(DBusMessage&) noexcept override { return IoStatus::WouldBlock; }
    IoStatus receive(MessageList&) noexcept override { return IoStatus::WouldBlock; }
  };
  Peer peer;
  DBusConnection* connection = DBusConnection::create(std::make_unique<Unfinished>(peer));
  ASSERT_TRUE(connection);
  DBusMessage* call = dbus_message_new_method_call("a.b", "/a", "a.b", "M");
  DBusError error = DBUS_ERROR_INIT;
  EXPECT_EQ(nullptr, dbus_connection_send_with_reply_and_block(connection, call, 3000, &error));
  EXPECT_STREQ(DBUS_ERROR_NO_MEMORY, error.name);
  EXPECT_FALSE(dbus_connection_get_is_connected(connection));
  dbus_error_free(&error);
  dbus_message_unref(call);
  while (DBusMessage* message = dbus_connection_pop_message(connection))
    dbus_message_unref(message);
  dbus_connection_close(connection);
  dbus_connection_unref(connection);
}

TEST(ConnectionOom, TheEnd) {
  each([](Failing& failing, Session& s) {
    s.filter();
    Ref<DBusMessage> call = s.fresh("Call");
    DBusPendingCall* pending = nullptr;
    failing.retry(
        [&] { return dbus_connection_send_with_reply(s.connection, call.get(), &pending, 60000); });
    s.peer.accepts = false;
    Ref<DBusMessage> unsent = s.fresh("Unsent");
    failing.retry([&] { return dbus_connection_send(s.connection, unsent.get(), nullptr); });
    s.peer.signal("Before");
    s.peer.hang_up();
    s.pump();
    s.pump();
    EXPECT_FALSE(dbus_connection_get_is_connected(s.connection));
    EXPECT_EQ((List{"Before", DBUS_ERROR_NO_REPLY, "Disconnected"}), s.take_log());
    failing.run([&] {
      dbus_pending_call_block(pending);
      return true;
    });
    DBusMessage* reply = dbus_pending_call_steal_reply(pending);
    ASSERT_NE(nullptr, reply);
    dbus_message_unref(reply);
    dbus_pending_call_unref(pending);
  });
}

TEST(ConnectionOom, MainLoopFunctions) {
  each([](Failing& failing, Session& s) {
    static int watches, timeouts, freed;
    watches = timeouts = freed = 0;
    failing.retry(
        [&] {
          return dbus_connection_set_watch_functions(
              s.connection, [](DBusWatch*, void*) -> dbus_bool_t { return ++watches; },
              [](DBusWatch*, void*) { --watches; }, [](DBusWatch*, void*) {}, &s,
              [](void*) { ++freed; });
        },
        [&] { EXPECT_EQ(0, watches + freed); });
    EXPECT_EQ(2, watches);
    Ref<DBusMessage> call = s.fresh("Call");
    DBusPendingCall* pending = nullptr;
    failing.retry(
        [&] { return dbus_connection_send_with_reply(s.connection, call.get(), &pending, 60000); });
    failing.retry(
        [&] {
          return dbus_connection_set_timeout_functions(
              s.connection, [](DBusTimeout*, void*) -> dbus_bool_t { return ++timeouts; },
              [](DBusTimeout*, void*) { --timeouts; }, [](DBusTimeout*, void*) {}, &s,
              [](void*) { ++freed; });
        },
        [&] { EXPECT_EQ(0, timeouts + freed); });
    EXPECT_EQ(1, timeouts);
    failing.run([&] {
      dbus_pending_call_cancel(pending);
      return true;
    });
    EXPECT_EQ(0, timeouts);
    dbus_pending_call_unref(pending);
    char* id = nullptr;
    failing.retry([&] { return (id = dbus_connection_get_server_id(s.connection)) != nullptr; });
    EXPECT_STREQ("00112233445566778899aabbccddeeff", id);
    dbus_free(id);
  });
}

TEST(ConnectionOom, TheBus) {
  each([](Failing& failing, Session& s) {
    s.peer.on_send = [&](DBusMessage* call) {
      const char* text = ":1.42";
      const dbus_uint32_t number = 1;
      const dbus_bool_t yes = TRUE;
      const std::string member = call->member();
      if (member == "Hello" || member == "GetId")
        s.peer.reply(call, DBUS_TYPE_STRING, &text);
      else if (member == "NameHasOwner")
        s.peer.reply(call, DBUS_TYPE_BOOLEAN, &yes);
      else if (member == "AddMatch" || member == "RemoveMatch")
        s.peer.reply(call);
      else
        s.peer.reply(call, DBUS_TYPE_UINT32, &number);
    };
    const auto ask = [&](auto&& function) { failing.retry([&] { return with_error(function); }); };
    ask([&](DBusError* error) { return dbus_bus_register(s.connection, error) != 0; });
    EXPECT_STREQ(":1.42", dbus_bus_get_unique_name(s.connection));
    ask([&](DBusError* error) {
      return dbus_bus_request_name(s.connection, "a.b", 0, error) == 1;
    });
    ask([&](DBusError* error) { return dbus_bus_name_has_owner(s.connection, "a.b", error) != 0; });
    ask([&](DBusError* error) { return dbus_bus_get_unix_user(s.connection, "a.b", error) == 1; });
    ask([&](DBusError* error) {
      return dbus_bus_start_service_by_name(s.connection, "a.b", 0, nullptr, error) != 0;
    });
    ask([&](DBusError* error) {
      dbus_bus_add_match(s.connection, "type='signal'", error);
      return !dbus_error_is_set(error);
    });
    ask([&](DBusError* error) {
      dbus_bus_remove_match(s.connection, "type='signal'", error);
      return !dbus_error_is_set(error);
    });
    char* id = nullptr;
    ask([&](DBusError* error) { return (id = dbus_bus_get_id(s.connection, error)) != nullptr; });
    EXPECT_STREQ(":1.42", id);
    dbus_free(id);
    ask([&](DBusError* error) { return dbus_bus_release_name(s.connection, "a.b", error) == 1; });
  });
}

}  // namespace
}  // namespace dg::test
