// SPDX-License-Identifier: LGPL-2.1-or-later
// See genl_codec.h.
#include "transport/genl_codec.h"

#include <linux/dbus_genl.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>

#include <charconv>

#include "message/builder.h"

namespace dg {

namespace {

// Holds the header of nearly every message.
constexpr std::size_t kInitialHeader = 1024;

// Of the first byte of a body, counted from the start of the request.
constexpr std::size_t kBodyAlignment = 8;

struct TextField {
  int attribute;
  int field;
};

constexpr TextField kTextFields[] = {
    {DBUS_GENL_MSG_A_PATH, DBUS_HEADER_FIELD_PATH},
    {DBUS_GENL_MSG_A_INTERFACE, DBUS_HEADER_FIELD_INTERFACE},
    {DBUS_GENL_MSG_A_MEMBER, DBUS_HEADER_FIELD_MEMBER},
    {DBUS_GENL_MSG_A_ERROR_NAME, DBUS_HEADER_FIELD_ERROR_NAME},
    {DBUS_GENL_MSG_A_DESTINATION, DBUS_HEADER_FIELD_DESTINATION},
};

}  // namespace

// --- SEND

GenlEncoder::Result GenlEncoder::encode(const DBusMessage& message) noexcept {
  std::span<const std::byte> body = message.body();
  if (body.size() > DBUS_GENL_ATTR_MAX) return Result::TooLarge;
  if (!buffer_) buffer_.reset(nlmsg_alloc_size(kInitialHeader));
  if (!buffer_) return Result::NoMemory;

  if (!put_header(message) || !put_body(body)) {
    for (const TextField& text : kTextFields) {
      if (message.field(text.field).size() >= DBUS_GENL_ATTR_MAX) return Result::TooLarge;
    }
    if (!grow(message) || !put_header(message) || !put_body(body)) return Result::NoMemory;
  }
  return Result::Ok;
}

bool GenlEncoder::grow(const DBusMessage& message) noexcept {
  std::size_t size = kInitialHeader;
  for (const TextField& text : kTextFields) {
    size += static_cast<std::size_t>(
        nla_total_size(static_cast<int>(message.field(text.field).size() + 1)));
  }
  return nlmsg_expand(buffer_.get(), size) >= 0;
}

bool GenlEncoder::put_header(const DBusMessage& message) noexcept {
  nl_msg* buffer = buffer_.get();
  nlmsghdr* header = nlmsg_hdr(buffer);
  header->nlmsg_len = NLMSG_HDRLEN;
  header->nlmsg_type = family_;
  header->nlmsg_flags = NLM_F_REQUEST;
  header->nlmsg_seq = message.serial();
  header->nlmsg_pid = 0;
  auto* generic = static_cast<genlmsghdr*>(nlmsg_reserve(buffer, GENL_HDRLEN, NLMSG_ALIGNTO));
  *generic = {DBUS_GENL_CMD_SEND, DBUS_GENL_VERSION, 0};

  bool ok = nla_put_u64(buffer, DBUS_GENL_MSG_A_SENDER, 0) >= 0 &&
            nla_put_u8(buffer, DBUS_GENL_MSG_A_TYPE, static_cast<uint8_t>(message.type())) >= 0 &&
            nla_put_u32(buffer, DBUS_GENL_MSG_A_SERIAL, message.serial()) >= 0;
  if (message.flags()) ok = ok && nla_put_u8(buffer, DBUS_GENL_MSG_A_FLAGS, message.flags()) >= 0;
  if (uint32_t reply_serial = message.reply_serial()) {
    ok = ok && nla_put_u32(buffer, DBUS_GENL_MSG_A_REPLY_SERIAL, reply_serial) >= 0;
  }
  for (const TextField& text : kTextFields) {
    ok = ok && put_text(text.attribute, message.field(text.field));
  }
  const std::string_view signature = message.signature();
  if (!signature.empty()) ok = ok && put_text(DBUS_GENL_MSG_A_SIGNATURE, signature);
  return ok;
}

bool GenlEncoder::put_text(int attribute, std::string_view text) noexcept {
  if (!text.data()) return true;
  if (text.size() >= DBUS_GENL_ATTR_MAX) return false;
  // The message's strings are followed by their zero.
  return nla_put(buffer_.get(), attribute, static_cast<int>(text.size() + 1), text.data()) >= 0;
}

// Ends the request: the header of the body's attribute goes into the buffer, the body stays where
// it is, and the lengths say that it follows.
bool GenlEncoder::put_body(std::span<const std::byte> body) noexcept {
  static char padding[NLA_ALIGNTO];
  nlmsghdr* header = nlmsg_hdr(buffer_.get());
  part_count_ = 1;
  if (body.empty()) {
    parts_[0] = {header, header->nlmsg_len};
  } else {
    if ((header->nlmsg_len + NLA_HDRLEN) % kBodyAlignment &&
        !nla_reserve(buffer_.get(), DBUS_GENL_MSG_A_PAD, 0)) {
      return false;
    }
    nlattr* attribute = nla_reserve(buffer_.get(), DBUS_GENL_MSG_A_BODY, 0);
    if (!attribute) return false;
    parts_[0] = {header, header->nlmsg_len};
    attribute->nla_len = static_cast<uint16_t>(nla_attr_size(static_cast<int>(body.size())));
    parts_[1] = {const_cast<std::byte*>(body.data()), body.size()};
    part_count_ = 2;
    if (std::size_t pad = NLA_ALIGN(body.size()) - body.size()) {
      parts_[2] = {padding, pad};
      part_count_ = 3;
    }
    header->nlmsg_len += static_cast<uint32_t>(NLA_ALIGN(body.size()));
  }
  attributes_size_ = header->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
  return true;
}

// --- MESSAGE

namespace {

// With the terminating zero, as everything that the kernel sends; empty with a null data() if not.
std::string_view text_of(const nlattr* attribute) noexcept {
  int size = nla_len(attribute);
  const auto* text = static_cast<const char*>(nla_data(attribute));
  if (size < 1 || text[size - 1] != '\0') return {};
  return {text, static_cast<std::size_t>(size - 1)};
}

void set_sender(MessageBuilder& builder, uint64_t id) noexcept {
  if (id == 0) {
    builder.set_sender(DBUS_SERVICE_DBUS);
    return;
  }
  char name[3 + 20] = ":1.";
  char* end = std::to_chars(name + 3, name + sizeof name, id - 1).ptr;
  builder.set_sender({name, static_cast<std::size_t>(end - name)});
}

}  // namespace

DBusMessage* decode_message(nlmsghdr* header, bool* malformed) noexcept {
  nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
  *malformed = true;
  if (genlmsg_parse(header, 0, a, DBUS_GENL_MSG_A_MAX, nullptr) < 0) return nullptr;
  const nlattr* sender = a[DBUS_GENL_MSG_A_SENDER];
  const nlattr* type = a[DBUS_GENL_MSG_A_TYPE];
  const nlattr* flags = a[DBUS_GENL_MSG_A_FLAGS];
  const nlattr* serial = a[DBUS_GENL_MSG_A_SERIAL];
  const nlattr* reply_serial = a[DBUS_GENL_MSG_A_REPLY_SERIAL];
  if (!sender || nla_len(sender) != sizeof(uint64_t) || !type || nla_len(type) != 1 || !serial ||
      nla_len(serial) != sizeof(uint32_t) || (flags && nla_len(flags) != 1) ||
      (reply_serial && nla_len(reply_serial) != sizeof(uint32_t))) {
    return nullptr;
  }

  MessageBuilder builder;
  builder.start(nla_get_u8(type), flags ? nla_get_u8(flags) : 0, nla_get_u32(serial));
  if (reply_serial) builder.set_reply_serial(nla_get_u32(reply_serial));
  set_sender(builder, nla_get_u64(sender));

  std::string_view texts[DBUS_GENL_MSG_A_MAX + 1];
  for (int i = DBUS_GENL_MSG_A_PATH; i <= DBUS_GENL_MSG_A_SIGNATURE; i++) {
    if (!a[i]) continue;
    texts[i] = text_of(a[i]);
    if (!texts[i].data()) return nullptr;
  }
  builder.set_path(texts[DBUS_GENL_MSG_A_PATH]);
  builder.set_interface(texts[DBUS_GENL_MSG_A_INTERFACE]);
  builder.set_member(texts[DBUS_GENL_MSG_A_MEMBER]);
  builder.set_error_name(texts[DBUS_GENL_MSG_A_ERROR_NAME]);
  builder.set_destination(texts[DBUS_GENL_MSG_A_DESTINATION]);
  builder.set_signature(texts[DBUS_GENL_MSG_A_SIGNATURE]);
  if (const nlattr* body = a[DBUS_GENL_MSG_A_BODY]) {
    builder.set_body(nla_data(body), static_cast<std::size_t>(nla_len(body)));
  }
  *malformed = false;
  return builder.finish();
}

}  // namespace dg
