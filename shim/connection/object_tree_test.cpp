// SPDX-License-Identifier: LGPL-2.1-or-later
// The object tree by itself: what is called, in which order, and what survives unregistering at any
// time. What is sent back to callers is compared with the installed libdbus in
// compat-tests/abi/transcripts.
#include "connection/object_tree.h"

#include <dbus/dbus.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"

namespace {

// Never looked into by the tree: it is only handed on.
DBusConnection* const connection = reinterpret_cast<DBusConnection*>(0x1000);

struct Object {
  std::string name;
  std::vector<std::string>* log;
  DBusHandlerResult result = DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
  std::function<void()> action = {};
};

DBusHandlerResult handle(DBusConnection* from, DBusMessage*, void* data) {
  auto* object = static_cast<Object*>(data);
  EXPECT_EQ(from, connection);
  object->log->push_back("call " + object->name);
  if (object->action) object->action();
  return object->result;
}

void unregister(DBusConnection*, void* data) {
  auto* object = static_cast<Object*>(data);
  object->log->push_back("free " + object->name);
}

const DBusObjectPathVTable vtable = {unregister, handle, nullptr, nullptr, nullptr, nullptr};

class ObjectTree : public testing::Test {
 protected:
  bool add(const char* path, Object* object, bool fallback = false, DBusError* error = nullptr) {
    const dg::Lock lock(mutex);
    return tree.register_path(path, &vtable, object, fallback, error);
  }
  bool remove(const char* path) {
    dg::Lock lock(mutex);
    return tree.unregister_path(connection, path, lock);
  }
  DBusHandlerResult dispatch(const char* path, bool* found = nullptr) {
    DBusMessage* message = dbus_message_new_method_call(nullptr, path, "a.b", "C");
    EXPECT_NE(message, nullptr);
    bool found_object = false;
    dg::Lock lock(mutex);
    const DBusHandlerResult result = tree.dispatch(connection, message, lock, &found_object);
    lock.unlock();
    if (found) *found = found_object;
    dbus_message_unref(message);
    return result;
  }
  std::string children(const char* path) {
    const dg::Lock lock(mutex);
    char** names = tree.list_children(path);
    std::string text;
    for (char** name = names; name && *name; ++name) text += std::string(*name) + " ";
    dbus_free_string_array(names);
    return text;
  }
  Object object(const char* name) { return {name, &log}; }
  std::vector<std::string> take_log() { return std::exchange(log, {}); }

  dg::Mutex mutex;
  dg::ObjectTree tree;
  std::vector<std::string> log;
};

using Log = std::vector<std::string>;

TEST_F(ObjectTree, ExactThenFallbacksUpwards) {
  Object root = object("root"), f = object("f"), fx = object("fx"), fxy = object("fxy");
  ASSERT_TRUE(add("/", &root, true));
  ASSERT_TRUE(add("/f", &f, true));
  ASSERT_TRUE(add("/f/x", &fx, false));
  ASSERT_TRUE(add("/f/x/y", &fxy, false));
  dispatch("/f/x/y");
  EXPECT_EQ(take_log(), (Log{"call fxy", "call f", "call root"})) << "/f/x is no fallback";
  dispatch("/f/x/y/z");
  EXPECT_EQ(take_log(), (Log{"call f", "call root"}));
  dispatch("/g");
  EXPECT_EQ(take_log(), (Log{"call root"}));
  f.result = DBUS_HANDLER_RESULT_HANDLED;
  EXPECT_EQ(dispatch("/f/x/y"), DBUS_HANDLER_RESULT_HANDLED);
  EXPECT_EQ(take_log(), (Log{"call fxy", "call f"}));
  fxy.result = DBUS_HANDLER_RESULT_NEED_MEMORY;
  EXPECT_EQ(dispatch("/f/x/y"), DBUS_HANDLER_RESULT_NEED_MEMORY);
}

TEST_F(ObjectTree, FindsObjectsAndTheirParents) {
  Object root = object("root"), ab = object("ab"), f = object("f");
  bool found;
  dispatch("/nope", &found);
  EXPECT_TRUE(found) << "the root stands for everything until it is registered";
  ASSERT_TRUE(add("/a/b", &ab));
  dispatch("/nope", &found);
  EXPECT_TRUE(found);
  ASSERT_TRUE(add("/f", &f, true));
  ASSERT_TRUE(add("/", &root));
  for (const char* path : {"/", "/a", "/a/b", "/f", "/f/u/v"}) {
    EXPECT_EQ(dispatch(path, &found), DBUS_HANDLER_RESULT_NOT_YET_HANDLED);
    EXPECT_TRUE(found) << path;
  }
  for (const char* path : {"/a/b/c", "/ab", "/a/bc", "/b"}) {
    dispatch(path, &found);
    EXPECT_FALSE(found) << path;
  }
  ASSERT_TRUE(remove("/"));
  dispatch("/b", &found);
  EXPECT_FALSE(found) << "what it was last told";
}

TEST_F(ObjectTree, PathInUse) {
  Object one = object("one"), two = object("two");
  ASSERT_TRUE(add("/a/b", &one));
  dg::ScopedError error;
  EXPECT_FALSE(add("/a/b", &two, true, error.get()));
  EXPECT_STREQ(error->name, DBUS_ERROR_OBJECT_PATH_IN_USE);
  EXPECT_STREQ(error->message, "A handler is already registered for /a/b");
  EXPECT_EQ(tree.data("/a/b"), &one);
  EXPECT_EQ(tree.data("/a"), nullptr);
  EXPECT_EQ(tree.data("/a/b/c"), nullptr);
}

TEST_F(ObjectTree, ChildrenAreSortedAndGoWithTheLast) {
  Object any = object("any");
  for (const char* path : {"/a/c/x", "/a/b", "/a/aa", "/a/c"}) ASSERT_TRUE(add(path, &any));
  EXPECT_EQ(children("/"), "a ");
  EXPECT_EQ(children("/a"), "aa b c ");
  EXPECT_EQ(children("/a/c"), "x ");
  EXPECT_EQ(children("/q"), "");
  EXPECT_TRUE(remove("/a/c"));
  EXPECT_EQ(children("/a"), "aa b c ") << "still the parent of x";
  EXPECT_TRUE(remove("/a/c/x"));
  EXPECT_EQ(children("/a"), "aa b ");
  EXPECT_TRUE(remove("/a/b"));
  EXPECT_TRUE(remove("/a/aa"));
  EXPECT_EQ(children("/"), "");
  EXPECT_FALSE(remove("/a/aa"));
  EXPECT_FALSE(remove("/a"));
}

TEST_F(ObjectTree, EverythingIsFreedChildrenFirst) {
  Object a = object("a"), ab = object("ab"), c = object("c"), root = object("root");
  ASSERT_TRUE(add("/", &root));
  ASSERT_TRUE(add("/a/b", &ab));
  ASSERT_TRUE(add("/a", &a));
  ASSERT_TRUE(add("/c", &c));
  {
    dg::Lock lock(mutex);
    tree.unregister_all(connection, lock);
  }
  EXPECT_EQ(take_log(), (Log{"free c", "free ab", "free a", "free root"}));
  EXPECT_EQ(children("/"), "");
}

TEST_F(ObjectTree, MayUnregisterItselfAndOthersWhileItRuns) {
  Object inner = object("inner"), outer = object("outer");
  ASSERT_TRUE(add("/a/b", &inner));
  ASSERT_TRUE(add("/a", &outer, true));
  inner.action = [&] {
    EXPECT_TRUE(remove("/a/b"));
    EXPECT_TRUE(remove("/a"));
    log.push_back("end of inner");
  };
  EXPECT_EQ(dispatch("/a/b"), DBUS_HANDLER_RESULT_NOT_YET_HANDLED);
  EXPECT_EQ(take_log(), (Log{"call inner", "free inner", "free outer", "end of inner"}))
      << "freed at once, as libdbus does, and the outer isn't called any more";
}

TEST_F(ObjectTree, MayRegisterAgainWhileItRuns) {
  Object first = object("first"), second = object("second");
  ASSERT_TRUE(add("/a", &first));
  first.action = [&] {
    EXPECT_TRUE(remove("/a"));
    EXPECT_TRUE(add("/a", &second));
  };
  dispatch("/a");
  dispatch("/a");
  EXPECT_EQ(take_log(), (Log{"call first", "free first", "call second"}));
}

TEST_F(ObjectTree, OtherThreadsDoNotFreeUnderARunningHandler) {
  Object object_a = object("a");
  std::atomic<bool> inside = false, unregistered = false;
  object_a.action = [&] {
    inside = true;
    while (!unregistered) std::this_thread::yield();
    log.push_back("end of a");
  };
  ASSERT_TRUE(add("/a", &object_a));
  std::thread dispatcher([&] { dispatch("/a"); });
  while (!inside) std::this_thread::yield();
  EXPECT_TRUE(remove("/a"));
  unregistered = true;
  dispatcher.join();
  EXPECT_EQ(take_log(), (Log{"call a", "end of a", "free a"}));
}

struct Counted {
  std::atomic<int> calls = 0;
  std::atomic<bool> freed = false;
};

// Registering, dispatching and unregistering from several threads: each object is freed once, and
// never called after.
TEST_F(ObjectTree, SurvivesThreads) {
  static const DBusObjectPathVTable counting = {
      [](DBusConnection*, void* data) {
        EXPECT_FALSE(static_cast<Counted*>(data)->freed.exchange(true));
      },
      [](DBusConnection*, DBusMessage*, void* data) {
        auto* counted = static_cast<Counted*>(data);
        EXPECT_FALSE(counted->freed);
        ++counted->calls;
        std::this_thread::yield();
        EXPECT_FALSE(counted->freed);
        return DBUS_HANDLER_RESULT_HANDLED;
      },
      nullptr,
      nullptr,
      nullptr,
      nullptr};
  constexpr int objects = 2000;
  const auto data = std::make_unique<Counted[]>(objects);
  std::atomic<bool> done = false;
  const auto call = [&] {
    while (!done) dispatch("/a/b/c");
  };
  std::thread callers[] = {std::thread(call), std::thread(call)};
  for (int i = 0; i < objects; ++i) {
    {
      const dg::Lock lock(mutex);
      ASSERT_TRUE(tree.register_path("/a/b", &counting, &data[i], true, nullptr));
    }
    if (i % 16 == 0) std::this_thread::yield();
    ASSERT_TRUE(remove("/a/b"));
  }
  done = true;
  for (std::thread& caller : callers) caller.join();
  for (int i = 0; i < objects; ++i) EXPECT_TRUE(data[i].freed) << i;
}

TEST_F(ObjectTree, SaysWhatStockSaysAboutUnknownPaths) {
  testing::internal::CaptureStderr();
  dg::ObjectTree::warn_unregistered("/a/b");
  dg::ObjectTree::warn_unregistered("/");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("Attempted to unregister path (path[0] = a path[1] = b path[2] = null) "
                      "which isn't registered\n"),
            std::string::npos);
  EXPECT_NE(text.find("Attempted to unregister path (path[0] = null) which isn't"),
            std::string::npos);
}

}  // namespace
