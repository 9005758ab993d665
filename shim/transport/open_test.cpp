// SPDX-License-Identifier: LGPL-2.1-or-later
// open_transport: addresses that can't be opened, with what libdbus 1.14 says of each, and a socket
// that can.
#include "transport/open.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "transport/genl_socket.h"

namespace dg {
namespace {

struct Refusal {
  std::string address;
  const char* name;
  const char* message;
};

class OpenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/dbus-genl-open-XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    directory_ = path;
  }
  void TearDown() override {
    (void)::unlink((directory_ + "/socket").c_str());
    (void)::rmdir(directory_.c_str());
  }
  UniqueFd listen_at(const std::string& path) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), 5), 0);
    return fd;
  }

  std::string directory_;
};

TEST_F(OpenTest, RefusalsInLibdbusWords) {
  const std::string missing = directory_ + "/none";
  const std::string no_socket =
      "Failed to connect to socket " + missing + ": No such file or directory";
  const std::string long_name(200, 'a');
  const Refusal refusals[] = {
      {"", DBUS_ERROR_BAD_ADDRESS, "Empty address ''"},
      {"foo:bar=1", DBUS_ERROR_BAD_ADDRESS,
       "Could not parse server address: Unknown address type (examples of valid types are \"tcp\" "
       "and on UNIX \"unix\")"},
      {"unix:", DBUS_ERROR_BAD_ADDRESS,
       "Server address of type unix was missing argument path or abstract"},
      {"unix:runtime=yes", DBUS_ERROR_BAD_ADDRESS,
       "Server address of type unix was missing argument path or abstract"},
      {"unix:path=/a,abstract=/b", DBUS_ERROR_BAD_ADDRESS,
       "Could not parse server address: can't specify both \"path\" and \"abstract\" options in an "
       "address"},
      {"unix:tmpdir=/tmp", DBUS_ERROR_BAD_ADDRESS,
       "Could not parse server address: cannot use the \"tmpdir\" option for an address to connect "
       "to, only in an address to listen on"},
      {"unix:path=/" + long_name, DBUS_ERROR_BAD_ADDRESS, "Socket name too long\n"},
      {"unix:abstract=" + long_name, DBUS_ERROR_BAD_ADDRESS, "Abstract socket name too long\n"},
      {"unix:path=" + missing, DBUS_ERROR_FILE_NOT_FOUND, no_socket.c_str()},
      {"unix:abstract=dbus-genl-none", DBUS_ERROR_NO_SERVER,
       "Failed to connect to socket dbus-genl-none: Connection refused"},
      // The first failure is the one that is told.
      {"unix:path=" + missing + ";unix:abstract=dbus-genl-none", DBUS_ERROR_FILE_NOT_FOUND,
       no_socket.c_str()},
      // Ours.
      {"genl:", DBUS_ERROR_BAD_ADDRESS, "Server address of type genl was missing argument bus"},
      {"genl:bus=x,uid=1x", DBUS_ERROR_BAD_ADDRESS,
       "Could not parse server address: the \"uid\" option is not a number"},
      {"genl:bus=x,uid=99999999999", DBUS_ERROR_BAD_ADDRESS,
       "Could not parse server address: the \"uid\" option is not a number"},
  };
  for (const Refusal& refusal : refusals) {
    ScopedError error;
    EXPECT_EQ(open_transport(refusal.address.c_str(), error.get()), nullptr) << refusal.address;
    ASSERT_TRUE(error.is_set()) << refusal.address;
    EXPECT_STREQ(error->name, refusal.name) << refusal.address;
    EXPECT_STREQ(error->message, refusal.message) << refusal.address;
  }
}

TEST_F(OpenTest, BusThatIsNotInTheKernel) {
  GenlError why;
  const bool module = GenlSocket::open(&why).is_open();
  ScopedError error;
  EXPECT_EQ(open_transport("genl:bus=no-such-bus-here", error.get()), nullptr);
  ASSERT_TRUE(error.is_set());
  EXPECT_STREQ(error->name, module ? DBUS_ERROR_FILE_NOT_FOUND : DBUS_ERROR_NO_SERVER);
  EXPECT_NE(std::string(error->message).find("no-such-bus-here"), std::string::npos);
}

TEST_F(OpenTest, ConnectsToTheFirstThatWorks) {
  const std::string path = directory_ + "/socket";
  UniqueFd listener = listen_at(path);
  ScopedError error;
  const std::string address = "foo:x=1;unix:path=" + directory_ + "/none;unix:path=" + path +
                              ",guid=0123456789abcdef0123456789abcdef";
  auto transport = open_transport(address.c_str(), error.get());
  ASSERT_NE(transport, nullptr);
  EXPECT_FALSE(error.is_set());
  EXPECT_FALSE(transport->authenticated());
  EXPECT_STREQ(transport->guid(), "0123456789abcdef0123456789abcdef");

  EXPECT_EQ(transport->handshake(), IoStatus::WouldBlock);
  UniqueFd peer(::accept(listener.get(), nullptr, nullptr));
  ASSERT_TRUE(peer);
  char bytes[64];
  ssize_t n = ::recv(peer.get(), bytes, sizeof bytes, 0);
  ASSERT_GT(n, 15);
  EXPECT_EQ(std::string(bytes, 15), std::string("\0AUTH EXTERNAL ", 15));
}

TEST_F(OpenTest, ErrorsMayBeIgnored) {
  EXPECT_EQ(open_transport("unix:path=/nonexistent/socket", nullptr), nullptr);
}

}  // namespace
}  // namespace dg
