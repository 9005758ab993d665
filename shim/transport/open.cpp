// SPDX-License-Identifier: LGPL-2.1-or-later
// See open.h. Which errors there are, and their words, are libdbus's where it has the case.
#include "transport/open.h"

#include <unistd.h>

#include <charconv>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/log.h"
#include "transport/address.h"
#include "transport/genl_transport.h"
#include "transport/keyring.h"
#include "transport/sasl_client.h"
#include "transport/socket_transport.h"
#include "transport/spawn.h"
#include "transport/tcp_connect.h"
#include "transport/unix_connect.h"

namespace dg {

namespace {

void bad_address(DBusError* error, const char* why) {
  set_error(error, DBUS_ERROR_BAD_ADDRESS, "Could not parse server address: %s", why);
}

void missing_argument(DBusError* error, const char* method, const char* keys) {
  set_error(error, DBUS_ERROR_BAD_ADDRESS, "Server address of type %s was missing argument %s",
            method, keys);
}

SaslClientMechanisms all_mechanisms() {
  const std::string identity = std::to_string(::geteuid());
  SaslClientMechanisms mechanisms;
  mechanisms.push_back(std::make_unique<ExternalMechanism>(identity));
  mechanisms.push_back(std::make_unique<CookieMechanism>(identity, keyring_directory()));
  mechanisms.push_back(std::make_unique<AnonymousMechanism>());
  return mechanisms;
}

std::unique_ptr<Transport> authenticate(UniqueFd fd, const AddressEntry& entry, bool unix_fds) {
  const char* guid = entry.value("guid");
  return std::make_unique<SocketTransport>(
      std::move(fd), std::make_unique<SaslClient>(all_mechanisms(), unix_fds), guid ? guid : "");
}

std::unique_ptr<Transport> open_unix(const AddressEntry& entry, DBusError* error) {
  const char* path = entry.value("path");
  const char* abstract = entry.value("abstract");
  if (entry.value("tmpdir")) {
    bad_address(error,
                "cannot use the \"tmpdir\" option for an address to connect to, only in an address "
                "to listen on");
    return nullptr;
  }
  if (path && abstract) {
    bad_address(error, "can't specify both \"path\" and \"abstract\" options in an address");
    return nullptr;
  }
  if (!path && !abstract) {
    missing_argument(error, "unix", "path or abstract");
    return nullptr;
  }
  UniqueFd fd = path ? connect_unix(path, UnixNamespace::Path, error)
                     : connect_unix(abstract, UnixNamespace::Abstract, error);
  if (!fd) return nullptr;
  return authenticate(std::move(fd), entry, true);
}

std::unique_ptr<Transport> open_tcp(const AddressEntry& entry, DBusError* error) {
  const bool with_nonce = entry.method == "nonce-tcp";
  const char* host = entry.value("host");
  const char* port = entry.value("port");
  const char* nonce_file = entry.value("noncefile");
  if (with_nonce != (nonce_file != nullptr)) {
    missing_argument(error, entry.method.c_str(), "noncefile");
    return nullptr;
  }
  if (!port) {
    missing_argument(error, entry.method.c_str(), "port");
    return nullptr;
  }
  UniqueFd fd = connect_tcp(host ? host : "localhost", port, entry.value("family"), error);
  if (!fd || (with_nonce && !send_nonce(fd.get(), nonce_file, error))) return nullptr;
  return authenticate(std::move(fd), entry, false);
}

std::unique_ptr<Transport> open_unixexec(const AddressEntry& entry, DBusError* error) {
  const char* path = entry.value("path");
  if (!path) {
    bad_address(error, "No process path specified");
    return nullptr;
  }
  const char* name = entry.value("argv0");
  std::vector<std::string> argv = {name ? name : path};
  while (const char* argument = entry.value("argv" + std::to_string(argv.size()))) {
    argv.emplace_back(argument);
  }
  UniqueFd fd = connect_program(path, argv, error);
  if (!fd) return nullptr;
  return authenticate(std::move(fd), entry, true);
}

std::unique_ptr<Transport> open_all(const std::vector<AddressEntry>& entries, DBusError* error);

// What dbus-launch answers is an address as any, but for another autolaunch:.
std::unique_ptr<Transport> open_autolaunch(DBusError* error) {
  const std::string address = autolaunch_address(error);
  std::vector<AddressEntry> entries;
  if (address.empty() || !parse_address(address, &entries, error)) return nullptr;
  std::erase_if(entries, [](const AddressEntry& entry) { return entry.method == "autolaunch"; });
  return open_all(entries, error);
}

// What libdbus says when there is no socket fits for a bus or a kernel that isn't there: programs
// know that a bus may be missing by these names.
const char* error_name_of(const GenlError& error) {
  switch (error.kind) {
    case GenlError::Kind::NoNetlink:
    case GenlError::Kind::NoFamily:
      return DBUS_ERROR_NO_SERVER;
    case GenlError::Kind::Broken:
      return error_name_from_errno(error.code);
    case GenlError::Kind::Refused:
      break;
  }
  switch (error.code) {
    case EINVAL:
    case ERANGE:
      return DBUS_ERROR_BAD_ADDRESS;
    case EUSERS:
      return DBUS_ERROR_LIMITS_EXCEEDED;
    default:
      return error_name_from_errno(error.code);
  }
}

std::unique_ptr<Transport> open_genl(const AddressEntry& entry, DBusError* error) {
  const char* name = entry.value("bus");
  if (!name) {
    missing_argument(error, "genl", "bus");
    return nullptr;
  }
  std::optional<uint32_t> uid;
  if (const char* text = entry.value("uid")) {
    const char* end = text + std::strlen(text);
    auto [stop, problem] = std::from_chars(text, end, uid.emplace());
    if (problem != std::errc() || stop != end) {
      bad_address(error, "the \"uid\" option is not a number");
      return nullptr;
    }
  }

  GenlError refusal;
  GenlPeer peer;
  GenlSocket socket = GenlSocket::open(&refusal);
  if (!socket.is_open() || !genl_connect(socket, name, uid, &peer, &refusal)) {
    std::string text = genl_error_text(refusal);
    trace("genl: cannot connect to bus \"%s\": %s", name, text.c_str());
    set_error(error, error_name_of(refusal), "Failed to connect to the kernel's bus \"%s\": %s",
              name, text.c_str());
    return nullptr;
  }
  const char* guid = entry.value("guid");
  if (guid && peer.guid != guid) {
    set_error(error, DBUS_ERROR_FAILED, "The kernel's bus \"%s\" has another GUID than the address",
              name);
    return nullptr;
  }
  trace("genl: connected to bus \"%s\", guid %s, port id %u, largest message %u", name,
        peer.guid.c_str(), socket.port(), peer.max_message_size);
  return std::make_unique<GenlTransport>(std::move(socket), std::move(peer));
}

std::unique_ptr<Transport> open_entry(const AddressEntry& entry, DBusError* error) {
  if (entry.method == "genl") return open_genl(entry, error);
  if (entry.method == "unix") return open_unix(entry, error);
  if (entry.method == "tcp" || entry.method == "nonce-tcp") return open_tcp(entry, error);
  if (entry.method == "unixexec") return open_unixexec(entry, error);
  if (entry.method == "autolaunch") return open_autolaunch(error);
  bad_address(error,
              "Unknown address type (examples of valid types are \"tcp\" and on UNIX \"unix\")");
  return nullptr;
}

std::unique_ptr<Transport> open_all(const std::vector<AddressEntry>& entries, DBusError* error) {
  // set_error keeps what is set already: the first failure is the one that is told.
  for (const AddressEntry& entry : entries) {
    if (auto transport = open_entry(entry, error)) {
      if (error) dbus_error_free(error);
      return transport;
    }
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<Transport> open_transport(const char* address, DBusError* error) noexcept {
  try {
    std::vector<AddressEntry> entries;
    if (!parse_address(address, &entries, error)) return nullptr;
    if (entries.empty()) {
      set_error(error, DBUS_ERROR_BAD_ADDRESS, "Empty address '%s'", address);
      return nullptr;
    }
    return open_all(entries, error);
  } catch (const std::bad_alloc&) {
    if (error) dbus_error_free(error);
    set_oom(error);
  }
  return nullptr;
}

}  // namespace dg
