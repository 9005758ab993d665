// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's side of the authentication mechanisms (spec, "Authentication mechanisms"), apart
// from the commands that carry them (sasl_client.h). No I/O.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dg {

class SaslClientMechanism {
 public:
  virtual ~SaslClientMechanism() = default;
  virtual const char* name() const = 0;
  // What goes along with AUTH, not yet in hexadecimal; none: AUTH has no initial response.
  virtual std::optional<std::string> initial_response() = 0;
  // The server sent DATA. None: this mechanism gives up.
  virtual std::optional<std::string> respond(std::string_view data) = 0;
  // Will the server's next answer be OK, as far as the mechanism knows, and not DATA?
  virtual bool expects_ok() const = 0;
};

// "I am this user", which the server checks against the socket's credentials.
class ExternalMechanism : public SaslClientMechanism {
 public:
  explicit ExternalMechanism(std::string identity) : identity_(std::move(identity)) {}
  const char* name() const override { return "EXTERNAL"; }
  std::optional<std::string> initial_response() override { return identity_; }
  std::optional<std::string> respond(std::string_view data) override;
  bool expects_ok() const override { return true; }

 private:
  std::string identity_;
};

// "I am nobody"; the text is a trace for the server's log.
class AnonymousMechanism : public SaslClientMechanism {
 public:
  const char* name() const override { return "ANONYMOUS"; }
  std::optional<std::string> initial_response() override { return "dbus-genl"; }
  std::optional<std::string> respond(std::string_view data) override;
  bool expects_ok() const override { return true; }
};

// "I can read this user's files": proves that it knows a cookie from the user's keyring.
class CookieMechanism : public SaslClientMechanism {
 public:
  CookieMechanism(std::string identity, std::string keyring)
      : identity_(std::move(identity)), keyring_(std::move(keyring)) {}
  const char* name() const override { return "DBUS_COOKIE_SHA1"; }
  std::optional<std::string> initial_response() override { return identity_; }
  // The server sends a cookie's context and id, and a challenge.
  std::optional<std::string> respond(std::string_view data) override;
  bool expects_ok() const override { return responded_; }

 private:
  std::string identity_;
  std::string keyring_;  // directory
  bool responded_ = false;
};

using SaslClientMechanisms = std::vector<std::unique_ptr<SaslClientMechanism>>;

}  // namespace dg
