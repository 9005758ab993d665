// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message/stock_wire.h"

#include <cstring>

#include "message/values.h"

namespace dg::test {

std::string random_bytes(Random& random) {
  const Api& api = stock();
  const int type = 1 + static_cast<int>(random.below(4));
  const Message m(api, api.dbus_message_new(type));
  const bool call = type == DBUS_MESSAGE_TYPE_METHOD_CALL || type == DBUS_MESSAGE_TYPE_SIGNAL;
  api.dbus_message_set_serial(m.get(), 1 + random.below(1000));
  if (call || random.chance(20)) api.dbus_message_set_path(m.get(), "/a/b");
  if (call || random.chance(20)) api.dbus_message_set_interface(m.get(), "a.b");
  if (call || random.chance(20)) api.dbus_message_set_member(m.get(), "M");
  if (type == DBUS_MESSAGE_TYPE_ERROR) api.dbus_message_set_error_name(m.get(), "a.E");
  if (!call || random.chance(20)) api.dbus_message_set_reply_serial(m.get(), 5);
  if (random.chance(50)) api.dbus_message_set_destination(m.get(), ":1.7");
  if (random.chance(50)) api.dbus_message_set_sender(m.get(), "org.x");
  if (random.chance(10)) api.dbus_message_set_container_instance(m.get(), "/c");
  DBusMessageIter iter;
  api.dbus_message_iter_init_append(m.get(), &iter);
  for (unsigned args = random.below(4); args > 0; --args)
    append_values(api, &iter, random_type(random, 3).c_str(), random);
  return marshal(api, m.get());
}

std::string swapped(std::string bytes, const std::string& signature) {
  auto* data = reinterpret_cast<std::byte*>(bytes.data());
  const std::size_t header = align_up(16 + load_u32(data + 12, false), 8);
  swap_values(signature, data + header, 0, false);
  swap_values("a(yv)", data, 12, false);
  swap_values("uu", data, 4, false);
  bytes[0] = bytes[0] == 'l' ? 'B' : 'l';
  return bytes;
}

std::string signature_of(const std::string& bytes) {
  const Api& api = stock();
  const Message m(
      api, api.dbus_message_demarshal(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return m ? api.dbus_message_get_signature(m.get()) : "";
}

std::string verdict(const Api& api, const std::string& bytes) {
  const int length = static_cast<int>(bytes.size());
  std::string text =
      std::to_string(api.dbus_message_demarshal_bytes_needed(bytes.data(), length)) + " ";
  Error error(api);
  const Message m(api, api.dbus_message_demarshal(bytes.data(), length, error));
  if (!m) return text + error.text();
  // Before and after the values are looked at: libdbus turns the byte order round then.
  text += hex(marshal(api, m.get())) + "\n";
  text += dump(api, m.get()) + "\n";
  text += hex(marshal(api, m.get()));
  return text;
}

std::string mutate(std::string bytes, Random& random) {
  for (unsigned mistakes = 1 + random.below(2); mistakes > 0; --mistakes) {
    const unsigned at = random.below(static_cast<unsigned>(bytes.size()));
    switch (random.below(10)) {
      case 0:
        bytes[at] = static_cast<char>(random.bits());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1u << random.below(8)));
        break;
      case 2:
        bytes[at] = 0;
        break;
      case 3:
        ++bytes[at];
        break;
      case 4:
        --bytes[at];
        break;
      case 5:
        bytes[at] = "ybnqiuxtdsoghva(){}"[random.below(19)];
        break;
      case 6:  // another field, in the header
        bytes[16 + 8 * random.below(12) % (bytes.size() - 15)] =
            static_cast<char>(random.below(13));
        break;
      case 7:
        bytes[random.below(16)] = static_cast<char>(random.below(8));
        break;
      case 8:
        if (at + 4 <= bytes.size()) {
          const std::uint32_t length = 0x03fffff0u + random.below(64);
          std::memcpy(bytes.data() + at / 4 * 4, &length, 4);
        }
        break;
      default:
        if (bytes.size() > 20) bytes.resize(bytes.size() - 1 - random.below(4));
        break;
    }
  }
  return bytes;
}

}  // namespace dg::test
