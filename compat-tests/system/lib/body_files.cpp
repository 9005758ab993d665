// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * body_files.cpp - bodies as files, on the raw client: BODY_FD
 */
#include <cerrno>
#include <cstring>

#include "../../../kmod/limits.h"
#include "files.h"
#include "tap.h"

using namespace dg::test;
using namespace std::string_literals;

namespace {

constexpr const char* BUS = "bodies";

class Bodies {
 public:
  explicit Bodies(Tap& tap) : tap_(tap) {}
  void run();

 private:
  void good();
  void matching();
  void bad();
  void nothing_waits(const char* after) {
    tap_.ok(comes_true([] { return unclaimed() == 0; }), "after %s nothing waits (%llu)", after,
            static_cast<unsigned long long>(unclaimed()));
  }
  void join(Peer& p) {
    p.takes_fds = true;
    if (p.join(BUS).empty()) tap_.bail("can't join");
  }

  Tap& tap_;
  Bus bus_;
  Peer a_, b_, c_;
};

void Bodies::good() {
  std::string bytes = u32_bytes(1 << 20) + std::string(1 << 20, 'B');
  int body = memfd(bytes), fd = open("/etc/hostname", O_RDONLY);
  Message m = with_body(to(b_, {}), "ay", body);
  const int sent = a_.send(m);
  tap_.ok(sent == 0, "a body of 1 MiB by file: %s", a_.last_extack.c_str());
  auto got = b_.receive(1000);
  tap_.ok(got && got->body_fd != -1 && got->body.empty() && got->signature == "ay",
          "MESSAGE says that it has one");
  Claim c = b_.claim(*got);
  struct stat st;
  bool right = c.body_fd >= 0 && same_file(c.body_fd, body) && !fstat(c.body_fd, &st) &&
               st.st_size == static_cast<off_t>(bytes.size()) &&
               fcntl(c.body_fd, F_GET_SEALS) == SEALS;
  tap_.ok(right && c.fds.empty(), "and it is that file, sealed");
  c.close();

  m = with_body(to(b_, {fd, fd}), "ay", body);
  a_.send(m);
  got = b_.receive(1000);
  c = b_.claim(*got);
  tap_.ok(got->fds.size() == 2 && c.fds.size() == 2 && c.body_fd >= 0 &&
              same_file(c.body_fd, body) && same_file(c.fds[0], fd),
          "fds and a body by file");
  c.close();
  close(body);
  close(fd);

  Peer lazy;
  join(lazy);
  body = sparse(DG_BODY_FD_SIZE_MAX);
  m = with_body(to(lazy, {}), "ay", body);
  tap_.ok(a_.send(m) == 0 && a_.send(m) == 0 && !a_.receive(50), "bodies of 128 MiB, two unread");
  a_.send(m);
  auto error = a_.receive(1000);
  tap_.ok(error && error->error_name == "org.freedesktop.DBus.Error.LimitsExceeded",
          "a third is refused: %s", error ? error->text().c_str() : "");
  lazy.sock.close();
  close(body);
  nothing_waits("bodies");
}

void Bodies::matching() {
  b_.ask("AddMatch", Args().s("interface='fds.B',arg0='wanted'"));
  c_.ask("AddMatch", Args().s("interface='fds.B',arg0='other'"));
  Peer third, late;
  join(third);
  join(late);
  third.ask("AddMatch", Args().s("interface='fds.B'"));
  late.ask("AddMatch", Args().s("interface='fds.B',arg1='after'"));
  int body = memfd(say("wanted", 300000));
  Message m = with_body(signal("/o", "fds.B", "S"), "say", body);
  tap_.ok(a_.send(m) == 0 && unclaimed() == 1, "a broadcast body is one file for all (%llu)",
          static_cast<unsigned long long>(unclaimed()));
  for (Peer* p : {&b_, &third}) {
    auto got = p->receive(1000);
    Claim c = got ? p->claim(*got) : Claim();
    tap_.ok(c.body_fd >= 0 && same_file(c.body_fd, body), "%s gets it",
            p == &b_ ? "who wants its first argument" : "who wants its interface");
    c.close();
  }
  tap_.ok(!c_.receive(50) && !late.receive(50), "who wants another argument doesn't");
  close(body);
  // Beyond 64 KiB nothing is looked at; nor is what isn't valid.
  std::string far = u32_bytes(70000) + std::string(70000, 'x');
  body = memfd(far + u32_bytes(5) + "after" + '\0');
  m = with_body(signal("/o", "fds.B", "S"), "ays", body);
  a_.send(m);
  auto got = third.receive(1000);
  Claim c = got ? third.claim(*got) : Claim();
  tap_.ok(c.body_fd >= 0 && !late.receive(50), "an argument behind 64 KiB is not found");
  c.close();
  close(body);
  body = memfd(u32_bytes(6) + "wan\0ed"s + '\0' + "garbage", 0);
  m = with_body(signal("/o", "fds.B", "S"), "sa{sv}(", body);
  const int sent = a_.send(m);
  tap_.ok(sent == -EINVAL, "a signature that is none: %s", a_.last_extack.c_str());
  m = with_body(signal("/o", "fds.B", "S"), "sa{sv}", body);
  tap_.ok(a_.send(m) == 0 && !b_.receive(50), "arguments that aren't valid are none");
  got = third.receive(1000);
  c = got ? third.claim(*got) : Claim();
  c.close();
  close(body);
  b_.ask("RemoveMatch", Args().s("interface='fds.B',arg0='wanted'"));
  c_.ask("RemoveMatch", Args().s("interface='fds.B',arg0='other'"));
  nothing_waits("matching bodies");
}

void Bodies::bad() {
  int pipe_fds[2];
  if (pipe(pipe_fds)) tap_.bail("pipe");
  char name[] = "/tmp/fds-XXXXXX";
  struct {
    const char* what;
    int fd;
    int error;
  } table[] = {{"a file of /proc", open("/proc/self/status", O_RDONLY), EINVAL},
               {"a pipe", pipe_fds[0], EINVAL},
               {"a socket of the bus", a_.sock.fd(), EINVAL},
               {"a directory", open("/", O_RDONLY), EINVAL},
               {"an empty memfd", memfd(""), EINVAL},
               {"a memfd above 128 MiB", sparse(DG_BODY_FD_SIZE_MAX + 1), EMSGSIZE},
               {"a file opened for writing alone", mkstemp(name), EINVAL}};
  close(table[6].fd);
  table[6].fd = open(name, O_WRONLY);
  for (auto& t : table) {
    Message m = with_body(to(b_, {}), "ay", t.fd);
    const int sent = a_.send(m);
    tap_.ok(sent == -t.error, "BODY_FD is %s: %s", t.what, a_.last_extack.c_str());
    if (t.fd != a_.sock.fd()) close(t.fd);
  }
  unlink(name);
  close(pipe_fds[1]);
  int body = memfd(u32_bytes(1) + "x");
  Message m = with_body(to(b_, {}), "", body);
  int sent = a_.send(m);
  tap_.ok(sent == -EINVAL, "BODY_FD without a signature: %s", a_.last_extack.c_str());
  m = to(b_, {}).with(Args().u(1));
  m.body_fd = body;
  sent = a_.send(m);
  tap_.ok(sent == -EINVAL, "BODY and BODY_FD: %s", a_.last_extack.c_str());
  close(body);
  tap_.ok(!b_.receive(50), "nothing came");
  nothing_waits("bad bodies");
}

void Bodies::run() {
  if (bus_.create(BUS).error) tap_.bail("can't make the bus");
  for (Peer* p : {&a_, &b_, &c_}) join(*p);
  good();
  matching();
  bad();
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  {
    Bodies test(tap);
    test.run();
  }
  nothing_left(tap, before);
  return tap.finish();
}
