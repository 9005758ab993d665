// SPDX-License-Identifier: LGPL-2.1-or-later
// The queues in both directions: serials, writing at once, partial writes, sizes, borrow and pop,
// back-pressure, the end of a connection.
#include "connection/fake_transport.h"

namespace dg::test {
namespace {

using Queues = ConnectionTest;
using List = std::vector<std::string>;

TEST_F(Queues, SerialsCountFromOneAndMessagesGoOutAtOnce) {
  dbus_uint32_t serial = 0;
  for (dbus_uint32_t expected = 1; expected <= 3; ++expected) {
    ASSERT_TRUE(dbus_connection_send(connection, fresh().get(), &serial));
    EXPECT_EQ(expected, serial);
    EXPECT_EQ(expected, peer.sent_count());
  }
  EXPECT_FALSE(dbus_connection_has_messages_to_send(connection));
}

TEST_F(Queues, AMessageKeepsTheSerialThatItHas) {
  dbus_uint32_t serial = 0;
  auto message = fresh();
  message->set_serial(77);
  dbus_connection_send(connection, message.get(), &serial);
  EXPECT_EQ(77u, serial);
  auto next = fresh();
  dbus_connection_send(connection, next.get(), &serial);
  EXPECT_EQ(1u, serial);
  dbus_connection_send(connection, next.get(), &serial);
  EXPECT_EQ(1u, serial) << "sent again";
}

TEST_F(Queues, SerialZeroIsNeverGiven) {
  for (int i = 0; i < 2; ++i) {
    dbus_uint32_t serial = 0;
    dbus_connection_send(connection, fresh().get(), &serial);
    EXPECT_NE(0u, serial);
  }
}

TEST_F(Queues, WhatCannotBeWrittenWaitsInOrder) {
  peer.accept(false);
  long size = 0;
  for (const char* member : {"A", "B", "C"}) {
    auto message = fresh(member);
    ASSERT_TRUE(dbus_connection_send(connection, message.get(), nullptr));
    size += static_cast<long>(message->wire_size());
  }
  EXPECT_TRUE(dbus_connection_has_messages_to_send(connection));
  EXPECT_EQ(size, dbus_connection_get_outgoing_size(connection));
  EXPECT_EQ(0, dbus_connection_get_outgoing_unix_fds(connection));
  EXPECT_EQ(0u, peer.sent_count());
  peer.accept(true);
  dbus_connection_flush(connection);
  EXPECT_EQ((List{"A", "B", "C"}), peer.sent());
  EXPECT_EQ(0, dbus_connection_get_outgoing_size(connection));
  EXPECT_FALSE(dbus_connection_has_messages_to_send(connection));
}

TEST_F(Queues, ALaterMessageDoesNotOvertakeAQueuedOne) {
  peer.accept(false);
  dbus_connection_send(connection, fresh("A").get(), nullptr);
  peer.accept(true);
  dbus_connection_send(connection, fresh("B").get(), nullptr);
  EXPECT_EQ((List{"A", "B"}), peer.sent());
}

TEST_F(Queues, PreallocatedMessagesAreSentLikeOthers) {
  DBusPreallocatedSend* one = dbus_connection_preallocate_send(connection);
  DBusPreallocatedSend* two = dbus_connection_preallocate_send(connection);
  dbus_connection_free_preallocated_send(connection, two);
  dbus_uint32_t serial = 0;
  dbus_connection_send_preallocated(connection, one, fresh("P").get(), &serial);
  EXPECT_EQ(1u, serial);
  EXPECT_EQ(List{"P"}, peer.sent());
}

TEST_F(Queues, DescriptorsAreRefusedWhereTheTransportHasNone) {
  auto message = fresh();
  int fd = 0;
  ASSERT_TRUE(dbus_message_append_args(message.get(), DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
  EXPECT_FALSE(dbus_connection_send(connection, message.get(), nullptr));
  DBusPendingCall* pending = reinterpret_cast<DBusPendingCall*>(1);
  EXPECT_TRUE(dbus_connection_send_with_reply(connection, message.get(), &pending, -1));
  EXPECT_EQ(nullptr, pending);
  DBusError error = DBUS_ERROR_INIT;
  EXPECT_EQ(nullptr,
            dbus_connection_send_with_reply_and_block(connection, message.get(), -1, &error));
  EXPECT_STREQ(DBUS_ERROR_FAILED, error.name);
  dbus_error_free(&error);
  EXPECT_EQ(0u, peer.sent_count());
}

TEST_F(Queues, BorrowReturnStealPop) {
  EXPECT_EQ(nullptr, dbus_connection_borrow_message(connection));
  for (const char* member : {"A", "B"}) peer.deliver(signal(member));
  read();
  DBusMessage* message = dbus_connection_borrow_message(connection);
  ASSERT_NE(nullptr, message);
  EXPECT_STREQ("A", message->member());
  EXPECT_EQ("none", pop()) << "while this thread has borrowed the first";
  dbus_connection_return_message(connection, message);
  EXPECT_EQ(DBUS_DISPATCH_DATA_REMAINS, dbus_connection_get_dispatch_status(connection));
  message = dbus_connection_borrow_message(connection);
  dbus_connection_steal_borrowed_message(connection, message);
  dbus_message_unref(message);
  EXPECT_EQ("B", pop());
  EXPECT_EQ("none", pop());
}

TEST_F(Queues, ReadingStopsWhileTooMuchIsHeld) {
  dbus_connection_set_max_received_size(connection, 300);
  EXPECT_EQ(300, dbus_connection_get_max_received_size(connection));
  std::vector<Ref<DBusMessage>> held;
  for (int i = 0; i < 8; ++i) peer.deliver(signal("S"));
  read();
  while (DBusMessage* message = dbus_connection_pop_message(connection))
    held.push_back(Ref<DBusMessage>::adopt(message));
  ASSERT_EQ(8u, held.size());
  peer.deliver(signal("Late"));
  read();
  EXPECT_EQ("none", pop());
  held.resize(6);
  read();
  EXPECT_EQ("none", pop()) << "still over the limit";
  held.clear();
  read();
  EXPECT_EQ("Late", pop());
}

TEST_F(Queues, MessagesOutliveTheirConnection) {
  dbus_connection_set_max_received_size(connection, 1);
  peer.deliver(signal("S"));
  read();
  auto message = Ref<DBusMessage>::adopt(dbus_connection_pop_message(connection));
  ASSERT_TRUE(message);
  dbus_connection_close(connection);
  dispatch_all();
  dbus_connection_unref(connection);
  connection = nullptr;
  message.reset();
}

TEST_F(Queues, WhatWasReceivedBeforeTheEndComesFirst) {
  peer.deliver(signal("Last"));
  peer.hang_up();
  read();
  EXPECT_FALSE(dbus_connection_get_is_connected(connection));
  EXPECT_EQ("Last", pop());
  auto end = Ref<DBusMessage>::adopt(dbus_connection_pop_message(connection));
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->is_signal(DBUS_INTERFACE_LOCAL, "Disconnected"));
  EXPECT_STREQ(DBUS_PATH_LOCAL, end->path());
  EXPECT_EQ(0u, end->serial());
  EXPECT_EQ("none", pop());
}

TEST_F(Queues, AfterTheEnd) {
  peer.accept(false);
  dbus_connection_send(connection, fresh().get(), nullptr);
  dbus_connection_close(connection);
  EXPECT_FALSE(dbus_connection_has_messages_to_send(connection));
  EXPECT_EQ(0, dbus_connection_get_outgoing_size(connection));
  dbus_uint32_t serial = 0;
  EXPECT_TRUE(dbus_connection_send(connection, fresh().get(), &serial));
  EXPECT_NE(0u, serial);
  DBusPendingCall* pending = reinterpret_cast<DBusPendingCall*>(1);
  EXPECT_TRUE(dbus_connection_send_with_reply(connection, fresh().get(), &pending, -1));
  EXPECT_EQ(nullptr, pending);
  DBusError error = DBUS_ERROR_INIT;
  EXPECT_EQ(nullptr,
            dbus_connection_send_with_reply_and_block(connection, fresh().get(), -1, &error));
  EXPECT_STREQ(DBUS_ERROR_DISCONNECTED, error.name);
  EXPECT_STREQ("Connection is closed", error.message);
  dbus_error_free(&error);
  int fd = 0;
  EXPECT_FALSE(dbus_connection_get_unix_fd(connection, &fd));
  EXPECT_FALSE(dbus_connection_read_write(connection, -1)) << "must not block";
  EXPECT_EQ(DBUS_DISPATCH_DATA_REMAINS, dbus_connection_get_dispatch_status(connection));
  EXPECT_FALSE(dbus_connection_read_write_dispatch(connection, -1)) << "Disconnected is processed";
  EXPECT_EQ(DBUS_DISPATCH_COMPLETE, dbus_connection_get_dispatch_status(connection));
  EXPECT_FALSE(dbus_connection_read_write_dispatch(connection, -1));
  dbus_connection_flush(connection);
}

using QueuesDeathTest = ConnectionTest;

TEST_F(QueuesDeathTest, ExitOnDisconnectComesAfterTheHandlers) {
  auto run = [&] {
    dbus_connection_set_exit_on_disconnect(connection, TRUE);
    dbus_connection_add_filter(
        connection,
        [](DBusConnection*, DBusMessage* message, void*) {
          fprintf(stderr, "saw %s\n", message->member());
          return DBUS_HANDLER_RESULT_HANDLED;
        },
        nullptr, nullptr);
    dbus_connection_close(connection);
    while (dbus_connection_read_write_dispatch(connection, -1)) {
    }
    _exit(7);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(1), "saw Disconnected");
}

TEST_F(QueuesDeathTest, AHandlerMayCancelTheExit) {
  auto run = [&] {
    dbus_connection_set_exit_on_disconnect(connection, TRUE);
    dbus_connection_add_filter(
        connection,
        [](DBusConnection* which, DBusMessage*, void*) {
          dbus_connection_set_exit_on_disconnect(which, FALSE);
          return DBUS_HANDLER_RESULT_HANDLED;
        },
        nullptr, nullptr);
    dbus_connection_close(connection);
    while (dbus_connection_read_write_dispatch(connection, -1)) {
    }
    _exit(7);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(7), "");
}

TEST_F(Queues, TheLastReferenceOfAnOpenConnectionWarns) {
  testing::internal::CaptureStderr();
  dbus_connection_unref(connection);
  connection = nullptr;
  EXPECT_NE(std::string::npos,
            testing::internal::GetCapturedStderr().find(
                "The last reference on a connection was dropped without closing the connection."));
}

TEST_F(Queues, DataSlots) {
  static int freed;
  freed = 0;
  auto count = [](void*) { ++freed; };
  dbus_int32_t slot = -1;
  ASSERT_TRUE(dbus_connection_allocate_data_slot(&slot));
  EXPECT_EQ(nullptr, dbus_connection_get_data(connection, slot));
  int one = 1, two = 2;
  EXPECT_TRUE(dbus_connection_set_data(connection, slot, &one, count));
  EXPECT_TRUE(dbus_connection_set_data(connection, slot, &two, count));
  EXPECT_EQ(1, freed);
  EXPECT_EQ(&two, dbus_connection_get_data(connection, slot));
  dbus_connection_close(connection);
  dispatch_all();
  dbus_connection_unref(connection);
  connection = nullptr;
  EXPECT_EQ(2, freed);
  dbus_connection_free_data_slot(&slot);
  EXPECT_EQ(-1, slot);
}

}  // namespace
}  // namespace dg::test
