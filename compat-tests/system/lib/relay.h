// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * relay.h - a node that hands calls on from one connection to another
 *
 * Relay(route, trail, body[, fd]) goes to the node whose letter is first in the route, by way of
 * the hub. Each node adds its letter to the trail and writes it into the fd; the last answers
 * with trail and body, and the answers go all the way back. Public API only.
 */
#pragma once

#include <dbus/dbus.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace dg::test {

constexpr char NODE_INTERFACE[] = "three.Node";
constexpr char NODE_NAME[] = "three.Hub";
constexpr char HUB = 'H';
constexpr int NODE_TIMEOUT_MS = 120000;

class Node {
 public:
  struct Link {
    DBusConnection* c = nullptr;
    std::string destination;  // "" where there is no bus between
  };
  // What comes of a call that began here.
  struct Result {
    std::atomic<bool> done{false};
    std::string error, trail, body;
  };

  explicit Node(char letter) : letter_(letter) {}
  ~Node() {
    for (auto& [letter, l] : links_) dbus_connection_unref(l.c);
  }
  Node(const Node&) = delete;

  void serve(DBusConnection* c) { dbus_connection_add_filter(c, filter, this, nullptr); }
  void set_link(char letter, DBusConnection* c, const char* destination) {
    std::lock_guard lock(mutex_);
    Link& l = links_[letter];
    if (l.c) dbus_connection_unref(l.c);
    l = {dbus_connection_ref(c), destination ? destination : ""};
  }
  Link link(char letter) {
    std::lock_guard lock(mutex_);
    auto i = links_.find(letter);
    return i == links_.end() ? Link() : i->second;
  }
  size_t links() {
    std::lock_guard lock(mutex_);
    return links_.size();
  }
  std::string heard() {
    std::lock_guard lock(mutex_);
    return heard_;
  }
  bool lost(DBusConnection* c) {
    std::lock_guard lock(mutex_);
    return lost_.contains(c);
  }

  std::shared_ptr<Result> begin(const std::string& route, const std::string& body, int fd = -1) {
    auto result = std::make_shared<Result>();
    forward(nullptr, nullptr, result, route, "", body, fd);
    return result;
  }
  // One signal for each link: a broadcast, where there is a bus.
  void shout(const char* text) {
    std::lock_guard lock(mutex_);
    for (auto& [letter, l] : links_) {
      DBusMessage* m = dbus_message_new_signal("/node", NODE_INTERFACE, "Shout");
      dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
      dbus_connection_send(l.c, m, nullptr);
      dbus_message_unref(m);
    }
  }
  static DBusMessage* call_to(const Link& l, const char* member) {
    return dbus_message_new_method_call(l.destination.empty() ? nullptr : l.destination.c_str(),
                                        "/node", NODE_INTERFACE, member);
  }

 private:
  // A call that was handed on: what is to be answered, here or to whom it came from.
  struct Handed {
    Handed(DBusConnection* c, DBusMessage* m, std::shared_ptr<Result> r)
        : from(c ? dbus_connection_ref(c) : nullptr),
          call(m ? dbus_message_ref(m) : nullptr),
          result(std::move(r)) {}
    Handed(const Handed&) = delete;
    ~Handed() {
      if (call) dbus_message_unref(call);
      if (from) dbus_connection_unref(from);
    }
    DBusConnection* from;
    DBusMessage* call;
    std::shared_ptr<Result> result;
    std::atomic<bool> answered{false};
  };

  static DBusHandlerResult filter(DBusConnection* c, DBusMessage* m, void* data) {
    auto& node = *static_cast<Node*>(data);
    if (dbus_message_is_method_call(m, NODE_INTERFACE, "Relay")) {
      node.relay(c, m);
    } else if (dbus_message_is_method_call(m, NODE_INTERFACE, "Ready")) {
      const char* letter = nullptr;
      dbus_message_get_args(m, nullptr, DBUS_TYPE_STRING, &letter, DBUS_TYPE_INVALID);
      node.set_link(*letter, c, dbus_message_get_sender(m));
      reply(c, dbus_message_new_method_return(m));
    } else if (dbus_message_is_signal(m, NODE_INTERFACE, "Shout")) {
      const char* text = nullptr;
      dbus_message_get_args(m, nullptr, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
      const std::string echo = std::string(1, node.letter_) + text;
      text = echo.c_str();
      DBusMessage* back = call_to(node.link(HUB), "Heard");
      dbus_message_append_args(back, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
      dbus_message_set_no_reply(back, TRUE);
      reply(c, back);
    } else if (dbus_message_is_method_call(m, NODE_INTERFACE, "Heard")) {
      const char* text = nullptr;
      dbus_message_get_args(m, nullptr, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
      std::lock_guard lock(node.mutex_);
      node.heard_ += text;
    } else if (dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected")) {
      std::lock_guard lock(node.mutex_);
      node.lost_[c] = true;
    } else {
      return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
    }
    return DBUS_HANDLER_RESULT_HANDLED;
  }

  static void reply(DBusConnection* c, DBusMessage* m) {
    dbus_connection_send(c, m, nullptr);
    dbus_message_unref(m);
  }

  void relay(DBusConnection* c, DBusMessage* m) {
    const char *route = nullptr, *trail = nullptr, *data = nullptr;
    int n = 0, fd = -1;
    bool read =
        dbus_message_get_args(m, nullptr, DBUS_TYPE_STRING, &route, DBUS_TYPE_STRING, &trail,
                              DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &data, &n, DBUS_TYPE_INVALID);
    if (read && dbus_message_contains_unix_fds(m))
      read = dbus_message_get_args(m, nullptr, DBUS_TYPE_STRING, &route, DBUS_TYPE_STRING, &trail,
                                   DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &data, &n, DBUS_TYPE_UNIX_FD,
                                   &fd, DBUS_TYPE_INVALID);
    if (!read) return reply(c, dbus_message_new_error(m, "three.Unreadable", ""));
    std::string so_far = trail;
    const std::string body(data, static_cast<size_t>(n));
    if (letter_ != HUB) {
      so_far += letter_;
      if (fd >= 0 && write(fd, &letter_, 1) != 1) so_far += '!';
    }
    if (letter_ != HUB && !*route) {
      DBusMessage* answer = dbus_message_new_method_return(m);
      append_result(answer, so_far, body);
      reply(c, answer);
    } else {
      forward(c, m, nullptr, route, so_far, body, fd);
    }
    if (fd >= 0) close(fd);
  }

  static void append_result(DBusMessage* m, const std::string& trail, const std::string& body) {
    const char *text = trail.c_str(), *data = body.data();
    dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &data,
                             static_cast<int>(body.size()), DBUS_TYPE_INVALID);
  }

  // The hub knows where the first of the route is; the others let the hub look.
  void forward(DBusConnection* from, DBusMessage* call, std::shared_ptr<Result> result,
               const std::string& route, const std::string& trail, const std::string& body,
               int fd) {
    auto handed = std::make_shared<Handed>(from, call, std::move(result));
    const bool is_hub = letter_ == HUB;
    const Link next = link(!is_hub ? HUB : route.empty() ? '?' : route[0]);
    if (!next.c) return answer(*handed, nullptr);
    const std::string rest = is_hub ? route.substr(1) : route;
    DBusMessage* m = call_to(next, "Relay");
    const char* text = rest.c_str();
    dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
    append_result(m, trail, body);
    if (fd >= 0 && dbus_connection_can_send_type(next.c, DBUS_TYPE_UNIX_FD))
      dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
    DBusPendingCall* pending = nullptr;
    dbus_connection_send_with_reply(next.c, m, &pending, NODE_TIMEOUT_MS);
    dbus_message_unref(m);
    if (!pending) return answer(*handed, nullptr);
    const auto notify = [](DBusPendingCall* p, void* data) {
      answer(**static_cast<std::shared_ptr<Handed>*>(data), p);
    };
    dbus_pending_call_set_notify(pending, notify, new std::shared_ptr<Handed>(handed),
                                 [](void* d) { delete static_cast<std::shared_ptr<Handed>*>(d); });
    // Another thread may have been quicker.
    if (dbus_pending_call_get_completed(pending)) answer(*handed, pending);
    dbus_pending_call_unref(pending);
  }

  static void answer(Handed& handed, DBusPendingCall* pending) {
    if (handed.answered.exchange(true)) return;
    DBusMessage* got = pending ? dbus_pending_call_steal_reply(pending) : nullptr;
    const char *trail = "", *data = nullptr;
    int n = 0;
    std::string error = got ? "" : "three.NotSent";
    if (got && dbus_message_get_type(got) == DBUS_MESSAGE_TYPE_ERROR)
      error = dbus_message_get_error_name(got);
    else if (got && !dbus_message_get_args(got, nullptr, DBUS_TYPE_STRING, &trail, DBUS_TYPE_ARRAY,
                                           DBUS_TYPE_BYTE, &data, &n, DBUS_TYPE_INVALID))
      error = "three.Unreadable";
    const std::string body(data ? data : "", static_cast<size_t>(n));
    if (handed.call) {
      DBusMessage* m = error.empty() ? dbus_message_new_method_return(handed.call)
                                     : dbus_message_new_error(handed.call, error.c_str(), "");
      if (error.empty()) append_result(m, trail, body);
      reply(handed.from, m);
    } else {
      handed.result->error = error;
      handed.result->trail = trail;
      handed.result->body = body;
      handed.result->done = true;
    }
    if (got) dbus_message_unref(got);
  }

  const char letter_;
  std::mutex mutex_;
  std::map<char, Link> links_;
  std::map<DBusConnection*, bool> lost_;
  std::string heard_;
};

}  // namespace dg::test
