// SPDX-License-Identifier: LGPL-2.1-or-later
// DBUS_COOKIE_SHA1 and what it is made of.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

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
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // With cookies of these ages in seconds, the secret of each being aaNN (its number).
  void write_ages(std::initializer_list<int> ages) {
    std::ofstream file(directory_ + "/org_context");
    int number = 0;
    for (const int age : ages) {
      ++number;
      file << number << " " << ::time(nullptr) - age << " aa0" << number << "\n";
    }
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::ifstream file(directory_ + "/org_context");
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
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

TEST_F(KeyringTest, ServerTakesARecentCookieAndChangesNothing) {
  write_ages({700, 290, 10});
  const auto before = lines();
  const auto cookie = current_cookie(directory_, "org_context");
  ASSERT_TRUE(cookie);
  EXPECT_EQ(cookie->id, "2");
  EXPECT_EQ(cookie->secret, "aa02");
  EXPECT_EQ(lines(), before);
  write_ages({-200});
  EXPECT_EQ(current_cookie(directory_, "org_context")->id, "1");
}

// Between recent and expired a cookie stays for clients that have been told of it.
TEST_F(KeyringTest, ServerMakesACookieWhenNoneIsRecent) {
  for (const auto& [age, stays] :
       {std::pair{310, true}, {410, true}, {430, false}, {-310, false}}) {
    write_ages({age});
    const auto cookie = current_cookie(directory_, "org_context");
    ASSERT_TRUE(cookie);
    EXPECT_EQ(cookie->secret.size(), 48U);
    EXPECT_GE(std::stoll(cookie->id), 0);
    EXPECT_LE(std::stoll(cookie->id), INT32_MAX);
    EXPECT_EQ(lines().size(), stays ? 2U : 1U) << age;
    EXPECT_EQ(find_cookie(directory_, "org_context", "1").has_value(), stays) << age;
    EXPECT_EQ(find_cookie(directory_, "org_context", cookie->id), cookie->secret);
    // The next client gets it too.
    EXPECT_EQ(current_cookie(directory_, "org_context")->id, cookie->id);
    struct stat status;
    ASSERT_EQ(::stat((directory_ + "/org_context").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
  }
  EXPECT_NE(::access((directory_ + "/org_context.lock").c_str(), F_OK), 0);
}

TEST_F(KeyringTest, ServerMakesTheKeyring) {
  const std::string made = directory_ + "/.dbus-keyrings";
  ASSERT_TRUE(current_cookie(made, "org_context"));
  struct stat status;
  ASSERT_EQ(::stat(made.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  EXPECT_FALSE(current_cookie(directory_ + "/no/such", "org_context"));
  ASSERT_EQ(::chmod(made.c_str(), 0740), 0);
  EXPECT_FALSE(current_cookie(made, "org_context"));
}

TEST_F(KeyringTest, JunkInTheFileIsOverlooked) {
  std::ofstream(directory_ + "/org_context")
      << "\n1\n1 2\n3 x aa\n4 -9223372036854775808 aa\n5 9223372036854775807 aa\n6 "
      << ::time(nullptr) << " nothex\n7 99999999999999999999 aa\n";
  const auto cookie = current_cookie(directory_, "org_context");
  ASSERT_TRUE(cookie);
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(KeyringTest, LockThatIsHeldIsWaitedForAndAStaleOneRemoved) {
  const std::string lock = directory_ + "/org_context.lock";
  write_ages({600});
  std::ofstream(lock).close();
  std::thread holder([&] {
    ::usleep(100000);
    write_ages({5});
    ::unlink(lock.c_str());
  });
  EXPECT_EQ(current_cookie(directory_, "org_context")->id, "1");
  holder.join();

  write_ages({600});
  std::ofstream(lock).close();
  const timespec old[2] = {{::time(nullptr) - 20, 0}, {::time(nullptr) - 20, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, lock.c_str(), old, 0), 0);
  EXPECT_TRUE(current_cookie(directory_, "org_context"));
  EXPECT_NE(::access(lock.c_str(), F_OK), 0);
}

// Threads stand for processes: each opens the files for itself.
TEST_F(KeyringTest, ServersThatStartTogetherAgree) {
  const std::string made = directory_ + "/together";
  std::vector<std::thread> servers;
  std::array<std::string, 8> ids;
  for (std::string& id : ids) {
    servers.emplace_back([&] { id = current_cookie(made, "org_context")->id; });
  }
  for (std::thread& server : servers) server.join();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1U);
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
