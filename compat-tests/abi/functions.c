/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A C99 program that uses every public function's address. That it compiles shows that the headers
 * declare what the library is said to have; running it, that each address is in our library and has
 * the version that programs ask for. Prints TAP.
 */
#include <dbus/dbus.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef void (*function)(void);

static const struct {
  const char* name;
  function address;
} functions[] = {
#define FUNCTION(name) {#name, (function)name},
#include "functions.h"
#undef FUNCTION
};

int main(void) {
  const size_t count = sizeof functions / sizeof functions[0];
  int failed = 0;
  printf("1..%zu\n", count);
  for (size_t i = 0; i < count; ++i) {
    /* ISO C has no cast between the two kinds of pointers. */
    void *address, *versioned;
    Dl_info info;
    const char* problem = NULL;
    memcpy(&address, &functions[i].address, sizeof address);
    versioned = dlvsym(RTLD_DEFAULT, functions[i].name, "LIBDBUS_1_3");
    if (!dladdr(address, &info))
      problem = "is in no library";
    else if (!strstr(info.dli_fname, "/shim/libdbus-1.so"))
      problem = info.dli_fname;
    else if (versioned != address)
      problem = "isn't what LIBDBUS_1_3 has";
    printf("%s %zu - %s\n", problem ? "not ok" : "ok", i + 1, functions[i].name);
    if (problem) {
      printf("# %s\n", problem);
      failed = 1;
    }
  }
  return failed;
}
