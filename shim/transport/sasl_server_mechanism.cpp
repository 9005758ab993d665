// SPDX-License-Identifier: LGPL-2.1-or-later
// See sasl_server_mechanism.h.
#include "transport/sasl_server_mechanism.h"

#include <dbus/dbus.h>
#include <pwd.h>
#include <sys/random.h>
#include <unistd.h>

#include <charconv>

#include "base/log.h"
#include "transport/keyring.h"
#include "transport/sasl_hex.h"
#include "transport/sha1.h"

namespace dg {

namespace {

constexpr char kCookieContext[] = "org_freedesktop_general";

std::optional<uid_t> parse_uid(std::string_view text) {
  uid_t uid;
  auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), uid);
  if (problem != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return uid;
}

// The kernel says who the client is; the client may say so too, and must not say otherwise.
class ExternalServer : public SaslServerMechanism {
 public:
  explicit ExternalServer(std::optional<uid_t> peer) : peer_(peer) {}

  Result respond(std::string_view data, std::string* challenge) override {
    if (!peer_) return Result::Reject;
    if (data.empty() && !asked_) {
      asked_ = true;
      challenge->clear();
      return Result::Challenge;
    }
    return data.empty() || parse_uid(data) == peer_ ? Result::Ok : Result::Reject;
  }
  std::optional<uid_t> identity() const override { return peer_; }

 private:
  std::optional<uid_t> peer_;
  bool asked_ = false;
};

// The data is a trace: an e-mail address or whatever else.
class AnonymousServer : public SaslServerMechanism {
 public:
  Result respond(std::string_view data, std::string*) override {
    // A string of C++ ends with a NUL, one of C at the first.
    const std::string text(data);
    if (text.find('\0') != text.npos || !dbus_validate_utf8(text.c_str(), nullptr)) {
      return Result::Reject;
    }
    if (!text.empty()) trace("an anonymous client says of itself: %s", text.c_str());
    return Result::Ok;
  }
  std::optional<uid_t> identity() const override { return std::nullopt; }
};

// The client proves that it can read this user's files.
class CookieServer : public SaslServerMechanism {
 public:
  explicit CookieServer(std::string keyring) : keyring_(std::move(keyring)) {}

  Result respond(std::string_view data, std::string* challenge) override {
    return challenge_.empty() ? start(data, challenge) : check(data);
  }
  std::optional<uid_t> identity() const override { return ::geteuid(); }

 private:
  // Only of this process's user are there cookies.
  static bool is_this_user(std::string_view name) {
    if (auto uid = parse_uid(name)) return *uid == ::geteuid();
    const std::string text(name);
    const passwd* user = text.empty() ? nullptr : ::getpwnam(text.c_str());
    return user && user->pw_uid == ::geteuid();
  }

  Result start(std::string_view user, std::string* challenge) {
    if (!is_this_user(user)) return Result::Reject;
    auto cookie = current_cookie(keyring_, kCookieContext);
    char random[16];
    if (!cookie || ::getrandom(random, sizeof random, 0) != ssize_t{sizeof random}) {
      return Result::Reject;
    }
    secret_ = std::move(cookie->secret);
    challenge_ = hex_encode({random, sizeof random});
    *challenge = std::string(kCookieContext) + " " + cookie->id + " " + challenge_;
    return Result::Challenge;
  }

  Result check(std::string_view data) const {
    const std::size_t space = data.find(' ');
    if (space == data.npos || space == 0) return Result::Reject;
    const Sha1Digest digest =
        sha1(challenge_ + ":" + std::string(data.substr(0, space)) + ":" + secret_);
    const std::string wanted =
        hex_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
    const std::string_view given = data.substr(space + 1);
    if (given.size() != wanted.size()) return Result::Reject;
    // In the same time wherever they differ.
    unsigned difference = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      difference |= static_cast<unsigned char>(wanted[i] ^ given[i]);
    }
    return difference == 0 ? Result::Ok : Result::Reject;
  }

  std::string keyring_;
  std::string challenge_;  // "" before the first DATA
  std::string secret_;
};

}  // namespace

const std::vector<std::string>& server_mechanism_names() {
  // Never destroyed: connections may outlive static destructors.
  static const auto& names =
      *new std::vector<std::string>{"EXTERNAL", "DBUS_COOKIE_SHA1", "ANONYMOUS"};
  return names;
}

std::unique_ptr<SaslServerMechanism> make_server_mechanism(std::string_view name,
                                                           const SaslServerFacts& facts) {
  if (name == "EXTERNAL") return std::make_unique<ExternalServer>(facts.peer_uid);
  if (name == "DBUS_COOKIE_SHA1") return std::make_unique<CookieServer>(facts.keyring);
  if (name == "ANONYMOUS") return std::make_unique<AnonymousServer>();
  return nullptr;
}

}  // namespace dg
