// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernel bus when memory is short, against a test that plays the kernel: each allocation in
// turn fails, or a few in a row. A message goes out once or not yet; what came comes once, in its
// order; and who waits for a reply gets one. (How files and joining a bus fare, the system test
// short-memory sees.)
#include <atomic>
#include <functional>
#include <thread>

#include "test/allocation_failure.h"
#include "transport/genl_fake_kernel.h"

namespace dg::test {
namespace {

constexpr uint32_t kSerial = 41;

Ref<DBusMessage> genl_message(int type, std::size_t body_size) {
  const NoFailures own;
  const std::string body(body_size, 'x');
  MessageBuilder builder;
  builder.start(type, 0, kSerial);
  if (type == DBUS_MESSAGE_TYPE_METHOD_RETURN) {
    builder.set_reply_serial(7);
  } else {
    builder.set_path("/");
    builder.set_interface("a.b");
    builder.set_member("M");
  }
  builder.set_destination(":1.7");
  builder.set_signature("ay");
  builder.set_body(body.data(), body.size());
  return Ref<DBusMessage>::adopt(builder.finish());
}

class GenlSession {
 public:
  explicit GenlSession(Failing& failing) : failing_(failing), transport_(kernel.transport()) {}

  void send(int type, std::size_t body_size) {
    Ref<DBusMessage> message = genl_message(type, body_size);
    ASSERT_TRUE(message);
    failing_.retry([&] {
      const IoStatus status = transport_->send(*message);
      EXPECT_TRUE(status == IoStatus::Ok || status == IoStatus::NoMemory);
      return status == IoStatus::Ok;
    });
  }
  // What came, as a main loop that tries again finds it.
  std::string received() {
    failing_.retry([&] {
      IoStatus status;
      do {
        status = transport_->receive(list_);
      } while (status == IoStatus::Ok);
      return status != IoStatus::NoMemory;
    });
    std::string text;
    while (Ref<DBusMessage> message = Ref<DBusMessage>::adopt(list_.pop_front())) {
      if (message->error_name())
        text += std::string(message->error_name()) + " to " +
                std::to_string(message->reply_serial()) + "; ";
      else
        text += std::to_string(message->serial()) + "; ";
    }
    return text;
  }
  // The type of what the kernel has got, and of how many bytes its body is; "" for nothing.
  std::string sent() {
    nlmsghdr* request = kernel.request();
    if (!request) return "";
    nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
    EXPECT_EQ(0, genlmsg_parse(request, 0, a, DBUS_GENL_MSG_A_MAX, nullptr));
    const nlattr* body = a[DBUS_GENL_MSG_A_BODY];
    return std::to_string(nla_get_u8(a[DBUS_GENL_MSG_A_TYPE])) + " with " +
           (a[DBUS_GENL_MSG_A_BODY_FD] ? "a file" : std::to_string(body ? nla_len(body) : 0));
  }

  FakeKernel kernel;

 private:
  Failing& failing_;
  std::unique_ptr<GenlTransport> transport_;
  MessageList list_;
};

void each_genl(const std::function<void(GenlSession&)>& function) {
  const unsigned long made = for_each_allocation([&](Failing& failing) {
    {
      GenlSession session(failing);
      function(session);
    }
    dbus_shutdown();  // messages that are kept for the next
  });
  EXPECT_GT(made, 0u) << "nothing was tested";
}

TEST(GenlOom, Sending) {
  each_genl([](GenlSession& s) {
    s.send(DBUS_MESSAGE_TYPE_METHOD_CALL, 10);
    EXPECT_EQ("1 with 10", s.sent());
    s.send(DBUS_MESSAGE_TYPE_METHOD_CALL, 60000);
    EXPECT_EQ("1 with 60000", s.sent());
    s.send(DBUS_MESSAGE_TYPE_METHOD_RETURN, 200000);
    EXPECT_EQ("2 with a file", s.sent());
    EXPECT_EQ("", s.sent());
  });
}

TEST(GenlOom, WhatIsTooLarge) {
  each_genl([](GenlSession& s) {
    s.send(DBUS_MESSAGE_TYPE_METHOD_CALL, FakeKernel::kMaxBody + 1);
    EXPECT_EQ("", s.sent());
    EXPECT_EQ(DBUS_ERROR_LIMITS_EXCEEDED " to 41; ", s.received());
    // Its caller is somebody else.
    s.send(DBUS_MESSAGE_TYPE_METHOD_RETURN, FakeKernel::kMaxBody + 1);
    EXPECT_EQ(0u, s.sent().find("3 with "));
    EXPECT_EQ("", s.sent());
    EXPECT_EQ("", s.received());
  });
}

TEST(GenlOom, Receiving) {
  each_genl([](GenlSession& s) {
    s.send(DBUS_MESSAGE_TYPE_METHOD_CALL, 10);
    for (uint32_t serial = 1; serial <= 4; ++serial) s.kernel.deliver(FakeKernel::signal(serial));
    s.kernel.acknowledge(ENOBUFS, kSerial, "the receiver's queue is full");
    s.kernel.deliver(FakeKernel::signal(5));
    EXPECT_EQ("1; 2; 3; 4; 5; " DBUS_ERROR_LIMITS_EXCEEDED " to 41; ", s.received());
    s.kernel.deliver(FakeKernel::signal(6));
    s.kernel.disconnect(1);
    EXPECT_EQ("6; ", s.received());
  });
}

// The kernel answers whenever it is asked for files that they are gone.
void lost_files(int type, const char* received, const char* sent) {
  each_genl([&](GenlSession& s) {
    NlMsg message = FakeKernel::message(3, static_cast<uint8_t>(type), 9);
    nla_put_u32(message.get(), DBUS_GENL_MSG_A_REPLY_SERIAL, 12);
    nla_put_string(message.get(), DBUS_GENL_MSG_A_SIGNATURE, "h");
    nla_put_u32(message.get(), DBUS_GENL_MSG_A_FDS, 1);
    s.kernel.deliver(message);
    std::string told;
    std::atomic<bool> over{false};
    std::thread kernel([&] {
      // What it is told is in the socket when received() is over.
      for (bool last = false; !last;) {
        last = over;
        nlmsghdr* request = s.kernel.request();
        last &= !request;
        if (!request) {
          std::this_thread::yield();
        } else if (FakeKernel::command(request) == DBUS_GENL_CMD_FD_CLAIM) {
          s.kernel.acknowledge(ENOENT, 0, nullptr);
        } else if (FakeKernel::command(request) == DBUS_GENL_CMD_SEND) {
          nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
          EXPECT_EQ(0, genlmsg_parse(request, 0, a, DBUS_GENL_MSG_A_MAX, nullptr));
          told += std::string(nla_get_string(a[DBUS_GENL_MSG_A_ERROR_NAME])) + " to " +
                  nla_get_string(a[DBUS_GENL_MSG_A_DESTINATION]) + "; ";
        }
      }
    });
    EXPECT_EQ(received, s.received());
    over = true;
    kernel.join();
    EXPECT_EQ(sent, told);
  });
}

TEST(GenlOom, FilesThatAreGone) {
  lost_files(DBUS_MESSAGE_TYPE_METHOD_RETURN, DBUS_ERROR_FAILED " to 12; ", "");
  lost_files(DBUS_MESSAGE_TYPE_METHOD_CALL, "", DBUS_ERROR_FAILED " to :1.2; ");
}

}  // namespace
}  // namespace dg::test
