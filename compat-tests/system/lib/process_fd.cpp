// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * process_fd.cpp - ProcessFD of GetConnectionCredentials, and BUS_A_PIDFD of CONNECT,
 * from which it comes; on the raw client, and over the libdbus API
 *
 * That an fd is a pidfd, and whose, is what the kernel says in /proc/self/fdinfo.
 */
#include <dbus/dbus.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include "files.h"
#include "pass_fds.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr const char* BUS = "process-fd";
constexpr unsigned THREAD = O_EXCL;  // PIDFD_THREAD, of 6.9
constexpr int CLOSED = 1000;         // an fd that no test gets to

int pidfd_of(pid_t pid, unsigned flags = 0) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, flags));
}

// The process that it is a pidfd of; 0 for what is none.
pid_t pid_of(int fd) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd));
  for (std::string line; std::getline(info, line);)
    if (line.rfind("Pid:", 0) == 0) return std::atoi(line.c_str() + 4);
  return 0;
}

bool has_ended(int pidfd) {
  pollfd p = {pidfd, POLLIN, 0};
  return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

Message credentials(const std::string& of) {
  return driver_call("GetConnectionCredentials", Args().s(of));
}

bool tells_process_fd(const Message& m) {
  return m.text().find("\"ProcessFD\":<h0>") != std::string::npos;
}

// A child that is on the bus with a pidfd of its own, until it is killed.
struct Child {
  explicit Child(Tap& tap) {
    int names[2], pair[2];
    if (pipe(names) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) tap.bail("pipe");
    pid = fork();
    if (!pid) {
      Peer p;
      p.takes_fds = true;
      int own = pidfd_of(getpid());
      p.pidfd = own;
      if (p.join(BUS).empty()) _exit(1);
      close(own);
      char byte = 0;
      if (!send_fds(pair[1], {p.sock.fd()}, &byte, 1)) _exit(2);
      dprintf(names[1], "%s\n", p.name().c_str());
      for (;;) pause();
    }
    close(names[1]);
    close(pair[1]);
    for (char c; read(names[0], &c, 1) == 1 && c != '\n';) name += c;
    char byte;
    std::vector<int> fds = receive_fds(pair[0], &byte, 1);
    if (name.empty() || fds.size() != 1) tap.bail("the child is not on the bus");
    socket = fds[0];
    close(names[0]);
    close(pair[0]);
  }
  ~Child() {
    end();
    close(socket);
  }
  void end() {
    if (!pid) return;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    pid = 0;
  }
  pid_t pid;
  std::string name;
  int socket;  // its own, passed on
};

class ProcessFd {
 public:
  explicit ProcessFd(Tap& tap) : tap_(tap) {
    bus_.create(BUS);
    asks_.takes_fds = true;
    if (asks_.join(BUS).empty()) tap.bail("can't join");
  }
  void given();
  void others();
  void ended();
  void forged();
  void threads();
  void pid_namespace();
  void seen_by_monitors();
  void many_groups();
  void unclaimed_ones();
  void library();

 private:
  // ProcessFD of that peer, as asks_ gets it; -1 if there is none.
  int process_fd(const std::string& of) {
    auto m = asks_.call(credentials(of));
    if (!m || m->type != RETURN || m->fds.size() != 1 || !tells_process_fd(*m)) return -1;
    Claim c = asks_.claim(*m);
    return c.fds.size() == 1 ? c.fds[0] : -1;
  }
  Answer connect_with(int pidfd) {
    Peer p;
    p.takes_fds = true;
    p.pidfd = pidfd;
    return p.connect(BUS);
  }
  void refused(int pidfd, int error, const char* what) {
    const Stats before = stats();
    Answer a = connect_with(pidfd);
    tap_.ok(a.error == -error && a.extack.find("PIDFD") != std::string::npos,
            "%s: refused (errno %d: %s)", what, -a.error, a.extack.c_str());
    tap_.ok(same_gauges(before, stats()), "%s: nobody joined", what);
  }

  Tap& tap_;
  Bus bus_;
  Peer asks_;
};

void ProcessFd::given() {
  Child child(tap_);
  auto m = asks_.call(credentials(child.name));
  tap_.ok(m && tells_process_fd(*m) && m->fds.size() == 1 && m->signature == "a{sv}",
          "credentials with ProcessFD: %s", m ? m->text().c_str() : "none");
  if (!m) return;
  Claim c = asks_.claim(*m);
  if (!tap_.ok(c.answered && !c.error && c.fds.size() == 1 && c.body_fd == -1, "it can be claimed"))
    return;
  const int fd = c.fds[0], again = process_fd(child.name), direct = pidfd_of(child.pid);
  tap_.ok(pid_of(fd) == child.pid, "it is a pidfd of the process (%d, %d)", pid_of(fd), child.pid);
  tap_.ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "close-on-exec");
  tap_.ok(same_file(fd, direct) && pid_of(again) == child.pid,
          "the file is the one of pidfd_open(), and who asks again gets it again");
  tap_.ok(!has_ended(fd), "the process lives");
  tap_.ok(!asks_.claim(*m).fds.size(), "each answer's can be claimed once");
  tap_.ok(!syscall(SYS_pidfd_send_signal, fd, SIGKILL, nullptr, 0), "it can be signalled");
  tap_.ok(comes_true([&] { return has_ended(fd); }), "and then the pidfd says that it has ended");
  for (int each : {fd, again, direct}) close(each);
}

void ProcessFd::others() {
  Peer plain;
  plain.join(BUS);
  const int own = pidfd_of(getpid());
  Peer mine;
  mine.pidfd = own;
  mine.join(BUS);
  auto m = plain.call(credentials(mine.name()));
  tap_.ok(m && m->type == RETURN && m->fds.empty() &&
              m->text().find("ProcessFD") == std::string::npos &&
              m->text().find("ProcessID") != std::string::npos,
          "who takes no fds is told all but ProcessFD");
  const int fd = process_fd(mine.name());
  tap_.ok(pid_of(fd) == getpid(), "a peer that takes no fds may give one");
  close(fd);
  for (auto& [name, what] : {std::pair(plain.name(), "of a peer that gave none"),
                             std::pair(std::string("org.freedesktop.DBus"), "of the driver")}) {
    m = asks_.call(credentials(name));
    tap_.ok(m && m->type == RETURN && m->fds.empty() &&
                m->text().find("ProcessFD") == std::string::npos,
            "no ProcessFD %s", what);
  }
  m = asks_.call(credentials("no.body"));
  tap_.ok(m && m->type == ERROR && m->fds.empty(), "nor in an error");
  close(own);
}

// The bus's peer outlives its process when the socket has been passed on.
void ProcessFd::ended() {
  Child child(tap_);
  const pid_t pid = child.pid;
  child.end();
  auto m = asks_.call(credentials(child.name));
  Claim c = m ? asks_.claim(*m) : Claim();
  tap_.ok(m && m->type == RETURN && c.fds.size() == 1,
          "a process that has ended, its socket held by another: %s", m ? m->text().c_str() : "");
  if (c.fds.size() == 1)
    tap_.ok(has_ended(c.fds[0]) && pid_of(c.fds[0]) != getpid(),
            "ProcessFD is of that process %d (%d), which has ended, not of who has its socket", pid,
            pid_of(c.fds[0]));
  c.close();
}

void ProcessFd::forged() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) tap_.bail("socketpair");
  refused(CLOSED, EBADF, "an fd that is closed");
  refused(-1, EBADF, "-1");
  const int own = pidfd_of(getpid());
  Child child(tap_);
  sigset_t none;
  sigemptyset(&none);
  GenlSocket netlink;
  netlink.open();
  const int self = open(("/proc/self/fd/" + std::to_string(own)).c_str(), O_PATH);
  const std::pair<int, const char*> others[] = {
      {open("/etc/passwd", O_RDONLY), "a regular file"},
      {pidfd_of(child.pid), "a pidfd of a child"},
      {pidfd_of(getppid()), "a pidfd of the parent"},
      {pair[0], "a socket"},
      {netlink.fd(), "a netlink socket"},
      {eventfd(0, 0), "an eventfd"},
      {epoll_create1(0), "an epoll"},
      {timerfd_create(CLOCK_MONOTONIC, 0), "a timerfd"},
      {signalfd(-1, &none, 0), "a signalfd"},
      {open("/proc/self", O_RDONLY | O_DIRECTORY), "the directory /proc/self"},
      {open("/proc/self/ns/pid", O_RDONLY), "a namespace"},
      {memfd_create("[pidfd]", 0), "a memfd that is called [pidfd]"},
  };
  for (auto& [fd, what] : others) {
    if (fd < 0) tap_.bail("%s: %s", what, strerror(errno));
    refused(fd, EINVAL, what);
    if (fd != pair[0] && fd != netlink.fd()) close(fd);
  }
  if (self >= 0) refused(self, EBADF, "a pidfd by O_PATH");
  const int thread = pidfd_of(getpid(), THREAD);
  if (thread >= 0)
    refused(thread, EINVAL, "a pidfd of this thread alone");
  else
    tap_.ok(errno == EINVAL, "pidfds of threads: not on this kernel");
  for (int fd : {self, thread, pair[0], pair[1]})
    if (fd >= 0) close(fd);

  // A child with what its parent had: that it can be inherited doesn't make it the child's.
  pid_t pid = fork();
  if (!pid) _exit(connect_with(own).error == -EINVAL ? 0 : 1);
  int status = 1;
  waitpid(pid, &status, 0);
  tap_.ok(!status, "a pidfd of the parent, inherited: refused");

  Peer p;
  p.pidfd = CLOSED;
  tap_.ok(p.connect(BUS).error == -EBADF, "who was refused");
  p.pidfd.reset();
  tap_.ok(!p.connect(BUS).error, "may try again without");
  Peer good;
  good.pidfd = own;
  good.join(BUS);
  const int fd = process_fd(good.name());
  tap_.ok(pid_of(fd) == getpid(), "and the true one is taken");
  close(fd);
  close(own);
}

void ProcessFd::threads() {
  const int own = pidfd_of(getpid());
  Peer p;
  p.pidfd = own;
  std::thread([&] { p.join(BUS); }).join();
  const int fd = process_fd(p.name());
  tap_.ok(pid_of(fd) == getpid(), "CONNECT from a thread: the process's pidfd");
  close(fd);
  close(own);

  // The pidfd may have been opened by another, as long as it is the caller's.
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) tap_.bail("socketpair");
  pid_t pid = fork();
  if (!pid) {
    char byte;
    std::vector<int> fds = receive_fds(pair[1], &byte, 1);
    _exit(fds.size() == 1 && !connect_with(fds[0]).error ? 0 : 1);
  }
  char byte = 0;
  int status = 1;
  const int of_child = pidfd_of(pid);
  const bool sent = send_fds(pair[0], {of_child}, &byte, 1);
  waitpid(pid, &status, 0);
  tap_.ok(sent && !status, "a pidfd of the caller that another process has opened");
  for (int fd_left : {of_child, pair[0], pair[1]}) close(fd_left);
}

void ProcessFd::pid_namespace() {
  const int own = pidfd_of(getpid());
  Peer here;
  here.pidfd = own;
  here.join(BUS);
  int told[2], stay[2];
  if (pipe(told) || pipe(stay)) tap_.bail("pipe");
  pid_t outer = fork();
  if (!outer) {
    close(stay[1]);
    if (unshare(CLONE_NEWPID)) _exit(1);
    pid_t inner = fork();
    if (!inner) {
      Peer there;
      there.takes_fds = true;
      const int init = pidfd_of(getpid());
      there.pidfd = init;
      if (there.join(BUS).empty()) _exit(2);
      auto about_here = there.call(credentials(here.name()));
      auto about_me = there.call(credentials(there.name()));
      const bool hidden = about_here && about_here->fds.empty() &&
                          about_here->text().find("Process") == std::string::npos;
      dprintf(told[1], "%s %d %d\n", there.name().c_str(), hidden,
              about_me && about_me->fds.size() == 1);
      char c;
      _exit(read(stay[0], &c, 1) ? 3 : 0);
    }
    (void)!write(told[1], &inner, sizeof inner);
    int status = 1;
    waitpid(inner, &status, 0);
    _exit(status ? 4 : 0);
  }
  close(told[1]);
  close(stay[0]);
  pid_t inner = 0;
  char line[100] = {}, name[32] = {};
  int hidden = 0, own_fd = 0;
  // In either order: the child may be first.
  std::string all;
  while (all.size() < sizeof inner + 8 || all.find('\n') == std::string::npos) {
    const ssize_t n = read(told[0], line, sizeof line);
    if (n <= 0) break;
    all.append(line, static_cast<size_t>(n));
  }
  const size_t text = all.find(":1.");
  if (text != std::string::npos) {
    std::sscanf(all.c_str() + text, "%31s %d %d", name, &hidden, &own_fd);
    const std::string number = text ? all.substr(0, text) : all.substr(all.find('\n') + 1);
    if (number.size() == sizeof inner) std::memcpy(&inner, number.data(), sizeof inner);
  }
  tap_.ok(hidden, "who can't see a process in its pid namespace is told neither number nor fd");
  tap_.ok(own_fd, "but its own");
  const int fd = process_fd(name);
  tap_.ok(inner && pid_of(fd) == inner, "from outside it is seen: %d, %d", pid_of(fd), inner);
  close(fd);
  close(stay[1]);
  int status = 1;
  waitpid(outer, &status, 0);
  tap_.ok(!status, "the namespace's processes end well (%d)", WEXITSTATUS(status));
  close(told[0]);
  close(own);
}

void ProcessFd::seen_by_monitors() {
  Peer sees, plain;
  sees.takes_fds = true;
  for (Peer* p : {&sees, &plain}) {
    p->join(BUS);
    Message m = driver_call("BecomeMonitor", Args().as({"type='method_return'"}).u(0));
    m.interface = "org.freedesktop.DBus.Monitoring";
    tap_.ok(p->call(m)->type == RETURN, "a monitor");
  }
  Child child(tap_);
  auto is_it = [](const std::optional<Message>& m) { return m && tells_process_fd(*m); };
  const int fd = process_fd(child.name);
  std::optional<Message> m;
  while ((m = sees.receive(2000)) && !is_it(m)) {
  }
  Claim c = m ? sees.claim(*m) : Claim();
  tap_.ok(c.fds.size() == 1 && pid_of(c.fds[0]) == child.pid,
          "a monitor gets ProcessFD with the reply that it sees");
  c.close();
  close(fd);
  bool saw = false;
  while ((m = plain.receive(200))) saw = saw || is_it(m);
  tap_.ok(!saw, "one that takes no fds doesn't see that reply");
}

// A body that is a file itself, and an fd with it.
void ProcessFd::many_groups() {
  std::vector<gid_t> groups(20000);
  for (size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<gid_t>(100000 + i);
  if (setgroups(groups.size(), groups.data())) tap_.bail("setgroups");
  const int own = pidfd_of(getpid());
  Peer p;
  p.pidfd = own;
  p.join(BUS);
  if (setgroups(0, nullptr)) tap_.bail("setgroups");
  auto m = asks_.call(credentials(p.name()));
  Claim c = m ? asks_.claim(*m) : Claim();
  tap_.ok(c.fds.size() == 1 && c.body_fd >= 0 && pid_of(c.fds[0]) == getpid(),
          "20,000 groups: the body is a file, and ProcessFD comes with it (errno %d)", c.error);
  if (c.body_fd >= 0) {
    std::string bytes = content(c.body_fd, 200000);
    const std::string text =
        body_text("a{sv}", reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    tap_.ok(text.find("\"ProcessFD\":<h0>") != std::string::npos &&
                text.find("u119999") != std::string::npos,
            "its body tells all (%zu bytes)", bytes.size());
  }
  c.close();
  close(own);
}

void ProcessFd::unclaimed_ones() {
  Child child(tap_);
  Peer lazy;
  lazy.takes_fds = true;
  lazy.join(BUS);
  std::string error;
  int got = 0;
  while (error.empty() && got < 5000) {
    auto m = lazy.call(credentials(child.name));
    if (!m) break;
    if (m->type == ERROR)
      error = m->error_name;
    else
      ++got;
  }
  tap_.ok(error == "org.freedesktop.DBus.Error.LimitsExceeded" && unclaimed() <= 512,
          "who never claims is refused after %d (%s)", got, error.c_str());
  const int fd = process_fd(child.name);
  tap_.ok(pid_of(fd) == child.pid, "others of that user are served");
  close(fd);
  lazy.sock.close();
  tap_.ok(comes_true([] { return unclaimed() == 0; }), "and nothing of it stays");
}

// ProcessFD of the connection's own name, over the API; -1 if there is none, -2 without an answer.
int api_process_fd(DBusConnection* c) {
  DBusMessage* m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                DBUS_INTERFACE_DBUS, "GetConnectionCredentials");
  const char* name = dbus_bus_get_unique_name(c);
  dbus_message_append_args(m, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
  DBusMessage* reply = dbus_connection_send_with_reply_and_block(c, m, 30000, nullptr);
  dbus_message_unref(m);
  if (!reply) return -2;
  int fd = -1;
  DBusMessageIter body, entries, entry, value;
  dbus_message_iter_init(reply, &body);
  dbus_message_iter_recurse(&body, &entries);
  for (; dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY;
       dbus_message_iter_next(&entries)) {
    const char* key;
    dbus_message_iter_recurse(&entries, &entry);
    dbus_message_iter_get_basic(&entry, &key);
    dbus_message_iter_next(&entry);
    if (std::strcmp(key, "ProcessFD")) continue;
    dbus_message_iter_recurse(&entry, &value);
    if (dbus_message_iter_get_arg_type(&value) == DBUS_TYPE_UNIX_FD)
      dbus_message_iter_get_basic(&value, &fd);
  }
  dbus_message_unref(reply);
  return fd;
}

DBusConnection* api_join() {
  DBusError error = DBUS_ERROR_INIT;
  DBusConnection* c =
      dbus_connection_open_private((std::string("genl:bus=") + BUS).c_str(), &error);
  if (c && !dbus_bus_register(c, &error)) {
    dbus_connection_close(c);
    dbus_connection_unref(c);
    c = nullptr;
  }
  if (!c) std::printf("# %s: %s\n", error.name, error.message);
  dbus_error_free(&error);
  return c;
}

void api_leave(DBusConnection* c) {
  if (!c) return;
  dbus_connection_close(c);
  dbus_connection_unref(c);
}

// In a process of its own, which has what() against it when it joins: it does so without.
void joins_without(Tap& tap, const char* text, const std::function<bool()>& what) {
  pid_t pid = fork();
  if (!pid) {
    if (!what()) _exit(1);
    DBusConnection* c = api_join();
    _exit(!c ? 2 : api_process_fd(c) == -1 ? 0 : 3);
  }
  int status = 1;
  waitpid(pid, &status, 0);
  tap.ok(!status, "the library joins %s, without ProcessFD (step %d)", text, WEXITSTATUS(status));
}

bool forbid_pidfd_open() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {sizeof code / sizeof *code, code};
  return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
         !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) && pidfd_of(getpid()) < 0;
}

// The socket is the last descriptor that there may be.
bool leave_one_fd() {
  const int next = dup(0);
  close(next);
  const rlimit limit = {static_cast<rlim_t>(next + 1), static_cast<rlim_t>(next + 1)};
  return next >= 0 && !setrlimit(RLIMIT_NOFILE, &limit);
}

void ProcessFd::library() {
  const int before = open_fds();
  DBusConnection* c = api_join();
  if (!tap_.ok(c, "the library joins")) return;
  int pidfds = 0;
  for (int each = 0; each < 1024; ++each) pidfds += pid_of(each) != 0;
  tap_.ok(!pidfds, "and has no pidfd open any more");
  const int fd = api_process_fd(c), direct = pidfd_of(getpid());
  tap_.ok(pid_of(fd) == getpid() && same_file(fd, direct),
          "ProcessFD of itself, by the libdbus API (fd %d)", fd);
  tap_.ok(!has_ended(fd), "which lives");
  if (fd >= 0) close(fd);
  close(direct);

  // As daemons do: the connection goes on in the child, and stays the parent's.
  const pid_t parent = getpid();
  pid_t pid = fork();
  if (!pid) {
    const int told = api_process_fd(c);
    _exit(told >= 0 && pid_of(told) == parent ? 0 : 1);
  }
  int status = 1;
  waitpid(pid, &status, 0);
  tap_.ok(!status, "after fork it is still the connector's");
  api_leave(c);
  tap_.ok(open_fds() == before, "and nothing stays open");

  joins_without(tap_, "where pidfd_open is forbidden", forbid_pidfd_open);
  joins_without(tap_, "with one descriptor left", leave_one_fd);
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  {
    ProcessFd test(tap);
    test.given();
    test.others();
    test.ended();
    test.forged();
    test.threads();
    test.pid_namespace();
    test.seen_by_monitors();
    test.many_groups();
    test.unclaimed_ones();
    test.library();
  }
  nothing_left(tap, before);
  return tap.finish();
}
