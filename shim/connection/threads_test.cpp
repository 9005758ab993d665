// SPDX-License-Identifier: LGPL-2.1-or-later
// Many threads on one connection. Meant for the thread sanitizer as much as for its own checks.
#include <thread>

#include "base/time.h"
#include "connection/fake_transport.h"

namespace dg::test {
namespace {

using namespace std::chrono_literals;
using Threads = ConnectionTest;

// Answers what was sent, from a thread of its own, and in another order.
class Responder {
 public:
  explicit Responder(FakePeer& peer) : peer_(peer) {
    peer.on_send = [this](DBusMessage* message) {
      std::lock_guard lock(mutex_);
      serials_.push_back(message->serial());
    };
    thread_ = std::thread([this] { run(); });
  }
  ~Responder() {
    stop_ = true;
    thread_.join();
  }

 private:
  void run() {
    while (!stop_) {
      std::vector<std::uint32_t> serials;
      {
        std::lock_guard lock(mutex_);
        serials.swap(serials_);
      }
      for (auto serial = serials.rbegin(); serial != serials.rend(); ++serial) {
        peer_.deliver(signal("Noise"));
        peer_.deliver(reply(*serial));
      }
      std::this_thread::sleep_for(1ms);
    }
  }
  FakePeer& peer_;
  std::mutex mutex_;
  std::vector<std::uint32_t> serials_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST_F(Threads, EachBlockingCallGetsItsReply) {
  Responder responder(peer);
  constexpr int threads = 8, calls = 40;
  std::atomic<int> good{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&] {
      for (int i = 0; i < calls; ++i) {
        auto message = fresh();
        auto answer = Ref<DBusMessage>::adopt(
            dbus_connection_send_with_reply_and_block(connection, message.get(), 20000, nullptr));
        if (answer && answer->reply_serial() == message->serial()) ++good;
      }
    });
  }
  for (auto& thread : all) thread.join();
  EXPECT_EQ(threads * calls, good);
  int noise = 0;
  while (pop() == "Noise") ++noise;
  EXPECT_EQ(threads * calls, noise);
}

TEST_F(Threads, DispatchersHandleOneMessageAtATimeInOrder) {
  struct State {
    std::atomic<int> inside{0};
    std::vector<std::string> seen;
  } state;
  dbus_connection_add_filter(
      connection,
      [](DBusConnection*, DBusMessage* message, void* data) {
        auto* state = static_cast<State*>(data);
        EXPECT_EQ(0, state->inside++);
        state->seen.push_back(message->member());
        std::this_thread::sleep_for(100us);
        --state->inside;
        return DBUS_HANDLER_RESULT_HANDLED;
      },
      &state, nullptr);
  constexpr int count = 200;
  for (int i = 0; i < count; ++i) peer.deliver(signal(("M" + std::to_string(i)).c_str()));
  read();
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t) all.emplace_back([&] { dispatch_all(); });
  for (auto& thread : all) thread.join();
  ASSERT_EQ(std::size_t{count}, state.seen.size());
  for (int i = 0; i < count; ++i) EXPECT_EQ("M" + std::to_string(i), state.seen[i]);
}

// One thread waits in the main loop's way while another blocks for a reply: whoever reads the
// reply, the one that waits for it gets it.
TEST_F(Threads, AReaderAndACallerShareTheConnection) {
  Responder responder(peer);
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) dbus_connection_read_write_dispatch(connection, 50);
  });
  for (int i = 0; i < 100; ++i) {
    auto answer = Ref<DBusMessage>::adopt(
        dbus_connection_send_with_reply_and_block(connection, fresh().get(), 20000, nullptr));
    EXPECT_TRUE(answer);
  }
  stop = true;
  reader.join();
}

// A thread that waits for ever to read must go on to write what another could not write.
TEST_F(Threads, AWaitingThreadWritesWhatAnotherQueued) {
  std::thread reader([&] {
    while (dbus_connection_read_write(connection, -1)) {
    }
  });
  std::this_thread::sleep_for(30ms);
  peer.accept(false);
  dbus_connection_send(connection, fresh("Queued").get(), nullptr);
  std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(dbus_connection_has_messages_to_send(connection));
  peer.accept(true);
  const auto deadline = monotonic_ms() + 10000;
  while (peer.sent_count() == 0 && monotonic_ms() < deadline) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(1u, peer.sent_count());
  dbus_connection_close(connection);
  reader.join();
}

TEST_F(Threads, ClosingEndsWhoWaits) {
  std::vector<std::thread> all;
  std::atomic<int> ended{0};
  for (int t = 0; t < 4; ++t) {
    all.emplace_back([&] {
      DBusError error = DBUS_ERROR_INIT;
      EXPECT_EQ(nullptr, dbus_connection_send_with_reply_and_block(connection, fresh().get(),
                                                                   DBUS_TIMEOUT_INFINITE, &error));
      EXPECT_STREQ(DBUS_ERROR_NO_REPLY, error.name);
      dbus_error_free(&error);
      ++ended;
    });
  }
  while (peer.sent_count() < 4) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(0, ended);
  dbus_connection_close(connection);
  for (auto& thread : all) thread.join();
  EXPECT_EQ(4, ended);
}

TEST_F(Threads, WaitingCostsNothing) {
  auto cpu_ms = [] {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
  };
  std::vector<std::thread> all;
  for (int t = 0; t < 3; ++t) {
    all.emplace_back([&] {
      dbus_connection_send_with_reply_and_block(connection, fresh().get(), DBUS_TIMEOUT_INFINITE,
                                                nullptr);
    });
  }
  while (peer.sent_count() < 3) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(50ms);
  const auto before = cpu_ms();
  std::this_thread::sleep_for(400ms);
  EXPECT_LT(cpu_ms() - before, 60);
  dbus_connection_close(connection);
  for (auto& thread : all) thread.join();
}

TEST_F(Threads, FlushingFromManyThreads) {
  peer.accept(false);
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t) {
    all.emplace_back([&] {
      for (int i = 0; i < 50; ++i) dbus_connection_send(connection, fresh().get(), nullptr);
      dbus_connection_flush(connection);
      EXPECT_FALSE(dbus_connection_has_messages_to_send(connection));
    });
  }
  std::this_thread::sleep_for(20ms);
  peer.accept(true);
  for (auto& thread : all) thread.join();
  EXPECT_EQ(200u, peer.sent_count());
}

TEST_F(Threads, CompletionWakesAThreadThatBlocks) {
  DBusPendingCall* pending = nullptr;
  dbus_connection_send_with_reply(connection, fresh().get(), &pending, DBUS_TIMEOUT_INFINITE);
  std::thread waiter([&] { dbus_pending_call_block(pending); });
  std::this_thread::sleep_for(20ms);
  peer.deliver(reply(1));
  waiter.join();
  EXPECT_TRUE(dbus_pending_call_get_completed(pending));
  dbus_pending_call_unref(pending);
}

TEST_F(Threads, MessagesDroppedElsewhereLetReadingGoOn) {
  dbus_connection_set_max_received_size(connection, 200);
  constexpr int count = 300;
  std::thread sender([&] {
    for (int i = 0; i < count; ++i) {
      peer.deliver(signal("S"));
      if (i % 16 == 0) std::this_thread::sleep_for(1ms);
    }
  });
  int got = 0;
  std::vector<std::thread> droppers;
  const auto deadline = monotonic_ms() + 20000;
  while (got < count && monotonic_ms() < deadline) {
    dbus_connection_read_write(connection, 20);
    std::vector<Ref<DBusMessage>> batch;
    while (DBusMessage* message = dbus_connection_pop_message(connection))
      batch.push_back(Ref<DBusMessage>::adopt(message));
    got += static_cast<int>(batch.size());
    if (!batch.empty())
      droppers.emplace_back([batch = std::move(batch)]() mutable { batch.clear(); });
  }
  sender.join();
  for (auto& thread : droppers) thread.join();
  EXPECT_EQ(count, got);
}

}  // namespace
}  // namespace dg::test
