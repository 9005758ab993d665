// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * shared_bus.h - a bus of several users, and processes of theirs
 */
#pragma once

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <new>

#include "peer.h"
#include "policy_kernel.h"
#include "tap.h"

namespace dg::test {

constexpr const char* SHARED_BUS = "system";

// Everybody may join, own any name and send anything to anybody.
constexpr const char* OPEN_POLICY =
    "<policy context='default'><allow user='*'/><allow send_type='*'/>"
    "<allow receive_sender='*'/><allow own='*'/></policy>";

// The bus, root's, with its policy.
inline void open_shared_bus(Tap& tap, Bus& bus, const char* policy = OPEN_POLICY) {
  Answer made = bus.create(SHARED_BUS);
  if (!made.error) made = set_policy(bus, blob_of(policy));
  if (made.error) tap.bail("can't make the bus: errno %d %s", -made.error, made.extack.c_str());
}

inline void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set)) _exit(98);
}

// A process of a user, which dies with this one.
template <class F>
pid_t spawn_as(uint32_t uid, F f) {
  const pid_t pid = fork();
  // It is going to be killed, and -1 means all processes.
  if (pid < 0) std::_Exit(99);
  if (pid) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (setgid(uid) || setuid(uid)) _exit(97);
  // Its peers may send its files, as those of a program that was started so.
  prctl(PR_SET_DUMPABLE, 1);
  f();
  _exit(0);
}

// How it ended: 0 to 255, or -1 if a signal ended it.
inline int ended(pid_t pid) {
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

inline void end_process(pid_t pid) {
  kill(pid, SIGKILL);
  ended(pid);
}

// Memory that processes share with those that they fork.
template <class T>
T* shared_memory() {
  void* at = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? nullptr : new (at) T();
}

}  // namespace dg::test
