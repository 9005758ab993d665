// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * policy_differential.cpp - dbus-daemon's verdicts and the kernel's are the same
 *
 * SEED SCENES SENDS: policies at random, and messages under each, and some that are not.  A verdict
 * is whether a peer may connect, and for each message and each peer whether the peer gets it; and
 * what the sender is told.
 */
#include <cstdlib>
#include <cstring>

#include "policy_kernel.h"
#include "tap.h"

using namespace dg::test;

namespace {

// What differs, as notes.
void show(Tap& tap, const std::string& text) {
  for (const char* at = text.c_str(); *at;) {
    const char* end = std::strchr(at, '\n');
    tap.note("%.*s", static_cast<int>(end - at), at);
    at = end + 1;
  }
}

void made(Tap& tap) {
  for (const NamedScene& each : made_scenes()) {
    const Transcript theirs = act(*stage_on_daemon(each.scene), each.scene);
    const Transcript ours = act(*stage_on_kernel(each.scene), each.scene);
    const std::string text = difference(each.scene, theirs, ours);
    tap.ok(text.empty() && theirs.size() >= each.scene.peers.size(), "%s: the same %zu lines",
           each.what, theirs.size());
    show(tap, text);
    if (std::getenv("POLICY_VERBOSE"))
      for (const std::string& line : theirs) tap.note("%s", line.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const uint64_t seed = std::strtoull(argv[1], nullptr, 10);
  const unsigned scenes = static_cast<unsigned>(std::atoi(argv[2]));
  const unsigned sends = static_cast<unsigned>(std::atoi(argv[3]));
  Tap tap;
  made(tap);
  unsigned verdicts = 0, delivered = 0, refused = 0, different = 0;
  for (unsigned i = 0; i < scenes; i++) {
    const Scene scene = generate_scene(seed + i, sends);
    const Transcript theirs = act(*stage_on_daemon(scene), scene);
    const Transcript ours = act(*stage_on_kernel(scene), scene);
    verdicts += static_cast<unsigned>(scene.peers.size() * (scene.sends.size() + 1));
    for (const std::string& line : theirs) {
      delivered += line.find(" gets #") != std::string::npos;
      refused += line.find("AccessDenied") != std::string::npos;
    }
    const std::string text = difference(scene, theirs, ours);
    if (text.empty()) continue;
    if (++different > 3) continue;
    show(tap, text);
  }
  tap.ok(different == 0, "%u policies, %u verdicts: %u differ", scenes, verdicts, different);
  tap.ok(delivered > verdicts / 50 && refused > verdicts / 50,
         "there was something to decide: %u messages delivered, %u refused", delivered, refused);
  return tap.finish();
}
