// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests that make the same calls on the installed libdbus and on ours, and compare what comes
// of them. The test has ours linked in; the installed one is loaded beside it and only reached
// through its table.
#pragma once

#include <dbus/dbus.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

// clang-format does not come to rest on a list like this one.
// clang-format off
#define DG_STOCK_FUNCTIONS(X) \
  X(dbus_free) \
  X(dbus_free_string_array) \
  X(dbus_set_error) \
  X(dbus_error_free) \
  X(dbus_validate_path) \
  X(dbus_validate_interface) \
  X(dbus_validate_member) \
  X(dbus_validate_error_name) \
  X(dbus_validate_bus_name) \
  X(dbus_validate_utf8) \
  X(dbus_signature_validate) \
  X(dbus_signature_validate_single) \
  X(dbus_signature_iter_init) \
  X(dbus_signature_iter_get_current_type) \
  X(dbus_signature_iter_get_signature) \
  X(dbus_signature_iter_get_element_type) \
  X(dbus_signature_iter_next) \
  X(dbus_signature_iter_recurse) \
  X(dbus_type_is_valid) \
  X(dbus_type_is_container) \
  X(dbus_type_is_basic) \
  X(dbus_type_is_fixed) \
  X(dbus_message_new) \
  X(dbus_message_new_method_call) \
  X(dbus_message_new_method_return) \
  X(dbus_message_new_signal) \
  X(dbus_message_new_error) \
  X(dbus_message_new_error_printf) \
  X(dbus_message_copy) \
  X(dbus_message_ref) \
  X(dbus_message_unref) \
  X(dbus_message_lock) \
  X(dbus_message_get_type) \
  X(dbus_message_type_from_string) \
  X(dbus_message_type_to_string) \
  X(dbus_message_set_no_reply) \
  X(dbus_message_get_no_reply) \
  X(dbus_message_set_auto_start) \
  X(dbus_message_get_auto_start) \
  X(dbus_message_set_allow_interactive_authorization) \
  X(dbus_message_get_allow_interactive_authorization) \
  X(dbus_message_get_serial) \
  X(dbus_message_set_serial) \
  X(dbus_message_set_reply_serial) \
  X(dbus_message_get_reply_serial) \
  X(dbus_message_contains_unix_fds) \
  X(dbus_message_allocate_data_slot) \
  X(dbus_message_free_data_slot) \
  X(dbus_message_set_data) \
  X(dbus_message_get_data) \
  X(dbus_message_marshal) \
  X(dbus_message_demarshal) \
  X(dbus_message_demarshal_bytes_needed) \
  X(dbus_message_set_path) \
  X(dbus_message_get_path) \
  X(dbus_message_has_path) \
  X(dbus_message_get_path_decomposed) \
  X(dbus_message_set_interface) \
  X(dbus_message_get_interface) \
  X(dbus_message_has_interface) \
  X(dbus_message_set_member) \
  X(dbus_message_get_member) \
  X(dbus_message_has_member) \
  X(dbus_message_set_error_name) \
  X(dbus_message_get_error_name) \
  X(dbus_message_set_destination) \
  X(dbus_message_get_destination) \
  X(dbus_message_has_destination) \
  X(dbus_message_set_sender) \
  X(dbus_message_get_sender) \
  X(dbus_message_has_sender) \
  X(dbus_message_set_container_instance) \
  X(dbus_message_get_container_instance) \
  X(dbus_message_get_signature) \
  X(dbus_message_has_signature) \
  X(dbus_message_is_method_call) \
  X(dbus_message_is_signal) \
  X(dbus_message_is_error) \
  X(dbus_message_append_args) \
  X(dbus_message_append_args_valist) \
  X(dbus_message_get_args) \
  X(dbus_message_get_args_valist) \
  X(dbus_set_error_from_message) \
  X(dbus_message_iter_init_closed) \
  X(dbus_message_iter_init) \
  X(dbus_message_iter_has_next) \
  X(dbus_message_iter_next) \
  X(dbus_message_iter_get_signature) \
  X(dbus_message_iter_get_arg_type) \
  X(dbus_message_iter_get_element_type) \
  X(dbus_message_iter_recurse) \
  X(dbus_message_iter_get_basic) \
  X(dbus_message_iter_get_element_count) \
  X(dbus_message_iter_get_array_len) \
  X(dbus_message_iter_get_fixed_array) \
  X(dbus_message_iter_init_append) \
  X(dbus_message_iter_append_basic) \
  X(dbus_message_iter_append_fixed_array) \
  X(dbus_message_iter_open_container) \
  X(dbus_message_iter_close_container) \
  X(dbus_message_iter_abandon_container) \
  X(dbus_message_iter_abandon_container_if_open)
// clang-format on

namespace dg::test {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
struct Api {
#define DG_MEMBER(name) decltype(&::name) name;
  DG_STOCK_FUNCTIONS(DG_MEMBER)
#undef DG_MEMBER
};
#pragma GCC diagnostic pop

const Api& ours();
// The installed libdbus; a test fails without it.
const Api& stock();

// A message of one of the libraries.
class Message {
 public:
  Message(const Api& api, DBusMessage* message) : api(&api), message_(message) {}
  Message(Message&& other) noexcept : api(other.api), message_(other.message_) {
    other.message_ = nullptr;
  }
  Message& operator=(Message&& other) noexcept {
    std::swap(api, other.api);
    std::swap(message_, other.message_);
    return *this;
  }
  ~Message() {
    if (message_) api->dbus_message_unref(message_);
  }
  DBusMessage* get() const { return message_; }
  explicit operator bool() const { return message_ != nullptr; }
  const Api* api;

 private:
  DBusMessage* message_;
};

// An error of one of the libraries, as text once seen.
class Error {
 public:
  explicit Error(const Api& api) : api_(&api) { dbus_error_init(&error_); }
  ~Error() { api_->dbus_error_free(&error_); }
  Error(const Error&) = delete;
  Error& operator=(const Error&) = delete;
  operator DBusError*() { return &error_; }
  std::string text() const {
    return error_.name ? std::string(error_.name) + ": " + error_.message : "none";
  }

 private:
  const Api* api_;
  DBusError error_;
};

std::string marshal(const Api& api, DBusMessage* message);
std::string hex(const std::string& bytes);
// Everything that can be read from a message: header, then all values through iterators.
std::string dump(const Api& api, DBusMessage* message);
std::string dump_values(const Api& api, DBusMessageIter* iter);

// The same numbers in every run and everywhere (std::uniform_int_distribution doesn't promise
// that).
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  unsigned below(unsigned limit) { return engine_() % limit; }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::uint64_t bits() { return (std::uint64_t{engine_()} << 32) | engine_(); }
  template <typename T>
  const T& of(const std::vector<T>& choices) {
    return choices[below(static_cast<unsigned>(choices.size()))];
  }

 private:
  std::mt19937 engine_;
};

// How many random cases a test tries. With a sanitizer everything takes many times as long; the
// fuzzers try more of it, with sanitizers of their own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int rounds(int count) { return count / 10; }
#else
constexpr int rounds(int count) { return count; }
#endif

// One complete type, containers at most `depth` deep.
std::string random_type(Random& random, int depth, bool basic_only = false);
// Appends values of the signature, the same for the same state of `random`, in one of the ways that
// the interface has.
bool append_values(const Api& api, DBusMessageIter* iter, const char* signature, Random& random);

}  // namespace dg::test
