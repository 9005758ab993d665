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
  const char* guid() const override { return guid_.c_str(); }

 private:
  enum class State { WaitingForData, WaitingForOk, WaitingForReject, WaitingForAgree };

  void handle_line(std::string_view line);
  void handle_ok(std::string_view argument);
  void handle_data(std::string_view argument);
  void handle_rejected();
  void cancel();
  void begin();
  void start_next_mechanism();

  SaslClientMechanisms mechanisms_;
  std::size_t next_mechanism_ = 0;
  bool negotiate_unix_fds_;
  State state_ = State::WaitingForOk;
  std::string guid_;
};

}  // namespace dg
