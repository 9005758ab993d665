// SPDX-License-Identifier: LGPL-2.1-or-later
// LoopHooks<T>: the watches (or time-outs) of a connection or server and the application's
// functions that put them into its main loop.
//
// The application's functions run without the owner's lock, since they may call back. What they are
// told is computed under it: set_enabled() and remove() only note a change, sync() tells it. One
// thread at a time is telling; changes that others note meanwhile are told by that thread before it
// leaves, so the application sees them in one order and ends with the newest state.
#pragma once

#include <dbus/dbus.h>
#include <pthread.h>

#include <atomic>

#include "base/mutex.h"
#include "base/refcount.h"

namespace dg {

template <typename T>
class LoopHooks;

// Base of DBusWatch and DBusTimeout: counted, with the application's data, and the links of
// LoopHooks.
template <typename T>
class LoopItem {
 public:
  void ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void unref() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete static_cast<T*>(this);
  }
  bool enabled() const noexcept { return enabled_.load(std::memory_order_acquire); }
  void* data() const noexcept { return data_; }
  // Frees what was there; as in libdbus, only the thread of the main loop uses it.
  void set_data(void* data, DBusFreeFunction free_function) noexcept {
    void* old = data_;
    DBusFreeFunction old_free = free_data_;
    data_ = data;
    free_data_ = free_function;
    if (old_free) old_free(old);
  }

 protected:
  explicit LoopItem(bool enabled) noexcept : enabled_(enabled) {}
  LoopItem(const LoopItem&) = delete;
  LoopItem& operator=(const LoopItem&) = delete;
  ~LoopItem() {
    if (free_data_) free_data_(data_);
  }

 private:
  friend class LoopHooks<T>;
  std::atomic<int> references_{1};
  std::atomic<bool> enabled_;
  void* data_ = nullptr;
  DBusFreeFunction free_data_ = nullptr;
  // The rest belongs to LoopHooks, under its owner's lock.
  T* previous_ = nullptr;
  T* next_ = nullptr;
  T* next_dirty_ = nullptr;
  bool linked_ = false;        // in the list (one reference)
  bool dirty_ = false;         // in the queue of changes to tell (one reference)
  bool in_loop_ = false;       // add function called
  bool told_enabled_ = false;  // what the application was last told
};

template <typename T>
class LoopHooks {
 public:
  struct Functions {
    dbus_bool_t (*add)(T*, void*) = nullptr;
    void (*remove)(T*, void*) = nullptr;
    void (*toggled)(T*, void*) = nullptr;
    void* data = nullptr;
    DBusFreeFunction free_data = nullptr;
  };

  LoopHooks() noexcept = default;
  LoopHooks(const LoopHooks&) = delete;
  LoopHooks& operator=(const LoopHooks&) = delete;

  // Moves all items from the old functions to the new. False when the new add function refuses one:
  // then the old functions remain and free_data was not called for the new data. Throws
  // std::bad_alloc.
  bool set_functions(Lock& lock, const Functions& functions);
  // False when the application's add function refuses.
  bool add(Lock& lock, T* item);
  // These two only note; sync() tells the application.
  void remove(T* item) noexcept;
  void set_enabled(T* item, bool enabled) noexcept;
  void sync(Lock& lock) {
    if (dirty_head_ == nullptr || busy_) return;  // who is busy tells ours too
    Telling telling(*this, lock);
  }
  // Frees the functions' data, when the owner is going. Unlocked.
  void drop_functions() noexcept {
    Functions old = functions_;
    functions_ = Functions();
    if (old.free_data) old.free_data(old.data);
  }

 private:
  // Held by the thread that runs the application's functions; the destructor tells what is left.
  class Telling {
   public:
    Telling(LoopHooks& hooks, Lock& lock) noexcept;
    ~Telling();

   private:
    LoopHooks& hooks_;
    Lock& lock_;
    bool outermost_;
  };

  bool call_add(Lock& lock, T* item);
  void tell_all(Lock& lock);
  void mark_dirty(T* item) noexcept;
  void link(T* item) noexcept;
  void unlink(T* item) noexcept;

  Functions functions_;
  T* first_ = nullptr;
  T* last_ = nullptr;
  T* dirty_head_ = nullptr;
  T* dirty_tail_ = nullptr;
  bool busy_ = false;
  pthread_t busy_thread_{};
  CondVar idle_;
};

}  // namespace dg

#include "connection/loop_hooks_impl.h"  // IWYU pragma: export
