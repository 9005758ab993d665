// SPDX-License-Identifier: LGPL-2.1-or-later
// Servers when memory is short: each allocation in turn fails, or a few in a row. Listening fails
// as libdbus's does and leaves nothing behind; a client may be lost, but the next one gets through.
#include <dbus/dbus.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "server/server.h"
#include "test/allocation_failure.h"

namespace dg::test {
namespace {

class ServerOomTest : public ::testing::TestWithParam<const char*> {
 protected:
  ServerOomTest() {
    char path[] = "/tmp/dbus-genl-oom-XXXXXX";
    directory_ = ::mkdtemp(path);
    ::setenv("HOME", path, 1);
    ::setenv("TMPDIR", path, 1);
  }
  ~ServerOomTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  bool is_empty() const { return std::filesystem::is_empty(directory_); }
  // DIRECTORY stands for one that is there.
  std::string address() const {
    std::string text = GetParam();
    const std::string word = "DIRECTORY";
    if (const std::size_t at = text.find(word); at != text.npos) {
      text.replace(at, word.size(), directory_);
    }
    return text;
  }

  std::string directory_;
};

TEST_P(ServerOomTest, Listening) {
  const std::string where = address();
  const unsigned long made = for_each_allocation([&](Failing& failing) {
    DBusServer* server = nullptr;
    failing.retry(
        [&] {
          DBusError error = DBUS_ERROR_INIT;
          server = dbus_server_listen(where.c_str(), &error);
          EXPECT_TRUE(server || dbus_error_has_name(&error, DBUS_ERROR_NO_MEMORY)) << error.name;
          dbus_error_free(&error);
          return server != nullptr;
        },
        [&] { EXPECT_TRUE(is_empty()); });
    dbus_server_disconnect(server);
    dbus_server_unref(server);
    EXPECT_TRUE(is_empty());
  });
  EXPECT_GT(made, 3U);
}

// The server's only watch, and the connection that came last.
struct Side {
  DBusWatch* listening = nullptr;
  DBusConnection* connection = nullptr;
};

TEST_P(ServerOomTest, Authentication) {
  Side side;
  DBusServer* server = dbus_server_listen(address().c_str(), nullptr);
  ASSERT_NE(server, nullptr);
  dbus_server_set_watch_functions(
      server,
      [](DBusWatch* watch, void* data) -> dbus_bool_t {
        static_cast<Side*>(data)->listening = watch;
        return TRUE;
      },
      [](DBusWatch*, void*) {}, nullptr, &side, nullptr);
  dbus_server_set_new_connection_function(
      server,
      [](DBusServer*, DBusConnection* connection, void* data) {
        static_cast<Side*>(data)->connection = dbus_connection_ref(connection);
      },
      &side, nullptr);
  const std::string where = server->address();

  unsigned long made = for_each_allocation([&](Failing& failing) {
    failing.retry([&] {
      DBusConnection* client = nullptr;
      {
        const NoFailures own;
        client = dbus_connection_open_private(where.c_str(), nullptr);
      }
      EXPECT_NE(client, nullptr);
      if (!client) return false;
      dbus_watch_handle(side.listening, DBUS_WATCH_READABLE);
      bool authenticated = false;
      // Enough for each line of the slowest mechanism.
      for (int i = 0; i < 20 && side.connection && !authenticated; ++i) {
        {
          const NoFailures own;
          dbus_connection_read_write(client, 0);
        }
        dbus_connection_read_write(side.connection, 0);
        authenticated = dbus_connection_get_is_authenticated(side.connection) &&
                        dbus_connection_get_is_authenticated(client);
      }
      const NoFailures own;
      for (DBusConnection* connection : {client, side.connection}) {
        if (!connection) continue;
        dbus_connection_close(connection);
        dbus_connection_unref(connection);
      }
      side.connection = nullptr;
      return authenticated;
    });
  });
  EXPECT_GT(made, 3U);
  dbus_server_disconnect(server);
  dbus_server_unref(server);
}

INSTANTIATE_TEST_SUITE_P(All, ServerOomTest,
                         ::testing::Values("unix:dir=DIRECTORY", "unix:path=DIRECTORY/a;tcp:",
                                           "nonce-tcp:host=127.0.0.1"));

}  // namespace
}  // namespace dg::test
