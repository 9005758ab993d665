// SPDX-License-Identifier: LGPL-2.1-or-later
// For a process that is about to execute a program which can't work with this library.
#pragma once

#include <string>
#include <string_view>

namespace dg {

// Takes this library out of LD_PRELOAD, and the directory that it was loaded from out of
// LD_LIBRARY_PATH. False when it is in neither.
bool leave_this_library_behind();

// What leave_this_library_behind() makes of a variable: the list without the entries that are
// `wanted`, a file (or a directory, if directories is set) with all links resolved.
std::string without_library(std::string_view list, std::string_view separators,
                            const std::string& wanted, bool directories);

}  // namespace dg
