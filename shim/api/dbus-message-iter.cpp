// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-message.h>: iterators.
#include <dbus/dbus.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "message/iter.h"
#include "message/message.h"
#include "message/validate.h"

using dg::IterKind;
using dg::Reader;
using dg::Writer;

namespace {

// The kind stands at the same place in both.
IterKind kind(const DBusMessageIter* iter) { return reinterpret_cast<const Reader*>(iter)->kind(); }

bool check_iter(const DBusMessageIter* iter) {
  if (!iter) {
    dg::warn("dbus message iterator is NULL");
    return false;
  }
  if (kind(iter) == IterKind::Reader || kind(iter) == IterKind::Writer) return true;
  dg::warn("dbus message iterator has already been closed, or is uninitialized or corrupt");
  return false;
}

bool check_append_iter(DBusMessageIter* iter) {
  return check_iter(iter) &&
         (kind(iter) != IterKind::Writer || dg::check_unlocked(*Writer::of(iter).message()));
}

bool is_zeroed(const DBusMessageIter* iter) { return kind(iter) == IterKind::Closed; }

}  // namespace

#define RETURN_VAL_IF_NOT_READER(iter, val)     \
  DG_RETURN_VAL_IF_FAIL(check_iter(iter), val); \
  DG_RETURN_VAL_IF_FAIL(kind(iter) == IterKind::Reader, val)
#define RETURN_VAL_IF_NOT_WRITER(iter, val)            \
  DG_RETURN_VAL_IF_FAIL(check_append_iter(iter), val); \
  DG_RETURN_VAL_IF_FAIL(kind(iter) == IterKind::Writer, val)
#define RETURN_IF_NOT_WRITER(iter)            \
  DG_RETURN_IF_FAIL(check_append_iter(iter)); \
  DG_RETURN_IF_FAIL(kind(iter) == IterKind::Writer)

extern "C" {

DBUS_EXPORT void dbus_message_iter_init_closed(DBusMessageIter* iter) {
  DG_RETURN_IF_FAIL(iter != NULL);
  *iter = DBUS_MESSAGE_ITER_INIT_CLOSED;
}

// --- reading

DBUS_EXPORT dbus_bool_t dbus_message_iter_init(DBusMessage* message, DBusMessageIter* iter) {
  DG_RETURN_VAL_IF_FAIL(message != NULL, FALSE);
  DG_RETURN_VAL_IF_FAIL(iter != NULL, FALSE);
  return Reader::of(iter).init(message);
}

DBUS_EXPORT dbus_bool_t dbus_message_iter_has_next(DBusMessageIter* iter) {
  RETURN_VAL_IF_NOT_READER(iter, FALSE);
  return Reader::of(iter).has_next();
}

DBUS_EXPORT dbus_bool_t dbus_message_iter_next(DBusMessageIter* iter) {
  RETURN_VAL_IF_NOT_READER(iter, FALSE);
  return Reader::of(iter).next();
}

DBUS_EXPORT char* dbus_message_iter_get_signature(DBusMessageIter* iter) {
  RETURN_VAL_IF_NOT_READER(iter, nullptr);
  return dg::mem::strndup(Reader::of(iter).signature());
}

DBUS_EXPORT int dbus_message_iter_get_arg_type(DBusMessageIter* iter) {
  RETURN_VAL_IF_NOT_READER(iter, DBUS_TYPE_INVALID);
  return Reader::of(iter).type();
}

DBUS_EXPORT int dbus_message_iter_get_element_type(DBusMessageIter* iter) {
  RETURN_VAL_IF_NOT_READER(iter, DBUS_TYPE_INVALID);
  DG_RETURN_VAL_IF_FAIL(dbus_message_iter_get_arg_type(iter) == DBUS_TYPE_ARRAY, DBUS_TYPE_INVALID);
  return Reader::of(iter).element_type();
}

DBUS_EXPORT void dbus_message_iter_recurse(DBusMessageIter* iter, DBusMessageIter* sub) {
  DG_RETURN_IF_FAIL(check_iter(iter));
  DG_RETURN_IF_FAIL(kind(iter) == IterKind::Reader);
  DG_RETURN_IF_FAIL(sub != NULL);
  const Reader& real = Reader::of(iter);
  DG_RETURN_IF_FAIL(dg::is_container_type(real.type()));
  Reader::of(sub) = real.recurse();
}

DBUS_EXPORT void dbus_message_iter_get_basic(DBusMessageIter* iter, void* value) {
  DG_RETURN_IF_FAIL(check_iter(iter));
  DG_RETURN_IF_FAIL(kind(iter) == IterKind::Reader);
  DG_RETURN_IF_FAIL(value != NULL);
  const Reader& real = Reader::of(iter);
  const int type = real.type();
  if (!dg::is_basic_type(type)) {
    dg::warn("type %s %d not a basic type", dg::type_name(type), type);
    return;
  }
  real.get_basic(value);
}

DBUS_EXPORT int dbus_message_iter_get_element_count(DBusMessageIter* iter) {
  RETURN_VAL_IF_NOT_READER(iter, 0);
  const Reader& real = Reader::of(iter);
  DG_RETURN_VAL_IF_FAIL(real.type() == DBUS_TYPE_ARRAY, 0);
  return real.element_count();
}

DBUS_EXPORT int dbus_message_iter_get_array_len(DBusMessageIter* iter) {
  RETURN_VAL_IF_NOT_READER(iter, 0);
  return Reader::of(iter).array_bytes();
}

DBUS_EXPORT void dbus_message_iter_get_fixed_array(DBusMessageIter* iter, void* value,
                                                   int* n_elements) {
  DG_RETURN_IF_FAIL(check_iter(iter));
  DG_RETURN_IF_FAIL(kind(iter) == IterKind::Reader);
  DG_RETURN_IF_FAIL(value != NULL);
  DG_RETURN_IF_FAIL(n_elements != NULL);
  const Reader& real = Reader::of(iter);
  const int subtype = real.type();
  DG_RETURN_IF_FAIL(subtype == DBUS_TYPE_INVALID ||
                    (dg::is_fixed_type(subtype) && subtype != DBUS_TYPE_UNIX_FD));
  real.get_fixed_array(static_cast<const void**>(value), n_elements);
}

// --- writing

DBUS_EXPORT void dbus_message_iter_init_append(DBusMessage* message, DBusMessageIter* iter) {
  DG_RETURN_IF_FAIL(message != NULL);
  DG_RETURN_IF_FAIL(iter != NULL);
  Writer::of(iter).init(message);
}

DBUS_EXPORT dbus_bool_t dbus_message_iter_append_basic(DBusMessageIter* iter, int type,
                                                       const void* value) {
  RETURN_VAL_IF_NOT_WRITER(iter, FALSE);
  return dg::check_basic(type, value) && Writer::of(iter).append_basic(type, value);
}

DBUS_EXPORT dbus_bool_t dbus_message_iter_append_fixed_array(DBusMessageIter* iter,
                                                             int element_type, const void* value,
                                                             int n_elements) {
  RETURN_VAL_IF_NOT_WRITER(iter, FALSE);
  Writer& real = Writer::of(iter);
  DG_RETURN_VAL_IF_FAIL(real.container() == DBUS_TYPE_ARRAY, FALSE);
  return dg::check_fixed_array(element_type, value, n_elements) &&
         real.append_fixed_array(element_type, *static_cast<const void* const*>(value), n_elements);
}

DBUS_EXPORT dbus_bool_t dbus_message_iter_open_container(DBusMessageIter* iter, int type,
                                                         const char* contained_signature,
                                                         DBusMessageIter* sub) {
  DG_RETURN_VAL_IF_FAIL(sub != NULL, FALSE);
  // So that abandon_container_if_open is right about it, whatever happens here.
  if (sub != iter) *sub = DBUS_MESSAGE_ITER_INIT_CLOSED;
  RETURN_VAL_IF_NOT_WRITER(iter, FALSE);
  DG_RETURN_VAL_IF_FAIL(dg::is_container_type(type), FALSE);
  DG_RETURN_VAL_IF_FAIL((type == DBUS_TYPE_STRUCT && contained_signature == NULL) ||
                            (type == DBUS_TYPE_DICT_ENTRY && contained_signature == nullptr) ||
                            (type == DBUS_TYPE_VARIANT && contained_signature != nullptr) ||
                            (type == DBUS_TYPE_ARRAY && contained_signature != nullptr),
                        FALSE);
  if (!contained_signature) return Writer::of(iter).open_container(type, {}, &Writer::of(sub));

  // A dict entry is a type only as an array's element. Of several complete types the first counts,
  // as in libdbus.
  char whole[DBUS_MAXIMUM_SIGNATURE_LENGTH + 2] = {DBUS_TYPE_ARRAY};
  const std::size_t length = strnlen(contained_signature, DBUS_MAXIMUM_SIGNATURE_LENGTH + 1);
  std::memcpy(whole + 1, contained_signature, std::min(length, sizeof whole - 2));
  const bool as_array =
      type == DBUS_TYPE_ARRAY && *contained_signature == DBUS_DICT_ENTRY_BEGIN_CHAR;
  const bool contained_signature_is_valid =
      length > 0 && length <= DBUS_MAXIMUM_SIGNATURE_LENGTH &&
      dg::validate_signature(as_array ? whole : contained_signature) == dg::Validity::Valid;
  DG_RETURN_VAL_IF_FAIL(contained_signature_is_valid, FALSE);
  const char* const end = dg::skip_type(contained_signature);
  return Writer::of(iter).open_container(
      type, {contained_signature, static_cast<std::size_t>(end - contained_signature)},
      &Writer::of(sub));
}

DBUS_EXPORT dbus_bool_t dbus_message_iter_close_container(DBusMessageIter* iter,
                                                          DBusMessageIter* sub) {
  RETURN_VAL_IF_NOT_WRITER(iter, FALSE);
  RETURN_VAL_IF_NOT_WRITER(sub, FALSE);
  return Writer::of(iter).close_container(&Writer::of(sub));
}

DBUS_EXPORT void dbus_message_iter_abandon_container(DBusMessageIter* iter, DBusMessageIter* sub) {
  RETURN_IF_NOT_WRITER(iter);
  RETURN_IF_NOT_WRITER(sub);
  Writer::of(iter).abandon_container(&Writer::of(sub));
}

DBUS_EXPORT void dbus_message_iter_abandon_container_if_open(DBusMessageIter* iter,
                                                             DBusMessageIter* sub) {
  DG_RETURN_IF_FAIL(iter != NULL);
  DG_RETURN_IF_FAIL(sub != NULL);
  // Both closed: opening failed, or never happened.
  if (is_zeroed(sub)) return;
  dbus_message_iter_abandon_container(iter, sub);
}

}  // extern "C"
