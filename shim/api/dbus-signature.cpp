// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-signature.h>
#include <dbus/dbus.h>

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "message/validate.h"

namespace {

// What is in a DBusSignatureIter. The signature is the caller's.
struct Iter {
  const char* position;
  bool in_array;  // there is one element type, and nothing comes after it
};
static_assert(sizeof(Iter) <= sizeof(DBusSignatureIter));

Iter& of(DBusSignatureIter* iter) { return *reinterpret_cast<Iter*>(iter); }
const Iter& of(const DBusSignatureIter* iter) { return *reinterpret_cast<const Iter*>(iter); }

int type_at(const char* p) {
  if (*p == DBUS_STRUCT_BEGIN_CHAR) return DBUS_TYPE_STRUCT;
  if (*p == DBUS_DICT_ENTRY_BEGIN_CHAR) return DBUS_TYPE_DICT_ENTRY;
  return *p;
}

dbus_bool_t report(dg::Validity validity, DBusError* error) {
  if (validity == dg::Validity::Valid) return TRUE;
  dg::set_error_const(error, DBUS_ERROR_INVALID_SIGNATURE, dg::validity_text(validity));
  return FALSE;
}

}  // namespace

extern "C" {

DBUS_EXPORT void dbus_signature_iter_init(DBusSignatureIter* iter, const char* signature) {
  DG_RETURN_IF_FAIL(iter != NULL);
  of(iter) = {signature, false};
}

DBUS_EXPORT int dbus_signature_iter_get_current_type(const DBusSignatureIter* iter) {
  DG_RETURN_VAL_IF_FAIL(iter != NULL, DBUS_TYPE_INVALID);
  return type_at(of(iter).position);
}

DBUS_EXPORT char* dbus_signature_iter_get_signature(const DBusSignatureIter* iter) {
  DG_RETURN_VAL_IF_FAIL(iter != NULL, nullptr);
  const char* const start = of(iter).position;
  const char* const end = *start ? dg::skip_type(start) : start;
  return dg::mem::strndup({start, static_cast<std::size_t>(end - start)});
}

DBUS_EXPORT int dbus_signature_iter_get_element_type(const DBusSignatureIter* iter) {
  DG_RETURN_VAL_IF_FAIL(dbus_signature_iter_get_current_type(iter) == DBUS_TYPE_ARRAY,
                        DBUS_TYPE_INVALID);
  return type_at(of(iter).position + 1);
}

DBUS_EXPORT dbus_bool_t dbus_signature_iter_next(DBusSignatureIter* iter) {
  DG_RETURN_VAL_IF_FAIL(iter != NULL, FALSE);
  Iter& real = of(iter);
  if (real.in_array || *real.position == DBUS_TYPE_INVALID) return FALSE;
  if (*real.position == DBUS_STRUCT_END_CHAR || *real.position == DBUS_DICT_ENTRY_END_CHAR)
    return FALSE;
  real.position = dg::skip_type(real.position);
  return *real.position != DBUS_TYPE_INVALID && *real.position != DBUS_STRUCT_END_CHAR &&
         *real.position != DBUS_DICT_ENTRY_END_CHAR;
}

DBUS_EXPORT void dbus_signature_iter_recurse(const DBusSignatureIter* iter,
                                             DBusSignatureIter* subiter) {
  DG_RETURN_IF_FAIL(dbus_type_is_container(dbus_signature_iter_get_current_type(iter)));
  DG_RETURN_IF_FAIL(subiter != NULL);
  const Iter real = of(iter);
  of(subiter) = {real.position + 1, *real.position == DBUS_TYPE_ARRAY};
}

DBUS_EXPORT dbus_bool_t dbus_signature_validate(const char* signature, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(signature != NULL, FALSE);
  return report(dg::validate_signature(signature), error);
}

DBUS_EXPORT dbus_bool_t dbus_signature_validate_single(const char* signature, DBusError* error) {
  DG_RETURN_VAL_IF_FAIL(signature != NULL, FALSE);
  bool exactly_one;
  const dg::Validity validity = dg::validate_single_signature(signature, &exactly_one);
  if (validity != dg::Validity::Valid) return report(validity, error);
  if (exactly_one) return TRUE;
  dg::set_error_const(error, DBUS_ERROR_INVALID_SIGNATURE,
                      "Exactly one complete type required in signature");
  return FALSE;
}

DBUS_EXPORT dbus_bool_t dbus_type_is_valid(int typecode) { return dg::is_type(typecode); }

DBUS_EXPORT dbus_bool_t dbus_type_is_container(int typecode) {
  DG_RETURN_VAL_IF_FAIL(dbus_type_is_valid(typecode) || typecode == DBUS_TYPE_INVALID, FALSE);
  return dg::is_container_type(typecode);
}

DBUS_EXPORT dbus_bool_t dbus_type_is_basic(int typecode) {
  DG_RETURN_VAL_IF_FAIL(dbus_type_is_valid(typecode) || typecode == DBUS_TYPE_INVALID, FALSE);
  return dg::is_basic_type(typecode);
}

DBUS_EXPORT dbus_bool_t dbus_type_is_fixed(int typecode) {
  DG_RETURN_VAL_IF_FAIL(dbus_type_is_valid(typecode) || typecode == DBUS_TYPE_INVALID, FALSE);
  return dg::is_fixed_type(typecode);
}

}  // extern "C"
