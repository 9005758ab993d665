// SPDX-License-Identifier: LGPL-2.1-or-later
// GenlTransport against a test that plays the kernel.
#include "transport/genl_transport.h"

#include <gtest/gtest.h>

#include "message/builder.h"
#include "transport/genl_fake_kernel.h"

namespace dg {
namespace {

Ref<DBusMessage> call(uint32_t serial, const std::string& path, const std::string& body) {
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_METHOD_CALL, 0, serial);
  builder.set_path(path);
  builder.set_interface("org.example.Interface");
  builder.set_member("Member");
  builder.set_destination(":1.7");
  if (!body.empty()) {
    builder.set_signature("ay");
    builder.set_body(body.data(), body.size());
  }
  return Ref<DBusMessage>::adopt(builder.finish());
}

Ref<DBusMessage> method_return(uint32_t serial, uint32_t reply_serial, const std::string& body) {
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_METHOD_RETURN, DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, serial);
  builder.set_reply_serial(reply_serial);
  builder.set_destination(":1.9");
  builder.set_signature("ay");
  builder.set_body(body.data(), body.size());
  return Ref<DBusMessage>::adopt(builder.finish());
}

Ref<DBusMessage> signal(uint32_t serial) {
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_SIGNAL, DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, serial);
  builder.set_path("/");
  builder.set_interface("a.b");
  builder.set_member("C");
  return Ref<DBusMessage>::adopt(builder.finish());
}

std::string text_of(const nlattr* attribute) { return attribute ? nla_get_string(attribute) : ""; }

class GenlTransportTest : public ::testing::Test {
 protected:
  void SetUp() override { transport_ = kernel_.transport(); }

  // Everything there is, until the transport says that there is no more.
  IoStatus receive_all() {
    IoStatus status;
    do {
      status = transport_->receive(list_);
    } while (status == IoStatus::Ok);
    return status;
  }
  Ref<DBusMessage> pop() { return Ref<DBusMessage>::adopt(list_.pop_front()); }

  FakeKernel kernel_;
  std::unique_ptr<GenlTransport> transport_;
  MessageList list_;
};

// --- SEND

TEST_F(GenlTransportTest, SendHasTheHeaderInAttributesAndTheBodyInOne) {
  EXPECT_EQ(transport_->send(*call(41, "/org/example", "twelve bytes")), IoStatus::Ok);
  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(FakeKernel::command(request), DBUS_GENL_CMD_SEND);
  EXPECT_EQ(request->nlmsg_seq, 41U);

  nlattr* first = genlmsg_attrdata(static_cast<genlmsghdr*>(nlmsg_data(request)), 0);
  EXPECT_EQ(nla_type(first), DBUS_GENL_MSG_A_SENDER);
  EXPECT_EQ(nla_get_u64(first), 0U);
  nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
  ASSERT_EQ(genlmsg_parse(request, 0, a, DBUS_GENL_MSG_A_MAX, nullptr), 0);
  EXPECT_EQ(nla_get_u8(a[DBUS_GENL_MSG_A_TYPE]), DBUS_MESSAGE_TYPE_METHOD_CALL);
  EXPECT_EQ(nla_get_u32(a[DBUS_GENL_MSG_A_SERIAL]), 41U);
  EXPECT_EQ(text_of(a[DBUS_GENL_MSG_A_PATH]), "/org/example");
  EXPECT_EQ(text_of(a[DBUS_GENL_MSG_A_INTERFACE]), "org.example.Interface");
  EXPECT_EQ(text_of(a[DBUS_GENL_MSG_A_MEMBER]), "Member");
  EXPECT_EQ(text_of(a[DBUS_GENL_MSG_A_DESTINATION]), ":1.7");
  EXPECT_EQ(text_of(a[DBUS_GENL_MSG_A_SIGNATURE]), "ay");
  EXPECT_EQ(a[DBUS_GENL_MSG_A_FLAGS], nullptr);
  EXPECT_EQ(a[DBUS_GENL_MSG_A_REPLY_SERIAL], nullptr);
  EXPECT_EQ(a[DBUS_GENL_MSG_A_ERROR_NAME], nullptr);
  ASSERT_EQ(nla_len(a[DBUS_GENL_MSG_A_BODY]), 12);
  EXPECT_EQ(std::memcmp(nla_data(a[DBUS_GENL_MSG_A_BODY]), "twelve bytes", 12), 0);
}

// What the bus makes of it is the bus's.
TEST_F(GenlTransportTest, SendHasTypesThatNobodyKnows) {
  for (int type : {5, 77, 255}) {
    MessageBuilder builder;
    builder.start(type, 0, 41);
    builder.set_destination(":1.7");
    const auto message = Ref<DBusMessage>::adopt(builder.finish());
    ASSERT_NE(message.get(), nullptr);
    EXPECT_EQ(transport_->send(*message), IoStatus::Ok);
    nlmsghdr* request = kernel_.request();
    ASSERT_NE(request, nullptr);
    nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
    ASSERT_EQ(genlmsg_parse(request, 0, a, DBUS_GENL_MSG_A_MAX, nullptr), 0);
    EXPECT_EQ(nla_get_u8(a[DBUS_GENL_MSG_A_TYPE]), type);
  }
}

TEST_F(GenlTransportTest, EveryBodyIsAlignedWithAtMostOnePadBeforeIt) {
  bool padded = false;
  bool unpadded = false;
  for (std::size_t n = 1; n <= 16; n++) {
    ASSERT_EQ(transport_->send(*call(1, "/" + std::string(n, 'x'), std::string(n, 'b'))),
              IoStatus::Ok);
    nlmsghdr* request = kernel_.request();
    ASSERT_NE(request, nullptr);
    int left = genlmsg_attrlen(static_cast<genlmsghdr*>(nlmsg_data(request)), 0);
    nlattr* at = genlmsg_attrdata(static_cast<genlmsghdr*>(nlmsg_data(request)), 0);
    int before = 0;
    int pads = 0;
    for (; nla_ok(at, left); at = nla_next(at, &left)) {
      if (nla_type(at) == DBUS_GENL_MSG_A_PAD) {
        pads++;
        EXPECT_EQ(nla_len(at), 0);
      }
      if (nla_type(at) == DBUS_GENL_MSG_A_BODY) {
        EXPECT_EQ((static_cast<char*>(nla_data(at)) - reinterpret_cast<char*>(request)) % 8, 0);
        EXPECT_EQ(nla_len(at), static_cast<int>(n));
        EXPECT_TRUE(pads == 0 || before == DBUS_GENL_MSG_A_PAD);
      }
      before = nla_type(at);
    }
    EXPECT_EQ(left, 0);
    EXPECT_EQ(before, DBUS_GENL_MSG_A_BODY);
    EXPECT_LE(pads, 1);
    (pads ? padded : unpadded) = true;
  }
  EXPECT_TRUE(padded);
  EXPECT_TRUE(unpadded);
}

TEST_F(GenlTransportTest, LongHeadersGrowTheBuffer) {
  const std::string path = "/" + std::string(9000, 'p');
  EXPECT_EQ(transport_->send(*call(2, path, "x")), IoStatus::Ok);
  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(text_of(nlmsg_find_attr(request, GENL_HDRLEN, DBUS_GENL_MSG_A_PATH)), path);
}

TEST_F(GenlTransportTest, CallThatIsTooLargeIsAnsweredHere) {
  // The second's header alone is too large.
  for (auto [path, body] : {std::pair{10, FakeKernel::kMaxBody + 1}, {79990, 10U}}) {
    EXPECT_EQ(transport_->send(*call(5, "/" + std::string(path, 'p'), std::string(body, 'x'))),
              IoStatus::Ok);
    EXPECT_EQ(kernel_.request(), nullptr);
    EXPECT_TRUE(transport_->has_pending_input());
    EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
    EXPECT_FALSE(transport_->has_pending_input());
    Ref<DBusMessage> reply = pop();
    ASSERT_NE(reply, nullptr);
    EXPECT_TRUE(reply->is_error(DBUS_ERROR_LIMITS_EXCEEDED));
    EXPECT_EQ(reply->reply_serial(), 5U);
    EXPECT_TRUE(list_.empty());
  }
}

TEST_F(GenlTransportTest, ReplyThatIsTooLargeBecomesAnErrorForItsCaller) {
  EXPECT_EQ(transport_->send(*method_return(6, 60, std::string(FakeKernel::kMaxBody + 1, 'x'))),
            IoStatus::Ok);
  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
  ASSERT_EQ(genlmsg_parse(request, 0, a, DBUS_GENL_MSG_A_MAX, nullptr), 0);
  EXPECT_EQ(nla_get_u8(a[DBUS_GENL_MSG_A_TYPE]), DBUS_MESSAGE_TYPE_ERROR);
  EXPECT_EQ(nla_get_u32(a[DBUS_GENL_MSG_A_REPLY_SERIAL]), 60U);
  EXPECT_EQ(text_of(a[DBUS_GENL_MSG_A_ERROR_NAME]), DBUS_ERROR_LIMITS_EXCEEDED);
  EXPECT_EQ(text_of(a[DBUS_GENL_MSG_A_DESTINATION]), ":1.9");
  EXPECT_EQ(text_of(a[DBUS_GENL_MSG_A_SIGNATURE]), "s");
  EXPECT_FALSE(transport_->has_pending_input());
}

TEST_F(GenlTransportTest, TheLargestBodyGoesOut) {
  EXPECT_EQ(transport_->send(*call(7, "/", std::string(DBUS_GENL_ATTR_MAX, 'x'))), IoStatus::Ok);
  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  nlattr* body = nlmsg_find_attr(request, GENL_HDRLEN, DBUS_GENL_MSG_A_BODY);
  ASSERT_NE(body, nullptr);
  EXPECT_EQ(nla_len(body), DBUS_GENL_ATTR_MAX);
}

// --- MESSAGE

TEST_F(GenlTransportTest, MessageHasAllFields) {
  NlMsg made = FakeKernel::message(18, DBUS_MESSAGE_TYPE_ERROR, 99);
  nla_put_u8(made.get(), DBUS_GENL_MSG_A_FLAGS, DBUS_HEADER_FLAG_NO_REPLY_EXPECTED);
  nla_put_u32(made.get(), DBUS_GENL_MSG_A_REPLY_SERIAL, 12);
  nla_put_string(made.get(), DBUS_GENL_MSG_A_PATH, "/p");
  nla_put_string(made.get(), DBUS_GENL_MSG_A_INTERFACE, "i.f");
  nla_put_string(made.get(), DBUS_GENL_MSG_A_MEMBER, "M");
  nla_put_string(made.get(), DBUS_GENL_MSG_A_ERROR_NAME, "e.n");
  nla_put_string(made.get(), DBUS_GENL_MSG_A_DESTINATION, "d.e");
  nla_put_string(made.get(), DBUS_GENL_MSG_A_SIGNATURE, "uu");
  nla_reserve(made.get(), DBUS_GENL_MSG_A_PAD, 0);
  const uint32_t body[2] = {1, 0xdeadbeef};
  nla_put(made.get(), DBUS_GENL_MSG_A_BODY, sizeof body, body);
  kernel_.deliver(made);

  EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
  Ref<DBusMessage> message = pop();
  ASSERT_NE(message, nullptr);
  EXPECT_TRUE(message->locked());
  EXPECT_EQ(message->type(), DBUS_MESSAGE_TYPE_ERROR);
  EXPECT_EQ(message->flags(), DBUS_HEADER_FLAG_NO_REPLY_EXPECTED);
  EXPECT_EQ(message->serial(), 99U);
  EXPECT_EQ(message->reply_serial(), 12U);
  EXPECT_STREQ(message->sender(), ":1.17");
  EXPECT_STREQ(message->path(), "/p");
  EXPECT_STREQ(message->interface(), "i.f");
  EXPECT_STREQ(message->member(), "M");
  EXPECT_STREQ(message->error_name(), "e.n");
  EXPECT_STREQ(message->destination(), "d.e");
  EXPECT_STREQ(message->signature(), "uu");
  ASSERT_EQ(message->body().size(), sizeof body);
  EXPECT_EQ(std::memcmp(message->body().data(), body, sizeof body), 0);
}

TEST_F(GenlTransportTest, SendersAreUniqueNamesOrTheDriver) {
  const std::pair<uint64_t, const char*> senders[] = {
      {0, DBUS_SERVICE_DBUS},
      {1, ":1.0"},
      {UINT64_MAX - 1, ":1.18446744073709551613"},
      {DBUS_GENL_SENDER_NOT_ACTIVE, ":not.active.yet"}};
  for (auto [id, name] : senders) {
    kernel_.deliver(FakeKernel::message(id, DBUS_MESSAGE_TYPE_METHOD_RETURN, 1));
    EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
    Ref<DBusMessage> message = pop();
    ASSERT_NE(message, nullptr);
    EXPECT_STREQ(message->sender(), name);
    EXPECT_EQ(message->path(), nullptr);
    EXPECT_STREQ(message->signature(), "");
    EXPECT_TRUE(message->body().empty());
  }
}

TEST_F(GenlTransportTest, OrderHoldsAcrossBatches) {
  uint32_t next = 1;
  for (uint32_t round = 0; round < 5; round++) {
    // A datagram socket's queue is short (net.unix.max_dgram_qlen).
    for (uint32_t i = 0; i < 9; i++) kernel_.deliver(FakeKernel::signal(round * 9 + i + 1));
    EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
    while (Ref<DBusMessage> message = pop()) EXPECT_EQ(message->serial(), next++);
  }
  EXPECT_EQ(next, 46U);
}

TEST_F(GenlTransportTest, SeveralMessagesInOneDatagram) {
  NlMsg first = FakeKernel::signal(1);
  NlMsg second = FakeKernel::signal(2);
  std::string both(reinterpret_cast<char*>(nlmsg_hdr(first.get())),
                   nlmsg_hdr(first.get())->nlmsg_len);
  both.append(reinterpret_cast<char*>(nlmsg_hdr(second.get())), nlmsg_hdr(second.get())->nlmsg_len);
  reinterpret_cast<nlmsghdr*>(both.data())->nlmsg_len = nlmsg_hdr(first.get())->nlmsg_len;
  kernel_.deliver_bytes(both);
  EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
  EXPECT_EQ(list_.size(), 2U);
}

TEST_F(GenlTransportTest, WhatMakesNoSenseIsIgnored) {
  kernel_.deliver(FakeKernel::message(DBUS_GENL_CMD_MESSAGE));
  NlMsg unterminated = FakeKernel::message(1, DBUS_MESSAGE_TYPE_METHOD_RETURN, 3);
  nla_put(unterminated.get(), DBUS_GENL_MSG_A_PATH, 2, "/x");
  kernel_.deliver(unterminated);
  NlMsg foreign = FakeKernel::message(DBUS_GENL_CMD_MESSAGE);
  nlmsg_hdr(foreign.get())->nlmsg_type = FakeKernel::kFamily + 1;
  kernel_.deliver(foreign);
  kernel_.deliver(FakeKernel::message(200));
  kernel_.deliver_bytes("short");
  kernel_.deliver(FakeKernel::signal(8));
  EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
  ASSERT_EQ(list_.size(), 1U);
  EXPECT_EQ(list_.front()->serial(), 8U);
}

TEST_F(GenlTransportTest, PausedReadsNothing) {
  kernel_.deliver(FakeKernel::signal(1));
  transport_->pause_reading(true);
  EXPECT_FALSE(transport_->wants_read());
  EXPECT_EQ(transport_->receive(list_), IoStatus::WouldBlock);
  EXPECT_TRUE(list_.empty());
  transport_->pause_reading(false);
  EXPECT_EQ(transport_->receive(list_), IoStatus::WouldBlock);
  EXPECT_EQ(list_.size(), 1U);
}

// --- doorbell, errors, end

TEST_F(GenlTransportTest, DoorbellIsAnsweredByPull) {
  kernel_.deliver(FakeKernel::signal(1));
  kernel_.deliver(FakeKernel::message(DBUS_GENL_CMD_PULL));
  EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
  EXPECT_EQ(list_.size(), 1U);
  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(FakeKernel::command(request), DBUS_GENL_CMD_PULL);
  EXPECT_EQ(kernel_.request(), nullptr);
}

TEST_F(GenlTransportTest, PullThatIsRefusedIsRepeated) {
  kernel_.deliver(FakeKernel::message(DBUS_GENL_CMD_PULL));
  EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
  ASSERT_NE(kernel_.request(), nullptr);
  kernel_.acknowledge(ENOMEM, 0, nullptr);
  EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
  EXPECT_TRUE(transport_->has_pending_input());
  EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
  EXPECT_FALSE(transport_->has_pending_input());
  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(FakeKernel::command(request), DBUS_GENL_CMD_PULL);
}

TEST_F(GenlTransportTest, DisconnectComesAfterEverythingBeforeIt) {
  kernel_.deliver(FakeKernel::signal(1));
  kernel_.disconnect(DBUS_GENL_REASON_BUS_GONE);
  EXPECT_EQ(receive_all(), IoStatus::Disconnected);
  EXPECT_EQ(list_.size(), 1U);
  EXPECT_EQ(transport_->send(*signal(2)), IoStatus::Disconnected);
  EXPECT_EQ(receive_all(), IoStatus::Disconnected);
}

TEST_F(GenlTransportTest, RefusedCallGetsAnErrorReply) {
  const std::pair<int, const char*> cases[] = {{ENOMEM, DBUS_ERROR_NO_MEMORY},
                                               {ENOBUFS, DBUS_ERROR_LIMITS_EXCEEDED},
                                               {EMSGSIZE, DBUS_ERROR_LIMITS_EXCEEDED},
                                               {EOPNOTSUPP, DBUS_ERROR_NOT_SUPPORTED},
                                               {EIO, DBUS_ERROR_FAILED}};
  for (auto [code, name] : cases) {
    EXPECT_EQ(transport_->send(*call(30, "/", "")), IoStatus::Ok);
    kernel_.acknowledge(code, 30, "the kernel's words");
    EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
    Ref<DBusMessage> reply = pop();
    ASSERT_NE(reply, nullptr);
    EXPECT_TRUE(reply->is_error(name)) << code;
    EXPECT_EQ(reply->reply_serial(), 30U);
    const std::string body(reinterpret_cast<const char*>(reply->body().data()),
                           reply->body().size());
    EXPECT_NE(body.find("the kernel's words"), body.npos);
  }
}

TEST_F(GenlTransportTest, RefusedMessageThatExpectsNoReplyGetsNone) {
  EXPECT_EQ(transport_->send(*signal(31)), IoStatus::Ok);
  kernel_.acknowledge(ENOMEM, 31, nullptr);
  EXPECT_EQ(receive_all(), IoStatus::WouldBlock);
  EXPECT_TRUE(list_.empty());
}

TEST_F(GenlTransportTest, MalformedMessageAndLostBusDisconnect) {
  for (int code : {EINVAL, ERANGE, ENOTCONN}) {
    FakeKernel kernel;
    std::unique_ptr<GenlTransport> transport = kernel.transport();
    EXPECT_EQ(transport->send(*call(32, "/", "")), IoStatus::Ok);
    kernel.acknowledge(code, 32, nullptr);
    EXPECT_EQ(transport->receive(list_), IoStatus::Disconnected) << code;
    EXPECT_TRUE(list_.empty());
  }
}

TEST_F(GenlTransportTest, ClosedIsClosed) {
  transport_->close();
  transport_->close();
  EXPECT_EQ(transport_->fd(), -1);
  EXPECT_FALSE(transport_->wants_read());
  EXPECT_EQ(transport_->send(*signal(1)), IoStatus::Disconnected);
  EXPECT_EQ(transport_->receive(list_), IoStatus::Disconnected);
  EXPECT_STREQ(transport_->guid(), "0123456789abcdef0123456789abcdef");
}

}  // namespace
}  // namespace dg
