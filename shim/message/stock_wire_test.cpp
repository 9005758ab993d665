// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes given to the installed libdbus and to ours: both accept the same, for the same reasons, and
// read the same values. The bytes are valid messages of either byte order, and such messages with
// mistakes in them.
#include "message/stock_wire.h"

#include <gtest/gtest.h>

#include <functional>

namespace dg::test {
namespace {

TEST(StockWire, ValidMessagesOfBothOrders) {
  Random random(3);
  for (int i = 0; i < rounds(1500); ++i) {
    const std::string bytes = random_bytes(random);
    ASSERT_EQ(verdict(stock(), bytes), verdict(ours(), bytes)) << i << " " << hex(bytes);
    const std::string other = swapped(bytes, signature_of(bytes));
    ASSERT_EQ(verdict(stock(), other), verdict(ours(), other)) << i << " " << hex(other);
    ASSERT_EQ(verdict(stock(), bytes + "more"), verdict(ours(), bytes + "more"));
    const std::string less = bytes.substr(0, random.below(static_cast<unsigned>(bytes.size())));
    ASSERT_EQ(verdict(stock(), less), verdict(ours(), less)) << hex(less);
  }
}

// Containers in containers up to and beyond the limit, in several mixtures.
TEST(StockWire, Depth) {
  for (const std::string contained : {"v", "av", "(v)", "a{sv}", "aav", "((v))"}) {
    for (int levels = 8; levels < 70; ++levels) {
      const Api& api = stock();
      const Message m(api, api.dbus_message_new_signal("/a", "b.c", "S"));
      api.dbus_message_set_serial(m.get(), 1);
      std::function<void(DBusMessageIter*, const std::string&, int)> nest =
          [&](DBusMessageIter* iter, const std::string& type, int left) {
            DBusMessageIter sub;
            const char* key = "k";
            const dbus_uint32_t number = 5;
            switch (type[0]) {
              case 'v': {
                const std::string inner = left > 0 ? contained : "u";
                api.dbus_message_iter_open_container(iter, DBUS_TYPE_VARIANT, inner.c_str(), &sub);
                nest(&sub, inner, left - 1);
                break;
              }
              case 'a':
                api.dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, &type[1], &sub);
                nest(&sub, type.substr(1), left);
                break;
              case '(':
                api.dbus_message_iter_open_container(iter, DBUS_TYPE_STRUCT, nullptr, &sub);
                nest(&sub, type.substr(1, type.size() - 2), left);
                break;
              case '{':
                api.dbus_message_iter_open_container(iter, DBUS_TYPE_DICT_ENTRY, nullptr, &sub);
                api.dbus_message_iter_append_basic(&sub, DBUS_TYPE_STRING, &key);
                nest(&sub, "v", left);
                break;
              default:
                api.dbus_message_iter_append_basic(iter, DBUS_TYPE_UINT32, &number);
                return;
            }
            api.dbus_message_iter_close_container(iter, &sub);
          };
      DBusMessageIter iter;
      api.dbus_message_iter_init_append(m.get(), &iter);
      nest(&iter, contained, levels);
      const std::string bytes = marshal(api, m.get());
      Error theirs(stock()), mine(ours());
      const int length = static_cast<int>(bytes.size());
      const Message a(stock(), stock().dbus_message_demarshal(bytes.data(), length, theirs));
      const Message b(ours(), ours().dbus_message_demarshal(bytes.data(), length, mine));
      ASSERT_EQ(theirs.text(), mine.text()) << contained << " " << levels;
    }
  }
}

TEST(StockWire, MessagesWithMistakes) {
  Random random(4);
  int accepted = 0, refused = 0;
  for (int i = 0; i < rounds(2000); ++i) {
    std::string bytes = random_bytes(random);
    if (bytes.size() > 600) continue;
    if (random.chance(30)) bytes = swapped(bytes, signature_of(bytes));
    for (int j = 0; j < 20; ++j) {
      const std::string wrong = mutate(bytes, random);
      const std::string expected = verdict(stock(), wrong);
      ASSERT_EQ(expected, verdict(ours(), wrong)) << i << " " << hex(wrong);
      ++(expected.find("Error") == std::string::npos ? accepted : refused);
    }
  }
  // Neither trivial: otherwise the mistakes are made badly.
  EXPECT_GT(accepted, rounds(1000));
  EXPECT_GT(refused, rounds(10000));
}

}  // namespace
}  // namespace dg::test
