// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-connection.h>: a connection's life, messages, and filters. The main loop's side is in
// dbus-connection-loop.cpp, credentials and limits in dbus-connection-state.cpp, object paths in
// dbus-connection-objects.cpp.
#include <dbus/dbus.h>

#include "api/dbus-connection-thunks.h"
#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "connection/connection.h"

using dg::guarded;

namespace {

DBusConnection* open(const char* address, bool shared, DBusError* error) noexcept {
  try {
    return DBusConnection::open(address, shared, error);
  } catch (const std::bad_alloc&) {
    dg::set_oom(error);
    return nullptr;
  }
}

}  // namespace

// Room for one message in a connection's queue, counted there.
struct DBusPreallocatedSend {
  DBusConnection* connection;
};

extern "C" {

DBusConnection* dbus_connection_open(const char* address, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(address != NULL, NULL);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), NULL);
  return open(address, true, error);
}

DBusConnection* dbus_connection_open_private(const char* address, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(address != NULL, NULL);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), NULL);
  return open(address, false, error);
}

DBusConnection* dbus_connection_ref(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, NULL);
  connection->ref();
  return connection;
}

void dbus_connection_unref(DBusConnection* connection) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->unref();
}

void dbus_connection_close(DBusConnection* connection) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->close();
}

dbus_bool_t dbus_connection_get_is_connected(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  return connection->is_connected();
}

dbus_bool_t dbus_connection_get_is_authenticated(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  return connection->is_authenticated();
}

void dbus_connection_set_exit_on_disconnect(DBusConnection* connection,
                                            dbus_bool_t exit_on_disconnect) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->set_exit_on_disconnect(exit_on_disconnect);
}

dbus_bool_t dbus_connection_send(DBusConnection* connection, DBusMessage* message,
                                 dbus_uint32_t* client_serial) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  return guarded(false, [&] { return connection->send(message, client_serial); });
}

dbus_bool_t dbus_connection_send_with_reply(DBusConnection* connection, DBusMessage* message,
                                            DBusPendingCall** pending_return,
                                            int timeout_milliseconds) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(timeout_milliseconds >= 0 || timeout_milliseconds == -1, FALSE);
  return guarded(false, [&] {
    return connection->send_with_reply(message, pending_return, timeout_milliseconds);
  });
}

DBusMessage* dbus_connection_send_with_reply_and_block(DBusConnection* connection,
                                                       DBusMessage* message,
                                                       int timeout_milliseconds, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, NULL);
  DG_RETURN_VAL_IF_FAIL(message != NULL, NULL);
  DG_RETURN_VAL_IF_FAIL(timeout_milliseconds >= 0 || timeout_milliseconds == -1, NULL);
  DG_RETURN_VAL_IF_FAIL((error) == NULL || !dbus_error_is_set((error)), NULL);
  try {
    return connection->send_with_reply_and_block(message, timeout_milliseconds, error);
  } catch (const std::bad_alloc&) {
    dg::set_oom(error);
    return nullptr;
  }
}

void dbus_connection_flush(DBusConnection* connection) {
  DG_RETURN_IF_FAIL(connection != NULL);
  connection->flush();
}

dbus_bool_t dbus_connection_read_write_dispatch(DBusConnection* connection,
                                                int timeout_milliseconds) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(timeout_milliseconds >= 0 || timeout_milliseconds == -1, FALSE);
  return guarded(true, [&] { return connection->read_write(timeout_milliseconds, true); });
}

dbus_bool_t dbus_connection_read_write(DBusConnection* connection, int timeout_milliseconds) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(timeout_milliseconds >= 0 || timeout_milliseconds == -1, FALSE);
  return guarded(true, [&] { return connection->read_write(timeout_milliseconds, false); });
}

DBusMessage* dbus_connection_borrow_message(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, NULL);
  return connection->borrow_message();
}

void dbus_connection_return_message(DBusConnection* connection, DBusMessage* message) {
  DG_RETURN_IF_FAIL(connection != NULL);
  DG_RETURN_IF_FAIL(message != NULL);
  DG_RETURN_IF_FAIL(connection->has_borrowed(message));
  connection->return_message();
}

void dbus_connection_steal_borrowed_message(DBusConnection* connection, DBusMessage* message) {
  DG_RETURN_IF_FAIL(connection != NULL);
  DG_RETURN_IF_FAIL(message != NULL);
  DG_RETURN_IF_FAIL(connection->has_borrowed(message));
  connection->steal_borrowed_message(message);
}

DBusMessage* dbus_connection_pop_message(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, NULL);
  return connection->pop_message();
}

DBusDispatchStatus dbus_connection_get_dispatch_status(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, DBUS_DISPATCH_COMPLETE);
  return connection->dispatch_status();
}

DBusDispatchStatus dbus_connection_dispatch(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, DBUS_DISPATCH_COMPLETE);
  return guarded(DBUS_DISPATCH_NEED_MEMORY, [&] { return connection->dispatch(); });
}

dbus_bool_t dbus_connection_has_messages_to_send(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  return connection->has_messages_to_send();
}

DBusPreallocatedSend* dbus_connection_preallocate_send(DBusConnection* connection) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, NULL);
  auto* preallocated = new (std::nothrow) DBusPreallocatedSend{connection};
  if (preallocated && connection->preallocate_send()) return preallocated;
  delete preallocated;
  return nullptr;
}

void dbus_connection_free_preallocated_send(DBusConnection* connection,
                                            DBusPreallocatedSend* preallocated) {
  DG_RETURN_IF_FAIL(connection != NULL);
  DG_RETURN_IF_FAIL(preallocated != NULL);
  DG_RETURN_IF_FAIL(connection == preallocated->connection);
  connection->free_preallocated_send();
  delete preallocated;
}

void dbus_connection_send_preallocated(DBusConnection* connection,
                                       DBusPreallocatedSend* preallocated, DBusMessage* message,
                                       dbus_uint32_t* client_serial) {
  DG_RETURN_IF_FAIL(connection != NULL);
  DG_RETURN_IF_FAIL(preallocated != NULL);
  DG_RETURN_IF_FAIL(message != NULL);
  DG_RETURN_IF_FAIL(preallocated->connection == connection);
  delete preallocated;
  connection->send_preallocated(message, client_serial);
}

dbus_bool_t dbus_connection_add_filter(DBusConnection* connection,
                                       DBusHandleMessageFunction function, void* user_data,
                                       DBusFreeFunction free_data_function) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(function != NULL, FALSE);
  return guarded(false,
                 [&] { return connection->add_filter(function, user_data, free_data_function); });
}

void dbus_connection_remove_filter(DBusConnection* connection, DBusHandleMessageFunction function,
                                   void* user_data) {
  DG_RETURN_IF_FAIL(connection != NULL);
  DG_RETURN_IF_FAIL(function != NULL);
  if (!guarded(true, [&] { return connection->remove_filter(function, user_data); }))
    dg::warn("Attempt to remove filter function %p user data %p, but no such filter has been added",
             reinterpret_cast<void*>(function), user_data);
}

dbus_bool_t dbus_connection_allocate_data_slot(dbus_int32_t* slot_p) {
  DG_RETURN_VAL_IF_FAIL(slot_p != NULL, FALSE);
  return dg::connection_slots.allocate(slot_p);
}

void dbus_connection_free_data_slot(dbus_int32_t* slot_p) {
  DG_RETURN_IF_FAIL(slot_p != NULL);
  DG_RETURN_IF_FAIL(*slot_p >= 0);
  dg::connection_slots.free(slot_p);
}

dbus_bool_t dbus_connection_set_data(DBusConnection* connection, dbus_int32_t slot, void* data,
                                     DBusFreeFunction free_data_func) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(slot >= 0, FALSE);
  if (!dg::connection_slots.in_use(slot)) return FALSE;
  return connection->set_data(slot, data, free_data_func);
}

void* dbus_connection_get_data(DBusConnection* connection, dbus_int32_t slot) {
  DG_RETURN_VAL_IF_FAIL(connection != NULL, NULL);
  DG_RETURN_VAL_IF_FAIL(slot >= 0, NULL);
  return connection->data(slot);
}

}  // extern "C"
