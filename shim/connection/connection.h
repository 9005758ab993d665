// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusConnection: message queues in both directions over one transport, and everything that hangs
// on them: serials, pending calls, filters, object paths, watches and time-outs, dispatch.
//
// Locks. mutex_ protects all state and serialises the transport, whose calls don't block. It is
// never held while application code runs (handlers, filters, notify functions, watch, time-out,
// wake-up and dispatch-status functions, free functions), nor while a message's last reference is
// dropped, nor while a thread waits. What the application has to be told is noted under the lock
// and told by settle(), which drops it.
//
// Waiting. One thread at a time waits for the peer (polling_), without the lock; the others wait on
// progress_, and one of them takes over when it leaves. Who changes what the poller should wait
// for, or reads what it waits for, kicks it through wake_fd_, which exists once there are threads.
//
// Dispatch. One thread at a time is in dispatch (and its handlers), so that messages are handled in
// order; it may nest: handlers may block for replies, pop messages and dispatch.
//
// Life. The application and pending calls hold references; a shared connection is also held by the
// registry (registry.h) until it is disconnected. A watch or time-out points back without a
// reference: its handler takes one while it runs.
#pragma once

#include <dbus/dbus.h>
#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/data_slot.h"
#include "base/mutex.h"
#include "base/refcount.h"
#include "base/unique_fd.h"
#include "connection/filters.h"
#include "connection/object_tree.h"
#include "connection/pending_table.h"
#include "connection/received_counter.h"
#include "connection/timeout.h"
#include "connection/watch.h"
#include "message/message.h"
#include "message/message_list.h"
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
  // A reference unless the last is gone already.
  bool try_ref() noexcept;
  void unref() noexcept;
  // The caller's is the only one.
  bool has_one_reference() const noexcept {
    return references_.load(std::memory_order_acquire) == 1;
  }
  // dbus_connection_close(): warns, and does nothing, when the connection is shared.
  void close();
  // Closes shared connections as well (dbus_shutdown, the registry).
  void disconnect();
  bool is_shared() const noexcept { return shared_.load(std::memory_order_acquire); }

  // --- state (state.cpp)
  bool is_connected() const noexcept { return connected_.load(std::memory_order_acquire); }
  bool is_authenticated() noexcept;
  bool is_anonymous() noexcept;
  std::string server_id();  // "" while unknown
  bool can_send_type(int type) noexcept;
  int fd() noexcept;  // -1 when there is none any more
  bool unix_user(unsigned long* uid) noexcept;
  bool unix_process_id(unsigned long* pid) noexcept;
  void set_unix_user_function(DBusAllowUnixUserFunction function, void* data,
                              DBusFreeFunction free_data);
  void set_windows_user_function(DBusAllowWindowsUserFunction function, void* data,
                                 DBusFreeFunction free_data);
  void set_allow_anonymous(bool allow) noexcept;
  void set_exit_on_disconnect(bool exit) noexcept;
  void set_route_peer_messages(bool route) noexcept;
  // Off: Peer.Ping and GetMachineId are not answered by the library.
  void set_builtin_filters_enabled(bool enabled) noexcept;
  void set_shared(bool shared) noexcept { shared_.store(shared, std::memory_order_release); }
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
  // Queues and writes what can be written at once. False without memory, or if the transport can't
  // carry the message's descriptors. After a disconnect true, and the message is dropped.
  bool send(DBusMessage* message, std::uint32_t* serial);
  // *pending is null after a disconnect; pending itself may be null. timeout_ms as DBusPendingCall.
  bool send_with_reply(DBusMessage* message, DBusPendingCall** pending, int timeout_ms);
  DBusMessage* send_with_reply_and_block(DBusMessage* message, int timeout_ms, DBusError* error);
  void flush();
  bool has_messages_to_send() noexcept;
  long outgoing_size() noexcept;
  long outgoing_unix_fds() noexcept;
  // Room for a message, so that sending it can't fail. False without memory.
  bool preallocate_send() noexcept;
  void free_preallocated_send() noexcept;
  void send_preallocated(DBusMessage* message, std::uint32_t* serial);

  // --- receiving (incoming.cpp, dispatch.cpp, io.cpp)
  bool read_write(int timeout_ms, bool dispatch);
  DBusMessage* borrow_message();
  bool has_borrowed(const DBusMessage* message) noexcept;
  void return_message();
  void steal_borrowed_message(DBusMessage* message);
  DBusMessage* pop_message();
  DBusDispatchStatus dispatch_status();
  DBusDispatchStatus dispatch();

  // Messages were dropped: reading goes on if enough of them are gone.
  void resume_reading();

  // --- main loop (mainloop.cpp)
  bool set_watch_functions(const dg::WatchHooks::Functions& functions);
  bool set_timeout_functions(const dg::TimeoutHooks::Functions& functions);
  void set_wakeup_main_function(DBusWakeupMainFunction function, void* data,
                                DBusFreeFunction free_data);
  void set_dispatch_status_function(DBusDispatchStatusFunction function, void* data,
                                    DBusFreeFunction free_data);

  // --- handlers (dispatch.cpp)
  bool add_filter(DBusHandleMessageFunction function, void* data, DBusFreeFunction free_data);
  // False when there is none such.
  bool remove_filter(DBusHandleMessageFunction function, void* data);
  bool register_path(const char* path, const DBusObjectPathVTable* vtable, void* data,
                     bool fallback, DBusError* error);
  bool unregister_path(const char* path);
  void* path_data(const char* path);
  char** list_registered(const char* path);  // null without memory

 private:
  friend struct DBusPendingCall;

  explicit DBusConnection(std::unique_ptr<dg::Transport> transport);
  ~DBusConnection();
  bool create_watches() noexcept;

  // Tells the application what was noted under the lock. The second also reports a change of the
  // dispatch status and, when the disconnection has been processed, exits if that is wanted.
  void settle(dg::Lock& lock);
  void settle_and_report(dg::Lock& lock);
  // The dispatch status; queues what a disconnection leaves behind once everything before it is
  // gone.
  DBusDispatchStatus update_status() noexcept;
  void queue_disconnect_messages() noexcept;

  // --- outgoing.cpp
  bool can_carry(const DBusMessage& message) const noexcept;
  void give_serial(DBusMessage* message) noexcept;
  bool enqueue(dg::Lock& lock, DBusMessage* message);
  void write_some(dg::Lock& lock);
  void drop_outgoing() noexcept;

  // --- io.cpp
  static constexpr int kNoMemoryMs = 10;  // until something is tried again that there was none for
  // Goes on with authentication; false when that has ended the connection. authenticate() lets a
  // server's application admit the other side then.
  bool shake_hands(dg::Lock& lock);
  bool authenticate(dg::Lock& lock);
  // The server's side: may the other side, whose identity is proven, connect? Asks the application.
  bool admits_peer(dg::Lock& lock);
  void do_io(dg::Lock& lock, bool readable, bool writable, bool hangup);
  // Waits until the deadline for something to happen; returns after any progress.
  void wait_io(dg::Lock& lock, std::int64_t deadline_ms);
  void made_progress() noexcept;
  void kick_poller() noexcept;
  short wanted_events() const noexcept;
  void receive_some(dg::Lock& lock);
  void take_received() noexcept;
  void update_watches() noexcept;
  void check_received_limits() noexcept;
  void lost_connection(dg::Lock& lock);
  static bool on_watch(void* self, unsigned int condition);
  void note_received(DBusMessage* message) noexcept;
  void stop_timeout(DBusPendingCall* call) noexcept;
  bool queue_local(dg::Ref<DBusMessage> message) noexcept;

  // --- calls.cpp
  // The pending call that a message is the reply to, or null.
  DBusPendingCall* call_of(const DBusMessage& message) const noexcept;
  void wait_for_reply(dg::Lock& lock, DBusPendingCall* call, bool may_have_none);
  dg::Ref<DBusMessage> take_queued_reply(DBusPendingCall* call) noexcept;
  void complete(dg::Lock& lock, DBusPendingCall* call, dg::Ref<DBusMessage> reply);
  // Sends, and puts the call into the table. False without memory, or if the application's main
  // loop refuses the time-out.
  bool start_call(dg::Lock& lock, DBusMessage* message, DBusPendingCall* call);
  bool expire(DBusPendingCall* call);

  // --- incoming.cpp
  // Holds the right to take messages from the queue, which is with one thread at a time.
  class Dispatching {
   public:
    Dispatching(DBusConnection& connection, dg::Lock& lock);
    ~Dispatching();
    // False when this thread itself has borrowed the first message: nothing may be taken.
    explicit operator bool() const noexcept { return free_; }

   private:
    DBusConnection& connection_;
    bool free_;
  };
  void end_borrow() noexcept;
  void left_disconnected() noexcept;

  // --- dispatch.cpp
  DBusHandlerResult run_handlers(dg::Lock& lock, DBusMessage* message);

  mutable dg::Mutex mutex_;
  dg::CondVar progress_;
  dg::CondVar dispatch_free_;
  std::atomic<int> references_{1};
  std::atomic<bool> connected_{true};
  std::atomic<bool> shared_{false};

  const std::unique_ptr<dg::Transport> transport_;
  dg::Ref<DBusWatch> write_watch_;
  dg::Ref<DBusWatch> read_watch_;
  dg::WatchHooks watches_;
  dg::TimeoutHooks timeouts_;

  dg::MessageList outgoing_;
  long outgoing_bytes_ = 0;
  long outgoing_fds_ = 0;
  std::size_t preallocated_ = 0;
  std::uint32_t next_serial_ = 1;

  dg::MessageList received_;  // from the transport, not yet in incoming_ (memory was short)
  dg::MessageList incoming_;
  dg::Ref<dg::ReceivedCounter> received_counter_;
  DBusMessage* borrowed_ = nullptr;
  pthread_t borrower_{};
  dg::PendingTable pending_;
  // To unref once unlocked.
  dg::MessageList gone_;
  DBusPendingCall* gone_calls_ = nullptr;

  bool polling_ = false;
  bool kicked_ = false;
  short polled_events_ = 0;
  dg::UniqueFd wake_fd_;
  unsigned wake_fd_forks_ = 0;

  int dispatching_ = 0;  // depth
  pthread_t dispatcher_{};
  DBusDispatchStatus reported_status_ = DBUS_DISPATCH_COMPLETE;
  bool need_memory_ = false;
  bool lost_for_memory_ = false;  // why it is disconnected
  bool disconnect_queued_ = false;
  DBusMessage* disconnect_message_ = nullptr;  // while it is in incoming_
  bool disconnect_processed_ = false;
  bool exit_due_ = false;  // it has just been processed
  bool leave_registry_ = false;
  bool exit_on_disconnect_ = false;
  bool route_peer_messages_ = false;
  bool builtin_filters_ = true;
  bool allow_anonymous_ = false;
  bool admitting_ = false;  // a thread asks the application
  bool wakeup_needed_ = false;

  template <typename Function>
  struct Hook {
    Function function = nullptr;
    dg::SlotList::Entry data;
  };
  template <typename Function>
  void set_hook(Hook<Function> DBusConnection::*hook, Function function, void* data,
                DBusFreeFunction free_data);
  Hook<DBusWakeupMainFunction> wakeup_main_;
  Hook<DBusDispatchStatusFunction> status_function_;
  Hook<DBusAllowUnixUserFunction> unix_user_function_;
  Hook<DBusAllowWindowsUserFunction> windows_user_function_;

  dg::FilterList filters_;
  dg::ObjectTree objects_;
  dg::SlotList slots_;
};

namespace dg {
extern SlotAllocator connection_slots;
// Off by dbus_connection_set_change_sigpipe(FALSE).
extern std::atomic<bool> change_sigpipe;
}  // namespace dg
