// SPDX-License-Identifier: LGPL-2.1-or-later
// policy_daemon.cpp - a scene on the stock dbus-daemon, through the stock libdbus
#include <dbus/dbus.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "policy_scene.h"
#include "policy_users.h"

namespace dg::test {

namespace {

class Daemon : public PolicyStage {
 public:
  explicit Daemon(const Scene& scene)
      : console_(scene.console), peers_(scene.peers.size()), early_(peers_.size()) {
    char directory[] = "/tmp/policy-XXXXXX";
    if (!::mkdtemp(directory) || ::chmod(directory, 0755)) die("mkdtemp");
    directory_ = directory;
    const std::string config = directory_ + "/bus.conf";
    FILE* file = std::fopen(config.c_str(), "w");
    std::fprintf(
        file,
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\""
        " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
        "<busconfig><user>%u</user><listen>unix:path=%s/socket</listen><auth>EXTERNAL</auth>\n%s"
        "</busconfig>\n",
        scene.owner, directory, scene.policy.c_str());
    std::fclose(file);
    start(config);
  }

  ~Daemon() override {
    for (DBusConnection* peer : peers_) {
      if (!peer) continue;
      ::dbus_connection_close(peer);
      ::dbus_connection_unref(peer);
    }
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    for (const char* name : {"/socket", "/bus.conf"}) (void)::unlink((directory_ + name).c_str());
    (void)::rmdir(directory_.c_str());
  }

  std::string connect(unsigned peer, const PeerSpec& spec) override {
    const BecomeUser user(spec.uid, spec.groups);
    DBusError error = DBUS_ERROR_INIT;
    DBusConnection* connection = ::dbus_connection_open_private(address_.c_str(), &error);
    if (!connection) die(std::string("cannot connect to dbus-daemon: ") + error.message);
    ::dbus_connection_set_exit_on_disconnect(connection, FALSE);
    peers_[peer] = connection;
    DBusMessage* hello = ::dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                        DBUS_INTERFACE_DBUS, "Hello");
    if (!::dbus_connection_send(connection, hello, nullptr)) die("cannot send");
    ::dbus_message_unref(hello);
    std::string name;
    for (Received& received : sync(peer)) {
      if (received.type == DBUS_MESSAGE_TYPE_METHOD_RETURN) {
        name = received.text;
        (void)::dbus_bus_set_unique_name(connection, name.c_str());
      } else {
        early_[peer].push_back(std::move(received));
      }
    }
    return name;
  }

  uint32_t send(unsigned peer, const PolicySend& send, const std::string& destination,
                uint32_t reply_serial) override {
    DBusMessage* message = ::dbus_message_new(send.type);
    auto set = [&](dbus_bool_t (*function)(DBusMessage*, const char*), const std::string& value) {
      if (!value.empty() && !function(message, value.c_str())) die("no memory");
    };
    set(::dbus_message_set_destination, destination);
    set(::dbus_message_set_path, send.path);
    set(::dbus_message_set_interface, send.interface);
    set(::dbus_message_set_member, send.member);
    set(::dbus_message_set_error_name, send.error_name);
    ::dbus_message_set_no_reply(message, (send.flags & 1) != 0);
    ::dbus_message_set_auto_start(message, (send.flags & 2) == 0);
    if (reply_serial) ::dbus_message_set_reply_serial(message, reply_serial);
    if (send.has_arg) {
      const char* text = send.arg.c_str();
      ::dbus_message_append_args(message, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
    }
    if (send.has_flag) {
      ::dbus_message_append_args(message, DBUS_TYPE_UINT32, &send.flag_arg, DBUS_TYPE_INVALID);
    }
    if (send.monitor) {
      const char** none = nullptr;
      const dbus_uint32_t flags = 0;
      ::dbus_message_append_args(message, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &none, 0,
                                 DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID);
    }
    for (unsigned i = 0; i < send.n_fds; i++) {
      const int fd = 1;
      ::dbus_message_append_args(message, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
    }
    dbus_uint32_t serial = 0;
    if (!::dbus_connection_send(peers_[peer], message, &serial)) die("cannot send");
    ::dbus_message_unref(message);
    return serial;
  }

  // What has no destination is answered by libdbus in the daemon, in order, whatever the policy.
  std::vector<Received> sync(unsigned peer) override {
    std::vector<Received> all = std::move(early_[peer]);
    early_[peer].clear();
    DBusMessage* ping = ::dbus_message_new_method_call(nullptr, "/", DBUS_INTERFACE_PEER, "Ping");
    dbus_uint32_t serial = 0;
    if (!::dbus_connection_send(peers_[peer], ping, &serial)) die("cannot send");
    ::dbus_message_unref(ping);
    for (;;) {
      DBusMessage* message = ::dbus_connection_pop_message(peers_[peer]);
      if (!message) {
        if (!::dbus_connection_read_write(peers_[peer], 30000)) {
          return all;  // the daemon has hung up
        }
        continue;
      }
      const bool last =
          !::dbus_message_get_sender(message) && ::dbus_message_get_reply_serial(message) == serial;
      if (!last) all.push_back(read(message));
      ::dbus_message_unref(message);
      if (last) return all;
    }
  }

 private:
  void start(const std::string& config) {
    int out[2];
    if (::pipe2(out, 0)) die("pipe");
    const std::string option = "--config-file=" + config;
    std::string arguments[] = {"dbus-daemon", option, "--nofork", "--nopidfile",
                               "--print-address=1"};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    ::posix_spawn_file_actions_addclose(&actions, out[0]);
    ::posix_spawn_file_actions_addclose(&actions, out[1]);
    if (!std::getenv("POLICY_VERBOSE"))
      ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ)) {
      die("no dbus-daemon");
    }
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    FILE* in = ::fdopen(out[0], "r");
    char line[500];
    if (!std::fgets(line, sizeof line, in)) die("dbus-daemon doesn't start");
    line[std::strcspn(line, "\n")] = 0;
    address_ = line;
    std::fclose(in);
    (void)::chmod((directory_ + "/socket").c_str(), 0777);
  }

  static Received read(DBusMessage* message) {
    auto text = [](const char* value) { return std::string(value ? value : ""); };
    Received received;
    received.sender = text(::dbus_message_get_sender(message));
    received.type = static_cast<uint8_t>(::dbus_message_get_type(message));
    received.serial = ::dbus_message_get_serial(message);
    received.reply_serial = ::dbus_message_get_reply_serial(message);
    received.member = text(::dbus_message_get_member(message));
    received.error_name = text(::dbus_message_get_error_name(message));
    DBusMessageIter iter;
    ::dbus_message_iter_init(message, &iter);
    if (::dbus_message_iter_get_arg_type(&iter) == DBUS_TYPE_STRING) {
      const char* value = nullptr;
      ::dbus_message_iter_get_basic(&iter, &value);
      received.text = text(value);
    }
    return received;
  }

  std::string directory_, address_;
  pid_t pid_ = -1;
  const AtConsole console_;
  std::vector<DBusConnection*> peers_;
  std::vector<std::vector<Received>> early_;  // came with the reply to Hello
};

}  // namespace

std::unique_ptr<PolicyStage> stage_on_daemon(const Scene& scene) {
  return std::make_unique<Daemon>(scene);
}

}  // namespace dg::test
