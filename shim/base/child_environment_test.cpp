// SPDX-License-Identifier: LGPL-2.1-or-later
// Which entries of LD_PRELOAD and LD_LIBRARY_PATH are taken for this library.
#include "base/child_environment.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace {

class ChildEnvironment : public testing::Test {
 protected:
  ChildEnvironment() {
    EXPECT_TRUE(::mkdtemp(directory_));
    library_ = std::string(directory_) + "/libdbus-1.so.3.32.4";
    link_ = std::string(directory_) + "/libdbus-1.so.3";
    { std::ofstream file(library_); }
    EXPECT_EQ(::symlink("libdbus-1.so.3.32.4", link_.c_str()), 0);
  }
  ~ChildEnvironment() override {
    ::unlink(link_.c_str());
    ::unlink(library_.c_str());
    ::rmdir(directory_);
  }
  std::string preload(const std::string& list) {
    return dg::without_library(list, " :", library_, false);
  }
  std::string path(const std::string& list) {
    return dg::without_library(list, ";:", directory_, true);
  }

  char directory_[24] = "/tmp/dg-child-XXXXXX";
  std::string library_, link_;
};

TEST_F(ChildEnvironment, PreloadLosesTheFileByAnyName) {
  EXPECT_EQ(preload(library_), "");
  EXPECT_EQ(preload(link_), "");
  EXPECT_EQ(preload("libdbus-1.so.3"), "");
  EXPECT_EQ(preload("/a.so " + link_ + " /b.so"), "/a.so:/b.so");
  EXPECT_EQ(preload("/a.so:" + library_), "/a.so");
  EXPECT_EQ(preload("libasan.so:" + link_ + ":" + link_), "libasan.so");
}

TEST_F(ChildEnvironment, PreloadKeepsOthers) {
  EXPECT_EQ(preload("/a.so:/usr/lib/libdbus-1.so.3"), "/a.so:/usr/lib/libdbus-1.so.3");
  EXPECT_EQ(preload("libdbus-glib-1.so.2"), "libdbus-glib-1.so.2");
  EXPECT_EQ(preload(""), "");
}

TEST_F(ChildEnvironment, LibraryPathLosesTheDirectory) {
  EXPECT_EQ(path(directory_), "");
  EXPECT_EQ(path("/opt/lib:" + std::string(directory_) + "/:/srv"), "/opt/lib:/srv");
  EXPECT_EQ(path("/opt/lib"), "/opt/lib");
}

}  // namespace
