// SPDX-License-Identifier: LGPL-2.1-or-later
// See genl_transport.h.
#include "transport/genl_transport.h"

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "message/builder.h"

namespace dg {

namespace {

bool is_reply(const DBusMessage& message) {
  return message.type() == DBUS_MESSAGE_TYPE_METHOD_RETURN ||
         message.type() == DBUS_MESSAGE_TYPE_ERROR;
}

bool expects_reply(const DBusMessage& message) {
  return message.type() == DBUS_MESSAGE_TYPE_METHOD_CALL &&
         !message.flag(DBUS_HEADER_FLAG_NO_REPLY_EXPECTED);
}

// What the kernel's (or sendmsg's) refusal of one message is called in D-Bus; null when the
// message was malformed, for which dbus-daemon hangs up.
const char* error_name_of_refusal(int code) {
  switch (code) {
    case ENOMEM:
      return DBUS_ERROR_NO_MEMORY;
    case ENOBUFS:
    case EMSGSIZE:
      return DBUS_ERROR_LIMITS_EXCEEDED;
    case EOPNOTSUPP:
      return DBUS_ERROR_NOT_SUPPORTED;
    case EPERM:
    case EACCES:
      return DBUS_ERROR_ACCESS_DENIED;
    case EINVAL:
    case ERANGE:
      return nullptr;
    default:
      return DBUS_ERROR_FAILED;
  }
}

// With one reference for the caller; null without memory. Sender and destination may be null.
DBusMessage* make_error(uint32_t serial, uint32_t reply_serial, const char* sender,
                        const char* destination, const char* error_name, const char* text) {
  MessageBuilder builder;
  builder.start(DBUS_MESSAGE_TYPE_ERROR, DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, serial);
  builder.set_reply_serial(reply_serial);
  if (sender) builder.set_sender(sender);
  if (destination) builder.set_destination(destination);
  builder.set_error_name(error_name);
  builder.set_signature(DBUS_TYPE_STRING_AS_STRING);
  uint32_t length = static_cast<uint32_t>(std::strlen(text));
  if (std::byte* body = builder.reserve_body(sizeof length + length + 1)) {
    std::memcpy(body, &length, sizeof length);
    std::memcpy(body + sizeof length, text, length + 1);
  }
  return builder.finish();
}

// No message has it for a serial.
constexpr uint32_t kPullSeq = 0;

// Netlink's header and the generic one, the doorbell's or a dump's room, alignment.
constexpr std::size_t kDatagramOverhead = 4096;

}  // namespace

GenlTransport::GenlTransport(GenlSocket socket, GenlPeer peer)
    : socket_(std::move(socket)),
      peer_(std::move(peer)),
      encoder_(socket_.family()),
      receiver_(peer_.max_message_size + kDatagramOverhead) {}

bool GenlTransport::has_pending_input() const noexcept {
  return !local_.empty() || receiver_.has_more() || pull_due_ || gone_;
}

IoStatus GenlTransport::handshake() noexcept {
  return socket_.is_open() ? IoStatus::Ok : IoStatus::Disconnected;
}

void GenlTransport::close() noexcept {
  socket_.close();
  local_.clear();
  receiver_.clear();
  pull_due_ = false;
}

bool GenlTransport::can_send_type(int dbus_type) const noexcept {
  return dbus_type != DBUS_TYPE_UNIX_FD || peer_.max_fds > 0;
}

// --- out

IoStatus GenlTransport::send(DBusMessage& message) noexcept {
  if (!socket_.is_open() || gone_) return IoStatus::Disconnected;
  if (message.type() > DBUS_MESSAGE_TYPE_SIGNAL) {
    // To be ignored by whoever gets it (spec, "Message Format").
    trace("genl: a message of unknown type %d isn't sent", message.type());
    return IoStatus::Ok;
  }
  if (!message.fds().empty()) {
    send_failed(message, DBUS_ERROR_NOT_SUPPORTED, "This bus doesn't pass file descriptors");
    return IoStatus::Ok;
  }
  switch (encoder_.encode(message)) {
    case GenlEncoder::Result::NoMemory:
      return IoStatus::NoMemory;
    case GenlEncoder::Result::TooLarge:
      send_failed(message, DBUS_ERROR_LIMITS_EXCEEDED, "The message is too large for this bus");
      return IoStatus::Ok;
    case GenlEncoder::Result::Ok:
      break;
  }
  if (encoder_.attributes_size() > peer_.max_message_size) {
    send_failed(message, DBUS_ERROR_LIMITS_EXCEEDED, "The message is too large for this bus");
    return IoStatus::Ok;
  }
  return send_encoded(message);
}

IoStatus GenlTransport::send_encoded(const DBusMessage& message) noexcept {
  calls_[message.serial() % calls_.size()] = expects_reply(message);
  std::span<iovec> parts = encoder_.parts();
  msghdr header{};
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  ssize_t n;
  do {
    n = ::sendmsg(socket_.fd(), &header, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return IoStatus::Ok;

  int code = errno;
  if (code == EAGAIN) return IoStatus::WouldBlock;
  trace("genl: cannot send serial %u: %s", message.serial(), strerror(code));
  if (code == ENOBUFS || code == ENOMEM || code == EMSGSIZE) {
    // Here, and not in a refusal, ENOBUFS is a lack of memory for the request.
    send_failed(message, error_name_of_refusal(code == ENOBUFS ? ENOMEM : code), strerror(code));
    return IoStatus::Ok;
  }
  return IoStatus::Disconnected;
}

// This message cannot be carried. A caller must not hang for that: ours gets an error reply, and
// one that waits for this reply gets an error in its place.
void GenlTransport::send_failed(const DBusMessage& message, const char* error_name,
                                const char* text) noexcept {
  trace("genl: serial %u isn't sent: %s", message.serial(), text);
  if (expects_reply(message)) {
    answer_locally(message.serial(), error_name, text);
  } else if (is_reply(message) && message.destination()) {
    DBusMessage* substitute = make_error(message.serial(), message.reply_serial(), nullptr,
                                         message.destination(), error_name, text);
    if (!substitute) return;
    if (encoder_.encode(*substitute) == GenlEncoder::Result::Ok) {
      msghdr header{};
      header.msg_iov = encoder_.parts().data();
      header.msg_iovlen = encoder_.parts().size();
      (void)::sendmsg(socket_.fd(), &header, MSG_NOSIGNAL);
    }
    substitute->unref();
  }
}

void GenlTransport::answer_locally(uint32_t serial, const char* error_name,
                                   const char* text) noexcept {
  DBusMessage* reply = make_error(1, serial, DBUS_SERVICE_DBUS, nullptr, error_name, text);
  if (reply && !local_.push_back(reply)) reply->unref();
}

// --- in

IoStatus GenlTransport::receive(MessageList& out) noexcept {
  if (!socket_.is_open()) return IoStatus::Disconnected;
  if (pull_due_) pull();
  IoStatus status = IoStatus::Ok;
  if (!receiver_.next() && !gone_ && !reading_paused()) {
    switch (receiver_.read(socket_.fd())) {
      case GenlReceiver::Result::Ok:
      case GenlReceiver::Result::Overrun:
        break;
      case GenlReceiver::Result::Drained:
        status = IoStatus::WouldBlock;
        break;
      case GenlReceiver::Result::Disconnected:
        gone_ = true;
        break;
      case GenlReceiver::Result::NoMemory:
        return IoStatus::NoMemory;
    }
  }
  while (nlmsghdr* header = receiver_.next()) {
    if (take(header, out) == IoStatus::NoMemory) return IoStatus::NoMemory;
    receiver_.pop();
  }
  if (!out.append(local_)) return IoStatus::NoMemory;
  if (gone_) return IoStatus::Disconnected;
  return reading_paused() ? IoStatus::WouldBlock : status;
}

IoStatus GenlTransport::take(nlmsghdr* header, MessageList& out) noexcept {
  if (header->nlmsg_type == NLMSG_ERROR) return take_error(header);
  if (header->nlmsg_type == socket_.family() && genlmsg_valid_hdr(header, 0)) {
    return take_generic(header, out);
  }
  trace("genl: ignored a netlink message of type %u", header->nlmsg_type);
  return IoStatus::Ok;
}

IoStatus GenlTransport::take_generic(nlmsghdr* header, MessageList& out) noexcept {
  switch (static_cast<genlmsghdr*>(nlmsg_data(header))->cmd) {
    case DBUS_GENL_CMD_MESSAGE: {
      if (!out.reserve_more(1)) return IoStatus::NoMemory;
      bool malformed;
      DBusMessage* message = decode_message(header, &malformed);
      if (message) {
        (void)out.push_back(message);
      } else if (malformed) {
        trace("genl: ignored a malformed message from the kernel");
      } else {
        return IoStatus::NoMemory;
      }
      break;
    }
    case DBUS_GENL_CMD_PULL:
      pull();
      break;
    case DBUS_GENL_CMD_DISCONNECT: {
      const nlattr* reason = genlmsg_attrdata(static_cast<genlmsghdr*>(nlmsg_data(header)), 0);
      reason = nla_find(reason, genlmsg_attrlen(static_cast<genlmsghdr*>(nlmsg_data(header)), 0),
                        DBUS_GENL_BUS_A_REASON);
      trace("genl: disconnected by the kernel, reason %u",
            reason && nla_len(reason) == sizeof(uint32_t) ? nla_get_u32(reason) : 0);
      gone_ = true;
      break;
    }
    default:
      break;  // of a newer kernel
  }
  return IoStatus::Ok;
}

IoStatus GenlTransport::take_error(const nlmsghdr* header) noexcept {
  NlAck ack = parse_ack(header);
  if (ack.code == 0) return IoStatus::Ok;
  const char* text = *ack.text ? ack.text : strerror(ack.code);
  trace("genl: the kernel refused serial %u: %s (%s)", ack.seq, text, strerror(ack.code));
  const char* name = error_name_of_refusal(ack.code);
  if (ack.code == ENOTCONN || !name) {
    gone_ = true;
  } else if (ack.seq == kPullSeq) {
    pull_due_ = true;
  } else if (calls_[ack.seq % calls_.size()]) {
    answer_locally(ack.seq, name, text);
  }
  return IoStatus::Ok;
}

// A doorbell that isn't answered would silence the bus for good, so that a lack of memory here only
// puts it off.
void GenlTransport::pull() noexcept {
  struct {
    nlmsghdr netlink;
    genlmsghdr generic;
  } request = {{sizeof request, socket_.family(), NLM_F_REQUEST, kPullSeq, 0},
               {DBUS_GENL_CMD_PULL, DBUS_GENL_VERSION, 0}};
  pull_due_ = ::send(socket_.fd(), &request, sizeof request, MSG_NOSIGNAL) < 0;
  if (pull_due_) trace("genl: cannot pull: %s", strerror(errno));
}

}  // namespace dg
