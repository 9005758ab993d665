// SPDX-License-Identifier: LGPL-2.1-or-later
// See genl_receiver.h.
#include "transport/genl_receiver.h"

#include <netlink/msg.h>
#include <sys/mman.h>

#include <cerrno>
#include <new>

#include "base/log.h"

namespace dg {

// The buffers are a mapping of their own: pages that no message reached were never allocated, and
// most messages reach only the first.
struct GenlReceiver::Slots {
  mmsghdr headers[kBatch];
  iovec parts[kBatch];
  sockaddr_nl senders[kBatch];
  std::byte* memory;
  std::size_t stride;

  static Slots* create(std::size_t datagram_size) noexcept {
    constexpr std::size_t kPage = 4096;
    std::size_t stride = (datagram_size + kPage - 1) & ~(kPage - 1);
    void* memory = ::mmap(nullptr, stride * kBatch, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    auto* slots = new (std::nothrow) Slots{};
    if (!slots) {
      ::munmap(memory, stride * kBatch);
      return nullptr;
    }
    slots->memory = static_cast<std::byte*>(memory);
    slots->stride = stride;
    for (std::size_t i = 0; i < kBatch; i++) {
      slots->parts[i] = {slots->memory + i * stride, stride};
      msghdr& header = slots->headers[i].msg_hdr;
      header.msg_iov = &slots->parts[i];
      header.msg_iovlen = 1;
      header.msg_name = &slots->senders[i];
    }
    return slots;
  }
};

void GenlReceiver::Free::operator()(Slots* slots) const noexcept {
  ::munmap(slots->memory, slots->stride * kBatch);
  delete slots;
}

GenlReceiver::Result GenlReceiver::read(int fd) noexcept {
  if (!slots_) slots_.reset(Slots::create(size_));
  if (!slots_) return Result::NoMemory;
  for (mmsghdr& header : slots_->headers) header.msg_hdr.msg_namelen = sizeof(sockaddr_nl);

  int n;
  do {
    n = ::recvmmsg(fd, slots_->headers, kBatch, MSG_DONTWAIT, nullptr);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    switch (errno) {
      case EAGAIN:
        return Result::Drained;
      case ENOBUFS:
        trace("genl: the socket was full, and an acknowledgement was lost");
        return Result::Overrun;
      case ENOMEM:
        return Result::NoMemory;
      default:
        return Result::Disconnected;
    }
  }
  current_ = 0;
  count_ = static_cast<std::size_t>(n);
  open_datagram();
  return count_ == kBatch ? Result::Ok : Result::Drained;
}

// Goes to the first datagram, from current_ on, that has a message in it.
void GenlReceiver::open_datagram() noexcept {
  part_ = nullptr;
  for (; current_ < count_; current_++) {
    const mmsghdr& header = slots_->headers[current_];
    if (header.msg_hdr.msg_namelen == sizeof(sockaddr_nl) &&
        slots_->senders[current_].nl_pid != 0) {
      trace("genl: ignored a datagram from port id %u, which isn't the kernel",
            slots_->senders[current_].nl_pid);
      continue;
    }
    if (header.msg_hdr.msg_flags & MSG_TRUNC) {
      trace("genl: ignored a datagram that is larger than the bus's largest message");
      continue;
    }
    part_ = static_cast<nlmsghdr*>(slots_->parts[current_].iov_base);
    left_ = static_cast<int>(header.msg_len);
    if (nlmsg_ok(part_, left_)) return;
    part_ = nullptr;
  }
  count_ = 0;
}

void GenlReceiver::pop() noexcept {
  part_ = nlmsg_next(part_, &left_);
  if (nlmsg_ok(part_, left_)) return;
  current_++;
  open_datagram();
}

}  // namespace dg
