// SPDX-License-Identifier: LGPL-2.1-or-later
// The cookies of DBUS_COOKIE_SHA1: files in ~/.dbus-keyrings (spec, "DBUS_COOKIE_SHA1").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dg {

// May this name be a cookie context, that is, the name of a file in the keyring?
bool cookie_context_valid(std::string_view context) noexcept;

// This process's user's keyring.
std::string keyring_directory();

struct Cookie {
  std::string id;
  std::string secret;  // as it stands in the file: in hexadecimal
};

// For a server: a cookie that is recent, of those that are there or a new one. The file is locked
// and rewritten only for a new one; what is too old, or too far in the future, goes then. May wait
// for another process's lock. None when the directory can't be made or used.
std::optional<Cookie> current_cookie(const std::string& directory, const std::string& context);

// For a client. None when there is no such cookie, or when the directory is open to others.
std::optional<std::string> find_cookie(const std::string& directory, const std::string& context,
                                       std::string_view id);

}  // namespace dg
