// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * stopped_receiver.cpp - a receiver is SIGSTOPped while 50,000 messages come
 *
 * stopped_receiver [MESSAGES]
 *
 * Its user sends it broadcast signals, signals to it alone, calls that want a
 * reply and calls that don't, each with a number.  What waits for it must stay
 * within kmod/limits.h; each message that is for it alone must be accepted or
 * answered with LimitsExceeded; all others must be served as if nothing were;
 * and after SIGCONT it must read exactly what was accepted, in order.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>

#include "../../../kmod/limits.h"
#include "peer.h"
#include "settle.h"
#include "tap.h"

using namespace dg::test;

namespace {

// One user for all: until POLICY_SET exists a bus admits no other.
constexpr uint32_t USER = 20001;
constexpr const char* BUS = "stopped";
constexpr size_t PAYLOAD = 1000;
enum Kind { BROADCAST, CALL_NO_REPLY, TO_ONE, CALL_WITH_REPLY, KINDS };

struct Shared {
  std::atomic<uint32_t> reader_got;    // signals that the reading subscriber has
  std::atomic<uint32_t> reader_wrong;  // out of order
  std::atomic<uint32_t> n;             // of seqs
  std::atomic<uint32_t> ready;
  std::atomic<uint32_t> strays;
  uint32_t seqs[200000];  // what the stopped one received, in order
};

void become(uint32_t uid) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (setgid(uid) || setuid(uid)) _exit(3);
}

// The one that will be stopped: notes each number, answers calls, ends at "Finish".
[[noreturn]] void receiver(Shared* shared) {
  become(USER);
  Peer peer;
  if (peer.join(BUS).empty() || peer.ask("RequestName", Args().s("stopped.R").u(0)) != "u1" ||
      !peer.ask("AddMatch", Args().s("interface='stopped.S'")).empty())
    _exit(4);
  ++shared->ready;
  while (auto m = peer.receive(-1)) {
    if (m->member == "Finish") _exit(0);
    if (m->interface == "stopped.S") {
      uint32_t i = shared->n++;
      if (i < sizeof shared->seqs / sizeof *shared->seqs) shared->seqs[i] = m->u32_arg();
    } else if (m->member != "NameAcquired") {
      ++shared->strays;
    }
    if (m->type == CALL && !(m->flags & NO_REPLY)) {
      Message reply = reply_to(*m, Args().u(m->u32_arg()));
      peer.send(reply, false);
    }
  }
  _exit(5);
}

// A subscriber of the same signals that reads.
[[noreturn]] void reader(Shared* shared) {
  become(USER);
  Peer peer;
  if (peer.join(BUS).empty() ||
      !peer.ask("AddMatch", Args().s("interface='stopped.S',type='signal'")).empty())
    _exit(4);
  ++shared->ready;
  uint32_t expected = 0;
  while (auto m = peer.receive(-1)) {
    if (m->type != SIGNAL || m->interface != "stopped.S") continue;
    if (m->u32_arg() != expected) ++shared->reader_wrong;
    expected = m->u32_arg() + KINDS;
    ++shared->reader_got;
  }
  _exit(5);
}

// A service of a third party, to show that calls go on being answered.
[[noreturn]] void echo(Shared* shared) {
  become(USER);
  Peer peer;
  if (peer.join(BUS).empty() || peer.ask("RequestName", Args().s("stopped.Echo").u(0)) != "u1")
    _exit(4);
  ++shared->ready;
  while (auto m = peer.receive(-1))
    if (m->type == CALL) {
      Message reply = reply_to(*m, Args().s(m->string_arg()));
      peer.send(reply, false);
    }
  _exit(5);
}

template <class F, class... A>
pid_t spawn(Shared* shared, F f, A... args) {
  uint32_t ready = shared->ready;
  pid_t pid = fork();
  if (!pid) f(shared, args...);
  return comes_true([&] { return shared->ready > ready; }) ? pid : -1;
}

uint64_t available_memory() {
  uint64_t kib = 0;
  if (FILE* f = std::fopen("/proc/meminfo", "r")) {
    char line[128];
    while (std::fgets(line, sizeof line, f))
      if (std::sscanf(line, "MemAvailable: %lu", &kib) == 1) break;
    std::fclose(f);
  }
  return kib * 1024;
}

// One that calls the driver and doesn't read what it answers may not go on for ever.
void unread_driver(Tap& tap) {
  Bus bus;
  Peer deaf;
  deaf.auto_pull = false;
  if (bus.create("unread").error || deaf.join("unread").empty()) tap.bail("can't join");
  Message ask = call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                     "org.freedesktop.DBus.Introspectable", "Introspect");
  constexpr unsigned CALLS = 3000;
  for (unsigned i = 0; i < CALLS; ++i) {
    Message m = ask;
    deaf.send(m, false);
  }
  const auto queued = static_cast<long long>(stats()[DBUS_GENL_STATS_A_QUEUED_BYTES]);
  deaf.auto_pull = true;
  unsigned answered = 0;
  while (deaf.receive(3000)) ++answered;
  bool refused = !deaf.send_errors.empty();
  for (auto& [serial, error] : deaf.send_errors) refused = refused && error == -ENOBUFS;
  tap.ok(refused && answered > 100 && answered < CALLS,
         "who reads none of the driver's answers may not go on: %u of %u calls, then ENOBUFS",
         answered, CALLS);
  tap.ok(queued > DG_QUEUE_DRIVER_BYTES_MAX / 2 && queued < DG_QUEUE_DRIVER_BYTES_MAX + (1 << 20),
         "the answers that wait are within limits.h: %lld bytes", queued);
  tap.ok(deaf.ask("GetId").size() > 30, "when it has read it may send");
}

// PULL without end, and nothing is read: there is no room for more and more doorbells.
void unread_pulls(Tap& tap) {
  Bus bus;
  Peer deaf, other;
  deaf.auto_pull = false;
  if (bus.create("pulls").error || deaf.join("pulls").empty() || other.join("pulls").empty())
    tap.bail("can't join");
  int small = 4096;
  setsockopt(deaf.sock.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  constexpr unsigned MESSAGES = 40;
  for (unsigned i = 0; i < MESSAGES; ++i) {
    Message m = call(deaf.name(), "/o", "j.J", "M", Args().s(std::string(1000, 'x')));
    m.flags = NO_REPLY;
    other.send(m);
  }
  for (unsigned i = 0; i < 1000; ++i)
    deaf.sock.send(DBUS_GENL_CMD_PULL, Attrs(), 0, deaf.sock.next_seq());
  const unsigned unread = deaf.sock.discard();
  tap.ok(unread < 100, "a thousand PULLs that are not read leave %u packets", unread);
  deaf.auto_pull = true;
  deaf.sock.send(DBUS_GENL_CMD_PULL, Attrs(), 0, deaf.sock.next_seq());
  unsigned late = 0;
  while (deaf.receive(1000)) ++late;
  tap.ok(late > 0 && late <= MESSAGES, "and the rest comes when there is room: %u", late);
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t messages = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 50000;
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  auto* shared = static_cast<Shared*>(
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::memset(shared->seqs, 0xff, sizeof shared->seqs);  // so that its pages aren't counted below
  const Stats at_first = stats();
  Bus bus;
  Answer created;
  {
    Become user(USER);
    created = bus.create(BUS);
  }
  if (created.error) tap.bail("BUS_CREATE: errno %d %s", -created.error, created.extack.c_str());

  pid_t receiver_pid = spawn(shared, receiver);
  pid_t reader_pid = spawn(shared, reader);
  pid_t echo_pid = spawn(shared, echo);
  if (receiver_pid < 0 || reader_pid < 0 || echo_pid < 0) tap.bail("a client could not join");

  // The sender, and a third party.
  Peer sender, other;
  {
    Become user(USER);
    if (sender.join(BUS).empty() || other.join(BUS).empty()) tap.bail("the sender can't join");
  }

  kill(receiver_pid, SIGSTOP);
  int status = 0;
  waitpid(receiver_pid, &status, WUNTRACED);
  if (!WIFSTOPPED(status)) tap.bail("the receiver didn't stop");

  const Stats before = stats();
  const uint64_t memory_before = available_memory();
  uint64_t most_queued = 0, least_memory = memory_before;
  std::vector<Kind> kind(messages);
  std::map<uint32_t, uint32_t> number_of_serial;
  std::set<uint32_t> refused;
  std::set<uint32_t> replied;
  uint32_t other_errors = 0, served = 0, unserved = 0, slowest = 0, wrong_replies = 0;
  std::string odd;
  const std::string payload(PAYLOAD, 'p');

  auto take = [&](int timeout_ms) {
    bool any = false;
    while (auto m = sender.receive(any ? 0 : timeout_ms)) {
      any = true;
      auto it = number_of_serial.find(m->reply_serial);
      if (it == number_of_serial.end()) continue;
      if (m->type == ERROR && m->error_name == "org.freedesktop.DBus.Error.LimitsExceeded") {
        refused.insert(it->second);
      } else if (m->type == RETURN) {
        if (m->u32_arg() != it->second || !replied.insert(it->second).second) ++wrong_replies;
      } else {
        ++other_errors;
        odd = m->error_name + ": " + m->string_arg();
      }
    }
    return any;
  };
  uint32_t broadcasts = 0;
  const int64_t start = now_ms();
  for (uint32_t i = 0; i < messages; ++i) {
    kind[i] = static_cast<Kind>(i % KINDS);
    Message m = call("stopped.R", "/s", "stopped.S", "M", Args().u(i).s(payload));
    if (kind[i] == BROADCAST) {
      m = signal("/s", "stopped.S", "M", Args().u(i).s(payload));
      ++broadcasts;
      // So that the one that reads is never itself over quota.
      while (broadcasts - shared->reader_got > 500) usleep(1000);
    } else if (kind[i] == TO_ONE) {
      m.type = SIGNAL;
    } else if (kind[i] == CALL_NO_REPLY) {
      m.flags = NO_REPLY;
    }
    if (int error = sender.send(m, false)) {
      ++other_errors;
      odd = "sendmsg gave errno " + std::to_string(-error);
    }
    number_of_serial[m.serial] = i;
    if (i % 16 == 15) take(0);
    if (i % 500 == 499) {
      Stats s = stats();
      most_queued = std::max(most_queued, s[DBUS_GENL_STATS_A_QUEUED_BYTES]);
      least_memory = std::min(least_memory, available_memory());
      // Everyone else: a call to a third party, one to the driver.
      int64_t asked = now_ms();
      auto answer =
          other.call(call("stopped.Echo", "/e", "stopped.E", "Echo", Args().s("hello")), 20000);
      bool fine = answer && answer->type == RETURN && answer->string_arg() == "hello" &&
                  other.ask("NameHasOwner", Args().s("stopped.R")) == "true";
      slowest = std::max(slowest, static_cast<uint32_t>(now_ms() - asked));
      ++(fine ? served : unserved);
    }
    if (i % 10000 == 9999)
      tap.note("%u sent in %lld ms, %zu refused, %llu bytes queued", i + 1,
               static_cast<long long>(now_ms() - start), refused.size(),
               static_cast<unsigned long long>(most_queued));
  }
  // All errors have been sent when the answer to this comes.
  sender.ask("GetId");
  take(0);
  const Stats full = stats();
  auto delta = [&](const Stats& a, const Stats& b, uint16_t attr) {
    return b.at(attr) - a.at(attr);
  };
  const uint64_t dropped = delta(before, full, DBUS_GENL_STATS_A_DROPPED);

  tap.note(
      "%zu of %u refused, %llu signals dropped, most queued %llu bytes, slowest answer to others "
      "%u ms",
      refused.size(), messages, static_cast<unsigned long long>(dropped),
      static_cast<unsigned long long>(most_queued), slowest);
  tap.ok(other_errors == 0 && sender.send_errors.empty(),
         "the sender gets LimitsExceeded and no other error (%u, %zu errno; %s)", other_errors,
         sender.send_errors.size(), odd.c_str());
  tap.ok(!refused.empty(), "the sender gets LimitsExceeded for what is over the quota");
  size_t refused_broadcasts = static_cast<size_t>(std::count_if(
      refused.begin(), refused.end(), [&](uint32_t i) { return kind[i] == BROADCAST; }));
  tap.ok(refused_broadcasts == 0 && dropped > 0,
         "a broadcast is not answered with an error, but lost for this receiver, and counted");
  // The driver's share is its own; it is small here.
  const uint64_t bound = DG_QUEUE_BYTES_MAX + DG_QUEUE_DRIVER_BYTES_MAX + 1024 * 1024;
  tap.ok(most_queued <= bound && full.at(DBUS_GENL_STATS_A_QUEUED_BYTES) > DG_QUEUE_BYTES_MAX / 2,
         "what waits stays within limits.h: at most %llu bytes of %d",
         static_cast<unsigned long long>(most_queued), DG_QUEUE_BYTES_MAX);
  tap.ok(memory_before - least_memory < 3 * bound, "and so does memory: %lld MiB less is available",
         static_cast<long long>(memory_before - least_memory) / 1024 / 1024);
  tap.ok(unserved == 0 && served == messages / 500,
         "everyone else is served: %u of %u calls answered, the slowest in %u ms", served,
         served + unserved, slowest);
  comes_true([&] { return shared->reader_got >= broadcasts; }, 60000);
  tap.ok(shared->reader_got == broadcasts && shared->reader_wrong == 0,
         "the subscriber that reads got all %u signals in order (%u, %u out of order)", broadcasts,
         shared->reader_got.load(), shared->reader_wrong.load());

  kill(receiver_pid, SIGCONT);
  Message finish = call("stopped.R", "/s", "stopped.R", "Finish");
  finish.flags = NO_REPLY;
  // The queue is full: it must drain before the last message is accepted.
  bool finished = false;
  for (int64_t end = now_ms() + 600000; !finished && now_ms() < end;) {
    if (!take(50) && stats()[DBUS_GENL_STATS_A_QUEUED_MESSAGES] == 0) {
      other.send(finish);
      finished = true;
    }
  }
  tap.ok(finished, "after SIGCONT the queue drains");
  waitpid(receiver_pid, &status, 0);
  tap.ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
         "the receiver reads up to the last message (status %d)", status);
  while (take(200)) {
  }

  // Exactly what was accepted, in order.
  const uint32_t got = shared->n;
  uint32_t disorder = 0, unaccepted = 0, got_broadcasts = 0;
  std::set<uint32_t> seen;
  for (uint32_t i = 0; i < got; ++i) {
    uint32_t seq = shared->seqs[i];
    if (i && seq <= shared->seqs[i - 1]) ++disorder;
    if (seq >= messages || refused.count(seq))
      ++unaccepted;
    else if (kind[seq] == BROADCAST)
      ++got_broadcasts;
    seen.insert(seq);
  }
  uint32_t lost = 0, unanswered = 0, accepted = 0;
  for (uint32_t i = 0; i < messages; ++i) {
    if (refused.count(i) || kind[i] == BROADCAST) continue;
    ++accepted;
    lost += !seen.count(i);
    unanswered += kind[i] == CALL_WITH_REPLY && !replied.count(i);
  }
  tap.ok(disorder == 0, "it read %u messages in order (%u out of it)", got, disorder);
  tap.ok(lost == 0, "each of the %u accepted for it alone (%u lost)", accepted, lost);
  tap.ok(unaccepted == 0 && shared->strays == 0,
         "and nothing that was refused, or not meant for it (%u, %u)", unaccepted,
         shared->strays.load());
  tap.ok(got_broadcasts + dropped == broadcasts,
         "signals received (%u) and counted as dropped (%llu) are those sent (%u)", got_broadcasts,
         static_cast<unsigned long long>(dropped), broadcasts);
  tap.ok(unanswered == 0 && wrong_replies == 0,
         "each accepted call got its reply, once (%u not, %u wrong)", unanswered, wrong_replies);

  // Room again for everybody.
  pid_t again = spawn(shared, receiver);
  auto reply = sender.call(call("stopped.R", "/s", "stopped.S", "M", Args().u(1).s("x")));
  tap.ok(reply && reply->type == RETURN, "the sender is served again");

  for (pid_t pid : {again, reader_pid, echo_pid}) {
    if (pid < 0) continue;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  sender.sock.close();
  other.sock.close();
  bus.close();
  unread_driver(tap);
  unread_pulls(tap);
  nothing_left(tap, at_first, 5000);
  return tap.finish();
}
