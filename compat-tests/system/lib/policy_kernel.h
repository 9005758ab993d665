// SPDX-License-Identifier: LGPL-2.1-or-later
// policy_kernel.h - a bus in the kernel with a scene's policy; more of it than a scene can tell
#pragma once

#include <memory>
#include <string>

#include "peer.h"
#include "policy_scene.h"

namespace dg::test {

// The scene's <policy> elements as a blob, with these users at the console.
Bytes blob_of(const std::string& policy, const std::vector<uint32_t>& console = {});

// POLICY_SET from a bus's controller, inline or as a memfd.
Answer set_policy(Bus& bus, const Bytes& blob, bool as_file = false);

std::unique_ptr<PolicyStage> stage_on_kernel(const Scene& scene);

}  // namespace dg::test
