// SPDX-License-Identifier: LGPL-2.1-or-later
// DBUS_COOKIE_SHA1 and what it is made of.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "transport/keyring.h"
#include "transport/sasl_hex.h"
#include "transport/sasl_mechanism.h"
#include "transport/sha1.h"

namespace dg {
namespace {

std::string sha1_hex(std::string_view bytes) {
  Sha1Digest digest = sha1(bytes);
  return hex_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// The examples of FIPS 180, and lengths around the last block's end (checked with sha1sum).
TEST(Sha1, KnownDigests) {
  EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(sha1_hex(std::string(1000000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(sha1_hex(std::string(55, 'x')), "cef734ba81a024479e09eb5a75b6ddae62e6abf1");
  EXPECT_EQ(sha1_hex(std::string(56, 'x')), "901305367c259952f4e7af8323f480d59f81335b");
  EXPECT_EQ(sha1_hex(std::string(63, 'x')), "0ddc4e0cccd9a12850deb5abb0853a4425559fec");
  EXPECT_EQ(sha1_hex(std::string(64, 'x')), "bb2fa3ee7afb9f54c6dfb5d021f14b1ffe40c163");
}

class KeyringTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/dbus-genl-keyring-XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    directory_ = path;
    std::ofstream(directory_ + "/org_context") << "1 1700000000 00ff\n22 1700000001 abcdef\nbad\n";
  }
  void TearDown() override {
    (void)::unlink((directory_ + "/org_context").c_str());
    (void)::rmdir(directory_.c_str());
  }
  std::string directory_;
};

TEST_F(KeyringTest, FindsCookies) {
  EXPECT_EQ(find_cookie(directory_, "org_context", "22"), "abcdef");
  EXPECT_EQ(find_cookie(directory_, "org_context", "1"), "00ff");
  EXPECT_EQ(find_cookie(directory_, "org_context", "2"), std::nullopt);
  EXPECT_EQ(find_cookie(directory_, "org_context", "bad"), std::nullopt);
  EXPECT_EQ(find_cookie(directory_, "none", "1"), std::nullopt);
}

TEST_F(KeyringTest, DirectoryThatOthersCanReadIsNotUsed) {
  ASSERT_EQ(::chmod(directory_.c_str(), 0750), 0);
  EXPECT_EQ(find_cookie(directory_, "org_context", "1"), std::nullopt);
}

TEST_F(KeyringTest, ContextsThatLeadElsewhereAreRefused) {
  for (const char* context : {"", "../x", "a/b", "a b", "a\\b", "a.b", "\x01", "\xc3\xa4"}) {
    EXPECT_FALSE(cookie_context_valid(context)) << context;
  }
  EXPECT_TRUE(cookie_context_valid("org_freedesktop_general"));
}

TEST_F(KeyringTest, MechanismAnswersTheChallenge) {
  CookieMechanism mechanism("1000", directory_);
  EXPECT_EQ(mechanism.initial_response(), "1000");
  EXPECT_FALSE(mechanism.expects_ok());
  auto response = mechanism.respond("org_context 22 challenge");
  ASSERT_TRUE(response);
  EXPECT_TRUE(mechanism.expects_ok());
  const std::size_t space = response->find(' ');
  ASSERT_NE(space, response->npos);
  const std::string challenge = response->substr(0, space);
  EXPECT_EQ(challenge.size(), 32U);
  EXPECT_EQ(response->substr(space + 1), sha1_hex("challenge:" + challenge + ":abcdef"));
}

TEST_F(KeyringTest, MechanismGivesUpWithoutCookieOrSense) {
  for (const char* data : {"", "org_context", "org_context 22", "org_context 3 c", "../x 1 c"}) {
    CookieMechanism mechanism("1000", directory_);
    EXPECT_EQ(mechanism.respond(data), std::nullopt) << data;
  }
}

}  // namespace
}  // namespace dg
