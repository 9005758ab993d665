// SPDX-License-Identifier: LGPL-2.1-or-later
// UUID files, compared with dbus-uuidgen's library where it has the case.
#include "base/uuid.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <string>

#include "base/error.h"
#include "test/stock_libdbus.h"

// Not in a public header: these are their types as dbus-uuidgen calls them.
extern "C" dbus_bool_t _dbus_get_uuid(const char* filename, char** uuid, dbus_bool_t create,
                                      DBusError* error);

namespace {

class UuidFile : public testing::Test {
 protected:
  UuidFile() {
    EXPECT_TRUE(::mkdtemp(directory_));
    path_ = std::string(directory_) + "/id";
  }
  ~UuidFile() override {
    ::unlink(path_.c_str());
    ::rmdir(directory_);
  }
  void write(const std::string& contents) { std::ofstream(path_) << contents; }

  char directory_[24] = "/tmp/dg-uuid-XXXXXX";
  std::string path_;
};

TEST(Uuid, IsHexAndNew) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    std::string uuid;
    ASSERT_TRUE(dg::create_uuid(&uuid, nullptr));
    EXPECT_EQ(uuid.size(), 32u);
    EXPECT_EQ(uuid.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(seen.insert(uuid).second);
  }
}

TEST_F(UuidFile, ReadsAsStock) {
  const std::string id = "0123456789abcdef0123456789abcdef";
  for (const std::string& contents :
       {id, id + "\n", id + "\n\n", std::string(), std::string("short\n"), id + id, id + " x",
        "\n" + id, std::string("0123456789ABCDEF0123456789ABCDEF\n"), id + " \t\n"}) {
    write(contents);
    DBusError our_error = DBUS_ERROR_INIT, stock_error = DBUS_ERROR_INIT;
    char *ours = nullptr, *stocks = nullptr;
    const bool got = _dbus_get_uuid(path_.c_str(), &ours, FALSE, &our_error);
    const bool expected = STOCK(_dbus_get_uuid)(path_.c_str(), &stocks, FALSE, &stock_error);
    EXPECT_EQ(got, expected) << contents;
    if (got && expected) {
      EXPECT_STREQ(ours, stocks);
    } else {
      EXPECT_STREQ(our_error.name, stock_error.name) << contents;
      EXPECT_STREQ(our_error.message, stock_error.message) << contents;
    }
    if (got) dbus_free(ours);
    if (expected) STOCK(dbus_free)(stocks);
    dbus_error_free(&our_error);
    STOCK(dbus_error_free)(&stock_error);
  }
}

TEST_F(UuidFile, RefusesWhatIsNotHex) {
  write("0123456789abcdef0123456789abcdeg\n");
  std::string uuid;
  dg::ScopedError error;
  EXPECT_FALSE(dg::read_uuid_file(path_.c_str(), true, &uuid, error.get()));
  EXPECT_STREQ(error->name, DBUS_ERROR_INVALID_FILE_CONTENT);
}

TEST_F(UuidFile, IsCreatedOnceAndReadableByAll) {
  std::string first, second;
  dg::ScopedError missing;
  EXPECT_FALSE(dg::read_uuid_file(path_.c_str(), false, &first, missing.get()));
  EXPECT_STREQ(missing->name, DBUS_ERROR_FILE_NOT_FOUND);
  const mode_t before = ::umask(077);
  ASSERT_TRUE(dg::read_uuid_file(path_.c_str(), true, &first, nullptr));
  ::umask(before);
  struct stat status;
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644u);
  ASSERT_TRUE(dg::read_uuid_file(path_.c_str(), true, &second, nullptr));
  EXPECT_EQ(first, second);
}

TEST(Uuid, MachineIdAsStock) {
  DBusError error = DBUS_ERROR_INIT;
  char* ours = dbus_try_get_local_machine_id(&error);
  char* stocks = STOCK(dbus_try_get_local_machine_id)(nullptr);
  EXPECT_STREQ(ours, stocks);
  dbus_free(ours);
  STOCK(dbus_free)(stocks);
  dbus_error_free(&error);
}

}  // namespace
