// SPDX-License-Identifier: LGPL-2.1-or-later
// bus_config.cpp - see bus_config.h: elements of the configuration, and files that include others
#include "policy/bus_config.h"

#include <expat.h>
#include <linux/dbus_genl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>

#include "policy/config_rule.h"

namespace dg {

namespace {

namespace fs = std::filesystem;

// Deep enough for every real configuration; a file that includes itself is refused.
constexpr std::size_t kMaxIncludes = 32;

// What stands below <busconfig> and means nothing to a bus in the kernel.
constexpr std::array kPassedOver = {
    "listen",   "auth",          "servicedir",
    "fork",     "keep_umask",    "standard_session_servicedirs",
    "pidfile",  "user",          "standard_system_servicedirs",
    "syslog",   "servicehelper", "allow_anonymous",
    "apparmor", "selinux",
};

class File {
 public:
  File(const fs::path& path, BusConfig* config, std::vector<fs::path>* open)
      : path_(path), config_(config), open_(open) {}

  void read() {
    std::ifstream in(path_, std::ios::binary);
    if (!in) throw ConfigError(path_.string() + ": " + std::strerror(errno));
    std::ostringstream text;
    text << in.rdbuf();
    if (in.bad() || fs::is_directory(path_)) throw ConfigError(path_.string() + ": can't be read");
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
    if (!failure_.empty()) throw ConfigError(failure_);
    if (!parsed) {
      throw ConfigError(at(XML_GetCurrentLineNumber(parser_)) +
                        XML_ErrorString(XML_GetErrorCode(parser_)));
    }
  }

  std::string at(unsigned long line) const {
    return path_.string() + ":" + std::to_string(line) + ": ";
  }

  // Exceptions don't go through expat: the first one ends the parsing.
  template <typename Function>
  void guarded(Function function) {
    if (!failure_.empty()) return;
    try {
      function();
    } catch (const ConfigError& error) {  // of an included file, has its place
      failure_ = error.what();
    } catch (const std::exception& error) {
      failure_ = at(XML_GetCurrentLineNumber(parser_)) + error.what();
    }
    if (!failure_.empty()) XML_StopParser(parser_, XML_FALSE);
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
    static_cast<File*>(data)->text_.append(text, static_cast<std::size_t>(length));
  }

  void warn(const std::string& what) {
    config_->warnings.push_back(at(XML_GetCurrentLineNumber(parser_)) + what);
  }

  void start(const std::string& name, const char** attributes) {
    const XmlAttributes given = read_attributes(attributes);
    const std::string parent = elements_.empty() ? "" : elements_.back();
    elements_.push_back(name);
    given_ = given;
    text_.clear();
    if (parent.empty()) {
      if (name != "busconfig") fail("the root element is not <busconfig> but <" + name + ">");
    } else if (parent == "policy") {
      if (name != "allow" && name != "deny") misplaced(name, parent);
      add_rule(name, given);
    } else if (parent == "selinux") {
      if (name != "associate") misplaced(name, parent);
    } else if (parent != "busconfig") {
      misplaced(name, parent);
    } else if (name == "policy") {
      section_ = read_section(given, [this](const std::string& what) { warn(what); });
    } else if (name == "limit") {
      if (!given.contains("name")) fail("<limit> without a name");
    } else if (name != "type" && name != "include" && name != "includedir" &&
               std::find(kPassedOver.begin(), kPassedOver.end(), name) == kPassedOver.end()) {
      misplaced(name, parent);
    }
  }

  void end() {
    const std::string name = elements_.back();
    elements_.pop_back();
    const std::string text = trimmed(text_);
    text_.clear();
    if (name == "policy") {
      if (section_) config_->policy.push_back(std::move(*section_));
      section_.reset();
    } else if (name == "type") {
      config_->type = text;
    } else if (name == "limit") {
      config_->limits[given_.at("name")] = read_limit(given_.at("name"), text);
    } else if (name == "include") {
      include(text);
    } else if (name == "includedir") {
      include_directory(resolve(text));
    }
  }

  void add_rule(const std::string& name, const XmlAttributes& given) {
    // The rules of a user or group that isn't there are checked like others.
    const PolicySection nobody;
    std::optional<PolicyRule> rule = read_rule(name, given, section_ ? *section_ : nobody,
                                               [this](const std::string& what) { warn(what); });
    if (section_ && rule) section_->rules.push_back(std::move(*rule));
  }

  fs::path resolve(const std::string& text) const {
    if (text.empty()) fail("an include without a file");
    return path_.parent_path() / text;  // an absolute one stays what it is
  }

  static bool yes(const XmlAttributes& given, const char* name) {
    auto found = given.find(name);
    if (found == given.end() || found->second == "no") return false;
    if (found->second != "yes") fail(std::string(name) + " is neither \"yes\" nor \"no\"");
    return true;
  }

  void include(const std::string& text) {
    const bool ignore_missing = yes(given_, "ignore_missing");
    // No SELinux contexts here: they are for dbus-daemon's own mediation.
    if (yes(given_, "if_selinux_enabled")) return;
    const fs::path file = resolve(text);
    std::error_code error;
    if (ignore_missing && !fs::exists(file, error)) return;
    include_file(file);
  }

  void include_file(const fs::path& file) {
    const fs::path real = fs::weakly_canonical(file);
    if (std::find(open_->begin(), open_->end(), real) != open_->end()) {
      fail("circular inclusion of " + file.string());
    }
    if (open_->size() >= kMaxIncludes) fail("includes are nested too deep");
    open_->push_back(real);
    File(file, config_, open_).read();
    open_->pop_back();
  }

  // In the order of names, lest it depend on the file system. One file that is wrong, of one
  // package among many, is left out as a whole.
  void include_directory(const fs::path& directory) {
    std::error_code error;
    std::set<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
      if (entry.path().extension() == ".conf") files.insert(entry.path());
    }
    for (const fs::path& file : files) {
      BusConfig before = *config_;
      const std::size_t depth = open_->size();
      try {
        include_file(file);
      } catch (const ConfigError& wrong) {
        open_->resize(depth);
        *config_ = std::move(before);
        config_->warnings.push_back(wrong.what());
      }
    }
  }

  static std::string trimmed(const std::string& text) {
    auto space = [](unsigned char c) { return std::isspace(c) != 0; };
    auto first = std::find_if_not(text.begin(), text.end(), space);
    auto last = std::find_if_not(text.rbegin(), text.rend(), space).base();
    return first < last ? std::string(first, last) : std::string();
  }

  [[noreturn]] static void fail(const std::string& what) { throw std::runtime_error(what); }
  [[noreturn]] static void misplaced(const std::string& name, const std::string& parent) {
    fail("<" + name + "> is not allowed inside <" + parent + ">");
  }

  fs::path path_;
  BusConfig* config_;
  std::vector<fs::path>* open_;
  XML_Parser parser_ = nullptr;
  std::string failure_;
  std::vector<std::string> elements_;
  XmlAttributes given_;
  std::string text_;
  std::optional<PolicySection> section_;
};

}  // namespace

BusConfig read_bus_config(const std::string& file) {
  BusConfig config;
  std::vector<fs::path> open{fs::weakly_canonical(file)};
  File(file, &config, &open).read();
  return config;
}

}  // namespace dg
