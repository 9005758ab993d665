// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * malformed.cpp - what no honest client sends, from an unprivileged user
 *
 * Each request here must be refused with an errno of those that the contract
 * names and a text (extack), and do nothing else: the module's gauges and its
 * counts of routed and delivered messages stay, and nobody receives anything.
 * Longer than the other tests since it is mostly tables.
 */
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "peer.h"
#include "settle.h"
#include "tap.h"

using namespace dg::test;
using namespace std::string_literals;

namespace {

constexpr const char* BUS = "malformed";

// One attribute of a request: its type, its payload, the length that its header claims.
struct Field {
  uint16_t type;
  std::string payload;
  int claimed = -1;
};
using Fields = std::vector<Field>;

template <class T>
std::string bytes_of(T v) {
  return std::string(reinterpret_cast<const char*>(&v), sizeof v);
}
std::string z(const std::string& s) { return s + '\0'; }

Attrs build(const Fields& fields) {
  Attrs a;
  for (auto& f : fields) {
    // Keeps a right body aligned, whatever was changed before it.
    if (f.type == DBUS_GENL_MSG_A_BODY && f.claimed < 0)
      a.body(f.payload.data(), f.payload.size());
    else
      a.lying(f.type,
              static_cast<uint16_t>(f.claimed < 0 ? NLA_HDRLEN + f.payload.size() : f.claimed),
              f.payload.data(), f.payload.size());
  }
  return a;
}

class Malformed {
 public:
  explicit Malformed(Tap& tap) : tap_(tap) {}
  void run();

 private:
  void start();
  // Sends it; checks errno, text, and that nothing else happened.
  void refused(GenlSocket& from, uint8_t cmd, const Attrs& attrs, std::initializer_list<int> errors,
               const std::string& what, bool text = true, uint16_t flags = 0);
  void send_refused(const Fields& fields, const std::string& what,
                    std::initializer_list<int> errors = {EINVAL, ERANGE}) {
    refused(a_.sock, DBUS_GENL_CMD_SEND, build(fields), errors, "SEND, " + what);
  }
  void attribute_by_attribute(const std::string& kind, const Fields& good,
                              const std::vector<uint16_t>& required);
  void send_values();
  void bodies();
  void framing();
  void bus_commands();
  void claims();
  void other_commands();
  void header();
  void quiet(const std::string& group);
  void serves();

  Tap& tap_;
  Bus bus_;
  Peer a_, b_, c_;
};

Fields call_fields(const std::string& to = "malformed.B") {
  Args args;
  args.s("text").u(7);
  return {{DBUS_GENL_MSG_A_SENDER, bytes_of(uint64_t(0))},
          {DBUS_GENL_MSG_A_TYPE, bytes_of(uint8_t(CALL))},
          {DBUS_GENL_MSG_A_FLAGS, bytes_of(uint8_t(NO_REPLY))},
          {DBUS_GENL_MSG_A_SERIAL, bytes_of(uint32_t(77))},
          {DBUS_GENL_MSG_A_PATH, z("/o")},
          {DBUS_GENL_MSG_A_INTERFACE, z("i.I")},
          {DBUS_GENL_MSG_A_MEMBER, z("M")},
          {DBUS_GENL_MSG_A_DESTINATION, z(to)},
          {DBUS_GENL_MSG_A_SIGNATURE, z(args.signature())},
          {DBUS_GENL_MSG_A_BODY, std::string(args.body().begin(), args.body().end())}};
}

Fields signal_fields() {
  Fields f = call_fields();
  f[1].payload = bytes_of(uint8_t(SIGNAL));
  f.erase(f.begin() + 7);
  return f;
}

Fields reply_fields(uint8_t type) {
  Fields f = {{DBUS_GENL_MSG_A_SENDER, bytes_of(uint64_t(0))},
              {DBUS_GENL_MSG_A_TYPE, bytes_of(type)},
              {DBUS_GENL_MSG_A_SERIAL, bytes_of(uint32_t(77))},
              {DBUS_GENL_MSG_A_REPLY_SERIAL, bytes_of(uint32_t(9))},
              {DBUS_GENL_MSG_A_DESTINATION, z("malformed.B")}};
  if (type == ERROR) f.push_back({DBUS_GENL_MSG_A_ERROR_NAME, z("e.E")});
  return f;
}

bool is_string(uint16_t type) {
  return type >= DBUS_GENL_MSG_A_PATH && type <= DBUS_GENL_MSG_A_SIGNATURE;
}

const char* field_name(uint16_t type) {
  static const char* const names[] = {"UNSPEC",    "PAD",    "SENDER",       "TYPE",
                                      "FLAGS",     "SERIAL", "REPLY_SERIAL", "PATH",
                                      "INTERFACE", "MEMBER", "ERROR_NAME",   "DESTINATION",
                                      "SIGNATURE", "BODY",   "FDS",          "BODY_FD"};
  return type < 16 ? names[type] : "?";
}

Fields with(Fields f, uint16_t type, const std::string& payload) {
  for (auto& field : f)
    if (field.type == type) field.payload = payload;
  return f;
}

void Malformed::start() {
  if (setgid(65534) || setuid(65534)) tap_.bail("setuid: %s", std::strerror(errno));
  Answer created = bus_.create(BUS);
  if (created.error) tap_.bail("BUS_CREATE: errno %d %s", -created.error, created.extack.c_str());
  for (Peer* p : {&a_, &b_, &c_})
    if (p->join(BUS).empty()) tap_.bail("can't join");
  b_.ask("RequestName", Args().s("malformed.B").u(0));
  b_.ask("AddMatch", Args().s(""));
  c_.ask("AddMatch", Args().s(""));
  while (b_.receive(100) || c_.receive(100)) {
  }
}

void Malformed::refused(GenlSocket& from, uint8_t cmd, const Attrs& attrs,
                        std::initializer_list<int> errors, const std::string& what, bool text,
                        uint16_t flags) {
  Stats before = stats();
  Answer a = from.request(cmd, attrs, flags);
  Stats after = stats();
  bool expected = false;
  for (int e : errors) expected = expected || a.error == -e;
  bool nothing = same_gauges(before, after) &&
                 before[DBUS_GENL_STATS_A_ROUTED] == after[DBUS_GENL_STATS_A_ROUTED] &&
                 before[DBUS_GENL_STATS_A_DELIVERED] == after[DBUS_GENL_STATS_A_DELIVERED] &&
                 a.packets.empty();
  bool said = !text || !a.extack.empty();
  tap_.ok(expected && said && nothing, "%s: %s%s%s", what.c_str(),
          a.error ? strerrorname_np(-a.error) : "accepted", a.extack.empty() ? "" : ", ",
          a.extack.c_str());
  if (!nothing)
    tap_.note("something happened: %s; before: %s", gauges_text(after).c_str(),
              gauges_text(before).c_str());
  if (!said) tap_.note("no text");
}

void Malformed::attribute_by_attribute(const std::string& kind, const Fields& good,
                                       const std::vector<uint16_t>& required) {
  for (size_t i = 0; i < good.size(); ++i) {
    const Field& f = good[i];
    const std::string name = kind + ", " + field_name(f.type) + " ";
    auto changed = [&](const Field& by) {
      Fields g = good;
      g[i] = by;
      return g;
    };
    for (uint16_t r : required)
      if (r == f.type) {
        Fields g = good;
        g.erase(g.begin() + static_cast<ptrdiff_t>(i));
        send_refused(g, name + "missing");
      }
    Fields g = good;
    g.insert(g.begin() + static_cast<ptrdiff_t>(i), f);
    send_refused(g, name + "twice");
    g = good;
    g.push_back(f);
    send_refused(g, name + "again at the end");
    g = good;
    g.push_back({f.type, ""});
    send_refused(g, name + "again, empty, at the end");
    send_refused(changed({static_cast<uint16_t>(f.type | NLA_F_NESTED), f.payload}),
                 name + "marked as nested");
    send_refused(changed({static_cast<uint16_t>(f.type | NLA_F_NET_BYTEORDER), f.payload}),
                 name + "marked as big-endian");
    Attrs inside;
    inside.raw(f.type, f.payload.data(), f.payload.size());
    std::string nested(inside.bytes().begin(), inside.bytes().end());
    send_refused(changed({static_cast<uint16_t>(f.type | NLA_F_NESTED), nested}),
                 name + "inside itself");
    if (f.type != DBUS_GENL_MSG_A_BODY) send_refused(changed({f.type, ""}), name + "empty");
    for (int claimed : {0, 1, 3})
      send_refused(changed({f.type, f.payload, claimed}),
                   name + "claiming to be " + std::to_string(claimed) + " bytes");
    send_refused(changed({f.type, f.payload, 65535}), name + "claiming to be 65535 bytes");
    if (is_string(f.type)) {
      send_refused(changed({f.type, f.payload.substr(0, f.payload.size() - 1)}),
                   name + "without its NUL");
      send_refused(changed({f.type, z(f.payload)}), name + "with two NULs");
      send_refused(changed({f.type, z("\0x"s + f.payload)}), name + "with a NUL inside");
      send_refused(changed({f.type, "\0"s}), name + "of a NUL alone");
      if (f.type != DBUS_GENL_MSG_A_PATH)
        send_refused(changed({f.type, z("a." + std::string(1000, 'a'))}),
                     name + "of a thousand letters");
    } else if (f.type != DBUS_GENL_MSG_A_BODY) {
      send_refused(changed({f.type, f.payload.substr(1)}), name + "one byte shorter");
      send_refused(changed({f.type, f.payload + "x"}), name + "one byte longer");
      send_refused(changed({f.type, f.payload + std::string(60000, 'x')}),
                   name + "60,000 bytes longer");
    }
  }
  for (uint16_t unknown : {16, 17, 100, 0x3fff}) {
    Fields g = good;
    g.push_back({unknown, "abcd"});
    send_refused(g, kind + ", unknown attribute " + std::to_string(unknown));
  }
  Fields g = good;
  g.push_back({0, "abcd"});
  send_refused(g, kind + ", attribute UNSPEC");
  g = good;
  g.push_back({DBUS_GENL_MSG_A_ERRNO, bytes_of(int32_t(1))});
  send_refused(g, kind + ", ERRNO");
  auto with_files = [&](uint16_t type, const std::string& payload, const std::string& what,
                        std::initializer_list<int> errors = {EINVAL, ERANGE}) {
    Fields files = good;
    files.push_back({type, payload});
    send_refused(files, kind + ", " + field_name(type) + " " + what, errors);
  };
  const std::string fd = bytes_of(int32_t(0));
  with_files(DBUS_GENL_MSG_A_FDS, "", "empty");
  with_files(DBUS_GENL_MSG_A_FDS, "abc", "of three bytes");
  with_files(DBUS_GENL_MSG_A_FDS, fd + "a", "of five bytes");
  with_files(DBUS_GENL_MSG_A_FDS, std::string(17 * sizeof(int32_t), '\0'), "of 17");
  with_files(DBUS_GENL_MSG_A_FDS, std::string(60000, '\0'), "of 15,000");
  with_files(DBUS_GENL_MSG_A_FDS, bytes_of(int32_t(-1)), "-1", {EBADF});
  with_files(DBUS_GENL_MSG_A_FDS, fd + bytes_of(int32_t(12345)), "of one that isn't open", {EBADF});
  with_files(DBUS_GENL_MSG_A_BODY_FD, fd, "and BODY, or no signature");
  with_files(DBUS_GENL_MSG_A_BODY_FD, "", "empty");
  with_files(DBUS_GENL_MSG_A_BODY_FD, "abc", "of three bytes");
  with_files(DBUS_GENL_MSG_A_BODY_FD, fd + fd, "of eight bytes");
  for (uint16_t type : {DBUS_GENL_MSG_A_FDS, DBUS_GENL_MSG_A_BODY_FD}) {
    g = good;
    g.insert(g.end(), {{type, fd}, {type, fd}});
    send_refused(g, kind + ", "s + field_name(type) + " twice");
    g = good;
    g.push_back({static_cast<uint16_t>(type | NLA_F_NESTED), fd});
    send_refused(g, kind + ", "s + field_name(type) + " marked as nested");
  }
}

void Malformed::send_values() {
  const Fields good = call_fields();
  struct Bad {
    uint16_t type;
    std::vector<std::string> values;
  };
  const std::string long_name = "a." + std::string(254, 'a');
  const std::vector<Bad> table = {
      {DBUS_GENL_MSG_A_PATH,
       {"a", "//", "/a/", "/a//b", "/a-b", "/\xc3\xa9", "/a.b", "/a b", "/\xff"}},
      {DBUS_GENL_MSG_A_INTERFACE,
       {"a", ".a", "a.", "a..b", "1a.b", "a.1b", "a-b.c", "a.b ", " a.b", "a.\xc3\xa9", long_name,
        ":1.1"}},
      {DBUS_GENL_MSG_A_MEMBER,
       {"a.b", "1a", "a-b", "a b", "\xc3\xa9", std::string(256, 'a'), "a/b"}},
      {DBUS_GENL_MSG_A_DESTINATION,
       {"a", ".a.b", "a.b.", "a..b", "1a.b", "a.1b", ":1.", ":1..1", "a.b/c", "a b.c", long_name}},
      {DBUS_GENL_MSG_A_SIGNATURE,
       {"(",
        ")",
        "()",
        "a",
        "a{s}",
        "a{vs}",
        "{su}",
        "a{suu}",
        "a{(s)u}",
        "r",
        "e",
        "m",
        "z",
        "su(",
        "(su",
        "a{su",
        "sua",
        "s u",
        "su\x01",
        std::string(256, 's'),
        std::string(33, 'a') + "s",
        std::string(33, '(') + "s" + std::string(33, ')'),
        "\xc3\xa9"}},
  };
  for (auto& bad : table)
    for (auto& value : bad.values)
      send_refused(with(good, bad.type, z(value)),
                   field_name(bad.type) + " "s + quoted(value.substr(0, 40)));
  for (auto& value : table[1].values)
    send_refused(with(reply_fields(ERROR), DBUS_GENL_MSG_A_ERROR_NAME, z(value)),
                 "ERROR_NAME " + quoted(value.substr(0, 40)));

  // Others that nobody knows are answered by the bus: compat-tests/conformance has them.
  send_refused(with(good, DBUS_GENL_MSG_A_TYPE, bytes_of(uint8_t(0))), "TYPE 0");
  send_refused(with(with(good, DBUS_GENL_MSG_A_TYPE, bytes_of(uint8_t(77))),
                    DBUS_GENL_MSG_A_INTERFACE, z("i")),
               "TYPE 77 with a bad INTERFACE");
  send_refused(with(good, DBUS_GENL_MSG_A_SERIAL, bytes_of(uint32_t(0))), "SERIAL 0");
  send_refused(with(reply_fields(RETURN), DBUS_GENL_MSG_A_REPLY_SERIAL, bytes_of(uint32_t(0))),
               "REPLY_SERIAL 0");
  for (uint64_t sender : {uint64_t(1), a_.id, b_.id, ~uint64_t(0)})
    send_refused(with(good, DBUS_GENL_MSG_A_SENDER, bytes_of(sender)),
                 "SENDER " + std::to_string(sender));
  Fields f = good;
  std::swap(f[0], f[1]);
  send_refused(f, "SENDER second");

  // Padding: once, before BODY, empty, where it is needed.
  auto pad = [](std::string payload = "") {
    return Field{DBUS_GENL_MSG_A_PAD, std::move(payload)};
  };
  f = good;
  f.insert(f.begin(), pad());
  send_refused(f, "PAD first");
  f = good;
  f.insert(f.begin() + 4, pad());
  send_refused(f, "PAD in the middle");
  f = good;
  f.push_back(pad());
  send_refused(f, "PAD last");
  f = good;
  f.insert(f.end() - 1, {pad(), pad()});
  send_refused(f, "PAD twice");
  f = good;
  f.insert(f.end() - 1, pad("abcd"));
  send_refused(f, "PAD with a payload");
  // Of these two names, whose padded lengths differ by four, one puts BODY askew.
  for (const char* member : {"M", "Mmmm"}) {
    f = with(good, DBUS_GENL_MSG_A_MEMBER, z(member));
    const Field body = f.back();
    f.pop_back();
    bool askew = (build(f).bytes().size() + NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN) % 8;
    Attrs attrs = build(f);
    if (!askew) attrs.raw(DBUS_GENL_MSG_A_PAD, nullptr, 0);
    attrs.raw(DBUS_GENL_MSG_A_BODY, body.payload.data(), body.payload.size());
    refused(a_.sock, DBUS_GENL_CMD_SEND, attrs, {EINVAL},
            askew ? "SEND, BODY not aligned" : "SEND, BODY put askew by PAD");
  }
}

void Malformed::bodies() {
  struct Bad {
    const char* what;
    std::string signature, body;
  };
  auto u = [](uint32_t v) { return bytes_of(v); };
  auto str = [&](const std::string& s) { return u(static_cast<uint32_t>(s.size())) + s + '\0'; };
  std::string deep_signature, deep_variant;
  for (int i = 0; i < 70; ++i) deep_variant += "\x01v\0"s;
  deep_variant += "\x01y\0\x07"s;
  const std::vector<Bad> table = {
      {"signature without a body", "s", ""},
      {"body without a signature", "", u(1)},
      {"signature of less than the body", "u", u(1) + u(2)},
      {"signature of more than the body", "uu", u(1)},
      {"signature says string, body is a number", "s", u(7)},
      {"signature says struct of two, body has one", "(uu)", u(1)},
      {"boolean 2", "b", u(2)},
      {"boolean -1", "b", u(~0u)},
      {"uint32 of three bytes", "u", "abc"},
      {"uint64 not there", "ut", u(1) + u(0)},
      {"padding that isn't zero", "yu", "\x01xyz"s + u(1)},
      {"padding before a struct that isn't zero", "y(u)", "\x01xyzxyzx"s + u(1)},
      {"trailing byte", "y", "\x01\x01"},
      {"string without NUL", "s", u(3) + "abc"},
      {"string with another byte for its NUL", "s", u(3) + "abcd"},
      {"string longer than the body", "s", u(1000) + "abc\0"s},
      {"string of 4 GiB", "s", u(~0u) + "abc\0"s},
      {"string with a NUL inside", "s", u(3) + "a\0b\0"s},
      {"string of an overlong encoding", "s", str("\xc0\x80")},
      {"string of an overlong slash", "s", str("\xe0\x80\xaf")},
      {"string with a surrogate", "s", str("\xed\xa0\x80")},
      {"string beyond U+10FFFF", "s", str("\xf4\x90\x80\x80")},
      {"string with a lone continuation byte", "s", str("\x80")},
      {"string cut in a character", "s", str("\xe2\x82")},
      {"string with 0xFF", "s", str("\xff")},
      {"object path that is none", "o", str("a")},
      {"object path empty", "o", str("")},
      {"object path with a trailing slash", "o", str("/a/")},
      {"signature that is none", "g", "\x01(\0"s},
      {"signature without NUL", "g", "\x01s"},
      {"signature longer than the body", "g", "\xc8s\0"s},
      {"signature with a NUL inside", "g", "\x03s\0s\0"s},
      {"array longer than the body", "au", u(8) + u(1)},
      {"array that ends inside an element", "au", u(6) + u(1) + "ab"},
      {"array of 64 MiB and more", "ay", u(0x4000001) + "a"},
      {"array of 4 GiB", "ay", u(~0u) + "a"},
      {"array of structs, padding not zero", "a(y)", u(1) + "xxxx" + "\x01"},
      {"array of structs, its length counts the padding", "a(y)", u(5) + u(0) + "\x01"},
      {"array with a string that runs out of it", "as", u(7) + u(5) + "abcde\0"s},
      {"array of booleans with a 3", "ab", u(8) + u(1) + u(3)},
      {"dict entry without a value", "a{su}", u(6) + u(0) + str("a")},
      {"dict entry, padding not zero", "a{yu}", u(8) + u(0) + "\x01xyz" + u(1)},
      {"variant without a signature", "v", "\0\0"s},
      {"variant of two types", "v", "\x02yy\0\x01\x01"s},
      {"variant of an invalid type", "v", "\x01z\0\x01"s},
      {"variant of half a struct", "v", "\x02(y\0\x01"s},
      {"variant of a dict entry", "v", "\x04{yy}\0\0\0\x01\x01"s},
      {"variant that ends", "v", "\x01u\0"s},
      {"variant, padding not zero", "v", "\x01u\0x"s + u(1)},
      {"variants 70 deep", "v", deep_variant},
      {"an fd, when there is none", "h", u(0)},
      {"an fd in a variant", "v", "\x01h\0\0"s + u(0)},
  };
  for (auto& bad : table) {
    Fields f = with(call_fields(), DBUS_GENL_MSG_A_SIGNATURE, z(bad.signature));
    f = with(f, DBUS_GENL_MSG_A_BODY, bad.body);
    if (bad.signature.empty()) f.erase(f.end() - 2);
    if (bad.body.empty()) f.pop_back();
    send_refused(f, "body: "s + bad.what, {EINVAL});
    f = with(f, DBUS_GENL_MSG_A_DESTINATION, z("org.freedesktop.DBus"));
    send_refused(f, "body to the driver: "s + bad.what, {EINVAL});
  }
  // The largest that fits one attribute, and one beyond the bus's limit in all.
  Fields big = with(call_fields(), DBUS_GENL_MSG_A_SIGNATURE, z("ay"));
  big = with(big, DBUS_GENL_MSG_A_BODY, bytes_of(uint32_t(65000)) + std::string(65000, 'x'));
  big.insert(big.end() - 2, {DBUS_GENL_MSG_A_INTERFACE, z("a." + std::string(65000, 'a'))});
  send_refused(big, "message larger than the bus allows", {EMSGSIZE, EINVAL, ERANGE});
}

// Several messages in one datagram, and what is behind a message.
void Malformed::framing() {
  Message first = call("malformed.B", "/first", "i.I", "M", Args().s("for b alone"));
  Message second = call(c_.name(), "/second", "i.I", "M", Args().s("for c alone"));
  first.flags = second.flags = NO_REPLY;
  first.serial = 1001;
  second.serial = 1002;
  uint32_t seq1 = a_.sock.next_seq(), seq2 = a_.sock.next_seq();
  Bytes both = genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(first), 0, seq1);
  Bytes other = genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(second), NLM_F_ACK, seq2);
  both.insert(both.end(), other.begin(), other.end());
  Answer a = a_.sock.request_bytes(both, seq2);
  tap_.ok(a.error == 0, "two messages in one datagram are taken (%d)", a.error);
  // Raw reads, so that what is behind the message would be seen.
  for (Peer* p : {&b_, &c_}) {
    char raw[4096];
    ssize_t n = recv(p->sock.fd(), raw, sizeof raw, MSG_DONTWAIT);
    std::string_view seen(raw, n > 0 ? static_cast<size_t>(n) : 0);
    nlmsghdr h{};
    if (n >= static_cast<ssize_t>(sizeof h)) std::memcpy(&h, raw, sizeof h);
    const char* own = p == &b_ ? "for b alone" : "for c alone";
    const char* others = p == &b_ ? "for c alone" : "for b alone";
    tap_.ok(seen.find(own) != std::string_view::npos && seen.find(others) == std::string_view::npos,
            "%s receives its message and not the other's", p == &b_ ? "b" : "c");
    tap_.ok(n > 0 && NLMSG_ALIGN(h.nlmsg_len) == static_cast<uint32_t>(n) && h.nlmsg_pid == 0,
            "and nothing behind it (%zd bytes, message of %u, pid %u)", n, h.nlmsg_len,
            h.nlmsg_pid);
  }
  // Bytes behind the message.
  Bytes trailing = genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(first), NLM_F_ACK, a_.sock.next_seq());
  uint32_t seq = reinterpret_cast<nlmsghdr*>(trailing.data())->nlmsg_seq;
  while (trailing.size() % 4) trailing.push_back(0);
  const std::string secret = "SECRET-SECRE";  // shorter than an nlmsghdr
  trailing.insert(trailing.end(), secret.begin(), secret.end());
  a_.sock.request_bytes(trailing, seq);
  char raw[4096];
  ssize_t n = recv(b_.sock.fd(), raw, sizeof raw, MSG_DONTWAIT);
  std::string_view seen(raw, n > 0 ? static_cast<size_t>(n) : 0);
  tap_.ok(n > 0 && seen.find("SECRET") == std::string_view::npos,
          "bytes behind a message are not handed on");

  // The first is good, the second is not: the first is delivered, once.
  first.serial = 1003;
  both = genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(first), 0, a_.sock.next_seq());
  uint32_t bad_seq = a_.sock.next_seq();
  other = genl_bytes(DBUS_GENL_CMD_SEND, build(with(call_fields(), DBUS_GENL_MSG_A_TYPE, "\0"s)),
                     NLM_F_ACK, bad_seq);
  both.insert(both.end(), other.begin(), other.end());
  a = a_.sock.request_bytes(both, bad_seq);
  auto got = b_.receive(1000);
  tap_.ok(
      (a.error == -EINVAL || a.error == -ERANGE) && got && got->path == "/first" && !b_.receive(0),
      "a good message and a bad one: the good one arrives, once");
  quiet("framing");
}

void Malformed::bus_commands() {
  struct Command {
    const char* name;
    uint8_t cmd;
  };
  const std::vector<Command> commands = {{"CONNECT", DBUS_GENL_CMD_CONNECT},
                                         {"BUS_CREATE", DBUS_GENL_CMD_BUS_CREATE},
                                         {"BUS_DESTROY", DBUS_GENL_CMD_BUS_DESTROY}};
  for (auto& c : commands) {
    auto refuse = [&](const Attrs& attrs, const std::string& what,
                      std::initializer_list<int> errors = {EINVAL, ERANGE}) {
      GenlSocket s;
      s.open();
      refused(s, c.cmd, attrs, errors, c.name + ", "s + what);
    };
    const uint16_t NAME = DBUS_GENL_BUS_A_NAME, UID = DBUS_GENL_BUS_A_UID;
    const std::string good = c.cmd == DBUS_GENL_CMD_BUS_CREATE ? "other" : BUS;
    Attrs name;
    name.str(NAME, good);
    refuse(Attrs(), "no attribute");
    refuse(Attrs().u32(UID, 65534), "no NAME");
    refuse(Attrs().append(name).append(name), "NAME twice");
    refuse(Attrs().raw(NAME, good.data(), good.size()), "NAME without its NUL");
    refuse(Attrs().raw(NAME, nullptr, 0), "NAME empty");
    refuse(Attrs().str(NAME, ""), "NAME of no letters");
    refuse(Attrs().str(NAME, std::string(65, 'a')), "NAME of 65 letters");
    refuse(Attrs().str(NAME, std::string(60000, 'a')), "NAME of 60,000 letters");
    refuse(Attrs().str(NAME, good + '\0' + "x"), "NAME with a NUL inside");
    for (const char* bad : {"a b", "a/b", "a.b", "\xc3\xa9", "../x", "a\nb"})
      refuse(Attrs().str(NAME, bad), "NAME " + quoted(bad));
    refuse(Attrs().nested(NAME, name), "NAME inside itself");
    refuse(Attrs().raw(NAME | NLA_F_NESTED, z(good).data(), good.size() + 1),
           "NAME marked as nested");
    for (int claimed : {0, 2, 60000})
      refuse(Attrs().lying(NAME, static_cast<uint16_t>(claimed), z(good).data(), good.size() + 1),
             "NAME claiming to be " + std::to_string(claimed) + " bytes");
    if (c.cmd != DBUS_GENL_CMD_BUS_CREATE) {
      refuse(Attrs().append(name).u16(UID, 1), "UID of two bytes");
      refuse(Attrs().append(name).u64(UID, 65534), "UID of eight bytes");
      refuse(Attrs().append(name).raw(UID, nullptr, 0), "UID empty");
      refuse(Attrs().append(name).u32(UID, 65534).u32(UID, 65534), "UID twice");
      refuse(Attrs().append(name).u32(UID, ~0u), "UID -1", {EINVAL, ENOENT});
      if (c.cmd == DBUS_GENL_CMD_BUS_DESTROY)
        refuse(Attrs().append(name).u32(DBUS_GENL_BUS_A_FLAGS, 0), "FLAGS");
      refuse(Attrs().append(name).u32(DBUS_GENL_BUS_A_FLAGS, 1u << 31), "an unknown flag");
      refuse(Attrs().append(name).u8(DBUS_GENL_BUS_A_FLAGS, 1), "FLAGS of one byte");
      refuse(Attrs().append(name).u32(DBUS_GENL_BUS_A_MAX_FDS, 1), "MAX_FDS");
      const uint16_t PIDFD = DBUS_GENL_BUS_A_PIDFD;
      refuse(Attrs().append(name).u16(PIDFD, 0), "PIDFD of two bytes");
      refuse(Attrs().append(name).u64(PIDFD, 0), "PIDFD of eight bytes");
      refuse(Attrs().append(name).raw(PIDFD, nullptr, 0), "PIDFD empty");
      refuse(Attrs().append(name).u32(PIDFD, 0).u32(PIDFD, 0), "PIDFD twice");
      refuse(Attrs().append(name).u32(PIDFD | NLA_F_NESTED, 0), "PIDFD marked as nested");
      // Of CONNECT's, what is right but for the fd is in the test "process-fd".
      for (uint32_t fd : {0u, 0x7fffffffu, 0x80000000u, ~0u})
        refuse(Attrs().append(name).u32(PIDFD, fd), "PIDFD " + std::to_string(fd), {EINVAL, EBADF});
      refuse(Attrs().append(name).u32(DBUS_GENL_BUS_A_MAX_BODY_FD_SIZE, 1), "MAX_BODY_FD_SIZE");
    } else {
      refuse(Attrs().append(name).u32(DBUS_GENL_BUS_A_FLAGS, 2), "an unknown flag");
      refuse(Attrs().append(name).u32(DBUS_GENL_BUS_A_FLAGS, ~0u), "all flags");
      refuse(Attrs().append(name).u8(DBUS_GENL_BUS_A_FLAGS, 1), "FLAGS of one byte");
      refuse(Attrs().append(name).u32(DBUS_GENL_BUS_A_FLAGS, 0).u32(DBUS_GENL_BUS_A_FLAGS, 0),
             "FLAGS twice");
      refuse(Attrs().append(name).str(DBUS_GENL_BUS_A_MACHINE_ID, "short"),
             "MACHINE_ID of five letters");
      refuse(Attrs().append(name).str(DBUS_GENL_BUS_A_MACHINE_ID, std::string(32, 'x')),
             "MACHINE_ID not hexadecimal");
      refuse(Attrs().append(name).u32(DBUS_GENL_BUS_A_PIDFD, 0), "PIDFD");
    }
    refuse(Attrs().append(name).str(DBUS_GENL_BUS_A_GUID, std::string(32, 'a')), "GUID");
    refuse(Attrs().append(name).u32(DBUS_GENL_BUS_A_REASON, 1), "REASON");
    refuse(Attrs().append(name).nested(DBUS_GENL_BUS_A_STATS, Attrs()), "STATS");
    for (uint16_t unknown : {11, 12, 500})
      refuse(Attrs().append(name).u32(unknown, 0), "unknown attribute " + std::to_string(unknown));
    refuse(Attrs().append(name).u32(0, 0), "attribute UNSPEC");
  }
  GenlSocket s;
  s.open();
  refused(s, DBUS_GENL_CMD_CONNECT, Attrs().str(DBUS_GENL_BUS_A_NAME, "nosuchbus"), {ENOENT},
          "CONNECT to no bus");
  refused(s, DBUS_GENL_CMD_BUS_DESTROY, Attrs().str(DBUS_GENL_BUS_A_NAME, "nosuchbus"), {ENOENT},
          "BUS_DESTROY of no bus");
  refused(s, DBUS_GENL_CMD_BUS_CREATE, Attrs().str(DBUS_GENL_BUS_A_NAME, BUS), {EEXIST},
          "BUS_CREATE of one that is there");
  refused(s, DBUS_GENL_CMD_BUS_CREATE, Attrs().str(DBUS_GENL_BUS_A_NAME, "system"), {EPERM},
          "BUS_CREATE of the system bus");
  refused(a_.sock, DBUS_GENL_CMD_CONNECT, Attrs().str(DBUS_GENL_BUS_A_NAME, BUS), {EISCONN},
          "CONNECT again");
  refused(a_.sock, DBUS_GENL_CMD_BUS_CREATE, Attrs().str(DBUS_GENL_BUS_A_NAME, "other"), {EBUSY},
          "BUS_CREATE by a peer");
  refused(bus_.sock, DBUS_GENL_CMD_BUS_CREATE, Attrs().str(DBUS_GENL_BUS_A_NAME, "other"), {EBUSY},
          "BUS_CREATE by a controller");
  refused(s, DBUS_GENL_CMD_SEND, build(call_fields()), {ENOTCONN}, "SEND by no peer");
  refused(s, DBUS_GENL_CMD_PULL, Attrs(), {ENOTCONN}, "PULL by no peer");
  for (uint16_t type : {1, 2, 100})
    refused(a_.sock, DBUS_GENL_CMD_PULL, Attrs().u32(type, 1), {EINVAL},
            "PULL with attribute " + std::to_string(type));
  refused(s, DBUS_GENL_CMD_STATS_GET, Attrs().u32(1, 1), {EINVAL}, "STATS_GET with an attribute");
  refused(s, DBUS_GENL_CMD_STATS_GET, Attrs().u64(DBUS_GENL_STATS_A_PEERS, 1), {EINVAL},
          "STATS_GET with an attribute of its answer");
  refused(s, DBUS_GENL_CMD_BUS_GET, Attrs().u32(500, 1), {EINVAL},
          "BUS_GET with an unknown attribute", true, NLM_F_DUMP);
  quiet("bus commands");
}

void Malformed::claims() {
  const uint16_t SENDER = DBUS_GENL_MSG_A_SENDER, SERIAL = DBUS_GENL_MSG_A_SERIAL;
  Attrs good;
  good.u64(SENDER, b_.id).u32(SERIAL, 1);
  auto refuse = [&](const Attrs& attrs, const std::string& what) {
    refused(a_.sock, DBUS_GENL_CMD_FD_CLAIM, attrs, {EINVAL, ERANGE}, "FD_CLAIM, " + what);
  };
  refuse(Attrs(), "no attribute");
  refuse(Attrs().u64(SENDER, 1), "SENDER alone");
  refuse(Attrs().u32(SERIAL, 1), "SERIAL alone");
  refuse(Attrs().u32(SENDER, 1).u32(SERIAL, 1), "SENDER of four bytes");
  refuse(Attrs().u64(SENDER, 1).u64(SERIAL, 1), "SERIAL of eight bytes");
  refuse(Attrs().raw(SENDER, nullptr, 0).u32(SERIAL, 1), "SENDER empty");
  refuse(Attrs().append(good).u64(SENDER, 1), "SENDER twice");
  refuse(Attrs().append(good).u32(SERIAL, 1), "SERIAL twice");
  for (uint16_t type = DBUS_GENL_MSG_A_PAD; type <= DBUS_GENL_MSG_A_MAX + 1; ++type)
    if (type != SENDER && type != SERIAL)
      refuse(Attrs().append(good).u32(type, 1), "with attribute " + std::to_string(type));
  refuse(Attrs().append(good).u32(0, 0), "with attribute UNSPEC");
  refuse(Attrs().nested(SENDER, good), "nested");
  GenlSocket s;
  s.open();
  refused(s, DBUS_GENL_CMD_FD_CLAIM, good, {ENOTCONN}, "FD_CLAIM by no peer");
  refused(bus_.sock, DBUS_GENL_CMD_FD_CLAIM, good, {ENOTCONN}, "FD_CLAIM by the controller");
  refused(a_.sock, DBUS_GENL_CMD_FD_CLAIM, good, {EOPNOTSUPP}, "FD_CLAIM as a dump", false,
          NLM_F_DUMP);
  quiet("claims");
}

void Malformed::other_commands() {
  const std::pair<const char*, uint8_t> dumps[] = {{"PEER_GET", DBUS_GENL_CMD_PEER_GET},
                                                   {"NAME_GET", DBUS_GENL_CMD_NAME_GET},
                                                   {"MATCH_GET", DBUS_GENL_CMD_MATCH_GET}};
  for (auto& [name, cmd] : dumps) {
    refused(a_.sock, cmd, Attrs(), {EINVAL}, name + " of no bus"s, true, NLM_F_DUMP);
    refused(a_.sock, cmd, Attrs(), {EOPNOTSUPP}, name + " not as a dump"s);
  }
  // What the kernel sends; and no commands at all.  Generic netlink itself
  // answers these, without a text.
  for (int cmd : {0, int(DBUS_GENL_CMD_MESSAGE), int(DBUS_GENL_CMD_DISCONNECT),
                  int(DBUS_GENL_CMD_MAX) + 1, 200, 255})
    refused(a_.sock, static_cast<uint8_t>(cmd), Attrs(), {EOPNOTSUPP},
            "command " + std::to_string(cmd), false);
  refused(a_.sock, DBUS_GENL_CMD_SEND, build(call_fields()), {EOPNOTSUPP}, "SEND as a dump", false,
          NLM_F_DUMP);
  quiet("other commands");
}

// Below generic netlink: lengths that lie, messages cut short, noise.
void Malformed::header() {
  Stats before = stats();
  const Bytes good = genl_bytes(DBUS_GENL_CMD_SEND, build(call_fields()), NLM_F_ACK, 0x1234);
  for (size_t n = 0; n < good.size(); ++n) {
    Bytes cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(n));
    a_.sock.send_bytes(cut);  // header says more than there is
    if (n >= sizeof(nlmsghdr)) {
      auto len = static_cast<uint32_t>(n);
      std::memcpy(cut.data(), &len, sizeof len);  // header tells the truth, attributes are cut
      a_.sock.send_bytes(cut);
    }
  }
  for (uint32_t lie : {0u, 1u, 15u, 16u, 19u, 0xffffu, 0xffffffffu}) {
    Bytes b = good;
    std::memcpy(b.data(), &lie, sizeof lie);
    a_.sock.send_bytes(b);
  }
  uint32_t x = 12345;
  for (int round = 0; round < 2000; ++round) {
    Bytes b = good;
    for (int flips = 0; flips < 4; ++flips) {
      x = x * 1664525 + 1013904223;
      size_t at = 20 + (x >> 8) % (b.size() - 20);
      b[at] = static_cast<uint8_t>(x >> 24);
    }
    a_.sock.send_bytes(b);
    while (a_.sock.receive(0)) {
    }
  }
  while (a_.sock.receive(100)) {
  }
  // What is left may be a good message (without its body, or with another name);
  // what arrived must then be well-formed.
  int good_ones = 0, malformed = 0;
  for (Peer* p : {&b_, &c_})
    while (auto m = p->receive(200)) {
      ++good_ones;
      malformed += m->text().find("!malformed") != std::string::npos || m->sender != a_.id;
      if (m->type == CALL && !(m->flags & NO_REPLY)) {
        Message reply = reply_to(*m);
        p->send(reply);
      }
    }
  while (a_.receive(100)) {
  }
  Stats after = stats();
  tap_.ok(malformed == 0 && same_gauges(before, after),
          "4,000 cut and garbled messages: %d were good by chance, none malformed arrived",
          good_ones);
}

void Malformed::quiet(const std::string& group) {
  std::string got;
  for (Peer* p : {&b_, &c_})
    while (auto m = p->receive(0)) got += " " + m->path + " " + m->member;
  tap_.ok(got.empty(), "after %s nobody has received anything%s", group.c_str(), got.c_str());
}

void Malformed::serves() {
  Message m = call("malformed.B", "/o", "i.I", "M", Args().s("still"));
  int error = a_.send(m);
  auto got = b_.receive(1000);
  bool arrived = got && got->string_arg() == "still";
  if (arrived) {
    Message reply = reply_to(*got, Args().s("here"));
    b_.send(reply);
  }
  auto answer = a_.receive(1000);
  while (answer && answer->reply_serial != m.serial) answer = a_.receive(1000);
  tap_.ok(!error && arrived && answer && answer->string_arg() == "here",
          "and the bus serves as before");
}

void Malformed::run() {
  start();
  const Stats before = stats();
  attribute_by_attribute(
      "call", call_fields(),
      {DBUS_GENL_MSG_A_SENDER, DBUS_GENL_MSG_A_TYPE, DBUS_GENL_MSG_A_SERIAL, DBUS_GENL_MSG_A_PATH,
       DBUS_GENL_MSG_A_MEMBER, DBUS_GENL_MSG_A_SIGNATURE, DBUS_GENL_MSG_A_BODY});
  attribute_by_attribute("signal", signal_fields(),
                         {DBUS_GENL_MSG_A_SENDER, DBUS_GENL_MSG_A_TYPE, DBUS_GENL_MSG_A_SERIAL,
                          DBUS_GENL_MSG_A_PATH, DBUS_GENL_MSG_A_INTERFACE, DBUS_GENL_MSG_A_MEMBER,
                          DBUS_GENL_MSG_A_SIGNATURE, DBUS_GENL_MSG_A_BODY});
  attribute_by_attribute("return", reply_fields(RETURN), {DBUS_GENL_MSG_A_REPLY_SERIAL});
  attribute_by_attribute("error", reply_fields(ERROR),
                         {DBUS_GENL_MSG_A_REPLY_SERIAL, DBUS_GENL_MSG_A_ERROR_NAME});
  quiet("SEND, attribute by attribute");
  send_values();
  quiet("bad values");
  bodies();
  quiet("bad bodies");
  bus_commands();
  claims();
  other_commands();
  Stats after = stats();
  tap_.ok(after[DBUS_GENL_STATS_A_ROUTED] == before.at(DBUS_GENL_STATS_A_ROUTED),
          "of all that, the bus has routed nothing");
  framing();
  header();
  serves();
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  {
    Malformed test(tap);
    test.run();
  }
  nothing_left(tap, before, 2000);
  return tap.finish();
}
