/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scenarios. Each starts from a connection of its own. */
#include "scenarios.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_server.h"

static int peer;

static void expect(DBusConnection* connection) {
  (void)connection;
  show("peer reads", peer_read(peer, 100));
}

/* Sends and forgets. */
static dbus_uint32_t send_one(DBusConnection* connection, DBusMessage* message) {
  dbus_uint32_t serial = 0;

  printf("send %d ", dbus_connection_send(connection, message, &serial));
  printf("serial %u", serial);
  if (dbus_connection_get_is_connected(connection))
    printf(" has %d", dbus_connection_has_messages_to_send(connection));
  printf("\n");
  dbus_message_unref(message);
  return serial;
}

static void deliver(DBusConnection* connection, DBusMessage* message, dbus_uint32_t serial) {
  peer_send(peer, message, serial);
  dbus_connection_read_write(connection, 500);
}

static void steal(DBusPendingCall* pending) {
  show("stolen", dbus_pending_call_steal_reply(pending));
}

/* --- calls */

static void pending_calls(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  DBusPendingCall* pending;

  set_loop(connection);
  dbus_connection_add_filter(connection, filter, "f", NULL);
  pending = start_call(connection, DBUS_TIMEOUT_USE_DEFAULT, "one");
  expect(connection);
  deliver(connection, new_return(2), 9);
  printf("completed %d\n", dbus_pending_call_get_completed(pending));
  printf("dispatch %d\n", dbus_connection_dispatch(connection));
  printf("completed %d\n", dbus_pending_call_get_completed(pending));
  printf("set_notify %d\n", dbus_pending_call_set_notify(pending, notified, "late", free_name));
  dbus_pending_call_cancel(pending);
  steal(pending);
  dbus_pending_call_block(pending);
  dbus_pending_call_unref(pending);

  pending = start_call(connection, 300, "expires");
  printf("handle %d\n", dbus_timeout_handle(last_timeout));
  printf("completed %d\n", dbus_pending_call_get_completed(pending));
  printf("dispatch %d\n", dbus_connection_dispatch(connection));
  steal(pending);
  dbus_pending_call_unref(pending);
  deliver(connection, new_return(3), 10);
  dispatch_all(connection);

  pending = start_call(connection, 150, "blocked");
  dbus_pending_call_block(pending);
  steal(pending);
  dbus_pending_call_unref(pending);

  pending = start_call(connection, 60000, "cancelled");
  deliver(connection, new_return(5), 11);
  dbus_pending_call_cancel(pending);
  dispatch_all(connection);
  printf("completed %d\n", dbus_pending_call_get_completed(pending));
  dbus_pending_call_unref(pending);

  pending = start_call(connection, 60000, "dropped");
  dbus_pending_call_unref(pending);
  deliver(connection, new_return(6), 12);
  dispatch_all(connection);

  pending = start_call(connection, 60000, "answered twice");
  peer_send(peer, new_return(7), 13);
  deliver(connection, new_return(7), 14);
  dispatch_all(connection);
  dbus_pending_call_unref(pending);

  pending = start_call(connection, 200, "popped");
  deliver(connection, new_return(8), 15);
  show("popped", dbus_connection_pop_message(connection));
  dbus_pending_call_block(pending);
  steal(pending);
  dbus_pending_call_unref(pending);

  for (int i = 0; i < 3; ++i) {
    static const int timeouts[] = {0, DBUS_TIMEOUT_INFINITE - 1, DBUS_TIMEOUT_INFINITE};

    pending = start_call(connection, timeouts[i], "interval");
    dbus_pending_call_cancel(pending);
    dbus_pending_call_unref(pending);
  }
  printf("no place: %d\n", dbus_connection_send_with_reply(connection, new_call(), NULL, -1));
}

static void blocking_calls(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  long long start = now_ms();

  block(connection, 200);
  printf("took its time: %d\n", now_ms() - start >= 200 && now_ms() - start < 20000);
  show("pop", dbus_connection_pop_message(connection));
  peer_send(peer, new_signal("A"), 20);
  peer_send(peer, new_return(3), 21);
  peer_send(peer, new_signal("B"), 22);
  block(connection, 2000);
  show("pop", dbus_connection_pop_message(connection));
  show("pop", dbus_connection_pop_message(connection));
  show("pop", dbus_connection_pop_message(connection));
  peer_send(peer, dbus_message_new(DBUS_MESSAGE_TYPE_ERROR), 0x7fffffff);
  dbus_connection_read_write(connection, 500);
  printf("after an invalid message: connected %d\n", dbus_connection_get_is_connected(connection));
}

static void* close_later(void* data) {
  (void)data;
  usleep(150000);
  close(peer);
  return NULL;
}

static void disconnected_while_blocking(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  pthread_t thread;

  pthread_create(&thread, NULL, close_later, NULL);
  block(connection, 20000);
  pthread_join(thread, NULL);
  show("pop", dbus_connection_pop_message(connection));
  show("pop", dbus_connection_pop_message(connection));
}

static void disconnected_with_a_pending_call(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  DBusPendingCall* pending;

  set_loop(connection);
  dbus_connection_add_filter(connection, filter, "f", NULL);
  pending = start_call(connection, 60000, "pending");
  expect(connection);
  close(peer);
  printf("handle %d\n", dbus_watch_handle(last_reader, DBUS_WATCH_READABLE | DBUS_WATCH_HANGUP));
  printf("connected %d\n", dbus_connection_get_is_connected(connection));
  while (dbus_connection_get_dispatch_status(connection) == DBUS_DISPATCH_DATA_REMAINS)
    printf("dispatch %d completed %d\n", dbus_connection_dispatch(connection),
           dbus_pending_call_get_completed(pending));
  dbus_pending_call_block(pending);
  steal(pending);
  dbus_pending_call_unref(pending);
}

static void after_closing(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  DBusMessage* message;
  int fd = -1;
  char* id;

  dbus_connection_close(connection);
  send_one(connection, new_call());
  start_call(connection, -1, "too late");
  block(connection, 1000);
  printf("status %d\n", dbus_connection_get_dispatch_status(connection));
  printf("read_write %d\n", dbus_connection_read_write(connection, -1));
  printf("read_write_dispatch %d\n", dbus_connection_read_write_dispatch(connection, -1));
  printf("read_write_dispatch %d\n", dbus_connection_read_write_dispatch(connection, -1));
  printf("fd %d %d\n", dbus_connection_get_unix_fd(connection, &fd), fd);
  printf("authenticated %d anonymous %d can send fds %d\n",
         dbus_connection_get_is_authenticated(connection),
         dbus_connection_get_is_anonymous(connection),
         dbus_connection_can_send_type(connection, DBUS_TYPE_UNIX_FD));
  id = dbus_connection_get_server_id(connection);
  printf("server %s\n", id);
  dbus_free(id);
  dbus_connection_flush(connection);
  dbus_connection_close(connection);
  message = dbus_connection_borrow_message(connection);
  show("borrowed", message);
  dbus_connection_unref(connection);
}

/* --- queues */

static void serials(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  DBusMessage* message = new_signal("Own");

  dbus_message_set_serial(message, 77);
  send_one(connection, dbus_message_ref(message));
  send_one(connection, message);
  message = new_signal("Copied");
  send_one(connection, dbus_message_ref(message));
  send_one(connection, dbus_message_copy(message));
  send_one(connection, message);
  for (int i = 0; i < 5; ++i) expect(connection);
}

static void partial_writes(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  char* text = malloc(300000);
  unsigned long size, total = 0;

  memset(text, 'x', 299999);
  text[299999] = 0;
  set_watches(connection, "watches");
  for (int i = 0; i < 3; ++i) {
    DBusMessage* message = new_signal("Big");

    dbus_message_append_args(message, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
    send_one(connection, message);
  }
  size = dbus_connection_get_outgoing_size(connection);
  printf("outgoing %lu\n", size);
  while (dbus_connection_has_messages_to_send(connection)) {
    total += peer_drain(peer);
    dbus_watch_handle(last_writer, DBUS_WATCH_WRITABLE);
  }
  total += peer_drain(peer);
  printf("all %d, outgoing %ld\n", total == size, dbus_connection_get_outgoing_size(connection));
  free(text);
}

static void borrowing(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  DBusMessage* message;

  set_loop(connection);
  show("borrow", dbus_connection_borrow_message(connection));
  deliver(connection, new_signal("A"), 5);
  deliver(connection, new_signal("B"), 6);
  message = dbus_connection_borrow_message(connection);
  printf("borrowed %s, status %d\n", dbus_message_get_member(message),
         dbus_connection_get_dispatch_status(connection));
  dbus_connection_return_message(connection, message);
  message = dbus_connection_borrow_message(connection);
  dbus_connection_steal_borrowed_message(connection, message);
  show("stolen", message);
  show("pop", dbus_connection_pop_message(connection));
  show("pop", dbus_connection_pop_message(connection));
}

static void preallocated_and_slots(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  DBusPreallocatedSend* preallocated = dbus_connection_preallocate_send(connection);
  dbus_uint32_t serial;
  dbus_int32_t slot = -1;

  dbus_connection_send_preallocated(connection, preallocated, new_signal("P"), &serial);
  printf("serial %u\n", serial);
  expect(connection);
  dbus_connection_free_preallocated_send(connection, dbus_connection_preallocate_send(connection));
  printf("slot %d", dbus_connection_allocate_data_slot(&slot));
  printf(" %d\n", slot);
  printf("set %d\n", dbus_connection_set_data(connection, slot, "x", free_name));
  printf("set %d\n", dbus_connection_set_data(connection, slot, "y", free_name));
  printf("get %s\n", (char*)dbus_connection_get_data(connection, slot));
  dbus_connection_set_watch_functions(connection, NULL, NULL, NULL, "watch data", free_name);
  dbus_connection_set_wakeup_main_function(connection, NULL, "wake-up data", free_name);
  dbus_connection_set_dispatch_status_function(connection, NULL, "status data", free_name);
  dbus_connection_add_filter(connection, filter, "filter", free_name);
  dbus_connection_close(connection);
  dbus_connection_unref(connection);
  dbus_connection_free_data_slot(&slot);
  printf("slot %d\n", slot);
}

/* --- main loop */

static void refused_watches(void) {
  DBusConnection* connection = fake_connect(&peer, false);

  for (int after = 0; after < 2; ++after) {
    refuse_after = after;
    printf("refused: %d\n", set_watches(connection, "refusing"));
  }
  refuse_after = -1;
  printf("set: %d\n", set_watches(connection, "first"));
  printf("again: %d\n", set_watches(connection, "second"));
  refuse_after = 1;
  printf("refused: %d\n", set_watches(connection, "refusing"));
  refuse_after = -1;
  printf("unset: %d\n",
         dbus_connection_set_watch_functions(connection, NULL, NULL, NULL, NULL, NULL));
  refuse_after = 0;
  printf("set: %d\n", set_timeouts(connection, "time-outs"));
  start_call(connection, 100, "refused");
  refuse_after = -1;
  expect(connection);
  start_call(connection, 100, "accepted");
  refuse_after = 0;
  printf("refused: %d\n", set_timeouts(connection, "refusing"));
}

static void handled_watches(void) {
  DBusConnection* connection = fake_connect(&peer, false);

  set_loop(connection);
  dbus_connection_add_filter(connection, filter, "f", free_name);
  peer_send(peer, new_signal("A"), 10);
  peer_send(peer, new_signal("B"), 11);
  printf("handle %d\n", dbus_watch_handle(last_reader, DBUS_WATCH_READABLE));
  printf("handle %d\n", dbus_watch_handle(last_reader, DBUS_WATCH_READABLE));
  printf("dispatch %d\n", dbus_connection_dispatch(connection));
  printf("dispatch %d\n", dbus_connection_dispatch(connection));
  printf("dispatch %d\n", dbus_connection_dispatch(connection));
  close(peer);
  printf("handle %d\n", dbus_watch_handle(last_reader, DBUS_WATCH_HANGUP));
  printf("handle %d\n", dbus_watch_handle(last_reader, DBUS_WATCH_READABLE));
  printf("connected %d\n", dbus_connection_get_is_connected(connection));
  dispatch_all(connection);
  dbus_connection_unref(connection);
}

static void before_authentication(void) {
  char address[200];
  int listener = silent_listener(address, sizeof address), fd = 0;
  DBusError error = DBUS_ERROR_INIT;
  DBusConnection* connection = dbus_connection_open_private(address, &error);
  DBusMessage* message = new_signal("Fd");
  DBusPendingCall* pending;

  printf("connected %d authenticated %d anonymous %d can send fds %d server %s\n",
         dbus_connection_get_is_connected(connection),
         dbus_connection_get_is_authenticated(connection),
         dbus_connection_get_is_anonymous(connection),
         dbus_connection_can_send_type(connection, DBUS_TYPE_UNIX_FD),
         dbus_connection_get_server_id(connection) ? "known" : "unknown");
  send_one(connection, new_signal("Waits"));
  dbus_message_append_args(message, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
  printf("send with fd %d\n", dbus_connection_send(connection, message, NULL));
  printf("call with fd %d", dbus_connection_send_with_reply(connection, message, &pending, -1));
  printf(" %s\n", pending ? "pending" : "none");
  printf("blocking %d",
         dbus_connection_send_with_reply_and_block(connection, message, -1, &error) != NULL);
  printf(" %s: %s\n", error.name, error.message);
  close(listener);
  while (dbus_connection_read_write_dispatch(connection, 200))
    ;
  printf("authenticated %d connected %d\n", dbus_connection_get_is_authenticated(connection),
         dbus_connection_get_is_connected(connection));
}

/* --- dispatch */

static DBusHandlerResult changing_filter(DBusConnection* connection, DBusMessage* message,
                                         void* name) {
  printf("  filter %s sees %s\n", (char*)name, dbus_message_get_member(message));
  if (strcmp(name, "2") == 0) {
    dbus_connection_remove_filter(connection, changing_filter, "3");
    dbus_connection_add_filter(connection, changing_filter, "5", free_name);
    dbus_connection_remove_filter(connection, changing_filter, "2");
    printf("  changed\n");
  }
  return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static DBusHandlerResult hungry_filter(DBusConnection* connection, DBusMessage* message,
                                       void* data) {
  static int count;

  (void)connection;
  (void)message;
  (void)data;
  printf("  hungry %d\n", count);
  return count++ < 2 ? DBUS_HANDLER_RESULT_NEED_MEMORY : DBUS_HANDLER_RESULT_HANDLED;
}

static void filters(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  /* Equal pointers, as merged string literals are: added twice. */
  static const char* const names[] = {"1", "2", "3", "4", "1"};

  for (int i = 0; i < 5; ++i)
    dbus_connection_add_filter(connection, changing_filter, (void*)names[i], free_name);
  deliver(connection, new_signal("A"), 10);
  dispatch_all(connection);
  deliver(connection, new_signal("B"), 11);
  dispatch_all(connection);
  dbus_connection_remove_filter(connection, changing_filter, (void*)names[0]);
  deliver(connection, new_signal("C"), 12);
  dispatch_all(connection);
  dbus_connection_add_filter(connection, hungry_filter, NULL, NULL);
  set_loop(connection);
  deliver(connection, new_signal("D"), 13);
  for (int i = 0; i < 4; ++i) printf("dispatch %d\n", dbus_connection_dispatch(connection));
}

static void builtin_answers(void) {
  static const char* const asked[][3] = {
      {DBUS_INTERFACE_PEER, "Ping", "/x"},
      {DBUS_INTERFACE_PEER, "GetMachineId", "/x"},
      {DBUS_INTERFACE_PEER, "Nonsense", "/x"},
      {NULL, "Ping", "/x"},
      {"a.b", "C", "/x"},
      {DBUS_INTERFACE_PROPERTIES, "Get", "/"},
      {DBUS_INTERFACE_INTROSPECTABLE, "Introspect", "/x"},
  };
  DBusConnection* connection = fake_connect(&peer, false);

  dbus_connection_add_filter(connection, filter, "f", NULL);
  for (int route = 0; route < 2; ++route) {
    dbus_connection_set_route_peer_messages(connection, route);
    for (unsigned i = 0; i < 2 * sizeof asked / sizeof asked[0]; ++i) {
      const char* const* ask = asked[i / 2];
      DBusMessage* message =
          dbus_message_new_method_call(i % 2 ? ":1.5" : NULL, ask[2], ask[0], ask[1]);

      dbus_message_set_sender(message, ":1.7");
      dbus_message_set_no_reply(message, i == 9);
      printf("%s %s to %s\n", ask[0] ? ask[0] : "-", ask[1], i % 2 ? ":1.5" : "-");
      deliver(connection, message, 20 + i);
      dispatch_all(connection);
      expect(connection);
    }
  }
}

/* --- opening, sharing, closing */

static void sharing(void) {
  DBusConnection *connection = fake_connect(&peer, true), *other;
  const char* address = getenv("DBUS_SESSION_BUS_ADDRESS");
  char without[300];
  DBusError error = DBUS_ERROR_INIT;

  dbus_connection_close(connection);
  printf("connected %d\n", dbus_connection_get_is_connected(connection));
  close(peer);
  while (dbus_connection_read_write_dispatch(connection, 100))
    ;
  dbus_connection_close(connection);
  dbus_connection_unref(connection);

  connection = dbus_connection_open(address, &error);
  other = dbus_connection_open(address, &error);
  printf("with a GUID: same %d, authenticated %d\n", connection == other,
         dbus_connection_get_is_authenticated(connection));
  printf("the bus is the same: %d\n", dbus_bus_get(DBUS_BUS_SESSION, &error) == connection);
  snprintf(without, sizeof without, "%s", address);
  *strstr(without, ",guid=") = 0;
  other = dbus_connection_open(without, &error);
  printf("without: same %d\n", other == connection);
  printf("without, again: same %d\n", dbus_connection_open(without, &error) == other);
  connection = dbus_connection_open_private(address, &error);
  printf("private: same %d\n", connection == other);
  dbus_connection_unref(connection);
}

static void one_unref_too_many(void) {
  DBusConnection* connection = fake_connect(&peer, true);

  dbus_connection_unref(connection);
  printf("once\n");
  dbus_connection_unref(connection);
}

static void shutting_down(void) {
  DBusConnection* connection = fake_connect(&peer, true);

  dbus_connection_add_filter(connection, filter, "f", free_name);
  deliver(connection, new_signal("Queued"), 5);
  dbus_connection_unref(connection);
  dbus_shutdown();
  printf("down\n");
  dbus_shutdown();
  connection = fake_connect(&peer, true);
  printf("up, connected %d\n", dbus_connection_get_is_connected(connection));
  dbus_connection_set_exit_on_disconnect(connection, TRUE);
  dbus_shutdown();
  printf("not reached\n");
}

static void failing_to_open(void) {
  static const char* const addresses[] = {"",
                                          "foo",
                                          "foo:bar=1",
                                          "unix:path=/nonexistent/x",
                                          "unix:path=/nonexistent/x;unix:path=/nonexistent/y",
                                          "unix:",
                                          "unix:path=%zz"};

  for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; ++i) {
    DBusError error = DBUS_ERROR_INIT;

    for (int private = 0; private < 2; ++private) {
      DBusConnection* connection = private ? dbus_connection_open_private(addresses[i], &error)
                                           : dbus_connection_open(addresses[i], &error);

      printf("%s: %d %s: %s\n", addresses[i], connection != NULL, error.name, error.message);
      dbus_error_free(&error);
    }
  }
}

static void getters(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  unsigned long id;
  void* data = &id;
  dbus_int32_t size = 7;
  char* text = "x";

  printf("max size %ld fds %ld received %ld fds %ld\n",
         dbus_connection_get_max_message_size(connection),
         dbus_connection_get_max_message_unix_fds(connection),
         dbus_connection_get_max_received_size(connection),
         dbus_connection_get_max_received_unix_fds(connection));
  dbus_connection_set_max_message_size(connection, 12345);
  dbus_connection_set_max_message_unix_fds(connection, 3);
  dbus_connection_set_max_received_size(connection, 23456);
  dbus_connection_set_max_received_unix_fds(connection, 4);
  printf("max size %ld fds %ld received %ld fds %ld\n",
         dbus_connection_get_max_message_size(connection),
         dbus_connection_get_max_message_unix_fds(connection),
         dbus_connection_get_max_received_size(connection),
         dbus_connection_get_max_received_unix_fds(connection));
  printf("user %d", dbus_connection_get_unix_user(connection, &id));
  printf(" %lu\n", id);
  printf("process %d", dbus_connection_get_unix_process_id(connection, &id));
  printf(" %lu\n", id);
  printf("audit %d", dbus_connection_get_adt_audit_session_data(connection, &data, &size));
  printf(" %d %d\n", data != NULL, size);
  printf("windows %d", dbus_connection_get_windows_user(connection, &text));
  printf(" %d\n", text != NULL);
  printf("anonymous %d\ntypes:", dbus_connection_get_is_anonymous(connection));
  for (int type = 0; type < 128; ++type)
    if (dbus_connection_can_send_type(connection, type)) printf(" %c", type);
  printf("\n");
  dbus_connection_unref(connection);
}

static void exit_on_disconnect(void) {
  DBusConnection* connection = fake_connect(&peer, false);

  dbus_connection_add_filter(connection, filter, "f", NULL);
  dbus_connection_set_exit_on_disconnect(connection, TRUE);
  dbus_connection_close(connection);
  printf("alive\n");
  dispatch_all(connection);
  printf("not reached\n");
}

const struct scenario scenarios[] = {
    {"pending-calls", pending_calls},
    {"blocking-calls", blocking_calls},
    {"disconnected-while-blocking", disconnected_while_blocking},
    {"disconnected-with-a-pending-call", disconnected_with_a_pending_call},
    {"after-closing", after_closing},
    {"serials", serials},
    {"partial-writes", partial_writes},
    {"borrowing", borrowing},
    {"preallocated-and-slots", preallocated_and_slots},
    {"refused-watches", refused_watches},
    {"handled-watches", handled_watches},
    {"before-authentication", before_authentication},
    {"filters", filters},
    {"builtin-answers", builtin_answers},
    {"sharing", sharing},
    {"one-unref-too-many", one_unref_too_many},
    {"shutting-down", shutting_down},
    {"failing-to-open", failing_to_open},
    {"getters", getters},
    {"exit-on-disconnect", exit_on_disconnect},
    {NULL, NULL},
};
