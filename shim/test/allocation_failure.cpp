// SPDX-License-Identifier: LGPL-2.1-or-later
#include "test/allocation_failure.h"

#include <netlink/msg.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <new>

namespace {

// Of the thread that runs a test. Trivial, so that any allocation may use it.
struct State {
  bool armed, failed;
  unsigned long left;  // until one fails
  unsigned in_a_row;   // so many will
};
constinit thread_local State state{};

std::atomic<long> live{0};

bool fails() noexcept {
  if (!state.armed || state.in_a_row == 0) return false;
  if (!state.failed && --state.left > 0) return false;
  state.failed = true;
  --state.in_a_row;
  return true;
}

template <typename T>
T* counted(T* memory) noexcept {
  if (memory) live.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

}  // namespace

// The names are the linker's: --wrap=malloc makes a call of malloc one of __wrap_malloc, and one of
// __real_malloc one of malloc, be it the C library's or a sanitizer's.
extern "C" {

void* __real_malloc(std::size_t);
void* __real_calloc(std::size_t, std::size_t);
void* __real_realloc(void*, std::size_t);
void __real_free(void*);
int __real_vasprintf(char**, const char*, va_list);
nl_msg* __real_nlmsg_alloc();
nl_msg* __real_nlmsg_alloc_size(std::size_t);
void __real_nlmsg_free(nl_msg*);
void* __real_mmap64(void*, std::size_t, int, int, int, off64_t);
int __real_munmap(void*, std::size_t);
int __real_memfd_create(const char*, unsigned);

void* __wrap_malloc(std::size_t size) { return fails() ? nullptr : counted(__real_malloc(size)); }

void* __wrap_calloc(std::size_t count, std::size_t size) {
  return fails() ? nullptr : counted(__real_calloc(count, size));
}

void* __wrap_realloc(void* memory, std::size_t size) {
  if (fails()) return nullptr;
  void* const moved = __real_realloc(memory, size);
  return memory ? moved : counted(moved);
}

void __wrap_free(void* memory) {
  if (memory) live.fetch_sub(1, std::memory_order_relaxed);
  __real_free(memory);
}

int __wrap_vasprintf(char** text, const char* format, va_list args) {
  const int length = fails() ? -1 : __real_vasprintf(text, format, args);
  if (length >= 0) live.fetch_add(1, std::memory_order_relaxed);
  return length;
}

// libnl's own calls aren't wrapped: its message is one allocation.
nl_msg* __wrap_nlmsg_alloc() { return fails() ? nullptr : counted(__real_nlmsg_alloc()); }

nl_msg* __wrap_nlmsg_alloc_size(std::size_t size) {
  return fails() ? nullptr : counted(__real_nlmsg_alloc_size(size));
}

void __wrap_nlmsg_free(nl_msg* message) {
  if (message) live.fetch_sub(1, std::memory_order_relaxed);
  __real_nlmsg_free(message);
}

// Which mmap is, with offsets of 64 bits.
void* __wrap_mmap64(void* at, std::size_t size, int protection, int flags, int fd, off64_t offset) {
  if (fails()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void* const memory = __real_mmap64(at, size, protection, flags, fd, offset);
  if (memory != MAP_FAILED) counted(memory);
  return memory;
}

int __wrap_munmap(void* memory, std::size_t size) {
  live.fetch_sub(1, std::memory_order_relaxed);
  return __real_munmap(memory, size);
}

// A file, but of memory.
int __wrap_memfd_create(const char* name, unsigned flags) {
  if (!fails()) return __real_memfd_create(name, flags);
  errno = ENOMEM;
  return -1;
}

}  // extern "C"

void* operator new(std::size_t size) {
  void* const memory = __wrap_malloc(size ? size : 1);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return __wrap_malloc(size ? size : 1);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return __wrap_malloc(size ? size : 1);
}
void operator delete(void* memory) noexcept { __wrap_free(memory); }
void operator delete[](void* memory) noexcept { __wrap_free(memory); }
void operator delete(void* memory, std::size_t) noexcept { __wrap_free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { __wrap_free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { __wrap_free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { __wrap_free(memory); }

namespace dg::test {

long live_allocations() noexcept { return live.load(std::memory_order_relaxed); }

NoFailures::NoFailures() noexcept : armed_(std::exchange(state.armed, false)) {}
NoFailures::~NoFailures() { state.armed = armed_; }

void Failing::arm() noexcept { state = {true, failed_, left_, in_a_row_}; }

void Failing::disarm() noexcept {
  state.armed = false;
  left_ = state.left;
  in_a_row_ = state.in_a_row;
  failed_ = state.failed;
}

}  // namespace dg::test
