// SPDX-License-Identifier: LGPL-2.1-or-later
// See keyring.h.
#include "transport/keyring.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "base/unique_fd.h"
#include "transport/sasl_hex.h"

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

namespace {

// Seconds; the spec leaves them to the implementation, these are libdbus's. A new cookie is made
// while the old one is still valid for a client that was just told of it.
constexpr std::int64_t kRecent = 5 * 60;
constexpr std::int64_t kExpired = 7 * 60;
constexpr std::int64_t kFuture = 5 * 60;
// Times that can be subtracted from each other.
constexpr std::int64_t kEndOfTime = std::int64_t{1} << 48;

// Who holds the lock longer than this has died.
constexpr std::int64_t kStaleLockMs = 8000;
constexpr useconds_t kLockPollUs = 20000;

constexpr std::size_t kSecretSize = 24;

// Far more than the cookies of some minutes.
constexpr std::size_t kMaxFile = 1024 * 1024;

struct Line {
  Cookie cookie;
  std::int64_t created = 0;
};

// Not through iostreams, for which a lack of memory is the end of the file.
std::string read_file(const std::string& path) {
  std::string text;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  ssize_t n;
  while (fd && text.size() < kMaxFile && (n = ::read(fd.get(), buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

// Cuts off what is before the first of the separators, and those that follow it.
std::string_view take_until(std::string_view* text, std::string_view separators) {
  const std::string_view part = text->substr(0, text->find_first_of(separators));
  text->remove_prefix(part.size());
  text->remove_prefix(std::min(text->find_first_not_of(separators), text->size()));
  return part;
}

// A line is: id, time of creation, cookie in hexadecimal. Others are overlooked.
std::vector<Line> read_cookies(const std::string& path) {
  std::vector<Line> lines;
  const std::string text = read_file(path);
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view words = take_until(&rest, "\n");
    const std::string_view id = take_until(&words, " ");
    const std::string_view created = take_until(&words, " ");
    const std::string_view secret = take_until(&words, " ");
    Line line;
    const auto [stop, problem] =
        std::from_chars(created.data(), created.data() + created.size(), line.created);
    if (problem == std::errc() && stop == created.data() + created.size() && line.created >= 0 &&
        line.created < kEndOfTime && !secret.empty() && hex_decode(secret)) {
      line.cookie = {std::string(id), std::string(secret)};
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

// Who could read a cookie could be this user everywhere; who could put one there, too.
bool keyring_is_private(const std::string& directory) {
  struct stat status;
  if (::stat(directory.c_str(), &status) < 0) return false;
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || status.st_mode & 066) {
    trace("the keyring %s is open to other users: not used", directory.c_str());
    return false;
  }
  return true;
}

std::optional<Cookie> recent_cookie(const std::vector<Line>& lines, std::int64_t now) {
  for (const Line& line : lines) {
    if (now - line.created <= kRecent && line.created - now <= kFuture) return line.cookie;
  }
  return std::nullopt;
}

// FILE.lock exists while one of the user's processes changes FILE.
class KeyringLock {
 public:
  explicit KeyringLock(std::string path) : path_(std::move(path)) {
    for (const std::int64_t start = monotonic_ms();;) {
      const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      if (fd >= 0) {
        ::close(fd);
        held_ = true;
        return;
      }
      if (errno != EEXIST) return;
      if (monotonic_ms() - start > kStaleLockMs || is_stale()) {
        trace("the lock %s is stale: removed", path_.c_str());
        if (::unlink(path_.c_str()) < 0 && errno != ENOENT) return;
      } else {
        ::usleep(kLockPollUs);
      }
    }
  }
  ~KeyringLock() {
    if (held_) (void)::unlink(path_.c_str());
  }
  KeyringLock(const KeyringLock&) = delete;
  KeyringLock& operator=(const KeyringLock&) = delete;
  explicit operator bool() const noexcept { return held_; }

 private:
  bool is_stale() const {
    struct stat status;
    return ::stat(path_.c_str(), &status) == 0 &&
           (::time(nullptr) - status.st_mtime) * 1000 > kStaleLockMs;
  }

  std::string path_;
  bool held_ = false;
};

// Replaced in one step, since clients read it without a lock.
bool write_cookies(const std::string& path, const std::vector<Line>& lines) {
  std::string text;
  for (const Line& line : lines) {
    text += line.cookie.id + " " + std::to_string(line.created) + " " + line.cookie.secret + "\n";
  }
  const std::string fresh = path + ".new";
  (void)::unlink(fresh.c_str());
  UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::rename(fresh.c_str(), path.c_str()) == 0) {
    return true;
  }
  trace("cannot write %s: %s", path.c_str(), strerror(errno));
  (void)::unlink(fresh.c_str());
  return false;
}

std::optional<Line> new_cookie(std::int64_t now) {
  char secret[kSecretSize];
  std::uint32_t id;
  if (::getrandom(secret, sizeof secret, 0) != ssize_t{sizeof secret} ||
      ::getrandom(&id, sizeof id, 0) != ssize_t{sizeof id}) {
    return std::nullopt;
  }
  // libdbus reads the id as a positive int.
  return Line{{std::to_string(id & INT32_MAX), hex_encode({secret, sizeof secret})}, now};
}

}  // namespace

std::optional<Cookie> current_cookie(const std::string& directory, const std::string& context) {
  if (!cookie_context_valid(context)) return std::nullopt;
  if (::mkdir(directory.c_str(), 0700) < 0 && errno != EEXIST) {
    trace("cannot make %s: %s", directory.c_str(), strerror(errno));
    return std::nullopt;
  }
  if (!keyring_is_private(directory)) return std::nullopt;
  const std::string path = directory + "/" + context;
  if (auto cookie = recent_cookie(read_cookies(path), ::time(nullptr))) return cookie;

  KeyringLock lock(path + ".lock");
  if (!lock) {
    trace("cannot lock %s: %s", path.c_str(), strerror(errno));
    return std::nullopt;
  }
  const std::int64_t now = ::time(nullptr);
  std::vector<Line> lines = read_cookies(path);
  // Another process may have been quicker.
  if (auto cookie = recent_cookie(lines, now)) return cookie;
  std::erase_if(lines, [now](const Line& line) {
    return now - line.created > kExpired || line.created - now > kFuture;
  });
  auto fresh = new_cookie(now);
  if (!fresh) return std::nullopt;
  lines.push_back(*fresh);
  if (!write_cookies(path, lines)) return std::nullopt;
  return fresh->cookie;
}

std::optional<std::string> find_cookie(const std::string& directory, const std::string& context,
                                       std::string_view id) {
  if (!cookie_context_valid(context) || !keyring_is_private(directory)) return std::nullopt;
  for (Line& line : read_cookies(directory + "/" + context)) {
    if (line.cookie.id == id) return std::move(line.cookie.secret);
  }
  return std::nullopt;
}

}  // namespace dg
