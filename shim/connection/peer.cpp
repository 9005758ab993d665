// SPDX-License-Identifier: LGPL-2.1-or-later
// org.freedesktop.DBus.Peer (peer.h).
#include "connection/peer.h"

#include <cstring>

#include "base/error.h"
#include "base/memory.h"
#include "connection/connection.h"
#include "connection/local_messages.h"

namespace dg {
namespace {

Ref<DBusMessage> machine_id_reply(DBusMessage* call) {
  ScopedError error;
  mem::String id(dbus_try_get_local_machine_id(error.get()));
  if (!id) {
    if (dbus_error_has_name(error.get(), DBUS_ERROR_NO_MEMORY)) return nullptr;
    return Ref<DBusMessage>::adopt(dbus_message_new_error(call, error->name, error->message));
  }
  auto reply = Ref<DBusMessage>::adopt(dbus_message_new_method_return(call));
  const char* text = id.get();
  if (reply && !dbus_message_append_args(reply.get(), DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID))
    return nullptr;
  return reply;
}

}  // namespace

DBusHandlerResult handle_peer_message(DBusConnection* connection, DBusMessage* message,
                                      bool route) {
  if (message->type() != DBUS_MESSAGE_TYPE_METHOD_CALL || !message->interface() ||
      std::strcmp(message->interface(), DBUS_INTERFACE_PEER) != 0)
    return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
  if (route && message->destination()) return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
  Ref<DBusMessage> reply;
  if (message->is_method_call(DBUS_INTERFACE_PEER, "Ping"))
    reply = Ref<DBusMessage>::adopt(dbus_message_new_method_return(message));
  else if (message->is_method_call(DBUS_INTERFACE_PEER, "GetMachineId"))
    reply = machine_id_reply(message);
  else
    reply = make_error_reply(message, DBUS_ERROR_UNKNOWN_METHOD,
                             "Unknown method invoked on org.freedesktop.DBus.Peer interface");
  if (!reply || !connection->send(reply.get(), nullptr)) return DBUS_HANDLER_RESULT_NEED_MEMORY;
  return DBUS_HANDLER_RESULT_HANDLED;
}

}  // namespace dg
