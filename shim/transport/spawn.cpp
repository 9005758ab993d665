// SPDX-License-Identifier: LGPL-2.1-or-later
// See spawn.h.
#include "transport/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/uuid.h"

namespace dg {

namespace {

// What runs between fork and exec may only be what is safe in a signal handler: another thread may
// have held any lock. So everything is made before.
struct Program {
  const char* path;
  char** argv;
  bool search;
  int in;
  int out;
  int report;  // errno of a failure goes here; closed by a successful exec
};

[[noreturn]] void execute(const Program& program) noexcept {
  int report = program.report;
  // Out of the way of what becomes 0 and 1; neither duplicate is closed on exec.
  if (report <= STDERR_FILENO) report = ::fcntl(report, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  int in = ::fcntl(program.in, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  int out = ::fcntl(program.out, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (report >= 0 && in >= 0 && out >= 0 && ::dup2(in, STDIN_FILENO) >= 0 &&
      ::dup2(out, STDOUT_FILENO) >= 0) {
    sigset_t none;
    sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
    // Close-on-exec, so that `report` tells that exec succeeded.
    (void)::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (program.search) {
      ::execvp(program.path, program.argv);
    } else {
      ::execv(program.path, program.argv);
    }
  }
  int cause = errno;
  (void)!::write(report, &cause, sizeof cause);
  ::_exit(127);
}

void wait_for(pid_t child) noexcept {
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

bool spawn(const std::string& path, const std::vector<std::string>& argv, bool search, int in,
           int out, DBusError* error) {
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) {
    set_error(error, error_name_from_errno(errno), "Failed to make a pipe: %s", strerror(errno));
    return false;
  }
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const Program program = {path.c_str(), pointers.data(), search, in, out, write_end.get()};

  pid_t child = ::fork();
  if (child < 0) {
    set_error(error, DBUS_ERROR_SPAWN_FORK_FAILED, "Failed to fork: %s", strerror(errno));
    return false;
  }
  if (child == 0) {
    // The grandchild becomes an orphan, for init to wait for.
    pid_t grandchild = ::fork();
    if (grandchild == 0) execute(program);
    ::_exit(grandchild < 0 ? 1 : 0);
  }
  wait_for(child);
  write_end.reset();
  int cause = 0;
  ssize_t n;
  do {
    n = ::read(read_end.get(), &cause, sizeof cause);
  } while (n < 0 && errno == EINTR);
  if (n == ssize_t{sizeof cause}) {
    set_error(error, DBUS_ERROR_SPAWN_EXEC_FAILED, "Failed to execute process %s: %s", path.c_str(),
              strerror(cause));
    return false;
  }
  return true;
}

UniqueFd connect_program(const std::string& path, const std::vector<std::string>& argv,
                         DBusError* error) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
    set_error(error, error_name_from_errno(errno), "Failed to create a socket pair: %s",
              strerror(errno));
    return {};
  }
  UniqueFd ours(pair[0]);
  UniqueFd its(pair[1]);
  if (!spawn(path, argv, true, its.get(), its.get(), error)) return {};
  if (::fcntl(ours.get(), F_SETFL, O_RDWR | O_NONBLOCK) < 0) {
    set_error(error, error_name_from_errno(errno), "Failed to set the socket non-blocking: %s",
              strerror(errno));
    return {};
  }
  return ours;
}

std::string autolaunch_address(DBusError* error) {
  static constexpr char kDbusLaunch[] = "/usr/bin/dbus-launch";
  const char* display = std::getenv("DISPLAY");
  if (!display || !*display) {
    set_error(error, DBUS_ERROR_NOT_SUPPORTED,
              "Unable to autolaunch a dbus-daemon without a $DISPLAY for X11");
    return {};
  }
  std::string machine;
  if (!machine_id(true, &machine, error)) return {};

  int ends[2];
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null || ::pipe2(ends, O_CLOEXEC) < 0) {
    set_error(error, error_name_from_errno(errno), "Failed to make a pipe: %s", strerror(errno));
    return {};
  }
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  std::string answer;
  ScopedError cause;
  if (spawn(kDbusLaunch,
            {kDbusLaunch, "--autolaunch", machine, "--binary-syntax", "--close-stderr"}, false,
            null.get(), write_end.get(), cause.get())) {
    write_end.reset();
    // The address, a zero, and numbers that nobody needs here. The bus that it starts may keep the
    // pipe open, so that the zero is the end.
    char buffer[1024];
    ssize_t n;
    while (answer.find('\0') == answer.npos &&
           ((n = ::read(read_end.get(), buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))) {
      if (n > 0) answer.append(buffer, static_cast<std::size_t>(n));
    }
  }
  const std::size_t end = answer.find('\0');
  if (end == answer.npos || end == 0) {
    set_error(error, DBUS_ERROR_SPAWN_EXEC_FAILED,
              "%s terminated abnormally without any error message", kDbusLaunch);
    return {};
  }
  return answer.substr(0, end);
}

}  // namespace dg
