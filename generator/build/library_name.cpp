#include "generator/build/library_name.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>

#include "generator/error.h"

namespace mambac {
namespace {

constexpr size_t longest_name = 64;  // what a weights file holds
constexpr char safe_prefix[] = "model_";

using Words = std::set<std::string, std::less<>>;

// NAME.h in the include path would hide the header of that name from the C library, POSIX, the compiler and from every
// program that uses the library.
const Words headers = {
    "aio",       "aliases",     "alloca",   "altivec",   "ar",        "argp",     "argz",     "assert",    "backtrace",
    "byteswap",  "complex",     "cpio",     "cpuid",     "crypt",     "ctype",    "curses",   "cxxabi",    "devctl",
    "dirent",    "dlfcn",       "elf",      "endian",    "envz",      "err",      "errno",    "error",     "execinfo",
    "fcntl",     "features",    "fenv",     "float",     "fmtmsg",    "fnmatch",  "fstab",    "fts",       "ftw",
    "gconv",     "gcov",        "getopt",   "glob",      "grp",       "gshadow",  "iconv",    "ieee754",   "ifaddrs",
    "inttypes",  "iso646",      "langinfo", "lastlog",   "libgen",    "libintl",  "limits",   "link",      "locale",
    "malloc",    "math",        "mcheck",   "memory",    "mntent",    "monetary", "mqueue",   "ndbm",      "netdb",
    "nl_types",  "nss",         "obstack",  "omp",       "openacc",   "paths",    "poll",     "printf",    "pthread",
    "pty",       "pwd",         "quadmath", "re_comp",   "regex",     "regexp",   "resolv",   "sched",     "search",
    "semaphore", "setjmp",      "sgtty",    "shadow",    "signal",    "spawn",    "stab",     "stdalign",  "stdarg",
    "stdatomic", "stdbit",      "stdbool",  "stdckdint", "stddef",    "stdfix",   "stdint",   "stdio",     "stdio_ext",
    "stdlib",    "stdnoreturn", "string",   "strings",   "stropts",   "syscall",  "sysexits", "syslimits", "syslog",
    "tar",       "termio",      "termios",  "tgmath",    "thread_db", "threads",  "time",     "trace",     "ttyent",
    "uchar",     "ucontext",    "ulimit",   "unistd",    "unwind",    "utime",    "utmp",     "utmpx",     "values",
    "varargs",   "wait",        "wchar",    "wctype",    "wordexp",
};

// -lNAME would find the artifact in place of the library of that name, on which every program stands.
const Words system_libraries = {"atomic", "c", "dl", "g", "gcc", "gcc_s", "m", "mvec", "rt", "util"};

// CMake keeps these targets for itself.
const Words cmake_targets = {"all",     "clean", "depend",  "edit_cache", "help",
                             "install", "test",  "package", "preinstall", "rebuild_cache"};

// NAME_step and the like would be functions that every artifact has beside those of its header.
const Words own_words = {"any", "close", "expected", "open"};

bool is_letter(char letter) { return std::isalpha(static_cast<unsigned char>(letter)); }
bool is_identifier_letter(char letter) { return std::isalnum(static_cast<unsigned char>(letter)) || letter == '_'; }

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char letter) { return std::tolower(letter); });
  return text;
}

// Why `name` cannot be the name of a library; empty if it can.
std::string complaint_about(const std::string& name) {
  if (name.empty() || name.size() > longest_name || !is_letter(name.front()) ||
      !std::ranges::all_of(name, is_identifier_letter)) {
    return fmt::format("must be 1 to {} letters, digits and underscores and begin with a letter", longest_name);
  }
  const std::string word = lower_case(name);  // some file systems take TIME.h for time.h
  if (word.starts_with("mambac")) return "names that begin with 'mambac' belong to what all artifacts share";
  if (headers.contains(word) || word.ends_with("intrin")) {
    return fmt::format("{}.h would hide the system's header {}.h", name, word);
  }
  if (system_libraries.contains(word)) return fmt::format("lib{}.a would hide the system's library of that name", name);
  if (cmake_targets.contains(word)) return "CMake keeps a target of that name for itself";
  if (own_words.contains(word)) return "every artifact has functions of its own that begin with that word";
  return "";
}

}  // namespace

std::string library_name_of(const std::string& name) {
  std::string identifier = lower_case(name);
  std::ranges::replace_if(identifier, std::not_fn(is_identifier_letter), '_');
  if (complaint_about(identifier).empty()) return identifier;
  return (safe_prefix + identifier).substr(0, longest_name);
}

void check_library_name(const std::string& name) {
  const std::string complaint = complaint_about(name);
  if (!complaint.empty()) fail(ExitCode::usage, "--name {}: {}; choose another name", name, complaint);
}

}  // namespace mambac
