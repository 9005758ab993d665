// SPDX-License-Identifier: LGPL-2.1-or-later
// See sasl_server.h. The states and what is done in them are those of the spec, "Authentication
// state diagrams"; where the spec leaves a choice, libdbus's.
#include "transport/sasl_server.h"

#include <algorithm>
#include <utility>

#include "transport/sasl_hex.h"

namespace dg {

namespace {

// The next one ends the connection: guessing is not for free.
constexpr int kMaxRejections = 6;

constexpr std::string_view kBlanks = " \t";

// Cuts off the first word and the blanks after it.
std::string_view take_word(std::string_view* text) {
  const std::string_view word = text->substr(0, text->find_first_of(kBlanks));
  text->remove_prefix(word.size());
  text->remove_prefix(std::min(text->find_first_not_of(kBlanks), text->size()));
  return word;
}

// As libdbus, for which a last digit that stands alone is followed by a 0.
std::optional<std::string> decode(std::string_view hex) {
  return hex.size() % 2 == 0 ? hex_decode(hex) : hex_decode(std::string(hex) + "0");
}

}  // namespace

SaslServer::SaslServer(Options options)
    : options_(std::move(options)),
      state_(options_.nonce.empty() ? State::WaitingForNul : State::WaitingForNonce) {}

std::size_t SaslServer::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !over()) {
    if (state_ == State::WaitingForNonce) {
      taken += take_nonce(bytes.substr(taken));
      continue;
    }
    if (state_ == State::WaitingForNul) {
      if (bytes[taken++] == '\0') {
        state_ = State::WaitingForAuth;
      } else {
        fail("the client doesn't begin with a NUL");
      }
      continue;
    }
    // A line ends in CR LF; a LF alone is part of it.
    const std::size_t newline = bytes.find('\n', taken);
    const std::size_t end = newline == bytes.npos ? bytes.size() : newline + 1;
    input_.append(bytes.substr(taken, end - taken));
    taken = end;
    if (input_.size() > kMaxLine) {
      fail("the client's line is too long");
    } else if (input_.ends_with("\r\n")) {
      const std::string line = std::exchange(input_, std::string());
      handle_line(std::string_view(line).substr(0, line.size() - 2));
    }
  }
  return taken;
}

// All of it is taken, right or wrong, so that the answer's time tells nothing.
std::size_t SaslServer::take_nonce(std::string_view bytes) {
  const std::size_t count = std::min(bytes.size(), options_.nonce.size() - input_.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes[i] != options_.nonce[input_.size() + i]) nonce_wrong_ = true;
  }
  input_.append(bytes.substr(0, count));
  if (input_.size() == options_.nonce.size()) {
    input_.clear();
    state_ = State::WaitingForNul;
    if (nonce_wrong_) fail("the client doesn't know the nonce");
  }
  return count;
}

void SaslServer::handle_line(std::string_view line) {
  const auto is_ascii = [](char c) { return c > 0; };
  if (!std::all_of(line.begin(), line.end(), is_ascii)) {
    error("Command contained non-ASCII");
    return;
  }
  const std::string_view command = take_word(&line);
  const bool in_auth = state_ == State::WaitingForAuth;
  const bool in_data = state_ == State::WaitingForData;

  if (command == "AUTH") {
    if (in_auth) {
      handle_auth(line);
    } else {
      error(in_data ? "Sent AUTH while another AUTH in progress"
                    : "Sent AUTH while expecting BEGIN");
    }
  } else if (command == "DATA") {
    if (in_data) {
      handle_response(line);
    } else {
      error(in_auth ? "Not currently in an auth conversation" : "Sent DATA while expecting BEGIN");
    }
  } else if (command == "CANCEL" && in_auth) {
    error("Not currently in an auth conversation");
  } else if (command == "CANCEL" || command == "ERROR") {
    reject();
  } else if (command == "BEGIN") {
    if (in_auth || in_data) {
      fail("the client sends BEGIN without being authenticated");
    } else {
      finish();
    }
  } else if (command == "NEGOTIATE_UNIX_FD") {
    if (in_auth || in_data) {
      error("Need to authenticate first");
    } else if (options_.may_pass_fds) {
      agree_unix_fds();
      send("AGREE_UNIX_FD");
    } else {
      error("Unix FD passing not supported, not authenticated or otherwise not possible");
    }
  } else {
    error("Unknown command");
  }
}

void SaslServer::handle_auth(std::string_view argument) {
  const std::string_view name = take_word(&argument);
  const auto& offered = options_.mechanisms;
  const bool allowed =
      !offered || std::find(offered->begin(), offered->end(), name) != offered->end();
  mechanism_ = allowed ? make_server_mechanism(name, options_.facts) : nullptr;
  if (!mechanism_) {
    reject();
  } else {
    handle_response(argument);
  }
}

void SaslServer::handle_response(std::string_view hex) {
  const auto data = decode(hex);
  if (!data) {
    error("Invalid hex encoding");
    return;
  }
  std::string challenge;
  switch (mechanism_->respond(*data, &challenge)) {
    case SaslServerMechanism::Result::Challenge:
      send(challenge.empty() ? "DATA" : "DATA " + hex_encode(challenge));
      state_ = State::WaitingForData;
      break;
    case SaslServerMechanism::Result::Ok:
      identity_ = mechanism_->identity();
      send("OK " + options_.guid);
      state_ = State::WaitingForBegin;
      break;
    case SaslServerMechanism::Result::Reject:
      reject();
      break;
  }
}

void SaslServer::reject() {
  std::string line = "REJECTED";
  const auto& offered = options_.mechanisms;
  for (const std::string& name : server_mechanism_names()) {
    if (!offered || std::find(offered->begin(), offered->end(), name) != offered->end()) {
      line += " " + name;
    }
  }
  send(line);
  mechanism_.reset();
  identity_.reset();
  state_ = State::WaitingForAuth;
  if (++rejections_ == kMaxRejections) fail("the client was rejected too often");
}

void SaslServer::error(const char* text) { send("ERROR \"" + std::string(text) + "\""); }

}  // namespace dg
