// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * serve.cpp - a service that the bus starts: tells what it was started with
 *
 * Each call is answered with the value of the environment variable that is its argument.
 */
#include <cstdlib>

#include "client.h"

namespace dg::test {

int serve(const Connector& connect, const std::string& name) {
  auto client = connect();
  if (!client) return 2;
  client->send(driver_call("Hello"));
  client->send(driver_call("RequestName", Args().s(name).u(0)));
  while (client->connected()) {
    auto seen = client->receive(1000);
    if (!seen || seen->type != CALL) continue;
    if (seen->member == "Leave") return 0;
    Message reply;
    reply.type = RETURN;
    reply.destination = seen->sender;
    reply.reply_serial = seen->serial;
    std::string variable = seen->body.size() > 2 ? seen->body.substr(1, seen->body.size() - 2) : "";
    const char* value = std::getenv(variable.c_str());
    client->send(reply.with(Args().s(value ? value : "(unset)")));
  }
  return 0;
}

}  // namespace dg::test
