// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-message.h>: making messages, references, the header's fixed part, data slots, wire
// format.
#include <dbus/dbus.h>

#include <cstdio>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "message/iter.h"
#include "message/message.h"
#include "message/validate.h"
#include "message/wire.h"

using MessageRef = dg::Ref<DBusMessage>;

namespace {

constinit dg::SlotAllocator slots;

bool is_valid_error_name(const char* name) { return dg::is_valid_error_name(name); }

// A reply: to whoever sent the call, without expecting a reply itself.
MessageRef new_reply(int type, DBusMessage* call) {
  MessageRef reply = MessageRef::adopt(DBusMessage::create(type));
  if (!reply) return reply;
  reply->set_flag(DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, true);
  if (call->sender() && !reply->set_destination(call->sender())) reply.reset();
  return reply;
}

DBusMessage* new_error(DBusMessage* reply_to, const char* name, const char* text) {
  MessageRef error = new_reply(DBUS_MESSAGE_TYPE_ERROR, reply_to);
  if (!error || !error->set_error_name(name) ||
      !dbus_message_set_reply_serial(error.get(), reply_to->serial()))
    return nullptr;
  if (text) {
    dg::Writer iter;
    iter.init(error.get());
    if (!dg::check_basic(DBUS_TYPE_STRING, &text) || !iter.append_basic(DBUS_TYPE_STRING, &text))
      return nullptr;
  }
  return error.release();
}

}  // namespace

extern "C" {

DBUS_EXPORT DBusMessage* dbus_message_new(int message_type) {
  DG_RETURN_VAL_IF_FAIL(message_type != DBUS_MESSAGE_TYPE_INVALID, nullptr);
  return DBusMessage::create(message_type);
}

DBUS_EXPORT DBusMessage* dbus_message_new_method_call(const char* destination, const char* path,
                                                      const char* iface, const char* method) {
  DG_RETURN_VAL_IF_FAIL(path != NULL, nullptr);
  DG_RETURN_VAL_IF_FAIL(method != NULL, nullptr);
  DG_RETURN_VAL_IF_FAIL(destination == NULL || dg::is_valid_bus_name(destination), nullptr);
  DG_RETURN_VAL_IF_FAIL(dg::is_valid_path(path), nullptr);
  DG_RETURN_VAL_IF_FAIL(iface == NULL || dg::is_valid_interface(iface), nullptr);
  DG_RETURN_VAL_IF_FAIL(dg::is_valid_member(method), nullptr);
  auto call = MessageRef::adopt(DBusMessage::create(DBUS_MESSAGE_TYPE_METHOD_CALL));
  // In the order in which libdbus writes them.
  if (!call || !call->set_path(path) || !call->set_destination(destination) ||
      !call->set_interface(iface) || !call->set_member(method))
    return nullptr;
  return call.release();
}

DBUS_EXPORT DBusMessage* dbus_message_new_method_return(DBusMessage* method_call) {
  DG_RETURN_VAL_IF_FAIL(method_call != NULL, nullptr);
  MessageRef reply = new_reply(DBUS_MESSAGE_TYPE_METHOD_RETURN, method_call);
  if (!reply || !dbus_message_set_reply_serial(reply.get(), method_call->serial())) return nullptr;
  return reply.release();
}

DBUS_EXPORT DBusMessage* dbus_message_new_signal(const char* path, const char* iface,
                                                 const char* name) {
  DG_RETURN_VAL_IF_FAIL(path != NULL, nullptr);
  DG_RETURN_VAL_IF_FAIL(iface != NULL, nullptr);
  DG_RETURN_VAL_IF_FAIL(name != NULL, nullptr);
  DG_RETURN_VAL_IF_FAIL(dg::is_valid_path(path), nullptr);
  DG_RETURN_VAL_IF_FAIL(dg::is_valid_interface(iface), nullptr);
  DG_RETURN_VAL_IF_FAIL(dg::is_valid_member(name), nullptr);
  auto signal = MessageRef::adopt(DBusMessage::create(DBUS_MESSAGE_TYPE_SIGNAL));
  if (!signal || !signal->set_path(path) || !signal->set_interface(iface) ||
      !signal->set_member(name))
    return nullptr;
  signal->set_flag(DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, true);
  return signal.release();
}

DBUS_EXPORT DBusMessage* dbus_message_new_error(DBusMessage* reply_to, const char* error_name,
                                                const char* error_message) {
  DG_RETURN_VAL_IF_FAIL(reply_to != NULL, nullptr);
  DG_RETURN_VAL_IF_FAIL(error_name != NULL, nullptr);
  DG_RETURN_VAL_IF_FAIL(is_valid_error_name(error_name), nullptr);
  return new_error(reply_to, error_name, error_message);
}

DBUS_EXPORT DBusMessage* dbus_message_new_error_printf(DBusMessage* reply_to,
                                                       const char* error_name,
                                                       const char* error_format, ...) {
  DG_RETURN_VAL_IF_FAIL(reply_to != NULL, nullptr);
  DG_RETURN_VAL_IF_FAIL(error_name != NULL, nullptr);
  DG_RETURN_VAL_IF_FAIL(is_valid_error_name(error_name), nullptr);
  if (!error_format) return nullptr;
  va_list args;
  va_start(args, error_format);
  char* text = nullptr;
  const int length = vasprintf(&text, error_format, args);
  va_end(args);
  if (length < 0) return nullptr;
  DBusMessage* error = new_error(reply_to, error_name, text);
  free(text);
  return error;
}

DBUS_EXPORT DBusMessage* dbus_message_copy(const DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  return message->copy();
}

DBUS_EXPORT DBusMessage* dbus_message_ref(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  message->ref();
  return message;
}

DBUS_EXPORT void dbus_message_unref(DBusMessage* message) {
  DG_RETURN_IF_FAIL(message != NULL);
  message->unref();
}

DBUS_EXPORT void dbus_message_lock(DBusMessage* message) {
  DG_RETURN_IF_FAIL(message != NULL);
  message->lock();
}

DBUS_EXPORT int dbus_message_get_type(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, DBUS_MESSAGE_TYPE_INVALID);
  return message->type();
}

DBUS_EXPORT int dbus_message_type_from_string(const char* type_str) {
  if (!type_str) return DBUS_MESSAGE_TYPE_INVALID;
  for (int type = DBUS_MESSAGE_TYPE_METHOD_CALL; type < DBUS_NUM_MESSAGE_TYPES; ++type)
    if (std::strcmp(type_str, dbus_message_type_to_string(type)) == 0) return type;
  return DBUS_MESSAGE_TYPE_INVALID;
}

DBUS_EXPORT const char* dbus_message_type_to_string(int type) {
  switch (type) {
    case DBUS_MESSAGE_TYPE_METHOD_CALL:
      return "method_call";
    case DBUS_MESSAGE_TYPE_METHOD_RETURN:
      return "method_return";
    case DBUS_MESSAGE_TYPE_ERROR:
      return "error";
    case DBUS_MESSAGE_TYPE_SIGNAL:
      return "signal";
    default:
      return "invalid";
  }
}

// --- flags and serials

DBUS_EXPORT void dbus_message_set_no_reply(DBusMessage* message, dbus_bool_t no_reply) {
  DG_RETURN_IF_FAIL(message != NULL);
  DG_RETURN_IF_FAIL(!message->locked());
  message->set_flag(DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, no_reply);
}

DBUS_EXPORT dbus_bool_t dbus_message_get_no_reply(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  return message->flag(DBUS_HEADER_FLAG_NO_REPLY_EXPECTED);
}

DBUS_EXPORT void dbus_message_set_auto_start(DBusMessage* message, dbus_bool_t auto_start) {
  DG_RETURN_IF_FAIL(message != NULL);
  DG_RETURN_IF_FAIL(!message->locked());
  message->set_flag(DBUS_HEADER_FLAG_NO_AUTO_START, !auto_start);
}

DBUS_EXPORT dbus_bool_t dbus_message_get_auto_start(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  return !message->flag(DBUS_HEADER_FLAG_NO_AUTO_START);
}

DBUS_EXPORT void dbus_message_set_allow_interactive_authorization(DBusMessage* message,
                                                                  dbus_bool_t allow) {
  DG_RETURN_IF_FAIL(message != NULL);
  DG_RETURN_IF_FAIL(!message->locked());
  message->set_flag(DBUS_HEADER_FLAG_ALLOW_INTERACTIVE_AUTHORIZATION, allow);
}

DBUS_EXPORT dbus_bool_t dbus_message_get_allow_interactive_authorization(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  return message->flag(DBUS_HEADER_FLAG_ALLOW_INTERACTIVE_AUTHORIZATION);
}

DBUS_EXPORT dbus_uint32_t dbus_message_get_serial(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, 0);
  return message->serial();
}

DBUS_EXPORT void dbus_message_set_serial(DBusMessage* message, dbus_uint32_t serial) {
  DG_RETURN_IF_FAIL(message != NULL);
  DG_RETURN_IF_FAIL(!message->locked());
  message->set_serial(serial);
}

DBUS_EXPORT dbus_bool_t dbus_message_set_reply_serial(DBusMessage* message,
                                                      dbus_uint32_t reply_serial) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(!message->locked(), FALSE);
  DG_RETURN_VAL_IF_FAIL(reply_serial != 0, FALSE);
  return message->set_reply_serial(reply_serial);
}

DBUS_EXPORT dbus_uint32_t dbus_message_get_reply_serial(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, 0);
  return message->reply_serial();
}

DBUS_EXPORT dbus_bool_t dbus_message_contains_unix_fds(DBusMessage* message) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  return !message->fds().empty();
}

// --- the application's data

DBUS_EXPORT dbus_bool_t dbus_message_allocate_data_slot(dbus_int32_t* slot_p) {
  DG_RETURN_VAL_IF_FAIL(slot_p != NULL, FALSE);
  return slots.allocate(slot_p);
}

DBUS_EXPORT void dbus_message_free_data_slot(dbus_int32_t* slot_p) {
  DG_RETURN_IF_FAIL(slot_p != NULL);
  DG_RETURN_IF_FAIL(*slot_p >= 0);
  slots.free(slot_p);
}

DBUS_EXPORT dbus_bool_t dbus_message_set_data(DBusMessage* message, dbus_int32_t slot, void* data,
                                              DBusFreeFunction free_data_func) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(slot >= 0, FALSE);
  dg::SlotList::Entry old;
  if (!message->slots.set(slot, data, free_data_func, &old)) return FALSE;
  old.run();
  return TRUE;
}

DBUS_EXPORT void* dbus_message_get_data(DBusMessage* message, dbus_int32_t slot) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, nullptr);
  return slot >= 0 ? message->slots.get(slot) : nullptr;
}

// --- wire format

DBUS_EXPORT dbus_bool_t dbus_message_marshal(DBusMessage* msg, char** marshalled_data_p,
                                             int* len_p) {
  DG_RETURN_VAL_IF_FAIL(msg != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(marshalled_data_p != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(len_p != NULL, FALSE);
  void* bytes = dg::mem::alloc(msg->wire_size());
  if (!bytes) return FALSE;
  dg::wire_marshal(*msg, static_cast<std::byte*>(bytes));
  *marshalled_data_p = static_cast<char*>(bytes);
  *len_p = static_cast<int>(msg->wire_size());
  return TRUE;
}

DBUS_EXPORT DBusMessage* dbus_message_demarshal(const char* str, int len, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(str != NULL, nullptr);
  std::span<const std::byte> bytes{reinterpret_cast<const std::byte*>(str),
                                   static_cast<std::size_t>(len < 0 ? 0 : len)};
  // The first message counts, but as libdbus does we want those that follow it to be valid too.
  MessageRef first;
  dg::Validity invalid;
  for (;;) {
    const std::size_t size = dg::wire_message_size(bytes, DBUS_MAXIMUM_MESSAGE_LENGTH, &invalid);
    if (size == 0 || size > bytes.size()) break;
    auto message = MessageRef::adopt(dg::WireLoader::load(bytes, size, 0, &invalid));
    if (!message) break;
    if (!first) first = std::move(message);
    bytes = bytes.subspan(size);
  }
  if (invalid != dg::Validity::Valid) {
    dg::set_error(error, DBUS_ERROR_INVALID_ARGS, "Message is corrupted (%s)",
                  dg::validity_text(invalid));
    return nullptr;
  }
  // Also said, by libdbus, of bytes that end too early.
  if (!first) dg::set_error_const(error, DBUS_ERROR_NO_MEMORY, "Not enough memory");
  return first.release();
}

DBUS_EXPORT int dbus_message_demarshal_bytes_needed(const char* buf, int len) {
  if (len < 0) return -1;
  if (len == 0) return 0;
  DG_RETURN_VAL_IF_FAIL(buf != NULL, 0);
  dg::Validity invalid;
  const std::size_t size = dg::wire_message_size(
      {reinterpret_cast<const std::byte*>(buf), static_cast<std::size_t>(len)},
      DBUS_MAXIMUM_MESSAGE_LENGTH, &invalid);
  return invalid == dg::Validity::Valid ? static_cast<int>(size) : -1;
}

}  // extern "C"
