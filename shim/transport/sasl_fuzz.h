// SPDX-License-Identifier: LGPL-2.1-or-later
// For the fuzzers of both sides of the authentication protocol.
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "transport/sasl.h"

namespace dg::test {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "sasl fuzzer: %s\n", what);
  std::abort();
}

// For a keyring; gone with all that is in it.
class Directory {
 public:
  Directory() {
    if (!::mkdtemp(path_)) std::abort();
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const char* path() const { return path_; }

 private:
  char path_[32] = "/tmp/dbus-genl-fuzz-XXXXXX";
};

// Hands each line of what one side says, without its CR LF, to check() with the line's command and
// what comes after it.
template <typename Check>
void check_lines(std::string_view said, Check check) {
  while (!said.empty()) {
    const std::size_t end = said.find("\r\n");
    require(end != said.npos, "a line isn't ended");
    const std::string_view line = said.substr(0, end);
    said.remove_prefix(end + 2);
    check(line, line.substr(0, line.find(' ')), said);
  }
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
