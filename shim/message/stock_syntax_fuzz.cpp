// SPDX-License-Identifier: LGPL-2.1-or-later
// Differential: names, paths, text and signatures. The installed libdbus and ours agree on what is
// valid, on why not, and on what is in a signature.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "message/stock_syntax.h"

namespace {

using namespace dg::test;

std::string verdict(const Api& api, const char* input) {
  return syntax_verdicts(api, input) + signature_verdict(api, input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::string expected = verdict(stock(), input.c_str());
  const std::string found = verdict(ours(), input.c_str());
  if (expected == found) return 0;
  std::fprintf(stderr, "the text:    %s\n--- the installed libdbus\n%s\n--- ours\n%s\n",
               hex(input).c_str(), expected.c_str(), found.c_str());
  std::abort();
}
