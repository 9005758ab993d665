// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * faults_walk.h - makes a request again and again, with its 1st, 2nd, … place that can fail in
 * the kernel failing: an allocation, or a copy from user space, netlink's or the module's
 */
#pragma once

#include <linux/netlink.h>

#include <functional>
#include <string>
#include <utility>

#include "faults.h"
#include "peer.h"
#include "settle.h"
#include "tap.h"

namespace dg::test {

inline constexpr char BUS[] = "faults";
inline constexpr int TIMEOUT_MS = 10000;

// What came of a request: an errno, 0 for success. LOST: it was sent, and the kernel's answer was
// what failed.
inline constexpr int LOST = -1;
// The driver took the call, and didn't answer: its caller would wait for ever.
inline constexpr int UNANSWERED = -2;
// It answered with an error.
inline constexpr int REFUSED = EREMOTEIO;

class Walk {
 public:
  Walk(Tap& tap) : tap_(tap) {}

  // The request fails at its nth place, for each n. `again` is what the caller makes of its
  // outcome: it tries once more, and says what is wrong, or "".
  void each(const char* name, const std::function<int()>& request,
            const std::function<std::string(int)>& again,
            const std::function<void()>& before = nullptr) {
    unsigned n = 1, refused = 0, lost = 0;
    std::string wrong;
    for (; n < 400 && wrong.empty(); ++n) {
      if (before) before();
      armed_ = n;
      bool failed = failed_ = false;
      const int outcome = request();
      std::swap(failed, failed_);
      refused += outcome > 0;
      lost += outcome == LOST;
      wrong = outcome == UNANSWERED ? "no reply of the driver" : again(outcome);
      if (wrong.empty() && !failed && outcome != 0)
        wrong = "refused without a failure: " + std::to_string(outcome);
      if (!failed) break;
    }
    tap_.ok(wrong.empty() && n > 1 && n < 400,
            "%s: %u places: %u refused, %u unanswered, %u got through%s%s", name, n - 1, refused,
            lost, n - 1 - refused - lost, wrong.empty() ? "" : ": ", wrong.c_str());
  }

  bool is_there() const { return nth_.is_there(); }

  // The system call in which the kernel does what is asked: of those that a request makes, it has
  // the failure.
  void perform(const std::function<void()>& f) {
    if (armed_)
      failed_ = nth_.run(std::exchange(armed_, 0), f);
    else
      f();
  }
  // Sends, and takes the answers that are there then.
  int request(GenlSocket& sock, uint8_t cmd, const Attrs& attrs) {
    const uint32_t seq = sock.next_seq();
    return exchange(sock, genl_bytes(cmd, attrs, NLM_F_ACK, seq), seq, true);
  }
  int send(Peer& p, Message m, uint32_t serial) {
    m.serial = serial;
    return exchange(p.sock, genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(m), NLM_F_ACK, serial),
                    serial, m.destination != "org.freedesktop.DBus");
  }

 private:
  int exchange(GenlSocket& sock, const Bytes& bytes, uint32_t seq, bool replied) {
    int error = 0;
    perform([&] { error = sock.send_bytes(bytes); });
    if (error) return -error;
    int outcome = LOST;
    bool refused = false;
    while (auto p = sock.receive_raw()) {
      if (p->is_error()) {
        if (p->seq == seq) outcome = -p->error;
        continue;
      }
      if (p->cmd != DBUS_GENL_CMD_MESSAGE || p->num(DBUS_GENL_MSG_A_REPLY_SERIAL) != seq) continue;
      replied = true;
      refused = p->num(DBUS_GENL_MSG_A_TYPE) == ERROR;
    }
    if (refused) return REFUSED;
    return outcome == 0 && !replied ? UNANSWERED : outcome;
  }

  Tap& tap_;
  FailNth nth_;
  unsigned armed_ = 0;
  bool failed_ = false;
};

inline std::string unless(bool right, const std::string& what) { return right ? "" : what; }

// A peer of the bus of these tests with a queue of what came, whose requests are Walk's.
class Guest : public Peer {
 public:
  explicit Guest(Tap& tap, bool fds = false) {
    takes_fds = fds;
    if (join(BUS).empty()) tap.bail("can't join");
  }
  void drain() {
    while (receive(0)) continue;
    send_errors.clear();
  }
  // How many messages with this member came.
  int came(std::string_view member) {
    int n = 0;
    while (auto m = receive(0)) n += m->member == member;
    return n;
  }
};

// The whole of a test: `walks` on a bus that serves afterwards, and of which nothing is left.
inline int walk_on_a_bus(const std::function<void(Tap&, Walk&, Bus&)>& walks) {
  Tap tap;
  FaultInjection injection(tap);
  Walk walk(tap);
  if (!walk.is_there()) tap.bail("this kernel has no fail-nth");
  const Stats before = stats();
  {
    Bus bus;
    if (bus.create(BUS).error) tap.bail("can't make the bus");
    walks(tap, walk, bus);
    Peer last;
    tap.ok(!last.join(BUS).empty(), "the bus serves");
  }
  nothing_left(tap, before);
  return tap.finish();
}

}  // namespace dg::test
