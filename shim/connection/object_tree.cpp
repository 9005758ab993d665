// SPDX-License-Identifier: LGPL-2.1-or-later
// The tree has a node for each path that has a handler and for the paths above it. Handlers are
// shared with the dispatches that are under way, which run without the lock.
#include "connection/object_tree.h"

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

namespace dg {

// All members are protected by the connection's lock.
struct ObjectTree::Handler {
  DBusObjectPathVTable vtable;
  void* user_data;
  bool registered = true;
  bool retired = false;  // its unregister function has been called
  // Threads that are in it. Usually one at most: dispatches of one connection take turns.
  std::vector<pthread_t> runners;
};

struct ObjectTree::Node {
  std::string name;
  Node* parent = nullptr;
  std::vector<std::unique_ptr<Node>> children;  // sorted by name
  std::shared_ptr<Handler> handler;
  // Does it stand for the paths below it too? Like libdbus's, it keeps what it was last told when
  // it is unregistered, and the root stands for everything until it is told otherwise: without
  // that, callers of an application that registers no root would get UnknownObject instead of
  // UnknownMethod.
  bool fallback = false;

  auto lower_bound(std::string_view child) const noexcept {
    return std::lower_bound(children.begin(), children.end(), child,
                            [](const std::unique_ptr<Node>& node, std::string_view wanted) {
                              return node->name < wanted;
                            });
  }
  Node* child(std::string_view wanted) const noexcept {
    const auto found = lower_bound(wanted);
    return found != children.end() && (*found)->name == wanted ? found->get() : nullptr;
  }
  Node* add_child(std::string_view wanted) {
    if (Node* present = child(wanted)) return present;
    auto node = std::make_unique<Node>();
    node->name = wanted;
    node->parent = this;
    return children.insert(lower_bound(wanted), std::move(node))->get();
  }
};

namespace {

// Takes the next element off a path: "/a/b" gives "a", then "b", then "".
std::string_view next_element(std::string_view* path) noexcept {
  while (!path->empty() && path->front() == '/') path->remove_prefix(1);
  const std::string_view element = path->substr(0, path->find('/'));
  path->remove_prefix(element.size());
  return element;
}

// The interface of a method call may be left out.
bool is_introspect(DBusMessage* message) noexcept {
  return dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_METHOD_CALL &&
         dbus_message_has_member(message, "Introspect") &&
         (!dbus_message_get_interface(message) ||
          dbus_message_has_interface(message, DBUS_INTERFACE_INTROSPECTABLE));
}

}  // namespace

ObjectTree::ObjectTree() noexcept = default;
ObjectTree::~ObjectTree() = default;

bool ObjectTree::register_path(const char* path, const DBusObjectPathVTable* vtable,
                               void* user_data, bool fallback, DBusError* error) noexcept {
  Node* node = nullptr;
  try {
    // Most connections have no objects at all.
    if (!root_) {
      root_ = std::make_unique<Node>();
      root_->fallback = true;
    }
    node = root_.get();
    std::string_view rest = path;
    for (std::string_view name = next_element(&rest); !name.empty(); name = next_element(&rest)) {
      node = node->add_child(name);
    }
    if (node->handler) {
      set_error(error, DBUS_ERROR_OBJECT_PATH_IN_USE, "A handler is already registered for %s",
                path);
      return false;
    }
    node->handler = std::make_shared<Handler>();
  } catch (const std::bad_alloc&) {
    if (node) prune(node);
    set_oom(error);
    return false;
  }
  node->handler->vtable = *vtable;
  node->handler->user_data = user_data;
  node->fallback = fallback;
  return true;
}

ObjectTree::Node* ObjectTree::find(std::string_view path) const noexcept {
  Node* node = root_.get();
  for (std::string_view name = next_element(&path); node && !name.empty();
       name = next_element(&path)) {
    node = node->child(name);
  }
  return node;
}

// Removes a node that serves nothing, and those above it but the root.
void ObjectTree::prune(Node* node) noexcept {
  while (!node->handler && node->children.empty()) {
    Node* parent = node->parent;
    if (!parent) return;
    parent->children.erase(parent->lower_bound(node->name));
    node = parent;
  }
}

bool ObjectTree::unregister_path(DBusConnection* connection, const char* path,
                                 Lock& lock) noexcept {
  Node* node = find(path);
  if (!node || !node->handler) return false;
  std::shared_ptr<Handler> handler = std::move(node->handler);
  prune(node);
  retire(connection, std::move(handler), lock);
  return true;
}

void ObjectTree::warn_unregistered(const char* path) noexcept {
  // Written as libdbus writes it: path[0] = a path[1] = b path[2] = null.
  char text[512] = "";
  std::size_t used = 0;
  int index = 0;
  std::string_view rest = path;
  for (std::string_view name = next_element(&rest); !name.empty(); name = next_element(&rest)) {
    const int size = std::snprintf(text + used, sizeof text - used, "path[%d] = %.*s ", index++,
                                   static_cast<int>(name.size()), name.data());
    if (size < 0 || used + static_cast<std::size_t>(size) >= sizeof text) break;
    used += static_cast<std::size_t>(size);
  }
  warn("Attempted to unregister path (%spath[%d] = null) which isn't registered", text, index);
}

void ObjectTree::unregister_all(DBusConnection* connection, Lock& lock) noexcept {
  // Application code runs between the steps, so that the tree is looked at afresh each time.
  while (root_ && (root_->handler || !root_->children.empty())) {
    Node* node = root_.get();
    while (!node->children.empty()) node = node->children.back().get();
    std::shared_ptr<Handler> handler = std::move(node->handler);
    prune(node);
    if (handler) retire(connection, std::move(handler), lock);
  }
}

// Calls the unregister function, or leaves that to the other thread that is in the handler.
void ObjectTree::retire(DBusConnection* connection, std::shared_ptr<Handler> handler,
                        Lock& lock) noexcept {
  handler->registered = false;
  const pthread_t self = pthread_self();
  for (const pthread_t runner : handler->runners) {
    if (!pthread_equal(runner, self)) return;
  }
  if (std::exchange(handler->retired, true) || !handler->vtable.unregister_function) return;
  lock.unlock();
  handler->vtable.unregister_function(connection, handler->user_data);
  lock.lock();
}

DBusHandlerResult ObjectTree::run(DBusConnection* connection, DBusMessage* message,
                                  const std::shared_ptr<Handler>& handler, Lock& lock) noexcept {
  if (!handler->registered || !handler->vtable.message_function) {
    return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
  }
  const pthread_t self = pthread_self();
  try {
    handler->runners.push_back(self);
  } catch (const std::bad_alloc&) {
    return DBUS_HANDLER_RESULT_NEED_MEMORY;
  }
  lock.unlock();
  const DBusHandlerResult result =
      handler->vtable.message_function(connection, message, handler->user_data);
  lock.lock();
  const auto own = std::find_if(handler->runners.begin(), handler->runners.end(),
                                [self](pthread_t runner) { return pthread_equal(runner, self); });
  handler->runners.erase(own);
  if (!handler->registered && handler->runners.empty()) retire(connection, handler, lock);
  return result;
}

void* ObjectTree::data(const char* path) const noexcept {
  const Node* node = find(path);
  return node && node->handler ? node->handler->user_data : nullptr;
}

char** ObjectTree::list_children(const char* path) const noexcept {
  const Node* node = find(path);
  const std::size_t count = node ? node->children.size() : 0;
  char** names = static_cast<char**>(mem::alloc0((count + 1) * sizeof(char*)));
  if (!names) return nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    names[i] = mem::strndup(node->children[i]->name);
    if (!names[i]) {
      mem::free_string_array(names);
      return nullptr;
    }
  }
  return names;
}

DBusHandlerResult ObjectTree::dispatch(DBusConnection* connection, DBusMessage* message, Lock& lock,
                                       bool* found_object) noexcept {
  *found_object = false;
  const char* path = dbus_message_get_path(message);
  if (!path) return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;

  // From the most specific upwards. Few: paths are short, and only fallbacks and one other count.
  std::vector<std::shared_ptr<Handler>> handlers;
  try {
    Node* node = root_.get();
    *found_object = !node;
    std::string_view rest = path;
    std::string_view name = next_element(&rest);
    for (; node && !name.empty(); name = next_element(&rest)) {
      if (node->fallback) {
        *found_object = true;
        if (node->handler) handlers.push_back(node->handler);
      }
      node = node->child(name);
    }
    if (node) {
      *found_object = true;
      if (node->handler) handlers.push_back(node->handler);
    }
  } catch (const std::bad_alloc&) {
    return DBUS_HANDLER_RESULT_NEED_MEMORY;
  }
  for (auto handler = handlers.rbegin(); handler != handlers.rend(); ++handler) {
    const DBusHandlerResult result = run(connection, message, *handler, lock);
    if (result != DBUS_HANDLER_RESULT_NOT_YET_HANDLED) return result;
  }
  return is_introspect(message) ? introspect(connection, message, lock)
                                : DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

DBusHandlerResult ObjectTree::introspect(DBusConnection* connection, DBusMessage* message,
                                         Lock& lock) const noexcept {
  std::string xml;
  try {
    xml = DBUS_INTROSPECT_1_0_XML_DOCTYPE_DECL_NODE "<node>\n";
    if (const Node* node = find(dbus_message_get_path(message))) {
      for (const auto& child : node->children) xml += "  <node name=\"" + child->name + "\"/>\n";
    }
    xml += "</node>\n";
  } catch (const std::bad_alloc&) {
    return DBUS_HANDLER_RESULT_NEED_MEMORY;
  }
  lock.unlock();
  DBusHandlerResult result = DBUS_HANDLER_RESULT_NEED_MEMORY;
  const char* text = xml.c_str();
  if (DBusMessage* reply = dbus_message_new_method_return(message)) {
    if (dbus_message_append_args(reply, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID) &&
        dbus_connection_send(connection, reply, nullptr)) {
      result = DBUS_HANDLER_RESULT_HANDLED;
    }
    dbus_message_unref(reply);
  }
  lock.lock();
  return result;
}

}  // namespace dg
