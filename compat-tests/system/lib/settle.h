// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * settle.h - what comes true after a while: the kernel takes leave of peers and
 * files when their tasks have gone, or by a worker
 */
#pragma once

#include <unistd.h>

#include <functional>

#include "peer.h"
#include "tap.h"

namespace dg::test {

// Within a minute, unless it is said otherwise: what must come true does so in milliseconds, but
// not while the host has other things to do.
inline bool comes_true(const std::function<bool()>& what, int timeout_ms = 60000) {
  for (int64_t end = now_ms() + timeout_ms; now_ms() < end; usleep(20000))
    if (what()) return true;
  return what();
}

// The last check of a test: the module has what it had before.
inline bool nothing_left(Tap& tap, const Stats& before, int timeout_ms = 60000) {
  Stats after;
  const bool same = comes_true(
      [&] {
        after = stats();
        return same_gauges(before, after);
      },
      timeout_ms);
  return tap.ok(same, "nothing is left: %s", gauges_text(after).c_str());
}

}  // namespace dg::test
