// SPDX-License-Identifier: LGPL-2.1-or-later
// Running a program for an address: the other end of a unixexec: connection, dbus-launch.
#pragma once

#include <dbus/dbus.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace dg {

// Runs argv (found in PATH if search) with `in` and `out` as its standard input and output, nothing
// else but the standard error open, and no signal blocked. It is nobody's child, so that no process
// has to wait for it. False, with `error` set, also when it can't be executed.
bool spawn(const std::string& path, const std::vector<std::string>& argv, bool search, int in,
           int out, DBusError* error);

// A non-blocking socket to the program.
UniqueFd connect_program(const std::string& path, const std::vector<std::string>& argv,
                         DBusError* error);

// Asks dbus-launch for the session bus of this machine and X display; "" with `error` set.
std::string autolaunch_address(DBusError* error);

}  // namespace dg
