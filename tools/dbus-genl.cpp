// SPDX-License-Identifier: LGPL-2.1-or-later
// dbus-genl: looks at the kernel's buses, makes and removes them, checks configurations.
#include <fmt/core.h>
#include <netlink/attr.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "base/uuid.h"
#include "dbus-genl-inspect.h"
#include "dbus-genl-limits.h"
#include "policy/bus_config.h"
#include "transport/genl_control.h"

namespace {

// --- what is counted, in the order of the contract

constexpr dg::Count kCounts[] = {
    {DBUS_GENL_STATS_A_BUSES, "buses", "buses"},
    {DBUS_GENL_STATS_A_PEERS, "peers", "peers"},
    {DBUS_GENL_STATS_A_NAMES, "names", "well-known names with an owner"},
    {DBUS_GENL_STATS_A_NAME_OWNERS, "name_owners", "places in the queues of names"},
    {DBUS_GENL_STATS_A_MATCHES, "matches", "match rules"},
    {DBUS_GENL_STATS_A_REPLIES, "replies", "calls that wait for their reply"},
    {DBUS_GENL_STATS_A_QUEUED_MESSAGES, "queued_messages", "messages in overflow queues"},
    {DBUS_GENL_STATS_A_QUEUED_BYTES, "queued_bytes", "bytes charged for them"},
    {DBUS_GENL_STATS_A_UNCLAIMED_FDS, "unclaimed_fds", "files that wait for their receivers"},
    {DBUS_GENL_STATS_A_STARTS, "starts", "services that are being started"},
    {DBUS_GENL_STATS_A_WAITING, "waiting", "messages and calls that wait for them"},
    {DBUS_GENL_STATS_A_USERS, "users", "users that something is charged to"},
    {DBUS_GENL_STATS_A_ROUTED, "routed", "messages accepted"},
    {DBUS_GENL_STATS_A_DELIVERED, "delivered", "messages delivered"},
    {DBUS_GENL_STATS_A_REFUSED, "refused", "requests and messages refused"},
    {DBUS_GENL_STATS_A_DROPPED, "dropped", "signals lost by slow receivers"},
    {DBUS_GENL_STATS_A_EXPIRED, "expired", "files that receivers did not claim"},
    {DBUS_GENL_STATS_A_OVERFLOWED, "overflowed", "messages that went through overflow queues"},
};

std::string stats_json(const dg::GenlStats& stats) {
  std::string json;
  for (const dg::Count& count : kCounts) {
    json += fmt::format("{}\"{}\": {}", json.empty() ? "{" : ", ", count.key,
                        stats[static_cast<std::size_t>(count.attribute)]);
  }
  return json + "}";
}

// Names are of A-Z a-z 0-9 - _ and GUIDs of hexadecimal digits: nothing needs an escape.
std::string bus_json(const dg::GenlBus& bus) {
  return fmt::format(
      "{{\"name\": \"{}\", \"uid\": {}, \"guid\": \"{}\", \"persistent\": {}, \"stats\": {}}}",
      bus.name, bus.uid, bus.guid, (bus.flags & DBUS_GENL_BUS_PERSISTENT) != 0,
      stats_json(bus.stats));
}

std::string buses_json(const std::vector<dg::GenlBus>& buses) {
  std::string json;
  for (const dg::GenlBus& bus : buses) json += (json.empty() ? "" : ", ") + bus_json(bus);
  return "[" + json + "]";
}

void print_buses(const std::vector<dg::GenlBus>& buses) {
  fmt::print("{:<20} {:>8} {:>7} {:>7} {:>10}  {}\n", "BUS", "UID", "PEERS", "NAMES", "MESSAGES",
             "GUID");
  for (const dg::GenlBus& bus : buses) {
    fmt::print("{:<20} {:>8} {:>7} {:>7} {:>10}  {}{}\n", bus.name, bus.uid,
               bus.stats[DBUS_GENL_STATS_A_PEERS], bus.stats[DBUS_GENL_STATS_A_NAMES],
               bus.stats[DBUS_GENL_STATS_A_ROUTED], bus.guid,
               bus.flags & DBUS_GENL_BUS_PERSISTENT ? "  persistent" : "");
  }
}

void print_stats(const dg::GenlStats& stats) {
  for (const dg::Count& count : kCounts) {
    fmt::print("{:>12}  {}\n", stats[static_cast<std::size_t>(count.attribute)], count.text);
  }
}

// --- asking the kernel

// Ends the program, as every failure here does, with one line that says why.
[[noreturn]] void die(const std::string& text) {
  fmt::print(stderr, "dbus-genl: {}\n", text);
  std::exit(1);
}

dg::GenlSocket open_socket() {
  dg::GenlError error;
  dg::GenlSocket socket = dg::GenlSocket::open(&error);
  if (!socket.is_open()) die(dg::genl_error_text(error));
  return socket;
}

std::vector<dg::GenlBus> get_buses(dg::GenlSocket& socket) {
  std::vector<dg::GenlBus> buses;
  dg::GenlError error;
  if (!dg::genl_bus_list(socket, &buses, &error)) die(dg::genl_error_text(error));
  return buses;
}

dg::GenlStats get_stats(dg::GenlSocket& socket) {
  dg::GenlStats stats{};
  dg::GenlError error;
  if (!dg::genl_stats(socket, &stats, &error)) die(dg::genl_error_text(error));
  return stats;
}

// --- subcommands

void show_status(bool json) {
  dg::GenlSocket socket = open_socket();
  const std::vector<dg::GenlBus> buses = get_buses(socket);
  const dg::GenlStats stats = get_stats(socket);
  if (json) {
    fmt::print("{{\"buses\": {}, \"stats\": {}}}\n", buses_json(buses), stats_json(stats));
    return;
  }
  print_buses(buses);
  fmt::print("\n");
  print_stats(stats);
}

void show_stats(bool json) {
  dg::GenlSocket socket = open_socket();
  const dg::GenlStats stats = get_stats(socket);
  if (json) {
    fmt::print("{}\n", stats_json(stats));
  } else {
    print_stats(stats);
  }
}

void show_buses(bool json) {
  dg::GenlSocket socket = open_socket();
  const std::vector<dg::GenlBus> buses = get_buses(socket);
  if (json) {
    fmt::print("{}\n", buses_json(buses));
  } else {
    print_buses(buses);
  }
}

void inspect(bool (*show)(dg::GenlSocket&, const dg::Inspected&, dg::GenlError*),
             const dg::Inspected& what) {
  dg::GenlSocket socket = open_socket();
  dg::GenlError error;
  if (!show(socket, what, &error)) {
    die(fmt::format("cannot look into the bus \"{}\": {}", what.bus, dg::genl_error_text(error)));
  }
}

void limits(const dg::Inspected& what, const std::vector<std::string>& settings) {
  dg::GenlSocket socket = open_socket();
  dg::GenlError error;
  if (!dg::limits_command(socket, what.bus, what.uid, settings, what.json, &error)) {
    die(fmt::format("limits of the bus \"{}\": {}", what.bus, dg::genl_error_text(error)));
  }
}

// A configuration's policy, ready for the kernel. Throws ConfigError and what policy_blob() does.
std::vector<uint8_t> read_policy(const std::string& file) {
  const dg::BusConfig config = dg::read_bus_config(file);
  for (const std::string& warning : config.warnings) {
    fmt::print(stderr, "dbus-genl: {}\n", warning);
  }
  return dg::policy_blob(config.policy, dg::console_users());
}

void check_policy(const std::string& file) {
  try {
    fmt::print("{}: {} bytes of policy\n", file, read_policy(file).size());
  } catch (const std::exception& error) {
    die(error.what());
  }
}

// "" or what went wrong, in one line. The bus keeps the policy that it has then.
std::string set_policy(dg::GenlSocket& socket, const std::string& file) {
  try {
    const std::vector<uint8_t> blob = read_policy(file);
    const dg::UniqueFd memory(::memfd_create("policy", MFD_CLOEXEC));
    if (!memory ||
        ::write(memory.get(), blob.data(), blob.size()) != static_cast<ssize_t>(blob.size())) {
      return fmt::format("no memory for the policy: {}", std::strerror(errno));
    }
    dg::NlMsg request = socket.request(DBUS_GENL_CMD_POLICY_SET);
    if (!request || nla_put_s32(request.get(), DBUS_GENL_BUS_A_POLICY_FD, memory.get()) < 0) {
      throw std::bad_alloc();
    }
    dg::GenlError error;
    auto none = [](nlmsghdr*) { return true; };
    if (socket.transact(std::move(request), none, &error)) return "";
    return fmt::format("{}: the kernel refuses it: {}", file, dg::genl_error_text(error));
  } catch (const std::exception& error) {
    return error.what();
  }
}

// A bus that isn't persistent lives as long as the socket, so that this waits for a signal. With a
// configuration SIGHUP reads it again, as it does with dbus-daemon.
void create_bus(const std::string& name, bool persistent, const std::string& config) {
  // Before there is a bus: SIGHUP would end it, if it came while the policy is read for the first
  // time.
  sigset_t ending;
  sigemptyset(&ending);
  for (int number : {SIGHUP, SIGINT, SIGTERM}) sigaddset(&ending, number);
  (void)::sigprocmask(SIG_BLOCK, &ending, nullptr);
  dg::GenlSocket socket = open_socket();
  std::string machine_id;
  (void)dg::machine_id(false, &machine_id, nullptr);
  dg::GenlBus bus;
  dg::GenlError error;
  if (!dg::genl_bus_create(socket, name, persistent ? DBUS_GENL_BUS_PERSISTENT : 0, machine_id,
                           &bus, &error)) {
    die(fmt::format("cannot make the bus \"{}\": {}", name, dg::genl_error_text(error)));
  }
  if (!config.empty()) {
    const std::string wrong = set_policy(socket, config);
    if (!wrong.empty()) {
      if (persistent) (void)dg::genl_bus_destroy(socket, name, std::nullopt, &error);
      die(wrong);
    }
  }
  fmt::print("genl:bus={},uid={},guid={}\n", bus.name, bus.uid, bus.guid);
  (void)std::fflush(stdout);
  int number = 0;
  while (!persistent && ::sigwait(&ending, &number) == 0) {
    if (number != SIGHUP || config.empty()) break;
    const std::string wrong = set_policy(socket, config);
    if (!wrong.empty()) fmt::print(stderr, "dbus-genl: {}\n", wrong);
  }
}

void destroy_bus(const std::string& name, const CLI::Option& has_uid, uint32_t uid) {
  dg::GenlSocket socket = open_socket();
  dg::GenlError error;
  const std::optional<uint32_t> owner = has_uid.count() ? std::optional(uid) : std::nullopt;
  if (!dg::genl_bus_destroy(socket, name, owner, &error)) {
    die(fmt::format("cannot remove the bus \"{}\": {}", name, dg::genl_error_text(error)));
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Looks at the D-Bus message buses in the kernel, makes and removes them.",
               "dbus-genl");
  app.require_subcommand(1);
  bool json = false;
  bool persistent = false;
  std::string name, config;
  uint32_t uid = 0;
  std::optional<uint32_t> of_uid;

  CLI::App* status = app.add_subcommand("status", "the buses, and what all of them count");
  CLI::App* stats = app.add_subcommand("stats", "what all buses count");
  CLI::App* buses = app.add_subcommand("buses", "the buses");
  CLI::App* peers = app.add_subcommand("peers", "who is on a bus, and what waits for them");
  CLI::App* users = app.add_subcommand("users", "what its users take of a bus, and may");
  CLI::App* names =
      app.add_subcommand("names", "a bus's well-known names, and who queues for them");
  CLI::App* rules = app.add_subcommand("rules", "the match rules of a bus's peers");
  CLI::App* limit = app.add_subcommand("limits", "a bus's limits, as dbus-daemon names them");
  for (CLI::App* command : {status, stats, buses, peers, users, names, rules, limit}) {
    command->add_flag("--json", json, "for programs");
  }
  CLI::App* bus = app.add_subcommand("bus", "makes or removes a bus");
  bus->require_subcommand(1);
  CLI::App* create = bus->add_subcommand(
      "create", "makes a bus and prints its address; it is there until this program is ended");
  create->add_option("NAME", name, "A-Z a-z 0-9 - _; \"system\" is for administrators")->required();
  create->add_option("--config", config,
                     "dbus-daemon's configuration file whose policy it has; read again on SIGHUP");
  create->add_flag("--persistent", persistent, "leave it there, and end at once");
  CLI::App* destroy = bus->add_subcommand("destroy", "removes a bus, and disconnects who is on it");
  destroy->add_option("NAME", name, "its name")->required();
  CLI::Option* has_uid = destroy->add_option("--uid", uid, "its user, if another");
  CLI::App* policy = app.add_subcommand("policy", "dbus-daemon's configuration files");
  policy->require_subcommand(1);
  CLI::App* check = policy->add_subcommand("check", "says whether a file's policy is right");
  check->add_option("FILE", config, "the configuration file")->required();

  std::vector<std::string> settings;
  for (CLI::App* command : {peers, users, names, rules, limit}) {
    command->add_option("BUS", name, "its name")->required();
    command->add_option("--uid", of_uid, "its user, if another (for administrators)");
  }

  limit->add_option("SETTING", settings, "NAME=VALUE: sets it first");

  CLI11_PARSE(app, argc, argv);
  const dg::Inspected what{name, of_uid, json};
  if (*peers) inspect(dg::show_peers, what);
  if (*users) inspect(dg::show_users, what);
  if (*names) inspect(dg::show_names, what);
  if (*limit) limits(what, settings);
  if (*rules) inspect(dg::show_rules, what);
  if (*status) show_status(json);
  if (*stats) show_stats(json);
  if (*buses) show_buses(json);
  if (*create) create_bus(name, persistent, config);
  if (*check) check_policy(config);
  if (*destroy) destroy_bus(name, *has_uid, uid);
  return 0;
}
