// SPDX-License-Identifier: LGPL-2.1-or-later
// What GenlReceiver makes of datagrams on real netlink sockets: only the kernel's count.
#include "transport/genl_receiver.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "base/unique_fd.h"

namespace dg::test {
namespace {

UniqueFd netlink_socket(int protocol) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  sockaddr_nl any{};
  any.nl_family = AF_NETLINK;
  EXPECT_EQ(0, ::bind(fd.get(), reinterpret_cast<sockaddr*>(&any), sizeof any));
  return fd;
}

sockaddr_nl address_of(const UniqueFd& fd) {
  sockaddr_nl address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(0, ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size));
  return address;
}

// One that says that it is from the kernel, which nlmsg_pid does.
struct Forged {
  nlmsghdr header{sizeof(Forged), NLMSG_MIN_TYPE, 0, 7, 0};
  char payload[16] = "not the kernel";
};

TEST(GenlReceiver, IgnoresOtherProcesses) {
  const UniqueFd receiving = netlink_socket(NETLINK_USERSOCK);
  const UniqueFd sending = netlink_socket(NETLINK_USERSOCK);
  const sockaddr_nl to = address_of(receiving);
  for (int i = 0; i < 3; ++i) {
    const Forged forged;
    ASSERT_EQ(static_cast<ssize_t>(sizeof forged),
              ::sendto(sending.get(), &forged, sizeof forged, 0,
                       reinterpret_cast<const sockaddr*>(&to), sizeof to));
  }
  GenlReceiver receiver(4096);
  EXPECT_EQ(GenlReceiver::Result::Drained, receiver.read(receiving.get()));
  EXPECT_EQ(nullptr, receiver.next());
  char rest[100];
  EXPECT_EQ(-1, ::recv(receiving.get(), rest, sizeof rest, MSG_DONTWAIT)) << "they were read";
}

TEST(GenlReceiver, TakesTheKernels) {
  const UniqueFd socket = netlink_socket(NETLINK_ROUTE);
  struct {
    nlmsghdr header;
    rtgenmsg body;
  } request{{sizeof request, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7, 0}, {AF_UNSPEC}};
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ASSERT_EQ(static_cast<ssize_t>(sizeof request),
            ::sendto(socket.get(), &request, sizeof request, 0,
                     reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel));
  GenlReceiver receiver(1 << 16);
  ASSERT_EQ(GenlReceiver::Result::Drained, receiver.read(socket.get()));
  ASSERT_NE(nullptr, receiver.next());
  EXPECT_EQ(7u, receiver.next()->nlmsg_seq);
}

}  // namespace
}  // namespace dg::test
