// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * peer.h - a peer of a bus in the kernel, on the raw client of netlink.h
 */
#pragma once

#include <optional>
#include <string>

#include "body.h"
#include "netlink.h"

namespace dg::test {

enum : uint8_t { CALL = 1, RETURN = 2, ERROR = 3, SIGNAL = 4 };
enum : uint8_t { NO_REPLY = 1 };

// A D-Bus message; "" and 0 are absent fields.
struct Message {
  uint8_t type = CALL;
  uint8_t flags = 0;
  uint32_t serial = 0;
  uint32_t reply_serial = 0;
  std::string path, interface, member, error_name, destination, signature;
  Bytes body;
  uint64_t sender = 0;   // received ones only; 0 is the driver
  std::vector<int> fds;  // in received ones they are the sender's
  int body_fd = -1;      // likewise; in place of body

  Message& with(const Args& args) {
    signature = args.signature();
    body = args.body();
    return *this;
  }
  std::string text() const { return body_text(signature, body.data(), body.size()); }
  // The first argument, if it is a string.
  std::string string_arg() const;
  uint32_t u32_arg() const;  // the first argument, if it is of 4 bytes
};

Message call(std::string_view destination, std::string_view path, std::string_view interface,
             std::string_view member, const Args& args = Args());
Message driver_call(std::string_view member, const Args& args = Args());
Message signal(std::string_view path, std::string_view interface, std::string_view member,
               const Args& args = Args());
Message reply_to(const Message& call, const Args& args = Args());

Attrs send_attrs(const Message& m);
Message parse_message(const Packet& p);
std::string unique_name(uint64_t id);

// What FD_CLAIM brought.
struct Claim {
  bool answered = false;  // and that was the next in the socket
  int error = 0;          // MSG_A_ERRNO, or of the netlink error in its place, positive
  std::vector<int> fds;   // to be closed by who asked
  int body_fd = -1;
  void close();
};

class Peer {
 public:
  GenlSocket sock;
  uint64_t id = 0;            // after hello()
  bool disconnected = false;  // DISCONNECT came
  uint32_t reason = 0;
  unsigned doorbells = 0;
  bool auto_pull = true;
  bool takes_fds = false;    // what CONNECT will say
  std::optional<int> pidfd;  // likewise

  // CONNECT; opens the socket unless it is open.  uid: absent in the request if none.
  Answer connect(std::string_view bus, std::optional<uint32_t> uid = std::nullopt);
  // Both, and the NameAcquired that Hello brings is taken.  Empty on failure.
  std::string join(std::string_view bus, std::optional<uint32_t> uid = std::nullopt);
  std::string hello();
  std::string name() const { return unique_name(id); }

  // Gives the message its serial, sends it.  0 or -errno, that of the kernel's
  // answer if acked (extack then in last_extack).
  int send(Message& m, bool acked = true);
  std::string last_extack;

  // The next message; pulls at a doorbell, records errors of unacked sends.
  std::optional<Message> receive(int timeout_ms);
  // Sends and waits for the reply, keeping what else comes for receive().
  std::optional<Message> call(Message m, int timeout_ms = 30000);
  // Of the driver: the reply as one line: `name: text` of errors, else the body.
  std::string ask(std::string_view member, const Args& args = Args());

  Claim claim(uint64_t sender, uint32_t serial);
  Claim claim(const Message& m) { return claim(m.sender, m.serial); }

  std::deque<std::pair<uint32_t, int>> send_errors;  // serial, errno

 private:
  std::optional<Message> next_message(int timeout_ms);
  std::deque<Message> inbox_;
  uint32_t serial_ = 0;
  uint32_t awaited_ = 0;  // serial whose refusal ends call()
};

// A bus that lives as long as this does (unless persistent).
class Bus {
 public:
  Answer create(std::string_view name, uint32_t flags = 0);
  Answer destroy(std::string_view name, std::optional<uint32_t> uid = std::nullopt);
  void close() { sock.close(); }
  GenlSocket sock;
};

// While it lives, the process (of root) has this effective user and group, so that sockets
// opened in it, and what is done with them, are that user's.
class Become {
 public:
  explicit Become(uint32_t uid);
  ~Become();
  Become(const Become&) = delete;
  Become& operator=(const Become&) = delete;
};

// Milliseconds of the monotonic clock.
int64_t now_ms();

}  // namespace dg::test
