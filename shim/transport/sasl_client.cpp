// SPDX-License-Identifier: LGPL-2.1-or-later
// See sasl_client.h. The states and what is done in them are those of the spec,
// "Authentication state diagrams".
#include "transport/sasl_client.h"

#include <utility>

#include "transport/sasl_hex.h"

namespace dg {

namespace {

constexpr size_t kGuidLength = 32;

}  // namespace

SaslClient::SaslClient(SaslClientMechanisms mechanisms, bool negotiate_unix_fds)
    : mechanisms_(std::move(mechanisms)), negotiate_unix_fds_(negotiate_unix_fds) {
  output_.push_back('\0');
  start_next_mechanism();
}

size_t SaslClient::feed(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && !over()) {
    size_t newline = bytes.find('\n', taken);
    size_t end = newline == bytes.npos ? bytes.size() : newline + 1;
    input_.append(bytes.substr(taken, end - taken));
    taken = end;
    if (input_.size() > kMaxLine) {
      fail("the server's line is too long");
    } else if (newline != bytes.npos) {
      if (input_.size() < 2 || input_[input_.size() - 2] != '\r') {
        fail("the server's line doesn't end in CR LF");
      } else {
        std::string line = std::exchange(input_, std::string());
        handle_line(std::string_view(line).substr(0, line.size() - 2));
      }
    }
  }
  return taken;
}

void SaslClient::handle_line(std::string_view line) {
  size_t space = line.find(' ');
  std::string_view command = line.substr(0, space);
  std::string_view argument = space == line.npos ? std::string_view() : line.substr(space + 1);

  if (command == "REJECTED" && (state_ == State::WaitingForData || state_ == State::WaitingForOk ||
                                state_ == State::WaitingForReject)) {
    handle_rejected();
  } else if (state_ == State::WaitingForReject) {
    fail("the server answers CANCEL with something else than REJECTED");
  } else if (state_ == State::WaitingForAgree) {
    if (command == "AGREE_UNIX_FD") {
      agree_unix_fds();
      begin();
    } else if (command == "ERROR") {
      begin();
    } else {
      send("ERROR");
    }
  } else if (command == "OK") {
    handle_ok(argument);
  } else if (command == "DATA") {
    handle_data(argument);
  } else if (command == "ERROR") {
    cancel();
  } else {
    send("ERROR");
  }
}

void SaslClient::handle_ok(std::string_view argument) {
  if (argument.size() != kGuidLength || !hex_decode(argument)) {
    fail("the server's GUID is malformed");
    return;
  }
  guid_ = argument;
  if (negotiate_unix_fds_) {
    send("NEGOTIATE_UNIX_FD");
    state_ = State::WaitingForAgree;
  } else {
    begin();
  }
}

void SaslClient::handle_data(std::string_view argument) {
  auto data = hex_decode(argument);
  if (!data) {
    send("ERROR");
    return;
  }
  SaslClientMechanism& mechanism = *mechanisms_[next_mechanism_ - 1];
  auto response = mechanism.respond(*data);
  if (!response) {
    cancel();
    return;
  }
  send("DATA " + hex_encode(*response));
  state_ = mechanism.expects_ok() ? State::WaitingForOk : State::WaitingForData;
}

// The names after REJECTED are what the server supports; trying one it didn't name costs a round
// trip and nothing else, so they aren't read.
void SaslClient::handle_rejected() { start_next_mechanism(); }

void SaslClient::cancel() {
  send("CANCEL");
  state_ = State::WaitingForReject;
}

void SaslClient::begin() {
  send("BEGIN");
  finish();
}

void SaslClient::start_next_mechanism() {
  if (next_mechanism_ == mechanisms_.size()) {
    fail("the server rejected every authentication mechanism");
    return;
  }
  SaslClientMechanism& mechanism = *mechanisms_[next_mechanism_++];
  std::string line = std::string("AUTH ") + mechanism.name();
  if (auto response = mechanism.initial_response()) line += " " + hex_encode(*response);
  send(line);
  state_ = mechanism.expects_ok() ? State::WaitingForOk : State::WaitingForData;
}

}  // namespace dg
