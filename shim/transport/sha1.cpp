// SPDX-License-Identifier: LGPL-2.1-or-later
// See sha1.h.
#include "transport/sha1.h"

#include <bit>
#include <cstddef>
#include <cstring>

namespace dg {

namespace {

constexpr std::size_t kBlock = 64;

using State = std::array<uint32_t, 5>;

void add_block(State& state, const uint8_t* block) noexcept {
  uint32_t w[80];
  for (std::size_t i = 0; i < 16; i++) {
    w[i] = uint32_t{block[4 * i]} << 24 | uint32_t{block[4 * i + 1]} << 16 |
           uint32_t{block[4 * i + 2]} << 8 | uint32_t{block[4 * i + 3]};
  }
  for (std::size_t i = 16; i < 80; i++) {
    w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  }
  auto [a, b, c, d, e] = state;
  for (std::size_t i = 0; i < 80; i++) {
    uint32_t f;
    uint32_t k;
    if (i < 20) {
      f = (b & c) | (~b & d);
      k = 0x5a827999;
    } else if (i < 40) {
      f = b ^ c ^ d;
      k = 0x6ed9eba1;
    } else if (i < 60) {
      f = (b & c) | (b & d) | (c & d);
      k = 0x8f1bbcdc;
    } else {
      f = b ^ c ^ d;
      k = 0xca62c1d6;
    }
    uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

void put_big_endian(uint8_t* to, uint64_t value, std::size_t bytes) noexcept {
  for (std::size_t i = 0; i < bytes; i++) {
    to[i] = static_cast<uint8_t>(value >> (8 * (bytes - 1 - i)));
  }
}

}  // namespace

Sha1Digest sha1(std::string_view bytes) noexcept {
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= kBlock; left -= kBlock, data += kBlock) add_block(state, data);

  // A one bit, zeros, and the length in bits: one more block, or two.
  uint8_t tail[2 * kBlock] = {};
  if (left) std::memcpy(tail, data, left);
  tail[left] = 0x80;
  const std::size_t size = left + 1 + sizeof(uint64_t) <= kBlock ? kBlock : 2 * kBlock;
  put_big_endian(tail + size - sizeof(uint64_t), uint64_t{bytes.size()} * 8, sizeof(uint64_t));
  for (std::size_t at = 0; at < size; at += kBlock) add_block(state, tail + at);

  Sha1Digest digest;
  for (std::size_t i = 0; i < state.size(); i++) put_big_endian(&digest[4 * i], state[i], 4);
  return digest;
}

}  // namespace dg
