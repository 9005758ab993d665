// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * client.h - a D-Bus client as the scenarios see it, whatever is below
 *
 * The same scenarios run through libdbus (the stock one against dbus-daemon,
 * which is the reference, or ours by LD_PRELOAD) and through the raw netlink
 * client against the kernel's bus; what they saw is printed and compared.
 */
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "../system/lib/peer.h"

namespace dg::test {

// A message that arrived, as text.
struct Seen {
  int type = 0;
  uint8_t flags = 0;
  uint32_t serial = 0, reply_serial = 0;
  std::string sender, destination, path, interface, member, error_name, signature, body;
};

class Client {
 public:
  virtual ~Client() = default;
  // The serial it got; 0 if it couldn't be sent.
  virtual uint32_t send(const Message& m) = 0;
  virtual std::optional<Seen> receive(int timeout_ms) = 0;
  virtual bool connected() = 0;
};

using Connector = std::function<std::unique_ptr<Client>()>;

std::unique_ptr<Client> connect_libdbus(const std::string& address);
std::unique_ptr<Client> connect_genl(const std::string& bus);

void run_scenarios(const Connector& connect);
void run_activation_scenarios(const Connector& connect);
// A service that has been started: takes a name and answers calls until the bus goes.
int serve(const Connector& connect, const std::string& name);

}  // namespace dg::test
