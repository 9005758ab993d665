// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * pass_fds.h - fds from one process of a test to another, over a socket of AF_UNIX
 */
#pragma once

#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace dg::test {

// At most that many at once.
constexpr size_t PASSED_FDS_MAX = 8;

struct FdsMessage {
  FdsMessage(void* data, size_t size) : io{data, size} {
    header.msg_iov = &io;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  alignas(cmsghdr) char control[CMSG_SPACE(PASSED_FDS_MAX * sizeof(int))] = {};
  iovec io;
  msghdr header{};
};

// The data, at least a byte of it, and the fds.
inline bool send_fds(int socket, const std::vector<int>& fds, void* data, size_t size) {
  FdsMessage m(data, size);
  const size_t bytes = fds.size() * sizeof(int);
  m.header.msg_controllen = CMSG_SPACE(bytes);
  cmsghdr* c = CMSG_FIRSTHDR(&m.header);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(bytes);
  std::memcpy(CMSG_DATA(c), fds.data(), bytes);
  return sendmsg(socket, &m.header, 0) == static_cast<ssize_t>(size);
}

// What send_fds() sent; none if there are none, or less data than that.
inline std::vector<int> receive_fds(int socket, void* data, size_t size) {
  FdsMessage m(data, size);
  if (recvmsg(socket, &m.header, MSG_CMSG_CLOEXEC) != static_cast<ssize_t>(size)) return {};
  const cmsghdr* c = CMSG_FIRSTHDR(&m.header);
  if (!c) return {};
  std::vector<int> fds((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  std::memcpy(fds.data(), CMSG_DATA(c), fds.size() * sizeof(int));
  return fds;
}

}  // namespace dg::test
