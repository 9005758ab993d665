// SPDX-License-Identifier: LGPL-2.1-or-later
// Names, paths, text and signatures: the installed libdbus and ours accept the same and say the
// same of the rest.
#include "message/stock_syntax.h"

#include <gtest/gtest.h>

namespace dg::test {
namespace {

std::string random_string(Random& random, const std::string& alphabet, unsigned longest) {
  std::string text;
  for (unsigned i = random.below(longest + 1); i > 0; --i)
    text += alphabet[random.below(static_cast<unsigned>(alphabet.size()))];
  return text;
}

TEST(StockSyntax, ChosenStrings) {
  const std::string name255 = "a." + std::string(253, 'b'), name256 = name255 + "c";
  for (const std::string& text : {std::string(),
                                  std::string("/"),
                                  std::string("//"),
                                  std::string("/a"),
                                  std::string("/a/"),
                                  std::string("a"),
                                  std::string("a.b"),
                                  std::string(".a.b"),
                                  std::string("a..b"),
                                  std::string("a.b."),
                                  std::string("a.1"),
                                  std::string("1.a"),
                                  std::string(":1"),
                                  std::string(":1.1"),
                                  std::string(":"),
                                  std::string(":."),
                                  std::string(":a."),
                                  std::string(":.1"),
                                  std::string(":a-b.c"),
                                  std::string("a-b.c-d"),
                                  std::string("-.a"),
                                  std::string("_"),
                                  std::string("9"),
                                  std::string("a b"),
                                  name255,
                                  name256,
                                  std::string(255, 'm'),
                                  std::string(256, 'm'),
                                  ":" + std::string(253, '1') + ".",
                                  name255.substr(1),
                                  std::string("\x7f"),
                                  std::string("\xc3\xa9"),
                                  std::string("\xc0\x80"),
                                  std::string("\xe0\x80\x80"),
                                  std::string("\xed\xa0\x80"),
                                  std::string("\xef\xbf\xbe"),
                                  std::string("\xef\xbf\xbf"),
                                  std::string("\xef\xb7\x90"),
                                  std::string("\xf4\x8f\xbf\xbf"),
                                  std::string("\xf4\x90\x80\x80"),
                                  std::string("\xf8\x88\x80\x80\x80"),
                                  std::string("\xf0\x80\x80\x80"),
                                  std::string("a\x80"),
                                  std::string("\xc3"),
                                  std::string("12345678\xff"),
                                  std::string("1234567\xc3\xa9"
                                              "abcdefgh\xe2\x82")})
    ASSERT_EQ(syntax_verdicts(stock(), text), syntax_verdicts(ours(), text)) << hex(text);
}

TEST(StockSyntax, RandomStrings) {
  Random random(1);
  for (int i = 0; i < rounds(20000); ++i) {
    const std::string text = random_string(
        random, random.chance(50) ? "aB1_.-:/" : "ab0._/- \xc3\xa9\xe2\x82\xac\xed\xf0\x9f", 14);
    ASSERT_EQ(syntax_verdicts(stock(), text), syntax_verdicts(ours(), text)) << hex(text);
  }
}

std::string repeat(const std::string& part, int times) {
  std::string text;
  while (times-- > 0) text += part;
  return text;
}

TEST(StockSyntax, ChosenSignatures) {
  std::vector<std::string> signatures = {
      "",       "a",     "aa",     "(",         "()",      "(i",   ")",   "{ii}",  "a{",
      "a{}",    "a{i}",  "a{iii}", "a{vi}",     "a{(i)i}", "}",    "(i}", "a{i)",  "(a)",
      "(a{i",   "a{i(",  "a{sv}",  "h",         "r",       "e",    "a()", "a{v}",  "a{ai}",
      "a{aii}", "(a{ii", "a{i(i",  "a{",        "a{i",     "a{ii", "(((", "a(a{s", "a{a}",
      "a{sa}",  "(aa)",  "v",      "a{sa{sv}}", "(i)i)",   "\xff"};
  for (const int n : {10, 16, 31, 32, 33, 64}) {
    signatures.push_back(repeat("a", n) + "i");
    signatures.push_back(repeat("(", n) + "i" + repeat(")", n));
    signatures.push_back(repeat("a{i", n) + "i" + repeat("}", n));
    signatures.push_back(repeat("(a", n) + "i" + repeat(")", n));
    signatures.push_back(repeat("a(", n) + "i" + repeat(")", n));
    signatures.push_back(repeat("a{i(", n / 2) + "i" + repeat(")}", n / 2));
    signatures.push_back(repeat("a", n / 2) + "(" + repeat("a", n) + "i)");
    signatures.push_back(repeat("a", n / 2) + "{i" + repeat("a", n) + "i}");
    signatures.push_back(repeat("(i" + repeat("a", n / 4), 6) + "y" + repeat(")", 6));
    signatures.push_back(repeat("i", n * 8 - 1));
    signatures.push_back(repeat("(", n));
  }
  for (const std::string& signature : signatures)
    ASSERT_EQ(signature_verdict(stock(), signature), signature_verdict(ours(), signature))
        << hex(signature);
}

TEST(StockSyntax, RandomSignatures) {
  Random random(2);
  for (int i = 0; i < rounds(60000); ++i) {
    const std::string signature = random.chance(50)
                                      ? random_string(random, "aai((){{}}v", 9)
                                      : random_string(random, "ybnqiuxtdsoghva(){}re", 12);
    ASSERT_EQ(signature_verdict(stock(), signature), signature_verdict(ours(), signature))
        << hex(signature);
  }
  for (int i = 0; i < rounds(2000); ++i) {
    const std::string signature = random_type(random, 6) + random_type(random, 3);
    ASSERT_EQ(signature_verdict(stock(), signature), signature_verdict(ours(), signature))
        << hex(signature);
  }
}

TEST(StockSyntax, TypeCodes) {
  testing::internal::CaptureStderr();  // both warn about what isn't one
  for (int code = 0; code < 256; ++code) {
    EXPECT_EQ(stock().dbus_type_is_valid(code), ours().dbus_type_is_valid(code)) << code;
    EXPECT_EQ(stock().dbus_type_is_basic(code), ours().dbus_type_is_basic(code)) << code;
    EXPECT_EQ(stock().dbus_type_is_container(code), ours().dbus_type_is_container(code)) << code;
    EXPECT_EQ(stock().dbus_type_is_fixed(code), ours().dbus_type_is_fixed(code)) << code;
  }
  testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace dg::test
