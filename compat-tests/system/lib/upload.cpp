// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * upload.cpp - a controller that dies in the middle of POLICY_SET
 *
 * upload [ROUNDS]
 *
 * A process makes a bus and gives it two policies by turns, inline and as a file; one of them lets
 * anybody own "policy.A" and nobody "policy.B", the other the reverse. It is killed at a random
 * moment. A bus that is persistent must then have one of the two as a whole, and serve; others are
 * gone with it. Then it is stopped for certain in the middle of sendmsg, in memory that userfaultfd
 * doesn't give out, and killed there, or let go. Files whose reading could wait for somebody are
 * refused.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "files.h"
#include "settle.h"
#include "shared_bus.h"

using namespace dg::test;

namespace {

struct Shared {
  std::atomic<uint32_t> done{0};  // POLICY_SETs that the controller knows of
};

// Bulk, so that there is a middle.
std::string policy(const char* yes, const char* no) {
  std::string p = std::string("<policy context='default'><allow user='*'/><allow send_type='*'/>") +
                  "<allow receive_sender='*'/>";
  for (int i = 0; i < 1000; ++i)
    p += "<deny send_interface='upload.I" + std::to_string(i) + "' send_member='M'/>";
  return p + "<allow own='policy." + yes + "'/><deny own='policy." + no + "'/></policy>";
}

GenlSocket admin() {
  GenlSocket s;
  s.open();
  return s;
}

void destroy(const char* name) {
  admin().request(DBUS_GENL_CMD_BUS_DESTROY, Attrs().str(DBUS_GENL_BUS_A_NAME, name));
}

// Which policy is in force: 'A', 'B', '-' none yet, or '?' something between.
char in_force(const char* bus) {
  Peer peer;
  if (peer.join(bus).empty()) return '?';
  const bool a = peer.ask("RequestName", Args().s("policy.A").u(0)) == "u1";
  const bool b = peer.ask("RequestName", Args().s("policy.B").u(0)) == "u1";
  return a && b ? '-' : a ? 'A' : b ? 'B' : '?';
}

void killed_at_random(Tap& tap, bool persistent, unsigned rounds) {
  const Bytes blobs[] = {blob_of(policy("A", "B")), blob_of(policy("B", "A"))};
  auto* shared = shared_memory<Shared>();
  std::mt19937 random(1);
  std::map<char, unsigned> found;
  unsigned wrong = 0;
  for (unsigned i = 0; i < rounds; ++i) {
    shared->done = 0;
    const pid_t pid = spawn_as(0, [&] {
      Bus bus;
      if (bus.create("upload", persistent ? DBUS_GENL_BUS_PERSISTENT : 0).error) _exit(3);
      for (unsigned n = 0;; ++n) {
        if (set_policy(bus, blobs[n & 1], n & 2).error) _exit(4);
        ++shared->done;
      }
    });
    if (!comes_true([] { return stats()[DBUS_GENL_STATS_A_BUSES] > 0; })) tap.bail("no bus");
    // Every other one has set a policy by then, on a slow machine too.
    if (i & 1) comes_true([&] { return shared->done > 0; });
    usleep(random() % 20000);
    end_process(pid);
    if (persistent) {
      const char now = in_force("upload");
      // What it knows to be in force, or the next: it may have died before it knew.
      const uint32_t done = shared->done;
      const char last = done ? "BA"[done & 1] : '-', next = "AB"[done & 1];
      ++found[now];
      wrong += now != last && now != next;
      destroy("upload");
    } else {
      wrong += !comes_true([] { return stats()[DBUS_GENL_STATS_A_BUSES] == 0; });
    }
  }
  if (persistent)
    tap.ok(wrong == 0 && found['A'] + found['B'] > rounds / 4,
           "%u controllers killed: one policy whole (A %u, B %u, none yet %u), not another: %u",
           rounds, found['A'], found['B'], found['-'], wrong);
  else
    tap.ok(wrong == 0, "%u controllers killed, and their buses gone with them (not: %u)", rounds,
           wrong);
}

Answer set_by_fd(Bus& bus, int fd) {
  return bus.sock.request(DBUS_GENL_CMD_POLICY_SET,
                          Attrs().u32(DBUS_GENL_BUS_A_POLICY_FD, static_cast<uint32_t>(fd)));
}

// Whose reading could wait for ever.
void other_files(Tap& tap, Bus& bus) {
  int pipe_fds[2], pair[2];
  if (pipe(pipe_fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) tap.bail("pipe");
  const std::pair<const char*, int> files[] = {
      {"a pipe", pipe_fds[0]},
      {"a socket", pair[0]},
      {"a terminal", open("/dev/ptmx", O_RDWR | O_NOCTTY)},
      {"the family's own socket", bus.sock.fd()},
      {"a file that is no memfd", open("/proc/self/exe", O_RDONLY)},
      {"a directory", open("/", O_RDONLY)},
      {"an O_PATH fd", open("/dev/null", O_PATH)},
      {"a closed fd", 1000},
  };
  for (auto& [what, fd] : files) {
    Answer a = set_by_fd(bus, fd);
    tap.ok(a.error && !a.extack.empty(), "%s: %s", what, a.extack.c_str());
  }
  for (int fd : {pipe_fds[0], pipe_fds[1], pair[0], pair[1], files[2].second, files[4].second,
                 files[5].second, files[6].second})
    close(fd);
}

// A page that who reads it waits for, until it is given out.
struct Stopped {
  int uffd = -1;
  char* page = nullptr;
  long size = sysconf(_SC_PAGESIZE);

  bool watch() {
    uffd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
    uffdio_api api{};
    api.api = UFFD_API;
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) return false;
    page = static_cast<char*>(mmap(nullptr, static_cast<size_t>(size), PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    uffdio_register reg{};
    reg.range = {reinterpret_cast<uintptr_t>(page), static_cast<uint64_t>(size)};
    reg.mode = UFFDIO_REGISTER_MODE_MISSING;
    return ioctl(uffd, UFFDIO_REGISTER, &reg) == 0;
  }
  bool wait_for_fault() const {
    uffd_msg msg;
    return read(uffd, &msg, sizeof msg) == sizeof msg && msg.event == UFFD_EVENT_PAGEFAULT;
  }
  void go_on(const void* bytes) const {
    uffdio_copy copy{};
    copy.dst = reinterpret_cast<uintptr_t>(page);
    copy.src = reinterpret_cast<uintptr_t>(bytes);
    copy.len = static_cast<uint64_t>(size);
    ioctl(uffd, UFFDIO_COPY, &copy);
  }
};

// Stopped in the middle of sendmsg: killed there, or let go.
void stopped_inside(Tap& tap, bool killed) {
  int ready[2], go[2];
  if (pipe(ready) || pipe(go)) tap.bail("pipe");
  const pid_t pid = spawn_as(0, [&] {
    Bus bus;
    Stopped stop;
    if (bus.create("upload", DBUS_GENL_BUS_PERSISTENT).error ||
        set_policy(bus, blob_of(policy("A", "B"))).error || !stop.watch())
      _exit(3);
    const Bytes blob = blob_of(std::string(OPEN_POLICY) +
                               "<policy context='mandatory'><deny own='policy.A'/></policy>");
    Bytes request = genl_bytes(DBUS_GENL_CMD_POLICY_SET,
                               Attrs().raw(DBUS_GENL_BUS_A_POLICY, blob.data(), blob.size()), 0, 7);
    if (request.size() > static_cast<size_t>(stop.size)) _exit(5);
    // The first half from here, the second from the page that isn't there.
    const size_t half = request.size() / 2;
    std::vector<char> rest(static_cast<size_t>(stop.size));
    std::memcpy(rest.data(), request.data() + half, request.size() - half);
    std::thread giver([&] {
      char word;
      if (!stop.wait_for_fault() || write(ready[1], "x", 1) != 1 || read(go[0], &word, 1) != 1)
        _exit(6);
      stop.go_on(rest.data());
    });
    iovec parts[] = {{request.data(), half}, {stop.page, request.size() - half}};
    msghdr msg{};
    msg.msg_iov = parts;
    msg.msg_iovlen = 2;
    const bool sent = sendmsg(bus.sock.fd(), &msg, 0) == static_cast<ssize_t>(request.size());
    giver.join();
    _exit(sent ? 0 : 7);
  });
  char c;
  close(ready[1]);
  const bool inside = read(ready[0], &c, 1) == 1;
  close(ready[0]);
  // Nobody waits for it.
  const int64_t start = now_ms();
  const char meanwhile = inside ? in_force("upload") : '?';
  const bool made = !Bus().create("another").error;
  tap.ok(meanwhile == 'A' && made,
         "a controller stopped in the middle: the old policy is in force "
         "(%c), others make buses (%d), after %lld ms",
         meanwhile, made, static_cast<long long>(now_ms() - start));
  if (killed ? kill(pid, SIGKILL) != 0 : write(go[1], "x", 1) != 1) tap.bail("the controller");
  const int status = ended(pid);
  for (int fd : go) close(fd);
  const char after = in_force("upload");
  tap.ok(killed ? status == -1 && after == 'A' : status == 0 && after == 'B',
         killed ? "killed there, it has changed nothing (%c, status %d)"
                : "let go, it has set the new one (%c, status %d)",
         after, status);
  destroy("upload");
}

}  // namespace

int main(int argc, char** argv) {
  const auto rounds = static_cast<unsigned>(argc > 1 ? std::atoi(argv[1]) : 100);
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  killed_at_random(tap, true, rounds);
  killed_at_random(tap, false, rounds / 4);
  {
    Bus bus;
    if (bus.create("upload").error || set_policy(bus, blob_of(policy("A", "B"))).error)
      tap.bail("can't make a bus");
    other_files(tap, bus);
    tap.ok(in_force("upload") == 'A', "after these the policy is as it was");
  }
  if (comes_true([&] { return same_gauges(before, stats()); }) && Stopped().watch()) {
    stopped_inside(tap, true);
    stopped_inside(tap, false);
  } else {
    tap.ok(true, "a controller stopped in the middle # SKIP no userfaultfd");
  }
  nothing_left(tap, before);
  return tap.finish();
}
