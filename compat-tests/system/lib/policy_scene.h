// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * policy_scene.h - a policy, some peers and what they send, acted out on a bus
 *
 * The same scene on dbus-daemon, on the kernel's bus and on the kernel's policy
 * compiled for the host must give the same transcript: who may connect, who
 * received what in which order, and every error's text.
 */
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dg::test {

struct PeerSpec {
  uint32_t uid = 0;
  std::vector<uint32_t> groups;  // the first is the effective one
};

// What peer `from` sends.  "" and 0 are absent fields.
struct PolicySend {
  unsigned from = 0;
  uint8_t type = 1;
  uint8_t flags = 0;
  int reply_to = -1;        // index of the send that it answers, in the whole scene
  uint32_t no_call = 0;     // or the serial of none
  std::string destination;  // "@2" is peer 2's unique name
  std::string path, interface, member, error_name;
  unsigned n_fds = 0;
  std::string arg;  // a string argument, if has_arg
  bool has_arg = false;
  uint32_t flag_arg = 0;  // and a u32 behind it, if has_flag
  bool monitor = false;   // the arguments of BecomeMonitor, without rules
  bool has_flag = false;
};

// A call of the driver, its arguments to be filled in.
PolicySend to_driver(unsigned from, const std::string& member);

struct Scene {
  std::string policy;  // <policy> elements
  std::vector<PeerSpec> peers;
  std::vector<PolicySend> sends;
  std::vector<uint32_t> console;  // users that are at the console
  uint32_t owner = 0;             // the bus's user
};

struct Received {
  std::string sender;  // a unique name, or the driver's; "" if there is none
  uint8_t type = 0;
  uint32_t serial = 0, reply_serial = 0;
  std::string member, error_name, text;  // text: the first argument, if it is a string
};

// For a stage that can't be set up: ends the program.
[[noreturn]] void die(const std::string& what);

// A bus with the scene's policy.
class PolicyStage {
 public:
  virtual ~PolicyStage() = default;
  // The peer's unique name, or "": it may not connect.
  virtual std::string connect(unsigned peer, const PeerSpec& spec) = 0;
  // Its serial.  The destination is resolved.
  virtual uint32_t send(unsigned peer, const PolicySend& send, const std::string& destination,
                        uint32_t reply_serial) = 0;
  // What the peer got, once all that it sent has been handled.
  virtual std::vector<Received> sync(unsigned peer) = 0;
};

using Transcript = std::vector<std::string>;

// One line for each connect, and for each message that a peer got.
Transcript act(PolicyStage& stage, const Scene& scene);

// Rules, peers and messages at random.
Scene generate_scene(uint64_t seed, unsigned n_sends);

// Those that chance is too rare for: monitors and eavesdroppers of several users, the console.
struct NamedScene {
  const char* what;
  Scene scene;
};
std::vector<NamedScene> made_scenes();

// What differs, for people; "" if nothing does.
std::string difference(const Scene& scene, const Transcript& theirs, const Transcript& ours);

// dbus-daemon with the policy; the program runs as root or all peers are its own user.
std::unique_ptr<PolicyStage> stage_on_daemon(const Scene& scene);

}  // namespace dg::test
