// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * policy_users.h - several users and groups in one process of root
 */
#pragma once

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
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

}  // namespace dg::test
