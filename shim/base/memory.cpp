// SPDX-License-Identifier: LGPL-2.1-or-later
// Allocation for the application, and the list of what dbus_shutdown undoes.
#include "base/memory.h"

#include <cstdlib>
#include <cstring>

#include "base/mutex.h"

namespace dg::mem {

void* alloc(std::size_t bytes) noexcept { return bytes ? std::malloc(bytes) : nullptr; }

void* alloc0(std::size_t bytes) noexcept { return bytes ? std::calloc(bytes, 1) : nullptr; }

void* realloc(void* memory, std::size_t bytes) noexcept {
  if (bytes) return std::realloc(memory, bytes);
  std::free(memory);
  return nullptr;
}

void free(void* memory) noexcept { std::free(memory); }

char* strdup(const char* text) noexcept { return text ? strndup(text) : nullptr; }

char* strndup(std::string_view text) noexcept {
  char* copy = static_cast<char*>(alloc(text.size() + 1));
  if (!copy) return nullptr;
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());  // an empty view may be of null
  copy[text.size()] = '\0';
  return copy;
}

void free_string_array(char** strings) noexcept {
  if (!strings) return;
  for (char** string = strings; *string; ++string) free(*string);
  free(strings);
}

namespace {

struct Hook {
  ShutdownFunction function;
  void* data;
  Hook* next;
};

constinit Mutex hooks_mutex;
constinit Hook* hooks = nullptr;

}  // namespace

bool at_shutdown(ShutdownFunction function, void* data) noexcept {
  Hook* hook = static_cast<Hook*>(alloc(sizeof(Hook)));
  if (!hook) return false;
  const Lock lock(hooks_mutex);
  *hook = {function, data, hooks};
  hooks = hook;
  return true;
}

void run_shutdown() noexcept {
  // One at a time, unlocked: a hook may run application code, which may register another.
  for (;;) {
    Hook* hook;
    {
      const Lock lock(hooks_mutex);
      hook = hooks;
      if (!hook) return;
      hooks = hook->next;
    }
    hook->function(hook->data);
    free(hook);
  }
}

}  // namespace dg::mem
