// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * three_at_once.cpp - one process on two buses and with peers of its own, at once
 *
 * three_at_once loop|threads [BUS]: the hub. The session bus of its environment is link A, the
 * system bus link B, both as shared connections; it has servers for P (unix:) and T (tcp:).
 * At the other end of each link is a process of its own. They send each other messages through
 * the hub, over all four (see relay.h). In `loop` one poll() serves everything, in `threads` each
 * connection has a thread. With BUS the session bus is to be that bus of the kernel, made here.
 *
 * three_at_once child LETTER ADDRESS: the other end of a link.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <random>
#include <thread>

#include "dbus_loop.h"
#include "files.h"
#include "relay.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr int PATIENCE_MS = 120000;

bool is_bus(char letter) { return letter == 'A' || letter == 'B'; }
bool takes_fds(const std::string& route) { return route.find('T') == route.npos; }

int child(char letter, const char* address) {
  DBusError error = DBUS_ERROR_INIT;
  DBusConnection* c = dbus_connection_open_private(address, &error);
  if (!c || (is_bus(letter) && !dbus_bus_register(c, &error))) {
    std::fprintf(stderr, "%c: %s: %s\n", letter, address, error.message);
    return 1;
  }
  dbus_connection_set_exit_on_disconnect(c, TRUE);
  Node node(letter);
  node.serve(c);
  node.set_link(HUB, c, is_bus(letter) ? NODE_NAME : nullptr);
  if (is_bus(letter)) dbus_bus_add_match(c, "type='signal',interface='three.Node'", nullptr);
  DBusMessage* ready = Node::call_to(node.link(HUB), "Ready");
  const char text[] = {letter, 0}, *const name = text;
  dbus_message_append_args(ready, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
  dbus_connection_send(c, ready, nullptr);
  dbus_message_unref(ready);
  while (dbus_connection_read_write_dispatch(c, -1)) continue;
  return 0;
}

class Hub {
 public:
  Hub(Tap& tap, bool threads) : tap_(tap), threads_(threads) {
    session_ = bus(DBUS_BUS_SESSION);
    system_ = bus(DBUS_BUS_SYSTEM);
    unix_ = listen("unix:tmpdir=/tmp");
    tcp_ = listen("tcp:host=127.0.0.1");
  }

  // Everything but this process's memory goes with it.
  ~Hub() {
    for (auto& [letter, pid] : children_) end(letter);
    stopping_ = true;
    for (std::thread& t : workers_) t.join();
    loop_.clear();
    for (DBusServer* s : {unix_, tcp_}) {
      dbus_server_disconnect(s);
      dbus_server_unref(s);
    }
    for (DBusConnection* c : accepted_) {
      dbus_connection_close(c);
      dbus_connection_unref(c);
    }
    for (DBusConnection* c : {session_, system_}) dbus_connection_unref(c);
  }
  Hub(const Hub&) = delete;

  void start_children() {
    char* address[] = {dbus_server_get_address(unix_), dbus_server_get_address(tcp_)};
    start('A', getenv("DBUS_SESSION_BUS_ADDRESS"));
    start('B', getenv("DBUS_SYSTEM_BUS_ADDRESS"));
    start('P', address[0]);
    start('T', address[1]);
    for (char* a : address) dbus_free(a);
    const bool all = wait([this] { return node_.links() == 4; });
    std::string linked;
    for (char letter : {'A', 'B', 'P', 'T'})
      if (node_.link(letter).c) linked += letter;
    if (!all) tap_.bail("of two buses and two peers only these are linked: %s", linked.c_str());
    tap_.ok(all, "two buses and two peers, all linked");
  }

  void buses() {
    tap_.ok(session_ != system_ && dbus_bus_get(DBUS_BUS_SESSION, nullptr) == session_ &&
                dbus_bus_get(DBUS_BUS_SYSTEM, nullptr) == system_,
            "each bus has one shared connection");
    for (DBusConnection* c : {session_, system_}) dbus_connection_unref(c);
    char* ids[] = {dbus_bus_get_id(session_, nullptr), dbus_bus_get_id(system_, nullptr),
                   dbus_server_get_id(unix_), dbus_server_get_id(tcp_)};
    bool differ = true;
    for (int i = 0; i < 4; ++i)
      for (int k = 0; k < i; ++k) differ &= ids[i] && ids[k] && std::strcmp(ids[i], ids[k]) != 0;
    tap_.ok(differ, "blocking calls to both buses; four ids");
    for (char* id : ids) dbus_free(id);
    for (char letter : {'A', 'B', 'P', 'T'})
      tap_.ok(
          dbus_connection_can_send_type(node_.link(letter).c, DBUS_TYPE_UNIX_FD) == (letter != 'T'),
          "%c: fds %s", letter, letter != 'T' ? "can be sent" : "can't be sent over TCP");
  }

  // From each to each, and a long way, with a pipe that all who pass it on write into.
  void relays(const std::string& letters) {
    for (char from : letters)
      for (char to : letters) relay({from, to}, "small");
    std::string far;
    while (far.size() < 20) far += letters;
    relay(far, std::string(300000, 'x'));
    const std::string last = letters.substr(0, 3);
    if (takes_fds(last)) relay(last, std::string(3 << 20, 'y'));
  }

  // Many under way at once, over all links.
  void crowd() {
    struct Relayed {
      std::string route, body;
      std::shared_ptr<Node::Result> result;
    };
    std::mt19937 random(42);
    std::vector<Relayed> all;
    for (int i = 0; i < 60; ++i) {
      Relayed r;
      for (size_t n = 1 + random() % 8; r.route.size() < n;) r.route += "ABPT"[random() % 4];
      const size_t sizes[] = {0, 10, 1000, 66000, 120000};
      r.body.assign(sizes[random() % 5], static_cast<char>('a' + i % 26));
      r.result = node_.begin(r.route, r.body);
      all.push_back(std::move(r));
    }
    int right = 0;
    for (Relayed& r : all) {
      if (!wait([&] { return r.result->done.load(); })) break;
      right += r.result->trail == r.route && r.result->body == r.body;
    }
    tap_.ok(right == 60, "%d of 60 relays at once", right);
  }

  void shout() {
    node_.shout("!");
    auto heard = [this] {
      std::string h = node_.heard();
      return h.size() == 8 && std::count(h.begin(), h.end(), '!') == 4 && h.find('A') != h.npos &&
             h.find('B') != h.npos && h.find('P') != h.npos && h.find('T') != h.npos;
    };
    const bool all = wait(heard);
    tap_.ok(all, "a signal to each of the four is heard once: %s", node_.heard().c_str());
  }

  // One after the other is lost; the rest goes on.
  void losses() {
    lose('P', "ABT");
    lose('T', "AB");
    // The daemon of the system bus.
    unsigned long pid = 0;
    DBusMessage* m = dbus_message_new_method_call(
        DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "GetConnectionUnixProcessID");
    const char* name = DBUS_SERVICE_DBUS;
    dbus_message_append_args(m, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
    DBusMessage* reply = dbus_connection_send_with_reply_and_block(system_, m, -1, nullptr);
    dbus_uint32_t number = 0;
    if (reply &&
        dbus_message_get_args(reply, nullptr, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID))
      pid = number;
    dbus_message_unref(m);
    if (reply) dbus_message_unref(reply);
    if (!tap_.ok(pid > 1, "the system bus is of process %lu", pid)) return;
    kill(static_cast<pid_t>(pid), SIGKILL);
    tap_.ok(
        wait([this] { return node_.lost(system_); }) && !dbus_connection_get_is_connected(system_),
        "the system bus dies: its connection is lost");
    relay("AA", "still there");
    auto failed = node_.begin("AB", "nowhere");
    tap_.ok(wait([&] { return failed->done.load(); }) && !failed->error.empty(),
            "what goes to a lost link is an error: %s", failed->error.c_str());
    DBusConnection* again = dbus_bus_get(DBUS_BUS_SYSTEM, nullptr);
    tap_.ok(!again, "dbus_bus_get doesn't give out a lost connection");
  }

 private:
  DBusConnection* bus(DBusBusType type) {
    DBusError error = DBUS_ERROR_INIT;
    DBusConnection* c = dbus_bus_get(type, &error);
    if (!c) tap_.bail("no bus: %s", error.message);
    dbus_connection_set_exit_on_disconnect(c, FALSE);
    if (dbus_bus_request_name(c, NODE_NAME, 0, &error) != DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER)
      tap_.bail("no name: %s", error.message);
    serve(c);
    return c;
  }
  DBusServer* listen(const char* address) {
    DBusError error = DBUS_ERROR_INIT;
    DBusServer* s = dbus_server_listen(address, &error);
    if (!s) tap_.bail("no server: %s", error.message);
    const auto accept = [](DBusServer*, DBusConnection* c, void* data) {
      auto& hub = *static_cast<Hub*>(data);
      hub.accepted_.push_back(dbus_connection_ref(c));
      hub.serve(c);
    };
    dbus_server_set_new_connection_function(s, accept, this, nullptr);
    loop_.add(s);
    return s;
  }
  void serve(DBusConnection* c) {
    node_.serve(c);
    if (!threads_) return loop_.add(c);
    workers_.emplace_back([this, c] {
      while (!stopping_ && dbus_connection_read_write_dispatch(c, 50)) continue;
    });
  }
  bool wait(const std::function<bool()>& done) { return loop_.run_until(done, PATIENCE_MS); }

  void relay(const std::string& route, const std::string& body) {
    int ends[2] = {-1, -1};
    if (takes_fds(route) && pipe2(ends, O_CLOEXEC | O_NONBLOCK)) tap_.bail("pipe");
    auto result = node_.begin(route, body, ends[1]);
    const bool done = wait([&] { return result->done.load(); });
    bool right = done && result->trail == route && result->body == body;
    if (ends[1] >= 0) {
      close(ends[1]);
      // To its end: nobody has kept a copy.
      std::string written;
      right &= comes_true([&] {
        written += content(ends[0]);
        char none;
        return written.size() >= route.size() && read(ends[0], &none, 1) == 0;
      });
      right &= written == route;
      close(ends[0]);
    }
    tap_.ok(right, "%s with %zu bytes%s%s%s", route.c_str(), body.size(),
            takes_fds(route) ? " and a pipe" : "", done ? "" : ": no answer",
            done ? result->error.c_str() : "");
  }
  void lose(char letter, const std::string& others) {
    DBusConnection* c = node_.link(letter).c;
    end(letter);
    tap_.ok(wait([&] { return node_.lost(c); }), "%c dies: its connection is lost", letter);
    relay(others, "the others");
  }

  void start(char letter, const char* address) {
    pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const char name[] = {letter, 0};
      execl("/proc/self/exe", "three_at_once", "child", name, address, nullptr);
      _exit(127);
    }
    children_[letter] = pid;
  }
  void end(char letter) {
    pid_t& pid = children_[letter];
    if (pid <= 0) return;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    pid = -1;
  }

  Tap& tap_;
  const bool threads_;
  DBusLoop loop_;
  Node node_{HUB};
  DBusConnection *session_ = nullptr, *system_ = nullptr;
  DBusServer *unix_ = nullptr, *tcp_ = nullptr;
  std::vector<DBusConnection*> accepted_;
  std::vector<std::thread> workers_;
  std::atomic<bool> stopping_{false};
  std::map<char, pid_t> children_;
};

void run(Tap& tap, bool threads) {
  Hub hub(tap, threads);
  hub.start_children();
  hub.buses();
  hub.relays("ABPT");
  hub.crowd();
  hub.shout();
  hub.losses();
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  dbus_threads_init_default();
  if (argc == 4 && !std::strcmp(argv[1], "child")) return child(*argv[2], argv[3]);
  if (argc < 2) return 2;
  Tap tap;
  const bool threads = !std::strcmp(argv[1], "threads");
  const int fds = open_fds();
  if (argc == 2) {
    run(tap, threads);
  } else {
    const Stats before = stats();
    {
      Bus bus;
      if (bus.create(argv[2]).error) tap.bail("can't make the bus");
      setenv("DBUS_SESSION_BUS_ADDRESS", (std::string("genl:bus=") + argv[2]).c_str(), 1);
      run(tap, threads);
    }
    dbus_shutdown();
    nothing_left(tap, before);
  }
  dbus_shutdown();
  tap.ok(open_fds() == fds, "and no fd here: %d of %d", open_fds(), fds);
  return tap.finish();
}
