// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * fds.cpp - files in messages, on the raw client: FDS and FD_CLAIM
 *
 * What a receiver gets must be the very file that was sent (device, inode and
 * content are compared); what nobody claims must go, and be charged meanwhile.
 */
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "../../../kmod/limits.h"
#include "files.h"
#include "pass_fds.h"
#include "tap.h"

using namespace dg::test;
using namespace std::string_literals;

namespace {

constexpr const char* BUS = "fds";
constexpr const char* TIMEOUT = "/sys/module/dbus_genl/parameters/pending_fd_timeout";
constexpr int MAX_FDS = DG_MESSAGE_FDS_MAX;

struct Timeout {
  explicit Timeout(int ms) {
    std::getline(std::ifstream(TIMEOUT), before);
    std::ofstream(TIMEOUT) << ms;
  }
  ~Timeout() { std::ofstream(TIMEOUT) << before; }
  std::string before;
};

// One of what PEER_GET tells of a peer.
uint64_t counter(const Peer& of, uint16_t which, const char* bus = BUS) {
  GenlSocket s;
  s.open();
  const Attrs attrs = Attrs().str(DBUS_GENL_BUS_A_NAME, bus);
  for (auto& p : s.request(DBUS_GENL_CMD_PEER_GET, attrs, NLM_F_DUMP).packets)
    if (p.num(DBUS_GENL_PEER_A_ID) == of.id) return p.num(which);
  return ~uint64_t{0};
}

class Fds {
 public:
  explicit Fds(Tap& tap) : tap_(tap) {}
  void run();

 private:
  void types();
  void counts();
  void broadcast();
  void no_flag();
  void bad();
  void claims();
  void scarce();
  void rights();
  void deaths();
  void expiry();
  void quota();
  void overflow();
  void bus_gone();
  void nothing_waits(const char* after) {
    tap_.ok(comes_true([] { return unclaimed() == 0; }), "after %s nothing waits (%llu)", after,
            static_cast<unsigned long long>(unclaimed()));
  }
  // Receives the next message, claims its files.
  Claim take(Peer& p, const char* what, size_t n);
  void join(Peer& p, bool takes_fds = true) {
    p.takes_fds = takes_fds;
    if (p.join(BUS).empty()) tap_.bail("can't join");
  }

  Tap& tap_;
  Bus bus_;
  Peer a_, b_, c_, plain_;
};

Claim Fds::take(Peer& p, const char* what, size_t n) {
  auto m = p.receive(5000);
  if (!tap_.ok(m && m->fds.size() == n, "%s: MESSAGE says that it has %zu fds", what, n)) return {};
  Claim c = p.claim(*m);
  tap_.ok(c.answered && !c.error && c.fds.size() == n, "%s: FD_CLAIM gives them (errno %d)", what,
          c.error);
  return c;
}

void Fds::types() {
  int pipe_fds[2], pair[2];
  if (pipe(pipe_fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) tap_.bail("pipe");
  Bus other;
  other.create("fds-other");
  Peer elsewhere;
  elsewhere.takes_fds = true;
  elsewhere.join("fds-other");
  const std::vector<std::pair<const char*, int>> files = {
      {"regular file", open("/etc/passwd", O_RDONLY)},
      {"pipe", pipe_fds[0]},
      {"AF_UNIX socket", pair[0]},
      {"memfd", memfd("of a memfd", 0)},
      {"socket of another bus", elsewhere.sock.fd()},
      {"directory, O_PATH", open("/proc", O_PATH | O_DIRECTORY)},
      {"eventfd", eventfd(7, 0)},
  };
  std::vector<int> all;
  for (auto& [name, fd] : files) {
    all.push_back(fd);
    Message m = to(b_, {fd});
    int err = a_.send(m);
    Message behind = to(b_, {}, "Behind");
    a_.send(behind);
    Claim c = take(b_, name, 1);
    if (c.fds.size() != 1) continue;
    tap_.ok(!err && same_file(c.fds[0], fd) && fcntl(c.fds[0], F_GETFD) & FD_CLOEXEC,
            "%s: it is the file that was sent, close-on-exec", name);
    auto next = b_.receive(1000);
    tap_.ok(next && next->member == "Behind", "%s: what came behind it is next", name);
    c.close();
  }
  Message m = to(b_, all);
  a_.send(m);
  Claim c = take(b_, "all in one", all.size());
  if (c.fds.size() == all.size()) {
    bool same = true;
    for (size_t i = 0; i < all.size(); ++i) same = same && same_file(c.fds[i], all[i]);
    tap_.ok(same, "all in one: in their order");
    tap_.ok(write(pipe_fds[1], "through the pipe", 16) == 16 &&
                content(c.fds[1]) == "through the pipe" &&
                write(c.fds[2], "through the socket", 18) == 18 &&
                content(pair[1]) == "through the socket" &&
                (lseek(c.fds[3], 0, SEEK_SET), content(c.fds[3]) == "of a memfd"),
            "what goes in at one end comes out at the other");
    // The other bus's peer, used through the fd that was received.
    Peer borrowed;
    borrowed.sock = GenlSocket(dup(c.fds[4]));
    tap_.ok(borrowed.ask("GetNameOwner", Args().s(elsewhere.name())) == quoted(elsewhere.name()),
            "the other bus's peer can be used through its fd");
  }
  c.close();
  for (int fd : all)
    if (fd != elsewhere.sock.fd()) close(fd);
  close(pipe_fds[1]);
  close(pair[1]);
  nothing_waits("all types");
}

void Fds::counts() {
  int fd = open("/etc/passwd", O_RDONLY);
  Message m = to(b_, std::vector<int>(MAX_FDS, fd));
  tap_.ok(a_.send(m) == 0, "16 fds, one file in all places");
  tap_.ok(unclaimed() == MAX_FDS, "are counted (%llu)",
          static_cast<unsigned long long>(unclaimed()));
  Claim c = take(b_, "16", MAX_FDS);
  bool same = c.fds.size() == MAX_FDS;
  for (int f : c.fds) same = same && same_file(f, fd);
  tap_.ok(same, "16: each is it");
  c.close();
  m = to(b_, std::vector<int>(MAX_FDS + 1, fd));
  int err = a_.send(m);
  tap_.ok((err == -ERANGE || err == -EINVAL) && !a_.last_extack.empty(), "17 are refused: %s",
          a_.last_extack.c_str());
  m = to(b_, {fd});
  m.body[0] = 1;
  const int sent = a_.send(m);
  tap_.ok(sent == -EINVAL, "an 'h' that isn't below their number: %s", a_.last_extack.c_str());
  m = to(b_, {fd});
  m.signature.clear();
  m.body.clear();
  tap_.ok(a_.send(m) == 0, "fds that no 'h' means");
  c = take(b_, "fds that no 'h' means", 1);
  c.close();
  tap_.ok(!b_.receive(50), "nothing else came");
  close(fd);
  nothing_waits("counts");
}

void Fds::broadcast() {
  int fd = open("/etc/hostname", O_RDONLY);
  for (Peer* p : {&b_, &c_, &plain_}) p->ask("AddMatch", Args().s("interface='fds.S'"));
  Peer spy;
  join(spy);
  spy.ask("AddMatch", Args().s("eavesdrop='true',member='Seen'"));
  Message m = carrying(signal("/o", "fds.S", "S"), {fd, fd});
  tap_.ok(a_.send(m) == 0, "a broadcast with 2 fds");
  tap_.ok(unclaimed() == 2, "is charged once, not for each receiver (%llu)",
          static_cast<unsigned long long>(unclaimed()));
  Message after = signal("/o", "fds.S", "After");
  a_.send(after);
  for (Peer* p : {&b_, &c_}) {
    Claim c = take(*p, p == &b_ ? "receiver b" : "receiver c", 2);
    tap_.ok(c.fds.size() == 2 && same_file(c.fds[1], fd), "and the file is it");
    c.close();
    auto next = p->receive(1000);
    tap_.ok(next && next->member == "After", "then what came after it");
  }
  auto next = plain_.receive(1000);
  tap_.ok(next && next->member == "After", "who takes no fds misses it, and nothing else");
  Message one = to(b_, {fd}, "Seen");
  a_.send(one);
  Claim seen = take(spy, "an eavesdropper", 1), got = take(b_, "and the receiver", 1);
  tap_.ok(seen.fds.size() == 1 && same_file(seen.fds[0], fd) && got.fds.size() == 1 &&
              same_file(got.fds[0], fd),
          "both have the file");
  seen.close();
  got.close();
  for (Peer* p : {&b_, &c_, &plain_}) p->ask("RemoveMatch", Args().s("interface='fds.S'"));
  close(fd);
  nothing_waits("broadcasts");
}

void Fds::no_flag() {
  // What dbus-daemon 1.14 says, its missing space included.
  const std::string text =
      "Tried to send message with Unix file descriptorsto a client that doesn't support that.";
  int fd = open("/etc/hostname", O_RDONLY);
  Message m = to(plain_, {fd});
  m.flags = 0;
  auto reply = a_.call(m);
  tap_.ok(reply && reply->error_name == "org.freedesktop.DBus.Error.NotSupported" &&
              reply->string_arg() == text,
          "a call with an fd to who takes none: %s", reply ? reply->text().c_str() : "no reply");
  m = call(a_.name(), "/o", "i.I", "Give");
  plain_.send(m);
  auto asked = a_.receive(1000);
  Message answer = carrying(reply_to(*asked), {fd});
  a_.send(answer);
  auto refused = a_.receive(1000);
  auto told = plain_.receive(1000);
  tap_.ok(refused && refused->string_arg() == text && told && told->type == ERROR &&
              told->reply_serial == m.serial && told->string_arg() == text,
          "a reply with an fd to a caller who takes none: both are told");
  m = with_body(to(plain_, {}), "ay", memfd(u32_bytes(70000) + std::string(70000, 'b')));
  m.flags = 0;
  reply = a_.call(m);
  tap_.ok(reply && reply->error_name == "org.freedesktop.DBus.Error.LimitsExceeded",
          "a body by file to who takes none: %s", reply ? reply->text().c_str() : "no reply");
  close(m.body_fd);
  tap_.ok(!plain_.receive(50), "it got nothing of that");
  m = carrying(driver_call("GetId"), {fd});
  m.signature.clear();
  m.body.clear();
  reply = a_.call(m);
  tap_.ok(reply && reply->type == RETURN, "the driver takes fds and has no use for them");
  m = driver_call("GetNameOwner");
  m.signature = "s";
  m.body_fd = memfd(u32_bytes(3) + "a.b" + '\0');
  reply = a_.call(m);
  tap_.ok(reply && reply->error_name == "org.freedesktop.DBus.Error.LimitsExceeded",
          "but no body by file: %s", reply ? reply->text().c_str() : "no reply");
  close(m.body_fd);
  close(fd);
  nothing_waits("who takes none");
}

void Fds::bad() {
  int fd = open("/etc/hostname", O_RDONLY);
  for (int wrong : {-1, -100, 9999, 0x7fffffff}) {
    Message m = to(b_, {fd, wrong});
    int err = a_.send(m);
    tap_.ok(err == -EBADF, "fd %d: %s", wrong, a_.last_extack.c_str());
  }
  close(fd);
  Message m = to(b_, {fd});
  int sent = a_.send(m);
  tap_.ok(sent == -EBADF, "a closed fd: %s", a_.last_extack.c_str());
  m = with_body(to(b_, {}), "ay", 9999);
  sent = a_.send(m);
  tap_.ok(sent == -EBADF, "BODY_FD 9999: %s", a_.last_extack.c_str());
  tap_.ok(!b_.receive(50), "nothing came");
  nothing_waits("bad fds");
}

void Fds::claims() {
  int fd = open("/etc/hostname", O_RDONLY);
  Message m = to(b_, {fd});
  a_.send(m);
  auto got = b_.receive(1000);
  if (!got) tap_.bail("nothing came");
  Claim c = c_.claim(*got);
  tap_.ok(c.answered && c.error == ENOENT && c.fds.empty(), "another peer claims: ENOENT");
  GenlSocket stranger;
  stranger.open();
  Attrs attrs;
  attrs.u64(DBUS_GENL_MSG_A_SENDER, got->sender).u32(DBUS_GENL_MSG_A_SERIAL, got->serial);
  Answer refused = stranger.request(DBUS_GENL_CMD_FD_CLAIM, attrs);
  tap_.ok(refused.error == -ENOTCONN, "a socket that is no peer claims: %s",
          refused.extack.c_str());
  c = a_.claim(*got);
  tap_.ok(c.error == ENOENT, "its sender claims: ENOENT");
  c = b_.claim(got->sender, got->serial + 1);
  tap_.ok(c.answered && c.error == ENOENT, "another serial: ENOENT");
  c = b_.claim(got->sender + 1, got->serial);
  tap_.ok(c.answered && c.error == ENOENT, "another sender: ENOENT");
  int before = open_fds();
  c = b_.claim(*got);
  tap_.ok(c.answered && !c.error && c.fds.size() == 1, "the receiver claims: it has it");
  c.close();
  c = b_.claim(*got);
  tap_.ok(c.answered && c.error == ENOENT && open_fds() == before, "twice: ENOENT");

  // The same serial again: the oldest is claimed first.
  int other = open("/etc/passwd", O_RDONLY);
  for (int f : {fd, other}) {
    Message same = to(b_, {f});
    same.serial = 4711;
    a_.sock.request(DBUS_GENL_CMD_SEND, send_attrs(same));
  }
  b_.receive(1000);
  got = b_.receive(1000);
  Claim first = b_.claim(*got), second = b_.claim(*got);
  tap_.ok(first.fds.size() == 1 && same_file(first.fds[0], fd) && second.fds.size() == 1 &&
              same_file(second.fds[0], other),
          "two messages of one serial: the oldest first");
  first.close();
  second.close();
  close(fd);
  close(other);

  // Claims without reading their answers: bounded.
  int error = 0;
  for (int i = 0; i < 20000 && !error; ++i) {
    Answer a;
    error = b_.sock.send(DBUS_GENL_CMD_FD_CLAIM, attrs, 0, 1);
    if (i % 1000 == 999) {
      a = c_.sock.request(DBUS_GENL_CMD_STATS_GET, Attrs());
      if (a.error) error = a.error;
    }
  }
  int answers = 0, refusals = 0;
  while (auto p = b_.sock.receive_raw()) {
    answers += p->cmd == DBUS_GENL_CMD_FD_CLAIM;
    refusals += p->is_error() && p->error == -ENOBUFS;
  }
  tap_.ok(!error && answers > 100 && answers < 19000,
          "20,000 claims unread: %d answers, %d refusals", answers, refusals);
  nothing_waits("claims");
}

// Out of fds: nothing is installed, nothing is lost.
void Fds::scarce() {
  int fd = open("/etc/hostname", O_RDONLY);
  Message m = to(b_, std::vector<int>(8, fd));
  a_.send(m);
  auto got = b_.receive(1000);
  rlimit old;
  getrlimit(RLIMIT_NOFILE, &old);
  int highest = dup(0);
  close(highest);
  rlimit low = old;
  low.rlim_cur = static_cast<rlim_t>(highest) + 4;
  int before = open_fds();
  setrlimit(RLIMIT_NOFILE, &low);
  Claim c = b_.claim(*got);
  setrlimit(RLIMIT_NOFILE, &old);
  tap_.ok(c.answered && c.error == EMFILE && c.fds.empty() && open_fds() == before,
          "room for some of the fds: none is installed (errno %d)", c.error);
  c = b_.claim(*got);
  tap_.ok(c.answered && c.fds.size() == 8, "with room for all, they can be claimed again");
  c.close();
  close(fd);
  nothing_waits("EMFILE");
}

// A program with more rights than the peer is made to write to its socket.
void Fds::rights() {
  Bus bus;
  Peer sender, receiver;
  sender.takes_fds = receiver.takes_fds = true;
  {
    Become user(65534);
    if (bus.create("fds-rights").error || sender.join("fds-rights").empty() ||
        receiver.join("fds-rights").empty())
      tap_.bail("can't join as nobody");
    Message m = to(receiver, {0});
    const int sent = sender.send(m);
    tap_.ok(sent == 0, "the peer itself sends its fd: %s", sender.last_extack.c_str());
  }
  // A child that drops all rights is the peer; root, which has its sockets then, the program.
  Bus poor_bus;
  Peer poor, poor_receiver;
  poor.takes_fds = poor_receiver.takes_fds = true;
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets)) tap_.bail("socketpair");
  pid_t pid = fork();
  if (!pid) {
    if (setgid(65533) || setuid(65533)) _exit(1);
    if (poor_bus.create("fds-poor").error || poor.join("fds-poor").empty() ||
        poor_receiver.join("fds-poor").empty())
      _exit(2);
    uint64_t ids[2] = {poor.id, poor_receiver.id};
    const std::vector<int> fds = {poor.sock.fd(), poor_receiver.sock.fd(), poor_bus.sock.fd()};
    _exit(send_fds(sockets[1], fds, ids, sizeof ids) ? 0 : 3);
  }
  uint64_t ids[2] = {};
  int status = 0;
  waitpid(pid, &status, 0);
  if (status) tap_.bail("the poor peer: status %d", status);
  const std::vector<int> fds = receive_fds(sockets[0], ids, sizeof ids);
  if (fds.size() != 3) tap_.bail("the poor peer: no sockets");
  poor.sock = GenlSocket(fds[0]);
  poor_receiver.sock = GenlSocket(fds[1]);
  poor_bus.sock = GenlSocket(fds[2]);
  poor.id = ids[0];
  poor_receiver.id = ids[1];
  Message m = to(poor_receiver, {});
  tap_.ok(poor.send(m) == 0, "root writes to a user's socket: a message without fds passes");
  m = to(poor_receiver, {0});
  int sent = poor.send(m);
  tap_.ok(sent == -EPERM, "with its own fds it doesn't: %s", poor.last_extack.c_str());
  m = with_body(to(poor_receiver, {}), "ay", memfd(u32_bytes(1) + "x"));
  sent = poor.send(m);
  tap_.ok(sent == -EPERM, "nor with a body by file: %s", poor.last_extack.c_str());
  close(m.body_fd);
  poor_receiver.receive(1000);
  Claim c = poor_receiver.claim(poor.id, 2);
  tap_.ok(!c.answered && c.error == EPERM, "nor does it claim (errno %d)", c.error);
  for (int fd : sockets) close(fd);
}

void Fds::deaths() {
  pid_t pid = fork();
  if (!pid) {
    Peer sender;
    sender.takes_fds = true;
    if (sender.join(BUS).empty()) _exit(1);
    int fd = memfd("from beyond", 0);
    Message m = to(b_, {fd});
    sender.send(m);
    raise(SIGKILL);
  }
  int status;
  waitpid(pid, &status, 0);
  Claim c = take(b_, "its sender was killed", 1);
  if (c.fds.size() == 1) lseek(c.fds[0], 0, SEEK_SET);
  tap_.ok(c.fds.size() == 1 && content(c.fds[0]) == "from beyond", "and its file is there");
  c.close();

  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets)) tap_.bail("socketpair");
  pid = fork();
  if (pid < 0) tap_.bail("fork");
  if (!pid) {
    Peer receiver;
    receiver.takes_fds = true;
    receiver.join(BUS);
    if (write(sockets[1], &receiver.id, sizeof receiver.id) < 0) _exit(1);
    pause();
  }
  Peer shade;
  if (read(sockets[0], &shade.id, sizeof shade.id) != sizeof shade.id) tap_.bail("no receiver");
  int fd = open("/etc/hostname", O_RDONLY);
  for (int i = 0; i < 3; ++i) {
    Message m = to(shade, {fd, fd});
    a_.send(m);
  }
  tap_.ok(unclaimed() == 6, "6 fds wait for a receiver (%llu)",
          static_cast<unsigned long long>(unclaimed()));
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  nothing_waits("the receiver was killed");
  close(fd);
  for (int s : sockets) close(s);
}

void Fds::expiry() {
  const Stats before = stats();
  Timeout timeout(4000);
  // A bus where nothing waits for the usual time-out already.
  Bus bus;
  bus.create("fds-expiry");
  auto join_it = [&](Peer& p) {
    p.takes_fds = true;
    if (p.join("fds-expiry").empty()) tap_.bail("can't join");
  };
  Peer sender, receiver;
  join_it(sender);
  join_it(receiver);
  const Stats with_bus = stats();
  {
    Peer x, y;
    join_it(x);
    join_it(y);
    Message m = to(x, {x.sock.fd()});
    x.send(m);
    m = to(y, {x.sock.fd()});
    x.send(m);
    m = to(x, {y.sock.fd()});
    y.send(m);
  }
  Stats now = stats();
  tap_.ok(now[DBUS_GENL_STATS_A_PEERS] == with_bus.at(DBUS_GENL_STATS_A_PEERS) + 2,
          "two peers that wait for each other's sockets on their own bus, closed, live on");
  tap_.ok(comes_true([&] { return same_gauges(with_bus, stats()); }, 20000),
          "until the fds expire: %s", gauges_text(stats()).c_str());

  int fd = open("/etc/hostname", O_RDONLY);
  int body = memfd(u32_bytes(4) + "body");
  Message with_fd = to(receiver, {fd}), with_file = with_body(to(receiver, {}), "ay", body);
  const uint64_t expired = stats()[DBUS_GENL_STATS_A_EXPIRED];
  sender.send(with_file);
  sender.send(with_fd);
  auto first = receiver.receive(1000), second = receiver.receive(1000);
  bool gone = comes_true([] { return unclaimed() == 1; }, 30000);
  Claim late = receiver.claim(*second), kept = receiver.claim(*first);
  tap_.ok(gone && late.answered && late.error == ENOENT, "fds expire");
  tap_.ok(stats()[DBUS_GENL_STATS_A_EXPIRED] == expired + 1 &&
              counter(receiver, DBUS_GENL_PEER_A_EXPIRED, "fds-expiry") == 1 &&
              counter(sender, DBUS_GENL_PEER_A_EXPIRED, "fds-expiry") == 0,
          "and their receiver is counted to have lost one");
  tap_.ok(kept.answered && !kept.error && kept.body_fd >= 0, "a body alone does not");
  late.close();
  kept.close();
  close(fd);
  close(body);
  for (Peer* p : {&sender, &receiver}) p->sock.close();
  bus.close();
  tap_.ok(comes_true([&] { return same_gauges(before, stats()); }), "and all is gone: %s",
          gauges_text(stats()).c_str());
}

void Fds::quota() {
  int fd = open("/etc/hostname", O_RDONLY);
  Peer lazy[6];
  for (Peer& p : lazy) join(p);
  std::vector<int> most(MAX_FDS, fd);
  auto fill = [&](Peer& p) {
    int accepted = 0;
    for (; accepted < 1000; ++accepted) {
      Message m = to(p, most);
      if (a_.send(m)) return -1;
      auto error = a_.receive(0);
      if (error) {
        if (error->error_name != "org.freedesktop.DBus.Error.LimitsExceeded") return -2;
        break;
      }
    }
    return accepted;
  };
  int accepted = fill(lazy[0]);
  tap_.ok(accepted == DG_QUEUE_FDS_MAX / MAX_FDS,
          "one receiver that claims nothing: %d messages of 16, then LimitsExceeded", accepted);
  Message m = to(b_, {fd});
  a_.send(m);
  Claim c = take(b_, "another receiver meanwhile", 1);
  c.close();
  int all = accepted;
  for (size_t i = 1; i < std::size(lazy); ++i) all += fill(lazy[i]);
  tap_.ok(all == DG_USER_FDS_MAX / MAX_FDS, "all receivers together: %d messages of 16", all);
  m = to(b_, {fd});
  a_.send(m);
  auto error = a_.receive(1000);
  tap_.ok(error && error->error_name == "org.freedesktop.DBus.Error.LimitsExceeded",
          "then the user's are refused: %s", error ? error->text().c_str() : "");
  for (Peer* p : {&b_, &c_, &plain_}) p->ask("AddMatch", Args().s("interface='fds.Q'"));
  const Stats before = stats();
  auto counts = [&](const Peer& p) { return counter(p, DBUS_GENL_PEER_A_DROPPED); };
  const uint64_t of_b = counts(b_), of_c = counts(c_), of_plain = counts(plain_);
  m = carrying(signal("/o", "fds.Q", "S"), {fd});
  a_.send(m);
  tap_.ok(stats()[DBUS_GENL_STATS_A_DROPPED] == before.at(DBUS_GENL_STATS_A_DROPPED) + 2 &&
              counts(b_) == of_b + 1 && counts(c_) == of_c + 1 && counts(plain_) == of_plain,
          "a broadcast is lost: it counts for each that would have got it");
  for (Peer* p : {&b_, &c_, &plain_}) p->ask("RemoveMatch", Args().s("interface='fds.Q'"));
  for (Peer& p : lazy) p.sock.close();
  nothing_waits("the receivers that claimed nothing are gone");
  m = to(b_, {fd});
  a_.send(m);
  c = take(b_, "and the user may again", 1);
  c.close();
  close(fd);
}

// The receiver's socket is full: files wait with their messages, in order.
void Fds::overflow() {
  Peer slow;
  slow.takes_fds = true;
  slow.sock.open(4096);
  join(slow);
  std::vector<int> files;
  for (int i = 0; i < 30; ++i) {
    files.push_back(memfd("file " + std::to_string(i), 0));
    Message m = to(slow, {files.back()});
    m.path = "/" + std::string(500, 'p');
    a_.send(m);
  }
  bool order = true;
  int n = 0;
  for (; n < 30; ++n) {
    auto m = slow.receive(1000);
    if (!m) break;
    Claim c = slow.claim(*m);
    order = order && c.answered && c.fds.size() == 1 &&
            same_file(c.fds[0], files[static_cast<size_t>(n)]);
    c.close();
  }
  tap_.ok(order && n == 30 && slow.doorbells > 0,
          "%d messages with fds through a full socket, %u doorbells: in order", n, slow.doorbells);
  for (int fd : files) close(fd);
  nothing_waits("overflow");
}

void Fds::bus_gone() {
  Bus bus;
  bus.create("fds-gone");
  Peer x, y;
  x.takes_fds = y.takes_fds = true;
  x.join("fds-gone");
  y.join("fds-gone");
  Message m = to(y, {0, 1});
  x.send(m);
  auto got = y.receive(1000);
  bus.close();
  nothing_waits("the bus has gone");
  while (y.receive(1000)) {
  }
  tap_.ok(y.disconnected, "its receiver is told so");
  Claim c = y.claim(*got);
  tap_.ok(!c.answered && c.error == ENOTCONN, "and has nothing to claim any more");
}

void Fds::run() {
  if (bus_.create(BUS).error) tap_.bail("can't make the bus");
  a_.takes_fds = true;
  Answer answer = a_.connect(BUS);
  tap_.ok(!answer.error && answer.packets.size() == 1 &&
              answer.packets[0].num(DBUS_GENL_BUS_A_MAX_FDS) == MAX_FDS &&
              answer.packets[0].num(DBUS_GENL_BUS_A_MAX_BODY_FD_SIZE) == DG_BODY_FD_SIZE_MAX,
          "CONNECT says how many fds, and how large a body by file");
  a_.hello();
  a_.receive(1000);
  join(b_);
  join(c_);
  join(plain_, false);
  types();
  counts();
  broadcast();
  no_flag();
  bad();
  claims();
  scarce();
  rights();
  deaths();
  expiry();
  quota();
  overflow();
  bus_gone();
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  signal(SIGPIPE, SIG_IGN);
  const Stats before = stats();
  {
    Fds test(tap);
    test.run();
  }
  nothing_left(tap, before);
  return tap.finish();
}
