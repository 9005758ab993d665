// SPDX-License-Identifier: LGPL-2.1-or-later
// open_transport: addresses that can't be opened, with what libdbus 1.14 says of each, and a socket
// that can.
#include "transport/open.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "transport/address.h"
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
  const std::string no_program =
      "Failed to execute process " + missing + ": No such file or directory";
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
      {"tcp:host=127.0.0.1", DBUS_ERROR_BAD_ADDRESS,
       "Server address of type tcp was missing argument port"},
      {"tcp:host=127.0.0.1,port=1", DBUS_ERROR_NO_SERVER,
       "Failed to connect to socket \"127.0.0.1\" port 1: Connection refused"},
      {"tcp:host=127.0.0.1,port=abc", DBUS_ERROR_FAILED,
       "Failed to lookup host/port: \"127.0.0.1:abc\": Servname not supported for ai_socktype "
       "(-8)"},
      {"tcp:host=127.0.0.1,port=1,family=ipvx", DBUS_ERROR_BAD_ADDRESS,
       "Unknown address family ipvx"},
      {"tcp:host=127.0.0.1,port=1,noncefile=/tmp/x", DBUS_ERROR_BAD_ADDRESS,
       "Server address of type tcp was missing argument noncefile"},
      {"nonce-tcp:host=127.0.0.1,port=1", DBUS_ERROR_BAD_ADDRESS,
       "Server address of type nonce-tcp was missing argument noncefile"},
      {"unixexec:", DBUS_ERROR_BAD_ADDRESS,
       "Could not parse server address: No process path specified"},
      // Ours.
      {"unixexec:path=" + missing, DBUS_ERROR_SPAWN_EXEC_FAILED, no_program.c_str()},
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

// What a program that is started for an address, or a server, gets first.
std::string first_bytes(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    ssize_t n = ::recv(fd, bytes.data() + got, size - got, 0);
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

TEST_F(OpenTest, NonceGoesFirst) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 5), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string nonce = directory_ + "/socket";
  std::ofstream(nonce) << "0123456789abcdef";

  const std::string where = "host=127.0.0.1,port=" + std::to_string(ntohs(address.sin_port));
  ScopedError error;
  auto transport =
      open_transport(("nonce-tcp:" + where + ",noncefile=" + nonce).c_str(), error.get());
  ASSERT_NE(transport, nullptr) << error->message;
  EXPECT_EQ(transport->handshake(), IoStatus::WouldBlock);
  EXPECT_FALSE(transport->can_send_type(DBUS_TYPE_UNIX_FD));
  UniqueFd peer(::accept(listener.get(), nullptr, nullptr));
  EXPECT_EQ(first_bytes(peer.get(), 21), std::string("0123456789abcdef\0AUTH", 21));

  auto plain = open_transport(("tcp:" + where).c_str(), error.get());
  ASSERT_NE(plain, nullptr);
  EXPECT_EQ(plain->handshake(), IoStatus::WouldBlock);
  peer.reset(::accept(listener.get(), nullptr, nullptr));
  EXPECT_EQ(first_bytes(peer.get(), 5), std::string("\0AUTH", 5));
}

// The program rejects what it is asked, after it has said which fds it has.
TEST_F(OpenTest, ProgramIsTheOtherEnd) {
  const std::string seen = directory_ + "/socket";
  const std::string script = "head -c 15 > " + seen + "; ls /proc/self/fd >> " + seen +
                             "; echo $1 >> " + seen + R"(; printf "REJECTED\r\n")";
  UniqueFd stray(::dup(STDERR_FILENO));  // not close-on-exec
  ScopedError error;
  const std::string address =
      "unixexec:path=sh,argv0=sh,argv1=-c,argv2=" + escape_address_value(script) +
      ",argv3=zero,argv4=one";
  auto transport = open_transport(address.c_str(), error.get());
  ASSERT_NE(transport, nullptr) << error->message;
  IoStatus status;
  for (int i = 0; i < 1000; i++) {
    status = transport->handshake();
    if (status != IoStatus::WouldBlock) break;
    pollfd wait = {transport->fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&wait, 1, 20000), 1);
  }
  EXPECT_EQ(status, IoStatus::Disconnected);
  std::ifstream file(seen);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // 3 is the directory that ls reads.
  EXPECT_EQ(text, std::string("\0AUTH EXTERNAL ", 15) + "0\n1\n2\n3\none\n");
}

TEST_F(OpenTest, AutolaunchNeedsADisplay) {
  ASSERT_EQ(::unsetenv("DISPLAY"), 0);
  ScopedError error;
  EXPECT_EQ(open_transport("autolaunch:", error.get()), nullptr);
  EXPECT_STREQ(error->name, DBUS_ERROR_NOT_SUPPORTED);
  EXPECT_STREQ(error->message, "Unable to autolaunch a dbus-daemon without a $DISPLAY for X11");
}

TEST_F(OpenTest, ErrorsMayBeIgnored) {
  EXPECT_EQ(open_transport("unix:path=/nonexistent/socket", nullptr), nullptr);
}

}  // namespace
}  // namespace dg
