// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * fuse_server.h - a file system of one file, "f", whose ->flush takes as long as one likes
 *
 * A process that speaks to /dev/fuse; libfuse would be a package for what these lines do.
 */
#pragma once

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "shared_bus.h"

namespace dg::test {

class FuseServer {
 public:
  struct State {
    std::atomic<bool> blocks{false};
    std::atomic<unsigned> flushes{0};  // that came
  };
  State* state = shared_memory<State>();

  // Whether it is mounted there.
  bool start(const std::string& directory) {
    directory_ = directory;
    const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0) return false;
    const std::string options =
        "fd=" + std::to_string(fd) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
    if (mount("lab", directory.c_str(), "fuse", 0, options.c_str())) return false;
    pid_ = spawn_as(0, [&] { serve(fd); });
    close(fd);
    return true;
  }
  ~FuseServer() {
    if (pid_ < 0) return;
    state->blocks = false;
    umount2(directory_.c_str(), MNT_DETACH);
    end_process(pid_);
  }

 private:
  [[noreturn]] void serve(int fd) {
    std::vector<uint64_t> waiting;
    alignas(8) char request[FUSE_MIN_READ_BUFFER + 65536];
    for (;;) {
      pollfd p{fd, POLLIN, 0};
      poll(&p, 1, 10);
      if (!state->blocks) {
        for (uint64_t unique : waiting) answer(fd, unique, 0, nullptr, 0);
        waiting.clear();
      }
      if (!(p.revents & POLLIN)) continue;
      if (read(fd, request, sizeof request) < 0) {
        if (errno == ENODEV) _exit(0);
        continue;
      }
      const auto* in = reinterpret_cast<const fuse_in_header*>(request);
      if (in->opcode == FUSE_FLUSH) {
        ++state->flushes;
        waiting.push_back(in->unique);
      } else {
        handle(fd, in);
      }
    }
  }

  void handle(int fd, const fuse_in_header* in) {
    switch (in->opcode) {
      case FUSE_INIT: {
        fuse_init_out out{};
        out.major = FUSE_KERNEL_VERSION;
        out.minor = 31;
        out.max_write = 4096;
        return answer(fd, in->unique, 0, &out, sizeof out);
      }
      case FUSE_LOOKUP: {
        fuse_entry_out out{};
        out.nodeid = 2;
        out.entry_valid = out.attr_valid = 3600;
        out.attr = attributes(2);
        return answer(fd, in->unique, 0, &out, sizeof out);
      }
      case FUSE_GETATTR: {
        fuse_attr_out out{};
        out.attr_valid = 3600;
        out.attr = attributes(in->nodeid);
        return answer(fd, in->unique, 0, &out, sizeof out);
      }
      case FUSE_OPEN: {
        fuse_open_out out{};
        return answer(fd, in->unique, 0, &out, sizeof out);
      }
      case FUSE_RELEASE:
        return answer(fd, in->unique, 0, nullptr, 0);
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return;
      default:
        return answer(fd, in->unique, -ENOSYS, nullptr, 0);
    }
  }

  static fuse_attr attributes(uint64_t node) {
    fuse_attr a{};
    a.ino = node;
    a.mode = node == 1 ? S_IFDIR | 0777 : S_IFREG | 0666;
    a.nlink = 1;
    a.blksize = 4096;
    return a;
  }

  static void answer(int fd, uint64_t unique, int error, const void* data, size_t len) {
    std::vector<char> out(sizeof(fuse_out_header) + len);
    fuse_out_header head{static_cast<uint32_t>(out.size()), error, unique};
    std::memcpy(out.data(), &head, sizeof head);
    if (len) std::memcpy(out.data() + sizeof head, data, len);
    (void)!write(fd, out.data(), out.size());
  }

  std::string directory_;
  pid_t pid_ = -1;
};

}  // namespace dg::test
