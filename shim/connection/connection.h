// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusConnection: message queues in both directions over one transport, and everything that hangs on
// them: serials, pending calls, filters, object paths, watches and time-outs, dispatch.
//
// Locks. mutex_ protects all state and serialises the transport, whose calls don't block. It is never
// held while application code runs (handlers, filters, notify functions, watch, time-out, wake-up and
// dispatch-status functions, free functions) nor while a thread waits. Waiting for the peer is done
// by one thread at a time (poller_), which polls without the lock; the others wait on progress_ and
// one of them takes over when the poller leaves. A thread that only waits to write polls by itself.
//
// Life. The application and pending calls hold references; a shared connection is also held by the
// registry (registry.h) until it is disconnected. A watch or time-out points back without a
// reference: its handler takes one while it runs.
#pragma once

#include <dbus/dbus.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/data_slot.h"
#include "base/mutex.h"
#include "base/refcount.h"
#include "base/unique_fd.h"
#include "connection/filters.h"
#include "connection/object_tree.h"
#include "connection/timeout.h"
#include "connection/watch.h"
#include "message/message.h"
#include "transport/transport.h"

struct DBusConnection {
 public:
  // --- life (connection.cpp, registry.cpp)
  // The caller's reference; null with the error set. shared: an open connection to the same server
  // may be returned.
  static DBusConnection* open(const char* address, bool shared, DBusError* error);
  // A private connection over a transport: what open() ends in, and what a server makes of one that
  // it accepted. Null without memory.
  static DBusConnection* create(std::unique_ptr<dg::Transport> transport) noexcept;
  void ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void unref() noexcept;
  // dbus_connection_close(): warns, and does nothing, when the connection is shared.
  void close();
  // Closes shared connections as well (dbus_shutdown, the registry).
  void disconnect();
  bool is_shared() noexcept;

  // --- state (state.cpp)
  bool is_connected() noexcept;
  bool is_authenticated() noexcept;
  bool is_anonymous() noexcept;
  std::string server_id();
  bool can_send_type(int type) noexcept;
  int fd() noexcept;  // -1 when there is none any more
  bool unix_user(unsigned long* uid) noexcept;
  bool unix_process_id(unsigned long* pid) noexcept;
  void set_unix_user_function(DBusAllowUnixUserFunction function, void* data, DBusFreeFunction free_data);
  void set_windows_user_function(DBusAllowWindowsUserFunction function, void* data, DBusFreeFunction free_data);
  void set_allow_anonymous(bool allow) noexcept;
  void set_exit_on_disconnect(bool exit) noexcept;
  void set_route_peer_messages(bool route) noexcept;
  // Off: Peer.Ping and GetMachineId are not answered by the library.
  void set_builtin_filters_enabled(bool enabled) noexcept;
  void set_max_message_size(long bytes) noexcept;
  long max_message_size() noexcept;
  void set_max_message_unix_fds(long count) noexcept;
  long max_message_unix_fds() noexcept;
  void set_max_received_size(long bytes);
  long max_received_size() noexcept;
  void set_max_received_unix_fds(long count);
  long max_received_unix_fds() noexcept;
  bool set_data(dbus_int32_t slot, void* data, DBusFreeFunction free_data);
  void* data(dbus_int32_t slot) noexcept;

  // --- sending (outgoing.cpp, calls.cpp)
  // Queues and writes what can be written at once. False without memory. After a disconnect true,
  // and the message is dropped.
  bool send(DBusMessage* message, std::uint32_t* serial);
  // *pending null after a disconnect.
  bool send_with_reply(DBusMessage* message, DBusPendingCall** pending, int timeout_ms);
  DBusMessage* send_with_reply_and_block(DBusMessage* message, int timeout_ms, DBusError* error);
  void flush();
  bool has_messages_to_send() noexcept;
  long outgoing_size() noexcept;
  long outgoing_unix_fds() noexcept;

  // --- receiving (incoming.cpp, dispatch.cpp, io.cpp)
  bool read_write(int timeout_ms, bool dispatch);
  DBusMessage* borrow_message();
  void return_message(DBusMessage* message);
  void steal_borrowed_message(DBusMessage* message);
  DBusMessage* pop_message();
  DBusDispatchStatus dispatch_status();
  DBusDispatchStatus dispatch();

  // --- main loop (mainloop.cpp)
  bool set_watch_functions(const dg::WatchHooks::Functions& functions);
  bool set_timeout_functions(const dg::TimeoutHooks::Functions& functions);
  void set_wakeup_main_function(DBusWakeupMainFunction function, void* data, DBusFreeFunction free_data);
  void set_dispatch_status_function(DBusDispatchStatusFunction function, void* data,
                                    DBusFreeFunction free_data);

  // --- handlers (dispatch.cpp)
  bool add_filter(DBusHandleMessageFunction function, void* data, DBusFreeFunction free_data);
  void remove_filter(DBusHandleMessageFunction function, void* data);
  bool register_path(const char* path, const DBusObjectPathVTable* vtable, void* data, bool fallback,
                     DBusError* error);
  bool unregister_path(const char* path);
  void* path_data(const char* path);
  char** list_registered(const char* path);  // null without memory

 private:
  friend struct DBusPendingCall;
};
