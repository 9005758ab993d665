// SPDX-License-Identifier: LGPL-2.1-or-later
// dbus-genl-run: makes a bus in the kernel, runs a program on it with our library preloaded,
// removes the bus. What dbus-run-session is for dbus-daemon.
#include <fmt/core.h>
#include <getopt.h>
#include <linux/limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "base/uuid.h"
#include "transport/genl_control.h"

namespace {

// As env, timeout and the other programs that run programs have it.
constexpr int kFailedHere = 125;
constexpr int kCannotExecute = 126;
constexpr int kNotFound = 127;

constexpr char kHelp[] =
    R"(Usage: dbus-genl-run [--bus NAME] [--] COMMAND [ARGUMENT]...

Makes a D-Bus message bus in the kernel (module dbus_genl), runs COMMAND on it and
removes the bus when COMMAND ends. No bus daemon is involved, and COMMAND needs no
change: it uses libdbus, and gets the one of dbus-genl.

  --bus NAME   the bus's name (A-Z a-z 0-9 - _); without it, run-PID
  --help       this text

COMMAND gets in its environment:
  DBUS_SESSION_BUS_ADDRESS=genl:bus=NAME,uid=UID   the bus; UID is the caller's
  LD_PRELOAD                                       our libdbus-1.so.3, appended
and loses DBUS_SESSION_BUS_PID, DBUS_SESSION_BUS_WINDOWID, DBUS_STARTER_ADDRESS and
DBUS_STARTER_BUS_TYPE, which tell of another bus.

SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1 and SIGUSR2 are passed on to COMMAND.
The exit status is COMMAND's, or 128 and the number of the signal that ended it;
125 if dbus-genl-run failed itself, 126 if COMMAND can't be run, 127 if there is none.
)";

[[noreturn]] void die(int status, const std::string& text) {
  fmt::print(stderr, "dbus-genl-run: {}\n", text);
  std::exit(status);
}

// --- the bus

std::string default_name() { return fmt::format("run-{}", ::getpid()); }

// The bus lives as long as the socket, so that it goes too when this process is killed.
dg::GenlBus create_bus(dg::GenlSocket& socket, const std::string& wanted) {
  std::string machine_id;
  (void)dg::machine_id(false, &machine_id, nullptr);
  std::random_device random;
  std::string name = wanted.empty() ? default_name() : wanted;
  dg::GenlBus bus;
  dg::GenlError error;
  for (int attempt = 0; attempt < 10; attempt++) {
    if (dg::genl_bus_create(socket, name, 0, machine_id, &bus, &error)) return bus;
    // The same pid in another pid namespace may have taken the name.
    if (error.code != EEXIST || !wanted.empty()) break;
    name = fmt::format("{}-{:08x}", default_name(), random());
  }
  die(kFailedHere, fmt::format("cannot make the bus \"{}\": {}", name, dg::genl_error_text(error)));
}

// --- the environment

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Beside this program in a build directory, or where meson installs it.
std::string find_library() {
  char self[PATH_MAX];
  ssize_t n = ::readlink("/proc/self/exe", self, sizeof self);
  if (n <= 0 || n == sizeof self) die(kFailedHere, "cannot read /proc/self/exe");
  const std::string here = directory_of(std::string(self, static_cast<std::size_t>(n)));
  const std::string candidates[] = {here + "/../shim/libdbus-1.so.3",
                                    here + "/" DG_LIBRARY_FROM_BINDIR "/libdbus-1.so.3"};
  for (const std::string& candidate : candidates) {
    if (::access(candidate.c_str(), R_OK) < 0) continue;
    // Only the directory is resolved: the loader knows the file by its name.
    char directory[PATH_MAX];
    if (!::realpath(directory_of(candidate).c_str(), directory)) continue;
    return std::string(directory) + "/libdbus-1.so.3";
  }
  die(kFailedHere, fmt::format("cannot find libdbus-1.so.3: neither {} nor {} is there",
                               candidates[0], candidates[1]));
}

void set_environment(const dg::GenlBus& bus, const std::string& library) {
  if (library.find_first_of(" :") != library.npos) {
    die(kFailedHere,
        fmt::format("LD_PRELOAD cannot hold the path {}: it has a space or colon", library));
  }
  const char* before = std::getenv("LD_PRELOAD");
  const std::string preload = before && *before ? fmt::format("{}:{}", before, library) : library;
  const std::string address = fmt::format("genl:bus={},uid={}", bus.name, bus.uid);
  if (::setenv("LD_PRELOAD", preload.c_str(), 1) < 0 ||
      ::setenv("DBUS_SESSION_BUS_ADDRESS", address.c_str(), 1) < 0) {
    die(kFailedHere, "no memory for the environment");
  }
  for (const char* variable : {"DBUS_SESSION_BUS_PID", "DBUS_SESSION_BUS_WINDOWID",
                               "DBUS_STARTER_ADDRESS", "DBUS_STARTER_BUS_TYPE"}) {
    (void)::unsetenv(variable);
  }
}

// --- the program

constexpr int kForwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

[[noreturn]] void run_child(char** command, const sigset_t& mask, bool ignored_sigchld) {
  // As they were before: they are inherited through execve.
  (void)::sigprocmask(SIG_SETMASK, &mask, nullptr);
  if (ignored_sigchld) (void)::signal(SIGCHLD, SIG_IGN);
  ::execvp(command[0], command);
  int cause = errno;
  fmt::print(stderr, "dbus-genl-run: cannot run {}: {}\n", command[0], std::strerror(cause));
  ::_exit(cause == ENOENT ? kNotFound : kCannotExecute);
}

int wait_for(pid_t child, const sigset_t& waited) {
  while (true) {
    siginfo_t info;
    int number = ::sigwaitinfo(&waited, &info);
    if (number == SIGCHLD) {
      int status;
      if (::waitpid(child, &status, WNOHANG) != child) continue;
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    // What the terminal sends (SI_KERNEL) reached the whole process group, the child too.
    if (number > 0 && info.si_code != SI_KERNEL) (void)::kill(child, number);
  }
}

int run(char** command) {
  sigset_t waited;
  sigset_t before;
  sigemptyset(&waited);
  sigaddset(&waited, SIGCHLD);
  for (int number : kForwarded) sigaddset(&waited, number);
  (void)::sigprocmask(SIG_BLOCK, &waited, &before);
  // Were it ignored, as some parents leave it, there would be no child to wait for.
  const bool ignored_sigchld = ::signal(SIGCHLD, SIG_DFL) == SIG_IGN;

  pid_t child = ::fork();
  if (child < 0) die(kFailedHere, fmt::format("cannot fork: {}", std::strerror(errno)));
  if (child == 0) run_child(command, before, ignored_sigchld);
  return wait_for(child, waited);
}

}  // namespace

int main(int argc, char** argv) {
  static const option kOptions[] = {{"bus", required_argument, nullptr, 'b'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {nullptr, 0, nullptr, 0}};
  std::string name;
  int letter;
  // '+': what follows COMMAND is COMMAND's.
  while ((letter = ::getopt_long(argc, argv, "+", kOptions, nullptr)) != -1) {
    switch (letter) {
      case 'b':
        name = optarg;
        if (name.empty()) die(kFailedHere, "the bus's name is empty");
        break;
      case 'h':
        fmt::print("{}", kHelp);
        return 0;
      default:
        return kFailedHere;
    }
  }
  if (optind == argc) die(kFailedHere, "which command? See dbus-genl-run --help");

  dg::GenlError error;
  dg::GenlSocket controller = dg::GenlSocket::open(&error);
  if (!controller.is_open()) die(kFailedHere, dg::genl_error_text(error));
  const std::string library = find_library();
  const dg::GenlBus bus = create_bus(controller, name);
  set_environment(bus, library);
  return run(argv + optind);
}
