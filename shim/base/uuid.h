// SPDX-License-Identifier: LGPL-2.1-or-later
// D-Bus UUIDs (32 hex digits; not RFC 4122's) and the machine's own, which is kept in a file.
#pragma once

#include <dbus/dbus.h>

#include <string>

namespace dg {

// 96 random bits and the time of creation. False with the error set when there is no randomness.
bool create_uuid(std::string* uuid, DBusError* error);

// Reads a file that holds a UUID, and creates it if it is missing and create is set.
bool read_uuid_file(const char* path, bool create, std::string* uuid, DBusError* error);

// The machine's: /var/lib/dbus/machine-id, else /etc/machine-id. create: the first is made, from
// the second's contents if there are any, when it can't be read.
bool machine_id(bool create, std::string* uuid, DBusError* error);

}  // namespace dg
