// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * monitor_files.cpp - monitors and the files of the messages that they see
 *
 * One claims all that it sees, another reads and claims nothing: it misses what
 * is over 512 files or 256 MiB of bodies, and neither the others nor the sender
 * notice.
 */
#include <unistd.h>

#include <cstring>

#include "../../../kmod/limits.h"
#include "files.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr const char* BUS = "monitor-files";
constexpr unsigned FDS = DG_MESSAGE_FDS_MAX;
constexpr uint64_t FILES_MAX = 512, BODIES_MAX = 256u << 20;
constexpr off_t BODY = 64 << 20;

uint64_t dropped() { return stats()[DBUS_GENL_STATS_A_DROPPED]; }

class Monitors {
 public:
  explicit Monitors(Tap& tap) : tap_(tap) {
    bus_.create(BUS);
    for (Peer* p : {&sends_, &gets_, &lazy_, &claims_, &plain_}) {
      p->takes_fds = p != &plain_;
      if (p->join(BUS).empty()) tap.bail("can't join");
    }
    for (Peer* p : {&lazy_, &claims_, &plain_}) {
      Message m = driver_call("BecomeMonitor", Args().as({"interface='i.I'"}).u(0));
      m.interface = "org.freedesktop.DBus.Monitoring";
      auto reply = p->call(m);
      tap.ok(reply && reply->type == RETURN, "a monitor");
    }
    // What it loses.
    for (Peer* p : {&lazy_, &claims_, &plain_})
      while (p->receive(100)) {
      }
  }
  void files();
  void bodies();
  void end();

 private:
  // What one of them got of the message that was sent last, and claimed if it shall.
  bool has(Peer& p, const std::string& member, bool claim, size_t fds, bool body) {
    auto m = p.receive(200);
    if (!m || m->member != member || m->fds.size() != fds || (m->body_fd != -1) != body)
      return false;
    last_ = *m;
    if (!claim) return true;
    Claim c = p.claim(*m);
    const bool whole = !c.error && c.fds.size() == fds && (c.body_fd >= 0) == body;
    c.close();
    return whole;
  }
  // Sends it, and to how many of `gets_`, `claims_`, `lazy_` it came.
  void send(Message m, size_t fds, bool body) {
    const std::string member = m.member;
    if (sends_.send(m)) tap_.bail("SEND: %s", sends_.last_extack.c_str());
    got_ += has(gets_, member, true, fds, body);
    claimed_ += has(claims_, member, true, fds, body);
    if (has(lazy_, member, false, fds, body)) seen_.push_back(last_);
    others_ += plain_.receive(0).has_value();
    ++sent_;
  }
  void start() {
    sent_ = got_ = claimed_ = others_ = 0;
    seen_.clear();
    lost_ = dropped();
  }

  Tap& tap_;
  Bus bus_;
  Peer sends_, gets_, lazy_, claims_, plain_;
  unsigned sent_ = 0, got_ = 0, claimed_ = 0, others_ = 0;
  std::vector<Message> seen_;
  Message last_;
  uint64_t lost_ = 0;
};

void Monitors::files() {
  const int fd = open("/etc/passwd", O_RDONLY);
  const std::vector<int> fds(FDS, fd);
  start();
  for (unsigned i = 0; i < FILES_MAX / FDS + 3; ++i)
    send(to(gets_, fds, "Files" + std::to_string(i)), FDS, false);
  tap_.ok(got_ == sent_, "the receiver gets all of %u messages with %u fds: %u", sent_, FDS, got_);
  tap_.ok(claimed_ == sent_, "and so does a monitor that claims: %u", claimed_);
  tap_.ok(seen_.size() == FILES_MAX / FDS, "one that doesn't sees %zu of them", seen_.size());
  tap_.ok(dropped() - lost_ == sent_ - seen_.size(), "what it misses is counted: %llu",
          static_cast<unsigned long long>(dropped() - lost_));
  tap_.ok(unclaimed() == FILES_MAX, "%llu files wait",
          static_cast<unsigned long long>(unclaimed()));
  tap_.ok(!others_, "one that takes no fds sees none of these");

  Message without = call(gets_.name(), "/o", "i.I", "Without");
  without.flags = NO_REPLY;
  const size_t before = seen_.size();
  send(without, 0, false);
  tap_.ok(seen_.size() == before + 1 && others_ == 1, "what has no files is still seen");

  Claim c = lazy_.claim(seen_.front());
  tap_.ok(!c.error && c.fds.size() == FDS, "the oldest can be claimed (errno %d)", c.error);
  c.close();
  send(to(gets_, fds, "Again"), FDS, false);
  tap_.ok(seen_.size() == before + 2, "and then it sees one more");
  for (Message& m : seen_) lazy_.claim(m).close();
  tap_.ok(unclaimed() == 0, "all claimed: %llu wait", static_cast<unsigned long long>(unclaimed()));
  close(fd);
}

void Monitors::bodies() {
  const int fd = sparse(BODY);
  const uint32_t length = BODY - sizeof length;
  if (fd < 0 || pwrite(fd, &length, sizeof length, 0) != sizeof length ||
      fcntl(fd, F_ADD_SEALS, SEALS))
    tap_.bail("memfd");
  start();
  for (unsigned i = 0; i < BODIES_MAX / BODY + 2; ++i)
    send(with_body(call(gets_.name(), "/o", "i.I", "Body" + std::to_string(i)), "ay", fd), 0, true);
  tap_.ok(got_ == sent_ && claimed_ == sent_,
          "bodies of 64 MiB: the receiver (%u) and who claims (%u) get all %u", got_, claimed_,
          sent_);
  tap_.ok(seen_.size() == BODIES_MAX / BODY, "who doesn't sees %zu, 256 MiB", seen_.size());
  tap_.ok(dropped() - lost_ == sent_ - seen_.size(), "the rest is counted: %llu",
          static_cast<unsigned long long>(dropped() - lost_));
  tap_.ok(!others_, "one that takes no fds sees none of these");
  close(fd);
}

void Monitors::end() {
  tap_.ok(unclaimed() > 0, "with files that wait");
  lazy_.sock.close();
  tap_.ok(comes_true([] { return unclaimed() == 0; }), "a monitor goes, and they with it");
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  {
    Monitors test(tap);
    test.files();
    test.bodies();
    test.end();
  }
  nothing_left(tap, before);
  return tap.finish();
}
