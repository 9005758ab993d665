// SPDX-License-Identifier: LGPL-2.1-or-later
// Method calls: pending calls, blocking, time-outs, calls within handlers.
#include "base/time.h"
#include "connection/fake_transport.h"

namespace dg::test {
namespace {

class Calls : public ConnectionTest {
 public:
  using List = std::vector<std::string>;

  DBusPendingCall* start(int timeout_ms = 60000) {
    DBusPendingCall* pending = nullptr;
    EXPECT_TRUE(dbus_connection_send_with_reply(connection, fresh().get(), &pending, timeout_ms));
    EXPECT_NE(nullptr, pending);
    if (pending) dbus_pending_call_set_notify(pending, notified, this, nullptr);
    return pending;
  }
  static void notified(DBusPendingCall* pending, void* self) {
    EXPECT_TRUE(dbus_pending_call_get_completed(pending));
    static_cast<Calls*>(self)->log.push_back("notified");
  }
  static DBusHandlerResult seen(DBusConnection*, DBusMessage* message, void* self) {
    static_cast<Calls*>(self)->log.push_back(
        message->member() ? message->member()
                          : "reply to " + std::to_string(message->reply_serial()));
    return DBUS_HANDLER_RESULT_HANDLED;
  }
  void watch_messages() { dbus_connection_add_filter(connection, seen, this, nullptr); }
  List take() { return std::exchange(log, {}); }
  Ref<DBusMessage> block(int timeout_ms = 5000) {
    dbus_error_free(&error);
    return Ref<DBusMessage>::adopt(
        dbus_connection_send_with_reply_and_block(connection, fresh().get(), timeout_ms, &error));
  }
  // The peer answers each call at once.
  void answer_all() {
    peer.on_send = [this](DBusMessage* message) { peer.deliver(reply(message->serial())); };
  }
  ~Calls() override { dbus_error_free(&error); }

  List log;
  DBusError error = DBUS_ERROR_INIT;
};

TEST_F(Calls, AReplyCompletesItsCallInItsTurn) {
  watch_messages();
  DBusPendingCall* pending = start();
  peer.deliver(signal("Before"));
  peer.deliver(reply(1));
  peer.deliver(signal("After"));
  read();
  EXPECT_FALSE(dbus_pending_call_get_completed(pending));
  dbus_connection_dispatch(connection);
  EXPECT_EQ(List{"Before"}, take());
  dbus_connection_dispatch(connection);
  EXPECT_EQ(List{"notified"}, take()) << "and no filter sees it";
  EXPECT_TRUE(dbus_pending_call_get_completed(pending));
  dbus_connection_dispatch(connection);
  EXPECT_EQ(List{"After"}, take());
  auto message = Ref<DBusMessage>::adopt(dbus_pending_call_steal_reply(pending));
  EXPECT_EQ(1u, message->reply_serial());
  dbus_pending_call_unref(pending);
}

TEST_F(Calls, OnlyOneReplyIsForTheCall) {
  watch_messages();
  DBusPendingCall* pending = start();
  peer.deliver(reply(1));
  peer.deliver(reply(1));
  read();
  dispatch_all();
  EXPECT_EQ((List{"notified", "reply to 1"}), take());
  dbus_pending_call_unref(pending);
}

TEST_F(Calls, ASignalWithAReplySerialIsNoReply) {
  watch_messages();
  DBusPendingCall* pending = start();
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_SIGNAL, 0, 5);
  builder.set_path("/a");
  builder.set_interface("a.b");
  builder.set_member("Fake");
  builder.set_reply_serial(1);
  peer.deliver(builder.finish());
  read();
  dispatch_all();
  EXPECT_EQ(List{"Fake"}, take());
  EXPECT_FALSE(dbus_pending_call_get_completed(pending));
  dbus_pending_call_cancel(pending);
  dbus_pending_call_unref(pending);
}

TEST_F(Calls, ManyCallsEachGetTheirOwn) {
  constexpr unsigned count = 300;
  std::vector<DBusPendingCall*> calls;
  for (unsigned i = 0; i < count; ++i) calls.push_back(start());
  for (unsigned i = count; i > 0; --i) peer.deliver(reply(i));
  read();
  dispatch_all();
  for (unsigned i = 0; i < count; ++i) {
    ASSERT_TRUE(dbus_pending_call_get_completed(calls[i]));
    auto message = Ref<DBusMessage>::adopt(dbus_pending_call_steal_reply(calls[i]));
    EXPECT_EQ(i + 1, message->reply_serial());
    dbus_pending_call_unref(calls[i]);
  }
}

TEST_F(Calls, ACancelledCallIsLeftAlone) {
  watch_messages();
  DBusPendingCall* pending = start();
  peer.deliver(reply(1));
  read();
  dbus_pending_call_cancel(pending);
  dispatch_all();
  EXPECT_EQ(List{"reply to 1"}, take());
  EXPECT_FALSE(dbus_pending_call_get_completed(pending));
  dbus_pending_call_unref(pending);
}

TEST_F(Calls, ACallNobodyHoldsIsStillNotified) {
  dbus_pending_call_unref(start());
  peer.deliver(reply(1));
  read();
  dispatch_all();
  EXPECT_EQ(List{"notified"}, take());
}

TEST_F(Calls, WithoutAPlaceForTheCallTheReplyIsAnOrdinaryMessage) {
  watch_messages();
  EXPECT_TRUE(dbus_connection_send_with_reply(connection, fresh().get(), nullptr, -1));
  peer.deliver(reply(1));
  read();
  dispatch_all();
  EXPECT_EQ(List{"reply to 1"}, take());
}

TEST_F(Calls, StealingTwiceWarns) {
  DBusPendingCall* pending = start();
  testing::internal::CaptureStderr();
  EXPECT_EQ(nullptr, dbus_pending_call_steal_reply(pending));
  peer.deliver(reply(1));
  dbus_pending_call_block(pending);
  dbus_message_unref(dbus_pending_call_steal_reply(pending));
  EXPECT_EQ(nullptr, dbus_pending_call_steal_reply(pending));
  EXPECT_NE(std::string::npos, testing::internal::GetCapturedStderr().find(
                                   "arguments to dbus_pending_call_steal_reply() were incorrect"));
  dbus_pending_call_unref(pending);
}

TEST_F(Calls, BlockingLeavesOtherMessagesQueuedInOrder) {
  peer.on_send = [this](DBusMessage* message) {
    peer.deliver(signal("A"));
    peer.deliver(reply(message->serial()));
    peer.deliver(signal("B"));
  };
  ASSERT_TRUE(block());
  EXPECT_EQ("A", pop());
  EXPECT_EQ("B", pop());
  EXPECT_EQ("none", pop());
}

TEST_F(Calls, BlockingForAPendingCallNotifies) {
  DBusPendingCall* pending = start();
  peer.deliver(reply(1));
  dbus_pending_call_block(pending);
  EXPECT_EQ(List{"notified"}, take());
  dbus_pending_call_block(pending);
  EXPECT_EQ(List{}, take());
  dbus_pending_call_unref(pending);
}

TEST_F(Calls, AnErrorReplyBecomesTheError) {
  peer.on_send = [this](DBusMessage* message) {
    peer.deliver(make_local_error(message->serial(), "a.b.Bad", "it is bad").release());
  };
  EXPECT_FALSE(block());
  EXPECT_STREQ("a.b.Bad", error.name);
  EXPECT_STREQ("it is bad", error.message);
}

TEST_F(Calls, ABlockingCallTimesOut) {
  const auto start = monotonic_ms();
  EXPECT_FALSE(block(120));
  EXPECT_GE(monotonic_ms() - start, 120);
  EXPECT_STREQ(DBUS_ERROR_NO_REPLY, error.name);
  EXPECT_STREQ(no_reply_text, error.message);
  EXPECT_EQ("none", pop());
}

TEST_F(Calls, ABlockedPendingCallTimesOut) {
  DBusPendingCall* pending = start(100);
  dbus_pending_call_block(pending);
  EXPECT_EQ(List{"notified"}, take());
  auto message = Ref<DBusMessage>::adopt(dbus_pending_call_steal_reply(pending));
  EXPECT_TRUE(message->is_error(DBUS_ERROR_NO_REPLY));
  EXPECT_EQ(0u, message->serial());
  EXPECT_EQ(1u, message->reply_serial());
  dbus_pending_call_unref(pending);
}

TEST_F(Calls, TheEndEndsABlockingCall) {
  peer.on_send = [this](DBusMessage*) { peer.hang_up(); };
  EXPECT_FALSE(block());
  EXPECT_STREQ(DBUS_ERROR_NO_REPLY, error.name);
  EXPECT_EQ("Disconnected", pop());
}

// As libdbus: the errors pass the filters, and only who blocks for a call learns it by the call.
TEST_F(Calls, TheEndOfPendingCalls) {
  watch_messages();
  DBusPendingCall* pending = start();
  peer.deliver(signal("Before"));
  peer.hang_up();
  read();
  dispatch_all();
  EXPECT_EQ((List{"Before", "reply to 1", "Disconnected"}), take());
  EXPECT_FALSE(dbus_pending_call_get_completed(pending));
  dbus_pending_call_block(pending);
  EXPECT_EQ(List{"notified"}, take());
  auto message = Ref<DBusMessage>::adopt(dbus_pending_call_steal_reply(pending));
  EXPECT_TRUE(message->is_error(DBUS_ERROR_DISCONNECTED));
  dbus_pending_call_unref(pending);
}

TEST_F(Calls, BlockingInAFilter) {
  struct State {
    Calls* test;
    int depth = 0;
  } state{this};
  dbus_connection_add_filter(
      connection,
      [](DBusConnection*, DBusMessage* message, void* data) {
        auto* state = static_cast<State*>(data);
        state->test->log.push_back("begin " + std::string(message->member()));
        if (state->depth++ == 0) {
          EXPECT_TRUE(state->test->block());
        }
        state->test->log.push_back("end " + std::string(message->member()));
        return DBUS_HANDLER_RESULT_HANDLED;
      },
      &state, nullptr);
  peer.on_send = [this](DBusMessage* message) {
    peer.deliver(signal("During"));
    peer.deliver(reply(message->serial()));
  };
  peer.deliver(signal("A"));
  peer.deliver(signal("B"));
  read();
  dispatch_all();
  EXPECT_EQ((List{"begin A", "end A", "begin B", "end B", "begin During", "end During"}), take());
}

TEST_F(Calls, BlockingInANotifyFunction) {
  answer_all();
  DBusPendingCall* pending = nullptr;
  ASSERT_TRUE(dbus_connection_send_with_reply(connection, fresh().get(), &pending, -1));
  dbus_pending_call_set_notify(
      pending,
      [](DBusPendingCall*, void* self) {
        auto* test = static_cast<Calls*>(self);
        EXPECT_TRUE(test->block());
        test->log.push_back("done");
      },
      this, nullptr);
  read();
  dispatch_all();
  EXPECT_EQ(List{"done"}, take());
  dbus_pending_call_unref(pending);
}

TEST_F(Calls, DataSlotsAndFreeFunctions) {
  static int freed;
  freed = 0;
  auto count = [](void*) { ++freed; };
  dbus_int32_t slot = -1;
  ASSERT_TRUE(dbus_pending_call_allocate_data_slot(&slot));
  DBusPendingCall* pending = nullptr;
  dbus_connection_send_with_reply(connection, fresh().get(), &pending, -1);
  EXPECT_TRUE(dbus_pending_call_set_data(pending, slot, &freed, count));
  EXPECT_EQ(&freed, dbus_pending_call_get_data(pending, slot));
  dbus_pending_call_set_notify(pending, notified, this, count);
  dbus_pending_call_set_notify(pending, notified, this, count);
  EXPECT_EQ(1, freed);
  dbus_pending_call_cancel(pending);
  dbus_pending_call_unref(pending);
  EXPECT_EQ(3, freed);
  dbus_pending_call_free_data_slot(&slot);
}

}  // namespace
}  // namespace dg::test
