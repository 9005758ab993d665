// SPDX-License-Identifier: LGPL-2.1-or-later
// What a library says of names, paths, text and signatures, as text to be compared: for the test
// and the fuzzer that put the same to the installed libdbus and to ours.
#pragma once

#include <string>

#include "message/stock_api.h"

namespace dg::test {

// Whether each of the dbus_validate_* functions takes it, and the error if not.
std::string syntax_verdicts(const Api& api, const std::string& text);
// Whether it is a signature, and a single one, and what is in it.
std::string signature_verdict(const Api& api, const std::string& signature);

}  // namespace dg::test
