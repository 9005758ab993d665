// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * fds_api.cpp - fds and large bodies over the public API of libdbus
 *
 * fds_api ADDRESS [BUS]: of dbus-daemon with the installed library, which is the
 * reference; or of a bus in the kernel with ours, which is made here then.
 */
#include <dbus/dbus.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "files.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr int TIMEOUT_MS = 60000;

struct Connection {
  explicit Connection(const char* address) {
    DBusError error = DBUS_ERROR_INIT;
    c = dbus_connection_open_private(address, &error);
    if (c && !dbus_bus_register(c, &error)) c = nullptr;
    if (!c) std::printf("# %s: %s\n", error.name, error.message);
    if (c) dbus_connection_set_exit_on_disconnect(c, false);
    dbus_error_free(&error);
    drain();
  }
  ~Connection() {
    if (!c) return;
    dbus_connection_close(c);
    dbus_connection_unref(c);
  }
  Connection(const Connection&) = delete;
  void drain() {
    while (DBusMessage* m = pop(50)) dbus_message_unref(m);
  }
  DBusMessage* pop(int timeout_ms) {
    int64_t end = now_ms() + timeout_ms;
    for (;;) {
      if (DBusMessage* m = dbus_connection_pop_message(c)) return m;
      auto left = static_cast<int>(end - now_ms());
      if (left <= 0 || !dbus_connection_read_write(c, left)) return dbus_connection_pop_message(c);
    }
  }
  // The next that isn't the bus's.
  DBusMessage* next(int timeout_ms = TIMEOUT_MS) {
    while (DBusMessage* m = pop(timeout_ms)) {
      const char* sender = dbus_message_get_sender(m);
      bool told = sender && !std::strcmp(sender, DBUS_SERVICE_DBUS);
      if (!told) return m;
      dbus_message_unref(m);
    }
    return nullptr;
  }
  void send(DBusMessage* m) {
    dbus_connection_send(c, m, nullptr);
    dbus_connection_flush(c);
    dbus_message_unref(m);
  }
  const char* name() const { return dbus_bus_get_unique_name(c); }
  DBusConnection* c;
};

DBusMessage* call_to(const Connection& to, const char* member, bool reply = false) {
  DBusMessage* m = dbus_message_new_method_call(to.name(), "/o", "i.I", member);
  dbus_message_set_no_reply(m, !reply);
  return m;
}

// With an fd, so many times over.
DBusMessage* call_with_fds(const Connection& to, int fd, int copies) {
  DBusMessage* m = call_to(to, "Fds");
  for (int i = 0; i < copies; ++i)
    dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
  return m;
}

std::string pattern(size_t size) {
  std::string s(size, '\0');
  uint32_t x = static_cast<uint32_t>(size);
  for (char& c : s) c = static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  return s;
}

void append_bytes(DBusMessage* m, const std::string& bytes) {
  const char* data = bytes.data();
  dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &data,
                           static_cast<int>(bytes.size()), DBUS_TYPE_INVALID);
}

bool has_bytes(DBusMessage* m, const std::string& bytes) {
  const char* data = nullptr;
  int n = 0;
  return m &&
         dbus_message_get_args(m, nullptr, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &data, &n,
                               DBUS_TYPE_INVALID) &&
         static_cast<size_t>(n) == bytes.size() && !std::memcmp(data, bytes.data(), bytes.size());
}

void unref(DBusMessage* m) {
  if (m) dbus_message_unref(m);
}

void fds(Tap& tap, Connection& a, Connection& b) {
  tap.ok(dbus_connection_can_send_type(a.c, DBUS_TYPE_UNIX_FD), "fds can be sent");
  int pipe_fds[2];
  if (pipe(pipe_fds)) tap.bail("pipe");
  for (int n : {1, 16}) {
    a.send(call_with_fds(b, pipe_fds[1], n));
    DBusMessage* got = b.next();
    int ok = 0;
    DBusMessageIter it;
    if (got && dbus_message_iter_init(got, &it)) do {
        int fd = -1;
        dbus_message_iter_get_basic(&it, &fd);
        ok += fd >= 0 && fd != pipe_fds[1] && same_file(fd, pipe_fds[1]);
        if (fd >= 0) close(fd);
      } while (dbus_message_iter_next(&it));
    tap.ok(ok == n, "%d of %d fds arrive", ok, n);
    unref(got);
  }
  // All copies are closed: the pipe ends.
  close(pipe_fds[1]);
  fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
  tap.ok(comes_true([&] {
           char c;
           return read(pipe_fds[0], &c, 1) == 0;
         }),
         "and none is left open");
  close(pipe_fds[0]);
}

void bodies(Tap& tap, Connection& a, Connection& b) {
  for (size_t size : {65000ul, 65520ul, 65527ul, 65528ul, 65529ul, 1ul << 20, 64ul << 20}) {
    const std::string bytes = pattern(size);
    DBusMessage* m = call_to(b, "Bytes");
    append_bytes(m, bytes);
    a.send(m);
    DBusMessage* got = b.next();
    tap.ok(has_bytes(got, bytes), "%zu bytes to one", size);
    unref(got);
  }
  int fd = memfd("beside a large body");
  const std::string bytes = pattern(300000);
  DBusMessage* m = call_to(b, "Both");
  append_bytes(m, bytes);
  dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
  a.send(m);
  DBusMessage* got = b.next();
  int received = -1;
  DBusMessageIter it;
  if (got && has_bytes(got, bytes) && dbus_message_iter_init(got, &it) &&
      dbus_message_iter_next(&it))
    dbus_message_iter_get_basic(&it, &received);
  tap.ok(received >= 0 && same_file(received, fd), "300,000 bytes and an fd");
  close(received);
  close(fd);
  unref(got);
}

void round_trip(Tap& tap, Connection& a, Connection& b) {
  const std::string bytes = pattern(2 << 20);
  DBusMessage* m = call_to(b, "Echo", true);
  append_bytes(m, bytes);
  DBusPendingCall* pending = nullptr;
  dbus_connection_send_with_reply(a.c, m, &pending, TIMEOUT_MS);
  dbus_connection_flush(a.c);
  unref(m);
  DBusMessage* got = b.next();
  if (!got) tap.bail("no call came");
  DBusMessage* reply = dbus_message_new_method_return(got);
  append_bytes(reply, has_bytes(got, bytes) ? bytes : "");
  b.send(reply);
  unref(got);
  dbus_pending_call_block(pending);
  reply = dbus_pending_call_steal_reply(pending);
  tap.ok(has_bytes(reply, bytes), "2 MiB there and back");
  unref(reply);
  dbus_pending_call_unref(pending);
}

void broadcast(Tap& tap, Connection& a, Connection& b, Connection& c) {
  for (Connection* x : {&b, &c}) dbus_bus_add_match(x->c, "interface='fds.Api'", nullptr);
  for (size_t size : {70000ul, 1ul << 20, 64ul << 20}) {
    const std::string bytes = pattern(size);
    int fd = memfd("with a broadcast");
    DBusMessage* m = dbus_message_new_signal("/o", "fds.Api", "S");
    append_bytes(m, bytes);
    dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
    a.send(m);
    for (Connection* x : {&b, &c}) {
      DBusMessage* got = x->next();
      tap.ok(has_bytes(got, bytes) && dbus_message_contains_unix_fds(got),
             "%zu bytes and an fd, broadcast, to %s", size, x == &b ? "one" : "another");
      unref(got);
    }
    close(fd);
  }
}

// What no library would send, from a raw peer of the same bus.
void liars(Tap& tap, Connection& b, const char* bus) {
  Peer liar;
  liar.takes_fds = true;
  if (liar.join(bus).empty()) tap.bail("can't join");
  const std::string good = u32_bytes(100000) + std::string(100000, 'x');
  struct {
    const char* what;
    int fd;
  } table[] = {
      {"unsealed", memfd(good, 0)},
      {"that may still shrink", memfd(good, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SEAL)},
      {"of another length", memfd(good + "more")},
      {"of another type", memfd(u32_bytes(7) + std::string(3, 'x'))},
  };
  for (auto& t : table) {
    Message m = call(dbus_bus_get_unique_name(b.c), "/o", "i.I", "Lie");
    m.signature = "ay";
    m.body_fd = t.fd;
    liar.send(m);
    Message honest = call(dbus_bus_get_unique_name(b.c), "/o", "i.I", "Honest");
    honest.flags = NO_REPLY;
    liar.send(honest);
    DBusMessage* got = b.next(5000);
    auto answer = liar.receive(5000);
    tap.ok(got && dbus_message_has_member(got, "Honest"),
           "a memfd %s doesn't arrive; what follows it does", t.what);
    tap.ok(answer && answer->error_name == DBUS_ERROR_INCONSISTENT_MESSAGE &&
               answer->reply_serial == m.serial,
           "and who called is told: %s", answer ? answer->string_arg().c_str() : "not");
    unref(got);
  }
  // A reply that lies: the caller mustn't wait for ever.
  DBusMessage* m = dbus_message_new_method_call(liar.name().c_str(), "/o", "i.I", "Ask");
  DBusPendingCall* pending = nullptr;
  dbus_connection_send_with_reply(b.c, m, &pending, TIMEOUT_MS);
  dbus_connection_flush(b.c);
  unref(m);
  auto asked = liar.receive(5000);
  Message lie = reply_to(*asked);
  lie.signature = "ay";
  lie.body_fd = table[0].fd;
  liar.send(lie);
  int64_t start = now_ms();
  dbus_pending_call_block(pending);
  DBusMessage* reply = dbus_pending_call_steal_reply(pending);
  tap.ok(reply && dbus_message_is_error(reply, DBUS_ERROR_INCONSISTENT_MESSAGE) &&
             now_ms() - start < TIMEOUT_MS / 2,
         "a reply that lies is an error to who waits for it");
  unref(reply);
  dbus_pending_call_unref(pending);
  for (auto& t : table) close(t.fd);
}

// Without room for descriptors the connection is lost, as with a socket.
void scarce(Tap& tap, const char* address, Connection& a) {
  Connection poor(address);
  int fd = memfd("for nobody");
  a.send(call_with_fds(poor, fd, 8));
  usleep(200000);  // dbus-daemon's time to hand it on
  rlimit old, low;
  getrlimit(RLIMIT_NOFILE, &old);
  low = old;
  low.rlim_cur = static_cast<rlim_t>(fd) + 1;
  setrlimit(RLIMIT_NOFILE, &low);
  DBusMessage* got = poor.next(2000);
  setrlimit(RLIMIT_NOFILE, &old);
  bool local = got && dbus_message_is_signal(got, DBUS_INTERFACE_LOCAL, "Disconnected");
  tap.ok(local && !dbus_connection_get_is_connected(poor.c),
         "out of descriptors, fds disconnect their receiver (%s)",
         got ? dbus_message_get_member(got) : "nothing came");
  unref(got);
  close(fd);
}

void too_many(Tap& tap, const char* address, Connection& b) {
  Connection bold(address);
  int fd = memfd("one of many");
  bold.send(call_with_fds(b, fd, 17));
  DBusMessage* got = bold.next(5000);
  tap.ok(got && dbus_message_is_signal(got, DBUS_INTERFACE_LOCAL, "Disconnected"),
         "17 fds disconnect their sender");
  unref(got);
  got = b.next(200);
  tap.ok(!got, "and don't arrive");
  unref(got);
  close(fd);
}

void run(Tap& tap, const char* address, const char* bus) {
  Connection a(address), b(address), c(address);
  if (!a.c || !b.c || !c.c) tap.bail("no connection to %s", address);
  fds(tap, a, b);
  bodies(tap, a, b);
  round_trip(tap, a, b);
  broadcast(tap, a, b, c);
  if (bus) liars(tap, b, bus);
  scarce(tap, address, a);
  too_many(tap, address, b);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Tap tap;
  signal(SIGPIPE, SIG_IGN);
  if (argc < 3) {
    run(tap, argv[1], nullptr);
    return tap.finish();
  }
  const Stats before = stats();
  {
    Bus bus;
    if (bus.create(argv[2]).error) tap.bail("can't make the bus");
    run(tap, argv[1], argv[2]);
  }
  nothing_left(tap, before);
  return tap.finish();
}
