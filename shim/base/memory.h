// SPDX-License-Identifier: LGPL-2.1-or-later
// The functions behind dbus_malloc and its family: everything that is handed to the application, or
// taken from it to be freed, is allocated here. Also what dbus_shutdown has to undo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace dg::mem {

// All return null without memory; alloc(0) is null and realloc(p, 0) frees, as dbus_malloc and
// dbus_realloc do.
void* alloc(std::size_t bytes) noexcept;
void* alloc0(std::size_t bytes) noexcept;
void* realloc(void* memory, std::size_t bytes) noexcept;
void free(void* memory) noexcept;
// A zero-terminated copy; null for null.
char* strdup(const char* text) noexcept;
char* strndup(std::string_view text) noexcept;
// Frees a null-terminated vector and its strings; null is allowed.
void free_string_array(char** strings) noexcept;

struct Free {
  void operator()(void* memory) const noexcept { mem::free(memory); }
};
// A zero-terminated string to be given away with release().
using String = std::unique_ptr<char, Free>;

// Registers something for dbus_shutdown to do, last registered first. False without memory.
using ShutdownFunction = void (*)(void* data);
bool at_shutdown(ShutdownFunction function, void* data) noexcept;
void run_shutdown() noexcept;

}  // namespace dg::mem
