// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Transport: what carries a connection's messages, whichever way: Generic
// Netlink, a stream socket with SASL, ... One Transport belongs to one
// connection and is used under that connection's I/O lock; it has no lock of
// its own and never blocks. Nothing here throws.
//
// How a connection drives it:
//
//   readable or writable:  if (!authenticated()) handshake();
//   something to send:     send(message) until it says Ok; on WouldBlock wait
//                          for writable and call it with the *same* message
//   readable, or has_pending_input():   receive(list)
//   before it polls:       if (has_pending_input()) receive instead
//   Disconnected from any: close(), local Disconnected signal after everything
//                          that receive() handed over before
#pragma once

#include "message/message_list.h"

namespace dg {

enum class IoStatus { Ok, WouldBlock, Disconnected, NoMemory };

class Transport {
 public:
  virtual ~Transport() = default;

  // Pollable, non-blocking, close-on-exec; -1 when closed.
  virtual int fd() const noexcept = 0;

  // What to poll for, apart from a message that send() left unfinished.
  virtual bool wants_read() const noexcept = 0;
  virtual bool wants_write() const noexcept = 0;

  // receive() has something although fd() may not be readable: a locally
  // made error reply, or bytes read along with the end of authentication.
  virtual bool has_pending_input() const noexcept = 0;

  // genl: true from the start.
  virtual bool authenticated() const noexcept = 0;

  // Drives authentication. Ok: done (or there is none); WouldBlock: wait for
  // what wants_read() and wants_write() say; Disconnected: it failed; NoMemory:
  // it failed too, since what was said can't be asked for again.
  virtual IoStatus handshake() noexcept = 0;

  // One locked message that has its serial. Ok: it is out entirely (genl:
  // always at once). WouldBlock: not or partly out; call again with the same
  // message. Only when authenticated. A message that this transport cannot
  // carry is Ok too: a call that expects a reply gets an error reply, made
  // here and handed over by receive().
  virtual IoStatus send(DBusMessage& message) noexcept = 0;

  // Reads what there is, but a bounded amount a call, and appends the
  // messages in order. Ok: read something, there may be more; WouldBlock:
  // there is no more for now (messages may have been appended all the same);
  // Disconnected: there will never be more; appended ones come first.
  virtual IoStatus receive(MessageList& out) noexcept = 0;

  // Idempotent.
  virtual void close() noexcept = 0;

  // The server's GUID, 32 hexadecimal digits, or "" while unknown.
  virtual const char* guid() const noexcept = 0;

  // May a message hold values of this type (DBUS_TYPE_UNIX_FD)?
  virtual bool can_send_type(int dbus_type) const noexcept = 0;

  // The other side's credentials, as dbus_connection_get_unix_user and
  // friends want them: known on the server's side only, after authentication.
  // (Audit data and Windows SIDs are never known here: the API says so itself.)
  virtual bool unix_user(unsigned long* uid) const noexcept {
    (void)uid;
    return false;
  }
  virtual bool unix_process_id(unsigned long* pid) const noexcept {
    (void)pid;
    return false;
  }
  virtual bool is_anonymous() const noexcept { return false; }
  virtual bool is_server() const noexcept { return false; }

  // The server's side, once handshake() is done: the other side has proven who
  // it is, and is authenticated() when the connection says admit().
  virtual bool awaits_admission() const noexcept { return false; }
  virtual void admit() noexcept {}

  // Back-pressure: while paused, wants_read() is false and receive() reads
  // nothing new from the fd.
  void pause_reading(bool paused) noexcept { paused_ = paused; }
  bool reading_paused() const noexcept { return paused_; }

  // Bounds on what is received; a message beyond them is a protocol error.
  virtual void set_max_message_size(long size) noexcept { max_message_size_ = size; }
  long max_message_size() const noexcept { return max_message_size_; }
  virtual void set_max_message_unix_fds(long n) noexcept { max_message_unix_fds_ = n; }
  long max_message_unix_fds() const noexcept { return max_message_unix_fds_; }

 protected:
  // libdbus's defaults.
  static constexpr long kDefaultMaxMessageSize = 128L * 1024 * 1024;
  static constexpr long kDefaultMaxMessageUnixFds = 16;

 private:
  bool paused_ = false;
  long max_message_size_ = kDefaultMaxMessageSize;
  long max_message_unix_fds_ = kDefaultMaxMessageUnixFds;
};

}  // namespace dg
