// SPDX-License-Identifier: LGPL-2.1-or-later
// bus_config_test.cpp - which configurations are taken, and what becomes of what they say
#include "policy/bus_config.h"

#include <gtest/gtest.h>
#include <linux/dbus_genl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "policy/config_cases.h"

namespace dg {
namespace {

class BusConfigTest : public testing::Test {
 protected:
  BusConfig read(const std::string& text) const { return read_bus_config(files_.main_file(text)); }

  // "" or what is wrong with it.
  std::string refusal(const std::string& text) const {
    try {
      (void)read(text);
      return "";
    } catch (const ConfigError& error) {
      return error.what();
    }
  }

  // The only rule of a policy.
  PolicyRule rule(const std::string& attributes) const {
    const BusConfig config = read("<policy context='default'><allow " + attributes + "/></policy>");
    return config.policy.at(0).rules.at(0);
  }

  ConfigFiles files_;
};

bool is_one_line(const std::string& text) {
  return !text.empty() && text.find('\n') == std::string::npos;
}

TEST_F(BusConfigTest, TakesWhatDbusDaemonTakes) {
  for (const ConfigCase& each : kConfigCases) {
    if (std::string(each.text) == "<busconfig/>") continue;  // we listen to nothing
    const std::string why = refusal(each.text);
    EXPECT_EQ(why.empty(), each.taken) << each.text << "\n" << why;
    if (!each.taken) {
      EXPECT_TRUE(is_one_line(why)) << why;
      EXPECT_TRUE(why.starts_with(files_.directory().string())) << why;
    }
  }
}

// What is in its directory is left out, one by one, and told of in one line each.
TEST_F(BusConfigTest, LeavesOutWrongFiles) {
  // dbus-daemon waits for who writes into it, for ever.
  ASSERT_EQ(::mkfifo((files_.directory() / "wrong/fifo.conf").c_str(), 0600), 0);
  const BusConfig config = read("<type>x</type><includedir>wrong</includedir>");
  EXPECT_EQ(config.policy.size(), 2U);  // a.conf's, z.conf's
  EXPECT_EQ(config.type, "from an include");
  const char* const wrong[] = {"directory.conf",  "dangling.conf", "fifo.conf",      "main.conf",
                               "text.conf:1: no", "self.conf",     "text.conf:1: no"};
  EXPECT_EQ(config.warnings.size(), std::size(wrong));
  for (const char* name : wrong) {
    EXPECT_TRUE(std::any_of(
        config.warnings.begin(), config.warnings.end(),
        [&](const std::string& warning) { return warning.find(name) != std::string::npos; }))
        << name;
  }
  for (const std::string& warning : config.warnings) EXPECT_TRUE(is_one_line(warning)) << warning;
}

TEST_F(BusConfigTest, ReadsFilesOfADirectory) {
  const BusConfig config = read("<includedir>right</includedir>");
  ASSERT_EQ(config.policy.size(), 1U);
  EXPECT_EQ(config.policy[0].whose, DBUS_GENL_SECTION_A_USER);
  EXPECT_EQ(config.policy[0].value, 65000U);
  EXPECT_TRUE(config.warnings.empty());
}

TEST_F(BusConfigTest, TakesTextAsItIs) {
  EXPECT_EQ(read("<type> a<!-- -->b\n</type>").type, " ab\n");
}

TEST_F(BusConfigTest, ReadsNumbersAsStrtolDoes) {
  struct {
    const char* text;
    uint32_t number;
  } const cases[] = {{"5", 5},  {"010", 8}, {"08", 0}, {"0x10", 16}, {"0xg", 0},  {"1k", 1},
                     {" 5", 5}, {"+5", 5},  {"-0", 0}, {"1e3", 1},   {"0x1f", 31}};
  for (const auto& each : cases) {
    const std::string text = each.text;
    EXPECT_EQ(rule("send_type='*' min_fds='" + text + "'").min_fds, each.number) << text;
    const char* const name = "max_names_per_connection";
    BusConfig config = read(std::string("<limit name='") + name + "'>" + text + "</limit>");
    EXPECT_EQ(config.limits[name], each.number) << text;
  }
}

// All of it is a number, as strtol() reads it, or it is a name.
TEST_F(BusConfigTest, ReadsUsers) {
  struct {
    const char* text;
    std::optional<uint32_t> id;
  } const cases[] = {
      {"root", 0},
      {"0", 0},
      {"0x10", 16},
      {"010", 8},
      {" 7", 7},
      {"+7", 7},
      {"4294967294", 4294967294},
      {"08", {}},
      {"7 ", {}},
      {"0k", {}},
      {"-1", {}},
      {"4294967295", {}},
      {"4294967296", {}},
      {"no such one", {}},
      {"", {}},
  };
  for (const auto& each : cases) {
    for (const char* what : {"user", "group"}) {
      const BusConfig config = read(std::string("<policy ") + what + "='" + each.text + "'/>");
      EXPECT_EQ(config.policy.size(), each.id ? 1U : 0U) << each.text;
      EXPECT_EQ(config.warnings.empty(), each.id.has_value()) << each.text;
      if (each.id && !config.policy.empty()) {
        EXPECT_EQ(config.policy[0].value, *each.id) << each.text;
      }
    }
  }
}

TEST_F(BusConfigTest, KeepsABroadcastWithAPrefix) {
  const PolicyRule made = rule("send_broadcast='true' send_destination_prefix='a.b'");
  EXPECT_EQ(made.broadcast, true);
  EXPECT_EQ(made.name, "a.b");
  EXPECT_TRUE(made.prefix);
}

}  // namespace
}  // namespace dg
