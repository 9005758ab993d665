// SPDX-License-Identifier: LGPL-2.1-or-later
// What a server says before a client trusts it: lines of the authentication protocol. However they
// are cut into pieces the client does the same, and says nothing but proper lines itself.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "transport/sasl_client.h"
#include "transport/sasl_fuzz.h"
#include "transport/sasl_hex.h"

namespace {

using namespace dg;
using namespace dg::test;

// A keyring with one cookie, 7, in "fuzz".
class Keyring : public Directory {
 public:
  Keyring() {
    std::FILE* file = std::fopen((std::string(path()) + "/fuzz").c_str(), "w");
    if (!file) std::abort();
    std::fputs("7 1700000000 0123456789abcdef\n", file);
    std::fclose(file);
  }
};

// The credentials' byte, then lines. A client never sends what a server sends.
void check_output(std::string_view output) {
  require(!output.empty() && output[0] == '\0', "the first byte isn't NUL");
  output.remove_prefix(1);
  check_lines(output, [](std::string_view line, std::string_view command, std::string_view rest) {
    require(command == "AUTH" || command == "DATA" || command == "CANCEL" || command == "ERROR" ||
                command == "NEGOTIATE_UNIX_FD" || command == "BEGIN",
            "it isn't a client's command");
    if (command == "DATA")
      require(line.size() == 4 || hex_decode(line.substr(5)).has_value(), "DATA isn't hexadecimal");
    require(command != "BEGIN" || rest.empty(), "something follows BEGIN");
  });
}

struct Run {
  std::size_t taken = 0, said = 0;
  bool done = false, failed = false, unix_fds = false;
  std::string guid;
  bool operator==(const Run&) const = default;
};

Run run(const std::uint8_t* data, std::size_t size, bool whole) {
  static const Keyring keyring;
  SaslClientMechanisms mechanisms;
  mechanisms.push_back(std::make_unique<ExternalMechanism>("1000"));
  mechanisms.push_back(std::make_unique<CookieMechanism>("1000", keyring.path()));
  mechanisms.push_back(std::make_unique<AnonymousMechanism>());
  SaslClient client(std::move(mechanisms), true);
  Run result;
  const auto [taken, said] = feed(client, data, size, whole);
  result.taken = taken;
  check_output(said);
  result.said = said.size();
  result.done = client.done();
  result.failed = client.failed();
  result.unix_fds = client.unix_fds();
  result.guid = client.guid();
  require(!result.done || (!result.failed && result.guid.size() == 32), "done without a GUID");
  require(!result.failed || *client.reason(), "failed without a reason");
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  require(run(data, size, true) == run(data, size, false), "in pieces it does something else");
  return 0;
}
