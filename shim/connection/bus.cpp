// SPDX-License-Identifier: LGPL-2.1-or-later
// Well-known buses, the connections shared by type, and calls to the bus.
#include "connection/bus.h"

#include <sys/auxv.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

#include "base/error.h"
#include "base/memory.h"
#include "base/mutex.h"
#include "base/refcount.h"
#include "connection/connection.h"
#include "transport/address.h"
#include "transport/genl_bus.h"

namespace dg {
namespace {

constexpr int bus_types = 3;
constexpr char system_bus_socket[] = "unix:path=/run/dbus/system_bus_socket";

// Held while a shared connection is made, Hello included, so that two threads that ask for one get
// the same. Recursive, since watch functions of a connection that another thread shares already may
// run meanwhile.
constinit RecursiveMutex get_mutex;
// Protects what follows; no calls are made under it but ref().
constinit Mutex state_mutex;
// With a reference each, until they are disconnected.
constinit DBusConnection* shared_buses[bus_types] = {};
constinit dbus_int32_t data_slot = -1;
constinit bool shutdown_hooked = false;

// What is known about a connection's bus.
struct BusData {
  Mutex mutex;           // of unique_name
  Mutex register_mutex;  // held while Hello is said, so that it is said once
  mem::String unique_name;
};

void free_bus_data(void* data) { delete static_cast<BusData*>(data); }

// The connection's, made when first needed. Null without memory.
BusData* bus_data(DBusConnection* connection) noexcept {
  const Lock lock(state_mutex);
  if (data_slot < 0 && !dbus_connection_allocate_data_slot(&data_slot)) return nullptr;
  if (void* present = dbus_connection_get_data(connection, data_slot)) {
    return static_cast<BusData*>(present);
  }
  std::unique_ptr<BusData> data(new (std::nothrow) BusData);
  if (!data || !dbus_connection_set_data(connection, data_slot, data.get(), free_bus_data)) {
    return nullptr;
  }
  return data.release();
}

const char* environment(const char* name) noexcept {
  const char* value = ::secure_getenv(name);
  return value && *value ? value : nullptr;
}

// The shared bus of a type is also that of another: a program that a bus started finds it as
// STARTER.
bool same_bus(DBusBusType type, DBusBusType* other) noexcept {
  const char* starter = environment("DBUS_STARTER_BUS_TYPE");
  if (!starter || type != DBUS_BUS_STARTER) return false;
  if (std::strcmp(starter, "session") == 0) *other = DBUS_BUS_SESSION;
  if (std::strcmp(starter, "system") == 0) *other = DBUS_BUS_SYSTEM;
  return *other != type;
}

Ref<DBusConnection> shared_bus(DBusBusType type) noexcept {
  const Lock lock(state_mutex);
  return Ref<DBusConnection>::share(shared_buses[type]);
}

void forget_all(void*) noexcept {
  {
    const Lock lock(state_mutex);
    shutdown_hooked = false;
  }
  for (int type = 0; type < bus_types; ++type) {
    Lock lock(state_mutex);
    DBusConnection* old = std::exchange(shared_buses[type], nullptr);
    lock.unlock();
    if (old) old->unref();
  }
}

void share_bus(DBusBusType type, DBusConnection* connection) noexcept {
  Ref<DBusConnection> reference = Ref<DBusConnection>::share(connection);
  Lock lock(state_mutex);
  if (!shutdown_hooked) shutdown_hooked = mem::at_shutdown(forget_all, nullptr);
  DBusConnection* old = std::exchange(shared_buses[type], reference.release());
  lock.unlock();
  if (old) old->unref();
}

// Connects, registers and leaves one reference with the caller. What fails is closed, also if it
// was to be shared: it has no use without a name.
DBusConnection* connect(DBusBusType type, bool shared, DBusError* error) {
  const std::string address = default_bus_address(type);
  auto connection =
      Ref<DBusConnection>::adopt(DBusConnection::open(address.c_str(), shared, error));
  if (!connection) return nullptr;
  if (!bus_register(connection.get(), error)) {
    connection->disconnect();
    return nullptr;
  }
  connection->set_exit_on_disconnect(true);
  return connection.release();
}

}  // namespace

std::string default_bus_address(DBusBusType type) {
  // The two that have a name in the kernel. STARTER without an address is the session's.
  if (type == DBUS_BUS_STARTER) {
    if (const char* address = environment("DBUS_STARTER_ADDRESS")) return address;
  }
  if (type == DBUS_BUS_SYSTEM) {
    if (const char* address = environment("DBUS_SYSTEM_BUS_ADDRESS")) return address;
    return genl_bus_exists("system") ? "genl:bus=system" : system_bus_socket;
  }
  if (const char* address = environment("DBUS_SESSION_BUS_ADDRESS")) return address;
  const bool has_callers_rights = ::getauxval(AT_SECURE) == 0;
  if (has_callers_rights && genl_bus_exists("session")) return "genl:bus=session";
  const std::string user_bus = user_bus_address();
  return user_bus.empty() ? "autolaunch:" : user_bus;
}

DBusConnection* bus_get(DBusBusType type, bool shared, DBusError* error) {
  if (!shared) return connect(type, false, error);
  const std::lock_guard<RecursiveMutex> one_at_a_time(get_mutex);

  DBusBusType other = type;
  Ref<DBusConnection> connection = shared_bus(type);
  if (!connection && same_bus(type, &other)) connection = shared_bus(other);
  if (connection && connection->is_connected()) return connection.release();

  connection = Ref<DBusConnection>::adopt(connect(type, true, error));
  if (!connection) return nullptr;
  share_bus(type, connection.get());
  if (other != type) share_bus(other, connection.get());
  return connection.release();
}

void bus_forget(DBusConnection* connection) noexcept {
  int references = 0;
  {
    const Lock lock(state_mutex);
    for (DBusConnection*& bus : shared_buses) {
      if (bus != connection) continue;
      bus = nullptr;
      ++references;
    }
  }
  while (references-- > 0) connection->unref();
}

bool bus_register(DBusConnection* connection, DBusError* error) {
  BusData* data = bus_data(connection);
  if (!data) {
    set_oom(error);
    return false;
  }
  const Lock once(data->register_mutex);
  if (bus_unique_name(connection)) return true;
  DBusMessage* reply = bus_call(connection, "Hello", error, DBUS_TYPE_INVALID);
  if (!reply) return false;
  const char* name;
  bool known = dbus_message_get_args(reply, error, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
  if (known && !bus_set_unique_name(connection, name)) {
    set_oom(error);
    known = false;
  }
  dbus_message_unref(reply);
  return known;
}

const char* bus_unique_name(DBusConnection* connection) noexcept {
  BusData* data = bus_data(connection);
  if (!data) return nullptr;
  const Lock lock(data->mutex);
  return data->unique_name.get();
}

bool bus_set_unique_name(DBusConnection* connection, const char* unique_name) noexcept {
  BusData* data = bus_data(connection);
  if (!data) return false;
  mem::String name(mem::strdup(unique_name));
  if (!name) return false;
  const Lock lock(data->mutex);
  // Somebody may be using what bus_unique_name() gave out, so the first one stays.
  if (!data->unique_name) data->unique_name = std::move(name);
  return true;
}

DBusMessage* bus_call(DBusConnection* connection, const char* member, DBusError* error,
                      int first_type, ...) noexcept {
  DBusMessage* call =
      dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, member);
  va_list arguments;
  va_start(arguments, first_type);
  const bool complete = call && dbus_message_append_args_valist(call, first_type, arguments);
  va_end(arguments);
  DBusMessage* reply = nullptr;
  if (complete) {
    reply = dbus_connection_send_with_reply_and_block(connection, call, DBUS_TIMEOUT_USE_DEFAULT,
                                                      error);
  } else {
    set_oom(error);
  }
  if (call) dbus_message_unref(call);
  return reply;
}

bool bus_tell(DBusConnection* connection, const char* member, const char* argument) noexcept {
  DBusMessage* call =
      dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, member);
  if (!call) return false;
  bool sent = dbus_message_append_args(call, DBUS_TYPE_STRING, &argument, DBUS_TYPE_INVALID);
  if (sent) {
    dbus_message_set_no_reply(call, TRUE);
    sent = dbus_connection_send(connection, call, nullptr);
  }
  dbus_message_unref(call);
  return sent;
}

}  // namespace dg
