// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * files.h - for tests of files in messages: memfds, messages that carry them,
 * and whether two fds are the same file
 */
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "peer.h"
#include "settle.h"

namespace dg::test {

inline uint64_t unclaimed() { return stats()[DBUS_GENL_STATS_A_UNCLAIMED_FDS]; }

inline bool same_file(int a, int b) {
  struct stat sa, sb;
  return !fstat(a, &sa) && !fstat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

inline std::string content(int fd, size_t n = 64) {
  std::string s(n, '\0');
  ssize_t got = read(fd, s.data(), n);
  s.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return s;
}

inline int open_fds() {
  int n = 0;
  for (int fd = 0; fd < 1024; ++fd) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

constexpr int SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

inline int memfd(const std::string& bytes, int seals = SEALS) {
  int fd = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0 || write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return -1;
  if (seals) fcntl(fd, F_ADD_SEALS, seals);
  return fd;
}

inline int sparse(off_t size) {
  int fd = memfd_create("sparse", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return ftruncate(fd, size) ? -1 : fd;
}

// A message that carries these, with an 'h' for each in its body.
inline Message carrying(Message m, const std::vector<int>& fds) {
  m.fds = fds;
  m.signature.clear();
  m.body.clear();
  for (uint32_t i = 0; i < fds.size(); ++i) {
    m.signature += 'h';
    m.body.insert(m.body.end(), reinterpret_cast<uint8_t*>(&i), reinterpret_cast<uint8_t*>(&i + 1));
  }
  return m;
}

inline Message to(const Peer& p, const std::vector<int>& fds, std::string_view member = "M") {
  Message m = carrying(call(p.name(), "/o", "i.I", member), fds);
  m.flags = NO_REPLY;
  return m;
}

inline Message with_body(Message m, std::string_view signature, int fd) {
  m.signature = signature;
  m.body.clear();
  m.body_fd = fd;
  m.flags = NO_REPLY;
  return m;
}

inline std::string u32_bytes(size_t v) {
  auto u = static_cast<uint32_t>(v);
  return std::string(reinterpret_cast<char*>(&u), sizeof u);
}

// A body "say": the text, then bytes.
inline std::string say(const std::string& text, size_t bytes) {
  std::string b = u32_bytes(text.size()) + text + '\0';
  while (b.size() % 4) b += '\0';
  return b + u32_bytes(bytes) + std::string(bytes, 'x');
}

}  // namespace dg::test
