// SPDX-License-Identifier: LGPL-2.1-or-later
// See listen.h. Which errors there are, and their words, are libdbus's.
#include "transport/listen.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/error.h"
#include "transport/accept.h"
#include "transport/address.h"
#include "transport/inherited_sockets.h"
#include "transport/unix_listen.h"

namespace dg {

// Fills a Listener from one address.
class ListenerOpener {
 public:
  enum class Result { Listening, Failed, Unknown };

  ListenerOpener(Listener& listener, DBusError* error) : listener_(listener), error_(error) {}

  Result open(const AddressEntry& entry) {
    if (entry.method == "unix") return result(open_unix(entry));
    if (entry.method == "tcp" || entry.method == "nonce-tcp") return result(open_tcp(entry));
    if (entry.method == "systemd") return result(take_inherited());
    return Result::Unknown;
  }

 private:
  static Result result(bool listening) { return listening ? Result::Listening : Result::Failed; }

  bool bad_address(const char* why) {
    set_error(error_, DBUS_ERROR_BAD_ADDRESS, "Could not parse server address: %s", why);
    return false;
  }

  bool open_unix(const AddressEntry& entry) {
    const char* const path = entry.value("path");
    const char* const abstract = entry.value("abstract");
    const char* const dir = entry.value("dir");
    const char* const tmpdir = entry.value("tmpdir");
    const char* const runtime = entry.value("runtime");
    const char* const ways[] = {path, abstract, dir, tmpdir, runtime};
    switch (std::count_if(std::begin(ways), std::end(ways), [](const char* way) { return way; })) {
      case 0:
        set_error(error_, DBUS_ERROR_BAD_ADDRESS,
                  "Server address of type unix was missing argument path or tmpdir or abstract or "
                  "runtime or dir");
        return false;
      case 1:
        break;
      default:
        return bad_address(
            "cannot specify two of \"path\", \"tmpdir\", \"abstract\", \"runtime\" and \"dir\" at "
            "the same time");
    }
    if (abstract) return listen_unix_at(abstract, UnixNamespace::Abstract);
    if (path) return listen_unix_at(path, UnixNamespace::Path);
    if (dir || tmpdir) {
      return listen_unix_at(random_socket_path(dir ? dir : tmpdir), UnixNamespace::Path);
    }
    if (std::string_view(runtime) != "yes") {
      return bad_address("if given, the only value allowed for \"runtime\" is \"yes\"");
    }
    const char* directory = std::getenv("XDG_RUNTIME_DIR");
    if (!directory) {
      set_error(error_, DBUS_ERROR_NOT_SUPPORTED, "\"XDG_RUNTIME_DIR\" is not set");
      return false;
    }
    return listen_unix_at(std::string(directory) + "/bus", UnixNamespace::Path);
  }

  bool listen_unix_at(const std::string& name, UnixNamespace where) {
    const bool is_path = where == UnixNamespace::Path;
    if (is_path) listener_.expect_file(name);
    UniqueFd fd = listen_unix(name, where, error_);
    if (!fd) return false;
    listener_.identify_files();
    listener_.address_ =
        std::string(is_path ? "unix:path=" : "unix:abstract=") + escape_address_value(name);
    listener_.sockets_.push_back(std::move(fd));
    return true;
  }

  bool open_tcp(const AddressEntry& entry) {
    const char* const given_host = entry.value("host");
    const char* const bind = entry.value("bind");
    const char* const port = entry.value("port");
    const std::string host = given_host ? given_host : "localhost";
    TcpListening tcp;
    if (!listen_tcp(bind ? bind : host, port ? port : "0", entry.value("family"), &tcp, error_)) {
      return false;
    }
    std::string text = entry.method + ":host=" + escape_address_value(host) +
                       ",port=" + escape_address_value(tcp.port);
    if (tcp.family) text += std::string(",family=") + tcp.family;
    if (entry.method == "nonce-tcp") {
      NonceDirectory directory = create_nonce_directory(error_);
      if (directory.path().empty()) return false;
      const std::string file = directory.path() + "/nonce";
      listener_.expect_file(file);
      listener_.nonce_directory_ = std::move(directory);
      if (!create_nonce_file(file, &listener_.nonce_, error_)) return false;
      listener_.identify_files();
      text += ",noncefile=" + escape_address_value(file);
    }
    listener_.address_ = std::move(text);
    listener_.sockets_ = std::move(tcp.sockets);
    return true;
  }

  bool take_inherited() {
    std::vector<UniqueFd> sockets = take_inherited_sockets();
    for (const UniqueFd& fd : sockets) {
      const std::string text = address_of_socket(fd.get());
      if (text.empty()) {
        set_error(error_, DBUS_ERROR_BAD_ADDRESS,
                  "A socket that was passed can't be listened on: descriptor %d", fd.get());
        return false;
      }
      if (!listener_.address_.empty()) listener_.address_ += ";";
      listener_.address_ += text;
    }
    if (sockets.empty()) {
      set_error(error_, DBUS_ERROR_BAD_ADDRESS, "No socket received.");
      return false;
    }
    listener_.sockets_ = std::move(sockets);
    return true;
  }

  Listener& listener_;
  DBusError* error_;
};

bool Listener::open(const char* address, Listener* listener, DBusError* error) noexcept try {
  std::vector<AddressEntry> entries;
  if (!parse_address(address, &entries, error)) return false;
  // set_error keeps what is set already: the first failure is the one that is told.
  ScopedError failure;
  for (const AddressEntry& entry : entries) {
    Listener attempt;
    if (ListenerOpener(attempt, failure.get()).open(entry) == ListenerOpener::Result::Listening) {
      *listener = std::move(attempt);
      return true;
    }
  }
  if (failure.is_set()) {
    set_error(error, failure->name, "%s", failure->message);
  } else {
    set_error(error, DBUS_ERROR_BAD_ADDRESS, "Unknown address type '%s'",
              entries.front().method.c_str());
  }
  return false;
} catch (const std::bad_alloc&) {
  set_oom(error);
  return false;
}

Listener& Listener::operator=(Listener&& other) noexcept {
  if (this == &other) return *this;
  close();
  sockets_.swap(other.sockets_);
  address_.swap(other.address_);
  nonce_.swap(other.nonce_);
  nonce_directory_ = std::move(other.nonce_directory_);
  files_.swap(other.files_);
  return *this;
}

void Listener::expect_file(const std::string& path) { files_.push_back({path, 0, 0}); }

void Listener::identify_files() noexcept {
  for (File& file : files_) {
    struct stat status;
    if (::lstat(file.path.c_str(), &status) < 0) continue;
    file.device = status.st_dev;
    file.inode = status.st_ino;
  }
}

void Listener::close() noexcept {
  sockets_.clear();
  for (const File& file : files_) {
    struct stat status;
    if (file.inode != 0 && ::lstat(file.path.c_str(), &status) == 0 &&
        status.st_dev == file.device && status.st_ino == file.inode) {
      (void)::unlink(file.path.c_str());
    }
  }
  files_.clear();
  nonce_directory_ = NonceDirectory();
}

std::unique_ptr<Transport> Listener::accept(
    int socket, const std::string& guid,
    const std::optional<std::vector<std::string>>& mechanisms) const noexcept {
  return accept_transport(socket, guid, mechanisms, nonce_);
}

}  // namespace dg
