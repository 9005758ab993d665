// SPDX-License-Identifier: LGPL-2.1-or-later
// SocketTransport over a socket pair whose other end the test plays: authentication, messages in
// pieces, fds, ends and lies.
#include "transport/socket_transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "message/builder.h"
#include "transport/sasl_client.h"

namespace dg {
namespace {

constexpr char kServerGuid[] = "0123456789abcdef0123456789abcdef";

Ref<DBusMessage> signal(uint32_t serial, std::size_t body_size, std::vector<UniqueFd> fds = {}) {
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_SIGNAL, DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, serial);
  builder.set_path("/");
  builder.set_interface("a.b");
  builder.set_member("C");
  if (body_size) {
    builder.set_signature("ay");
    std::byte* body = builder.reserve_body(body_size);
    uint32_t length = static_cast<uint32_t>(body_size - sizeof length);
    std::memcpy(body, &length, sizeof length);
    for (std::size_t i = sizeof length; i < body_size; i++) body[i] = static_cast<std::byte>(i);
  }
  if (!fds.empty()) builder.adopt_fds(std::move(fds));
  return Ref<DBusMessage>::adopt(builder.finish());
}

std::string wire_of(DBusMessage& message) {
  std::string bytes(reinterpret_cast<const char*>(message.wire_header().data()),
                    message.wire_header().size());
  bytes.append(reinterpret_cast<const char*>(message.body().data()), message.body().size());
  return bytes;
}

class SocketTransportTest : public ::testing::Test {
 protected:
  void open(bool unix_fds, const char* expected_guid) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    peer_ = UniqueFd(pair[0]);
    SaslClientMechanisms mechanisms;
    mechanisms.push_back(std::make_unique<ExternalMechanism>("0"));
    transport_ = std::make_unique<SocketTransport>(
        UniqueFd(pair[1]), std::make_unique<SaslClient>(std::move(mechanisms), unix_fds),
        expected_guid);
  }
  void open_authenticated(bool unix_fds = true) {
    open(unix_fds, "");
    say(std::string("OK ") + kServerGuid + "\r\n" + (unix_fds ? "AGREE_UNIX_FD\r\n" : ""));
    ASSERT_EQ(transport_->handshake(), IoStatus::Ok);
    (void)hear();
  }

  void say(std::string_view bytes) {
    ASSERT_EQ(::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Everything that has come.
  std::string hear() {
    std::string heard;
    char buffer[65536];
    ssize_t n;
    while ((n = ::recv(peer_.get(), buffer, sizeof buffer, 0)) > 0) {
      heard.append(buffer, static_cast<std::size_t>(n));
    }
    return heard;
  }
  Ref<DBusMessage> pop() { return Ref<DBusMessage>::adopt(list_.pop_front()); }

  UniqueFd peer_;
  std::unique_ptr<SocketTransport> transport_;
  MessageList list_;
};

// --- authentication

TEST_F(SocketTransportTest, HandshakeStepByStep) {
  open(true, "");
  EXPECT_FALSE(transport_->authenticated());
  EXPECT_TRUE(transport_->wants_read());
  EXPECT_TRUE(transport_->wants_write());
  EXPECT_EQ(transport_->handshake(), IoStatus::WouldBlock);
  EXPECT_FALSE(transport_->wants_write());
  EXPECT_EQ(hear(), std::string("\0AUTH EXTERNAL 30\r\n", 19));
  EXPECT_STREQ(transport_->guid(), "");

  say(std::string("OK ") + kServerGuid);
  EXPECT_EQ(transport_->handshake(), IoStatus::WouldBlock);
  say("\r\n");
  EXPECT_EQ(transport_->handshake(), IoStatus::WouldBlock);
  EXPECT_EQ(hear(), "NEGOTIATE_UNIX_FD\r\n");
  say("AGREE_UNIX_FD\r\n");
  EXPECT_EQ(transport_->handshake(), IoStatus::Ok);
  EXPECT_EQ(hear(), "BEGIN\r\n");
  EXPECT_TRUE(transport_->authenticated());
  EXPECT_TRUE(transport_->can_send_type(DBUS_TYPE_UNIX_FD));
  EXPECT_STREQ(transport_->guid(), kServerGuid);
}

TEST_F(SocketTransportTest, WithoutFdsThatTypeCannotBeSent) {
  open_authenticated(false);
  EXPECT_FALSE(transport_->can_send_type(DBUS_TYPE_UNIX_FD));
  EXPECT_TRUE(transport_->can_send_type(DBUS_TYPE_STRING));
}

TEST_F(SocketTransportTest, OtherGuidThanTheAddressesIsRefused) {
  open(false, "ffffffffffffffffffffffffffffffff");
  EXPECT_STREQ(transport_->guid(), "ffffffffffffffffffffffffffffffff");
  say(std::string("OK ") + kServerGuid + "\r\n");
  EXPECT_EQ(transport_->handshake(), IoStatus::Disconnected);
  EXPECT_FALSE(transport_->authenticated());
}

TEST_F(SocketTransportTest, RejectionAndHangUpDisconnect) {
  open(false, "");
  say("REJECTED DBUS_COOKIE_SHA1\r\n");
  EXPECT_EQ(transport_->handshake(), IoStatus::Disconnected);
  open(false, "");
  peer_.reset();
  EXPECT_EQ(transport_->handshake(), IoStatus::Disconnected);
}

TEST_F(SocketTransportTest, MessageThatCameWithTheEndOfAuthenticationIsKept) {
  open(true, "");
  say(std::string("OK ") + kServerGuid + "\r\nAGREE_UNIX_FD\r\n" + wire_of(*signal(3, 20)));
  EXPECT_EQ(transport_->handshake(), IoStatus::Ok);
  EXPECT_TRUE(transport_->has_pending_input());
  EXPECT_EQ(transport_->receive(list_), IoStatus::Ok);
  EXPECT_FALSE(transport_->has_pending_input());
  ASSERT_EQ(list_.size(), 1U);
  EXPECT_EQ(list_.front()->serial(), 3U);
}

// --- messages

TEST_F(SocketTransportTest, SendsTheWireFormat) {
  open_authenticated();
  Ref<DBusMessage> message = signal(4, 37);
  EXPECT_EQ(transport_->send(*message), IoStatus::Ok);
  EXPECT_EQ(hear(), wire_of(*message));
}

TEST_F(SocketTransportTest, LargeMessageGoesOutInPieces) {
  open_authenticated();
  Ref<DBusMessage> message = signal(5, 3 * 1024 * 1024);
  std::string heard;
  int blocked = 0;
  IoStatus status;
  while ((status = transport_->send(*message)) == IoStatus::WouldBlock) {
    blocked++;
    heard += hear();
  }
  EXPECT_EQ(status, IoStatus::Ok);
  EXPECT_GT(blocked, 0);
  heard += hear();
  EXPECT_EQ(heard, wire_of(*message));

  Ref<DBusMessage> next = signal(6, 0);
  EXPECT_EQ(transport_->send(*next), IoStatus::Ok);
  EXPECT_EQ(hear(), wire_of(*next));
}

TEST_F(SocketTransportTest, ReceivesMessagesInPiecesAndInOne) {
  open_authenticated();
  const std::string bytes = wire_of(*signal(7, 100)) + wire_of(*signal(8, 0));
  for (char byte : bytes) {
    say({&byte, 1});
    EXPECT_EQ(transport_->receive(list_), IoStatus::WouldBlock);
  }
  say(bytes);
  EXPECT_EQ(transport_->receive(list_), IoStatus::WouldBlock);
  ASSERT_EQ(list_.size(), 4U);
  for (uint32_t serial : {7U, 8U, 7U, 8U}) EXPECT_EQ(pop()->serial(), serial);
}

TEST_F(SocketTransportTest, ReceivesLargeMessages) {
  open_authenticated();
  Ref<DBusMessage> sent = signal(9, 1024 * 1024);
  const std::string bytes = wire_of(*sent);
  std::size_t said = 0;
  for (int i = 0; i < 1000 && list_.empty(); i++) {
    ssize_t n = ::send(peer_.get(), bytes.data() + said, bytes.size() - said, MSG_NOSIGNAL);
    if (n > 0) said += static_cast<std::size_t>(n);
    (void)transport_->receive(list_);
  }
  Ref<DBusMessage> message = pop();
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(wire_of(*message), bytes);
}

TEST_F(SocketTransportTest, MessagesBeforeTheEndAreDelivered) {
  open_authenticated();
  say(wire_of(*signal(10, 0)));
  peer_.reset();
  EXPECT_EQ(transport_->receive(list_), IoStatus::WouldBlock);
  EXPECT_EQ(list_.size(), 1U);
  EXPECT_EQ(transport_->receive(list_), IoStatus::Disconnected);
  EXPECT_EQ(transport_->send(*signal(11, 0)), IoStatus::Disconnected);
}

TEST_F(SocketTransportTest, InvalidMessageDisconnectsAfterTheValidOnes) {
  open_authenticated();
  std::string invalid = wire_of(*signal(12, 0));
  invalid[0] = 'x';
  say(wire_of(*signal(11, 0)) + invalid);
  EXPECT_EQ(transport_->receive(list_), IoStatus::Disconnected);
  ASSERT_EQ(list_.size(), 1U);
  EXPECT_EQ(list_.front()->serial(), 11U);
}

TEST_F(SocketTransportTest, MessageBeyondTheMaximumDisconnects) {
  open_authenticated();
  transport_->set_max_message_size(1000);
  say(wire_of(*signal(13, 2000)));
  EXPECT_EQ(transport_->receive(list_), IoStatus::Disconnected);
  EXPECT_TRUE(list_.empty());
}

TEST_F(SocketTransportTest, PausedReadsNothing) {
  open_authenticated();
  say(wire_of(*signal(14, 0)));
  transport_->pause_reading(true);
  EXPECT_FALSE(transport_->wants_read());
  EXPECT_EQ(transport_->receive(list_), IoStatus::WouldBlock);
  EXPECT_TRUE(list_.empty());
  transport_->pause_reading(false);
  EXPECT_EQ(transport_->receive(list_), IoStatus::WouldBlock);
  EXPECT_EQ(list_.size(), 1U);
}

// --- fds

TEST_F(SocketTransportTest, FdsArriveWithTheirMessages) {
  open_authenticated();
  int other[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, other), 0);
  UniqueFd first(other[0]);
  UniqueFd second(other[1]);

  // Echo: what comes out of the socket, fds too, is sent back into it.
  std::vector<UniqueFd> fds;
  fds.push_back(dup_cloexec(first.get()));
  fds.push_back(dup_cloexec(second.get()));
  ASSERT_EQ(transport_->send(*signal(15, 24, std::move(fds))), IoStatus::Ok);
  char bytes[4096];
  alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
  iovec part = {bytes, sizeof bytes};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t n = ::recvmsg(peer_.get(), &header, 0);
  ASSERT_GT(n, 0);
  ASSERT_EQ(header.msg_controllen, CMSG_SPACE(2 * sizeof(int)));
  part.iov_len = static_cast<std::size_t>(n);
  ASSERT_EQ(::sendmsg(peer_.get(), &header, 0), n);
  for (std::size_t i = 0; i < 2; i++) {
    int fd;
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&header)) + i * sizeof fd, sizeof fd);
    ::close(fd);
  }

  EXPECT_EQ(transport_->receive(list_), IoStatus::WouldBlock);
  Ref<DBusMessage> message = pop();
  ASSERT_NE(message, nullptr);
  ASSERT_EQ(message->fds().size(), 2U);
  struct stat sent;
  struct stat received;
  ASSERT_EQ(::fstat(first.get(), &sent), 0);
  ASSERT_EQ(::fstat(message->fds()[0].get(), &received), 0);
  EXPECT_EQ(sent.st_ino, received.st_ino);
  EXPECT_TRUE(::fcntl(message->fds()[0].get(), F_GETFD) & FD_CLOEXEC);
}

}  // namespace
}  // namespace dg
