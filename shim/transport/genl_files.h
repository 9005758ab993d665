// SPDX-License-Identifier: LGPL-2.1-or-later
// Files that travel with a message over Generic Netlink: those that it carries, and the memfd that
// a body is in when an attribute is too small for it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "message/builder.h"

namespace dg {

// What FD_CLAIM gave for one message.
struct GenlFiles {
  std::vector<UniqueFd> fds;
  UniqueFd body;
};

// A sealed memfd of the body. Empty, with errno, without memory or descriptors.
UniqueFd make_body_file(std::span<const std::byte> body) noexcept;

// Copies a body out of the file that somebody sent, who may be anybody: a memfd that can still be
// changed, or is more than `max` bytes, or isn't what the signature says, is refused. Null when it
// is in the builder; `*retry` when only memory was short; else what is wrong with it.
const char* read_body_file(int fd, std::string_view signature, std::size_t max,
                           MessageBuilder& builder, bool* retry) noexcept;

}  // namespace dg
