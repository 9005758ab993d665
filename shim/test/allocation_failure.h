// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests that let one allocation after the other fail: malloc and its family, mappings, memfds
// and libnl's messages, as the library calls them (the linker's --wrap), and operator new, wherever
// it is called from.
//
//   for_each_allocation([](Failing& failing) {
//     …                                             // not failed, but nothing may be left over
//     Ref<Thing> thing;
//     failing.retry([&] { thing = make(); return bool(thing); });
//   });
//
// runs the function with the first allocation that is made within retry() failing, with the second,
// …, until it gets through; and then once more each, with the next few failing as well. What failed
// is to be tried again, without failures: then it must succeed.
#pragma once

#include <dbus/dbus.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace dg::test {

// Blocks that were allocated and not freed, by whomever.
long live_allocations() noexcept;

// While one lives, this thread's allocations don't fail: for what a test does in the library's
// name, such as the other side of a connection.
class NoFailures {
 public:
  NoFailures() noexcept;
  ~NoFailures();
  NoFailures(const NoFailures&) = delete;
  NoFailures& operator=(const NoFailures&) = delete;

 private:
  bool armed_;
};

class Failing {
 public:
  Failing(unsigned long nth, unsigned in_a_row) noexcept : left_(nth), in_a_row_(in_a_row) {}

  // The attempt returns whether it succeeded. When it does not, it is because an allocation failed,
  // and `unchanged` (if given) may look whether everything is as it was.
  template <typename Attempt>
  void retry(Attempt&& attempt) {
    retry(attempt, [] {});
  }
  template <typename Attempt, typename Unchanged>
  void retry(Attempt&& attempt, Unchanged&& unchanged) {
    if (run(attempt)) return;
    EXPECT_TRUE(failed_) << "it failed although there was memory";
    unchanged();
    EXPECT_TRUE(attempt()) << "it fails although there is memory again";
  }
  // For what can't fail, but may have to put something off.
  template <typename Attempt>
  bool run(Attempt&& attempt) {
    arm();
    const bool ok = attempt();
    disarm();
    return ok;
  }
  bool failed() const noexcept { return failed_; }

 private:
  void arm() noexcept;
  void disarm() noexcept;

  unsigned long left_;
  unsigned in_a_row_;
  bool failed_ = false;
};

// How many allocations the function made within retry() and run(); a test checks that it is not 0.
template <typename Function>
unsigned long for_each_allocation(Function&& function) {
  // What is made once and stays is made here.
  {
    Failing none(0, 0);
    function(none);
  }
  unsigned long made = 0;
  for (const unsigned in_a_row : {1u, 8u}) {
    for (unsigned long n = 1; n < 5000; ++n) {
      SCOPED_TRACE("allocation " + std::to_string(n) + " of " + std::to_string(in_a_row));
      const long live = live_allocations();
      Failing failing(n, in_a_row);
      function(failing);
      EXPECT_EQ(live, live_allocations()) << "memory is lost, or freed twice";
      if (!failing.failed()) {
        made = n - 1;
        break;
      }
      if (testing::Test::HasFailure()) return n;
    }
  }
  return made;
}

// For attempts with functions that set a DBusError: they do so exactly when they fail, and then to
// NoMemory.
template <typename Function>
bool with_error(Function&& function) {
  DBusError error = DBUS_ERROR_INIT;
  const bool ok = function(&error);
  const NoFailures reading;
  EXPECT_EQ(!ok, static_cast<bool>(dbus_error_is_set(&error)));
  if (!ok) {
    EXPECT_STREQ(DBUS_ERROR_NO_MEMORY, error.name);
  }
  dbus_error_free(&error);
  return ok;
}

}  // namespace dg::test
