// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libdbus_client.cpp - the scenarios' client on libdbus's public API
 *
 * Private connections without dbus_bus_register(), so that Hello too is a call
 * that a scenario makes (or leaves out).
 */
#include <dbus/dbus.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "client.h"

namespace dg::test {

namespace {

std::string basic(DBusMessageIter* it, int type) {
  DBusBasicValue v;
  char buffer[64];
  std::memset(&v, 0, sizeof v);
  dbus_message_iter_get_basic(it, &v);
  switch (type) {
    case 'y':
      std::snprintf(buffer, sizeof buffer, "y%u", v.byt);
      break;
    case 'b':
      return v.bool_val ? "true" : "false";
    case 'n':
      std::snprintf(buffer, sizeof buffer, "n%d", v.i16);
      break;
    case 'q':
      std::snprintf(buffer, sizeof buffer, "q%u", v.u16);
      break;
    case 'i':
      std::snprintf(buffer, sizeof buffer, "i%d", v.i32);
      break;
    case 'u':
      std::snprintf(buffer, sizeof buffer, "u%u", v.u32);
      break;
    case 'x':
      std::snprintf(buffer, sizeof buffer, "x%lld", static_cast<long long>(v.i64));
      break;
    case 't':
      std::snprintf(buffer, sizeof buffer, "t%llu", static_cast<unsigned long long>(v.u64));
      break;
    case 'd':
      std::snprintf(buffer, sizeof buffer, "d%g", v.dbl);
      break;
    case 's':
      return quoted(v.str);
    case 'o':
      return "o" + quoted(v.str);
    case 'g':
      return "g" + quoted(v.str);
    case 'h':
      close(v.fd);
      return "h";
    default:
      return "?";
  }
  return buffer;
}

std::string sequence(DBusMessageIter* it, const char* separator, bool dict_entry);

std::string value(DBusMessageIter* it) {
  int type = dbus_message_iter_get_arg_type(it);
  if (dbus_type_is_basic(type)) return basic(it, type);
  DBusMessageIter inside;
  if (type == DBUS_TYPE_ARRAY) {
    char* sig = dbus_message_iter_get_signature(it);
    std::string out = sig;
    dbus_free(sig);
    bool dict = dbus_message_iter_get_element_type(it) == DBUS_TYPE_DICT_ENTRY;
    dbus_message_iter_recurse(it, &inside);
    return out + (dict ? "{" : "[") + sequence(&inside, ",", dict) + (dict ? "}" : "]");
  }
  dbus_message_iter_recurse(it, &inside);
  if (type == DBUS_TYPE_VARIANT) return "<" + value(&inside) + ">";
  return "(" + sequence(&inside, " ", false) + ")";
}

std::string sequence(DBusMessageIter* it, const char* separator, bool dict_entry) {
  std::string out;
  while (dbus_message_iter_get_arg_type(it) != DBUS_TYPE_INVALID) {
    if (!out.empty()) out += separator;
    if (dict_entry) {
      DBusMessageIter entry;
      dbus_message_iter_recurse(it, &entry);
      out += value(&entry) + ":";
      dbus_message_iter_next(&entry);
      out += value(&entry);
    } else {
      out += value(it);
    }
    dbus_message_iter_next(it);
  }
  return out;
}

// Appends what Args marshalled, value by value, through the public API.
void append(DBusMessage* m, const std::string& signature, const Bytes& body) {
  DBusMessageIter it;
  dbus_message_iter_init_append(m, &it);
  size_t at = 0;
  auto align = [&](size_t n) { at = (at + n - 1) / n * n; };
  auto u32 = [&] {
    uint32_t n;
    align(4);
    std::memcpy(&n, body.data() + at, 4);
    at += 4;
    return n;
  };
  for (size_t i = 0; i < signature.size(); ++i) {
    int type = signature[i];
    DBusBasicValue v;
    switch (type) {
      case 's':
      case 'o':
      case 'g': {
        uint32_t n = type == 'g' ? body[at++] : u32();
        const char* s = reinterpret_cast<const char*>(body.data() + at);
        at += n + 1;
        dbus_message_iter_append_basic(&it, type, &s);
        break;
      }
      case 'a': {
        // Only "as" and "a{ss}" are made.
        const bool dict = signature[i + 1] == '{';
        i += dict ? 4 : 1;
        uint32_t size = u32();
        if (dict) align(8);
        size_t end = at + size;
        auto append_string = [&](DBusMessageIter* to) {
          uint32_t n = u32();
          const char* s = reinterpret_cast<const char*>(body.data() + at);
          at += n + 1;
          dbus_message_iter_append_basic(to, 's', &s);
        };
        DBusMessageIter array;
        dbus_message_iter_open_container(&it, DBUS_TYPE_ARRAY, dict ? "{ss}" : "s", &array);
        while (at < end) {
          if (!dict) {
            append_string(&array);
            continue;
          }
          DBusMessageIter entry;
          align(8);
          dbus_message_iter_open_container(&array, DBUS_TYPE_DICT_ENTRY, nullptr, &entry);
          append_string(&entry);
          append_string(&entry);
          dbus_message_iter_close_container(&array, &entry);
        }
        dbus_message_iter_close_container(&it, &array);
        break;
      }
      case 'v': {  // only one of a string is made
        at += 3;
        uint32_t n = u32();
        const char* s = reinterpret_cast<const char*>(body.data() + at);
        at += n + 1;
        DBusMessageIter variant;
        dbus_message_iter_open_container(&it, DBUS_TYPE_VARIANT, "s", &variant);
        dbus_message_iter_append_basic(&variant, 's', &s);
        dbus_message_iter_close_container(&it, &variant);
        break;
      }
      default: {
        size_t size = type == 'y' ? 1 : type == 't' || type == 'd' ? 8 : 4;
        align(size);
        std::memcpy(&v, body.data() + at, size);
        at += size;
        dbus_message_iter_append_basic(&it, type, &v);
      }
    }
  }
}

class LibdbusClient : public Client {
 public:
  explicit LibdbusClient(DBusConnection* c) : connection_(c) {
    dbus_connection_set_exit_on_disconnect(c, FALSE);
  }
  ~LibdbusClient() override {
    dbus_connection_close(connection_);
    dbus_connection_unref(connection_);
  }

  uint32_t send(const Message& m) override {
    DBusMessage* out = dbus_message_new(m.type);
    bool set = true;
    if (!m.path.empty()) set = set && dbus_message_set_path(out, m.path.c_str());
    if (!m.interface.empty()) set = set && dbus_message_set_interface(out, m.interface.c_str());
    if (!m.member.empty()) set = set && dbus_message_set_member(out, m.member.c_str());
    if (!m.error_name.empty()) set = set && dbus_message_set_error_name(out, m.error_name.c_str());
    if (!m.destination.empty())
      set = set && dbus_message_set_destination(out, m.destination.c_str());
    if (m.reply_serial) set = set && dbus_message_set_reply_serial(out, m.reply_serial);
    dbus_message_set_no_reply(out, m.flags & 1);
    dbus_message_set_auto_start(out, !(m.flags & 2));
    dbus_message_set_allow_interactive_authorization(out, (m.flags & 4) != 0);
    append(out, m.signature, m.body);
    dbus_uint32_t serial = 0;
    if (!set || !dbus_connection_send(connection_, out, &serial)) serial = 0;
    dbus_connection_flush(connection_);
    dbus_message_unref(out);
    return serial;
  }

  std::optional<Seen> receive(int timeout_ms) override {
    int64_t end = now_ms() + timeout_ms;
    for (;;) {
      if (DBusMessage* m = dbus_connection_pop_message(connection_)) {
        std::optional<Seen> seen;
        // Disconnected is made by the library, not by the bus.
        if (!dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected")) seen = convert(m);
        dbus_message_unref(m);
        if (seen) return seen;
        continue;
      }
      int64_t left = end - now_ms();
      if (left < 0 || !dbus_connection_get_is_connected(connection_)) return std::nullopt;
      dbus_connection_read_write(connection_, static_cast<int>(left));
    }
  }

  bool connected() override { return dbus_connection_get_is_connected(connection_); }

 private:
  static Seen convert(DBusMessage* m) {
    auto text = [](const char* s) { return std::string(s ? s : ""); };
    Seen s;
    s.type = dbus_message_get_type(m);
    s.flags = static_cast<uint8_t>((dbus_message_get_no_reply(m) ? 1 : 0) |
                                   (dbus_message_get_auto_start(m) ? 0 : 2) |
                                   (dbus_message_get_allow_interactive_authorization(m) ? 4 : 0));
    s.serial = dbus_message_get_serial(m);
    s.reply_serial = dbus_message_get_reply_serial(m);
    s.sender = text(dbus_message_get_sender(m));
    s.destination = text(dbus_message_get_destination(m));
    s.path = text(dbus_message_get_path(m));
    s.interface = text(dbus_message_get_interface(m));
    s.member = text(dbus_message_get_member(m));
    s.error_name = text(dbus_message_get_error_name(m));
    s.signature = text(dbus_message_get_signature(m));
    DBusMessageIter it;
    if (dbus_message_iter_init(m, &it)) s.body = sequence(&it, " ", false);
    return s;
  }

  DBusConnection* connection_;
};

}  // namespace

std::unique_ptr<Client> connect_libdbus(const std::string& address) {
  DBusError error = DBUS_ERROR_INIT;
  DBusConnection* c = dbus_connection_open_private(address.c_str(), &error);
  if (!c) {
    std::fprintf(stderr, "%s: %s\n", error.name, error.message);
    dbus_error_free(&error);
    return nullptr;
  }
  return std::make_unique<LibdbusClient>(c);
}

}  // namespace dg::test
