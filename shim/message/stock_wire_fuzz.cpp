// SPDX-License-Identifier: LGPL-2.1-or-later
// Differential: the installed libdbus and ours, given the same bytes, agree on whether they are a
// message (and why not), on every value read from it, and on the bytes it is marshalled to.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "message/stock_wire.h"
#include "message/values.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace dg;
using namespace dg::test;

constexpr std::size_t kFixedHeader = 16;

void mutate_part(std::string* part, std::size_t room) {
  std::string text = *part;
  text.resize(part->size() + room);
  text.resize(
      LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), part->size(), text.size()));
  *part = std::move(text);
}

// Changes the header's fields or the body, and puts their lengths right, so that what is inside
// them is looked at.
std::string mutate_inside(const std::string& bytes, std::size_t room, Random& random) {
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  const bool foreign = bytes[0] != DBUS_LITTLE_ENDIAN;  // of the machines that we run on
  const std::size_t fields_size =
      std::min<std::size_t>(load_u32(data + 12, foreign), bytes.size() - kFixedHeader);
  std::string fields = bytes.substr(kFixedHeader, fields_size);
  const std::size_t body_at = std::min(bytes.size(), align_up(kFixedHeader + fields_size, 8));
  std::string body = bytes.substr(body_at);
  room = room > 16 ? room - 16 : 0;
  mutate_part(random.chance(50) ? &fields : &body, room);
  std::string whole = bytes.substr(0, kFixedHeader) + fields;
  whole.resize(align_up(whole.size(), 8));
  whole += body;
  const auto put = [&](std::size_t at, std::size_t value) {
    auto number = static_cast<std::uint32_t>(value);
    if (foreign) number = __builtin_bswap32(number);
    std::memcpy(whole.data() + at, &number, sizeof number);
  };
  put(4, body.size());
  put(12, fields.size());
  return whole;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  Random random(seed);
  std::string bytes(reinterpret_cast<char*>(data), size);
  const std::string before = bytes;
  if (size < kFixedHeader || random.chance(5)) {
    bytes = random_bytes(random);
  } else if (random.chance(15)) {
    bytes = mutate(bytes, random);
  } else if (random.chance(10)) {
    const Message m(stock(),
                    stock().dbus_message_demarshal(bytes.data(), static_cast<int>(size), nullptr));
    const std::size_t first = static_cast<std::size_t>(
        stock().dbus_message_demarshal_bytes_needed(bytes.data(), static_cast<int>(size)));
    if (m && bytes[0] == DBUS_LITTLE_ENDIAN)
      bytes = swapped(bytes.substr(0, first), signature_of(bytes));
  } else if (random.chance(70)) {
    bytes = mutate_inside(bytes, max_size - std::min(size, max_size), random);
  }
  if (bytes == before || bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::string expected = verdict(stock(), bytes), found = verdict(ours(), bytes);
  if (expected == found) return 0;
  std::fprintf(stderr, "the bytes:   %s\n--- the installed libdbus\n%s\n--- ours\n%s\n",
               hex(bytes).c_str(), expected.c_str(), found.c_str());
  std::abort();
}
