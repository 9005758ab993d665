// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * start_services.cpp - makes a bus in the kernel, starts its services, and runs a program on it
 *
 * start_services BUS CONFIG DIRECTORY -- COMMAND…: the bus has CONFIG's policy, of its limits
 * service_start_timeout and max_pending_service_starts, and the services of the .service files in
 * DIRECTORY, which is watched, as dbus-daemon does. COMMAND finds it in DBUS_SESSION_BUS_ADDRESS.
 * Not a controller for daily use: it knows Name= and Exec=.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "controller.h"
#include "policy/bus_config.h"

using namespace dg::test;

namespace {

[[noreturn]] void die(const std::string& text) {
  std::fprintf(stderr, "start_services: %s\n", text.c_str());
  std::exit(2);
}

void must(const Answer& a, const char* what) {
  if (a.error) die(std::string(what) + ": errno " + std::to_string(-a.error) + " " + a.extack);
}

// A command line's words: what is between apostrophes is one.
std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> out;
  bool quoted = false, within = false;
  for (char c : line) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      within = false;
      continue;
    }
    if (!within) out.emplace_back();
    within = true;
    if (c != '\'') out.back() += c;
  }
  return out;
}

class Starter {
 public:
  Starter(std::string bus, const std::string& config, std::string directory)
      : name_(std::move(bus)), directory_(std::move(directory)) {
    Answer made = controller_.create(name_);
    must(made, "BUS_CREATE");
    if (made.packets.empty()) die("BUS_CREATE has no answer");
    address_ = "genl:bus=" + name_ + ",uid=" + std::to_string(getuid()) +
               ",guid=" + made.packets[0].str(DBUS_GENL_BUS_A_GUID);
    configure(config);
    read_services();
  }

  int run(char** command) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &unblocked_);
    const int signals = signalfd(-1, &child, SFD_CLOEXEC);
    const int watch = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(watch, directory_.c_str(), IN_CLOSE_WRITE | IN_DELETE | IN_MOVE);
    main_ = start(command, {{"DBUS_SESSION_BUS_ADDRESS", address_}});

    pollfd fds[] = {{controller_.sock().fd(), POLLIN, 0}, {signals, POLLIN, 0}, {watch, POLLIN, 0}};
    while (!ended_) {
      // What came with the answer to a request is in no socket any more.
      while (auto request = controller_.next(0)) serve(*request);
      if (poll(fds, 3, -1) < 0) die("poll");
      if (fds[1].revents) reap(signals);
      if (fds[2].revents) changed(watch);
    }
    for (auto& [pid, name] : running_) kill(pid, SIGKILL);
    return status_;
  }

 private:
  using Variables = std::map<std::string, std::string>;

  void configure(const std::string& file) {
    const dg::BusConfig config = dg::read_bus_config(file);
    const auto blob = dg::policy_blob(config.policy);
    must(controller_.sock().request(DBUS_GENL_CMD_POLICY_SET,
                                    Attrs().raw(DBUS_GENL_BUS_A_POLICY, blob.data(), blob.size())),
         "POLICY_SET");
    const std::pair<const char*, uint16_t> limits[] = {
        {"service_start_timeout", DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT},
        {"max_pending_service_starts", DBUS_GENL_LIMIT_A_MAX_PENDING_SERVICE_STARTS}};
    for (auto& [name, which] : limits)
      if (auto limit = config.limits.find(name); limit != config.limits.end())
        must(controller_.limit(name_, which, static_cast<uint32_t>(limit->second)), name);
  }

  // Those whose files have gone are kept: the kernel may have asked for one before.
  void read_services() {
    std::vector<std::string> names;
    for (auto& file : std::filesystem::directory_iterator(directory_)) {
      std::string name, exec;
      std::ifstream in(file.path());
      for (std::string line; std::getline(in, line);) {
        if (!line.rfind("Name=", 0)) name = line.substr(5);
        if (!line.rfind("Exec=", 0)) exec = line.substr(5);
      }
      if (name.empty() || exec.empty()) continue;
      services_[name] = exec;
      names.push_back(name);
    }
    must(controller_.declare(names), "ACTIVATABLE_SET");
  }

  // The process's id; or 0, and errno says why it can't be executed.
  pid_t start(char* const* argv, const Variables& variables) {
    int failure[2];
    if (pipe2(failure, O_CLOEXEC)) die("pipe");
    const pid_t pid = fork();
    if (pid < 0) die("fork");
    if (!pid) {
      sigprocmask(SIG_SETMASK, &unblocked_, nullptr);
      for (auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
      execv(argv[0], argv);
      const int error = errno;
      if (write(failure[1], &error, sizeof error) != sizeof error) _exit(126);
      _exit(127);
    }
    close(failure[1]);
    int error = 0;
    const bool failed = read(failure[0], &error, sizeof error) == sizeof error;
    close(failure[0]);
    if (!failed) return pid;
    waitpid(pid, nullptr, 0);
    errno = error;
    return 0;
  }

  void serve(const Request& request) {
    if (request.cmd == DBUS_GENL_CMD_RELOAD) {
      read_services();
      must(controller_.answer(request), "RELOAD");
    } else if (request.cmd == DBUS_GENL_CMD_ENVIRONMENT) {
      for (auto& [name, value] : request.environment) environment_[name] = value;
      must(controller_.answer(request), "ENVIRONMENT");
    } else if (request.cmd == DBUS_GENL_CMD_ACTIVATE) {
      activate(request);
    }
  }

  void activate(const Request& request) {
    auto line = words(services_[request.name]);
    std::vector<char*> argv;
    for (auto& word : line) argv.push_back(word.data());
    argv.push_back(nullptr);
    Variables variables = environment_;
    variables["DBUS_STARTER_ADDRESS"] = address_;
    variables["DBUS_STARTER_BUS_TYPE"] = "session";
    variables["DBUS_SESSION_BUS_ADDRESS"] = address_;
    if (const pid_t pid = line.empty() ? 0 : start(argv.data(), variables)) {
      running_[pid] = request;
      return;
    }
    controller_.answer(request, "org.freedesktop.DBus.Error.Spawn.ExecFailed",
                       "Failed to execute program " + request.name + ": " + std::strerror(errno));
  }

  void reap(int signals) {
    signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != sizeof info) return;
    int status;
    while (const pid_t pid = waitpid(-1, &status, WNOHANG)) {
      if (pid < 0) return;
      if (pid == main_) {
        ended_ = true;
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      auto one = running_.find(pid);
      if (one == running_.end()) continue;
      const Request request = one->second;
      running_.erase(one);
      const std::string process = "Process " + request.name;
      // One whose name has an owner by now is nothing to the kernel any more: -ENOENT.
      if (WIFSIGNALED(status))
        controller_.answer(request, "org.freedesktop.DBus.Error.Spawn.ChildSignaled",
                           process + " received signal " + std::to_string(WTERMSIG(status)));
      else if (WEXITSTATUS(status))
        controller_.answer(request, "org.freedesktop.DBus.Error.Spawn.ChildExited",
                           process + " exited with status " + std::to_string(WEXITSTATUS(status)));
    }
  }

  void changed(int watch) {
    usleep(100000);  // there may be more to come
    char events[4096];
    if (read(watch, events, sizeof events) > 0) read_services();
  }

  Controller controller_;
  const std::string name_, directory_;
  std::string address_;
  std::map<std::string, std::string> services_;
  Variables environment_;
  std::map<pid_t, Request> running_;
  sigset_t unblocked_{};
  pid_t main_ = 0;
  bool ended_ = false;
  int status_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6 || std::strcmp(argv[4], "--"))
    die("usage: start_services BUS CONFIG DIRECTORY -- COMMAND...");
  return Starter(argv[1], argv[2], argv[3]).run(argv + 5);
}
