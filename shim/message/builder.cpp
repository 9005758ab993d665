// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message/builder.h"

namespace dg {

MessageBuilder::~MessageBuilder() {
  if (message_) message_->unref();
}

void MessageBuilder::start(int type, std::uint8_t flags, std::uint32_t serial) noexcept {
  if (message_) message_->unref();
  message_ = DBusMessage::create(type);
  failed_ = !message_;
  if (failed_) return;
  message_->set_flags(flags);
  message_->set_serial(serial);
}

void MessageBuilder::set(int field, char type, std::string_view value) noexcept {
  if (value.data() && !failed_) failed_ = !message_->set_text(field, type, value);
}

void MessageBuilder::set_signature(std::string_view v) noexcept {
  if (!v.empty()) set(DBUS_HEADER_FIELD_SIGNATURE, DBUS_TYPE_SIGNATURE, v);
}

void MessageBuilder::set_reply_serial(std::uint32_t serial) noexcept {
  if (!failed_) failed_ = !message_->set_reply_serial(serial);
}

void MessageBuilder::set_body(const void* bytes, std::size_t size) noexcept {
  if (std::byte* body = reserve_body(size)) std::memcpy(body, bytes, size);
}

std::byte* MessageBuilder::reserve_body(std::size_t size) noexcept {
  if (failed_ || size == 0) return nullptr;
  failed_ = !message_->body_buffer().resize(size);
  return failed_ ? nullptr : message_->body_buffer().data();
}

void MessageBuilder::adopt_fds(std::vector<UniqueFd>&& fds) noexcept {
  if (failed_ || fds.empty()) return;
  failed_ = !message_->set_unix_fds_field(static_cast<std::uint32_t>(fds.size()));
  if (!failed_) message_->mutable_fds() = std::move(fds);
}

DBusMessage* MessageBuilder::finish() noexcept {
  if (failed_ || !message_) return nullptr;
  message_->lock();
  return std::exchange(message_, nullptr);
}

}  // namespace dg
