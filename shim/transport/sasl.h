// SPDX-License-Identifier: LGPL-2.1-or-later
// Sasl: one side of the authentication protocol (spec, "Authentication Protocol") as a state
// machine apart from I/O: the other side's bytes go in, bytes for the other side come out.
#pragma once

#include <string_view>

namespace dg {

class Sasl {
 public:
  virtual ~Sasl() = default;

  // Takes bytes up to the end of authentication and returns how many it took; what follows is
  // D-Bus messages. May throw std::bad_alloc, and is useless then.
  virtual std::size_t feed(std::string_view bytes) = 0;

  // To be sent; the caller says how much of it went out.
  virtual std::string_view output() const = 0;
  virtual void output_sent(std::size_t bytes) = 0;

  // Nothing more is expected from the other side; some output may still have to go out.
  virtual bool done() const = 0;
  virtual bool failed() const = 0;
  // Why it failed, for a trace.
  virtual const char* reason() const = 0;

  // The server's GUID, "" while unknown, and whether passing fds was agreed.
  virtual const char* guid() const = 0;
  virtual bool unix_fds() const = 0;

 protected:
  // No command of the protocol comes near this; who sends more doesn't speak it.
  static constexpr std::size_t kMaxLine = 16 * 1024;
};

}  // namespace dg
