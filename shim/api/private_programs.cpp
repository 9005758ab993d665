// SPDX-License-Identifier: LGPL-2.1-or-later
// Programs that are built on libdbus's private structures: dbus-daemon, dbus-daemon-launch-helper.
//
// They share more with the installed library than functions, so no other library can run them, but
// an application that has this one preloaded may well start one (at-spi and dbus-run-session do).
// So that the dynamic linker lets such a program get as far as here, each private symbol of the
// installed library that isn't implemented is exported as a trap; and before anything of the
// program has run, the constructor below executes it again without this library. Nothing but the
// environment differs: process id, descriptors and arguments stay.
//
// Only in the library itself, not in its test build.
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "base/child_environment.h"
#include "base/log.h"

namespace {

// The private symbols that aren't traps.
constexpr const char* kImplemented[] = {
#define IMPLEMENTED(name) #name,
#define TRAP(name)
#define TRAP_DATA(name)
#include "private_symbols.inc"
#undef IMPLEMENTED
#undef TRAP
#undef TRAP_DATA
};
constexpr char kPrivateVersion[] = "LIBDBUS_PRIVATE_";

// What the dynamic linker knows of the main program: as little as is needed here. Everything was
// checked by the dynamic linker already.
class MainProgram {
 public:
  MainProgram() noexcept {
    ::dl_iterate_phdr(&find_dynamic, this);  // the program comes first
    for (const ElfW(Dyn)* entry = dynamic_; entry && entry->d_tag != DT_NULL; ++entry) {
      const ElfW(Xword) value = entry->d_un.d_val;
      switch (entry->d_tag) {
        case DT_VERNEED:
          needs_ = at<ElfW(Verneed)>(value);
          break;
        case DT_VERNEEDNUM:
          needs_count_ = value;
          break;
        case DT_VERSYM:
          versions_ = at<ElfW(Versym)>(value);
          break;
        case DT_SYMTAB:
          symbols_ = at<ElfW(Sym)>(value);
          break;
        case DT_STRTAB:
          strings_ = at<char>(value);
          break;
        case DT_RELA:
          data_ = {at<char>(value), data_.size, sizeof(ElfW(Rela))};
          break;
        case DT_REL:
          data_ = {at<char>(value), data_.size, sizeof(ElfW(Rel))};
          break;
        case DT_RELASZ:
        case DT_RELSZ:
          data_.size = value;
          break;
        case DT_JMPREL:
          calls_.first = at<char>(value);
          break;
        case DT_PLTRELSZ:
          calls_.size = value;
          break;
        case DT_PLTREL:
          calls_.each = value == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
          break;
        default:
          break;
      }
    }
  }

  // Does it import a symbol that is a trap?
  bool imports_trap() const noexcept {
    const unsigned version = private_version();
    return version && symbols_ && versions_ &&
           (any_trap(calls_, version) || any_trap(data_, version));
  }

 private:
  // Rel and Rela begin alike.
  struct Relocations {
    const char* first = nullptr;
    std::size_t size = 0;
    std::size_t each = 1;
  };

  static int find_dynamic(dl_phdr_info* info, std::size_t, void* self) noexcept {
    auto* program = static_cast<MainProgram*>(self);
    program->base_ = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
      program->dynamic_ =
          reinterpret_cast<const ElfW(Dyn)*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    }
    return 1;
  }

  // glibc has made the table's addresses absolute on most architectures, not on all.
  template <typename T>
  const T* at(ElfW(Addr) address) const noexcept {
    return reinterpret_cast<const T*>(address < base_ ? base_ + address : address);
  }

  // The index that marks symbols of libdbus's private version; 0 when nothing needs it, as in all
  // but a few programs.
  unsigned private_version() const noexcept {
    auto* need = reinterpret_cast<const char*>(needs_);
    for (std::size_t i = 0; strings_ && need && i < needs_count_; ++i) {
      auto* library = reinterpret_cast<const ElfW(Verneed)*>(need);
      const char* next = need + library->vn_aux;
      for (unsigned j = 0; j < library->vn_cnt; ++j) {
        auto* version = reinterpret_cast<const ElfW(Vernaux)*>(next);
        if (!std::strncmp(strings_ + version->vna_name, kPrivateVersion,
                          sizeof kPrivateVersion - 1))
          return version->vna_other & 0x7fff;
        next += version->vna_next;
      }
      need += library->vn_next;
    }
    return 0;
  }

  bool any_trap(const Relocations& relocations, unsigned version) const noexcept {
    for (std::size_t offset = 0; offset + relocations.each <= relocations.size;
         offset += relocations.each) {
      auto* relocation = reinterpret_cast<const ElfW(Rel)*>(relocations.first + offset);
#if __ELF_NATIVE_CLASS == 64
      const std::size_t symbol = ELF64_R_SYM(relocation->r_info);
#else
      const std::size_t symbol = ELF32_R_SYM(relocation->r_info);
#endif
      if ((versions_[symbol] & 0x7fff) == version && !implemented(symbols_[symbol])) return true;
    }
    return false;
  }

  bool implemented(const ElfW(Sym) & symbol) const noexcept {
    for (const char* name : kImplemented)
      if (!std::strcmp(name, strings_ + symbol.st_name)) return true;
    return false;
  }

  ElfW(Addr) base_ = 0;
  const ElfW(Dyn) * dynamic_ = nullptr;
  const ElfW(Verneed) * needs_ = nullptr;
  std::size_t needs_count_ = 0;
  const ElfW(Versym) * versions_ = nullptr;
  const ElfW(Sym) * symbols_ = nullptr;
  const char* strings_ = nullptr;
  Relocations data_, calls_;
};

// The program's file by its own name, so that the process goes on being called that; by the
// kernel's when the file was deleted or replaced.
void execute_again(char** argv) noexcept {
  constexpr char kSelf[] = "/proc/self/exe";
  char path[PATH_MAX];
  const ssize_t length = ::readlink(kSelf, path, sizeof path - 1);
  if (length > 0) {
    path[length] = '\0';
    struct stat self, named;
    if (::stat(kSelf, &self) == 0 && ::stat(path, &named) == 0 && self.st_dev == named.st_dev &&
        self.st_ino == named.st_ino)
      ::execve(path, argv, ::environ);
  }
  ::execve(kSelf, argv, ::environ);
}

// glibc gives constructors main's arguments. The priority: before those of this library's objects.
[[gnu::constructor(101)]] void run_without_this_library(int /*argc*/, char** argv, char**) {
  if (!MainProgram().imports_trap() || ::getauxval(AT_SECURE)) return;
  try {
    // Where it was loaded otherwise than by these variables it would be there again.
    if (!dg::leave_this_library_behind()) return;
  } catch (const std::bad_alloc&) {
    return;
  }
  dg::trace(
      "%s is built on libdbus's private structures: executed again with the installed library",
      program_invocation_name);
  execute_again(argv);
  dg::trace("%s can't be executed again: %s", program_invocation_name, std::strerror(errno));
}

}  // namespace

extern "C" {

// What a program gets that could not be executed again, when it calls what there is no way to do:
// the dynamic linker's exit status for a symbol that is missing.
__attribute__((visibility("hidden"))) void dg_private_trap() {
  dg::warn("%s uses private functions of libdbus and can't run with this library",
           program_invocation_name);
  ::_exit(127);
}

#define IMPLEMENTED(name)
#define TRAP(name) __attribute__((visibility("default"), alias("dg_private_trap"))) void name(void);
#define TRAP_DATA(name) \
  __attribute__((visibility("default"))) void (*name)(void) = &dg_private_trap;
#include "private_symbols.inc"

}  // extern "C"
