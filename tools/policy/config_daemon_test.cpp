// SPDX-License-Identifier: LGPL-2.1-or-later
// config_daemon_test.cpp - what config_cases.h says of dbus-daemon is so: it starts with each
// configuration that is taken, and with no other
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include "policy/config_cases.h"

namespace dg {
namespace {

// Whether it tells an address; nothing if there is no dbus-daemon.
std::optional<bool> starts(const std::string& file) {
  int out[2];
  if (::pipe2(out, O_CLOEXEC)) return std::nullopt;
  std::string arguments[] = {"dbus-daemon", "--config-file=" + file, "--nofork", "--nopidfile",
                             "--print-address=1"};
  char* argv[std::size(arguments) + 1] = {};
  for (std::size_t i = 0; i < std::size(arguments); i++) argv[i] = arguments[i].data();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  std::optional<bool> started;
  if (!error) {
    char first = 0;
    pollfd readable{out[0], POLLIN, 0};
    if (::poll(&readable, 1, 60000) == 1) started = ::read(out[0], &first, 1) == 1;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  ::close(out[0]);
  return started;
}

TEST(ConfigDaemonTest, StartsWithWhatIsTaken) {
  const ConfigFiles files;
  if (!starts(files.main_file(""))) GTEST_SKIP() << "no dbus-daemon";
  for (const ConfigCase& each : kConfigCases) {
    std::filesystem::remove(files.directory() / "socket");
    EXPECT_EQ(starts(files.main_file(each.text)), each.taken) << each.text;
  }
}

}  // namespace
}  // namespace dg
