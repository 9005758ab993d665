// SPDX-License-Identifier: LGPL-2.1-or-later
// See genl_files.h.
#include "transport/genl_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "message/validate.h"

namespace dg {

namespace {

// What the contract (linux/dbus_genl.h) asks of BODY_FD, so that receivers may map it.
constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

}  // namespace

UniqueFd make_body_file(std::span<const std::byte> body) noexcept {
  UniqueFd file(::memfd_create("dbus-body", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return {};
  while (!body.empty()) {
    ssize_t n = ::write(file.get(), body.data(), body.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return {};
    body = body.subspan(static_cast<std::size_t>(n));
  }
  if (::fcntl(file.get(), F_ADD_SEALS, kSeals) < 0) return {};
  return file;
}

const char* read_body_file(int fd, std::string_view signature, std::size_t max,
                           MessageBuilder& builder, bool* retry) noexcept {
  *retry = false;
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return "its body's file isn't sealed";
  struct stat status {};
  if (::fstat(fd, &status) < 0 || status.st_size <= 0) return "its body's file has no size";
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > max) return "its body is too large";

  std::byte* body = builder.reserve_body(size);
  if (!body) {
    *retry = true;
    return "no memory for its body";
  }
  for (std::size_t at = 0; at < size;) {
    ssize_t n = ::pread(fd, body + at, size - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return "its body's file can't be read";
    at += static_cast<std::size_t>(n);
  }
  if (validate_body(signature, {body, size}, false) != Validity::Valid) {
    return "its body isn't what its signature says";
  }
  return nullptr;
}

}  // namespace dg
