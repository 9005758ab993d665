// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests about buses and their answers, against a test that plays the kernel; and the real
// netlink, as far as it is there.
#include "transport/genl_control.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "transport/genl_bus.h"
#include "transport/genl_fake_kernel.h"

namespace dg {
namespace {

constexpr char kGuid[] = "0123456789abcdef0123456789abcdef";

class GenlControlTest : public ::testing::Test {
 protected:
  // The answer must be there before the request, since this test is one thread.
  void SetUp() override { socket_ = kernel_.socket(); }

  FakeKernel kernel_;
  GenlSocket socket_;
  GenlError error_;
};

TEST_F(GenlControlTest, ConnectAsksForTheBusAndReadsTheAnswer) {
  NlMsg answer = FakeKernel::message(DBUS_GENL_CMD_CONNECT);
  nla_put_string(answer.get(), DBUS_GENL_BUS_A_GUID, kGuid);
  nla_put_u32(answer.get(), DBUS_GENL_BUS_A_MAX_MESSAGE_SIZE, 131072);
  nla_put_u32(answer.get(), DBUS_GENL_BUS_A_MAX_FDS, 3);
  nla_put_u32(answer.get(), DBUS_GENL_BUS_A_MAX_BODY_FD_SIZE, 1 << 20);
  kernel_.deliver(answer);
  kernel_.acknowledge(0, 1, nullptr);

  GenlPeer peer;
  ASSERT_TRUE(genl_connect(socket_, "session", 1000, &peer, &error_)) << error_.text;
  EXPECT_EQ(peer.guid, kGuid);
  EXPECT_EQ(peer.max_message_size, 131072U);
  EXPECT_EQ(peer.max_fds, 3U);
  EXPECT_EQ(peer.max_body_fd_size, 1U << 20);

  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(FakeKernel::command(request), DBUS_GENL_CMD_CONNECT);
  EXPECT_TRUE(request->nlmsg_flags & NLM_F_ACK);
  nlattr* a[DBUS_GENL_BUS_A_MAX + 1];
  ASSERT_EQ(genlmsg_parse(request, 0, a, DBUS_GENL_BUS_A_MAX, nullptr), 0);
  EXPECT_STREQ(nla_get_string(a[DBUS_GENL_BUS_A_NAME]), "session");
  EXPECT_EQ(nla_get_u32(a[DBUS_GENL_BUS_A_UID]), 1000U);
  EXPECT_EQ(nla_get_u32(a[DBUS_GENL_BUS_A_FLAGS]), uint32_t{DBUS_GENL_PEER_FDS});
  // Its pidfd goes with it, and is closed by now.
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  if (pidfd >= 0) {
    ASSERT_NE(a[DBUS_GENL_BUS_A_PIDFD], nullptr);
    EXPECT_EQ(nla_get_s32(a[DBUS_GENL_BUS_A_PIDFD]), pidfd);
    ::close(pidfd);
  }
}

TEST_F(GenlControlTest, WhereThePidfdIsRefusedItConnectsWithout) {
  kernel_.acknowledge(EINVAL, 1, "unknown attribute");
  NlMsg answer = FakeKernel::message(DBUS_GENL_CMD_CONNECT);
  nla_put_string(answer.get(), DBUS_GENL_BUS_A_GUID, kGuid);
  nla_put_u32(answer.get(), DBUS_GENL_BUS_A_MAX_MESSAGE_SIZE, 131072);
  nla_put_u32(answer.get(), DBUS_GENL_BUS_A_MAX_FDS, 3);
  kernel_.deliver(answer);
  kernel_.acknowledge(0, 2, nullptr);

  GenlPeer peer;
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  if (pidfd < 0) GTEST_SKIP() << "this process may not have a pidfd";
  ::close(pidfd);
  ASSERT_TRUE(genl_connect(socket_, "b", std::nullopt, &peer, &error_)) << error_.text;
  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  EXPECT_NE(nlmsg_find_attr(request, GENL_HDRLEN, DBUS_GENL_BUS_A_PIDFD), nullptr);
  request = kernel_.request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(nlmsg_find_attr(request, GENL_HDRLEN, DBUS_GENL_BUS_A_PIDFD), nullptr);
  EXPECT_EQ(kernel_.request(), nullptr);
}

TEST_F(GenlControlTest, WithoutAUidNoneIsSent) {
  kernel_.acknowledge(ENOENT, 1, "no such bus");
  GenlPeer peer;
  EXPECT_FALSE(genl_connect(socket_, "b", std::nullopt, &peer, &error_));
  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(nlmsg_find_attr(request, GENL_HDRLEN, DBUS_GENL_BUS_A_UID), nullptr);
}

TEST_F(GenlControlTest, RefusalHasTheKernelsWords) {
  kernel_.acknowledge(EACCES, 1, "this bus is another user's");
  GenlPeer peer;
  EXPECT_FALSE(genl_connect(socket_, "b", std::nullopt, &peer, &error_));
  EXPECT_EQ(error_.kind, GenlError::Kind::Refused);
  EXPECT_EQ(error_.code, EACCES);
  EXPECT_EQ(error_.text, "this bus is another user's");
}

TEST_F(GenlControlTest, RefusalWithoutWordsHasThoseOfErrno) {
  kernel_.acknowledge(EUSERS, 1, nullptr);
  GenlBus bus;
  EXPECT_FALSE(genl_bus_create(socket_, "b", 0, "", &bus, &error_));
  EXPECT_EQ(error_.code, EUSERS);
  EXPECT_EQ(error_.text, strerror(EUSERS));
}

TEST_F(GenlControlTest, AnswerThatMakesNoSenseIsBroken) {
  kernel_.deliver(FakeKernel::message(DBUS_GENL_CMD_CONNECT));
  GenlPeer peer;
  EXPECT_FALSE(genl_connect(socket_, "b", std::nullopt, &peer, &error_));
  EXPECT_EQ(error_.kind, GenlError::Kind::Broken);
}

TEST_F(GenlControlTest, CreateSendsFlagsAndMachineId) {
  NlMsg answer = FakeKernel::message(DBUS_GENL_CMD_BUS_CREATE);
  nla_put_string(answer.get(), DBUS_GENL_BUS_A_NAME, "b");
  nla_put_u32(answer.get(), DBUS_GENL_BUS_A_UID, 7);
  nla_put_string(answer.get(), DBUS_GENL_BUS_A_GUID, kGuid);
  kernel_.deliver(answer);
  kernel_.acknowledge(0, 1, nullptr);
  GenlBus bus;
  ASSERT_TRUE(genl_bus_create(socket_, "b", DBUS_GENL_BUS_PERSISTENT, kGuid, &bus, &error_));
  EXPECT_EQ(bus.name, "b");
  EXPECT_EQ(bus.uid, 7U);
  EXPECT_EQ(bus.guid, kGuid);
  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  nlattr* a[DBUS_GENL_BUS_A_MAX + 1];
  ASSERT_EQ(genlmsg_parse(request, 0, a, DBUS_GENL_BUS_A_MAX, nullptr), 0);
  EXPECT_EQ(nla_get_u32(a[DBUS_GENL_BUS_A_FLAGS]), uint32_t{DBUS_GENL_BUS_PERSISTENT});
  EXPECT_STREQ(nla_get_string(a[DBUS_GENL_BUS_A_MACHINE_ID]), kGuid);
}

TEST_F(GenlControlTest, ListReadsADumpWithItsStatistics) {
  for (uint32_t i = 0; i < 3; i++) {
    NlMsg answer = FakeKernel::message(DBUS_GENL_CMD_BUS_GET);
    nlmsg_hdr(answer.get())->nlmsg_flags |= NLM_F_MULTI;
    nla_put_string(answer.get(), DBUS_GENL_BUS_A_NAME, ("bus" + std::to_string(i)).c_str());
    nla_put_u32(answer.get(), DBUS_GENL_BUS_A_UID, i);
    nla_put_string(answer.get(), DBUS_GENL_BUS_A_GUID, kGuid);
    nlattr* nested = nla_nest_start(answer.get(), DBUS_GENL_BUS_A_STATS);
    nla_put_u64(answer.get(), DBUS_GENL_STATS_A_PEERS, 10 + i);
    nla_nest_end(answer.get(), nested);
    kernel_.deliver(answer);
  }
  NlMsg done(nlmsg_alloc());
  nlmsg_hdr(done.get())->nlmsg_type = NLMSG_DONE;
  int zero = 0;
  nlmsg_append(done.get(), &zero, sizeof zero, NLMSG_ALIGNTO);
  kernel_.deliver(done);

  std::vector<GenlBus> buses;
  ASSERT_TRUE(genl_bus_list(socket_, &buses, &error_)) << error_.text;
  ASSERT_EQ(buses.size(), 3U);
  EXPECT_EQ(buses[2].name, "bus2");
  EXPECT_EQ(buses[2].uid, 2U);
  EXPECT_EQ(buses[2].stats[DBUS_GENL_STATS_A_PEERS], 12U);
  EXPECT_EQ(buses[2].stats[DBUS_GENL_STATS_A_NAMES], 0U);
  nlmsghdr* request = kernel_.request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->nlmsg_flags & NLM_F_DUMP, NLM_F_DUMP);
}

TEST_F(GenlControlTest, ADumpMayEndInAnError) {
  NlMsg done(nlmsg_alloc());
  nlmsg_hdr(done.get())->nlmsg_type = NLMSG_DONE;
  nlmsg_hdr(done.get())->nlmsg_flags |= NLM_F_ACK_TLVS;
  int result = -EPERM;
  nlmsg_append(done.get(), &result, sizeof result, NLMSG_ALIGNTO);
  nla_put_string(done.get(), NLMSGERR_ATTR_MSG, "not for you");
  kernel_.deliver(done);

  std::vector<GenlBus> buses;
  ASSERT_FALSE(genl_bus_list(socket_, &buses, &error_));
  EXPECT_EQ(error_.code, EPERM);
  EXPECT_EQ(error_.text, "not for you");
}

TEST_F(GenlControlTest, StatsAreRead) {
  NlMsg answer = FakeKernel::message(DBUS_GENL_CMD_STATS_GET);
  nla_put_u64(answer.get(), DBUS_GENL_STATS_A_ROUTED, 1ULL << 40);
  kernel_.deliver(answer);
  kernel_.acknowledge(0, 1, nullptr);
  GenlStats stats{};
  ASSERT_TRUE(genl_stats(socket_, &stats, &error_));
  EXPECT_EQ(stats[DBUS_GENL_STATS_A_ROUTED], 1ULL << 40);
}

TEST(GenlSocket, OutOfDescriptors) {
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  GenlError error;
  EXPECT_FALSE(GenlSocket::open(&error).is_open());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(error.kind, GenlError::Kind::Broken);
  EXPECT_EQ(error.code, EMFILE);
}

// Both with the module and without: either the family is there, or it says why not.
TEST(GenlSocket, RealNetlink) {
  GenlError error;
  GenlSocket socket = GenlSocket::open(&error);
  if (socket.is_open()) {
    EXPECT_NE(socket.port(), 0U);
    std::vector<GenlBus> buses;
    EXPECT_TRUE(genl_bus_list(socket, &buses, &error)) << error.text;
  } else {
    EXPECT_TRUE(error.kind == GenlError::Kind::NoFamily ||
                error.kind == GenlError::Kind::NoNetlink);
    EXPECT_FALSE(genl_error_text(error).empty());
    EXPECT_FALSE(genl_bus_exists("session"));
  }
}

}  // namespace
}  // namespace dg
