// SPDX-License-Identifier: LGPL-2.1-or-later
// The checks of values that a program appends. They stand here instead of in the thunks because
// dbus_message_append_args makes them too, of each argument, and names the functions as libdbus
// does.
#include "base/check.h"
#include "base/log.h"
#include "message/iter.h"
#include "message/validate.h"

namespace dg {
namespace {

[[gnu::cold]] bool failed(const char* function, const char* condition, int line) noexcept {
  check_failed(function, condition, __FILE__, line);
  return false;
}

}  // namespace

bool check_unlocked(const DBusMessage& message) noexcept {
  if (!message.locked()) return true;
  warn("dbus append iterator can't be used: message is locked (has already been sent)");
  return false;
}

bool check_basic(int type, const void* value) noexcept {
  const auto fail = [](const char* condition, int line) {
    return failed("dbus_message_iter_append_basic", condition, line);
  };
  if (!is_basic_type(type)) return fail("dbus_type_is_basic (type)", __LINE__);
  if (!value) return fail("value != NULL", __LINE__);
  const char* const text = is_string_type(type) ? *static_cast<const char* const*>(value) : nullptr;
  switch (type) {
    case DBUS_TYPE_STRING:
      if (!text || !is_valid_utf8(text))
        return fail("_dbus_check_is_valid_utf8 (*string_p)", __LINE__);
      break;
    case DBUS_TYPE_OBJECT_PATH:
      if (!text || !is_valid_path(text))
        return fail("_dbus_check_is_valid_path (*string_p)", __LINE__);
      break;
    case DBUS_TYPE_SIGNATURE:
      if (!text || validate_signature(text) != Validity::Valid)
        return fail("signature_validity == DBUS_VALID", __LINE__);
      break;
    case DBUS_TYPE_BOOLEAN: {
      const auto boolean = *static_cast<const dbus_bool_t*>(value);
      if (boolean > 1) return fail("*bool_p == 0 || *bool_p == 1", __LINE__);
      break;
    }
    default:
      break;
  }
  return true;
}

bool check_fixed_array(int element_type, const void* elements, int count) noexcept {
  const auto fail = [](const char* condition, int line) {
    return failed("dbus_message_iter_append_fixed_array", condition, line);
  };
  if (!is_fixed_type(element_type) || element_type == DBUS_TYPE_UNIX_FD)
    return fail("dbus_type_is_fixed (element_type) && element_type != DBUS_TYPE_UNIX_FD", __LINE__);
  if (!elements) return fail("value != NULL", __LINE__);
  if (count < 0) return fail("n_elements >= 0", __LINE__);
  if (static_cast<std::size_t>(count) > DBUS_MAXIMUM_ARRAY_LENGTH / fixed_size(element_type))
    return fail("n_elements <= DBUS_MAXIMUM_ARRAY_LENGTH / _dbus_type_get_alignment (element_type)",
                __LINE__);
  const void* const values = *static_cast<const void* const*>(elements);
  if (count > 0 && !values) return fail("*value != NULL || n_elements == 0", __LINE__);
  if (element_type == DBUS_TYPE_BOOLEAN)
    for (int i = 0; i < count; ++i)
      if (static_cast<const dbus_bool_t*>(values)[i] > 1)
        return fail("(*bools)[i] == 0 || (*bools)[i] == 1", __LINE__);
  return true;
}

}  // namespace dg
