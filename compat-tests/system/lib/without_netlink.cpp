// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * without_netlink.cpp - runs a command that can't have netlink sockets
 *
 * without_netlink ERRNO CMD ARG…
 *
 * As systemd's RestrictAddressFamilies= and container runtimes do it: a seccomp filter makes
 * socket(AF_NETLINK, …) fail with ERRNO, for the command and all that it starts.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: without_netlink ERRNO CMD ARG...\n");
    return 125;
  }
  const auto refusal = static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 0));
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (refusal & SECCOMP_RET_DATA)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {static_cast<unsigned short>(std::size(filter)), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
    std::perror("without_netlink: seccomp");
    return 125;
  }
  execvp(argv[2], argv + 2);
  std::perror(argv[2]);
  return 127;
}
