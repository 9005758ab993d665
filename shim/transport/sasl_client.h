// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's side of the authentication protocol (spec, "Authentication Protocol") as a state
// machine apart from I/O: bytes of the server go in, bytes for the server come out.
#pragma once

#include <string>
#include <string_view>

#include "transport/sasl_mechanism.h"

namespace dg {

class SaslClient {
 public:
  // Tries the mechanisms in their order. The very first byte out is the NUL that carries
  // credentials.
  SaslClient(SaslClientMechanisms mechanisms, bool negotiate_unix_fds);

  // Takes bytes up to the end of authentication and returns how many it took; what follows is
  // D-Bus messages.
  size_t feed(std::string_view bytes);

  // To be sent; the caller says how much of it went out.
  std::string_view output() const { return std::string_view(output_).substr(sent_); }
  void output_sent(size_t bytes);

  // BEGIN is in the output (or went out already).
  bool done() const { return state_ == State::Done; }
  bool failed() const { return state_ == State::Failed; }
  // Why it failed, for a trace.
  const char* reason() const { return reason_; }

  // After done():
  const std::string& guid() const { return guid_; }
  bool unix_fds() const { return unix_fds_; }

 private:
  enum class State {
    WaitingForData,
    WaitingForOk,
    WaitingForReject,
    WaitingForAgree,
    Done,
    Failed
  };

  void handle_line(std::string_view line);
  void handle_ok(std::string_view argument);
  void handle_data(std::string_view argument);
  void handle_rejected();
  void cancel();
  void begin();
  void send(std::string_view line);
  void start_next_mechanism();
  void fail(const char* reason);

  SaslClientMechanisms mechanisms_;
  size_t next_mechanism_ = 0;
  bool negotiate_unix_fds_;
  bool unix_fds_ = false;
  State state_ = State::WaitingForOk;
  const char* reason_ = "";
  std::string input_;
  std::string output_;
  size_t sent_ = 0;
  std::string guid_;
};

}  // namespace dg
