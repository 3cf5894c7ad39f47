#include "host/tools/variables.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>

#include "host/lib/file.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestFile = 64 << 20;

// Says nothing about the program, or only about the run that was traced.
constexpr std::string_view kOfTheShell[] = {"_", "PWD", "OLDPWD", "SHLVL"};

bool is_part(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_c_library(const std::string& path) {
    const std::string name = fs::path{path}.filename().string();
    return name.starts_with("libc.so") || name.starts_with("libc-") || name.starts_with("ld-");
}

bool is_librarys(std::string_view name) {
    return name == "TZ" || name == "LANG" || name == "LANGUAGE" || name.starts_with("LC_") ||
           name == "LD_LIBRARY_PATH" || name == "LD_PRELOAD";
}

}  // namespace

bool has_word(std::string_view text, std::string_view name) {
    for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        if ((at == 0 || !is_part(text[at - 1])) && (end == text.size() || !is_part(text[end]))) return true;
    }
    return false;
}

bool is_secret(std::string_view name) {
    for (const char* word : {"SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "_KEY"}) {
        if (name.find(word) != std::string_view::npos) return true;
    }
    return false;
}

std::vector<std::string> needed_variables(const std::vector<std::string>& environment,
                                          const std::vector<std::string>& files) {
    std::set<std::string> wanted, found;  // NAME=value
    for (const std::string& variable : environment) {
        const std::string_view name = std::string_view{variable}.substr(0, variable.find('='));
        if (name.empty() || name.size() == variable.size()) continue;
        if (std::find(std::begin(kOfTheShell), std::end(kOfTheShell), name) != std::end(kOfTheShell))
            continue;
        (is_librarys(name) ? found : wanted).insert(variable);
    }
    for (const std::string& file : files) {
        std::error_code error;
        if (is_c_library(file) || fs::file_size(file, error) > kLargestFile || error) continue;
        const auto bytes = read_file(file);
        if (!bytes) continue;
        const std::string_view text{reinterpret_cast<const char*>(bytes.value().data()),
                                    bytes.value().size()};
        for (auto variable = wanted.begin(); variable != wanted.end();) {
            const auto next = std::next(variable);
            if (has_word(text, std::string_view{*variable}.substr(0, variable->find('='))))
                found.insert(wanted.extract(variable));
            variable = next;
        }
    }
    return {found.begin(), found.end()};
}

}  // namespace enclavisor::host
