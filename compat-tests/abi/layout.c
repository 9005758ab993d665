/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The structures that programs allocate: their sizes on this architecture are part of the ABI, and
 * the library must stay within them. Prints TAP.
 */
#include <dbus/dbus.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int tests, failed;

static void check(int right, const char* what) {
  printf("%s %d - %s\n", right ? "ok" : "not ok", ++tests, what);
  failed |= !right;
}

/* Something that the library writes to, between bytes that it must not write to. */
enum { fence = 0x5a, fence_size = 64 };
#define FENCED(type)                  \
  struct {                            \
    unsigned char before[fence_size]; \
    type value;                       \
    unsigned char after[fence_size];  \
  }

static int untouched(const unsigned char* bytes) {
  int i;
  for (i = 0; i < fence_size; ++i)
    if (bytes[i] != fence) return 0;
  return 1;
}
#define IS_UNTOUCHED(object) (untouched((object).before) && untouched((object).after))

static void sizes(void) {
#ifdef __x86_64__
  check(sizeof(DBusError) == 32, "DBusError has 32 bytes");
  check(offsetof(DBusError, message) == 8, "DBusError's message is at 8");
  check(sizeof(DBusMessageIter) == 72, "DBusMessageIter has 72 bytes");
  check(sizeof(DBusSignatureIter) == 32, "DBusSignatureIter has 32 bytes");
  check(sizeof(DBusBasicValue) == 8, "DBusBasicValue has 8 bytes");
  check(sizeof(DBus8ByteStruct) == 8, "DBus8ByteStruct has 8 bytes");
  check(sizeof(DBusObjectPathVTable) == 48, "DBusObjectPathVTable has 48 bytes");
  check(sizeof(DBusThreadFunctions) == 152, "DBusThreadFunctions has 152 bytes");
#else
  check(1, "sizes # SKIP known for x86_64 only");
#endif
}

static void errors(void) {
  FENCED(DBusError) error;
  memset(&error, fence, sizeof error);
  dbus_error_init(&error.value);
  dbus_set_error(&error.value, "a.b", "%s", "text");
  dbus_error_free(&error.value);
  check(IS_UNTOUCHED(error), "errors stay within DBusError");
}

static void signature_iterators(void) {
  FENCED(DBusSignatureIter) iter, sub;
  int type;
  memset(&iter, fence, sizeof iter);
  memset(&sub, fence, sizeof sub);
  dbus_signature_iter_init(&iter.value, "a{s(iv)}i");
  dbus_signature_iter_recurse(&iter.value, &sub.value);
  type = dbus_signature_iter_get_current_type(&sub.value);
  dbus_signature_iter_next(&iter.value);
  check(type == DBUS_TYPE_DICT_ENTRY && IS_UNTOUCHED(iter) && IS_UNTOUCHED(sub),
        "signature iterators stay within DBusSignatureIter");
}

static int append(DBusMessage* message, DBusMessageIter* iter, DBusMessageIter* array,
                  DBusMessageIter* entry, DBusMessageIter* variant) {
  const char* key = "key";
  dbus_int64_t number = 42;
  dbus_message_iter_init_append(message, iter);
  return dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", array) &&
         dbus_message_iter_open_container(array, DBUS_TYPE_DICT_ENTRY, NULL, entry) &&
         dbus_message_iter_append_basic(entry, DBUS_TYPE_STRING, &key) &&
         dbus_message_iter_open_container(entry, DBUS_TYPE_VARIANT, "x", variant) &&
         dbus_message_iter_append_basic(variant, DBUS_TYPE_INT64, &number) &&
         dbus_message_iter_close_container(entry, variant) &&
         dbus_message_iter_close_container(array, entry) &&
         dbus_message_iter_close_container(iter, array);
}

static int read_back(DBusMessage* message, DBusMessageIter* iter, DBusMessageIter* array,
                     DBusMessageIter* entry, DBusMessageIter* variant) {
  /* A basic value is at most 8 bytes: written through a union as large as that. */
  DBusBasicValue value;
  if (!dbus_message_iter_init(message, iter)) return 0;
  dbus_message_iter_recurse(iter, array);
  dbus_message_iter_recurse(array, entry);
  dbus_message_iter_next(entry);
  dbus_message_iter_recurse(entry, variant);
  dbus_message_iter_get_basic(variant, &value);
  return value.i64 == 42;
}

static void message_iterators(void) {
  FENCED(DBusMessageIter) iters[4];
  DBusMessage* message = dbus_message_new(DBUS_MESSAGE_TYPE_SIGNAL);
  int i, right, clean = 1;
  memset(iters, fence, sizeof iters);
  right = message &&
          append(message, &iters[0].value, &iters[1].value, &iters[2].value, &iters[3].value);
  check(right, "a message takes a dict");
  check(right &&
            read_back(message, &iters[0].value, &iters[1].value, &iters[2].value, &iters[3].value),
        "and gives it back");
  for (i = 0; i < 4; ++i) clean &= IS_UNTOUCHED(iters[i]);
  check(clean, "message iterators stay within DBusMessageIter");
  if (message) dbus_message_unref(message);
}

int main(void) {
  sizes();
  errors();
  signature_iterators();
  message_iterators();
  printf("1..%d\n", tests);
  return failed;
}
