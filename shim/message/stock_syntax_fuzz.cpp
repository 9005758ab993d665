// SPDX-License-Identifier: LGPL-2.1-or-later
// Differential: names, paths, text and signatures. The installed libdbus and ours agree on what is
// valid, on why not, and on what is in a signature.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "message/stock_api.h"

namespace {

using namespace dg::test;

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

std::string verdict(const Api& api, const char* input) {
  std::string text;
  const auto ask = [&](const char* what, dbus_bool_t (*function)(const char*, DBusError*)) {
    Error error(api);
    text += std::string(what) + " " + std::to_string(function(input, error)) + " ";
    text += error.text() + "\n";
  };
  ask("path", api.dbus_validate_path);
  ask("interface", api.dbus_validate_interface);
  ask("member", api.dbus_validate_member);
  ask("error name", api.dbus_validate_error_name);
  ask("bus name", api.dbus_validate_bus_name);
  ask("text", api.dbus_validate_utf8);
  ask("single signature", api.dbus_signature_validate_single);
  ask("signature", api.dbus_signature_validate);
  if (*input && api.dbus_signature_validate(input, nullptr)) {
    DBusSignatureIter iter;
    api.dbus_signature_iter_init(&iter, input);
    text += walk(api, &iter);
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::string expected = verdict(stock(), input.c_str());
  const std::string found = verdict(ours(), input.c_str());
  if (expected == found) return 0;
  std::fprintf(stderr, "the text:    %s\n--- the installed libdbus\n%s\n--- ours\n%s\n",
               hex(input).c_str(), expected.c_str(), found.c_str());
  std::abort();
}
