// SPDX-License-Identifier: LGPL-2.1-or-later
// GenlTransport with files, against a test that plays the kernel: in a thread, where the answer to
// a request must be there before the transport goes on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "message/builder.h"
#include "transport/genl_fake_kernel.h"

namespace dg {
namespace {

struct MessageFree {
  void operator()(DBusMessage* message) const noexcept { message->unref(); }
};
using MessagePtr = std::unique_ptr<DBusMessage, MessageFree>;

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

std::string u32_bytes(std::size_t value) {
  auto v = static_cast<uint32_t>(value);
  return {reinterpret_cast<char*>(&v), sizeof v};
}
// Of signature "ay".
std::string array_of(std::size_t size) { return u32_bytes(size) + std::string(size, 'x'); }

UniqueFd file_of(const std::string& bytes, int seals = kSeals) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  if (seals) {
    EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
  }
  return fd;
}

bool same_file(int a, int b) {
  struct stat sa, sb;
  return ::fstat(a, &sa) == 0 && ::fstat(b, &sb) == 0 && sa.st_ino == sb.st_ino &&
         sa.st_dev == sb.st_dev;
}

MessagePtr big_call(uint32_t serial, const std::string& body, std::vector<UniqueFd> fds,
                    const std::string& path = "/") {
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_METHOD_CALL, 0, serial);
  builder.set_path(path);
  builder.set_member("M");
  builder.set_destination(":1.7");
  if (!body.empty()) {
    builder.set_signature("ay");
    builder.set_body(body.data(), body.size());
  }
  builder.adopt_fds(std::move(fds));
  return MessagePtr(builder.finish());
}

class GenlFilesTest : public ::testing::Test {
 protected:
  void SetUp() override { transport_ = kernel_.transport(); }

  // The attributes of the next request; they live until the one after.
  nlattr** sent() {
    static nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
    nlmsghdr* request = kernel_.request();
    if (!request || genlmsg_parse(request, 0, a, DBUS_GENL_MSG_A_MAX, nullptr) < 0) return nullptr;
    return a;
  }

  static NlMsg message(uint8_t type, uint32_t serial, std::size_t fds, bool body) {
    NlMsg made = FakeKernel::message(3, type, serial);
    nla_put_u32(made.get(), DBUS_GENL_MSG_A_REPLY_SERIAL, 77);
    if (type == DBUS_MESSAGE_TYPE_METHOD_CALL) {
      nla_put_string(made.get(), DBUS_GENL_MSG_A_PATH, "/");
      nla_put_string(made.get(), DBUS_GENL_MSG_A_MEMBER, "M");
    }
    if (body) {
      nla_put_string(made.get(), DBUS_GENL_MSG_A_SIGNATURE, "ay");
      nla_put_s32(made.get(), DBUS_GENL_MSG_A_BODY_FD, 1000);
    }
    // The sender's numbers, which mean nothing here.
    if (fds) {
      std::vector<int32_t> numbers(fds, 1000);
      nla_put(made.get(), DBUS_GENL_MSG_A_FDS, static_cast<int>(fds * sizeof(int32_t)),
              numbers.data());
    }
    return made;
  }

  // An answer to FD_CLAIM: of files that become the transport's, or an errno.
  static NlMsg answer(uint32_t serial, const std::vector<int32_t>& fds, int body, int error = 0) {
    NlMsg made = FakeKernel::message(DBUS_GENL_CMD_FD_CLAIM);
    nla_put_u64(made.get(), DBUS_GENL_MSG_A_SENDER, 3);
    nla_put_u32(made.get(), DBUS_GENL_MSG_A_SERIAL, serial);
    if (!fds.empty()) {
      nla_put(made.get(), DBUS_GENL_MSG_A_FDS, static_cast<int>(fds.size() * sizeof(int32_t)),
              fds.data());
    }
    if (body >= 0) nla_put_s32(made.get(), DBUS_GENL_MSG_A_BODY_FD, body);
    if (error) nla_put_s32(made.get(), DBUS_GENL_MSG_A_ERRNO, error);
    return made;
  }

  // Delivers, and answers the claims that come with `answers`, one each; gives what the transport
  // made of it.
  IoStatus receive(const NlMsg& delivered, const std::vector<const NlMsg*>& answers) {
    kernel_.deliver(delivered);
    return receive(answers);
  }
  IoStatus receive(const std::vector<const NlMsg*>& answers) {
    std::thread answering([&] {
      for (const NlMsg* one : answers) {
        nlmsghdr* request = kernel_.request(0);
        ASSERT_NE(request, nullptr);
        EXPECT_EQ(FakeKernel::command(request), DBUS_GENL_CMD_FD_CLAIM);
        nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
        ASSERT_EQ(genlmsg_parse(request, 0, a, DBUS_GENL_MSG_A_MAX, nullptr), 0);
        ASSERT_TRUE(a[DBUS_GENL_MSG_A_SENDER] && a[DBUS_GENL_MSG_A_SERIAL]);
        EXPECT_EQ(nla_get_u64(a[DBUS_GENL_MSG_A_SENDER]), 3U);
        kernel_.deliver(*one);
      }
    });
    IoStatus status = transport_->receive(list_);
    answering.join();
    return status;
  }
  MessagePtr pop() { return MessagePtr(list_.pop_front()); }

  FakeKernel kernel_;
  std::unique_ptr<GenlTransport> transport_;
  MessageList list_;
};

TEST_F(GenlFilesTest, FdsGoOutByTheirNumbers) {
  EXPECT_TRUE(transport_->can_send_type(DBUS_TYPE_UNIX_FD));
  std::vector<UniqueFd> fds;
  for (int i = 0; i < 3; i++) fds.push_back(file_of("x"));
  const int numbers[] = {fds[0].get(), fds[1].get(), fds[2].get()};
  MessagePtr message = big_call(1, array_of(10), std::move(fds));
  EXPECT_EQ(transport_->send(*message), IoStatus::Ok);
  nlattr** a = sent();
  ASSERT_NE(a, nullptr);
  ASSERT_EQ(nla_len(a[DBUS_GENL_MSG_A_FDS]), static_cast<int>(sizeof numbers));
  EXPECT_EQ(std::memcmp(nla_data(a[DBUS_GENL_MSG_A_FDS]), numbers, sizeof numbers), 0);
  EXPECT_EQ(a[DBUS_GENL_MSG_A_BODY_FD], nullptr);
  EXPECT_EQ(nla_len(a[DBUS_GENL_MSG_A_BODY]), 14);
}

TEST_F(GenlFilesTest, ABodyThatDoesNotFitGoesOutAsASealedFile) {
  // The last fits its attribute, but not the message, whose path is long.
  for (auto [path, size] : {std::pair{1, std::size_t{DBUS_GENL_ATTR_MAX} + 1},
                            {1, std::size_t{FakeKernel::kMaxBody}},
                            {30000, std::size_t{60000}}}) {
    MessagePtr message = big_call(2, array_of(size - 4), {}, "/" + std::string(path, 'p'));
    EXPECT_EQ(transport_->send(*message), IoStatus::Ok);
    nlattr** a = sent();
    ASSERT_NE(a, nullptr);
    ASSERT_NE(a[DBUS_GENL_MSG_A_BODY_FD], nullptr);
    EXPECT_EQ(a[DBUS_GENL_MSG_A_BODY], nullptr);
    // The kernel had it within send(): it is closed.
    EXPECT_LT(::fcntl(nla_get_s32(a[DBUS_GENL_MSG_A_BODY_FD]), F_GETFD), 0);
  }
  const std::string body = array_of(100000);
  UniqueFd file = make_body_file(std::as_bytes(std::span(body)));
  ASSERT_TRUE(file);
  EXPECT_EQ(::fcntl(file.get(), F_GET_SEALS), kSeals);
  EXPECT_NE(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC, 0);
  std::string read(body.size() + 1, '\0');
  ASSERT_EQ(::pread(file.get(), read.data(), read.size(), 0), static_cast<ssize_t>(body.size()));
  EXPECT_EQ(read.compare(0, body.size(), body), 0);
}

TEST_F(GenlFilesTest, AMessageWithFilesIsClaimedBeforeItIsHandedOver) {
  UniqueFd kept = file_of("kept");
  const std::string body = array_of(100000);
  NlMsg reply = answer(9, {::dup(kept.get()), ::dup(kept.get())}, file_of(body).release());
  EXPECT_EQ(receive(message(DBUS_MESSAGE_TYPE_METHOD_CALL, 9, 2, true), {&reply}),
            IoStatus::WouldBlock);
  MessagePtr got = pop();
  ASSERT_NE(got, nullptr);
  ASSERT_EQ(got->fds().size(), 2U);
  EXPECT_EQ(got->unix_fds_field(), 2U);
  EXPECT_TRUE(same_file(got->fds()[1].get(), kept.get()));
  ASSERT_EQ(got->body().size(), body.size());
  EXPECT_EQ(std::memcmp(got->body().data(), body.data(), body.size()), 0);
  EXPECT_TRUE(got->locked());
}

TEST_F(GenlFilesTest, FilesThatAreGoneLoseTheirMessageAlone) {
  NlMsg gone = answer(10, {}, -1, ENOENT);
  EXPECT_EQ(receive(message(DBUS_MESSAGE_TYPE_METHOD_CALL, 10, 1, false), {&gone}),
            IoStatus::WouldBlock);
  EXPECT_TRUE(list_.empty());
  // Who called is told.
  nlattr** a = sent();
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(nla_get_u8(a[DBUS_GENL_MSG_A_TYPE]), DBUS_MESSAGE_TYPE_ERROR);
  EXPECT_EQ(nla_get_u32(a[DBUS_GENL_MSG_A_REPLY_SERIAL]), 10U);
  EXPECT_STREQ(nla_get_string(a[DBUS_GENL_MSG_A_DESTINATION]), ":1.2");

  // We are, of a reply.
  gone = answer(11, {}, -1, ENOENT);
  EXPECT_EQ(receive(message(DBUS_MESSAGE_TYPE_METHOD_RETURN, 11, 1, false), {&gone}),
            IoStatus::WouldBlock);
  MessagePtr error = pop();
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->type(), DBUS_MESSAGE_TYPE_ERROR);
  EXPECT_EQ(error->reply_serial(), 77U);
  EXPECT_EQ(transport_->send(*big_call(12, "", {})), IoStatus::Ok);
}

TEST_F(GenlFilesTest, SomethingElseInFrontStaysThere) {
  NlMsg next = FakeKernel::signal(21);
  EXPECT_EQ(receive(message(DBUS_MESSAGE_TYPE_METHOD_RETURN, 20, 1, false), {&next}),
            IoStatus::WouldBlock);
  MessagePtr error = pop();
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->type(), DBUS_MESSAGE_TYPE_ERROR);
  EXPECT_EQ(transport_->receive(list_), IoStatus::WouldBlock);
  MessagePtr got = pop();
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->serial(), 21U);
}

TEST_F(GenlFilesTest, OutOfDescriptors) {
  // A body alone is claimed again.
  NlMsg full = answer(30, {}, -1, EMFILE);
  EXPECT_EQ(receive(message(DBUS_MESSAGE_TYPE_METHOD_CALL, 30, 0, true), {&full}),
            IoStatus::NoMemory);
  EXPECT_TRUE(transport_->has_pending_input());
  NlMsg later = answer(30, {}, file_of(array_of(9)).release());
  EXPECT_NE(receive({&later}), IoStatus::NoMemory);
  MessagePtr got = pop();
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->serial(), 30U);
  EXPECT_EQ(got->body().size(), 13U);
  // With fds the connection is lost, as libdbus's is.
  full = answer(32, {}, -1, EMFILE);
  EXPECT_EQ(receive(message(DBUS_MESSAGE_TYPE_METHOD_CALL, 32, 1, false), {&full}),
            IoStatus::Disconnected);
  EXPECT_TRUE(list_.empty());
}

TEST_F(GenlFilesTest, BodiesThatAreNotWhatTheyMustBe) {
  int raw[2];
  ASSERT_EQ(::pipe(raw), 0);
  UniqueFd read_end(raw[0]), write_end(raw[1]);
  int files[] = {file_of(array_of(100), 0).release(),
                 file_of(array_of(100), F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL).release(),
                 file_of(array_of(100) + "x").release(),
                 file_of(u32_bytes(5)).release(),
                 file_of("").release(),
                 read_end.release(),
                 ::open("/proc/self/status", O_RDONLY)};
  uint32_t serial = 40;
  for (int file : files) {
    serial++;
    NlMsg claimed = answer(serial, {}, file);
    EXPECT_EQ(receive(message(DBUS_MESSAGE_TYPE_METHOD_CALL, serial, 0, true), {&claimed}),
              IoStatus::WouldBlock);
    EXPECT_TRUE(list_.empty()) << serial;
    EXPECT_LT(::fcntl(file, F_GETFD), 0) << "left open";
    nlattr** a = sent();
    ASSERT_NE(a, nullptr) << serial;
    EXPECT_STREQ(nla_get_string(a[DBUS_GENL_MSG_A_ERROR_NAME]), DBUS_ERROR_INCONSISTENT_MESSAGE);
    EXPECT_EQ(nla_get_u32(a[DBUS_GENL_MSG_A_REPLY_SERIAL]), serial);
  }
  // Larger than the application wants.
  transport_->set_max_message_size(50);
  NlMsg claimed = answer(60, {}, file_of(array_of(100)).release());
  EXPECT_EQ(receive(message(DBUS_MESSAGE_TYPE_METHOD_CALL, 60, 0, true), {&claimed}),
            IoStatus::WouldBlock);
  EXPECT_TRUE(list_.empty());
}

// A monitor may not send: what it sees and can't read is for others to answer.
TEST_F(GenlFilesTest, WhatAMonitorLosesIsNotAnswered) {
  MessagePtr become(dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                 DBUS_INTERFACE_MONITORING, "BecomeMonitor"));
  become->set_serial(1);
  ASSERT_EQ(transport_->send(*become), IoStatus::Ok);
  ASSERT_NE(sent(), nullptr);
  for (int type : {DBUS_MESSAGE_TYPE_METHOD_CALL, DBUS_MESSAGE_TYPE_METHOD_RETURN}) {
    NlMsg claimed = answer(80, {}, file_of("").release());
    EXPECT_EQ(receive(message(type, 80, 0, true), {&claimed}), IoStatus::WouldBlock);
    EXPECT_TRUE(list_.empty());
    EXPECT_FALSE(transport_->has_pending_input());
    EXPECT_EQ(sent(), nullptr);
  }
}

TEST_F(GenlFilesTest, AnswersThatAreNotWhatWasAskedFor) {
  // One fd too few, one too many, a body that wasn't: all that came is closed.
  UniqueFd file = file_of("x");
  for (int kind = 0; kind < 3; kind++) {
    int one = ::dup(file.get()), two = ::dup(file.get());
    NlMsg wrong = kind == 0   ? answer(70, {one}, -1)
                  : kind == 1 ? answer(70, {one, two}, -1)
                              : answer(70, {one}, two);
    if (kind == 0) ::close(two);
    const std::size_t fds = kind == 0 ? 2 : 1;
    EXPECT_EQ(receive(message(DBUS_MESSAGE_TYPE_METHOD_RETURN, 70, fds, false), {&wrong}),
              IoStatus::WouldBlock);
    MessagePtr error = pop();
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->type(), DBUS_MESSAGE_TYPE_ERROR);
    EXPECT_LT(::fcntl(one, F_GETFD), 0);
    EXPECT_LT(::fcntl(two, F_GETFD), 0);
  }
}

}  // namespace
}  // namespace dg
