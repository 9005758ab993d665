// SPDX-License-Identifier: LGPL-2.1-or-later
// UUIDs and the files they are kept in.
#include "base/uuid.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>

#include "base/error.h"
#include "base/unique_fd.h"

namespace dg {
namespace {

constexpr char machine_id_file[] = "/var/lib/dbus/machine-id";
constexpr char systemd_machine_id_file[] = "/etc/machine-id";
constexpr std::size_t uuid_digits = 32;
constexpr char white_space[] = " \t\r\n";

std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

bool random_bytes(std::span<std::uint8_t> bytes, DBusError* error) {
  while (!bytes.empty()) {
    const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      set_error(error, DBUS_ERROR_FAILED, "Could not get random bytes: %s", std::strerror(errno));
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

// Up to `limit` bytes of a file. False with errno set.
bool read_file(const char* path, std::size_t limit, std::string* contents) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return false;
  contents->clear();
  std::array<char, 256> buffer;
  while (contents->size() < limit) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    contents->append(buffer.data(), static_cast<std::size_t>(got));
  }
  return true;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = ::write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

// Written aside and renamed, so that nobody ever reads half a UUID.
bool write_uuid_file(const char* path, const std::string& uuid, DBusError* error) {
  std::array<std::uint8_t, 4> suffix;
  if (!random_bytes(suffix, error)) return false;
  const std::string temporary = std::string(path) + "." + to_hex(suffix);
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd) {
    set_error(error, error_name_from_errno(errno), "Could not create %s: %s", temporary.c_str(),
              std::strerror(errno));
    return false;
  }
  // Whatever the umask is: every user has to be able to read it.
  const bool written = ::fchmod(fd.get(), 0644) == 0 && write_all(fd.get(), uuid + "\n") &&
                       ::fsync(fd.get()) == 0 && ::rename(temporary.c_str(), path) == 0;
  if (!written) {
    set_error(error, error_name_from_errno(errno), "Could not write %s: %s", path,
              std::strerror(errno));
    ::unlink(temporary.c_str());
  }
  return written;
}

}  // namespace

bool create_uuid(std::string* uuid, DBusError* error) {
  std::array<std::uint8_t, 16> bytes;
  if (!random_bytes(std::span(bytes).first(12), error)) return false;
  const auto now = static_cast<std::uint32_t>(::time(nullptr));
  for (int i = 0; i < 4; ++i) bytes[12 + i] = static_cast<std::uint8_t>(now >> (24 - 8 * i));
  *uuid = to_hex(bytes);
  return true;
}

bool read_uuid_file(const char* path, bool create, std::string* uuid, DBusError* error) {
  std::string contents;
  if (!read_file(path, 4096, &contents)) {
    const int cause = errno;
    if (create && cause == ENOENT) {
      return create_uuid(uuid, error) && write_uuid_file(path, *uuid, error);
    }
    set_error(error, error_name_from_errno(cause), "Failed to open \"%s\": %s", path,
              std::strerror(cause));
    return false;
  }
  contents.erase(0, contents.find_first_not_of(white_space));
  contents.erase(contents.find_last_not_of(white_space) + 1);
  if (contents.size() != uuid_digits) {
    set_error(error, DBUS_ERROR_INVALID_FILE_CONTENT,
              "UUID file '%s' should contain a hex string of length %zu, not length %zu, with no "
              "other text",
              path, uuid_digits, contents.size());
    return false;
  }
  for (char& digit : contents) {
    if (digit >= 'A' && digit <= 'F') digit = static_cast<char>(digit - 'A' + 'a');
    if ((digit < '0' || digit > '9') && (digit < 'a' || digit > 'f')) {
      set_error(error, DBUS_ERROR_INVALID_FILE_CONTENT, "UUID file '%s' contains invalid hex data",
                path);
      return false;
    }
  }
  *uuid = std::move(contents);
  return true;
}

bool machine_id(bool create, std::string* uuid, DBusError* error) {
  ScopedError first, second;
  if (read_uuid_file(machine_id_file, false, uuid, first.get())) return true;
  const bool has_second = read_uuid_file(systemd_machine_id_file, false, uuid, second.get());
  if (create) {
    return (has_second || create_uuid(uuid, error)) &&
           write_uuid_file(machine_id_file, *uuid, error);
  }
  if (has_second) return true;
  set_error(error, second->name,
            "D-Bus library appears to be incorrectly set up: see the manual page for dbus-uuidgen "
            "to correct this issue. (%s; %s)",
            first->message, second->message);
  return false;
}

}  // namespace dg
