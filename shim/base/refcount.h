// SPDX-License-Identifier: LGPL-2.1-or-later
// Ref<T>: holds one reference of an object that counts its own with ref() and unref().
#pragma once

#include <cstddef>
#include <utility>

namespace dg {

template <typename T>
class Ref {
 public:
  Ref() noexcept = default;
  Ref(std::nullptr_t) noexcept {}  // NOLINT: a null Ref is written nullptr
  // Takes a reference of its own.
  static Ref share(T* object) noexcept {
    if (object) object->ref();
    return Ref(object);
  }
  // Takes over the caller's reference.
  static Ref adopt(T* object) noexcept { return Ref(object); }

  Ref(const Ref& other) noexcept : object_(other.object_) {
    if (object_) object_->ref();
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_) object_->unref();
  }

  T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  // Gives the reference to the caller.
  [[nodiscard]] T* release() noexcept { return std::exchange(object_, nullptr); }
  void reset() noexcept { *this = Ref(); }
  friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.object_ == b.object_; }

 private:
  explicit Ref(T* object) noexcept : object_(object) {}
  T* object_ = nullptr;
};

}  // namespace dg
