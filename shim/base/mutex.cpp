// SPDX-License-Identifier: LGPL-2.1-or-later
// CondVar on the monotonic clock.
#include "base/mutex.h"

#include <time.h>

#include <cerrno>

namespace dg {

CondVar::CondVar() noexcept {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&cond_, &attributes);
  pthread_condattr_destroy(&attributes);
}

bool CondVar::wait_until(Lock& lock, std::int64_t deadline_ms) noexcept {
  if (deadline_ms < 0) deadline_ms = 0;
  timespec until;
  until.tv_sec = static_cast<time_t>(deadline_ms / 1000);
  until.tv_nsec = static_cast<long>(deadline_ms % 1000 * 1000000);
  return pthread_cond_timedwait(&cond_, lock.mutex()->native(), &until) != ETIMEDOUT;
}

}  // namespace dg
