// SPDX-License-Identifier: LGPL-2.1-or-later
// See keyring.h.
#include "transport/keyring.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/log.h"

namespace dg {

bool cookie_context_valid(std::string_view context) noexcept {
  if (context.empty()) return false;
  for (char c : context) {
    // ASCII, and neither space nor what leads out of the directory.
    if (c <= ' ' || c > '~' || c == '/' || c == '\\' || c == '.') return false;
  }
  return true;
}

std::string keyring_directory() {
  const char* home = std::getenv("HOME");
  if (!home || !*home) {
    const passwd* user = ::getpwuid(::geteuid());
    home = user && user->pw_dir ? user->pw_dir : "/";
  }
  return std::string(home) + "/.dbus-keyrings";
}

std::optional<std::string> find_cookie(const std::string& directory, const std::string& context,
                                       std::string_view id) {
  if (!cookie_context_valid(context)) return std::nullopt;
  struct stat status;
  if (::stat(directory.c_str(), &status) < 0) return std::nullopt;
  if (status.st_mode & 077) {
    trace("the keyring %s is open to other users: not used", directory.c_str());
    return std::nullopt;
  }
  // A line is: id, time of creation, cookie in hexadecimal.
  std::ifstream file(directory + "/" + context);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string its_id;
    std::string time;
    std::string cookie;
    if (words >> its_id >> time >> cookie && its_id == id) return cookie;
  }
  return std::nullopt;
}

}  // namespace dg
