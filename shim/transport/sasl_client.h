// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's side of the authentication protocol; see sasl.h.
#pragma once

#include <string>
#include <string_view>

#include "transport/sasl.h"
#include "transport/sasl_mechanism.h"

namespace dg {

class SaslClient : public Sasl {
 public:
  // Tries the mechanisms in their order. The very first byte out is the NUL that carries
  // credentials.
  SaslClient(SaslClientMechanisms mechanisms, bool negotiate_unix_fds);

  std::size_t feed(std::string_view bytes) override;
  std::string_view output() const override { return std::string_view(output_).substr(sent_); }
  void output_sent(std::size_t bytes) override;
  bool done() const override { return state_ == State::Done; }
  bool failed() const override { return state_ == State::Failed; }
  const char* reason() const override { return reason_; }
  const char* guid() const override { return guid_.c_str(); }
  bool unix_fds() const override { return unix_fds_; }

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
  std::size_t next_mechanism_ = 0;
  bool negotiate_unix_fds_;
  bool unix_fds_ = false;
  State state_ = State::WaitingForOk;
  const char* reason_ = "";
  std::string input_;
  std::string output_;
  std::size_t sent_ = 0;
  std::string guid_;
};

}  // namespace dg
