// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * fuse.cpp - files whose ->flush blocks, in messages
 *
 * fuse DIRECTORY
 *
 * ->flush is what a task calls that closes an fd; a FUSE server may take for ever to answer it.
 * Were it called while a request is handled, with generic netlink's lock held, who wrote that
 * server could stop all of generic netlink. So however files end that somebody sent (a claim that
 * fails halfway, one that is never made, receiver, sender or bus gone), others must go on, and
 * ->flush be called by who closes an fd of its own alone, and hold up that one.
 */
#include <poll.h>
#include <sys/resource.h>

#include <fstream>

#include "files.h"
#include "fuse_server.h"
#include "settle.h"
#include "shared_bus.h"

using namespace dg::test;

namespace {

constexpr int TIME_MS = 20000;  // what is not blocked takes less; what is takes for ever

std::string file_name;

// What might block is done by a process of its own.
class Task {
 public:
  template <class F>
  explicit Task(F f) : pid_(spawn_as(0, f)) {}
  bool done_within(int ms) {
    return comes_true(
        [&] {
          int status = 0;
          if (!done_ && waitpid(pid_, &status, WNOHANG) == pid_) {
            done_ = true;
            good_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
          }
          return done_;
        },
        ms);
  }
  bool good() { return done_within(TIME_MS) && good_; }
  void kill() const { ::kill(pid_, SIGKILL); }

 private:
  pid_t pid_;
  bool done_ = false, good_ = false;
};

// A process from before the file was opened: all later ones have to close a copy of its fd.
class Others {
 public:
  Others() {
    if (pipe(to_) || pipe(from_)) std::abort();
    spawn_as(0, [&] {
      close(to_[1]);
      char c;
      while (read(to_[0], &c, 1) == 1) {
        c = static_cast<char>(work());
        if (write(from_[1], &c, 1) != 1) break;
      }
    });
  }
  // Whether they go on, and soon.
  bool work_on() {
    char c = 'x';
    pollfd p{from_[0], POLLIN, 0};
    return write(to_[1], &c, 1) == 1 && poll(&p, 1, TIME_MS) == 1 && read(from_[0], &c, 1) == 1 &&
           c == 0;
  }

 private:
  // Two peers come, one calls the other and the driver; and netlink's other families answer.
  static int work() {
    Peer a, b;
    if (a.join(SHARED_BUS).empty() || b.join(SHARED_BUS).empty()) return 1;
    Message m = call(b.name(), "/o", "i.I", "M");
    if (a.send(m)) return 2;
    auto got = b.receive(TIME_MS);
    if (!got || got->member != "M") return 3;
    if (a.ask("GetId").empty()) return 4;
    return family_id(true) ? 0 : 5;
  }

  int to_[2], from_[2];
};

int open_file() { return open(file_name.c_str(), O_RDONLY | O_CLOEXEC); }

void limit_fds(rlim_t n) {
  rlimit limit{n, 4096};
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  Others others;
  FuseServer server;
  if (!server.start(argv[1])) tap.bail("can't mount a fuse file system: %s", std::strerror(errno));
  file_name = std::string(argv[1]) + "/f";
  auto& state = *server.state;
  {
    Bus bus;
    if (bus.create(SHARED_BUS).error) tap.bail("can't make the bus");
    Peer sender, receiver;
    sender.takes_fds = receiver.takes_fds = true;
    if (sender.join(SHARED_BUS).empty() || receiver.join(SHARED_BUS).empty()) tap.bail("no peers");
    const int file = open_file();
    if (file < 0) tap.bail("can't open its file: %s", std::strerror(errno));
    state.blocks = true;

    // The test's own ground: closing blocks.
    Task closer([&] { _exit(close(dup(file)) ? 1 : 0); });
    tap.ok(comes_true([&] { return state.flushes >= 1; }, TIME_MS) && !closer.done_within(500),
           "closing an fd of the file blocks");
    tap.ok(others.work_on(), "… which holds up nobody else");
    state.blocks = false;
    tap.ok(closer.good(), "… until its server answers");

    // A claim that fails when some are installed.
    state.flushes = 0;
    state.blocks = true;
    Message m = to(receiver, {file, file, file});
    sender.send(m);
    auto got = receiver.receive(5000);
    auto* outcome = shared_memory<std::atomic<int>>();
    Task claimer([&] {
      int lowest = dup(0);
      close(lowest);
      limit_fds(static_cast<rlim_t>(lowest) + 2);  // room for two of three
      Claim c = receiver.claim(*got);
      *outcome = c.fds.empty() ? c.error : 1;
      // Its end would close its fd of the file, and block.
      pause();
    });
    tap.ok(got && comes_true([&] { return *outcome != 0; }, TIME_MS) && *outcome == EMFILE &&
               state.flushes == 0,
           "a claim that fails halfway doesn't flush (%u flushes)", state.flushes.load());
    tap.ok(others.work_on(), "… and holds up nobody");

    // Claimed, and closed by who has it.
    Task taker([&] {
      Claim c = receiver.claim(*got);
      if (c.fds.size() != 3) _exit(1);
      c.close();
    });
    tap.ok(comes_true([&] { return state.flushes >= 1; }, TIME_MS) && !taker.done_within(500),
           "who claims and closes them is blocked");
    tap.ok(others.work_on(), "… and nobody else");
    state.blocks = false;
    tap.ok(taker.good(), "… until the server answers");
    claimer.kill();
    tap.ok(claimer.done_within(TIME_MS), "(all of these have ended)");

    // Not claimed: the receiver dies; they expire.
    state.flushes = 0;
    state.blocks = true;
    {
      Peer mortal;
      mortal.takes_fds = true;
      mortal.join(SHARED_BUS);
      m = to(mortal, {file, file});
      sender.send(m);
      tap.ok(unclaimed() == 2, "fds wait for a receiver");
    }
    tap.ok(comes_true([] { return unclaimed() == 0; }) && state.flushes == 0 && others.work_on(),
           "… that ends: nobody is held up (%u flushes)", state.flushes.load());
    const char* parameter = "/sys/module/dbus_genl/parameters/pending_fd_timeout";
    std::string standard;
    std::getline(std::ifstream(parameter), standard);
    std::ofstream(parameter) << "200\n";
    // A bus that has not looked at its clock yet, and won't only in minutes.
    Bus another;
    Peer x, y;
    x.takes_fds = y.takes_fds = true;
    if (another.create("expiry").error || x.join("expiry").empty() || y.join("expiry").empty())
      tap.bail("no other bus");
    m = to(y, {file, file});
    x.send(m);
    tap.ok(comes_true([] { return unclaimed() == 0; }) && state.flushes == 0 && others.work_on(),
           "… or doesn't claim them, and they expire (%u flushes)", state.flushes.load());
    std::ofstream(parameter) << standard << '\n';
    another.close();

    // The sender is killed: the kernel closes its own fd of the file for it, which blocks that.
    Task victim([&] {
      Peer mine;
      mine.takes_fds = true;
      mine.join(SHARED_BUS);
      Message own = to(receiver, {open_file(), file});
      mine.send(own);
      pause();
    });
    tap.ok(comes_true([] { return unclaimed() == 2; }), "another sender has sent some");
    victim.kill();
    tap.ok(comes_true([&] { return state.flushes >= 1; }, TIME_MS) && !victim.done_within(500),
           "it is killed, and blocked in its end");
    tap.ok(others.work_on(), "… and nobody else");
    state.blocks = false;
    tap.ok(victim.done_within(TIME_MS), "… until the server answers");

    // The bus goes, with all that waits.
    state.flushes = 0;
    state.blocks = true;
    m = to(receiver, {file});
    sender.send(m);
    Task destroyer([&] { _exit(Bus().destroy(SHARED_BUS).error ? 1 : 0); });
    // It, too, has a copy of the file's fd to close at its end.
    tap.ok(comes_true([] { return stats()[DBUS_GENL_STATS_A_BUSES] == 0; }, TIME_MS),
           "the bus is destroyed with fds that wait");
    state.blocks = false;
    tap.ok(destroyer.good(), "… and that is all");
    close(file);
  }
  nothing_left(tap, before);
  return tap.finish();
}
