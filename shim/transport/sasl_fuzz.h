// SPDX-License-Identifier: LGPL-2.1-or-later
// For the fuzzers of both sides of the authentication protocol.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "transport/sasl.h"

namespace dg::test {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "sasl fuzzer: %s\n", what);
  std::abort();
}

struct Fed {
  std::size_t taken;
  std::string said;
};

// Gives it the bytes, at once or in pieces whose sizes depend on what is in them; in the latter
// case some of what it says goes out meanwhile.
inline Fed feed(Sasl& sasl, const std::uint8_t* data, std::size_t size, bool whole) {
  Fed fed{};
  for (std::size_t at = 0; at < size;) {
    const std::size_t piece = whole ? size : std::min<std::size_t>(size - at, 1 + data[at] % 13u);
    const std::size_t taken = sasl.feed({reinterpret_cast<const char*>(data) + at, piece});
    require(taken <= piece, "it took more than there was");
    fed.taken += taken;
    at += piece;
    if (!whole && !sasl.output().empty()) {
      fed.said += sasl.output().substr(0, 1);
      sasl.output_sent(1);
    }
    if (taken < piece) {
      require(sasl.done() || sasl.failed(), "it stopped without an end");
      break;
    }
  }
  fed.said += sasl.output();
  return fed;
}

}  // namespace dg::test
