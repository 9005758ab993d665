// SPDX-License-Identifier: LGPL-2.1-or-later
// See genl_codec.h.
#include "transport/genl_codec.h"

#include <linux/dbus_genl.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>

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

GenlEncoder::Result GenlEncoder::encode(const DBusMessage& message, int body_file) noexcept {
  std::span<const std::byte> body;
  if (body_file < 0) body = message.body();
  if (body.size() > DBUS_GENL_ATTR_MAX) return Result::TooLarge;
  if (!buffer_) buffer_.reset(nlmsg_alloc_size(kInitialHeader));
  if (!buffer_) return Result::NoMemory;

  if (!put_header(message) || !put_files(message, body_file) || !put_body(body)) {
    for (const TextField& text : kTextFields) {
      if (message.field(text.field).size() >= DBUS_GENL_ATTR_MAX) return Result::TooLarge;
    }
    if (!grow(message) || !put_header(message) || !put_files(message, body_file) ||
        !put_body(body)) {
      return Result::NoMemory;
    }
  }
  return Result::Ok;
}

bool GenlEncoder::grow(const DBusMessage& message) noexcept {
  std::size_t size = kInitialHeader;
  for (const TextField& text : kTextFields) {
    size += static_cast<std::size_t>(
        nla_total_size(static_cast<int>(message.field(text.field).size() + 1)));
  }
  size += static_cast<std::size_t>(
      nla_total_size(static_cast<int>(message.fds().size() * sizeof(int32_t))));
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

bool GenlEncoder::put_files(const DBusMessage& message, int body_file) noexcept {
  if (body_file >= 0 && nla_put_s32(buffer_.get(), DBUS_GENL_MSG_A_BODY_FD, body_file) < 0) {
    return false;
  }
  std::span<const UniqueFd> fds = message.fds();
  if (fds.empty()) return true;
  if (fds.size() * sizeof(int32_t) > DBUS_GENL_ATTR_MAX) return false;
  nlattr* attribute = nla_reserve(buffer_.get(), DBUS_GENL_MSG_A_FDS,
                                  static_cast<int>(fds.size() * sizeof(int32_t)));
  if (!attribute) return false;
  auto* numbers = static_cast<int32_t*>(nla_data(attribute));
  for (std::size_t i = 0; i < fds.size(); i++) numbers[i] = fds[i].get();
  return true;
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

bool has_size(const nlattr* attribute, std::size_t size) noexcept {
  return attribute && nla_len(attribute) == static_cast<int>(size);
}

}  // namespace

std::string_view sender_name(uint64_t id, char (&buffer)[24]) noexcept {
  if (id == 0) return DBUS_SERVICE_DBUS;
  if (id == DBUS_GENL_SENDER_NOT_ACTIVE) return ":not.active.yet";
  std::memcpy(buffer, ":1.", 3);
  char* end = std::to_chars(buffer + 3, std::end(buffer), id - 1).ptr;
  return {buffer, static_cast<std::size_t>(end - buffer)};
}

bool read_message_id(nlmsghdr* header, GenlMessageId* id) noexcept {
  nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
  if (genlmsg_parse(header, 0, a, DBUS_GENL_MSG_A_MAX, nullptr) < 0) return false;
  const nlattr* flags = a[DBUS_GENL_MSG_A_FLAGS];
  const nlattr* reply_serial = a[DBUS_GENL_MSG_A_REPLY_SERIAL];
  const nlattr* fds = a[DBUS_GENL_MSG_A_FDS];
  if (!has_size(a[DBUS_GENL_MSG_A_SENDER], sizeof(uint64_t)) ||
      !has_size(a[DBUS_GENL_MSG_A_TYPE], 1) ||
      !has_size(a[DBUS_GENL_MSG_A_SERIAL], sizeof(uint32_t)) || (flags && !has_size(flags, 1)) ||
      (reply_serial && !has_size(reply_serial, sizeof(uint32_t)))) {
    return false;
  }
  id->sender = nla_get_u64(a[DBUS_GENL_MSG_A_SENDER]);
  id->type = nla_get_u8(a[DBUS_GENL_MSG_A_TYPE]);
  id->serial = nla_get_u32(a[DBUS_GENL_MSG_A_SERIAL]);
  id->flags = flags ? nla_get_u8(flags) : 0;
  id->reply_serial = reply_serial ? nla_get_u32(reply_serial) : 0;
  id->fds = fds ? static_cast<std::size_t>(nla_len(fds)) / sizeof(int32_t) : 0;
  id->body_file = a[DBUS_GENL_MSG_A_BODY_FD] != nullptr;
  return true;
}

bool read_claim(nlmsghdr* header, const GenlMessageId& id, GenlFiles* files, int* error) noexcept {
  nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
  if (static_cast<genlmsghdr*>(nlmsg_data(header))->cmd != DBUS_GENL_CMD_FD_CLAIM ||
      genlmsg_parse(header, 0, a, DBUS_GENL_MSG_A_MAX, nullptr) < 0 ||
      !has_size(a[DBUS_GENL_MSG_A_SENDER], sizeof(uint64_t)) ||
      nla_get_u64(a[DBUS_GENL_MSG_A_SENDER]) != id.sender ||
      !has_size(a[DBUS_GENL_MSG_A_SERIAL], sizeof(uint32_t)) ||
      nla_get_u32(a[DBUS_GENL_MSG_A_SERIAL]) != id.serial) {
    return false;
  }
  *error = 0;
  if (const nlattr* refused = a[DBUS_GENL_MSG_A_ERRNO]) {
    *error = has_size(refused, sizeof(int32_t)) ? nla_get_s32(refused) : EBADMSG;
    return true;
  }
  if (const nlattr* body = a[DBUS_GENL_MSG_A_BODY_FD]) {
    if (has_size(body, sizeof(int32_t))) files->body = UniqueFd(nla_get_s32(body));
  }
  if (const nlattr* fds = a[DBUS_GENL_MSG_A_FDS]) {
    const auto* numbers = static_cast<const int32_t*>(nla_data(fds));
    const std::size_t count = static_cast<std::size_t>(nla_len(fds)) / sizeof *numbers;
    // Room for as many as the message has is reserved; more would be an error, and are closed.
    for (std::size_t i = 0; i < count; i++) {
      UniqueFd fd(numbers[i]);
      if (i < id.fds) files->fds.push_back(std::move(fd));
    }
    if (count > id.fds) *error = EBADMSG;
  }
  if (files->fds.size() != id.fds || bool(files->body) != id.body_file) *error = EBADMSG;
  return true;
}

DBusMessage* decode_message(nlmsghdr* header, const GenlMessageId& id, GenlFiles& files,
                            std::size_t max_body, const char** why) noexcept {
  nlattr* a[DBUS_GENL_MSG_A_MAX + 1];
  *why = "it makes no sense";
  if (genlmsg_parse(header, 0, a, DBUS_GENL_MSG_A_MAX, nullptr) < 0) return nullptr;

  MessageBuilder builder;
  builder.start(id.type, id.flags, id.serial);
  if (id.reply_serial) builder.set_reply_serial(id.reply_serial);
  char sender[24];
  builder.set_sender(sender_name(id.sender, sender));

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
  if (id.body_file) {
    bool retry;
    *why = read_body_file(files.body.get(), texts[DBUS_GENL_MSG_A_SIGNATURE], max_body, builder,
                          &retry);
    if (retry) *why = nullptr;
    if (*why || retry) return nullptr;
  }
  *why = nullptr;
  DBusMessage* message = builder.finish();
  // Last: what fails before leaves them to the next try.
  if (message && !files.fds.empty()) {
    if (!message->set_unix_fds_field(static_cast<uint32_t>(files.fds.size()))) {
      message->unref();
      return nullptr;
    }
    message->mutable_fds() = std::move(files.fds);
  }
  return message;
}

}  // namespace dg
