// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages in wire format to be given to the installed libdbus and to ours, by tests and by the
// fuzzer: how they are made and spoilt, and all that a library says of them, as text.
#pragma once

#include <string>

#include "message/stock_api.h"

namespace dg::test {

// A message of random fields and values in wire format, made by the installed libdbus.
std::string random_bytes(Random& random);
// The same message in the other byte order; the signature is its body's.
std::string swapped(std::string bytes, const std::string& signature);
// Empty also if the bytes are no message.
std::string signature_of(const std::string& bytes);
// A few bytes changed, where it is likely to matter.
std::string mutate(std::string bytes, Random& random);
// What a library makes of the bytes: how many it needs; why it refuses them, or the message read
// and marshalled again.
std::string verdict(const Api& api, const std::string& bytes);

}  // namespace dg::test
