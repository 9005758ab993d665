// SPDX-License-Identifier: LGPL-2.1-or-later
// InlineBuffer: bytes that live inside their owner until they outgrow it. Most messages fit, so
// that making one costs a single allocation. The owner never moves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace dg {

template <std::size_t kInline>
class InlineBuffer {
 public:
  InlineBuffer() noexcept = default;
  InlineBuffer(const InlineBuffer&) = delete;
  InlineBuffer& operator=(const InlineBuffer&) = delete;
  ~InlineBuffer() { reset(); }

  std::byte* data() noexcept { return data_; }
  const std::byte* data() const noexcept { return data_; }
  std::uint32_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  // Room for `size` bytes in all; what is there stays.
  [[nodiscard]] bool reserve(std::size_t size) noexcept { return size <= capacity_ || grow(size); }
  // The new bytes aren't initialised.
  [[nodiscard]] bool resize(std::size_t size) noexcept {
    if (!reserve(size)) return false;
    size_ = static_cast<std::uint32_t>(size);
    return true;
  }
  void truncate(std::size_t size) noexcept { size_ = static_cast<std::uint32_t>(size); }
  [[nodiscard]] bool append(const void* bytes, std::size_t count) noexcept {
    const std::size_t old = size_;
    if (!resize(old + count)) return false;
    if (count) std::memcpy(data_ + old, bytes, count);
    return true;
  }
  // Empty again, without memory of its own.
  void reset() noexcept {
    if (data_ != inline_) std::free(data_);
    data_ = inline_;
    capacity_ = kInline;
    size_ = 0;
  }

 private:
  [[gnu::noinline]] bool grow(std::size_t size) noexcept {
    if (size > UINT32_MAX / 2) return false;
    std::size_t capacity = std::size_t{capacity_} * 2;
    if (capacity < size) capacity = size;
    void* memory = std::realloc(data_ == inline_ ? nullptr : data_, capacity);
    if (!memory) return false;
    if (data_ == inline_) std::memcpy(memory, inline_, size_);
    data_ = static_cast<std::byte*>(memory);
    capacity_ = static_cast<std::uint32_t>(capacity);
    return true;
  }

  std::byte* data_ = inline_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = kInline;
  alignas(8) std::byte inline_[kInline];
};

}  // namespace dg
