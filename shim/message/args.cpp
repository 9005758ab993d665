// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message/args.h"

#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "message/iter.h"
#include "message/validate.h"

namespace dg {
namespace {

bool is_plain_fixed(int code) noexcept { return is_fixed_type(code) && code != DBUS_TYPE_UNIX_FD; }

// Copies the strings of an array into a null-terminated vector. False without memory.
bool copy_strings(Reader array, int count, char*** strings) noexcept {
  auto** copies =
      static_cast<char**>(mem::alloc0((static_cast<std::size_t>(count) + 1) * sizeof(char*)));
  if (!copies) return false;
  for (int i = 0; i < count; ++i) {
    const char* text = "";
    array.get_basic(&text);
    copies[i] = mem::strdup(text);
    if (!copies[i]) {
      mem::free_string_array(copies);
      return false;
    }
    array.next();
  }
  *strings = copies;
  return true;
}

class ArgsReader {
 public:
  ArgsReader(DBusError* error, va_list args) noexcept : error_(error) { va_copy(args_, args); }
  ~ArgsReader() { va_end(args_); }
  ArgsReader(const ArgsReader&) = delete;
  ArgsReader& operator=(const ArgsReader&) = delete;

  // How many arguments were read completely; *ok if all were.
  int read(Reader iter, int type, bool* ok) noexcept {
    *ok = false;
    for (int index = 0; type != DBUS_TYPE_INVALID; ++index) {
      if (iter.type() != type) {
        set_error(error_, DBUS_ERROR_INVALID_ARGS,
                  "Argument %d is specified to be of type \"%s\", but is actually of type \"%s\"\n",
                  index, type_name(type), type_name(iter.type()));
        return index;
      }
      if (!(type == DBUS_TYPE_ARRAY ? read_array(iter, index) : read_one(iter, type))) return index;
      type = va_arg(args_, int);
      if (type != DBUS_TYPE_INVALID && !iter.next()) {
        set_error(error_, DBUS_ERROR_INVALID_ARGS,
                  "Message has only %d arguments, but more were expected", index + 1);
        return index + 1;
      }
    }
    *ok = true;
    return 0;
  }

  // Frees what the first `count` arguments were given, with a fresh list.
  void undo(int type, int count) noexcept {
    for (; count > 0; --count) {
      if (type == DBUS_TYPE_ARRAY) {
        const int element = va_arg(args_, int);
        void* const value = va_arg(args_, void*);
        va_arg(args_, int*);
        if (is_string_type(element)) {
          mem::free_string_array(*static_cast<char***>(value));
          *static_cast<char***>(value) = nullptr;
        }
      } else {
        void* const value = va_arg(args_, void*);
        if (type == DBUS_TYPE_UNIX_FD) {
          const UniqueFd closed(*static_cast<int*>(value));
          *static_cast<int*>(value) = -1;
        }
      }
      type = va_arg(args_, int);
    }
  }

 private:
  bool read_one(const Reader& iter, int type) noexcept {
    void* const value = va_arg(args_, void*);
    if (!is_basic_type(type)) {
      warn(
          "you can only read arrays and basic types with _dbus_message_iter_get_args_valist for "
          "now");
      return false;
    }
    iter.get_basic(value);
    if (type != DBUS_TYPE_UNIX_FD || *static_cast<int*>(value) >= 0) return true;
    set_oom(error_);  // what libdbus calls a descriptor that can't be duplicated
    return false;
  }

  bool read_array(const Reader& iter, int index) noexcept {
    const int element = va_arg(args_, int);
    void* const value = va_arg(args_, void*);
    int* const count = va_arg(args_, int*);
    if (iter.element_type() != element) {
      set_error(error_, DBUS_ERROR_INVALID_ARGS,
                "Argument %d is specified to be an array of \"%s\", but is actually an array of "
                "\"%s\"\n",
                index, type_name(element), type_name(iter.element_type()));
      return false;
    }
    if (is_plain_fixed(element)) {
      iter.recurse().get_fixed_array(static_cast<const void**>(value), count);
      return true;
    }
    if (!is_string_type(element)) {
      warn(
          "you can't read arrays of container types (struct, variant, array) with "
          "_dbus_message_iter_get_args_valist for now");
      return false;
    }
    const int elements = iter.element_count();
    if (!copy_strings(iter.recurse(), elements, static_cast<char***>(value))) {
      set_oom(error_);
      return false;
    }
    *count = elements;
    return true;
  }

  DBusError* error_;
  va_list args_;
};

// Takes an array's three arguments and appends it.
bool append_array(Writer& iter, int element, const void* value, int count) noexcept {
  if (!is_plain_fixed(element) && !is_string_type(element)) {
    warn("arrays of %s can't be appended with dbus_message_append_args_valist for now",
         type_name(element));
    return false;
  }
  const char code = static_cast<char>(element);
  Writer array;
  if (!iter.open_container(DBUS_TYPE_ARRAY, {&code, 1}, &array)) return false;
  bool ok = true;
  if (is_string_type(element)) {
    const char* const* strings = *static_cast<const char* const* const*>(value);
    for (int i = 0; i < count && ok; ++i)
      ok = check_basic(element, &strings[i]) && array.append_basic(element, &strings[i]);
  } else {
    ok = check_fixed_array(element, value, count) &&
         array.append_fixed_array(element, *static_cast<const void* const*>(value), count);
  }
  if (ok) return iter.close_container(&array);
  iter.abandon_container(&array);
  return false;
}

}  // namespace

bool get_args(DBusMessage* message, DBusError* error, int first_type, va_list args) noexcept {
  Reader iter;
  iter.init(message);
  bool ok;
  const int done = ArgsReader(error, args).read(iter, first_type, &ok);
  if (!ok) ArgsReader(error, args).undo(first_type, done);
  return ok;
}

bool append_args(DBusMessage* message, int first_type, va_list args) noexcept {
  Writer iter;
  iter.init(message);
  for (int type = first_type; type != DBUS_TYPE_INVALID; type = va_arg(args, int)) {
    if (!check_unlocked(*message)) {
      check_failed(type == DBUS_TYPE_ARRAY ? "dbus_message_iter_open_container"
                                           : "dbus_message_iter_append_basic",
                   "_dbus_message_iter_append_check (real)", __FILE__, __LINE__);
      return false;
    }
    if (type == DBUS_TYPE_ARRAY) {
      const int element = va_arg(args, int);
      const void* const value = va_arg(args, const void*);
      const int count = va_arg(args, int);
      if (!append_array(iter, element, value, count)) return false;
    } else if (is_basic_type(type)) {
      const void* const value = va_arg(args, const void*);
      if (!check_basic(type, value) || !iter.append_basic(type, value)) return false;
    } else {
      warn("type %s isn't supported yet in dbus_message_append_args_valist", type_name(type));
      return false;
    }
  }
  return true;
}

}  // namespace dg
