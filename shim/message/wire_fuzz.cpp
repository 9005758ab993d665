// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes from the network: WireLoader, in pieces of any size and with descriptors, and
// dbus_message_demarshal(). What comes out is read to the last value, copied, changed, marshalled.
#include <fcntl.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "message/validate.h"
#include "message/wire.h"

namespace {

using dg::Ref;

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "wire_fuzz: %s\n", what);
  std::abort();
}

std::string marshal(DBusMessage* message) {
  char* bytes = nullptr;
  int size = 0;
  require(dbus_message_marshal(message, &bytes, &size), "it can't be marshalled");
  const std::string text(bytes, static_cast<std::size_t>(size));
  dbus_free(bytes);
  return text;
}

// Every byte of every value is looked at; returns how many values there were.
unsigned walk(DBusMessageIter* iter) {
  unsigned values = 0;
  for (int type; (type = dbus_message_iter_get_arg_type(iter)) != DBUS_TYPE_INVALID; ++values) {
    if (type == DBUS_TYPE_UNIX_FD) {
      int fd = -1;
      dbus_message_iter_get_basic(iter, &fd);
      dg::UniqueFd{fd};
    } else if (dbus_type_is_basic(type)) {
      DBusBasicValue value;
      dbus_message_iter_get_basic(iter, &value);
      if (type == DBUS_TYPE_STRING)
        require(dg::is_valid_utf8(value.str), "text isn't UTF-8");
      else if (type == DBUS_TYPE_OBJECT_PATH)
        require(dg::is_valid_path(value.str), "a path isn't one");
      else if (type == DBUS_TYPE_SIGNATURE)
        require(dbus_signature_validate(value.str, nullptr), "a signature isn't one");
    } else {
      DBusMessageIter sub;
      dbus_message_iter_recurse(iter, &sub);
      unsigned count = 0;
      if (type == DBUS_TYPE_ARRAY) {
        const int element = dbus_message_iter_get_element_type(iter);
        if (dbus_type_is_fixed(element) && element != DBUS_TYPE_UNIX_FD) {
          const unsigned char* elements = nullptr;
          int got = 0;
          dbus_message_iter_get_fixed_array(&sub, &elements, &got);
          volatile unsigned char seen = 0;
          const std::size_t bytes = static_cast<std::size_t>(got) * dg::fixed_size(element);
          for (std::size_t i = 0; i < bytes; ++i) seen = seen ^ elements[i];
        }
        count = static_cast<unsigned>(dbus_message_iter_get_element_count(iter));
      }
      const unsigned inside = walk(&sub);
      require(type != DBUS_TYPE_ARRAY || inside == count, "the number of elements is wrong");
    }
    dbus_message_iter_next(iter);
  }
  return values;
}

// A copy whose fields are set, replaced and removed, each at its place among fields that we don't
// know, is still a message that anyone would accept.
void change(DBusMessage* message) {
  auto copy = Ref<DBusMessage>::adopt(dbus_message_copy(message));
  require(static_cast<bool>(copy), "it can't be copied");
  DBusMessage* const m = copy.get();
  const std::string before = marshal(m);
  dbus_message_set_serial(m, dbus_message_get_serial(message));
  const bool named = m->type() == DBUS_MESSAGE_TYPE_SIGNAL;
  dbus_message_set_sender(m, ":1.12345678");
  dbus_message_set_destination(m, nullptr);
  if (!named) dbus_message_set_interface(m, nullptr);
  dbus_message_set_path(m, "/a/longer/path/than/most");
  dbus_message_set_container_instance(m, "/");
  dbus_message_set_member(m, "M");
  dbus_message_set_sender(m, nullptr);
  dbus_message_set_container_instance(m, nullptr);
  dbus_message_set_destination(m, "a.b");
  dbus_message_set_interface(m, "org.example.Interface");
  const bool room = std::strlen(m->signature()) < DBUS_MAXIMUM_SIGNATURE_LENGTH;
  DBusMessageIter iter;
  dbus_message_iter_init_append(m, &iter);
  const char* text = "appended";
  if (room)
    require(dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &text), "it can't grow");
  require(std::strcmp(m->member(), "M") == 0 && std::strcmp(m->destination(), "a.b") == 0 &&
              !m->sender(),
          "a field isn't what it was set to");
  m->set_unix_fds_field(0);  // none can be given along here
  const std::string after = marshal(m);
  Ref<DBusMessage> again = Ref<DBusMessage>::adopt(
      dbus_message_demarshal(after.data(), static_cast<int>(after.size()), nullptr));
  require(static_cast<bool>(again), "after changes it isn't valid");
  require(marshal(again.get()) == after, "after changes it isn't itself");
}

void look_at(DBusMessage* message, std::span<const std::byte> from) {
  // A message that nobody looked into goes on as it came, in its byte order too.
  const std::string bytes = marshal(message);
  require(bytes.size() == from.size() && std::memcmp(bytes.data(), from.data(), from.size()) == 0,
          "it isn't marshalled as it came");
  DBusMessageIter iter;
  dbus_message_iter_init(message, &iter);
  walk(&iter);
  const char* text = nullptr;
  dbus_uint32_t number;
  dbus_message_get_args(message, nullptr, DBUS_TYPE_STRING, &text, DBUS_TYPE_UINT32, &number,
                        DBUS_TYPE_INVALID);
  char** strings = nullptr;
  int count = 0;
  if (dbus_message_get_args(message, nullptr, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &strings, &count,
                            DBUS_TYPE_INVALID))
    dbus_free_string_array(strings);
  DBusError error = DBUS_ERROR_INIT;
  if (dbus_set_error_from_message(&error, message)) dbus_error_free(&error);
  change(message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span all{reinterpret_cast<const std::byte*>(data), size};
  // Piece by piece, as a socket gives them; how long they are depends on what is in them.
  dg::WireLoader loader;
  loader.set_max_fds(4);
  static const dg::UniqueFd null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  std::vector<dg::UniqueFd> fds;
  if (size > 0 && data[size - 1] % 2) fds.push_back(dg::dup_cloexec(null.get()));
  require(loader.feed_fds(std::move(fds)), "descriptors aren't taken");
  std::vector<Ref<DBusMessage>> messages;
  for (std::size_t at = 0; at < size && !loader.corrupted();) {
    const std::size_t piece = std::min<std::size_t>(size - at, 1 + data[at] * 7u % 61u);
    require(loader.feed(data + at, piece), "bytes aren't taken");
    at += piece;
    while (DBusMessage* message = loader.pop())
      messages.push_back(Ref<DBusMessage>::adopt(message));
    require(!loader.out_of_memory(), "it says that memory is short");
    if (!loader.corrupted() && at < size && loader.buffered() > 0)
      require(loader.missing() > 0, "it waits for nothing");
  }
  std::size_t at = 0;
  for (const Ref<DBusMessage>& message : messages) {
    const std::size_t length = message->wire_size();
    require(at + length <= size, "more came out than went in");
    look_at(message.get(), all.subspan(at, length));
    at += length;
  }

  // At once, and without descriptors.
  const int length = static_cast<int>(size);
  DBusError error = DBUS_ERROR_INIT;
  auto message = Ref<DBusMessage>::adopt(
      dbus_message_demarshal(reinterpret_cast<const char*>(data), length, &error));
  require(static_cast<bool>(message) != static_cast<bool>(error.name), "no message and no error");
  dbus_error_free(&error);
  const int needed =
      dbus_message_demarshal_bytes_needed(reinterpret_cast<const char*>(data), length);
  if (message) {
    require(needed > 0 && needed <= length, "it needs more than it took");
    require(!messages.empty() && messages[0]->wire_size() == message->wire_size(),
            "in pieces it is another message");
  }
  return 0;
}
