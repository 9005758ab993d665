// SPDX-License-Identifier: LGPL-2.1-or-later
// See stock_syntax.h.
#include "message/stock_syntax.h"

namespace dg::test {

namespace {

// With an error to fill in and without.
template <typename Function>
std::string ask(const Api& api, const char* what, Function function, const std::string& text) {
  Error error(api);
  std::string answer = std::string(what) + " " + std::to_string(function(text.c_str(), error));
  answer += " " + error.text();
  return answer + " " + std::to_string(function(text.c_str(), nullptr)) + "\n";
}

std::string walk(const Api& api, DBusSignatureIter* iter) {
  std::string text = "[";
  do {
    const int type = api.dbus_signature_iter_get_current_type(iter);
    char* signature = api.dbus_signature_iter_get_signature(iter);
    text += std::to_string(type) + signature;
    api.dbus_free(signature);
    if (type == DBUS_TYPE_ARRAY)
      text += " of " + std::to_string(api.dbus_signature_iter_get_element_type(iter));
    if (api.dbus_type_is_container(type) && type != DBUS_TYPE_VARIANT) {
      DBusSignatureIter sub;
      api.dbus_signature_iter_recurse(iter, &sub);
      text += walk(api, &sub);
    }
  } while (api.dbus_signature_iter_next(iter));
  return text + "]";
}

}  // namespace

std::string syntax_verdicts(const Api& api, const std::string& text) {
  return ask(api, "path", api.dbus_validate_path, text) +
         ask(api, "interface", api.dbus_validate_interface, text) +
         ask(api, "member", api.dbus_validate_member, text) +
         ask(api, "error name", api.dbus_validate_error_name, text) +
         ask(api, "bus name", api.dbus_validate_bus_name, text) +
         ask(api, "text", api.dbus_validate_utf8, text);
}

std::string signature_verdict(const Api& api, const std::string& signature) {
  std::string text = ask(api, "signature", api.dbus_signature_validate, signature) +
                     ask(api, "single signature", api.dbus_signature_validate_single, signature);
  if (!signature.empty() && api.dbus_signature_validate(signature.c_str(), nullptr)) {
    DBusSignatureIter iter;
    api.dbus_signature_iter_init(&iter, signature.c_str());
    text += walk(api, &iter);
  }
  return text;
}

}  // namespace dg::test
