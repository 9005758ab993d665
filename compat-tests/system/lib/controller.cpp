// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * controller.cpp - a bus's controller that listens
 */
#include "controller.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

namespace dg::test {

namespace {

// NUL-terminated strings, one after the other.
std::vector<std::string> strings_of(std::string_view bytes) {
  std::vector<std::string> out;
  for (size_t at = 0, end; at < bytes.size(); at = end + 1) {
    end = std::min(bytes.find('\0', at), bytes.size());
    out.emplace_back(bytes.substr(at, end - at));
  }
  return out;
}

}  // namespace

Answer Controller::declare(const std::vector<std::string>& names, bool as_file) {
  std::string list;
  for (auto& name : names) list += name + '\0';
  return declare_bytes(list, as_file);
}

Answer Controller::declare_bytes(std::string_view list, bool as_file) {
  if (!as_file)
    return sock().request(DBUS_GENL_CMD_ACTIVATABLE_SET,
                          Attrs().raw(DBUS_GENL_BUS_A_ACTIVATABLE, list.data(), list.size()));
  const int fd = ::memfd_create("names", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, list.data(), list.size()) != static_cast<ssize_t>(list.size()))
    std::abort();
  Answer a = sock().request(DBUS_GENL_CMD_ACTIVATABLE_SET,
                            Attrs().u32(DBUS_GENL_BUS_A_ACTIVATABLE_FD, static_cast<uint32_t>(fd)));
  ::close(fd);
  return a;
}

std::optional<Request> Controller::next(int timeout_ms) {
  const int64_t end = now_ms() + timeout_ms;
  for (;;) {
    auto packet = sock().receive(static_cast<int>(std::max<int64_t>(end - now_ms(), 0)));
    if (!packet) return std::nullopt;
    if (packet->is_error()) continue;
    if (packet->cmd == DBUS_GENL_CMD_PULL) {
      doorbells++;
      if (auto_pull) sock().request(DBUS_GENL_CMD_PULL, Attrs());
      continue;
    }
    Request r;
    r.cmd = packet->cmd;
    r.id = packet->num(DBUS_GENL_ACTIVATE_A_ID);
    r.name = packet->str(DBUS_GENL_ACTIVATE_A_NAME);
    if (auto bytes = packet->attr(DBUS_GENL_ACTIVATE_A_ENVIRONMENT)) {
      auto strings = strings_of(*bytes);
      for (size_t i = 0; i + 1 < strings.size(); i += 2)
        r.environment.emplace_back(strings[i], strings[i + 1]);
    }
    return r;
  }
}

Answer Controller::answer(uint8_t cmd, uint64_t id, std::string_view error, std::string_view text) {
  Attrs attrs;
  attrs.u64(DBUS_GENL_ACTIVATE_A_ID, id);
  if (!error.empty())
    attrs.str(DBUS_GENL_ACTIVATE_A_ERROR_NAME, error).str(DBUS_GENL_ACTIVATE_A_ERROR_TEXT, text);
  return sock().request(cmd, attrs);
}

Answer Controller::limit(std::string_view name, uint16_t which, uint32_t value) {
  return sock().request(DBUS_GENL_CMD_LIMITS_SET,
                        Attrs()
                            .str(DBUS_GENL_BUS_A_NAME, name)
                            .nested(DBUS_GENL_BUS_A_LIMITS, Attrs().u32(which, value)));
}

}  // namespace dg::test
