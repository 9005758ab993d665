// SPDX-License-Identifier: LGPL-2.1-or-later
// See dbus-genl-limits.h.
#include "dbus-genl-limits.h"

#include <fmt/core.h>
#include <linux/dbus_genl.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <new>
#include <utility>

namespace dg {

namespace {

struct Limit {
  int attribute;
  const char* name;
};

// In the order of dbus-daemon(1).
constexpr Limit kLimits[] = {
    {DBUS_GENL_LIMIT_A_MAX_INCOMING_BYTES, "max_incoming_bytes"},
    {DBUS_GENL_LIMIT_A_MAX_INCOMING_UNIX_FDS, "max_incoming_unix_fds"},
    {DBUS_GENL_LIMIT_A_MAX_OUTGOING_BYTES, "max_outgoing_bytes"},
    {DBUS_GENL_LIMIT_A_MAX_OUTGOING_UNIX_FDS, "max_outgoing_unix_fds"},
    {DBUS_GENL_LIMIT_A_MAX_MESSAGE_SIZE, "max_message_size"},
    {DBUS_GENL_LIMIT_A_MAX_MESSAGE_UNIX_FDS, "max_message_unix_fds"},
    {DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT, "service_start_timeout"},
    {DBUS_GENL_LIMIT_A_AUTH_TIMEOUT, "auth_timeout"},
    {DBUS_GENL_LIMIT_A_PENDING_FD_TIMEOUT, "pending_fd_timeout"},
    {DBUS_GENL_LIMIT_A_MAX_COMPLETED_CONNECTIONS, "max_completed_connections"},
    {DBUS_GENL_LIMIT_A_MAX_INCOMPLETE_CONNECTIONS, "max_incomplete_connections"},
    {DBUS_GENL_LIMIT_A_MAX_CONNECTIONS_PER_USER, "max_connections_per_user"},
    {DBUS_GENL_LIMIT_A_MAX_PENDING_SERVICE_STARTS, "max_pending_service_starts"},
    {DBUS_GENL_LIMIT_A_MAX_NAMES_PER_CONNECTION, "max_names_per_connection"},
    {DBUS_GENL_LIMIT_A_MAX_MATCH_RULES_PER_CONNECTION, "max_match_rules_per_connection"},
    {DBUS_GENL_LIMIT_A_MAX_REPLIES_PER_CONNECTION, "max_replies_per_connection"},
    {DBUS_GENL_LIMIT_A_REPLY_TIMEOUT, "reply_timeout"},
};

using Values = std::vector<std::pair<const char*, uint32_t>>;

bool fail(GenlError* error, int code, std::string text) {
  error->kind = GenlError::Kind::Refused;
  error->code = code;
  error->text = std::move(text);
  return false;
}

bool put_setting(nl_msg* request, const std::string& setting, GenlError* error) {
  const std::size_t equals = setting.find('=');
  const std::string name = setting.substr(0, equals);
  for (const Limit& limit : kLimits) {
    if (name != limit.name) continue;
    uint32_t value = 0;
    const char* end = setting.data() + setting.size();
    const char* begin = equals == std::string::npos ? end : setting.data() + equals + 1;
    auto [stop, wrong] = std::from_chars(begin, end, value);
    if (wrong != std::errc() || stop != end) {
      return fail(error, EINVAL, fmt::format("\"{}\" is not NAME=NUMBER", setting));
    }
    if (nla_put_u32(request, limit.attribute, value) < 0) throw std::bad_alloc();
    return true;
  }
  return fail(error, EINVAL, fmt::format("there is no limit \"{}\"", name));
}

bool set(GenlSocket& socket, const std::string& bus, std::optional<uint32_t> uid,
         const std::vector<std::string>& settings, GenlError* error) {
  NlMsg request = socket.request(DBUS_GENL_CMD_LIMITS_SET);
  if (!request || nla_put_string(request.get(), DBUS_GENL_BUS_A_NAME, bus.c_str()) < 0 ||
      (uid && nla_put_u32(request.get(), DBUS_GENL_BUS_A_UID, *uid) < 0)) {
    throw std::bad_alloc();
  }
  nlattr* nest = nla_nest_start(request.get(), NLA_F_NESTED | DBUS_GENL_BUS_A_LIMITS);
  if (!nest) throw std::bad_alloc();
  for (const std::string& setting : settings) {
    if (!put_setting(request.get(), setting, error)) return false;
  }
  nla_nest_end(request.get(), nest);
  return socket.transact(
      std::move(request), [](nlmsghdr*) { return true; }, error);
}

// Of the bus that `bus` and `uid` mean, if that is what `message` of BUS_GET is about.
bool read(nlmsghdr* message, const std::string& bus, uint32_t uid, Values* values) {
  nlattr* attributes[DBUS_GENL_BUS_A_MAX + 1];
  if (genlmsg_parse(message, 0, attributes, DBUS_GENL_BUS_A_MAX, nullptr) < 0 ||
      !attributes[DBUS_GENL_BUS_A_NAME] || !attributes[DBUS_GENL_BUS_A_UID]) {
    return false;
  }
  const std::string name = nla_get_string(attributes[DBUS_GENL_BUS_A_NAME]);
  if (name != bus || (name != "system" && nla_get_u32(attributes[DBUS_GENL_BUS_A_UID]) != uid)) {
    return true;
  }
  nlattr* limits[DBUS_GENL_LIMIT_A_MAX + 1];
  if (!attributes[DBUS_GENL_BUS_A_LIMITS] ||
      nla_parse_nested(limits, DBUS_GENL_LIMIT_A_MAX, attributes[DBUS_GENL_BUS_A_LIMITS], nullptr) <
          0) {
    return false;
  }
  for (const Limit& limit : kLimits) {
    const nlattr* value = limits[limit.attribute];
    if (value) values->emplace_back(limit.name, nla_get_u32(value));
  }
  return true;
}

}  // namespace

bool limits_command(GenlSocket& socket, const std::string& bus, std::optional<uint32_t> uid,
                    const std::vector<std::string>& settings, bool json, GenlError* error) {
  if (!settings.empty() && !set(socket, bus, uid, settings, error)) return false;

  Values values;
  auto answer = [&](nlmsghdr* message) {
    return read(message, bus, uid.value_or(::geteuid()), &values);
  };
  if (!socket.transact(socket.request(DBUS_GENL_CMD_BUS_GET, NLM_F_DUMP), answer, error)) {
    return false;
  }
  if (values.empty()) return fail(error, ENOENT, "no such bus");

  std::string object;
  for (const auto& [name, value] : values) {
    if (json) {
      object += fmt::format("{}\"{}\": {}", object.empty() ? "" : ", ", name, value);
    } else {
      fmt::print("{:>12}  {}\n", value, name);
    }
  }
  if (json) fmt::print("{{{}}}\n", object);
  return true;
}

}  // namespace dg
