// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * policy.cpp - POLICY_SET: what it refuses, who may, when it is in force
 *
 * Argument: dbus-daemon's configuration of the system bus, as something real.
 */
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "policy/bus_config.h"
#include "policy_kernel.h"
#include "policy_users.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr uint32_t ALICE = 1, BOB = 2;

const char kOpen[] =
    "<policy context='default'><allow user='*'/><allow send_type='*' eavesdrop='true'/>"
    "<allow eavesdrop='true'/><allow own='*'/></policy>";

void expect(Tap& tap, const Answer& answer, int error, const char* what) {
  tap.ok(answer.error == -error && (!error || !answer.extack.empty()), "%s: %s%s%s", what,
         answer.error ? strerrorname_np(-answer.error) : "done", answer.extack.empty() ? "" : ", ",
         answer.extack.c_str());
}

std::string join(Peer& peer, uint32_t uid, const char* bus = "system") {
  const BecomeUser user(uid, {uid});
  return peer.join(bus);
}

int connect_error(uint32_t uid, const std::vector<uint32_t>& groups, const char* bus = "system") {
  const BecomeUser user(uid, groups);
  Peer peer;
  return -peer.connect(bus).error;
}

Attrs policy_attrs(const Bytes& blob) {
  Attrs attrs;
  attrs.raw(DBUS_GENL_BUS_A_POLICY, blob.data(), blob.size());
  return attrs;
}

Attrs rule(uint8_t kind, uint8_t allow) {
  Attrs attrs;
  attrs.u8(DBUS_GENL_RULE_A_KIND, kind).u8(DBUS_GENL_RULE_A_ALLOW, allow);
  return attrs;
}

Bytes with_rule(const Attrs& inside) {
  Attrs section, blob;
  section.u8(DBUS_GENL_SECTION_A_CONTEXT, 0).nested(DBUS_GENL_SECTION_A_RULE, inside);
  blob.nested(DBUS_GENL_POLICY_A_SECTION, section);
  return blob.bytes();
}

// Each is refused with a text, and the policy stays what it was.
void bad_policies(Tap& tap, Bus& bus) {
  struct {
    const char* what;
    Bytes blob;
  } const cases[] = {
      {"an unknown attribute", Attrs().u8(9, 0).bytes()},
      {"a section of nobody", Attrs().nested(DBUS_GENL_POLICY_A_SECTION, Attrs()).bytes()},
      {"a section cut short", Attrs().lying(DBUS_GENL_POLICY_A_SECTION, 400, "abcd", 4).bytes()},
      {"half an attribute", Bytes(2)},
      {"a rule without KIND", with_rule(Attrs().u8(DBUS_GENL_RULE_A_ALLOW, 1))},
      {"a kind that there isn't", with_rule(rule(77, 1))},
      {"ALLOW twice", with_rule(rule(DBUS_GENL_RULE_SEND, 1).u8(DBUS_GENL_RULE_A_ALLOW, 1))},
      {"a text without a NUL",
       with_rule(rule(DBUS_GENL_RULE_SEND, 1).raw(DBUS_GENL_RULE_A_NAME, "abc", 3))},
      {"an interface to own",
       with_rule(rule(DBUS_GENL_RULE_OWN, 1).str(DBUS_GENL_RULE_A_INTERFACE, "a.b"))},
      {"a prefix of nothing",
       with_rule(rule(DBUS_GENL_RULE_OWN, 1).raw(DBUS_GENL_RULE_A_PREFIX, "", 0))},
      {"a message type 5", with_rule(rule(DBUS_GENL_RULE_SEND, 1).u8(DBUS_GENL_RULE_A_TYPE, 5))},
      {"an unknown attribute of a rule", with_rule(rule(DBUS_GENL_RULE_SEND, 1).u8(50, 5))},
      {"CONSOLE of three bytes", Attrs().raw(DBUS_GENL_POLICY_A_CONSOLE, "abc", 3).bytes()},
  };
  for (auto& c : cases) expect(tap, set_policy(bus, c.blob), EINVAL, c.what);
  for (auto& c : cases) {
    if (c.blob.size() > 200) continue;
    Answer answer = set_policy(bus, c.blob, true);
    if (answer.error != -EINVAL) expect(tap, answer, EINVAL, c.what);
  }
  expect(tap, bus.sock.request(DBUS_GENL_CMD_POLICY_SET, Attrs()), EINVAL, "no policy at all");
  auto with_fd = [&](int fd) {
    return bus.sock.request(DBUS_GENL_CMD_POLICY_SET,
                            Attrs().u32(DBUS_GENL_BUS_A_POLICY_FD, static_cast<uint32_t>(fd)));
  };
  expect(tap, with_fd(12345), EBADF, "an fd that isn't open");
  int fds[2];
  if (pipe(fds)) tap.bail("pipe");
  expect(tap, with_fd(fds[0]), EINVAL, "a pipe");
  close(fds[0]);
  close(fds[1]);
  const int large = memfd_create("large", MFD_CLOEXEC);
  if (ftruncate(large, DBUS_GENL_POLICY_MAX + 1)) tap.bail("ftruncate");
  expect(tap, with_fd(large), EMSGSIZE, "a file that is too large");
  if (ftruncate(large, DBUS_GENL_POLICY_MAX)) tap.bail("ftruncate");
  expect(tap, with_fd(large), EINVAL, "a megabyte of zeros");
  close(large);
}

void who_may(Tap& tap, Bus& bus) {
  GenlSocket stranger;
  stranger.open();
  const Attrs attrs = policy_attrs(blob_of(kOpen));
  expect(tap, stranger.request(DBUS_GENL_CMD_POLICY_SET, attrs), EPERM,
         "a socket that made no bus, root's or not");
  Peer peer;
  peer.join("system");
  expect(tap, peer.sock.request(DBUS_GENL_CMD_POLICY_SET, attrs), EPERM, "a peer");
  {
    const BecomeUser user(ALICE, {ALICE});
    expect(tap, bus.sock.request(DBUS_GENL_CMD_POLICY_SET, attrs), EPERM,
           "the controller's socket in another user's hands");
  }
  pid_t pid = fork();
  if (!pid) {
    Bus other;
    _exit(other.create("mine").error || set_policy(other, blob_of(kOpen)).error ? 1 : 0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  tap.ok(!status, "another process sets its own bus's");
}

std::string refusal(Peer& from, Message m) {
  std::optional<Message> reply = from.call(std::move(m));
  return !reply ? "no answer"
                : (reply->type == ERROR ? reply->error_name + ": " + reply->string_arg() : "done");
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

void texts(Tap& tap, Bus& bus) {
  Peer alice, bob;
  set_policy(bus, blob_of(kOpen));
  join(alice, ALICE);
  join(bob, BOB);
  const Bytes deny = blob_of(std::string(kOpen) +
                             "<policy user='1'><deny send_destination=':1.1'/></policy>"
                             "<policy user='2'><deny own='a.b'/>"
                             "<deny receive_sender='*' receive_interface='i.f'/></policy>");
  Answer set = set_policy(bus, deny);
  expect(tap, set, 0, "a policy that denies");
  const std::string own = bob.ask("RequestName", Args().s("a.b").u(0));
  tap.ok(has(own,
             "is not allowed to own the service \"a.b\" due to security policies in the "
             "configuration file"),
         "RequestName: %s", own.c_str());
  const std::string eaves = alice.ask("AddMatch", Args().s("eavesdrop='true'"));
  tap.ok(has(eaves, "rejected attempt to call AddMatch by connection") && has(eaves, "with uid 1"),
         "eavesdropping of users: %s", eaves.c_str());
  std::string text = refusal(alice, call(bob.name(), "/p", "i.g", "M"));
  const std::string sent =
      "org.freedesktop.DBus.Error.AccessDenied: Rejected send message, 2 "
      "matched rules; type=\"method_call\", sender=\"" +
      alice.name() + "\" (uid=1 pid=" + std::to_string(getpid());
  tap.note("%s", text.c_str());
  tap.ok(!has(bob.name(), ":1.1") || has(text, sent.c_str()), "refused by the sender's rules");
  Peer root;
  root.join("system");
  text = refusal(root, call(bob.name(), "/p", "i.f", "M"));
  tap.ok(has(text,
             "AccessDenied: Rejected receive message, 2 matched rules; "
             "type=\"method_call\"") &&
             has(text,
                 "interface=\"i.f\" member=\"M\" error name=\"(unset)\" "
                 "requested_reply=\"0\""),
         "refused by the receiver's rules: %s", text.c_str());
  text = refusal(root, call("no.body", "/p", "i.f", "M"));
  tap.ok(has(text, "ServiceUnknown"), "who isn't there isn't refused: %s", text.c_str());
}

void who_joins(Tap& tap, Bus& bus) {
  struct {
    const char* policy;
    int alice, bob, root;
  } const cases[] = {
      {"<policy context='default'/>", EACCES, EACCES, 0},
      {"<policy context='default'><allow user='1'/></policy>", 0, EACCES, 0},
      {"<policy context='default'><allow user='*'/><deny user='1'/></policy>", EACCES, 0, 0},
      {"<policy context='mandatory'><deny user='*'/></policy>"
       "<policy context='default'><allow user='*'/></policy>",
       EACCES, EACCES, EACCES},
      {"<policy context='default'><allow group='50'/></policy>", EACCES, 0, 0},
  };
  for (auto& c : cases) {
    expect(tap, set_policy(bus, blob_of(c.policy)), 0, c.policy);
    const int alice = connect_error(ALICE, {ALICE}), bob = connect_error(BOB, {BOB, 50, 60}),
              root = connect_error(0, {0});
    tap.ok(alice == c.alice && bob == c.bob && root == c.root,
           "… who may join: alice %d, bob (group 50) %d, root %d", alice, bob, root);
  }
}

// Where the policy says nothing about it, as in dbus-daemon: its user, and not root.
void who_joins_a_users(Tap& tap) {
  Bus bus;
  auto become_alice = [] { return BecomeUser(ALICE, {ALICE}); };
  auto joins = [](uint32_t uid) {
    const BecomeUser user(uid, {uid});
    return -Peer().connect("alices", ALICE).error;
  };
  {
    const BecomeUser user = become_alice();
    if (bus.create("alices").error) tap.bail("no bus");
  }
  struct {
    const char* policy;
    int alice, bob, root;
  } const cases[] = {
      {"<policy context='default'/>", 0, EACCES, EACCES},
      {"<policy context='default'><allow user='2'/></policy>", 0, 0, EACCES},
      {"<policy context='default'><allow user='root'/></policy>", 0, EACCES, 0},
      {"<policy context='default'><deny user='1'/></policy>", EACCES, EACCES, EACCES},
  };
  for (auto& c : cases) {
    {
      const BecomeUser user = become_alice();
      expect(tap, set_policy(bus, blob_of(c.policy)), 0, c.policy);
    }
    const int alice = joins(ALICE), bob = joins(BOB), root = joins(0);
    tap.ok(alice == c.alice && bob == c.bob && root == c.root,
           "… who may join alice's bus: alice %d, bob %d, root %d", alice, bob, root);
  }
}

// Peers come and go, each the only one of its class, while the policy is replaced: a class that is
// being made for one is then of a policy that is there no more.
void joins_while_replaced(Tap& tap, Bus& bus) {
  auto policy = [](const char* name) {
    return blob_of(std::string(kOpen) + "<policy user='1'><deny own='" + name +
                   "'/></policy><policy user='2'><deny own='" + name + "'/></policy>");
  };
  const Bytes blobs[] = {policy("a.one"), policy("a.two")};
  set_policy(bus, blobs[0]);
  constexpr unsigned kJoins = 60;
  std::vector<pid_t> users;
  for (const uint32_t uid : {ALICE, BOB}) {
    users.push_back(fork());
    if (users.back()) continue;
    unsigned odd = 0;
    const BecomeUser user(uid, {uid});
    for (unsigned i = 0; i < kJoins; i++) {
      Peer peer;
      odd += peer.join("system").empty();
      odd += i % 4 == 0 && peer.ask("RequestName", Args().s("a.one").u(4)) == "(no reply)";
    }
    _exit(odd ? 1 : 0);
  }
  unsigned replacements = 0, failed = 0, left = static_cast<unsigned>(users.size());
  int status = 0;
  while (left) {
    replacements++;
    failed += set_policy(bus, blobs[replacements & 1], replacements & 2).error != 0;
    if (waitpid(-1, &status, WNOHANG) <= 0) continue;
    failed += status != 0;
    left--;
  }
  tap.ok(!failed && replacements > 10, "%u replacements while two users joined %u times each",
         replacements, kJoins);
  expect(tap, set_policy(bus, blobs[0]), 0, "the last policy");
  Peer bob;
  join(bob, BOB);
  tap.ok(has(bob.ask("RequestName", Args().s("a.one").u(4)), "AccessDenied") &&
             !has(bob.ask("RequestName", Args().s("a.two").u(4)), "AccessDenied"),
         "… is in force for who joins then");
}

// Users at the console are what the blob says.
void console(Tap& tap, Bus& bus) {
  const std::string file = "/tmp/console.conf";
  FILE* out = std::fopen(file.c_str(), "w");
  std::fprintf(out,
               "<busconfig>%s<policy at_console='true'><deny own='a.t'/></policy>"
               "<policy at_console='false'><deny own='a.f'/></policy></busconfig>",
               kOpen);
  std::fclose(out);
  const auto policy = dg::read_bus_config(file).policy;
  expect(tap, set_policy(bus, dg::policy_blob(policy, {BOB, 77})), 0, "a policy with a console");
  for (uint32_t uid : {ALICE, BOB}) {
    Peer peer;
    join(peer, uid);
    const bool t = !has(peer.ask("RequestName", Args().s("a.t").u(0)), "AccessDenied");
    const bool f = !has(peer.ask("RequestName", Args().s("a.f").u(0)), "AccessDenied");
    tap.ok(uid == BOB ? !t && f : t && !f, "… for user %u", uid);
  }
}

// On a bus of a user's that others join, who isn't root or that user may not become a monitor.
// (dbus-daemon's words for it are compared by policy-differential, on a bus of root's.)
void monitors(Tap& tap) {
  Bus bus;
  Peer alice, bob, root;
  {
    const BecomeUser user(ALICE, {ALICE});
    if (bus.create("alices").error) tap.bail("no bus");
    expect(tap, set_policy(bus, blob_of(kOpen)), 0, "a user's bus that others may join");
    alice.join("alices");
  }
  {
    const BecomeUser user(BOB, {BOB, ALICE});
    bob.join("alices", ALICE);
  }
  root.join("alices", ALICE);
  auto become = [](Peer& peer) {
    Message m = driver_call("BecomeMonitor", Args().as({}).u(0));
    m.interface = "org.freedesktop.DBus.Monitoring";
    return refusal(peer, m);
  };
  const std::string text = become(bob);
  const std::string expected =
      "org.freedesktop.DBus.Error.AccessDenied: rejected attempt to call BecomeMonitor by "
      "connection " +
      bob.name() + " (uid=2 pid=";
  tap.ok(text.rfind(expected, 0) == 0 && has(text, "with uid 2"), "another user: %s", text.c_str());
  tap.ok(bob.ask("GetNameOwner", Args().s(bob.name())) == dg::test::quoted(bob.name()),
         "it is a peer as before");
  tap.ok(become(root) == "done", "root may");
  tap.ok(become(alice) == "done", "and so may the bus's user");
  Message m = signal("/o", "i.I", "Seen");
  bob.send(m);
  for (Peer* monitor : {&root, &alice}) {
    bool seen = false;
    while (auto got = monitor->receive(100)) seen |= got->member == "Seen";
    tap.ok(seen, "… and sees what others send");
  }
  bool seen = false;
  while (auto got = bob.receive(0)) seen |= got->member == "Seen";
  tap.ok(!seen, "the other doesn't");
}

// Two policies by turns while messages flow: each message meets one of them whole.
void replaced(Tap& tap, Bus& bus) {
  const std::string marks[] = {"i.one", "i.two"};
  Bytes blobs[2];
  for (int i : {0, 1})
    blobs[i] = blob_of(std::string(kOpen) +
                       "<policy user='1'><deny send_destination='*' "
                       "send_interface='" +
                       marks[i] + "'/></policy>");
  set_policy(bus, blobs[0]);
  Peer alice, bob;
  join(alice, ALICE);
  join(bob, BOB);
  std::atomic<bool> done = false;
  std::atomic<unsigned> replacements = 0;
  std::thread controller([&] {
    while (!done) {
      replacements++;
      if (set_policy(bus, blobs[replacements & 1], replacements & 2).error) break;
    }
  });
  unsigned refused[2] = {}, delivered[2] = {}, odd = 0;
  unsigned calls = 0;
  // So many, and until the controller had its turns.
  for (; calls < 150 || (replacements <= 10 && calls < 5000); calls++) {
    const unsigned i = calls;
    Message m = call(bob.name(), "/p", marks[i & 1], "M");
    m.flags = NO_REPLY;
    const bool sent = !alice.send(m);
    Message sync = driver_call("GetId");
    std::optional<Message> answer = alice.call(sync);
    // What is refused is told before the next is answered.
    std::optional<Message> told = alice.receive(0);
    if (!sent || !answer || answer->type != RETURN) odd++;
    refused[i & 1] += told && told->type == ERROR && has(told->string_arg(), "Rejected send");
    std::optional<Message> got = bob.receive(0);
    delivered[i & 1] += got && got->type == CALL;
    if ((told && got) || (!told && !got)) odd++;
  }
  done = true;
  controller.join();
  tap.ok(!odd && replacements > 10,
         "%u replacements under %u calls: %u+%u delivered, %u+%u refused, %u neither or both",
         replacements.load(), calls, delivered[0], delivered[1], refused[0], refused[1], odd);
}

// A controller's end; a persistent bus keeps what it had.
void persistent(Tap& tap) {
  {
    Bus bus;
    bus.create("kept", DBUS_GENL_BUS_PERSISTENT);
    expect(tap,
           set_policy(bus, blob_of(std::string(kOpen) +
                                   "<policy context='mandatory'><deny own='*'/></policy>")),
           0, "a persistent bus's policy");
  }
  Peer peer;
  peer.join("kept");
  tap.ok(has(peer.ask("RequestName", Args().s("a.b").u(0)), "AccessDenied"),
         "… is there when its controller is not");
  Peer bob;
  bob.sock.open();
  Bus().sock.open();
  GenlSocket root;
  root.open();
  expect(tap, root.request(DBUS_GENL_CMD_BUS_DESTROY, Attrs().str(DBUS_GENL_BUS_A_NAME, "kept")), 0,
         "and goes with it");
}

void real(Tap& tap, Bus& bus, const char* file) {
  dg::BusConfig config;
  try {
    config = dg::read_bus_config(file);
  } catch (const dg::ConfigError& error) {
    tap.ok(false, "%s", error.what());
    return;
  }
  const Bytes blob = dg::policy_blob(config.policy, dg::console_users());
  std::size_t rules = 0;
  for (const dg::PolicySection& section : config.policy) rules += section.rules.size();
  tap.note("%s: %zu sections, %zu rules, %zu bytes, %zu warnings", file, config.policy.size(),
           rules, blob.size(), config.warnings.size());
  expect(tap, set_policy(bus, blob, true), 0, "the system bus's own policy");
  Peer root, alice;
  root.join("system");
  tap.ok(!join(alice, ALICE).empty(), "a user joins the system bus");
  tap.ok(has(alice.ask("RequestName", Args().s("test.Service").u(0)), "AccessDenied"),
         "may not own the service");
  tap.ok(!has(root.ask("RequestName", Args().s("test.Service").u(0)), "AccessDenied"), "root may");
  std::string text = refusal(alice, call(root.name(), "/", "a.b", "M"));
  tap.ok(has(text, "AccessDenied"), "a user may not call root's programs: %s", text.c_str());
  Message get = call("test.Service", "/test/Service", "test.Service.Manager", "List");
  tap.ok(!alice.send(get), "but what the service lets everybody call");
  bool heard = false;
  while (auto m = root.receive(0)) heard |= m->member == "List";
  tap.ok(heard, "… gets through");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Tap tap;
  Bus bus;
  if (bus.create("system").error) tap.bail("no system bus");
  tap.ok(connect_error(ALICE, {ALICE}) == EACCES, "without a policy its maker is alone");
  bad_policies(tap, bus);
  tap.ok(connect_error(ALICE, {ALICE}) == EACCES, "… and after all these still is");
  who_may(tap, bus);
  who_joins(tap, bus);
  who_joins_a_users(tap);
  console(tap, bus);
  bus.close();
  bus = Bus();
  if (bus.create("system").error) tap.bail("no system bus");
  texts(tap, bus);
  replaced(tap, bus);
  joins_while_replaced(tap, bus);
  persistent(tap);
  monitors(tap);
  real(tap, bus, argv[1]);
  return tap.finish();
}
