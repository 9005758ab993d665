// SPDX-License-Identifier: LGPL-2.1-or-later
// ObjectTree: which handler serves which object paths of a connection.
//
// All methods are called with the connection's lock held. Those that run application code take the
// lock as a Lock, drop it meanwhile and hold it again when they return.
//
// A handler may be unregistered at any time, also while it runs. Its unregister function runs at
// once if no other thread is in the handler, and otherwise when that thread has left it, so that
// user data is never freed under a handler.
#pragma once

#include <dbus/dbus.h>

#include <memory>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace dg {

class ObjectTree {
 public:
  ObjectTree() noexcept;
  ~ObjectTree();
  ObjectTree(const ObjectTree&) = delete;
  ObjectTree& operator=(const ObjectTree&) = delete;

  // False with the error set: ObjectPathInUse, or NoMemory. fallback: for the paths below as well.
  bool register_path(const char* path, const DBusObjectPathVTable* vtable, void* user_data,
                     bool fallback, DBusError* error) noexcept;
  // False when nothing is registered there (libdbus warns then, see warn_unregistered).
  bool unregister_path(DBusConnection* connection, const char* path, Lock& lock) noexcept;
  // What libdbus says about unregistering a path that isn't.
  static void warn_unregistered(const char* path) noexcept;
  // Everything, children before parents: the connection's last reference is gone.
  void unregister_all(DBusConnection* connection, Lock& lock) noexcept;

  // The user data registered at exactly this path, or null.
  void* data(const char* path) const noexcept;
  // The names below a path, sorted, as a dbus_malloc'ed vector of strings. Null without memory.
  char** list_children(const char* path) const noexcept;

  // Offers a method call to the handler of its path and then to the fallbacks above it, and
  // answers Introspect for objects whose handlers don't. found_object, when not handled: is there
  // any object at that path (then the error is UnknownMethod, otherwise UnknownObject).
  DBusHandlerResult dispatch(DBusConnection* connection, DBusMessage* message, Lock& lock,
                             bool* found_object) noexcept;

 private:
  struct Handler;
  struct Node;

  Node* find(std::string_view path) const noexcept;
  void prune(Node* node) noexcept;
  static void retire(DBusConnection* connection, std::shared_ptr<Handler> handler,
                     Lock& lock) noexcept;
  static DBusHandlerResult run(DBusConnection* connection, DBusMessage* message,
                               const std::shared_ptr<Handler>& handler, Lock& lock) noexcept;
  DBusHandlerResult introspect(DBusConnection* connection, DBusMessage* message,
                               Lock& lock) const noexcept;

  std::unique_ptr<Node> root_;
};

}  // namespace dg
