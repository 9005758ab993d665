// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message/stock_api.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "message/validate.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

// The build names the file, so that nothing in the environment can put ours in its place.
#ifndef DG_STOCK_LIBDBUS
#define DG_STOCK_LIBDBUS "libdbus-1.so.3"
#endif

namespace dg::test {

const Api& ours() {
  static const Api api = {
#define DG_OURS(name) ::name,
      DG_STOCK_FUNCTIONS(DG_OURS)
#undef DG_OURS
  };
  return api;
}

const Api& stock() {
  static const Api api = [] {
    // Misuse shall be answered, not abort.
    setenv("DBUS_FATAL_WARNINGS", "0", 1);
    void* library = dlopen(DG_STOCK_LIBDBUS, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      std::fprintf(stderr, "no libdbus to compare with: %s\n", dlerror());
      std::abort();
    }
    Api loaded;
#define DG_STOCK(name)                                                          \
  loaded.name = reinterpret_cast<decltype(loaded.name)>(dlsym(library, #name)); \
  if (!loaded.name || loaded.name == &::name) {                                 \
    std::fprintf(stderr, "%s: not found in the installed libdbus\n", #name);    \
    std::abort();                                                               \
  }
    DG_STOCK_FUNCTIONS(DG_STOCK)
#undef DG_STOCK
    return loaded;
  }();
  return api;
}

std::string marshal(const Api& api, DBusMessage* message) {
  char* bytes = nullptr;
  int length = 0;
  if (!api.dbus_message_marshal(message, &bytes, &length)) return "marshal failed";
  std::string copy(bytes, static_cast<std::size_t>(length));
  api.dbus_free(bytes);
  return copy;
}

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    char buffer[8];
    const bool plain = c > ' ' && c < 127 && c != '\\';
    std::snprintf(buffer, sizeof buffer, plain ? "%c" : "\\%02x", static_cast<unsigned char>(c));
    text += buffer;
  }
  return text;
}

namespace {

std::string quote(const char* text) { return text ? "'" + hex(text) + "'" : "null"; }

std::string basic_value(const Api& api, DBusMessageIter* iter, int type) {
  DBusBasicValue value;
  std::memset(&value, 0, sizeof value);
  if (type == DBUS_TYPE_UNIX_FD) value.fd = -2;
  api.dbus_message_iter_get_basic(iter, &value);
  if (is_string_type(type)) return quote(value.str);
  if (type == DBUS_TYPE_UNIX_FD) return std::to_string(value.fd);  // without descriptors: -1
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%llx", static_cast<unsigned long long>(value.u64));
  return buffer;
}

std::string fixed_array(const Api& api, DBusMessageIter* sub, int element) {
  const void* elements = sub;  // anything that isn't null
  int count = -1;
  api.dbus_message_iter_get_fixed_array(sub, &elements, &count);
  std::string text = " fixed " + std::to_string(count) + (elements ? ":" : " null");
  if (elements && count > 0)
    text += hex({static_cast<const char*>(elements),
                 static_cast<std::size_t>(count) * fixed_size(element)});
  return text;
}

}  // namespace

std::string dump_values(const Api& api, DBusMessageIter* iter) {
  std::string text;
  for (;;) {
    const int type = api.dbus_message_iter_get_arg_type(iter);
    char* signature = api.dbus_message_iter_get_signature(iter);
    text += " " + (type ? std::string(1, static_cast<char>(type)) : "end");
    text += "(" + quote(type ? signature : "") + ")";
    api.dbus_free(signature);
    if (type == DBUS_TYPE_INVALID) break;
    if (is_basic_type(type)) {
      text += basic_value(api, iter, type);
    } else {
      DBusMessageIter sub;
      if (type == DBUS_TYPE_ARRAY) {
        const int element = api.dbus_message_iter_get_element_type(iter);
        const int count = api.dbus_message_iter_get_element_count(iter);
        text +=
            " of " + std::string(1, static_cast<char>(element)) + " count " + std::to_string(count);
        api.dbus_message_iter_recurse(iter, &sub);
        text += " bytes " + std::to_string(api.dbus_message_iter_get_array_len(&sub));
        if (is_fixed_type(element) && element != DBUS_TYPE_UNIX_FD) {
          text += fixed_array(api, &sub, element);
          // Not at the end: libdbus divides by zero there when the array is nested.
          if (count > 1) {
            api.dbus_message_iter_next(&sub);
            text += fixed_array(api, &sub, element);
          }
        }
      }
      api.dbus_message_iter_recurse(iter, &sub);
      text += "[" + dump_values(api, &sub) + "]";
    }
    const bool has_next = api.dbus_message_iter_has_next(iter);
    text += has_next ? "," : ";";
    if (static_cast<bool>(api.dbus_message_iter_next(iter)) != has_next) text += "next!=has_next";
  }
  return text;
}

std::string dump(const Api& api, DBusMessage* m) {
  std::string text = "type " + std::to_string(api.dbus_message_get_type(m)) + " serial " +
                     std::to_string(api.dbus_message_get_serial(m)) + " reply " +
                     std::to_string(api.dbus_message_get_reply_serial(m)) + " flags " +
                     std::to_string(api.dbus_message_get_no_reply(m)) +
                     std::to_string(api.dbus_message_get_auto_start(m)) +
                     std::to_string(api.dbus_message_get_allow_interactive_authorization(m)) +
                     " fds " + std::to_string(api.dbus_message_contains_unix_fds(m));
  text += " path " + quote(api.dbus_message_get_path(m)) + " interface " +
          quote(api.dbus_message_get_interface(m)) + " member " +
          quote(api.dbus_message_get_member(m)) + " error " +
          quote(api.dbus_message_get_error_name(m)) + " destination " +
          quote(api.dbus_message_get_destination(m)) + " sender " +
          quote(api.dbus_message_get_sender(m)) + " container " +
          quote(api.dbus_message_get_container_instance(m)) + " signature " +
          quote(api.dbus_message_get_signature(m));
  char** elements = nullptr;
  api.dbus_message_get_path_decomposed(m, &elements);
  text += " decomposed";
  for (char** e = elements; e && *e; ++e) text += " " + std::string(*e);
  text += elements ? "" : " null";
  api.dbus_free_string_array(elements);
  DBusMessageIter iter;
  text += " init " + std::to_string(api.dbus_message_iter_init(m, &iter));
  return text + dump_values(api, &iter);
}

std::string random_type(Random& random, int depth, bool basic_only) {
  static const std::string kBasic = "ybnqiuxtdsog";
  const unsigned kind = basic_only || depth == 0 ? 0 : random.below(10);
  switch (kind) {
    case 5:
      return "v";
    case 6:
      return "a" + random_type(random, depth - 1);
    case 7: {
      std::string type = "(";
      for (unsigned fields = 1 + random.below(4); fields > 0; --fields)
        type += random_type(random, depth - 1);
      return type + ")";
    }
    case 8:
      return "a{" + random_type(random, 0, true) + random_type(random, depth - 1) + "}";
    case 9:
      return "as";
    default:
      return {kBasic[random.below(static_cast<unsigned>(kBasic.size()))]};
  }
}

namespace {

std::string random_text(Random& random, int type) {
  static const std::vector<std::string> kPaths = {"/", "/a", "/org/freedesktop/DBus", "/_/x9"};
  static const std::vector<std::string> kSignatures = {"", "i", "a{sv}", "(ii)as", "aaaav"};
  static const std::vector<std::string> kTexts = {
      "", "x", "hello", "sieben", "\xc3\xa9t\xc3\xa9", "\xf0\x9f\x98\x80", "\xef\xbf\xbf"};
  if (type == DBUS_TYPE_OBJECT_PATH) return random.of(kPaths);
  if (type == DBUS_TYPE_SIGNATURE) return random.of(kSignatures);
  if (random.chance(5)) return std::string(random.below(3000), 'z');
  return random.of(kTexts);
}

bool append_basic(const Api& api, DBusMessageIter* iter, int type, Random& random) {
  if (is_string_type(type)) {
    const std::string text = random_text(random, type);
    const char* pointer = text.c_str();
    return api.dbus_message_iter_append_basic(iter, type, &pointer);
  }
  DBusBasicValue value;
  value.u64 = random.bits();
  if (type == DBUS_TYPE_BOOLEAN) value.bool_val = value.u64 & 1;
  return api.dbus_message_iter_append_basic(iter, type, &value);
}

bool append_array(const Api& api, DBusMessageIter* iter, const std::string& element,
                  Random& random) {
  DBusMessageIter sub;
  if (!api.dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, element.c_str(), &sub))
    return false;
  const int code = element[0];
  const unsigned count = random.below(random.chance(5) ? 200 : 5);
  if (is_fixed_type(code) && random.chance(50)) {
    std::vector<std::uint64_t> words(count * 8 / sizeof(std::uint64_t) + 1);
    for (std::uint64_t& word : words) word = random.bits();
    const void* pointer = words.data();
    if (code == DBUS_TYPE_BOOLEAN) {
      auto* booleans = reinterpret_cast<std::uint32_t*>(words.data());
      for (unsigned i = 0; i < words.size() * 2; ++i) booleans[i] &= 1;
    }
    if (!api.dbus_message_iter_append_fixed_array(&sub, code, &pointer, static_cast<int>(count)))
      return false;
  } else {
    for (unsigned i = 0; i < count; ++i)
      if (!append_values(api, &sub, element.c_str(), random)) return false;
  }
  return api.dbus_message_iter_close_container(iter, &sub);
}

}  // namespace

bool append_values(const Api& api, DBusMessageIter* iter, const char* signature, Random& random) {
  while (*signature) {
    const char* const end = skip_type(signature);
    const std::string type(signature, end);
    signature = end;
    DBusMessageIter sub;
    switch (type[0]) {
      case DBUS_TYPE_ARRAY:
        if (!append_array(api, iter, type.substr(1), random)) return false;
        break;
      case DBUS_TYPE_VARIANT: {
        const std::string inner = random_type(random, 2);
        if (!api.dbus_message_iter_open_container(iter, DBUS_TYPE_VARIANT, inner.c_str(), &sub) ||
            !append_values(api, &sub, inner.c_str(), random) ||
            !api.dbus_message_iter_close_container(iter, &sub))
          return false;
        break;
      }
      case DBUS_STRUCT_BEGIN_CHAR:
      case DBUS_DICT_ENTRY_BEGIN_CHAR: {
        const int code =
            type[0] == DBUS_STRUCT_BEGIN_CHAR ? DBUS_TYPE_STRUCT : DBUS_TYPE_DICT_ENTRY;
        const std::string inner = type.substr(1, type.size() - 2);
        if (!api.dbus_message_iter_open_container(iter, code, nullptr, &sub) ||
            !append_values(api, &sub, inner.c_str(), random) ||
            !api.dbus_message_iter_close_container(iter, &sub))
          return false;
        break;
      }
      default:
        if (!append_basic(api, iter, type[0], random)) return false;
        break;
    }
  }
  return true;
}

}  // namespace dg::test
