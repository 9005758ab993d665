// SPDX-License-Identifier: LGPL-2.1-or-later
// The functions that Debian's D-Bus tools import although no public header declares them. How they
// are called was read off those programs; what they do, off their names and what the programs do
// with the installed libdbus.
#include <dbus/dbus.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "base/error.h"
#include "base/memory.h"
#include "base/uuid.h"
#include "connection/connection.h"
#include "transport/address.h"

#define DG_EXPORT __attribute__((visibility("default")))

namespace {

// What dbus-launch has of a DBusString: it makes room for 32 bytes on its stack and, after
// _dbus_lookup_user_bus(), reads the characters and their number from the first two members.
struct PrivateString {
  char* characters;
  int length;
  int unused[5];
};
static_assert(sizeof(PrivateString) == 32);

bool give(const std::string& text, char** out, DBusError* error) noexcept {
  *out = dg::mem::strndup(text);
  if (!*out) dg::set_oom(error);
  return *out != nullptr;
}

void add_close_on_exec(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFD);
  if (flags >= 0) ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

}  // namespace

extern "C" {

DG_EXPORT void _dbus_get_real_time(long* seconds, long* microseconds) {
  timeval now;
  ::gettimeofday(&now, nullptr);
  if (seconds) *seconds = now.tv_sec;
  if (microseconds) *microseconds = now.tv_usec;
}

DG_EXPORT void _dbus_sleep_milliseconds(int milliseconds) {
  timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  while (::nanosleep(&left, &left) < 0 && errno == EINTR) continue;
}

DG_EXPORT void _dbus_connection_set_builtin_filters_enabled(DBusConnection* connection,
                                                            dbus_bool_t value) {
  connection->set_builtin_filters_enabled(value);
}

DG_EXPORT dbus_bool_t _dbus_create_uuid(char** uuid, DBusError* error) {
  try {
    std::string text;
    return dg::create_uuid(&text, error) && give(text, uuid, error);
  } catch (const std::bad_alloc&) {
    dg::set_oom(error);
    return FALSE;
  }
}

// filename null: the machine's. The error of a file that can't be created stays set.
DG_EXPORT dbus_bool_t _dbus_get_uuid(const char* filename, char** uuid, dbus_bool_t create,
                                     DBusError* error) {
  try {
    std::string text;
    const bool found = filename ? dg::read_uuid_file(filename, create, &text, error)
                                : dg::machine_id(create, &text, error);
    return found && give(text, uuid, error);
  } catch (const std::bad_alloc&) {
    dg::set_oom(error);
    return FALSE;
  }
}

DG_EXPORT void _dbus_fd_clear_close_on_exec(int fd) {
  const int flags = ::fcntl(fd, F_GETFD);
  if (flags >= 0) ::fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
}

// All but 0, 1 and 2: for the child that executes dbus-daemon next.
DG_EXPORT void _dbus_fd_set_all_close_on_exec(void) {
  if (DIR* directory = ::opendir("/proc/self/fd")) {
    while (const dirent* entry = ::readdir(directory)) {
      char* end;
      const long fd = std::strtol(entry->d_name, &end, 10);
      if (end != entry->d_name && !*end && fd > 2) add_close_on_exec(static_cast<int>(fd));
    }
    ::closedir(directory);
    return;
  }
  // No /proc: every number that could be in use.
  const long limit = ::sysconf(_SC_OPEN_MAX);
  for (int fd = 3; fd < (limit > 0 ? limit : 1024); ++fd) add_close_on_exec(fd);
}

// Makes 0, 1 and 2 /dev/null where they are closed, and where bit 1, 2 or 4 of flags forces it.
// False with errno and *what set.
DG_EXPORT dbus_bool_t _dbus_ensure_standard_fds(int flags, const char** what) {
  constexpr int forced[] = {1, 2, 4};
  for (int fd = 0; fd <= 2; ++fd) {
    if (!(flags & forced[fd]) && (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF)) continue;
    const int null = ::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
    if (null < 0) {
      if (what) *what = "Failed to open /dev/null";
      return FALSE;
    }
    if (null == fd) continue;
    const bool copied = ::dup2(null, fd) >= 0;
    const int cause = errno;
    ::close(null);
    if (!copied) {
      if (what) *what = "Failed to dup2 /dev/null onto a standard fd";
      errno = cause;
      return FALSE;
    }
  }
  return TRUE;
}

DG_EXPORT char* _dbus_strdup(const char* text) { return dg::mem::strdup(text); }

DG_EXPORT const char* _dbus_strerror(int error_number) {
  const char* text = std::strerror(error_number);
  return text ? text : "unknown";
}

DG_EXPORT dbus_bool_t _dbus_string_init(PrivateString* string) {
  *string = {};
  string->characters = dg::mem::strdup("");
  return string->characters != nullptr;
}

DG_EXPORT void _dbus_string_free(PrivateString* string) {
  dg::mem::free(string->characters);
  *string = {};
}

// Is there a bus of this user at XDG_RUNTIME_DIR/bus? False only without memory.
DG_EXPORT dbus_bool_t _dbus_lookup_user_bus(dbus_bool_t* supported, PrivateString* address,
                                            DBusError* error) {
  *supported = FALSE;
  try {
    const std::string found = dg::user_bus_address();
    if (found.empty()) return TRUE;
    char* characters;
    if (!give(found, &characters, error)) return FALSE;
    dg::mem::free(address->characters);
    address->characters = characters;
    address->length = static_cast<int>(found.size());
    *supported = TRUE;
    return TRUE;
  } catch (const std::bad_alloc&) {
    dg::set_oom(error);
    return FALSE;
  }
}

}  // extern "C"
