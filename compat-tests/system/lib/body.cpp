// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * body.cpp - bodies of D-Bus messages for tests: written from values, read as text
 */
#include "body.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace dg::test {

namespace {

size_t alignment(char type) {
  switch (type) {
    case 'y':
    case 'g':
    case 'v':
      return 1;
    case 'n':
    case 'q':
      return 2;
    case 'x':
    case 't':
    case 'd':
    case '(':
    case '{':
      return 8;
    default:
      return 4;
  }
}

// End of the single complete type that begins at i.
size_t type_end(std::string_view sig, size_t i) {
  while (i < sig.size() && sig[i] == 'a') ++i;
  if (i >= sig.size()) return sig.size();
  if (sig[i] != '(' && sig[i] != '{') return i + 1;
  int depth = 0;
  for (; i < sig.size(); ++i) {
    if (sig[i] == '(' || sig[i] == '{') ++depth;
    if ((sig[i] == ')' || sig[i] == '}') && --depth == 0) return i + 1;
  }
  return sig.size();
}

class Reader {
 public:
  Reader(const void* data, size_t len) : data_(static_cast<const uint8_t*>(data)), len_(len) {}

  std::string sequence(std::string_view sig) {
    std::string out;
    for (size_t i = 0; i < sig.size() && !bad_;) {
      size_t end = type_end(sig, i);
      if (!out.empty()) out += ' ';
      out += value(sig.substr(i, end - i));
      i = end;
    }
    return out;
  }
  bool bad() const { return bad_; }
  bool at_end() const { return at_ == len_; }

 private:
  template <class T>
  T fixed() {
    T v{};
    align(sizeof v);
    if (at_ + sizeof v > len_) {
      bad_ = true;
      return v;
    }
    std::memcpy(&v, data_ + at_, sizeof v);
    at_ += sizeof v;
    return v;
  }
  void align(size_t n) {
    while (at_ % n && at_ < len_) ++at_;
  }
  std::string_view text(size_t n) {
    if (at_ + n + 1 > len_) {
      bad_ = true;
      return {};
    }
    std::string_view v(reinterpret_cast<const char*>(data_ + at_), n);
    at_ += n + 1;
    return v;
  }
  template <class... A>
  static std::string printed(const char* fmt, A... args) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, fmt, args...);
    return buffer;
  }

  std::string value(std::string_view type) {
    switch (type[0]) {
      case 'y':
        return printed("y%u", static_cast<unsigned>(fixed<uint8_t>()));
      case 'b':
        return fixed<uint32_t>() ? "true" : "false";
      case 'n':
        return printed("n%d", static_cast<int>(fixed<int16_t>()));
      case 'q':
        return printed("q%u", static_cast<unsigned>(fixed<uint16_t>()));
      case 'i':
        return printed("i%" PRId32, fixed<int32_t>());
      case 'u':
        return printed("u%" PRIu32, fixed<uint32_t>());
      case 'h':
        return printed("h%" PRIu32, fixed<uint32_t>());
      case 'x':
        return printed("x%" PRId64, fixed<int64_t>());
      case 't':
        return printed("t%" PRIu64, fixed<uint64_t>());
      case 'd':
        return printed("d%g", fixed<double>());
      case 's':
        return quoted(text(fixed<uint32_t>()));
      case 'o':
        return "o" + quoted(text(fixed<uint32_t>()));
      case 'g':
        return "g" + quoted(text(fixed<uint8_t>()));
      case 'v': {
        std::string inside(text(fixed<uint8_t>()));
        if (inside.empty()) bad_ = true;
        return bad_ ? "" : "<" + value(inside) + ">";
      }
      case '(':
        return "(" + sequence(type.substr(1, type.size() - 2)) + ")";
      case 'a':
        return array(type.substr(1));
      default:
        bad_ = true;
        return "";
    }
  }

  std::string array(std::string_view element) {
    auto size = fixed<uint32_t>();
    align(alignment(element[0]));
    size_t end = at_ + size;
    if (end > len_) {
      bad_ = true;
      return "";
    }
    bool dict = element[0] == '{';
    std::string out;
    while (at_ < end && !bad_) {
      if (!out.empty()) out += ",";
      if (dict) {
        align(8);
        size_t key_end = type_end(element, 1);
        out += value(element.substr(1, key_end - 1));
        out += ":" + value(element.substr(key_end, element.size() - key_end - 1));
      } else {
        out += value(element);
      }
    }
    return "a" + std::string(element) + (dict ? "{" : "[") + out + (dict ? "}" : "]");
  }

  const uint8_t* data_;
  size_t len_;
  size_t at_ = 0;
  bool bad_ = false;
};

}  // namespace

std::string quoted(std::string_view s) {
  std::string out = "\"";
  for (char c : s) {
    if (c == '\n')
      out += "\\n";
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else
      out += c;
  }
  return out + "\"";
}

std::string body_text(std::string_view signature, const void* body, size_t len) {
  Reader reader(body, len);
  std::string out = reader.sequence(signature);
  if (reader.bad() || !reader.at_end()) out += "!malformed";
  return out;
}

Args& Args::b(bool v) {
  uint32_t n = v;
  return fixed('b', &n, sizeof n);
}

Args& Args::g(std::string_view v) {
  signature_ += 'g';
  body_.push_back(static_cast<uint8_t>(v.size()));
  body_.insert(body_.end(), v.begin(), v.end());
  body_.push_back(0);
  return *this;
}

Args& Args::as(const std::vector<std::string>& v) {
  signature_ += "as";
  align(4);
  size_t length_at = body_.size();
  body_.insert(body_.end(), 4, 0);
  size_t start = body_.size();
  for (auto& s : v) put_text(s);
  auto size = static_cast<uint32_t>(body_.size() - start);
  std::memcpy(body_.data() + length_at, &size, sizeof size);
  return *this;
}

Args& Args::ss(const std::vector<std::pair<std::string, std::string>>& v) {
  signature_ += "a{ss}";
  align(4);
  size_t length_at = body_.size();
  body_.insert(body_.end(), 4, 0);
  align(8);
  size_t start = body_.size();
  for (auto& [key, value] : v) {
    align(8);
    put_text(key);
    put_text(value);
  }
  auto size = static_cast<uint32_t>(body_.size() - start);
  std::memcpy(body_.data() + length_at, &size, sizeof size);
  return *this;
}

Args& Args::text(char type, std::string_view v) {
  signature_ += type;
  put_text(v);
  return *this;
}

void Args::put_text(std::string_view v) {
  align(4);
  auto n = static_cast<uint32_t>(v.size());
  const auto* p = reinterpret_cast<const uint8_t*>(&n);
  body_.insert(body_.end(), p, p + sizeof n);
  body_.insert(body_.end(), v.begin(), v.end());
  body_.push_back(0);
}

Args& Args::fixed(char type, const void* v, size_t size) {
  signature_ += type;
  align(size);
  const auto* p = static_cast<const uint8_t*>(v);
  body_.insert(body_.end(), p, p + size);
  return *this;
}

void Args::align(size_t n) {
  while (body_.size() % n) body_.push_back(0);
}

}  // namespace dg::test
