// SPDX-License-Identifier: LGPL-2.1-or-later
// See sasl.h.
#include "transport/sasl.h"

namespace dg {

void Sasl::output_sent(std::size_t bytes) {
  sent_ += bytes;
  if (sent_ == output_.size()) {
    output_.clear();
    sent_ = 0;
  }
}

void Sasl::send(std::string_view line) {
  output_ += line;
  output_ += "\r\n";
}

void Sasl::fail(const char* reason) {
  reason_ = reason;
  outcome_ = Outcome::Failed;
}

}  // namespace dg
