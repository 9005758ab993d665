// SPDX-License-Identifier: LGPL-2.1-or-later
// GenlReceiver: reads netlink datagrams, several with one system call, into buffers that are large
// enough for any, so that nothing is truncated and nothing has to be asked twice.
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>

namespace dg {

class GenlReceiver {
 public:
  // `datagram_size`: of the largest datagram that can come.
  explicit GenlReceiver(std::size_t datagram_size) noexcept : size_(datagram_size) {}

  enum class Result {
    Ok,       // full batch: there may be more in the socket
    Drained,  // got what there was, perhaps nothing
    Overrun,  // the socket had no room for an acknowledgement; go on
    Disconnected,
    NoMemory,
  };
  // Only when next() gave nothing.
  Result read(int fd) noexcept;

  // The next netlink message of those read, or nullptr. Stays the same until pop().
  nlmsghdr* next() noexcept { return part_; }
  bool has_more() const noexcept { return part_ != nullptr; }
  void pop() noexcept;
  void clear() noexcept { part_ = nullptr; }

 private:
  static constexpr std::size_t kBatch = 8;

  struct Slots;
  struct Free {
    void operator()(Slots* slots) const noexcept;
  };
  void open_datagram() noexcept;

  const std::size_t size_;
  std::unique_ptr<Slots, Free> slots_;
  std::size_t count_ = 0;    // datagrams read
  std::size_t current_ = 0;  // the one that `part_` is in
  nlmsghdr* part_ = nullptr;
  int left_ = 0;  // bytes from part_ to the datagram's end
};

}  // namespace dg
