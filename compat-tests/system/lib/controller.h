// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * controller.h - a bus's controller that listens: what the kernel asks of it, and its answers
 */
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "peer.h"

namespace dg::test {

// What the kernel asks for: ACTIVATE, RELOAD or ENVIRONMENT.
struct Request {
  uint8_t cmd = 0;
  uint64_t id = 0;
  std::string name;
  std::vector<std::pair<std::string, std::string>> environment;
};

class Controller {
 public:
  Bus bus;
  unsigned doorbells = 0;
  bool auto_pull = true;

  GenlSocket& sock() { return bus.sock; }
  Answer create(std::string_view name, uint32_t flags = 0) { return bus.create(name, flags); }
  // ACTIVATABLE_SET.
  Answer declare(const std::vector<std::string>& names, bool as_file = false);
  Answer declare_bytes(std::string_view list, bool as_file = false);
  // The next request; nothing after timeout_ms.
  std::optional<Request> next(int timeout_ms);
  // "": no error.
  Answer answer(uint8_t cmd, uint64_t id, std::string_view error = "", std::string_view text = "");
  Answer answer(const Request& r, std::string_view error = "", std::string_view text = "") {
    return answer(r.cmd, r.id, error, text);
  }
  Answer limit(std::string_view bus, uint16_t which, uint32_t value);
};

}  // namespace dg::test
