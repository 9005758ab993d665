// SPDX-License-Identifier: LGPL-2.1-or-later
// What a client says before a server trusts it. However its lines are cut into pieces the server
// does the same; it says nothing but a server's commands; and it lets nobody in as somebody else.
//
// The first byte chooses how the server is set up.
#include <cstdint>
#include <optional>
#include <string>

#include "transport/sasl_fuzz.h"
#include "transport/sasl_server.h"

namespace {

using namespace dg;
using namespace dg::test;

constexpr uid_t kPeer = 4242;  // neither who runs this nor anybody else
constexpr char kServerGuid[] = "00112233445566778899aabbccddeeff";

SaslServer::Options options_of(std::uint8_t choice) {
  // What cookies it keeps there is not in the fuzzer's reach.
  static const Directory keyring;
  SaslServer::Options options;
  options.guid = kServerGuid;
  options.facts.keyring = keyring.path();
  if (choice & 1) options.facts.peer_uid = kPeer;
  if (choice & 2) options.nonce = "0123456789abcdef";
  options.may_pass_fds = choice & 4;
  if (choice & 8) options.mechanisms = std::vector<std::string>{"EXTERNAL"};
  return options;
}

void check_output(std::string_view output) {
  check_lines(output, [](std::string_view line, std::string_view command, std::string_view) {
    require(command == "OK" || command == "DATA" || command == "REJECTED" || command == "ERROR" ||
                command == "AGREE_UNIX_FD",
            "it isn't a server's command");
    require(command != "OK" || line == std::string("OK ") + kServerGuid, "OK without the GUID");
  });
}

struct Run {
  std::size_t taken = 0;
  bool done = false, failed = false, unix_fds = false;
  std::optional<uid_t> identity;
  bool operator==(const Run&) const = default;
};

Run run(std::uint8_t choice, const std::uint8_t* data, std::size_t size, bool whole) {
  SaslServer server(options_of(choice));
  Run result;
  const auto [taken, said] = feed(server, data, size, whole);
  result.taken = taken;
  check_output(said);
  result.done = server.done();
  result.failed = server.failed();
  result.unix_fds = server.unix_fds();
  require(!result.failed || (!result.done && *server.reason()), "failed without a reason");
  if (!result.done) return result;
  result.identity = server.identity();
  require(said.find("OK ") != said.npos, "done without OK");
  require(!result.identity || ((choice & 1) && *result.identity == kPeer),
          "it lets somebody in as somebody else");
  require(result.identity || !(choice & 8), "it lets somebody in by a mechanism that is off");
  require(!result.unix_fds || (choice & 4), "it agrees to what it can't do");
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  require(run(data[0], data + 1, size - 1, true) == run(data[0], data + 1, size - 1, false),
          "in pieces it does something else");
  return 0;
}
