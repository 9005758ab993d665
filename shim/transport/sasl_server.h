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
  std::string_view output() const override { return std::string_view(output_).substr(sent_); }
  void output_sent(std::size_t bytes) override;
  bool done() const override { return state_ == State::Done; }
  bool failed() const override { return state_ == State::Failed; }
  const char* reason() const override { return reason_; }
  // Of the other side, which is no server.
  const char* guid() const override { return ""; }
  bool unix_fds() const override { return unix_fds_; }

  // Once done(): the client's user; none: it is anonymous.
  std::optional<uid_t> identity() const { return identity_; }

 private:
  enum class State {
    WaitingForNonce,
    WaitingForNul,
    WaitingForAuth,
    WaitingForData,
    WaitingForBegin,
    Done,
    Failed
  };

  std::size_t take_nonce(std::string_view bytes);
  void handle_line(std::string_view line);
  void handle_auth(std::string_view argument);
  void handle_response(std::string_view hex);
  void reject();
  void send(std::string_view line);
  void error(const char* text);
  void fail(const char* reason);

  const Options options_;
  State state_;
  std::unique_ptr<SaslServerMechanism> mechanism_;
  std::optional<uid_t> identity_;
  bool unix_fds_ = false;
  bool nonce_wrong_ = false;
  int rejections_ = 0;
  const char* reason_ = "";
  std::string input_;
  std::string output_;
  std::size_t sent_ = 0;
};

}  // namespace dg
