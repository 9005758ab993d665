// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of the authentication mechanisms (spec, "Authentication mechanisms"), apart
// from the commands that carry them (sasl_server.h).
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dg {

class SaslServerMechanism {
 public:
  enum class Result { Challenge, Ok, Reject };

  virtual ~SaslServerMechanism() = default;
  // What came with AUTH ("" if nothing did), then with each DATA. Challenge: *challenge is to be
  // sent and answered.
  virtual Result respond(std::string_view data, std::string* challenge) = 0;
  // After Ok: who the client is; none: nobody.
  virtual std::optional<uid_t> identity() const = 0;
};

// What a mechanism may rely on.
struct SaslServerFacts {
  std::optional<uid_t> peer_uid;  // the socket's, told by the kernel
  std::string keyring;            // directory of this process's user's cookies
};

// All that there are, in the order in which they are offered.
const std::vector<std::string>& server_mechanism_names();
// Null for an unknown name.
std::unique_ptr<SaslServerMechanism> make_server_mechanism(std::string_view name,
                                                           const SaslServerFacts& facts);

}  // namespace dg
