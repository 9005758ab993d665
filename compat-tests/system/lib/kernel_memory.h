// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * kernel_memory.h - memory as the kernel counts it: of a cgroup, and in slab caches
 *
 * Both count lazily. What a cgroup is charged for is corrected in steps kept by each processor
 * (flush_charges()), and a cache's free objects are not known as such while a processor has them
 * at hand (shrink); then both are exact to the object.
 */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "shared_bus.h"

namespace dg::test {

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

class Cgroup {
 public:
  explicit Cgroup(const std::string& name) : path_("/sys/fs/cgroup/" + name) {
    made_ = mkdir(path_.c_str(), 0755) == 0;
  }
  ~Cgroup() { rmdir(path_.c_str()); }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  const std::string& path() const { return path_; }
  bool works() const { return made_ && !stat().empty(); }
  // The calling process, and those that it will make.
  void enter() const { write_file(path_ + "/cgroup.procs", std::to_string(getpid())); }
  std::map<std::string, int64_t> stat() const {
    std::map<std::string, int64_t> all;
    std::ifstream in(path_ + "/memory.stat");
    std::string key;
    int64_t value;
    while (in >> key >> value) all[key] = value;
    return all;
  }

 private:
  std::string path_;
  bool made_;
};

// What each processor has put aside for the cgroup that it served last goes when it serves another.
inline void flush_charges() {
  static Cgroup other("flush");
  for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); ++cpu)
    ended(spawn_as(0, [&] {
      other.enter();
      pin(cpu);
      for (int i = 0; i < 64; ++i) {
        int fds[2];
        if (pipe(fds)) break;
        close(fds[0]);
        close(fds[1]);
      }
    }));
}

// How far off a number of memory.stat may be even then, in bytes. Before Linux 5.13 each processor
// keeps back less than 32 pages of what changed, whoever it serves.
inline int64_t charge_error() {
  utsname name{};
  int version = 0, patch = 0;
  uname(&name);
  std::sscanf(name.release, "%d.%d", &version, &patch);
  return version * 100 + patch < 513 ? sysconf(_SC_NPROCESSORS_ONLN) * 32 * 4096 : 0;
}

// Bytes in use in each slab cache of a kind that the module, or what it holds, is in.
inline std::map<std::string, int64_t> slab_bytes() {
  std::map<std::string, int64_t> all;
  for (bool shrunk : {false, true}) {
    std::ifstream in("/proc/slabinfo");
    std::string line, name;
    while (std::getline(in, line)) {
      int64_t active = 0, total = 0, size = 0;
      std::istringstream fields(line);
      if (!(fields >> name >> active >> total >> size)) continue;
      // dma and reclaimable ones are others'.
      const bool ours = (name.rfind("kmalloc-", 0) == 0 && name.find("dma") == std::string::npos &&
                         name.find("rcl") == std::string::npos) ||
                        name.rfind("skbuff", 0) == 0 || name == "filp" || name == "cred_jar" ||
                        name == "pid" || name == "radix_tree_node" || name == "sock_inode_cache" ||
                        name == "shmem_inode_cache";
      if (!ours) continue;
      if (!shrunk) write_file("/sys/kernel/slab/" + name + "/shrink", "1");
      if (shrunk) all[name] = active * size;
    }
  }
  return all;
}

// A line of /proc/meminfo, in bytes.
inline int64_t meminfo(const std::string& what) {
  std::ifstream in("/proc/meminfo");
  std::string line;
  while (std::getline(in, line))
    if (line.rfind(what + ":", 0) == 0)
      return std::strtoll(line.c_str() + what.size() + 1, nullptr, 10) * 1024;
  return -1;
}

}  // namespace dg::test
