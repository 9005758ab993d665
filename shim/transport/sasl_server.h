// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of the authentication protocol; see sasl.h. Its words for errors are libdbus's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/sasl.h"
#include "transport/sasl_server_mechanism.h"

namespace dg {

class SaslServer : public Sasl {
 public:
  struct Options {
    std::string guid;
    // None: all mechanisms.
    std::optional<std::vector<std::string>> mechanisms;
    // What a client has to send before anything else, or "".
    std::string nonce;
    bool may_pass_fds = false;
    SaslServerFacts facts;
  };
  explicit SaslServer(Options options);

  std::size_t feed(std::string_view bytes) override;
  // Of the other side, which is no server.
  const char* guid() const override { return ""; }

  // Once done(): the client's user; none: it is anonymous.
  std::optional<uid_t> identity() const { return identity_; }

 private:
  enum class State {
    WaitingForNonce,
    WaitingForNul,
    WaitingForAuth,
    WaitingForData,
    WaitingForBegin
  };

  std::size_t take_nonce(std::string_view bytes);
  void handle_line(std::string_view line);
  void handle_auth(std::string_view argument);
  void handle_response(std::string_view hex);
  void reject();
  void error(const char* text);

  const Options options_;
  State state_;
  std::unique_ptr<SaslServerMechanism> mechanism_;
  std::optional<uid_t> identity_;
  bool nonce_wrong_ = false;
  int rejections_ = 0;
};

}  // namespace dg
