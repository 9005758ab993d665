// SPDX-License-Identifier: LGPL-2.1-or-later
// See genl_transport.h.
#include "transport/genl_transport.h"

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/time.h"
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

bool becomes_monitor(const DBusMessage& message) noexcept {
  return message.is_method_call(DBUS_INTERFACE_MONITORING, "BecomeMonitor") &&
         message.destination() && std::strcmp(message.destination(), DBUS_SERVICE_DBUS) == 0;
}

// Of requests that are no SEND: no message has it for a serial.
constexpr uint32_t kNoSerial = 0;

// For an answer that is already there.
constexpr int64_t kClaimAnswerTimeoutMs = 10000;

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
  files_ = {};
  claimed_ = false;
  pull_due_ = false;
}

bool GenlTransport::can_send_type(int dbus_type) const noexcept {
  return dbus_type != DBUS_TYPE_UNIX_FD || peer_.max_fds > 0;
}

// --- out

IoStatus GenlTransport::send(DBusMessage& message) noexcept {
  if (!socket_.is_open() || gone_) return IoStatus::Disconnected;
  if (!message.fds().empty() && peer_.max_fds == 0) {
    return send_failed(message, DBUS_ERROR_NOT_SUPPORTED, "This bus doesn't pass file descriptors");
  }
  IoStatus status = IoStatus::Ok;
  if (encode(message, &status)) status = send_encoded(message);
  body_file_.reset();
  return status;
}

// True: parts() is to be sent. A body that the request has no room for goes into a file.
bool GenlTransport::encode(const DBusMessage& message, IoStatus* status) noexcept {
  const std::size_t size = message.body().size();
  bool as_file = size > DBUS_GENL_ATTR_MAX;
  while (true) {
    if (as_file && size <= peer_.max_body_fd_size) {
      body_file_ = make_body_file(message.body());
      if (!body_file_) {
        *status = errno == ENOMEM
                      ? IoStatus::NoMemory
                      : send_failed(message, DBUS_ERROR_LIMITS_EXCEEDED, strerror(errno));
        return false;
      }
    }
    GenlEncoder::Result result = encoder_.encode(message, body_file_.get());
    if (result == GenlEncoder::Result::NoMemory) {
      *status = IoStatus::NoMemory;
      return false;
    }
    if (result == GenlEncoder::Result::Ok && encoder_.attributes_size() <= peer_.max_message_size) {
      return true;
    }
    if (as_file || size == 0) break;
    as_file = true;
  }
  *status =
      send_failed(message, DBUS_ERROR_LIMITS_EXCEEDED, "The message is too large for this bus");
  return false;
}

IoStatus GenlTransport::send_encoded(const DBusMessage& message) noexcept {
  calls_[message.serial() % calls_.size()] = expects_reply(message);
  monitor_ = monitor_ || becomes_monitor(message);
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
  // Here, and not in a refusal, ENOBUFS is a lack of memory for the request.
  if (code == ENOBUFS || code == ENOMEM) return IoStatus::NoMemory;
  if (code == EMSGSIZE) return send_failed(message, error_name_of_refusal(code), strerror(code));
  return IoStatus::Disconnected;
}

// This message cannot be carried. A caller must not hang for that: ours gets an error reply, and
// one that waits for this reply gets an error in its place. Ok, or NoMemory.
IoStatus GenlTransport::send_failed(const DBusMessage& message, const char* error_name,
                                    const char* text) noexcept {
  trace("genl: serial %u isn't sent: %s", message.serial(), text);
  if (expects_reply(message)) return answer_locally(message.serial(), error_name, text);
  if (is_reply(message) && message.destination()) {
    return send_quietly(make_error(message.serial(), message.reply_serial(), nullptr,
                                   message.destination(), error_name, text));
  }
  return IoStatus::Ok;
}

// An error made here, which is null without memory, to another peer; takes its reference. Not
// send_encoded(): its serial isn't one of ours.
IoStatus GenlTransport::send_quietly(DBusMessage* error) noexcept {
  if (!error) return IoStatus::NoMemory;
  const GenlEncoder::Result encoded = encoder_.encode(*error);
  if (encoded == GenlEncoder::Result::Ok) {
    msghdr header{};
    header.msg_iov = encoder_.parts().data();
    header.msg_iovlen = encoder_.parts().size();
    (void)::sendmsg(socket_.fd(), &header, MSG_NOSIGNAL);
  }
  error->unref();
  return encoded == GenlEncoder::Result::NoMemory ? IoStatus::NoMemory : IoStatus::Ok;
}

IoStatus GenlTransport::answer_locally(uint32_t serial, const char* error_name,
                                       const char* text) noexcept {
  DBusMessage* reply = make_error(1, serial, DBUS_SERVICE_DBUS, nullptr, error_name, text);
  if (!reply) return IoStatus::NoMemory;
  if (local_.push_back(reply)) return IoStatus::Ok;
  reply->unref();
  return IoStatus::NoMemory;
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
    case DBUS_GENL_CMD_MESSAGE:
      return take_message(header, out);
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

IoStatus GenlTransport::take_message(nlmsghdr* header, MessageList& out) noexcept {
  if (!out.reserve_more(1)) return IoStatus::NoMemory;
  GenlMessageId id;
  if (!read_message_id(header, &id)) {
    trace("genl: ignored a malformed message from the kernel");
    return IoStatus::Ok;
  }
  if (id.has_files() && !claimed_) {
    IoStatus status = claim(id);
    if (status != IoStatus::Ok || !claimed_) return status;
  }
  const char* why;
  DBusMessage* message =
      decode_message(header, id, files_, static_cast<std::size_t>(max_message_size()), &why);
  if (!message && !why) return IoStatus::NoMemory;
  IoStatus status = IoStatus::Ok;
  if (message) {
    (void)out.push_back(message);
  } else if (id.body_file) {
    status = lose(id, DBUS_ERROR_INCONSISTENT_MESSAGE, why);
  } else {
    trace("genl: ignored a malformed message from the kernel: %s", why);
  }
  // Otherwise all of this is done once more.
  if (status == IoStatus::Ok) {
    claimed_ = false;
    files_ = {};
  }
  return status;
}

// The kernel installs a message's files when it is asked to, in this process, and puts its answer
// in front of all that is in the socket. Without claimed_ after Ok the message is lost.
IoStatus GenlTransport::claim(const GenlMessageId& id) noexcept {
  try {
    files_.fds.reserve(id.fds);
  } catch (const std::bad_alloc&) {
    return IoStatus::NoMemory;
  }
  struct {
    nlmsghdr netlink;
    genlmsghdr generic;
    nlattr sender_attribute;
    uint32_t sender[2];  // not aligned as a uint64_t is
    nlattr serial_attribute;
    uint32_t serial;
  } request = {{sizeof request, socket_.family(), NLM_F_REQUEST, kNoSerial, 0},
               {DBUS_GENL_CMD_FD_CLAIM, DBUS_GENL_VERSION, 0},
               {NLA_HDRLEN + sizeof id.sender, DBUS_GENL_MSG_A_SENDER},
               {},
               {NLA_HDRLEN + sizeof id.serial, DBUS_GENL_MSG_A_SERIAL},
               id.serial};
  std::memcpy(request.sender, &id.sender, sizeof id.sender);
  if (::send(socket_.fd(), &request, sizeof request, MSG_NOSIGNAL) < 0) {
    trace("genl: cannot claim: %s", strerror(errno));
    return IoStatus::NoMemory;
  }
  int error = ENOTCONN;
  const bool answered = await_claim(id, &error);
  claimed_ = answered && error == 0;
  if (claimed_) return IoStatus::Ok;

  trace("genl: the files of serial %u can't be claimed: %s", id.serial, strerror(error));
  files_ = {};
  if (answered && (error == EMFILE || error == ENFILE || error == ENOMEM)) {
    // The kernel still has them. Out of descriptors, libdbus loses the connection when it gets
    // some; but over a socket a body alone would have needed none.
    if (id.fds == 0 || error == ENOMEM) return IoStatus::NoMemory;
    gone_ = true;
    return IoStatus::Ok;
  }
  return lose(id, DBUS_ERROR_FAILED, "its file descriptors are no longer there");
}

// False: what comes next in the socket is something else, which stays there: the claim was refused
// with a netlink error, as it is when the bus is gone.
bool GenlTransport::await_claim(const GenlMessageId& id, int* error) noexcept {
  alignas(nlmsghdr) char buffer[1024];
  const int64_t deadline = monotonic_ms() + kClaimAnswerTimeoutMs;
  while (true) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    ssize_t n = ::recvfrom(socket_.fd(), buffer, sizeof buffer, MSG_DONTWAIT | MSG_PEEK,
                           reinterpret_cast<sockaddr*>(&from), &from_size);
    if (n < 0 && errno == EAGAIN) {
      // It is there when send() returns; this is for a bus that isn't the kernel's.
      const int64_t left = deadline - monotonic_ms();
      if (left <= 0) return false;
      pollfd wait = {socket_.fd(), POLLIN, 0};
      (void)::poll(&wait, 1, static_cast<int>(left));
      continue;
    }
    if (n < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
    auto* header = reinterpret_cast<nlmsghdr*>(buffer);
    if (n < 0 || (from_size == sizeof from && from.nl_pid != 0) ||
        !nlmsg_ok(header, static_cast<int>(n)) || header->nlmsg_type != socket_.family() ||
        !genlmsg_valid_hdr(header, 0) || !read_claim(header, id, &files_, error)) {
      return false;
    }
    (void)::recv(socket_.fd(), buffer, sizeof buffer, MSG_DONTWAIT);
    return true;
  }
}

// A message came and can't be handed over. Who called doesn't wait for ever, nor do we if it was
// the reply to a call of ours. Ok, or NoMemory.
IoStatus GenlTransport::lose(const GenlMessageId& id, const char* error_name,
                             const char* why) noexcept {
  char buffer[24] = {};  // so that the name has a zero behind it
  std::string_view sender = sender_name(id.sender, buffer);
  trace("genl: serial %u of %.*s is lost: %s", id.serial, static_cast<int>(sender.size()),
        sender.data(), why);
  if (monitor_) return IoStatus::Ok;
  if (id.type == DBUS_MESSAGE_TYPE_METHOD_RETURN || id.type == DBUS_MESSAGE_TYPE_ERROR) {
    return answer_locally(id.reply_serial, error_name, why);
  }
  if (id.type == DBUS_MESSAGE_TYPE_METHOD_CALL &&
      !(id.flags & DBUS_HEADER_FLAG_NO_REPLY_EXPECTED)) {
    return send_quietly(make_error(id.serial, id.serial, nullptr, sender.data(), error_name, why));
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
  } else if (ack.seq == kNoSerial) {
    // Perhaps of a claim; one PULL too many does no harm.
    pull_due_ = true;
  } else if (calls_[ack.seq % calls_.size()]) {
    return answer_locally(ack.seq, name, text);
  }
  return IoStatus::Ok;
}

// A doorbell that isn't answered would silence the bus for good, so that a lack of memory here only
// puts it off.
void GenlTransport::pull() noexcept {
  struct {
    nlmsghdr netlink;
    genlmsghdr generic;
  } request = {{sizeof request, socket_.family(), NLM_F_REQUEST, kNoSerial, 0},
               {DBUS_GENL_CMD_PULL, DBUS_GENL_VERSION, 0}};
  pull_due_ = ::send(socket_.fd(), &request, sizeof request, MSG_NOSIGNAL) < 0;
  if (pull_due_) trace("genl: cannot pull: %s", strerror(errno));
}

}  // namespace dg
