// SPDX-License-Identifier: LGPL-2.1-or-later
// bus_config.cpp - see bus_config.h: elements of the configuration, and files that include others.
// Which files are refused is dbus-daemon 1.14's, as observed: see config_cases.h.
#include "policy/bus_config.h"

#include <expat.h>
#include <linux/dbus_genl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string_view>

#include "policy/config_rule.h"

namespace dg {

namespace {

namespace fs = std::filesystem;

// Deep enough for every real configuration; a file that includes itself is refused.
constexpr std::size_t kMaxIncludes = 32;

// What dbus-daemon has, lest a file that names no other be one that it doesn't start with.
constexpr std::array<std::string_view, 3> kMechanisms = {"EXTERNAL", "DBUS_COOKIE_SHA1",
                                                         "ANONYMOUS"};

enum class Content {
  kNone,  // blanks at most
  kText,  // not empty, and taken as it is, blanks and all
};

struct Element {
  std::string_view name, parent;
  Content content;
  std::array<std::string_view, 4> attributes;  // but of rules: see config_rule.cpp
};

// Many of them mean nothing to a bus in the kernel.
constexpr Element kElements[] = {
    {"busconfig", "", Content::kNone, {}},
    {"policy", "busconfig", Content::kNone, {"context", "user", "group", "at_console"}},
    {"allow", "policy", Content::kNone, {}},
    {"deny", "policy", Content::kNone, {}},
    {"limit", "busconfig", Content::kText, {"name"}},
    {"type", "busconfig", Content::kText, {}},
    {"include",
     "busconfig",
     Content::kText,
     {"ignore_missing", "if_selinux_enabled", "selinux_root_relative"}},
    {"includedir", "busconfig", Content::kText, {}},
    {"listen", "busconfig", Content::kText, {}},
    {"auth", "busconfig", Content::kText, {}},
    {"servicedir", "busconfig", Content::kText, {}},
    {"servicehelper", "busconfig", Content::kText, {}},
    {"pidfile", "busconfig", Content::kText, {}},
    {"user", "busconfig", Content::kText, {}},
    {"standard_session_servicedirs", "busconfig", Content::kNone, {}},
    {"standard_system_servicedirs", "busconfig", Content::kNone, {}},
    {"fork", "busconfig", Content::kNone, {}},
    {"keep_umask", "busconfig", Content::kNone, {}},
    {"syslog", "busconfig", Content::kNone, {}},
    {"allow_anonymous", "busconfig", Content::kNone, {}},
    {"apparmor", "busconfig", Content::kNone, {"mode"}},
    {"selinux", "busconfig", Content::kNone, {}},
    {"associate", "selinux", Content::kNone, {"own", "context"}},
};

const Element* find_element(std::string_view name, std::string_view parent) {
  for (const Element& element : kElements) {
    if (element.name == name && element.parent == parent) return &element;
  }
  return nullptr;
}

class File {
 public:
  File(const fs::path& path, BusConfig* config, std::vector<fs::path>* open)
      : path_(path), config_(config), open_(open) {}

  void read() {
    // Looked at before it is opened: that of a FIFO would wait for somebody.
    struct stat status {};
    const int error = ::stat(path_.c_str(), &status) < 0 ? errno : 0;
    if (error) throw ConfigError(path_.string() + ": " + std::strerror(error));
    if (!S_ISREG(status.st_mode)) throw ConfigError(path_.string() + ": not a regular file");
    std::ifstream in(path_, std::ios::binary);
    if (!in) throw ConfigError(path_.string() + ": " + std::strerror(errno));
    std::ostringstream text;
    text << in.rdbuf();
    if (in.bad()) throw ConfigError(path_.string() + ": can't be read");
    parse(text.str());
  }

 private:
  using Parser = std::unique_ptr<std::remove_pointer_t<XML_Parser>, decltype(&XML_ParserFree)>;

  void parse(const std::string& text) {
    Parser parser(XML_ParserCreate(nullptr), XML_ParserFree);
    if (!parser) throw std::bad_alloc();
    parser_ = parser.get();
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(parser_, on_start, on_end);
    XML_SetCharacterDataHandler(parser_, on_text);
    const bool parsed =
        XML_Parse(parser_, text.data(), static_cast<int>(text.size()), 1) == XML_STATUS_OK;
    if (failure_) std::rethrow_exception(failure_);
    if (!parsed) {
      throw ConfigError(at(XML_GetCurrentLineNumber(parser_)) +
                        XML_ErrorString(XML_GetErrorCode(parser_)));
    }
  }

  std::string at(unsigned long line) const {
    return path_.string() + ":" + std::to_string(line) + ": ";
  }
  std::string here() const { return at(XML_GetCurrentLineNumber(parser_)); }

  // Exceptions don't go through expat: the first one ends the parsing.
  template <typename Function>
  void guarded(Function function) noexcept {
    if (failure_) return;
    try {
      try {
        function();
      } catch (const ConfigError&) {  // of an included file, has its place
        throw;
      } catch (const std::bad_alloc&) {  // is nothing that is wrong with a file
        throw;
      } catch (const std::exception& error) {
        throw ConfigError(here() + error.what());
      }
    } catch (...) {
      failure_ = std::current_exception();
      XML_StopParser(parser_, XML_FALSE);
    }
  }

  static void on_start(void* data, const char* name, const char** attributes) {
    auto* self = static_cast<File*>(data);
    self->guarded([&] { self->start(name, attributes); });
  }

  static void on_end(void* data, const char*) {
    auto* self = static_cast<File*>(data);
    self->guarded([&] { self->end(); });
  }

  static void on_text(void* data, const char* text, int length) {
    auto* self = static_cast<File*>(data);
    self->guarded([&] { self->add_text({text, static_cast<std::size_t>(length)}); });
  }

  void warn(const std::string& what) { config_->warnings.push_back(here() + what); }

  void start(const std::string& name, const char** attributes) {
    const std::string_view parent = elements_.empty() ? "" : elements_.back()->name;
    const Element* element = find_element(name, parent);
    if (!element && parent.empty()) {
      fail("the root element is not <busconfig> but <" + name + ">");
    }
    if (!element) fail("<" + name + "> is not allowed inside <" + std::string(parent) + ">");
    elements_.push_back(element);
    given_ = read_attributes(attributes);
    text_.clear();
    if (parent == "policy") {
      add_rule(name, given_);
      return;
    }
    for (const auto& [attribute, value] : given_) {
      if (!has(element->attributes, attribute)) {
        fail("attribute \"" + attribute + "\" is invalid on <" + name + ">");
      }
    }
    if (name == "policy") {
      section_ = read_section(given_, [this](const std::string& what) { warn(what); });
    } else if (name == "limit") {
      if (!given_.contains("name")) fail("<limit> without a name");
    } else if (name == "associate") {
      if (given_.size() != 2) fail("<associate> must have own and context");
    } else if (name == "apparmor") {
      const auto mode = given_.find("mode");
      if (mode != given_.end() && mode->second != "required" && mode->second != "enabled" &&
          mode->second != "disabled") {
        fail("mode of <apparmor> must be required, enabled or disabled");
      }
    }
  }

  void add_text(std::string_view text) {
    const Element& element = *elements_.back();
    if (element.content == Content::kText) {
      text_ += text;
    } else if (text.find_first_not_of(" \t\r\n") != text.npos) {
      fail("no text is expected inside <" + std::string(element.name) + ">");
    }
  }

  void end() {
    const Element& element = *elements_.back();
    const std::string_view name = element.name;
    elements_.pop_back();
    if (element.content == Content::kText && text_.empty()) {
      fail("<" + std::string(name) + "> is empty");
    }
    if (name == "policy") {
      if (section_) config_->policy.push_back(std::move(*section_));
      section_.reset();
    } else if (name == "type") {
      config_->type = text_;
    } else if (name == "auth") {
      config_->auth.try_emplace(text_, here());
    } else if (name == "limit") {
      config_->limits[given_.at("name")] = read_limit(given_.at("name"), text_);
    } else if (name == "include") {
      include(text_);
    } else if (name == "includedir") {
      include_directory(resolve(text_));
    }
  }

  void add_rule(const std::string& name, const XmlAttributes& given) {
    // The rules of a user or group that isn't there are checked like others.
    const PolicySection nobody;
    std::optional<PolicyRule> rule = read_rule(name, given, section_ ? *section_ : nobody,
                                               [this](const std::string& what) { warn(what); });
    if (section_ && rule) section_->rules.push_back(std::move(*rule));
  }

  // An absolute one stays what it is.
  fs::path resolve(const std::string& text) const { return path_.parent_path() / text; }

  static bool yes(const XmlAttributes& given, const char* name) {
    auto found = given.find(name);
    if (found == given.end() || found->second == "no") return false;
    if (found->second != "yes") fail(std::string(name) + " is neither \"yes\" nor \"no\"");
    return true;
  }

  void include(const std::string& text) {
    const bool ignore_missing = yes(given_, "ignore_missing");
    const bool if_selinux = yes(given_, "if_selinux_enabled");
    const bool in_selinux = yes(given_, "selinux_root_relative");
    // No SELinux contexts here: they are for dbus-daemon's own mediation.
    if (if_selinux || (in_selinux && ignore_missing)) return;
    if (in_selinux) fail("there is no SELinux that \"" + text + "\" could be of");
    const fs::path file = resolve(text);
    struct stat status {};
    if (ignore_missing && ::stat(file.c_str(), &status) < 0 && errno == ENOENT) return;
    include_file(file);
  }

  void include_file(const fs::path& file) {
    std::error_code error;
    fs::path real = fs::weakly_canonical(file, error);
    if (error) real = file;  // reading it will say why
    if (std::find(open_->begin(), open_->end(), real) != open_->end()) {
      fail("circular inclusion of " + file.string());
    }
    if (open_->size() >= kMaxIncludes) fail("includes are nested too deep");
    open_->push_back(real);
    File(file, config_, open_).read();
    open_->pop_back();
  }

  // In the order of names, lest it depend on the file system. One file that is wrong, of one
  // package among many, is left out as a whole, whatever is wrong with it.
  void include_directory(const fs::path& directory) {
    std::error_code error;
    std::set<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
      if (entry.path().native().ends_with(".conf")) files.insert(entry.path());
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      fail(directory.string() + ": " + error.message());
    }
    for (const fs::path& file : files) {
      BusConfig before = *config_;
      const std::size_t depth = open_->size();
      auto leave_out = [&](const std::string& warning) {
        open_->resize(depth);
        *config_ = std::move(before);
        config_->warnings.push_back(warning);
      };
      try {
        include_file(file);
      } catch (const std::bad_alloc&) {
        throw;
      } catch (const ConfigError& wrong) {
        leave_out(wrong.what());
      } catch (const std::exception& wrong) {
        leave_out(here() + wrong.what());
      }
    }
  }

  [[noreturn]] static void fail(const std::string& what) { throw std::runtime_error(what); }

  fs::path path_;
  BusConfig* config_;
  std::vector<fs::path>* open_;
  XML_Parser parser_ = nullptr;
  std::exception_ptr failure_;
  std::vector<const Element*> elements_;  // that are open
  XmlAttributes given_;
  std::string text_;
  std::optional<PolicySection> section_;
};

}  // namespace

BusConfig read_bus_config(const std::string& file) {
  BusConfig config;
  std::error_code error;
  std::vector<fs::path> open{fs::weakly_canonical(file, error)};
  File(file, &config, &open).read();
  // Of all files together, as dbus-daemon: one that is left out has no say.
  for (const auto& [mechanism, place] : config.auth) {
    if (!has(kMechanisms, mechanism)) {
      throw ConfigError(place + "unknown auth mechanism \"" + mechanism + "\"");
    }
  }
  return config;
}

}  // namespace dg
