// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * bus_oom.cpp - a bus, when memory is short
 *
 * bus_oom ADDRESS [BUS]: dbus_bus_get() of ADDRESS, names, matches, calls, and messages with a
 * large body and an fd to oneself, with each allocation of the process in turn failing, alone and
 * with the next few: the library's, the C++ library's, libnl's, the C library's. What fails says
 * so, and succeeds when it is tried again; no message is lost or comes twice; no block and no fd is
 * left. With BUS the address is of that bus in the kernel, made here.
 */
#include <dbus/dbus.h>

#include <csignal>
#include <cstring>

#include "files.h"
#include "tap.h"

// The process's own: what is allocated while `armed` is on, in this thread, may fail.
namespace {

struct {
  bool armed, failed;
  unsigned left, in_a_row;
  long live;
} memory;

thread_local bool is_tester;

bool fails() {
  if (!memory.armed || !is_tester || memory.in_a_row == 0) return false;
  if (!memory.failed && --memory.left > 0) return false;
  memory.failed = true;
  --memory.in_a_row;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void __libc_free(void*);

void* malloc(size_t size) {
  void* p = fails() ? nullptr : __libc_malloc(size);
  memory.live += p != nullptr;
  return p;
}
void* calloc(size_t n, size_t size) {
  void* p = fails() ? nullptr : __libc_calloc(n, size);
  memory.live += p != nullptr;
  return p;
}
void* realloc(void* old, size_t size) {
  if (fails()) return nullptr;
  void* p = __libc_realloc(old, size);
  memory.live += p && !old;
  return p;
}
void free(void* p) {
  memory.live -= p != nullptr;
  __libc_free(p);
}

}  // extern "C"

using namespace dg::test;

namespace {

constexpr int PATIENCE_MS = 20000;

// Runs with failures.
template <typename F>
bool failing(F&& f) {
  memory.armed = true;
  const bool ok = f();
  memory.armed = false;
  return ok;
}

class Walk {
 public:
  Walk(Tap& tap) : tap_(tap) {}

  void all(unsigned in_a_row) {
    unsigned n = 1;
    for (; n < 20000 && !tap_.failed(); ++n) {
      memory.left = n;
      memory.in_a_row = in_a_row;
      memory.failed = false;
      n_ = n;
      const int fds = open_fds();
      const long live = memory.live;
      session();
      if (memory.live != live) wrong("%ld blocks are left", memory.live - live);
      if (open_fds() != fds) wrong("%d fds are left", open_fds() - fds);
      if (!memory.failed) break;
    }
    tap_.ok(n > 20 && n < 20000 && !tap_.failed(), "each of %u allocations failed, %u in a row",
            n - 1, in_a_row);
  }
  // What is made once and stays.
  void warm_up() {
    memory.in_a_row = 0;
    for (int i = 0; i < 3; ++i) session();
    tap_.ok(!tap_.failed(), "with enough memory it works");
  }

 private:
  template <typename... A>
  [[gnu::format(printf, 2, 0)]] void wrong(const char* format, A... a) {
    char text[400];
    std::snprintf(text, sizeof text, format, a...);
    tap_.ok(false, "allocation %u: %s", n_, text);
  }

  // The attempt sets the error if and only if it fails, and then for want of memory.
  template <typename F>
  void retry(const char* what, F&& attempt) {
    DBusError error = DBUS_ERROR_INIT;
    if (failing([&] { return attempt(&error); })) {
      if (dbus_error_is_set(&error)) wrong("%s succeeds with an error", what);
      return;
    }
    if (!memory.failed || !dbus_error_has_name(&error, DBUS_ERROR_NO_MEMORY))
      wrong("%s fails: %s", what, error.message);
    dbus_error_free(&error);
    if (!attempt(&error)) wrong("%s fails with memory: %s", what, error.message);
    dbus_error_free(&error);
  }

  void session() {
    DBusConnection* c = nullptr;
    retry("dbus_bus_get", [&](DBusError* e) { return (c = dbus_bus_get(DBUS_BUS_SESSION, e)); });
    if (!c) return;
    dbus_connection_set_exit_on_disconnect(c, FALSE);
    DBusConnection* again = nullptr;
    retry("dbus_bus_get again",
          [&](DBusError* e) { return (again = dbus_bus_get(DBUS_BUS_SESSION, e)); });
    if (again != c) wrong("another connection the second time");
    dbus_connection_unref(again);
    const char* name = dbus_bus_get_unique_name(c);
    if (!name) wrong("no name");

    retry("RequestName", [&](DBusError* e) {
      int result = dbus_bus_request_name(c, "oom.Name", DBUS_NAME_FLAG_DO_NOT_QUEUE, e);
      return result == DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER ||
             result == DBUS_REQUEST_NAME_REPLY_ALREADY_OWNER;
    });
    retry("AddMatch", [&](DBusError* e) {
      dbus_bus_add_match(c, "type='signal',interface='oom.I'", e);
      return !dbus_error_is_set(e);
    });
    while (DBusMessage* m = pop(c, 0)) dbus_message_unref(m);
    messages(c, name);
    retry("ReleaseName", [&](DBusError* e) {
      int result = dbus_bus_release_name(c, "oom.Name", e);
      return result == DBUS_RELEASE_NAME_REPLY_RELEASED ||
             result == DBUS_RELEASE_NAME_REPLY_NON_EXISTENT;
    });
    dbus_connection_unref(c);
    dbus_shutdown();
  }

  // A small one, a large one, fds; and a signal, which is everybody's. In this order.
  void messages(DBusConnection* c, const char* name) {
    const std::string body(100000, 'b');
    const int fd = memfd("to oneself");
    for (unsigned i = 0; i < 8; ++i) {
      DBusMessage* m = i % 4 == 3 ? dbus_message_new_signal("/o", "oom.I", "S")
                                  : dbus_message_new_method_call(name, "/o", "oom.I", "M");
      dbus_message_set_no_reply(m, TRUE);
      dbus_message_append_args(m, DBUS_TYPE_UINT32, &i, DBUS_TYPE_INVALID);
      const char* data = body.data();
      if (i % 4 == 1)
        dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &data,
                                 static_cast<int>(body.size()), DBUS_TYPE_INVALID);
      if (i % 4 >= 2) dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
      if (!failing([&] { return dbus_connection_send(c, m, nullptr) != FALSE; }) &&
          (!memory.failed || !dbus_connection_send(c, m, nullptr)))
        wrong("dbus_connection_send fails");
      dbus_message_unref(m);
    }
    for (unsigned i = 0; i < 8; ++i) {
      DBusMessage* m = nullptr;
      failing([&] { return (m = pop(c, 100)) != nullptr; });
      if (!m) m = pop(c, PATIENCE_MS);
      dbus_uint32_t number = 99;
      if (m && dbus_message_has_interface(m, "oom.I"))
        dbus_message_get_args(m, nullptr, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
      if (!m || number != i || !complete(m, body, fd))
        wrong("message %u: %s", i, m ? "another, or not whole" : "doesn't come");
      if (m) dbus_message_unref(m);
      if (number != i) break;
    }
    if (DBusMessage* m = pop(c, 0)) {
      wrong("one more: %s", dbus_message_get_member(m));
      dbus_message_unref(m);
    }
    close(fd);
  }

  static bool complete(DBusMessage* m, const std::string& body, int fd) {
    DBusMessageIter it, bytes;
    dbus_message_iter_init(m, &it);
    dbus_uint32_t number;
    dbus_message_iter_get_basic(&it, &number);
    if (number % 4 == 0) return !dbus_message_iter_next(&it);
    dbus_message_iter_next(&it);
    if (number % 4 == 1) {
      const char* data = nullptr;
      int n = 0;
      dbus_message_iter_recurse(&it, &bytes);
      dbus_message_iter_get_fixed_array(&bytes, &data, &n);
      return static_cast<size_t>(n) == body.size() && !std::memcmp(data, body.data(), body.size());
    }
    int got = -1;
    dbus_message_iter_get_basic(&it, &got);
    const bool same = got >= 0 && same_file(got, fd);
    if (got >= 0) close(got);
    return same;
  }

  DBusMessage* pop(DBusConnection* c, int timeout_ms) {
    const int64_t end = now_ms() + timeout_ms;
    for (;;) {
      if (DBusMessage* m = dbus_connection_pop_message(c)) return m;
      auto left = static_cast<int>(end - now_ms());
      dbus_connection_read_write(c, left > 0 ? left : 0);
      if (left <= 0) return dbus_connection_pop_message(c);
    }
  }

  Tap& tap_;
  unsigned n_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  setenv("DBUS_SESSION_BUS_ADDRESS", argv[1], 1);
  Tap tap;
  const Stats before = argc > 2 ? stats() : Stats();
  {
    Bus bus;
    if (argc > 2 && bus.create(argv[2]).error) tap.bail("can't make the bus");
    is_tester = true;
    Walk walk(tap);
    walk.warm_up();
    walk.all(1);
    walk.all(8);
    is_tester = false;
  }
  if (argc > 2) nothing_left(tap, before);
  return tap.finish();
}
