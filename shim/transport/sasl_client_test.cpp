// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's side of SASL against scripted servers: every transition of the spec's diagram.
#include "transport/sasl_client.h"

#include <gtest/gtest.h>

#include "transport/sasl_hex.h"

using namespace std::string_literals;

namespace dg {
namespace {

// Asks once, then is done; gives up when told "no".
class QuestionMechanism : public SaslClientMechanism {
 public:
  const char* name() const override { return "QUESTION"; }
  std::optional<std::string> initial_response() override { return std::nullopt; }
  std::optional<std::string> respond(std::string_view data) override {
    if (data == "no") return std::nullopt;
    asked_ = true;
    return "re:" + std::string(data);
  }
  bool expects_ok() const override { return asked_; }

 private:
  bool asked_ = false;
};

const std::string kSaslGuid = "0123456789abcdef0123456789ABCDEF";

SaslClientMechanisms external_and_anonymous() {
  SaslClientMechanisms mechanisms;
  mechanisms.push_back(std::make_unique<ExternalMechanism>("1000"));
  mechanisms.push_back(std::make_unique<AnonymousMechanism>());
  return mechanisms;
}

std::string take_output(SaslClient& client) {
  std::string output(client.output());
  client.output_sent(output.size());
  EXPECT_TRUE(client.output().empty());
  return output;
}

TEST(Hex, RoundTripAndRefusal) {
  EXPECT_EQ(hex_encode("\x00\x7f\xff"s), "007fff");
  EXPECT_EQ(hex_decode("007fFF"), "\x00\x7f\xff"s);
  EXPECT_EQ(hex_decode(""), "");
  EXPECT_EQ(hex_decode("0"), std::nullopt);
  EXPECT_EQ(hex_decode("0g"), std::nullopt);
}

TEST(SaslClient, ExternalWithFds) {
  SaslClient client(external_and_anonymous(), true);
  EXPECT_EQ(take_output(client), "\0AUTH EXTERNAL 31303030\r\n"s);
  EXPECT_EQ(client.feed("OK " + kSaslGuid + "\r\n"), kSaslGuid.size() + 5);
  EXPECT_EQ(take_output(client), "NEGOTIATE_UNIX_FD\r\n");
  EXPECT_FALSE(client.done());
  client.feed("AGREE_UNIX_FD\r\n");
  EXPECT_EQ(take_output(client), "BEGIN\r\n");
  EXPECT_TRUE(client.done());
  EXPECT_TRUE(client.unix_fds());
  EXPECT_EQ(client.guid(), kSaslGuid);
}

TEST(SaslClient, ServerWithoutFds) {
  SaslClient client(external_and_anonymous(), true);
  client.feed("OK " + kSaslGuid + "\r\nERROR\r\n");
  EXPECT_TRUE(client.done());
  EXPECT_FALSE(client.unix_fds());
}

TEST(SaslClient, FdsNotWanted) {
  SaslClient client(external_and_anonymous(), false);
  take_output(client);
  client.feed("OK " + kSaslGuid + "\r\n");
  EXPECT_EQ(take_output(client), "BEGIN\r\n");
  EXPECT_TRUE(client.done());
}

TEST(SaslClient, ByteByByte) {
  SaslClient client(external_and_anonymous(), true);
  const std::string server = "OK " + kSaslGuid + "\r\nAGREE_UNIX_FD\r\n";
  for (char byte : server) EXPECT_EQ(client.feed({&byte, 1}), 1U);
  EXPECT_TRUE(client.done());
}

TEST(SaslClient, LeavesWhatFollowsTheEnd) {
  SaslClient client(external_and_anonymous(), false);
  const std::string server = "OK " + kSaslGuid + "\r\n";
  EXPECT_EQ(client.feed(server + "l\1\0\1"s), server.size());
  EXPECT_EQ(client.feed("more"), 0U);
}

TEST(SaslClient, RejectedGoesOnToTheNextMechanism) {
  SaslClient client(external_and_anonymous(), false);
  take_output(client);
  client.feed("REJECTED EXTERNAL ANONYMOUS\r\n");
  EXPECT_EQ(take_output(client), "AUTH ANONYMOUS " + hex_encode("dbus-genl") + "\r\n");
  client.feed("REJECTED EXTERNAL ANONYMOUS\r\n");
  EXPECT_TRUE(client.failed());
  EXPECT_FALSE(client.done());
}

TEST(SaslClient, ErrorIsAnsweredByCancel) {
  SaslClient client(external_and_anonymous(), false);
  take_output(client);
  client.feed("ERROR \"not now\"\r\n");
  EXPECT_EQ(take_output(client), "CANCEL\r\n");
  client.feed("REJECTED\r\n");
  EXPECT_EQ(take_output(client), "AUTH ANONYMOUS " + hex_encode("dbus-genl") + "\r\n");
}

TEST(SaslClient, OnlyRejectedAnswersCancel) {
  SaslClient client(external_and_anonymous(), false);
  client.feed("ERROR\r\nOK " + kSaslGuid + "\r\n");
  EXPECT_TRUE(client.failed());
}

TEST(SaslClient, ServerThatIgnoresTheInitialResponse) {
  SaslClient client(external_and_anonymous(), false);
  take_output(client);
  client.feed("DATA\r\n");
  EXPECT_EQ(take_output(client), "DATA 31303030\r\n");
  client.feed("OK " + kSaslGuid + "\r\n");
  EXPECT_TRUE(client.done());
}

TEST(SaslClient, MechanismWithAQuestion) {
  SaslClientMechanisms mechanisms;
  mechanisms.push_back(std::make_unique<QuestionMechanism>());
  mechanisms.push_back(std::make_unique<ExternalMechanism>("0"));
  SaslClient client(std::move(mechanisms), false);
  EXPECT_EQ(take_output(client), "\0AUTH QUESTION\r\n"s);
  client.feed("DATA " + hex_encode("who") + "\r\n");
  EXPECT_EQ(take_output(client), "DATA " + hex_encode("re:who") + "\r\n");
  client.feed("DATA " + hex_encode("no") + "\r\n");
  EXPECT_EQ(take_output(client), "CANCEL\r\n");
  client.feed("REJECTED EXTERNAL\r\n");
  EXPECT_EQ(take_output(client), "AUTH EXTERNAL 30\r\n");
}

TEST(SaslClient, MalformedDataAndUnknownCommandsGetError) {
  SaslClient client(external_and_anonymous(), true);
  take_output(client);
  client.feed("DATA xyz\r\n");
  EXPECT_EQ(take_output(client), "ERROR\r\n");
  client.feed("WHATEVER 1 2\r\n");
  EXPECT_EQ(take_output(client), "ERROR\r\n");
  client.feed("OK " + kSaslGuid + "\r\n");
  take_output(client);
  client.feed("OK " + kSaslGuid + "\r\n");
  EXPECT_EQ(take_output(client), "ERROR\r\n");
  EXPECT_FALSE(client.failed());
}

TEST(SaslClient, MalformedGuidFails) {
  for (const char* line : {"OK\r\n", "OK 1234\r\n", "OK 0123456789abcdef0123456789abcdeg\r\n"}) {
    SaslClient client(external_and_anonymous(), false);
    client.feed(line);
    EXPECT_TRUE(client.failed()) << line;
  }
}

TEST(SaslClient, LinesThatNeverEndFail) {
  SaslClient client(external_and_anonymous(), false);
  client.feed("OK no carriage return\n");
  EXPECT_TRUE(client.failed());

  SaslClient flooded(external_and_anonymous(), false);
  for (int i = 0; i < 100 && !flooded.failed(); i++) flooded.feed(std::string(1000, 'x'));
  EXPECT_TRUE(flooded.failed());
}

TEST(SaslClient, PartialOutput) {
  SaslClient client(external_and_anonymous(), false);
  client.output_sent(1);
  EXPECT_EQ(client.output().substr(0, 4), "AUTH");
}

}  // namespace
}  // namespace dg
