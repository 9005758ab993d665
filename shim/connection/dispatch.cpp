// SPDX-License-Identifier: LGPL-2.1-or-later
// Dispatch: one message from the incoming queue to whom it concerns.
//
//   a reply to a pending call:        the call
//   org.freedesktop.DBus.Peer:        answered here (peer.h)
//   anything:                         the filters, until one handles it
//   a method call:                    the object paths, and an error if nobody handles it
#include "connection/connection.h"
#include "connection/local_messages.h"
#include "connection/peer.h"

using dg::Lock;
using dg::Ref;

DBusDispatchStatus DBusConnection::dispatch() {
  // Handlers drop references, of a disconnected connection also the last.
  auto keep = Ref<DBusConnection>::share(this);
  Lock lock(mutex_);
  if (need_memory_ && is_connected()) receive_some(lock);
  if (update_status() == DBUS_DISPATCH_DATA_REMAINS) {
    Dispatching dispatching(*this, lock);
    Ref<DBusMessage> message;
    if (dispatching) message = Ref<DBusMessage>::adopt(incoming_.lend_front());
    if (message) {
      if (DBusPendingCall* call = call_of(*message)) {
        incoming_.keep_no_place();
        complete(lock, call, std::move(message));
      } else {
        settle(lock);
        DBusHandlerResult result = run_handlers(lock, message.get());
        if (result == DBUS_HANDLER_RESULT_NEED_MEMORY) {
          incoming_.take_back(message.release());
        } else {
          incoming_.keep_no_place();
          if (message.get() == disconnect_message_) left_disconnected();
          lock.unlock();
          message.reset();
          lock.lock();
        }
      }
    }
  }
  settle_and_report(lock);
  return update_status();
}

DBusHandlerResult DBusConnection::run_handlers(Lock& lock, DBusMessage* message) {
  if (builtin_filters_) {
    const bool route = route_peer_messages_;
    lock.unlock();
    DBusHandlerResult result = dg::handle_peer_message(this, message, route);
    lock.lock();
    if (result != DBUS_HANDLER_RESULT_NOT_YET_HANDLED) return result;
  }
  if (std::shared_ptr<const dg::FilterList::List> filters = filters_.current()) {
    lock.unlock();
    DBusHandlerResult result = dg::FilterList::run(*filters, this, message);
    filters.reset();
    lock.lock();
    if (result != DBUS_HANDLER_RESULT_NOT_YET_HANDLED) return result;
  }
  if (message->type() != DBUS_MESSAGE_TYPE_METHOD_CALL) return DBUS_HANDLER_RESULT_HANDLED;
  bool found_object = false;
  DBusHandlerResult result = objects_.dispatch(this, message, lock, &found_object);
  if (result != DBUS_HANDLER_RESULT_NOT_YET_HANDLED) return result;
  // libdbus answers also those who said that they want no answer.
  Ref<DBusMessage> reply = dg::make_error_reply(
      message, found_object ? DBUS_ERROR_UNKNOWN_METHOD : DBUS_ERROR_UNKNOWN_OBJECT,
      "Method \"%s\" with signature \"%s\" on interface \"%s\" doesn't exist\n", message->member(),
      message->signature(), message->interface() ? message->interface() : "(null)");
  if (!reply) return DBUS_HANDLER_RESULT_NEED_MEMORY;
  give_serial(reply.get());
  return enqueue(lock, reply.get()) ? DBUS_HANDLER_RESULT_HANDLED : DBUS_HANDLER_RESULT_NEED_MEMORY;
}

bool DBusConnection::add_filter(DBusHandleMessageFunction function, void* data,
                                DBusFreeFunction free_data) {
  Lock lock(mutex_);
  filters_.add(function, data, free_data);
  return true;
}

bool DBusConnection::remove_filter(DBusHandleMessageFunction function, void* data) {
  std::shared_ptr<dg::Filter> removed;
  {
    Lock lock(mutex_);
    removed = filters_.remove(function, data);
  }
  if (!removed) return false;
  removed->data.run();
  return true;
}

bool DBusConnection::register_path(const char* path, const DBusObjectPathVTable* vtable, void* data,
                                   bool fallback, DBusError* error) {
  Lock lock(mutex_);
  return objects_.register_path(path, vtable, data, fallback, error);
}

bool DBusConnection::unregister_path(const char* path) {
  Lock lock(mutex_);
  return objects_.unregister_path(this, path, lock);
}

void* DBusConnection::path_data(const char* path) {
  Lock lock(mutex_);
  return objects_.data(path);
}

char** DBusConnection::list_registered(const char* path) {
  Lock lock(mutex_);
  return objects_.list_children(path);
}
