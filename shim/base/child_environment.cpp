// SPDX-License-Identifier: LGPL-2.1-or-later
// Which entries of the dynamic linker's variables are this library.
#include "base/child_environment.h"

#include <dlfcn.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

namespace dg {
namespace {

std::string resolved(const std::string& path) {
  char buffer[PATH_MAX];
  return ::realpath(path.c_str(), buffer) ? buffer : path;
}

bool rewrite(const char* variable, std::string_view separators, const std::string& wanted,
             bool directories) {
  const char* value = std::getenv(variable);
  if (!value) return false;
  const std::string rest = without_library(value, separators, wanted, directories);
  if (rest == value) return false;
  if (rest.empty()) {
    ::unsetenv(variable);
  } else {
    ::setenv(variable, rest.c_str(), 1);
  }
  return true;
}

}  // namespace

std::string without_library(std::string_view list, std::string_view separators,
                            const std::string& wanted, bool directories) {
  std::string rest;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(separators), list.size());
    const std::string entry(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (entry.empty()) continue;
    // An entry without a slash is looked up in LD_LIBRARY_PATH, and only ours has such a name.
    const bool bare = !directories && entry.find('/') == std::string::npos;
    if (bare ? entry.starts_with("libdbus-1.so") : resolved(entry) == wanted) continue;
    if (!rest.empty()) rest += separators.back();
    rest += entry;
  }
  return rest;
}

bool leave_this_library_behind() {
  Dl_info info;
  if (!::dladdr(reinterpret_cast<const void*>(&leave_this_library_behind), &info)) return false;
  const std::string name = info.dli_fname;
  const bool preloaded = rewrite("LD_PRELOAD", " :", resolved(name), false);
  // Where it was found, which need not be where the file is.
  const std::size_t slash = name.rfind('/');
  const bool found =
      slash != name.npos && rewrite("LD_LIBRARY_PATH", ";:", resolved(name.substr(0, slash)), true);
  return preloaded || found;
}

}  // namespace dg
