// SPDX-License-Identifier: LGPL-2.1-or-later
// Dispatch: filters, the built-in Peer interface, object paths, nesting.
#include "connection/fake_transport.h"

namespace dg::test {
namespace {

class Dispatch : public ConnectionTest {
 public:
  using List = std::vector<std::string>;

  struct Filter {
    Dispatch* test;
    std::string name;
    std::function<DBusHandlerResult(DBusMessage*)> action;
  };
  Filter* add(const std::string& name, std::function<DBusHandlerResult(DBusMessage*)> action = {}) {
    auto* filter = new Filter{this, name, std::move(action)};
    EXPECT_TRUE(dbus_connection_add_filter(connection, run, filter, drop));
    return filter;
  }
  static DBusHandlerResult run(DBusConnection*, DBusMessage* message, void* data) {
    auto* filter = static_cast<Filter*>(data);
    filter->test->log.push_back(filter->name);
    auto action = filter->action;
    return action ? action(message) : DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
  }
  static void drop(void* data) {
    auto* filter = static_cast<Filter*>(data);
    filter->test->log.push_back("free " + filter->name);
    delete filter;
  }
  void receive(DBusMessage* message) {
    peer.deliver(message);
    read();
    dbus_connection_dispatch(connection);
  }
  ~Dispatch() override {
    if (!connection) return;
    dbus_connection_close(connection);
    while (pop() != "none") {
    }
    dbus_connection_unref(connection);  // frees the filters, which write into the log
    connection = nullptr;
  }
  List take() { return std::exchange(log, {}); }
  // What was answered last: the error's name and text, or "reply".
  void keep_answers() {
    peer.on_send = [this](DBusMessage* message) {
      answer = message->error_name() ? message->error_name() : "reply";
      const char* string = nullptr;
      if (dbus_message_get_args(message, nullptr, DBUS_TYPE_STRING, &string, DBUS_TYPE_INVALID))
        text = string;
      destination = message->destination() ? message->destination() : "";
    };
  }

  List log;
  std::string answer, text, destination;
};

TEST_F(Dispatch, FiltersRunInOrderUntilOneHandles) {
  add("1");
  add("2", [](DBusMessage*) { return DBUS_HANDLER_RESULT_HANDLED; });
  add("3");
  receive(signal("A"));
  EXPECT_EQ((List{"1", "2"}), take());
}

TEST_F(Dispatch, FiltersRemovedWhileRunningDoNotRunAnyMore) {
  Filter* third = nullptr;
  add("1");
  Filter* second = add("2");
  second->action = [&](DBusMessage*) {
    dbus_connection_remove_filter(connection, run, third);
    add("4");
    dbus_connection_remove_filter(connection, run, second);
    return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
  };
  third = add("3");
  receive(signal("A"));
  EXPECT_EQ((List{"1", "2", "free 3", "free 2"}), take()) << "an added one waits for the next";
  receive(signal("B"));
  EXPECT_EQ((List{"1", "4"}), take());
}

TEST_F(Dispatch, OfEqualFiltersTheLastAddedIsRemoved) {
  static std::vector<std::string> order;
  order.clear();
  auto filter = [](DBusConnection*, DBusMessage*, void* name) {
    order.push_back(static_cast<const char*>(name));
    return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
  };
  char same[] = "same", other[] = "other";
  for (char* name : {same, other, same})
    dbus_connection_add_filter(connection, filter, name, nullptr);
  dbus_connection_remove_filter(connection, filter, same);
  receive(signal("A"));
  EXPECT_EQ((List{"same", "other"}), order);
  testing::internal::CaptureStderr();
  dbus_connection_remove_filter(connection, filter, &order);
  EXPECT_NE(std::string::npos,
            testing::internal::GetCapturedStderr().find("but no such filter has been added"));
}

TEST_F(Dispatch, AMessageThatNeedsMemoryComesAgain) {
  int tries = 0;
  add("1", [&](DBusMessage*) {
    return tries++ < 2 ? DBUS_HANDLER_RESULT_NEED_MEMORY : DBUS_HANDLER_RESULT_HANDLED;
  });
  peer.deliver(signal("A"));
  read();
  EXPECT_EQ(DBUS_DISPATCH_DATA_REMAINS, dbus_connection_dispatch(connection));
  EXPECT_EQ(DBUS_DISPATCH_DATA_REMAINS, dbus_connection_dispatch(connection));
  EXPECT_EQ(DBUS_DISPATCH_COMPLETE, dbus_connection_dispatch(connection));
  EXPECT_EQ((List{"1", "1", "1"}), take());
}

TEST_F(Dispatch, NestedDispatchTakesTheNextMessage) {
  int depth = 0;
  add("f", [&](DBusMessage* message) {
    log.push_back(message->member());
    if (depth++ == 0) dbus_connection_dispatch(connection);
    log.push_back(std::string("end ") + message->member());
    return DBUS_HANDLER_RESULT_HANDLED;
  });
  peer.deliver(signal("A"));
  peer.deliver(signal("B"));
  read();
  dispatch_all();
  EXPECT_EQ((List{"f", "A", "f", "B", "end B", "end A"}), take());
}

TEST_F(Dispatch, PeerIsAnsweredBeforeFilters) {
  keep_answers();
  add("filter");
  auto ask = [&](const char* member, const char* to = nullptr) {
    MessageBuilder builder;
    builder.start(DBUS_MESSAGE_TYPE_METHOD_CALL, 0, 9);
    builder.set_path("/any");
    builder.set_interface(DBUS_INTERFACE_PEER);
    builder.set_member(member);
    builder.set_sender(":1.7");
    if (to) builder.set_destination(to);
    receive(builder.finish());
  };
  ask("Ping");
  EXPECT_EQ("reply", answer);
  EXPECT_EQ(":1.7", destination);
  ask("GetMachineId");
  EXPECT_EQ(32u, text.size());
  ask("Nonsense");
  EXPECT_EQ(DBUS_ERROR_UNKNOWN_METHOD, answer);
  EXPECT_EQ("Unknown method invoked on org.freedesktop.DBus.Peer interface", text);
  EXPECT_EQ(List{}, take());

  dbus_connection_set_route_peer_messages(connection, TRUE);
  ask("Ping", ":1.5");
  EXPECT_EQ(DBUS_ERROR_UNKNOWN_METHOD, answer);
  EXPECT_EQ(
      "Method \"Ping\" with signature \"\" on interface \"org.freedesktop.DBus.Peer\" doesn't "
      "exist\n",
      text);
  EXPECT_EQ(List{"filter"}, take());
  ask("Ping");
  EXPECT_EQ("reply", answer);
}

TEST_F(Dispatch, WhatNobodyHandlesIsAnUnknownMethod) {
  keep_answers();
  receive(call("C"));
  EXPECT_EQ(DBUS_ERROR_UNKNOWN_METHOD, answer);
  EXPECT_EQ("Method \"C\" with signature \"\" on interface \"a.b\" doesn't exist\n", text);
  EXPECT_EQ(":1.9", destination);
  answer.clear();
  receive(signal("S"));
  receive(reply(5));
  EXPECT_EQ("", answer);
}

TEST_F(Dispatch, ObjectPathsGetCallsAndMayDeclineThem) {
  keep_answers();
  static std::vector<std::string> called;
  called.clear();
  DBusObjectPathVTable table = {};
  table.message_function = [](DBusConnection*, DBusMessage* message, void*) {
    called.push_back(message->member());
    return called.size() == 1 ? DBUS_HANDLER_RESULT_HANDLED : DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
  };
  table.unregister_function = [](DBusConnection*, void*) { called.push_back("unregistered"); };
  ASSERT_TRUE(dbus_connection_register_object_path(connection, "/a", &table, this));
  receive(call("C"));
  EXPECT_EQ("", answer);
  receive(call("D"));
  EXPECT_EQ(DBUS_ERROR_UNKNOWN_METHOD, answer);
  EXPECT_EQ((List{"C", "D"}), called);
  void* data = nullptr;
  EXPECT_TRUE(dbus_connection_get_object_path_data(connection, "/a", &data));
  EXPECT_EQ(this, data);
  EXPECT_TRUE(dbus_connection_unregister_object_path(connection, "/a"));
  EXPECT_EQ("unregistered", called.back());
}

TEST_F(Dispatch, AHandlerMayDropTheLastReference) {
  dbus_connection_add_filter(
      connection,
      [](DBusConnection* which, DBusMessage*, void* test) {
        dbus_connection_unref(which);
        static_cast<Dispatch*>(test)->connection = nullptr;
        return DBUS_HANDLER_RESULT_HANDLED;
      },
      this, nullptr);
  peer.hang_up();
  read();
  EXPECT_EQ(DBUS_DISPATCH_COMPLETE, dbus_connection_dispatch(connection));
  EXPECT_EQ(nullptr, connection);
}

}  // namespace
}  // namespace dg::test
