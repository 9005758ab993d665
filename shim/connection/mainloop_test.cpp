// SPDX-License-Identifier: LGPL-2.1-or-later
// A connection in an application's main loop: watches, time-outs, wake-ups, the dispatch status.
#include "connection/fake_transport.h"

namespace dg::test {
namespace {

// A main loop that writes down what it is told.
class MainLoop : public ConnectionTest {
 public:
  using List = std::vector<std::string>;

  List take() { return std::exchange(log, {}); }
  void note(std::string line) { log.push_back(std::move(line)); }

  static std::string text(DBusWatch* watch) {
    return (dbus_watch_get_flags(watch) == DBUS_WATCH_WRITABLE ? "write" : "read") +
           std::string(dbus_watch_get_enabled(watch) ? " on" : " off");
  }
  static dbus_bool_t add_watch(DBusWatch* watch, void* self) {
    auto* test = static_cast<MainLoop*>(self);
    test->note("add " + text(watch));
    if (test->refuse_after-- == 0) return FALSE;
    (dbus_watch_get_flags(watch) == DBUS_WATCH_WRITABLE ? test->writer : test->reader) = watch;
    EXPECT_EQ(dbus_watch_get_unix_fd(watch), dbus_watch_get_socket(watch));
    return TRUE;
  }
  static void remove_watch(DBusWatch* watch, void* self) {
    EXPECT_GE(dbus_watch_get_unix_fd(watch), 0) << "closed before it was taken out";
    static_cast<MainLoop*>(self)->note("remove " + text(watch));
  }
  static void toggle_watch(DBusWatch* watch, void* self) {
    static_cast<MainLoop*>(self)->note("toggle " + text(watch));
  }
  static dbus_bool_t add_timeout(DBusTimeout* timeout, void* self) {
    auto* test = static_cast<MainLoop*>(self);
    test->note("add " + std::to_string(dbus_timeout_get_interval(timeout)));
    EXPECT_TRUE(dbus_timeout_get_enabled(timeout));
    test->timeout = timeout;
    return !test->refuse_timeouts;
  }
  static void remove_timeout(DBusTimeout* timeout, void* self) {
    static_cast<MainLoop*>(self)->note("remove " +
                                       std::to_string(dbus_timeout_get_interval(timeout)));
  }
  static void freed(void* self) { static_cast<MainLoop*>(self)->note("freed"); }
  static void wake_up(void* self) { static_cast<MainLoop*>(self)->note("wake up"); }
  static void status(DBusConnection* which, DBusDispatchStatus status, void* self) {
    // With a lock held this would not return.
    EXPECT_EQ(status, dbus_connection_get_dispatch_status(which));
    static_cast<MainLoop*>(self)->note(status == DBUS_DISPATCH_COMPLETE ? "complete" : "remains");
  }
  bool set_watches() {
    return dbus_connection_set_watch_functions(connection, add_watch, remove_watch, toggle_watch,
                                               this, freed);
  }
  bool set_timeouts() {
    return dbus_connection_set_timeout_functions(connection, add_timeout, remove_timeout, nullptr,
                                                 this, freed);
  }
  void set_rest() {
    dbus_connection_set_wakeup_main_function(connection, wake_up, this, nullptr);
    dbus_connection_set_dispatch_status_function(connection, status, this, nullptr);
  }
  ~MainLoop() override {
    if (!connection) return;
    dbus_connection_set_watch_functions(connection, nullptr, nullptr, nullptr, nullptr, nullptr);
    dbus_connection_set_timeout_functions(connection, nullptr, nullptr, nullptr, nullptr, nullptr);
    dbus_connection_set_wakeup_main_function(connection, nullptr, nullptr, nullptr);
    dbus_connection_set_dispatch_status_function(connection, nullptr, nullptr, nullptr);
  }

  List log;
  DBusWatch* writer = nullptr;
  DBusWatch* reader = nullptr;
  DBusTimeout* timeout = nullptr;
  int refuse_after = -1;
  bool refuse_timeouts = false;
};

TEST_F(MainLoop, TheDisabledWriteWatchComesFirst) {
  ASSERT_TRUE(set_watches());
  EXPECT_EQ((List{"add write off", "add read on"}), take());
  EXPECT_NE(writer, reader);
  int fd = -1;
  ASSERT_TRUE(dbus_connection_get_unix_fd(connection, &fd));
  EXPECT_EQ(fd, dbus_watch_get_unix_fd(reader));
  EXPECT_EQ(fd, dbus_watch_get_unix_fd(writer));
}

TEST_F(MainLoop, ARefusedWatchLeavesTheOldFunctions) {
  ASSERT_TRUE(set_watches());
  take();
  refuse_after = 1;
  EXPECT_FALSE(set_watches());
  EXPECT_EQ((List{"add write off", "add read on", "remove write off"}), take())
      << "free function of refused functions must not run";
  peer.accept(false);
  dbus_connection_send(connection, fresh().get(), nullptr);
  EXPECT_EQ(List{"toggle write on"}, take()) << "told the old functions";
}

TEST_F(MainLoop, NewFunctionsGetTheWatchesBeforeTheOldLoseThem) {
  ASSERT_TRUE(set_watches());
  take();
  ASSERT_TRUE(set_watches());
  EXPECT_EQ((List{"add write off", "add read on", "remove write off", "remove read on", "freed"}),
            take());
}

TEST_F(MainLoop, TheWriteWatchIsOnOnlyWhileAWriteIsIncomplete) {
  set_watches();
  set_rest();
  take();
  dbus_connection_send(connection, fresh().get(), nullptr);
  EXPECT_EQ(List{}, take()) << "written at once";
  peer.accept(false);
  dbus_connection_send(connection, fresh().get(), nullptr);
  EXPECT_EQ((List{"toggle write on", "wake up"}), take());
  dbus_connection_send(connection, fresh().get(), nullptr);
  EXPECT_EQ((List{"wake up"}), take());
  dbus_watch_handle(writer, DBUS_WATCH_WRITABLE);
  EXPECT_EQ(List{}, take());
  peer.accept(true);
  dbus_watch_handle(writer, DBUS_WATCH_WRITABLE);
  EXPECT_EQ(List{"toggle write off"}, take());
  EXPECT_EQ(3u, peer.sent_count());
}

TEST_F(MainLoop, ReadinessBecomesAStatusThatIsToldOnChangeOnly) {
  set_watches();
  set_rest();
  take();
  peer.deliver(signal("A"));
  peer.deliver(signal("B"));
  EXPECT_TRUE(dbus_watch_handle(reader, DBUS_WATCH_READABLE));
  EXPECT_EQ((List{"wake up", "remains"}), take());
  EXPECT_TRUE(dbus_watch_handle(reader, DBUS_WATCH_READABLE));
  EXPECT_EQ(List{}, take());
  EXPECT_EQ(DBUS_DISPATCH_DATA_REMAINS, dbus_connection_dispatch(connection));
  EXPECT_EQ(List{}, take());
  EXPECT_EQ(DBUS_DISPATCH_COMPLETE, dbus_connection_dispatch(connection));
  EXPECT_EQ(List{"complete"}, take());
}

TEST_F(MainLoop, AHangUpTakesTheWatchesOut) {
  set_watches();
  set_rest();
  take();
  peer.hang_up();
  EXPECT_TRUE(dbus_watch_handle(reader, DBUS_WATCH_HANGUP));
  EXPECT_EQ((List{"remove read on", "remove write off", "wake up", "remains"}), take());
  EXPECT_TRUE(dbus_watch_handle(reader, DBUS_WATCH_READABLE)) << "a late event";
  EXPECT_EQ(-1, dbus_watch_get_unix_fd(reader));
  dispatch_all();
  EXPECT_EQ(List{"complete"}, take());
}

TEST_F(MainLoop, ReadingPausesByTheReadWatch) {
  set_watches();
  dbus_connection_set_max_received_size(connection, 1);
  take();
  peer.deliver(signal("A"));
  dbus_watch_handle(reader, DBUS_WATCH_READABLE);
  EXPECT_EQ(List{"toggle read off"}, take());
  auto message = Ref<DBusMessage>::adopt(dbus_connection_pop_message(connection));
  EXPECT_EQ(List{}, take());
  message.reset();
  EXPECT_EQ(List{"toggle read on"}, take());
}

TEST_F(MainLoop, ATimeoutEndsWithTheReplyOrTheCall) {
  set_timeouts();
  DBusPendingCall* pending = nullptr;
  dbus_connection_send_with_reply(connection, fresh().get(), &pending, DBUS_TIMEOUT_USE_DEFAULT);
  EXPECT_EQ(List{"add 25000"}, take());
  peer.deliver(reply(1));
  read();
  EXPECT_EQ(List{"remove 25000"}, take()) << "when the reply has come, before it is dispatched";
  dispatch_all();
  EXPECT_EQ(List{}, take());
  dbus_pending_call_unref(pending);

  dbus_connection_send_with_reply(connection, fresh().get(), &pending, 70);
  EXPECT_EQ(List{"add 70"}, take());
  dbus_pending_call_cancel(pending);
  EXPECT_EQ(List{"remove 70"}, take());
  dbus_pending_call_unref(pending);

  dbus_connection_send_with_reply(connection, fresh().get(), &pending, DBUS_TIMEOUT_INFINITE);
  EXPECT_EQ(List{}, take());
  dbus_pending_call_cancel(pending);
  dbus_pending_call_unref(pending);
}

TEST_F(MainLoop, AHandledTimeoutQueuesTheError) {
  set_timeouts();
  set_rest();
  DBusPendingCall* pending = nullptr;
  dbus_connection_send_with_reply(connection, fresh().get(), &pending, 70);
  take();
  EXPECT_TRUE(dbus_timeout_handle(timeout));
  EXPECT_EQ((List{"remove 70", "wake up", "remains"}), take());
  EXPECT_FALSE(dbus_pending_call_get_completed(pending));
  EXPECT_TRUE(dbus_timeout_handle(timeout)) << "a late event";
  dispatch_all();
  EXPECT_EQ(List{"complete"}, take());
  EXPECT_TRUE(dbus_pending_call_get_completed(pending));
  auto error = Ref<DBusMessage>::adopt(dbus_pending_call_steal_reply(pending));
  EXPECT_TRUE(error->is_error(DBUS_ERROR_NO_REPLY));
  dbus_pending_call_unref(pending);
}

TEST_F(MainLoop, ARefusedTimeoutFailsTheCall) {
  set_timeouts();
  refuse_timeouts = true;
  DBusPendingCall* pending = nullptr;
  EXPECT_FALSE(dbus_connection_send_with_reply(connection, fresh().get(), &pending, 70));
  EXPECT_EQ(nullptr, pending);
  EXPECT_EQ(0u, peer.sent_count());
  EXPECT_EQ(List{"add 70"}, take());
}

TEST_F(MainLoop, TimeoutsOfEarlierCallsMoveToNewFunctions) {
  DBusPendingCall* pending = nullptr;
  dbus_connection_send_with_reply(connection, fresh().get(), &pending, 70);
  refuse_timeouts = true;
  EXPECT_FALSE(set_timeouts());
  refuse_timeouts = false;
  EXPECT_TRUE(set_timeouts());
  EXPECT_EQ((List{"add 70", "add 70"}), take());
  dbus_pending_call_cancel(pending);
  EXPECT_EQ(List{"remove 70"}, take());
  dbus_pending_call_unref(pending);
}

TEST_F(MainLoop, DataOfAWatchIsFreedWhenReplaced) {
  set_watches();
  take();
  dbus_watch_set_data(reader, this, freed);
  EXPECT_EQ(this, dbus_watch_get_data(reader));
  dbus_watch_set_data(reader, nullptr, nullptr);
  EXPECT_EQ(List{"freed"}, take());
}

TEST_F(MainLoop, AToggleFunctionMayCallBack) {
  auto toggle = [](DBusWatch*, void* self) {
    auto* test = static_cast<MainLoop*>(self);
    test->note("toggle");
    dbus_connection_send(test->connection, fresh("FromToggle").get(), nullptr);
  };
  ASSERT_TRUE(dbus_connection_set_watch_functions(connection, add_watch, remove_watch, toggle, this,
                                                  nullptr));
  take();
  peer.accept(false);
  dbus_connection_send(connection, fresh("A").get(), nullptr);
  EXPECT_EQ(List{"toggle"}, take());
  peer.accept(true);
  dbus_connection_flush(connection);
  EXPECT_EQ((List{"A", "FromToggle", "FromToggle"}), peer.sent());
}

}  // namespace
}  // namespace dg::test
