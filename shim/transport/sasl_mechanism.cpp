// SPDX-License-Identifier: LGPL-2.1-or-later
// See sasl_mechanism.h.
#include "transport/sasl_mechanism.h"

#include <sys/random.h>

#include "transport/keyring.h"
#include "transport/sasl_hex.h"
#include "transport/sha1.h"

namespace dg {

// The initial response has said all. A server that asks again (an empty DATA from one that
// ignored the initial response) is told once more; the server's own limit ends a loop of that.
std::optional<std::string> ExternalMechanism::respond(std::string_view) { return identity_; }

std::optional<std::string> AnonymousMechanism::respond(std::string_view) { return std::string(); }

std::optional<std::string> CookieMechanism::respond(std::string_view data) {
  const std::size_t first = data.find(' ');
  const std::size_t second = first == data.npos ? data.npos : data.find(' ', first + 1);
  if (second == data.npos) return std::nullopt;
  const std::string context(data.substr(0, first));
  const std::string_view id = data.substr(first + 1, second - first - 1);
  const std::string_view server_challenge = data.substr(second + 1);

  auto cookie = find_cookie(keyring_, context, id);
  char random[16];
  if (!cookie || ::getrandom(random, sizeof random, 0) != ssize_t{sizeof random}) {
    return std::nullopt;
  }
  const std::string challenge = hex_encode({random, sizeof random});
  const std::string secret = std::string(server_challenge) + ":" + challenge + ":" + *cookie;
  const Sha1Digest digest = sha1(secret);
  responded_ = true;
  return challenge + " " +
         hex_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace dg
