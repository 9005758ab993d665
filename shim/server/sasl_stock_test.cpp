// SPDX-License-Identifier: LGPL-2.1-or-later
// The same lines sent to our server and to the installed library's: the same answers, and the same
// opinion of the connection afterwards.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>

#include "base/unique_fd.h"
#include "server/peers.h"

namespace dg::test {
namespace {

using namespace std::string_literals;

std::string hex_of(const std::string& text) {
  std::string digits;
  for (const unsigned char c : text) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", c);
    digits += two;
  }
  return digits;
}

std::string me() { return std::to_string(::geteuid()); }
std::string external(const std::string& user = me()) { return "AUTH EXTERNAL " + hex_of(user); }
std::string cookie() { return "AUTH DBUS_COOKIE_SHA1 " + hex_of(me()); }

struct Script {
  std::string name;
  std::vector<std::string> pieces;  // each is answered before the next one goes out
  std::vector<const char*> mechanisms = {};
  bool allow_anonymous = false;
  int user_function = -1;  // what it returns, if there is one
  bool tcp = false;
};
void PrintTo(const Script& script, std::ostream* out) { *out << script.name; }

std::vector<std::string> lines(std::vector<std::string> texts) {
  for (std::string& text : texts) text += "\r\n";
  texts.front().insert(0, 1, '\0');
  return texts;
}
std::vector<std::string> repeated(const std::string& text, int times) {
  return lines(std::vector<std::string>(static_cast<std::size_t>(times), text));
}

struct Asked {
  const Script* script;
  std::string users;
};

dbus_bool_t on_unix_user(DBusConnection*, unsigned long uid, void* data) {
  auto* asked = static_cast<Asked*>(data);
  asked->users += std::to_string(uid) + " ";
  return static_cast<dbus_bool_t>(asked->script->user_function);
}

class Conversation {
 public:
  Conversation(const Peer& peer, const Script& script) : peer_(peer), asked_{&script, ""} {
    const auto prepare = [&](DBusConnection* connection) {
      peer.dbus_connection_set_allow_anonymous(connection, script.allow_anonymous);
      if (script.user_function >= 0) {
        peer.dbus_connection_set_unix_user_function(connection, on_unix_user, &asked_, nullptr);
      }
    };
    TestServer server(peer, loop_, script.tcp ? "tcp:host=127.0.0.1" : "unix:dir=" + home.path(),
                      script.mechanisms, prepare);
    if (!server) return;
    guid_ = server.guid();
    connect_to(server.address());
    loop_.run([&] { return !server.connections().empty(); });
    for (const std::string& piece : script.pieces) {
      // A server that hangs up in the middle of what it is told is no error here.
      (void)::send(client_.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
      result_ += heard() + "\n";
      if (closed_) break;
    }
    if (!server.connections().empty()) result_ += opinion(server.connections().front());
    result_ += " asked: " + asked_.users;
  }
  const std::string& result() const { return result_; }

 private:
  void connect_to(const std::string& address) {
    sockaddr_un path{};
    sockaddr_in port{};
    tcp_ = address.starts_with("tcp:");
    sockaddr* where = reinterpret_cast<sockaddr*>(&path);
    socklen_t length = sizeof path;
    path.sun_family = AF_UNIX;
    const std::string key = tcp_ ? "port=" : "path=";
    const std::string value = address.substr(address.find(key) + key.size());
    const std::string text = value.substr(0, value.find(','));
    if (tcp_) {
      port.sin_family = AF_INET;
      port.sin_port = htons(static_cast<uint16_t>(std::stoi(text)));
      port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      where = reinterpret_cast<sockaddr*>(&port);
      length = sizeof port;
    } else {
      std::strncpy(path.sun_path, text.c_str(), sizeof path.sun_path - 1);
    }
    client_.reset(::socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client_.get(), where, length), 0) << strerror(errno);
  }

  // The answer. What is random is left out.
  std::string heard() {
    std::string text;
    char buffer[4096];
    for (int turns = tcp_ ? kTcpTurns : 1; turns > 0 && text.empty() && !closed_; --turns) {
      if (tcp_) ::usleep(1000);
      loop_.settle();
      ssize_t n;
      while ((n = ::recv(client_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
        text.append(buffer, static_cast<std::size_t>(n));
      }
      if (n == 0 || errno != EAGAIN) closed_ = true;
    }
    if (const std::size_t at = text.find(guid_); at != text.npos) {
      text.replace(at, guid_.size(), "GUID");
    }
    // A cookie's number and the challenge.
    if (text.starts_with("DATA ") && text.size() > 100) text = "DATA (a challenge)";
    return text + (closed_ ? "(closed)" : "");
  }

  std::string opinion(DBusConnection* connection) {
    unsigned long uid = 0;
    unsigned long pid = 0;
    const bool has_uid = peer_.dbus_connection_get_unix_user(connection, &uid);
    // Over TCP the installed library knows a process 0.
    const bool has_pid = !tcp_ && peer_.dbus_connection_get_unix_process_id(connection, &pid);
    char* id = peer_.dbus_connection_get_server_id(connection);
    std::string text =
        "connected " + std::to_string(peer_.dbus_connection_get_is_connected(connection)) +
        " authenticated " + std::to_string(peer_.dbus_connection_get_is_authenticated(connection)) +
        " anonymous " + std::to_string(peer_.dbus_connection_get_is_anonymous(connection)) +
        " uid " + std::to_string(has_uid) + " " + std::to_string(uid) + " pid " +
        std::to_string(has_pid) + " " + std::to_string(pid) + " fds " +
        std::to_string(peer_.dbus_connection_can_send_type(connection, DBUS_TYPE_UNIX_FD)) +
        " id " + (id ? id : "none");
    peer_.dbus_free(id);
    return text;
  }

  // Its packets may take a little; not every line has an answer.
  static constexpr int kTcpTurns = 200;

  const Peer& peer_;
  Asked asked_;
  Loop loop_;
  UniqueFd client_;
  std::string guid_;
  std::string result_;
  bool tcp_ = false;
  bool closed_ = false;
};

std::vector<Script> scripts() {
  const std::string ok = external();
  std::vector<Script> all = {
      {"Plain", lines({ok, "BEGIN"})},
      {"Fds", lines({ok, "NEGOTIATE_UNIX_FD", "BEGIN"})},
      {"AtOnce", {"\0"s + ok + "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"}},
      {"FdsOverTcp", lines({"AUTH ANONYMOUS", "NEGOTIATE_UNIX_FD", "BEGIN"}), {}, true, -1, true},
      {"CookieOverTcp", lines({cookie(), "DATA 00", "CANCEL"}), {}, false, -1, true},
      {"NoNul", {ok + "\r\n"}},
      {"TwoNuls", {"\0\0"s + ok + "\r\n"}},
      {"EmptyResponse", lines({"AUTH EXTERNAL", "DATA", "BEGIN"})},
      {"EmptyInitialResponse", lines({"AUTH EXTERNAL ", "DATA", "BEGIN"})},
      {"LateResponse", lines({"AUTH EXTERNAL", "DATA " + hex_of(me()), "BEGIN"})},
      {"AnotherUser", lines({external("4711"), external("root"), external(me() + "x")})},
      {"TooLargeAUser", lines({external("4294967296"), external("18446744073709551616")})},
      {"HexIsBad", lines({"AUTH EXTERNAL 3z", "AUTH EXTERNAL 30z", "AUTH FOO 3z",
                          "AUTH EXTERNAL 3 0", "AUTH EXTERNAL 30 "})},
      {"HexIsOdd", lines({"AUTH ANONYMOUS 4", "AUTH ANONYMOUS 0", "AUTH ANONYMOUS 414"})},
      {"HexInCapitals", lines({"AUTH ANONYMOUS 4A4a"})},
      {"AnonymousAllowed", lines({"AUTH ANONYMOUS 41", "NEGOTIATE_UNIX_FD", "BEGIN"}), {}, true},
      {"AnonymousForbidden", lines({"AUTH ANONYMOUS 41", "BEGIN"})},
      {"AnonymousTraceIsNoText", lines({"AUTH ANONYMOUS ff", "AUTH ANONYMOUS 4100"}), {}, true},
      {"UnknownMechanisms",
       lines({"AUTH FOO", "AUTH external 30", "AUTH EXTERNALX 30", "AUTH EXTERNA"})},
      {"OneMechanism", lines({"AUTH", "AUTH ANONYMOUS", ok}), {"EXTERNAL"}},
      {"OtherMechanisms", lines({"AUTH", ok}), {"ANONYMOUS", "DBUS_COOKIE_SHA1"}},
      {"UnheardOfMechanism", lines({"AUTH", "AUTH FOO"}), {"FOO"}},
      {"NotInTheMood",
       lines({"FOO", "DATA", "DATA 30", "CANCEL", "ERROR", "ERROR \"x\"", "NEGOTIATE_UNIX_FD",
              "OK x", "REJECTED", "AGREE_UNIX_FD", "", " ", "auth external"})},
      {"BeginAtOnce", lines({"BEGIN"})},
      {"BeginWithinData", lines({"AUTH EXTERNAL", "BEGIN"})},
      {"WithinData", lines({"AUTH EXTERNAL", "FOO", ok, "NEGOTIATE_UNIX_FD", "CANCEL", ok})},
      {"ErrorWithinData", lines({"AUTH EXTERNAL", "ERROR", ok})},
      {"BadDataWithinData", lines({"AUTH EXTERNAL", "DATA zz", "DATA 3131"})},
      {"WaitingForBegin", lines({ok, "FOO", ok, "DATA", "OK", "NEGOTIATE_UNIX_FD",
                                 "NEGOTIATE_UNIX_FD x", "REJECTED", "BEGIN x"})},
      {"CancelBeforeBegin", lines({ok, "CANCEL", ok, "ERROR", ok, "BEGIN"})},
      {"FdsThenCancel", lines({ok, "NEGOTIATE_UNIX_FD", "CANCEL", ok, "BEGIN"})},
      {"Blanks", lines({"AUTH  EXTERNAL   30 30", "AUTH\tANONYMOUS\t", " AUTH EXTERNAL"})},
      {"BlanksAfterBegin", lines({"AUTH \t EXTERNAL \t " + hex_of(me()), "BEGIN\t"})},
      {"LineFeedAlone", {"\0"s + ok + "\n", "\r\n", ok + "\r", "\n"}},
      {"CarriageReturnInside", lines({"AUTH EXTERNAL\r 30"})},
      {"NotAscii", lines({"AUTH EXTERN\xc4L", "FOO \x01", "BAR \0"s, ok})},
      {"RejectedTooOften", repeated("AUTH", 10)},
      {"CancelledTooOften", repeated("AUTH EXTERNAL\r\nCANCEL", 10)},
      {"UserFunctionAgrees", lines({ok, "BEGIN"}), {}, false, 1},
      {"UserFunctionRefuses", lines({ok, "BEGIN"}), {}, true, 0},
      {"UserFunctionAndNobody", lines({"AUTH ANONYMOUS", "BEGIN"}), {}, true, 0},
      {"UserFunctionDoesNotLetNobodyIn", lines({"AUTH ANONYMOUS", "BEGIN"}), {}, false, 1},
      {"Cookie", lines({cookie(), "DATA 00", cookie(), "DATA " + hex_of("abc def")})},
      {"CookieInTheMiddle", lines({cookie(), ok, "BEGIN"})},
      {"CookieOfNobody", lines({"AUTH DBUS_COOKIE_SHA1", "DATA"})},
      {"CookieOfAnother", lines({"AUTH DBUS_COOKIE_SHA1 " + hex_of("4711"),
                                 "AUTH DBUS_COOKIE_SHA1 " + hex_of("no-such-user")})},
      {"CookieHexIsOdd", lines({cookie(), "DATA 0", "DATA 00"})},
      {"GarbageAfterBegin", {"\0"s + ok + "\r\nBEGIN\r\nGARBAGE-GARBAGE-GARBAGE"}},
      {"HalfALine", {"\0AUTH EXT"s}},
      {"LongLine", {"\0"s + std::string(16382, 'A') + "\r\n"}},
      {"TooLongALine", {"\0"s + std::string(16383, 'A') + "\r\n"}},
      {"EndlessLine", {"\0"s + std::string(70000, 'A')}},
  };
  // Nothing in particular: words of the protocol in any order.
  const std::vector<std::string> words = {
      "AUTH",    "AUTH EXTERNAL", ok,      "AUTH ANONYMOUS 41", "DATA", "DATA " + hex_of(me()),
      "DATA 31", "CANCEL",        "ERROR", "NEGOTIATE_UNIX_FD", "FOO",  "AUTH FOO 00",
      cookie()};
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> texts;
    for (int i = 0; i < 12; ++i) texts.push_back(words[random() % words.size()]);
    texts.push_back("BEGIN");
    all.push_back({"Random" + std::to_string(seed), lines(texts), {}, random() % 2 == 0});
  }
  return all;
}

class SaslStockTest : public ::testing::TestWithParam<Script> {};

TEST_P(SaslStockTest, SameAnswers) {
  const std::string stock = Conversation(stock_peer(), GetParam()).result();
  const std::string ours = Conversation(our_peer(), GetParam()).result();
  EXPECT_EQ(ours, stock);
  EXPECT_NE(stock.find("connected"), stock.npos) << stock;
}

INSTANTIATE_TEST_SUITE_P(All, SaslStockTest, ::testing::ValuesIn(scripts()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace dg::test
