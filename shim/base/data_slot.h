// SPDX-License-Identifier: LGPL-2.1-or-later
// Application data attached to messages, connections, pending calls and servers under numbered
// slots.
#pragma once

#include <dbus/dbus.h>

#include <vector>

#include "base/mutex.h"

namespace dg {

// Hands out slot numbers for one class of objects. A slot is counted: allocating one that the
// caller already has
// (*slot >= 0) takes another reference, and it is reusable when the last is freed.
// Constant-initialised: make it a constinit global.
class SlotAllocator {
 public:
  constexpr SlotAllocator() noexcept = default;
  // False without memory, or when *slot isn't -1 and isn't a slot in use.
  bool allocate(dbus_int32_t* slot) noexcept;
  // Drops a reference; at the last *slot becomes -1.
  void free(dbus_int32_t* slot) noexcept;
  bool in_use(dbus_int32_t slot) noexcept;

 private:
  Mutex mutex_;
  int* references_ =
      nullptr;  // by slot; 0: free. Plain memory, since a vector would need a destructor at exit.
  dbus_int32_t size_ = 0;
};

// The data of one object. Not locked: the owner does.
class SlotList {
 public:
  struct Entry {
    void* data = nullptr;
    DBusFreeFunction free_function = nullptr;
    // Runs application code: call it without holding locks.
    void run() const noexcept {
      if (free_function) free_function(data);
    }
  };

  SlotList() noexcept = default;
  SlotList(SlotList&&) noexcept = default;
  SlotList(const SlotList&) = delete;
  SlotList& operator=(const SlotList&) = delete;
  ~SlotList() { clear(); }

  // Stores; what was there before comes back in *old for the caller to run() once unlocked. False
  // without memory.
  [[nodiscard]] bool set(dbus_int32_t slot, void* data, DBusFreeFunction free_function,
                         Entry* old) noexcept;
  // The same under the owner's lock; what was there is freed without it.
  [[nodiscard]] bool set(Mutex& mutex, dbus_int32_t slot, void* data,
                         DBusFreeFunction free_function) noexcept;
  void* get(dbus_int32_t slot) const noexcept;
  // Frees everything, application code included, also data that those functions set meanwhile.
  void clear() noexcept;

 private:
  std::vector<Entry> entries_;
};

}  // namespace dg
