// SPDX-License-Identifier: LGPL-2.1-or-later
// What a connection knows of itself and its peer, its limits and switches, and its data slots.
#include <climits>

#include "connection/connection.h"

using dg::Lock;

namespace {
// What libdbus leaves in results that it doesn't know, once authentication is over.
constexpr unsigned long kUnknownUid = INT_MAX;
constexpr unsigned long kUnknownPid = ULONG_MAX;
}  // namespace

namespace dg {
std::atomic<bool> change_sigpipe{true};
}

bool DBusConnection::is_authenticated() noexcept {
  Lock lock(mutex_);
  return transport_->authenticated();
}

// A client never has the server's credentials: for libdbus that is an anonymous peer.
bool DBusConnection::is_anonymous() noexcept {
  Lock lock(mutex_);
  return !transport_->is_server() || transport_->is_anonymous();
}

std::string DBusConnection::server_id() {
  Lock lock(mutex_);
  return transport_->guid();
}

bool DBusConnection::can_send_type(int type) noexcept {
  Lock lock(mutex_);
  return type != DBUS_TYPE_UNIX_FD || transport_->can_send_type(type);
}

int DBusConnection::fd() noexcept {
  Lock lock(mutex_);
  return is_connected() ? transport_->fd() : -1;
}

bool DBusConnection::unix_user(unsigned long* uid) noexcept {
  Lock lock(mutex_);
  if (!transport_->authenticated()) return false;
  *uid = kUnknownUid;
  return transport_->unix_user(uid);
}

bool DBusConnection::unix_process_id(unsigned long* pid) noexcept {
  Lock lock(mutex_);
  if (!transport_->authenticated()) return false;
  *pid = kUnknownPid;
  return transport_->unix_process_id(pid);
}

void DBusConnection::set_allow_anonymous(bool allow) noexcept {
  Lock lock(mutex_);
  allow_anonymous_ = allow;
}

void DBusConnection::set_exit_on_disconnect(bool exit) noexcept {
  Lock lock(mutex_);
  exit_on_disconnect_ = exit;
}

void DBusConnection::set_route_peer_messages(bool route) noexcept {
  Lock lock(mutex_);
  route_peer_messages_ = route;
}

void DBusConnection::set_builtin_filters_enabled(bool enabled) noexcept {
  Lock lock(mutex_);
  builtin_filters_ = enabled;
}

void DBusConnection::set_max_message_size(long bytes) noexcept {
  Lock lock(mutex_);
  transport_->set_max_message_size(bytes);
}

long DBusConnection::max_message_size() noexcept {
  Lock lock(mutex_);
  return transport_->max_message_size();
}

void DBusConnection::set_max_message_unix_fds(long count) noexcept {
  Lock lock(mutex_);
  transport_->set_max_message_unix_fds(count);
}

long DBusConnection::max_message_unix_fds() noexcept {
  Lock lock(mutex_);
  return transport_->max_message_unix_fds();
}

void DBusConnection::set_max_received_size(long bytes) {
  Lock lock(mutex_);
  received_counter_->max_bytes = bytes;
  check_received_limits();
  settle(lock);
}

long DBusConnection::max_received_size() noexcept {
  Lock lock(mutex_);
  return received_counter_->max_bytes;
}

void DBusConnection::set_max_received_unix_fds(long count) {
  Lock lock(mutex_);
  received_counter_->max_fds = count;
  check_received_limits();
  settle(lock);
}

long DBusConnection::max_received_unix_fds() noexcept {
  Lock lock(mutex_);
  return received_counter_->max_fds;
}

bool DBusConnection::set_data(dbus_int32_t slot, void* data, DBusFreeFunction free_data) {
  return slots_.set(mutex_, slot, data, free_data);
}

void* DBusConnection::data(dbus_int32_t slot) noexcept {
  Lock lock(mutex_);
  return slots_.get(slot);
}
