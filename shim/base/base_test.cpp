// SPDX-License-Identifier: LGPL-2.1-or-later
// The lowest layer: descriptors, memory, references, slots, waiting.
#include <dbus/dbus.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/data_slot.h"
#include "base/memory.h"
#include "base/mutex.h"
#include "base/refcount.h"
#include "base/time.h"
#include "base/unique_fd.h"
#include "test/stock_libdbus.h"

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesOnceAndKeepsErrno) {
  int raw[2];
  ASSERT_EQ(::pipe2(raw, O_CLOEXEC), 0);
  {
    dg::UniqueFd a(raw[0]);
    dg::UniqueFd b = std::move(a);
    EXPECT_FALSE(a);
    EXPECT_EQ(b.get(), raw[0]);
    errno = ENOENT;
    b.reset(raw[1]);
    EXPECT_EQ(errno, ENOENT);
    EXPECT_FALSE(is_open(raw[0]));
  }
  EXPECT_FALSE(is_open(raw[1]));
}

TEST(UniqueFd, DuplicateIsCloexecAndNotAStandardStream) {
  int raw[2];
  ASSERT_EQ(::pipe2(raw, 0), 0);
  const dg::UniqueFd read_end(raw[0]), write_end(raw[1]);
  const int saved = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  ::close(STDIN_FILENO);
  const dg::UniqueFd copy = dg::dup_cloexec(raw[0]);
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
  EXPECT_GE(copy.get(), 3);
  EXPECT_EQ(::fcntl(copy.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_FALSE(dg::dup_cloexec(-1));
}

TEST(Memory, EmptyAllocationsAsStock) {
  EXPECT_EQ(dbus_malloc(0), nullptr);
  EXPECT_EQ(STOCK(dbus_malloc)(0), nullptr);
  EXPECT_EQ(dbus_malloc0(0), nullptr);
  EXPECT_EQ(dbus_realloc(nullptr, 0), nullptr);
  void* memory = dbus_realloc(nullptr, 8);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(dbus_realloc(memory, 0), nullptr);
  EXPECT_EQ(dbus_malloc(SIZE_MAX / 2), nullptr);
  dbus_free(nullptr);
  dbus_free_string_array(nullptr);
}

TEST(Memory, ZeroedCopiedAndArrays) {
  auto* zeroes = static_cast<unsigned char*>(dbus_malloc0(64));
  for (int i = 0; i < 64; ++i) EXPECT_EQ(zeroes[i], 0);
  dbus_free(zeroes);
  EXPECT_EQ(dg::mem::strdup(nullptr), nullptr);
  auto** array = static_cast<char**>(dbus_malloc(3 * sizeof(char*)));
  array[0] = dg::mem::strdup("one");
  array[1] = dg::mem::strndup(std::string_view("twofold").substr(0, 3));
  array[2] = nullptr;
  EXPECT_STREQ(array[1], "two");
  dbus_free_string_array(array);
}

TEST(Shutdown, RunsEachOnceLastFirst) {
  static std::vector<int>* order;
  std::vector<int> seen;
  order = &seen;
  static int numbers[] = {1, 2, 3};
  const auto note = [](void* data) { order->push_back(*static_cast<int*>(data)); };
  const auto note_and_add = [](void* data) {
    order->push_back(*static_cast<int*>(data));
    dg::mem::at_shutdown([](void* late) { order->push_back(*static_cast<int*>(late)); },
                         &numbers[2]);
  };
  ASSERT_TRUE(dg::mem::at_shutdown(note, &numbers[0]));
  ASSERT_TRUE(dg::mem::at_shutdown(note_and_add, &numbers[1]));
  dbus_shutdown();
  EXPECT_EQ(seen, (std::vector<int>{2, 3, 1}));
  dbus_shutdown();
  EXPECT_EQ(seen.size(), 3u);
}

struct Counted {
  int references = 1;
  void ref() { ++references; }
  void unref() { --references; }
};

TEST(Ref, CountsWhatItHolds) {
  Counted object;
  {
    auto adopted = dg::Ref<Counted>::adopt(&object);
    EXPECT_EQ(object.references, 1);
    auto shared = dg::Ref<Counted>::share(&object);
    auto copy = shared;
    EXPECT_EQ(object.references, 3);
    auto moved = std::move(copy);
    copy = moved;
    copy = std::move(copy);
    EXPECT_EQ(object.references, 4);
    moved.reset();
    EXPECT_EQ(object.references, 3);
    object.ref();
    EXPECT_EQ(shared.release(), &object);
    object.unref();
    object.unref();
  }
  EXPECT_EQ(object.references, 0);
}

TEST(DataSlot, NumbersAreCountedAndReused) {
  static constinit dg::SlotAllocator allocator;  // as the library has them: never destroyed
  std::vector<dbus_int32_t> slots(40, -1);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    ASSERT_TRUE(allocator.allocate(&slots[i]));
    EXPECT_EQ(slots[i], static_cast<dbus_int32_t>(i));
  }
  dbus_int32_t again = slots[7];
  ASSERT_TRUE(allocator.allocate(&again));
  allocator.free(&again);
  EXPECT_EQ(again, 7) << "still held once";
  EXPECT_TRUE(allocator.in_use(7));
  allocator.free(&slots[7]);
  EXPECT_EQ(slots[7], -1);
  EXPECT_FALSE(allocator.in_use(7));
  dbus_int32_t unknown = 7;
  EXPECT_FALSE(allocator.allocate(&unknown)) << "not in use";
  dbus_int32_t next = -1;
  ASSERT_TRUE(allocator.allocate(&next));
  EXPECT_EQ(next, 7);
}

int freed = 0;
void count_free(void* data) { freed += *static_cast<int*>(data); }

TEST(DataSlot, DataIsFreedWhenReplacedAndAtTheEnd) {
  int one = 1, ten = 10, hundred = 100;
  freed = 0;
  {
    dg::SlotList list;
    EXPECT_EQ(list.get(3), nullptr);
    dg::SlotList::Entry old;
    ASSERT_TRUE(list.set(3, &one, count_free, &old));
    old.run();
    EXPECT_EQ(list.get(3), &one);
    EXPECT_EQ(list.get(2), nullptr);
    ASSERT_TRUE(list.set(3, &ten, count_free, &old));
    EXPECT_EQ(freed, 0);
    old.run();
    EXPECT_EQ(freed, 1);
    ASSERT_TRUE(list.set(0, &hundred, count_free, &old));
    old.run();
    ASSERT_TRUE(list.set(1, &hundred, nullptr, &old));
  }
  EXPECT_EQ(freed, 111);
}

TEST(CondVar, WakesAndTimesOut) {
  dg::Mutex mutex;
  dg::CondVar changed;
  bool ready = false;
  dg::Lock lock(mutex);
  const std::int64_t start = dg::monotonic_ms();
  EXPECT_FALSE(changed.wait_until(lock, start + 30));
  EXPECT_GE(dg::monotonic_ms(), start + 30);
  std::thread waker([&] {
    const dg::Lock own(mutex);
    ready = true;
    changed.notify_all();
  });
  while (!ready) ASSERT_TRUE(changed.wait_until(lock, dg::monotonic_ms() + 10000));
  lock.unlock();
  waker.join();
}

TEST(Threads, InitialisationAlwaysWorks) {
  EXPECT_TRUE(dbus_threads_init_default());
  EXPECT_TRUE(dbus_threads_init(nullptr));
}

TEST(Version, IsTheHeaders) {
  int major, minor, micro;
  dbus_get_version(&major, &minor, &micro);
  EXPECT_EQ(major, DBUS_MAJOR_VERSION);
  EXPECT_EQ(minor, DBUS_MINOR_VERSION);
  EXPECT_EQ(micro, DBUS_MICRO_VERSION);
  dbus_get_version(nullptr, nullptr, nullptr);
}

TEST(Setenv, SetsUnsetsAndRefuses) {
  EXPECT_TRUE(dbus_setenv("DG_TEST_VARIABLE", "x"));
  EXPECT_STREQ(std::getenv("DG_TEST_VARIABLE"), "x");
  EXPECT_TRUE(dbus_setenv("DG_TEST_VARIABLE", nullptr));
  EXPECT_EQ(std::getenv("DG_TEST_VARIABLE"), nullptr);
  for (const char* bad : {static_cast<const char*>(nullptr), "", "A=B"}) {
    EXPECT_FALSE(dbus_setenv(bad, "x"));
    EXPECT_FALSE(STOCK(dbus_setenv)(bad, "x"));
  }
}

}  // namespace
