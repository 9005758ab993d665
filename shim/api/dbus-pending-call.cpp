// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-pending-call.h>.
#include <dbus/dbus.h>

#include "api/dbus-connection-thunks.h"
#include "base/check.h"
#include "connection/connection.h"
#include "connection/pending_call.h"

extern "C" {

DBusPendingCall* dbus_pending_call_ref(DBusPendingCall* pending) {
  DG_RETURN_VAL_IF_FAIL(pending != NULL, NULL);
  pending->ref();
  return pending;
}

void dbus_pending_call_unref(DBusPendingCall* pending) {
  DG_RETURN_IF_FAIL(pending != NULL);
  pending->unref();
}

dbus_bool_t dbus_pending_call_set_notify(DBusPendingCall* pending,
                                         DBusPendingCallNotifyFunction function, void* user_data,
                                         DBusFreeFunction free_user_data) {
  DG_RETURN_VAL_IF_FAIL(pending != NULL, FALSE);
  pending->set_notify(function, user_data, free_user_data);
  return TRUE;
}

void dbus_pending_call_cancel(DBusPendingCall* pending) {
  DG_RETURN_IF_FAIL(pending != NULL);
  pending->cancel();
}

dbus_bool_t dbus_pending_call_get_completed(DBusPendingCall* pending) {
  DG_RETURN_VAL_IF_FAIL(pending != NULL, FALSE);
  return pending->completed();
}

DBusMessage* dbus_pending_call_steal_reply(DBusPendingCall* pending) {
  DG_RETURN_VAL_IF_FAIL(pending != NULL, NULL);
  DG_RETURN_VAL_IF_FAIL(pending->completed(), NULL);
  DG_RETURN_VAL_IF_FAIL(pending->has_reply(), NULL);
  return pending->steal_reply();
}

void dbus_pending_call_block(DBusPendingCall* pending) {
  DG_RETURN_IF_FAIL(pending != NULL);
  pending->block();
}

dbus_bool_t dbus_pending_call_allocate_data_slot(dbus_int32_t* slot_p) {
  DG_RETURN_VAL_IF_FAIL(slot_p != NULL, FALSE);
  return dg::pending_call_slots.allocate(slot_p);
}

void dbus_pending_call_free_data_slot(dbus_int32_t* slot_p) {
  DG_RETURN_IF_FAIL(slot_p != NULL);
  DG_RETURN_IF_FAIL(*slot_p >= 0);
  dg::pending_call_slots.free(slot_p);
}

dbus_bool_t dbus_pending_call_set_data(DBusPendingCall* pending, dbus_int32_t slot, void* data,
                                       DBusFreeFunction free_data_func) {
  DG_RETURN_VAL_IF_FAIL(pending != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(slot >= 0, FALSE);
  if (!dg::pending_call_slots.in_use(slot)) return FALSE;
  return pending->set_data(slot, data, free_data_func);
}

void* dbus_pending_call_get_data(DBusPendingCall* pending, dbus_int32_t slot) {
  DG_RETURN_VAL_IF_FAIL(pending != NULL, NULL);
  DG_RETURN_VAL_IF_FAIL(slot >= 0, NULL);
  return pending->data(slot);
}

}  // extern "C"
