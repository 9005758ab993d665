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

bool rewrite(const char* variable, std::string_view separators, const std::string& library,
             bool directories) {
  const char* value = std::getenv(variable);
  if (!value) return false;
  const std::string rest = without_library(value, separators, library, directories);
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
                            const std::string& library, bool directories) {
  const std::size_t slash = library.rfind('/');
  const std::string wanted = directories ? library.substr(0, slash) : library;
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
  const std::string library = resolved(info.dli_fname);
  const bool preloaded = rewrite("LD_PRELOAD", " :", library, false);
  const bool found = rewrite("LD_LIBRARY_PATH", ";:", library, true);
  return preloaded || found;
}

}  // namespace dg
