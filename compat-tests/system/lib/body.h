// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * body.h - bodies of D-Bus messages for tests: written from values, read as text
 *
 * The text is what conformance tests compare: `"abc" u7 as["a","b"] a{sv}{"k":<u7>}`.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dg::test {

// Arguments of a call, of the few types that tests send: basic types, `as` and `a{ss}`.
class Args {
 public:
  Args& s(std::string_view v) { return text('s', v); }
  Args& o(std::string_view v) { return text('o', v); }
  Args& g(std::string_view v);
  Args& u(uint32_t v) { return fixed('u', &v, sizeof v); }
  Args& i(int32_t v) { return fixed('i', &v, sizeof v); }
  Args& b(bool v);
  Args& t(uint64_t v) { return fixed('t', &v, sizeof v); }
  Args& d(double v) { return fixed('d', &v, sizeof v); }
  Args& y(uint8_t v) { return fixed('y', &v, sizeof v); }
  Args& as(const std::vector<std::string>& v);
  Args& ss(const std::vector<std::pair<std::string, std::string>>& v);

  const std::string& signature() const { return signature_; }
  const std::vector<uint8_t>& body() const { return body_; }

 private:
  Args& text(char type, std::string_view v);
  Args& fixed(char type, const void* v, size_t size);
  void put_text(std::string_view v);
  void align(size_t n);

  std::string signature_;
  std::vector<uint8_t> body_;
};

// The body as text; what can't be read as the signature says ends in "!malformed".
std::string body_text(std::string_view signature, const void* body, size_t len);

// A string as both readers show it: quoted, with control characters escaped.
std::string quoted(std::string_view s);

}  // namespace dg::test
