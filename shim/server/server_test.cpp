// SPDX-License-Identifier: LGPL-2.1-or-later
// Servers and clients, ours and the installed library's in every combination, over each transport
// and mechanism; what a server does in its life; what malice it meets.
#include "server/server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/unique_fd.h"
#include "server/peers.h"

namespace dg::test {
namespace {

using namespace std::string_literals;

const Peer& peer_named(const std::string& name) {
  return name == "ours" ? our_peer() : stock_peer();
}

bool exists(const std::string& path) {
  struct stat status;
  return ::lstat(path.c_str(), &status) == 0;
}

// The value of a key in an address that needs no unescaping.
std::string value_in(const std::string& address, const std::string& key) {
  const std::size_t at = address.find(key + "=");
  if (at == address.npos) return "";
  const std::string rest = address.substr(at + key.size() + 1);
  return rest.substr(0, rest.find_first_of(",;"));
}

// --- each transport and mechanism

struct Route {
  std::string name;
  std::string address;
  std::vector<const char*> mechanisms;
  bool anonymous = false;  // what is to come of it
  bool user = true;
  bool fds = true;
};
void PrintTo(const Route& route, std::ostream* out) { *out << route.name; }

std::vector<Route> routes() {
  return {
      {"UnixDir", "unix:dir=" + home.path(), {}},
      {"UnixTmpdir", "unix:tmpdir=" + home.path(), {"EXTERNAL"}},
      {"UnixPathWithBlank", "unix:path=" + home.path() + "/a%20b", {}},
      {"UnixAbstract", "unix:abstract=" + home.path() + "/abstract", {}},
      {"UnixRuntime", "unix:runtime=yes", {}},
      {"SecondOfThree", "unix:path=/no/such;unix:dir=" + home.path() + ";tcp:host=localhost", {}},
      {"UnixCookie", "unix:dir=" + home.path(), {"DBUS_COOKIE_SHA1"}},
      {"UnixAnonymous", "unix:dir=" + home.path(), {"ANONYMOUS"}, true, false},
      {"TcpCookie", "tcp:host=127.0.0.1", {}, false, true, false},
      {"TcpBind", "tcp:host=localhost,bind=*,family=ipv4", {}, false, true, false},
      {"TcpAnonymous", "tcp:host=127.0.0.1", {"ANONYMOUS"}, true, false, false},
      {"NonceTcp", "nonce-tcp:host=127.0.0.1", {}, false, true, false},
  };
}

class RouteTest : public ::testing::TestWithParam<std::tuple<Route, std::string, std::string>> {};

TEST_P(RouteTest, CallAndReply) {
  const Route& route = std::get<0>(GetParam());
  const std::string& server_name = std::get<1>(GetParam());
  const std::string& client_name = std::get<2>(GetParam());
  const Peer& peer = peer_named(server_name);
  Loop loop;
  TestServer server(peer, loop, route.address, route.mechanisms, [&](DBusConnection* connection) {
    peer.dbus_connection_set_allow_anonymous(connection, route.anonymous);
  });
  ASSERT_TRUE(server);
  EXPECT_EQ(value_in(server.address(), "guid"), server.guid());
  TestClient client(peer_named(client_name), loop, server.address());
  ASSERT_TRUE(client);
  EXPECT_EQ(client.echo("hello"), "hello");
  const std::string much(300000, 'm');
  EXPECT_EQ(client.echo(much), much);

  ASSERT_EQ(server.connections().size(), 1U);
  DBusConnection* connection = server.connections().front();
  EXPECT_TRUE(peer.dbus_connection_get_is_authenticated(connection));
  EXPECT_EQ(peer.dbus_connection_get_is_anonymous(connection), route.anonymous);
  unsigned long uid = 0;
  unsigned long pid = 0;
  EXPECT_EQ(peer.dbus_connection_get_unix_user(connection, &uid), route.user);
  EXPECT_EQ(route.user ? uid : ::geteuid(), ::geteuid());
  // Over TCP the installed library knows a process 0.
  if (server.address().starts_with("unix:")) {
    EXPECT_TRUE(peer.dbus_connection_get_unix_process_id(connection, &pid));
    EXPECT_EQ(pid, static_cast<unsigned long>(::getpid()));
  }
  EXPECT_EQ(peer.dbus_connection_can_send_type(connection, DBUS_TYPE_UNIX_FD), route.fds);

  if (route.fds) {
    int pipes[2];
    ASSERT_EQ(::pipe(pipes), 0);
    const UniqueFd reading(pipes[0]);
    const UniqueFd writing(pipes[1]);
    int received = -1;
    EXPECT_EQ(client.echo("fd", writing.get(), &received), "fd");
    const UniqueFd came_back(received);
    struct stat sent, got;
    ASSERT_EQ(::fstat(writing.get(), &sent), 0);
    ASSERT_EQ(::fstat(came_back.get(), &got), 0);
    EXPECT_EQ(sent.st_ino, got.st_ino);
    EXPECT_NE(writing.get(), came_back.get());
  }
}

INSTANTIATE_TEST_SUITE_P(All, RouteTest,
                         ::testing::Combine(::testing::ValuesIn(routes()),
                                            ::testing::Values("ours", "stock"),
                                            ::testing::Values("ours", "stock")),
                         [](const auto& info) {
                           return std::get<0>(info.param).name + "_" + std::get<1>(info.param) +
                                  "_server_" + std::get<2>(info.param) + "_client";
                         });

// The program at the other end passes everything on to a server, and so does its user.
TEST(ServerTest, ClientBehindAProgram) {
  constexpr char kRelay[] =
      "import select, socket, sys\n"
      "a = socket.socket(fileno=0)\n"
      "b = socket.socket(socket.AF_UNIX)\n"
      "b.connect(sys.argv[1])\n"
      "while True:\n"
      "    for s in select.select([a, b], [], [])[0]:\n"
      "        data = s.recv(4096)\n"
      "        if not data:\n"
      "            sys.exit()\n"
      "        (b if s is a else a).sendall(data)\n";
  for (const Peer* peer : {&our_peer(), &stock_peer()}) {
    Loop loop;
    TestServer server(our_peer(), loop, "unix:dir=" + home.path());
    char* script = dbus_address_escape_value(kRelay);
    const std::string address = "unixexec:path=/usr/bin/python3,argv1=-c,argv2="s + script +
                                ",argv3=" + value_in(server.address(), "path");
    dbus_free(script);
    TestClient client(*peer, loop, address);
    EXPECT_EQ(client.echo("x"), "x");
  }
}

// --- addresses that can't be listened on

// open(peer, error) returns whether it went well.
template <typename Open>
void expect_same_outcome(Open&& open) {
  const auto outcome = [&](const Peer& peer) {
    DBusError error = DBUS_ERROR_INIT;
    const std::string text =
        open(peer, &error) ? "no error" : std::string(error.name) + ": " + error.message;
    peer.dbus_error_free(&error);
    return text;
  };
  EXPECT_EQ(outcome(our_peer()), outcome(stock_peer()));
}

class RefusalTest : public ::testing::TestWithParam<std::string> {};

TEST_P(RefusalTest, AsTheInstalledLibrary) {
  expect_same_outcome([](const Peer& peer, DBusError* error) {
    DBusServer* server = peer.dbus_server_listen(GetParam().c_str(), error);
    if (!server) return false;
    peer.dbus_server_disconnect(server);
    peer.dbus_server_unref(server);
    return true;
  });
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusalTest,
    ::testing::Values("", "unix", "unix:", "foo:", "foo:a=b;bar:c=d", "foo:;unix:", "unix:;foo:",
                      "unix:path=/a,abstract=b", "unix:dir=/tmp,tmpdir=/tmp", "unix:runtime=no",
                      "unix:runtime=yes,path=/tmp/x", "unix:path=/no/such", "unix:path=/etc/passwd",
                      "unix:path=/a%zz", "unix:path=/a b",
                      "unix:abstract=", "unix:path=/no/such;tcp:host=1.2.3.4",
                      "unix:path=/tmp/" + std::string(95, 'x'),
                      "unix:abstract=" + std::string(99, 'x'), "tcp:host=1.2.3.4", "tcp:port=abc",
                      "tcp:family=foo", "tcp:host=127.0.0.1,family=ipv6",
                      "systemd:", "launchd:env=X", "autolaunch:", "unixexec:path=/bin/true"));

class ConnectRefusalTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ConnectRefusalTest, AsTheInstalledLibrary) {
  expect_same_outcome([](const Peer& peer, DBusError* error) {
    DBusConnection* connection = peer.dbus_connection_open_private(GetParam().c_str(), error);
    if (!connection) return false;
    peer.dbus_connection_close(connection);
    peer.dbus_connection_unref(connection);
    return true;
  });
}

INSTANTIATE_TEST_SUITE_P(
    All, ConnectRefusalTest,
    ::testing::Values(
        "unix:", "unix:dir=/tmp", "unix:tmpdir=/tmp", "unix:runtime=yes", "unix:runtime=no",
        "unix:runtime=yes,path=/no/such", "unix:dir=/tmp,path=/no/such",
        "unix:tmpdir=/tmp,path=/no/such", "unix:path=/a,abstract=b", "unix:path=/no/such;foo:",
        "unix:path=/tmp/" + std::string(95, 'x'), "unix:path=/tmp/" + std::string(94, 'x'),
        "unix:abstract=" + std::string(99, 'x'), "unix:abstract=" + std::string(98, 'x'),
        "tcp:", "tcp:host=127.0.0.1,port=1", "tcp:host=*,port=1", "tcp:host=127.0.0.1,port=abc",
        "tcp:host=127.0.0.1,port=1,family=foo", "tcp:host=127.0.0.1,port=1,family=ipv6",
        "tcp:host=127.0.0.1,port=1,noncefile=/x", "nonce-tcp:", "nonce-tcp:noncefile=/x",
        "nonce-tcp:host=127.0.0.1,port=1,noncefile=/no/such", "systemd:", "launchd:env=X",
        "foo:;bar:", ";", "unix:path=/a;;"));

// --- a server's life

TEST(ServerTest, FilesGoWithTheServer) {
  Loop loop;
  std::string path, nonce;
  {
    TestServer server(our_peer(), loop, "unix:dir=" + home.path());
    path = value_in(server.address(), "path");
    struct stat status;
    ASSERT_EQ(::lstat(path.c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 0777, 0777U);
    const std::string address = server.address();
    server.stop();
    EXPECT_FALSE(exists(path));
    EXPECT_FALSE(dbus_server_get_is_connected(server.get()));
    EXPECT_EQ(server.address(), address);
    server.stop();
    EXPECT_EQ(loop.watches(), 0U);
  }
  {
    TestServer server(our_peer(), loop, "nonce-tcp:host=127.0.0.1");
    nonce = value_in(server.address(), "noncefile");
    struct stat status;
    ASSERT_EQ(::lstat(nonce.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_EQ(status.st_size, 16);
  }
  EXPECT_FALSE(exists(nonce));
  EXPECT_FALSE(exists(nonce.substr(0, nonce.rfind('/'))));
}

TEST(ServerTest, SocketOfTheDeadIsReplacedAndTheSuccessorsIsKept) {
  Loop loop;
  const std::string path = home.path() + "/taken";
  TestServer first(our_peer(), loop, "unix:path=" + path);
  TestServer second(our_peer(), loop, "unix:path=" + path);
  ASSERT_TRUE(first && second);
  first.stop();
  EXPECT_TRUE(exists(path));
  TestClient client(our_peer(), loop, second.address());
  EXPECT_EQ(client.echo("x"), "x");
  second.stop();
  EXPECT_FALSE(exists(path));
}

TEST(ServerTest, AllAddressesOfTheHostOnOnePort) {
  Loop loop;
  TestServer server(our_peer(), loop, "tcp:host=localhost");
  ASSERT_TRUE(server);
  EXPECT_GE(loop.watches(), 1U);
  EXPECT_GT(std::stoi(value_in(server.address(), "port")), 0);
}

// In a child of its own: the descriptors are numbered from 3, and must be free.
TEST(ServerTest, SocketsOfTheServiceManager) {
  const auto serve = [] {
    const std::string path = home.path() + "/passed";
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    ::close_range(3, ~0U, 0);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd != 3 || ::bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) < 0 ||
        ::listen(fd, 3) < 0) {
      return 1;
    }
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_PID", std::to_string(::getppid()).c_str(), 1);
    if (dbus_server_listen("systemd:", nullptr)) return 2;  // meant for another
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    Loop loop;
    TestServer server(our_peer(), loop, "systemd:");
    if (!server || ::getenv("LISTEN_FDS") || ::getenv("LISTEN_PID")) return 3;
    if (!server.address().starts_with("unix:path=" + path + ",guid=")) return 4;
    TestClient client(our_peer(), loop, server.address());
    if (client.echo("x") != "x") return 5;
    server.stop();
    return exists(path) ? 0 : 6;  // whose it is
  };
  EXPECT_EXIT(::_exit(serve()), ::testing::ExitedWithCode(0), "");
}

TEST(ServerTest, ConnectionsOutliveTheServer) {
  Loop loop;
  TestServer server(our_peer(), loop, "unix:dir=" + home.path());
  TestClient client(our_peer(), loop, server.address());
  EXPECT_EQ(client.echo("x"), "x");
  server.stop();
  EXPECT_EQ(client.echo("y"), "y");
  server.drop_connections();
  EXPECT_TRUE(loop.run([&] { return !client.is_connected(); }));
}

TEST(ServerTest, ConnectionThatNobodyWantsIsClosed) {
  Loop loop;
  TestServer server(our_peer(), loop, "unix:dir=" + home.path());
  dbus_server_set_new_connection_function(server.get(), nullptr, nullptr, nullptr);
  TestClient client(our_peer(), loop, server.address());
  EXPECT_TRUE(loop.run([&] { return !client.is_connected(); }));
}

TEST(ServerTest, DataAndFunctionsAreFreed) {
  Loop loop;
  static int freed;
  freed = 0;
  const auto free_one = [](void* data) { freed += *static_cast<int*>(data); };
  int one = 1, ten = 10, hundred = 100, thousand = 1000;
  DBusServer* server = dbus_server_listen(("unix:dir=" + home.path()).c_str(), nullptr);
  ASSERT_NE(server, nullptr);
  dbus_int32_t slot = -1;
  ASSERT_TRUE(dbus_server_allocate_data_slot(&slot));
  EXPECT_TRUE(dbus_server_set_data(server, slot, &one, free_one));
  EXPECT_EQ(dbus_server_get_data(server, slot), &one);
  EXPECT_FALSE(dbus_server_set_data(server, slot + 7, &one, nullptr));
  EXPECT_EQ(dbus_server_get_data(server, slot + 7), nullptr);
  dbus_server_set_new_connection_function(server, nullptr, &ten, free_one);
  EXPECT_TRUE(
      dbus_server_set_watch_functions(server, nullptr, nullptr, nullptr, &hundred, free_one));
  EXPECT_TRUE(
      dbus_server_set_timeout_functions(server, nullptr, nullptr, nullptr, &thousand, free_one));
  dbus_server_set_new_connection_function(server, nullptr, nullptr, nullptr);
  EXPECT_EQ(freed, 10);
  EXPECT_EQ(dbus_server_ref(server), server);
  dbus_server_unref(server);
  dbus_server_disconnect(server);
  EXPECT_EQ(freed, 10);
  dbus_server_unref(server);
  EXPECT_EQ(freed, 1111);
  dbus_server_free_data_slot(&slot);
  EXPECT_EQ(slot, -1);
}

TEST(ServerTest, WatchThatIsRefusedLeavesTheOldFunctions) {
  DBusServer* server = dbus_server_listen(("unix:dir=" + home.path()).c_str(), nullptr);
  ASSERT_NE(server, nullptr);
  int added = 0;
  const auto add = [](DBusWatch* watch, void* data) -> dbus_bool_t {
    EXPECT_EQ(dbus_watch_get_flags(watch), unsigned{DBUS_WATCH_READABLE});
    EXPECT_TRUE(dbus_watch_get_enabled(watch));
    ++*static_cast<int*>(data);
    return TRUE;
  };
  const auto refuse = [](DBusWatch*, void*) -> dbus_bool_t { return FALSE; };
  const auto remove = [](DBusWatch*, void* data) { --*static_cast<int*>(data); };
  EXPECT_TRUE(dbus_server_set_watch_functions(server, add, remove, nullptr, &added, nullptr));
  EXPECT_EQ(added, 1);
  EXPECT_FALSE(dbus_server_set_watch_functions(server, refuse, remove, nullptr, &added, nullptr));
  EXPECT_EQ(added, 1);
  // Not disconnected before: all the same nothing is left.
  const std::string path = value_in(server->address(), "path");
  dbus_server_unref(server);
  EXPECT_EQ(added, 0);
  EXPECT_FALSE(exists(path));
}

TEST(ServerTest, UserFunctionDecides) {
  for (const dbus_bool_t allowed : {TRUE, FALSE}) {
    Loop loop;
    static dbus_bool_t answer;
    answer = allowed;
    TestServer server(our_peer(), loop, "unix:dir=" + home.path(), {}, [](DBusConnection* c) {
      dbus_connection_set_unix_user_function(
          c,
          [](DBusConnection* connection, unsigned long uid, void*) -> dbus_bool_t {
            // Not yet, and it may be asked.
            EXPECT_FALSE(dbus_connection_get_is_authenticated(connection));
            EXPECT_EQ(uid, ::geteuid());
            return answer;
          },
          nullptr, nullptr);
    });
    TestClient client(our_peer(), loop, server.address());
    EXPECT_EQ(client.echo("x"), allowed ? "x" : "");
    EXPECT_EQ(client.is_connected(), allowed);
  }
}

TEST(ServerTest, BlockingConversationWithoutAMainLoop) {
  std::atomic<bool> over = false;
  static DBusConnection* accepted;
  accepted = nullptr;
  std::string address;
  std::thread serving;
  {
    DBusServer* server = dbus_server_listen(("unix:dir=" + home.path()).c_str(), nullptr);
    ASSERT_NE(server, nullptr);
    address = server->address();
    dbus_server_set_new_connection_function(
        server,
        [](DBusServer*, DBusConnection* connection, void*) {
          accepted = dbus_connection_ref(connection);
        },
        nullptr, nullptr);
    static DBusWatch* listening;
    dbus_server_set_watch_functions(
        server,
        [](DBusWatch* watch, void*) -> dbus_bool_t {
          listening = watch;
          return TRUE;
        },
        [](DBusWatch*, void*) {}, nullptr, nullptr, nullptr);
    serving = std::thread([server, &over] {
      while (!accepted) dbus_watch_handle(listening, DBUS_WATCH_READABLE);
      // Authentication, calls and their end, all in here.
      while (!over.load() && dbus_connection_read_write_dispatch(accepted, 10)) {
      }
      dbus_connection_close(accepted);
      dbus_connection_unref(accepted);
      dbus_server_disconnect(server);
      dbus_server_unref(server);
    });
  }
  DBusConnection* client = dbus_connection_open_private(address.c_str(), nullptr);
  ASSERT_NE(client, nullptr);
  DBusMessage* call =
      dbus_message_new_method_call(nullptr, "/", "org.freedesktop.DBus.Peer", "Ping");
  DBusMessage* reply = dbus_connection_send_with_reply_and_block(client, call, 5000, nullptr);
  EXPECT_NE(reply, nullptr);
  if (reply) dbus_message_unref(reply);
  dbus_message_unref(call);
  over.store(true);
  serving.join();
  dbus_connection_close(client);
  dbus_connection_unref(client);
}

TEST(ServerTest, ManyClients) {
  Loop loop;
  TestServer server(our_peer(), loop, "unix:dir=" + home.path());
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(
        std::make_unique<TestClient>(i % 2 ? our_peer() : stock_peer(), loop, server.address()));
    // A backlog is shorter than that.
    if (i % 20 == 0) loop.settle();
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_EQ(clients[i]->echo(std::to_string(i)), std::to_string(i));
  }
  EXPECT_EQ(server.connections().size(), clients.size());
  clients.clear();
  EXPECT_TRUE(loop.run([&] {
    return std::none_of(server.connections().begin(), server.connections().end(),
                        [](DBusConnection* c) { return dbus_connection_get_is_connected(c); });
  }));
  EXPECT_EQ(loop.watches(), 1U);
}

// --- raw clients

UniqueFd raw_client(const std::string& address) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  value_in(address, "path").copy(where.sun_path, sizeof where.sun_path - 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
  return fd;
}

void say(const UniqueFd& fd, const std::string& text, int passed = -1) {
  iovec part = {const_cast<char*>(text.data()), text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (passed >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    std::copy_n(reinterpret_cast<char*>(&passed), sizeof passed, CMSG_DATA(c));
  }
  EXPECT_EQ(::sendmsg(fd.get(), &header, MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

bool hung_up(const UniqueFd& fd) {
  char buffer[4096];
  ssize_t n;
  while ((n = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
  }
  return n == 0 || errno == ECONNRESET;
}

const std::string kAuth = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\n"s;

TEST(ServerTest, EndsWithinItsNewConnectionFunction) {
  Loop loop;
  DBusServer* server = dbus_server_listen(("unix:dir=" + home.path()).c_str(), nullptr);
  ASSERT_NE(server, nullptr);
  loop.adopt(our_peer(), server);
  dbus_server_set_new_connection_function(
      server,
      [](DBusServer* same, DBusConnection*, void*) {
        dbus_server_disconnect(same);
        dbus_server_unref(same);
      },
      nullptr, nullptr);
  const UniqueFd client = raw_client(server->address());
  loop.settle();
  EXPECT_EQ(loop.watches(), 0U);
  EXPECT_TRUE(hung_up(client));
}

TEST(ServerTest, ClientWaitsWhileThereAreNoDescriptors) {
  Loop loop;
  TestServer server(our_peer(), loop, "unix:dir=" + home.path());
  const UniqueFd client = raw_client(server.address());
  rlimit limit;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  UniqueFd next(::dup(client.get()));
  const rlimit none = {static_cast<rlim_t>(next.get()), limit.rlim_max};
  next.reset();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_LT(::dup(client.get()), 0);
  loop.settle();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_TRUE(server.connections().empty());
  loop.settle();
  EXPECT_EQ(server.connections().size(), 1U);
  EXPECT_FALSE(hung_up(client));
}

// --- malice

TEST(ServerTest, GoneWhileAuthenticating) {
  Loop loop;
  TestServer server(our_peer(), loop, "unix:dir=" + home.path());
  for (const std::size_t length : {0, 1, 6, 16, 30, 41}) {
    UniqueFd client = raw_client(server.address());
    if (length > 0) say(client, kAuth.substr(0, length));
    loop.settle();
    ASSERT_EQ(server.connections().size(), 1U);
    EXPECT_TRUE(dbus_connection_get_is_connected(server.connections().front()));
    client.reset();
    loop.settle();
    EXPECT_FALSE(dbus_connection_get_is_connected(server.connections().front()));
    server.drop_connections();
  }
  EXPECT_EQ(loop.watches(), 1U);
}

TEST(ServerTest, ClosedWhileAuthenticating) {
  Loop loop;
  TestServer server(our_peer(), loop, "unix:dir=" + home.path());
  UniqueFd client = raw_client(server.address());
  say(client, kAuth);
  loop.settle();
  server.drop_connections();
  EXPECT_TRUE(hung_up(client));
  EXPECT_EQ(loop.watches(), 1U);
}

TEST(ServerTest, FdsWithTheEndOfAuthenticationAreTheFirstMessages) {
  Loop loop;
  TestServer server(our_peer(), loop, "unix:dir=" + home.path());
  UniqueFd client = raw_client(server.address());
  say(client, kAuth);
  loop.settle();
  DBusMessage* call = dbus_message_new_method_call(nullptr, "/", "a.b", "Echo");
  const char* text = "t";
  const int fd = STDERR_FILENO;
  ASSERT_TRUE(dbus_message_append_args(call, DBUS_TYPE_STRING, &text, DBUS_TYPE_UNIX_FD, &fd,
                                       DBUS_TYPE_INVALID));
  dbus_message_set_serial(call, 1);
  char* bytes;
  int size;
  // Not what stands in for fds where there are none: the number of fds is in the header.
  ASSERT_TRUE(dbus_message_marshal(call, &bytes, &size));
  dbus_message_unref(call);
  // In one piece, so that the server reads both at once.
  say(client, "BEGIN\r\n" + std::string(bytes, static_cast<std::size_t>(size)), STDERR_FILENO);
  dbus_free(bytes);
  loop.settle();
  ASSERT_EQ(server.connections().size(), 1U);
  EXPECT_TRUE(dbus_connection_get_is_connected(server.connections().front()));
  char buffer[4096];
  const ssize_t n = ::recv(client.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  // OK, AGREE_UNIX_FD, and a reply.
  EXPECT_GT(n, 100);
}

TEST(ServerTest, FdsBeforeAMessageEndIt) {
  Loop loop;
  TestServer server(our_peer(), loop, "unix:dir=" + home.path());
  UniqueFd client = raw_client(server.address());
  say(client, kAuth);
  loop.settle();
  say(client, "FOO\r\n", STDERR_FILENO);
  loop.settle();
  EXPECT_TRUE(hung_up(client));
}

TEST(ServerTest, WrongNonceEndsIt) {
  for (const bool right : {true, false}) {
    Loop loop;
    TestServer server(our_peer(), loop, "nonce-tcp:host=127.0.0.1");
    std::string address = server.address();
    if (!right) {
      const std::string file = home.path() + "/nonce";
      std::ofstream(file) << std::string(16, 'n');
      address = "nonce-tcp:host=127.0.0.1,port=" + value_in(address, "port") + ",noncefile=" + file;
    }
    for (const Peer* peer : {&our_peer(), &stock_peer()}) {
      TestClient client(*peer, loop, address);
      EXPECT_EQ(client.echo("x") == "x", right);
      EXPECT_EQ(client.is_connected(), right);
    }
  }
}

// The installed library lets such a client call itself authenticated, as no user at all.
TEST(ServerTest, ExternalNeedsASocketThatTellsTheUser) {
  Loop loop;
  TestServer server(our_peer(), loop, "tcp:host=127.0.0.1", {"EXTERNAL"});
  for (const Peer* peer : {&our_peer(), &stock_peer()}) {
    TestClient client(*peer, loop, server.address());
    EXPECT_EQ(client.echo("x"), "");
    EXPECT_FALSE(client.is_connected());
  }
}

// One that never reads what it is answered, and never stops asking.
TEST(ServerTest, FloodDoesNotKeepTheServerFromOthers) {
  Loop loop;
  TestServer server(our_peer(), loop, "unix:dir=" + home.path());
  UniqueFd flood = raw_client(server.address());
  std::string lines("\0", 1);
  for (int i = 0; i < 10000; ++i) lines += "X\r\n";
  for (int i = 0; i < 100; ++i) {
    (void)::send(flood.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    loop.settle();
  }
  TestClient client(our_peer(), loop, server.address());
  EXPECT_EQ(client.echo("x"), "x");
}

// --- threads

TEST(ServerTest, ThreadsListenAndGo) {
  dbus_threads_init_default();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 5; ++i) {
        Loop loop;
        TestServer server(our_peer(), loop, "unix:dir=" + home.path());
        TestClient client(our_peer(), loop, server.address());
        EXPECT_EQ(client.echo("x"), "x");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ServerTest, SetUpAnewByAnotherThread) {
  Loop loop;
  TestServer server(our_peer(), loop, "unix:dir=" + home.path());
  std::atomic<bool> go = false;
  std::thread other([&] {
    while (!go.load()) {
    }
    for (int i = 0; i < 100; ++i) {
      dbus_server_ref(server.get());
      (void)dbus_server_get_is_connected(server.get());
      const char* mechanisms[] = {"EXTERNAL", nullptr};
      dbus_server_set_auth_mechanisms(server.get(), mechanisms);
      dbus_server_unref(server.get());
    }
  });
  go.store(true);
  for (int i = 0; i < 10; ++i) {
    TestClient client(our_peer(), loop, server.address());
    EXPECT_EQ(client.echo("x"), "x");
  }
  other.join();
}

TEST(ServerTest, DisconnectedByAnotherThread) {
  dbus_threads_init_default();
  for (int round = 0; round < 20; ++round) {
    DBusServer* server = dbus_server_listen(("unix:dir=" + home.path()).c_str(), nullptr);
    ASSERT_NE(server, nullptr);
    DBusWatch* watch = nullptr;
    dbus_server_set_watch_functions(
        server,
        [](DBusWatch* added, void* data) -> dbus_bool_t {
          *static_cast<DBusWatch**>(data) = added;
          return TRUE;
        },
        [](DBusWatch*, void*) {}, nullptr, &watch, nullptr);
    const UniqueFd client = raw_client(server->address());
    std::thread other([&] { dbus_server_disconnect(server); });
    while (dbus_server_get_is_connected(server)) dbus_watch_handle(watch, DBUS_WATCH_READABLE);
    dbus_watch_handle(watch, DBUS_WATCH_READABLE);
    other.join();
    dbus_server_unref(server);
    EXPECT_TRUE(hung_up(client));
  }
}

}  // namespace
}  // namespace dg::test
