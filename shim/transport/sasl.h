// SPDX-License-Identifier: LGPL-2.1-or-later
// Sasl: one side of the authentication protocol (spec, "Authentication Protocol") as a state
// machine apart from I/O: the other side's bytes go in, bytes for the other side come out.
#pragma once

#include <string>
#include <string_view>

namespace dg {

class Sasl {
 public:
  virtual ~Sasl() = default;

  // Takes bytes up to the end of authentication and returns how many it took; what follows is
  // D-Bus messages. May throw std::bad_alloc, and is useless then.
  virtual std::size_t feed(std::string_view bytes) = 0;

  // To be sent; the caller says how much of it went out.
  std::string_view output() const { return std::string_view(output_).substr(sent_); }
  void output_sent(std::size_t bytes);

  // Nothing more is expected from the other side; some output may still have to go out.
  bool done() const { return outcome_ == Outcome::Done; }
  bool failed() const { return outcome_ == Outcome::Failed; }
  // Why it failed, for a trace.
  const char* reason() const { return reason_; }

  // The server's GUID, "" while unknown, and whether passing fds was agreed.
  virtual const char* guid() const = 0;
  bool unix_fds() const { return unix_fds_; }

 protected:
  // No command of the protocol comes near this; who sends more doesn't speak it.
  static constexpr std::size_t kMaxLine = 16 * 1024;

  bool over() const { return outcome_ != Outcome::None; }
  void send(std::string_view line);
  void finish() { outcome_ = Outcome::Done; }
  void fail(const char* reason);
  void agree_unix_fds() { unix_fds_ = true; }

  // What has come of the line that is being received.
  std::string input_;
  std::string output_;

 private:
  enum class Outcome { None, Done, Failed };

  Outcome outcome_ = Outcome::None;
  const char* reason_ = "";
  bool unix_fds_ = false;
  std::size_t sent_ = 0;
};

}  // namespace dg
