// SPDX-License-Identifier: LGPL-2.1-or-later
// See genl_control.h and genl_bus.h.
#include "transport/genl_control.h"

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "base/log.h"
#include "base/unique_fd.h"
#include "transport/genl_bus.h"

namespace dg {

namespace {

NlMsg named_request(GenlSocket& socket, uint8_t command, const std::string& name,
                    std::optional<uint32_t> uid) {
  NlMsg request = socket.request(command);
  if (!request || nla_put_string(request.get(), DBUS_GENL_BUS_A_NAME, name.c_str()) < 0 ||
      (uid && nla_put_u32(request.get(), DBUS_GENL_BUS_A_UID, *uid) < 0)) {
    throw std::bad_alloc();
  }
  return request;
}

bool parse(nlmsghdr* answer, uint8_t command, nlattr** attributes, int max) {
  auto* header = static_cast<genlmsghdr*>(nlmsg_data(answer));
  return header->cmd == command && genlmsg_parse(answer, 0, attributes, max, nullptr) >= 0;
}

bool is_string(const nlattr* attribute) {
  return attribute && nla_len(attribute) > 0 &&
         nla_get_string(attribute)[nla_len(attribute) - 1] == '\0';
}

bool read_string(const nlattr* attribute, std::string* value) {
  if (!is_string(attribute)) return false;
  *value = nla_get_string(attribute);
  return true;
}

bool read_u32(const nlattr* attribute, uint32_t* value) {
  if (!attribute || nla_len(attribute) != sizeof *value) return false;
  *value = nla_get_u32(attribute);
  return true;
}

// A pidfd of this process, close-on-exec; none if the kernel, a sandbox or a limit is against it:
// others then know the process by its number alone, as they did before there were pidfds.
UniqueFd own_pidfd() noexcept {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
}

NlMsg connect_request(GenlSocket& socket, const std::string& name, std::optional<uint32_t> uid,
                      int pidfd) {
  NlMsg request = named_request(socket, DBUS_GENL_CMD_CONNECT, name, uid);
  if (nla_put_u32(request.get(), DBUS_GENL_BUS_A_FLAGS, DBUS_GENL_PEER_FDS) < 0 ||
      (pidfd >= 0 && nla_put_s32(request.get(), DBUS_GENL_BUS_A_PIDFD, pidfd) < 0)) {
    throw std::bad_alloc();
  }
  return request;
}

// Attributes that this version of the tools doesn't know, or that the kernel doesn't, are 0.
void read_stats(nlattr** attributes, GenlStats* stats) {
  for (std::size_t i = DBUS_GENL_STATS_A_PAD + 1; i < stats->size(); i++) {
    if (attributes[i] && nla_len(attributes[i]) == sizeof(uint64_t)) {
      (*stats)[i] = nla_get_u64(attributes[i]);
    }
  }
}

bool read_bus(nlmsghdr* answer, GenlBus* bus) {
  nlattr* attributes[DBUS_GENL_BUS_A_MAX + 1];
  if (!parse(answer, DBUS_GENL_CMD_BUS_GET, attributes, DBUS_GENL_BUS_A_MAX) ||
      !read_string(attributes[DBUS_GENL_BUS_A_NAME], &bus->name) ||
      !read_u32(attributes[DBUS_GENL_BUS_A_UID], &bus->uid) ||
      !read_string(attributes[DBUS_GENL_BUS_A_GUID], &bus->guid)) {
    return false;
  }
  (void)read_u32(attributes[DBUS_GENL_BUS_A_FLAGS], &bus->flags);
  if (nlattr* nested = attributes[DBUS_GENL_BUS_A_STATS]) {
    nlattr* stats[DBUS_GENL_STATS_A_MAX + 1];
    if (nla_parse_nested(stats, DBUS_GENL_STATS_A_MAX, nested, nullptr) < 0) return false;
    read_stats(stats, &bus->stats);
  }
  return true;
}

}  // namespace

bool genl_connect(GenlSocket& socket, const std::string& name, std::optional<uint32_t> uid,
                  GenlPeer* peer, GenlError* error) {
  auto answer = [peer](nlmsghdr* message) {
    nlattr* attributes[DBUS_GENL_BUS_A_MAX + 1];
    return parse(message, DBUS_GENL_CMD_CONNECT, attributes, DBUS_GENL_BUS_A_MAX) &&
           read_string(attributes[DBUS_GENL_BUS_A_GUID], &peer->guid) &&
           read_u32(attributes[DBUS_GENL_BUS_A_MAX_MESSAGE_SIZE], &peer->max_message_size) &&
           read_u32(attributes[DBUS_GENL_BUS_A_MAX_FDS], &peer->max_fds) &&
           (!attributes[DBUS_GENL_BUS_A_MAX_BODY_FD_SIZE] ||
            read_u32(attributes[DBUS_GENL_BUS_A_MAX_BODY_FD_SIZE], &peer->max_body_fd_size));
  };
  const UniqueFd pidfd = own_pidfd();
  if (socket.transact(connect_request(socket, name, uid, pidfd.get()), answer, error)) return true;
  // A module that doesn't know PIDFD, or can't tell what it is on this kernel, takes no exception
  // to what is left.
  if (!pidfd || error->kind != GenlError::Kind::Refused || error->code != EINVAL) return false;
  trace("genl: CONNECT without a pidfd: %s", error->text.c_str());
  return socket.transact(connect_request(socket, name, uid, -1), answer, error);
}

bool genl_bus_create(GenlSocket& socket, const std::string& name, uint32_t flags,
                     const std::string& machine_id, GenlBus* bus, GenlError* error) {
  NlMsg request = named_request(socket, DBUS_GENL_CMD_BUS_CREATE, name, std::nullopt);
  if ((flags && nla_put_u32(request.get(), DBUS_GENL_BUS_A_FLAGS, flags) < 0) ||
      (!machine_id.empty() &&
       nla_put_string(request.get(), DBUS_GENL_BUS_A_MACHINE_ID, machine_id.c_str()) < 0)) {
    throw std::bad_alloc();
  }
  auto answer = [bus](nlmsghdr* message) {
    nlattr* attributes[DBUS_GENL_BUS_A_MAX + 1];
    return parse(message, DBUS_GENL_CMD_BUS_CREATE, attributes, DBUS_GENL_BUS_A_MAX) &&
           read_string(attributes[DBUS_GENL_BUS_A_NAME], &bus->name) &&
           read_u32(attributes[DBUS_GENL_BUS_A_UID], &bus->uid) &&
           read_string(attributes[DBUS_GENL_BUS_A_GUID], &bus->guid);
  };
  return socket.transact(std::move(request), answer, error);
}

bool genl_bus_destroy(GenlSocket& socket, const std::string& name, std::optional<uint32_t> uid,
                      GenlError* error) {
  auto none = [](nlmsghdr*) { return true; };
  return socket.transact(named_request(socket, DBUS_GENL_CMD_BUS_DESTROY, name, uid), none, error);
}

bool genl_bus_list(GenlSocket& socket, std::vector<GenlBus>* buses, GenlError* error) {
  auto answer = [buses](nlmsghdr* message) { return read_bus(message, &buses->emplace_back()); };
  return socket.transact(socket.request(DBUS_GENL_CMD_BUS_GET, NLM_F_DUMP), answer, error);
}

bool genl_stats(GenlSocket& socket, GenlStats* stats, GenlError* error) {
  auto answer = [stats](nlmsghdr* message) {
    nlattr* attributes[DBUS_GENL_STATS_A_MAX + 1];
    if (!parse(message, DBUS_GENL_CMD_STATS_GET, attributes, DBUS_GENL_STATS_A_MAX)) return false;
    read_stats(attributes, stats);
    return true;
  };
  return socket.transact(socket.request(DBUS_GENL_CMD_STATS_GET), answer, error);
}

std::string genl_error_text(const GenlError& error) {
  switch (error.kind) {
    case GenlError::Kind::NoNetlink:
      return "Generic Netlink cannot be used here: " + error.text;
    case GenlError::Kind::NoFamily:
      return "the kernel module dbus_genl is not loaded: install it with DKMS (see README.md), "
             "then "
             "run 'modprobe dbus_genl' as root";
    case GenlError::Kind::Refused:
    case GenlError::Kind::Broken:
      break;
  }
  return error.text;
}

bool genl_bus_exists(const char* name) noexcept {
  try {
    GenlError error;
    GenlSocket socket = GenlSocket::open(&error);
    std::vector<GenlBus> buses;
    if (!socket.is_open() || !genl_bus_list(socket, &buses, &error)) {
      trace("genl: no kernel bus \"%s\": %s", name, genl_error_text(error).c_str());
      return false;
    }
    const bool system = std::strcmp(name, "system") == 0;
    for (const GenlBus& bus : buses) {
      if (bus.name == name && (system || bus.uid == ::geteuid())) return true;
    }
    trace("genl: there is no kernel bus \"%s\"", name);
  } catch (const std::bad_alloc&) {
    trace("genl: no memory to look for a bus");
  }
  return false;
}

}  // namespace dg
