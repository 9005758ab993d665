// SPDX-License-Identifier: LGPL-2.1-or-later
// Mutex, RecursiveMutex and CondVar over pthread: constant-initialised, so that they may be globals
// that are used from other libraries' constructors, and with trivial state, so that a child forked
// while none was held goes on working (the order of static destructors at exit can't break them
// either: there are none). Timed waits use the monotonic clock through pthread_cond_timedwait,
// which the thread sanitizer knows.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <mutex>

namespace dg {

class Mutex {
 public:
  constexpr Mutex() noexcept = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock() noexcept { pthread_mutex_lock(&mutex_); }
  void unlock() noexcept { pthread_mutex_unlock(&mutex_); }
  bool try_lock() noexcept { return pthread_mutex_trylock(&mutex_) == 0; }
  pthread_mutex_t* native() noexcept { return &mutex_; }

 private:
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

class RecursiveMutex {
 public:
  constexpr RecursiveMutex() noexcept = default;
  RecursiveMutex(const RecursiveMutex&) = delete;
  RecursiveMutex& operator=(const RecursiveMutex&) = delete;
  void lock() noexcept { pthread_mutex_lock(&mutex_); }
  void unlock() noexcept { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_ = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
};

using Lock = std::unique_lock<Mutex>;

class CondVar {
 public:
  CondVar() noexcept;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;
  ~CondVar() { pthread_cond_destroy(&cond_); }
  void wait(Lock& lock) noexcept { pthread_cond_wait(&cond_, lock.mutex()->native()); }
  // False when the time (as monotonic_ms() counts it) has passed.
  bool wait_until(Lock& lock, std::int64_t deadline_ms) noexcept;
  void notify_one() noexcept { pthread_cond_signal(&cond_); }
  void notify_all() noexcept { pthread_cond_broadcast(&cond_); }

 private:
  pthread_cond_t cond_;
};

}  // namespace dg
