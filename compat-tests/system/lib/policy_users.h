// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * policy_users.h - several users and groups in one process of root, and users at the console
 */
#pragma once

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace dg::test {

// While it lives, a process of root has this effective user, and these groups, the first of them
// the effective one.
class BecomeUser {
 public:
  BecomeUser(uint32_t uid, const std::vector<uint32_t>& groups) {
    const std::vector<gid_t> all(groups.begin(), groups.end());
    check(::setgroups(all.size(), all.data()) || ::setegid(all.empty() ? uid : all[0]) ||
          ::seteuid(uid));
  }
  // Changing them makes a process one that its peers may not take fds from.
  ~BecomeUser() {
    check(::seteuid(0) || ::setegid(0) || ::setgroups(0, nullptr) || ::prctl(PR_SET_DUMPABLE, 1));
  }
  BecomeUser(const BecomeUser&) = delete;
  BecomeUser& operator=(const BecomeUser&) = delete;

 private:
  static void check(bool failed) {
    if (!failed) return;
    std::perror("setgroups, setegid, seteuid");
    std::exit(99);
  }
};

// While it lives, these users have a session on a seat, as logind tells of them in its files.
class AtConsole {
 public:
  explicit AtConsole(const std::vector<uint32_t>& users) {
    if (users.empty()) return;
    std::filesystem::create_directories(kSystemd / "seats");
    std::filesystem::create_directories(kSystemd / "users");
    for (const uint32_t uid : users) {
      files_.push_back(kSystemd / "users" / std::to_string(uid));
      std::ofstream(files_.back()) << "STATE=online\nONLINE_SEATS=seat0\n";
    }
  }
  ~AtConsole() {
    for (const std::filesystem::path& file : files_) std::filesystem::remove(file);
  }
  AtConsole(const AtConsole&) = delete;
  AtConsole& operator=(const AtConsole&) = delete;

 private:
  const std::filesystem::path kSystemd = "/run/systemd";
  std::vector<std::filesystem::path> files_;
};

}  // namespace dg::test
