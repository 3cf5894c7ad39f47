#include "host/tools/trace_manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "host/lib/config.hpp"
#include "host/lib/text.hpp"
#include "host/tools/linux_call.hpp"
#include "host/tools/trace_mounts.hpp"
#include "host/tools/variables.hpp"

namespace enclavisor::host {
namespace {

// Lines of a comment about what was found; the rest is counted.
constexpr std::size_t kMostLines = 30;

// A basic string of TOML; nothing for what is no UTF-8.
std::optional<std::string> quoted(const std::string& text) {
    try {
        // JSON's escapes are TOML's; TOML wants DEL escaped too.
        std::string result = nlohmann::json(text).dump();
        for (std::size_t at; (at = result.find('\x7f')) != std::string::npos;)
            result.replace(at, 1, "\\u007F");
        return result;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

// As a comment of one line.
std::string shown(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

base::Failure<Error> unspeakable(const char* what, const std::string& text) {
    return fail(fmt::format("{} {} is no UTF-8, which a manifest cannot say", what, shown(text)),
                "rename it, and trace again");
}

class Text {
public:
    explicit Text(const Recording& recording, const TraceSurroundings& surroundings)
        : recording_{recording}, surroundings_{surroundings}, mounts_{mounts_for(recording)} {}
    Result<std::string> write();

private:
    template <typename... Arguments>
    void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        text_ += fmt::format(format, std::forward<Arguments>(arguments)...) + "\n";
    }
    Result<void> loader();
    void environment();
    void memory();
    Result<void> files();
    void remarks();
    void list(const char* title, const std::vector<std::string>& lines);
    std::vector<std::string> not_found() const;
    std::vector<std::string> counts() const;

    const Recording& recording_;
    const TraceSurroundings& surroundings_;
    const TraceMounts mounts_;
    std::string text_;
};

Result<void> Text::loader() {
    const auto program = quoted("file:" + recording_.executable);
    if (!program) return unspeakable("the program's name", recording_.executable);
    line("[loader]\nentrypoint = {}", *program);
    std::string list;
    for (const std::string& argument : recording_.arguments) {
        const auto word = quoted(argument);
        if (!word) return unspeakable("the argument", argument);
        list += (list.empty() ? "" : ", ") + *word;
    }
    line("argv = [{}]", list);
    if (mounts_.need_directory) {
        line("# It names files relative to its working directory: run it from {}",
             shown(recording_.directory));
        line("insecure__use_host_identity = true");
    } else if (surroundings_.uid != 0 || surroundings_.gid != 0) {
        line("uid = {}\ngid = {}", surroundings_.uid, surroundings_.gid);
    }
    return {};
}

void Text::environment() {
    std::vector<std::string> files{recording_.executable};
    for (const auto& [name, use] : recording_.names) {
        if (use.found && use.looked_at && !use.directory) files.push_back(name);
    }
    for (const std::string& variable : needed_variables(surroundings_.environment, files)) {
        const std::size_t equals = variable.find('=');
        const std::string name = variable.substr(0, equals);
        const auto key = quoted(name), value = quoted(variable.substr(equals + 1));
        const bool bare =
            name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
            std::string::npos;
        if (!key || !value) {
            line("# env.{}: its value is no UTF-8", shown(name));
        } else if (is_secret(name)) {
            line("# env.{} = left out: a manifest is no place for secrets", bare ? name : *key);
        } else {
            line("env.{} = {}", bare ? name : *key, *value);
        }
    }
}

void Text::memory() {
    // Room for page tables, the runtime and private copies of mapped files.
    const std::uint64_t used = surroundings_.peak_kib << 10;
    const std::uint64_t needed = used + std::max(used, recording_.largest_mapping) + (64ull << 20);
    if (needed <= kDefaultMemoryLimit) return;
    const std::uint64_t limit =
        (needed + kDefaultMemoryLimit - 1) / kDefaultMemoryLimit * kDefaultMemoryLimit;
    line("\n# Natively it used {} MiB; its largest mapping has {} MiB.\n[enclave]\nmemory_limit = \"{}\"",
         used >> 20, recording_.largest_mapping >> 20, format_size(limit));
}

Result<void> Text::files() {
    line("\n[fs]\nmounts = [");
    for (const auto& [path, mount] : mounts_.mounts) {
        const auto name = quoted(path), uri = quoted("file:" + mount.uri);
        if (!name || !uri) return unspeakable("the file", path);
        if (mount.type == abi::MountType::kTmpfs) {
            line("  {{ type = \"tmpfs\", path = {} }},", *name);
        } else {
            line("  {{ type = \"{}\", path = {}, uri = {} }},",
                 mount.type == abi::MountType::kTrusted ? "trusted" : "insecure__passthrough", *name, *uri);
        }
    }
    line("]");
    return {};
}

void Text::list(const char* title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    line("\n# {}", title);
    for (std::size_t i = 0; i < std::min(lines.size(), kMostLines); i++) line("#   {}", lines[i]);
    if (lines.size() > kMostLines) line("#   and {} more", lines.size() - kMostLines);
}

std::vector<std::string> Text::not_found() const {
    std::vector<std::string> lines;
    for (const auto& [name, use] : recording_.names) {
        if (!use.found && use.error != 0)
            lines.push_back(fmt::format("{}: {}", shown(name), std::strerror(use.error)));
    }
    return lines;
}

std::vector<std::string> Text::counts() const {
    std::vector<std::pair<std::uint64_t, std::string>> calls;
    for (const auto& [number, count] : recording_.calls) {
        const LinuxCall call = linux_call(number);
        calls.emplace_back(count,
                           call.name.empty() ? fmt::format("call {}", number) : std::string{call.name});
    }
    std::sort(calls.begin(), calls.end(), [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    std::vector<std::string> lines;
    for (const auto& [count, name] : calls) {
        const std::string word = fmt::format("{} {}", name, count);
        if (lines.empty() || lines.back().size() + word.size() > 90) {
            lines.push_back(word);
        } else {
            lines.back() += ", " + word;
        }
    }
    return lines;
}

void Text::remarks() {
    list("Listed, and too large to trust as a whole: mount what is needed of it.", mounts_.too_large);
    list("Files of the kernel's that it found; the runtime has the common ones (docs/manifest.md).",
         mounts_.kernel);
    list("Asked for, and not there:", not_found());
    list("Calls, and how often:", counts());
    list("Of these an enclave does not answer:", unanswered(recording_));
}

Result<std::string> Text::write() {
    line("# Made by 'enclavisor trace' from one run: what another run needs may be missing.");
    TRY(loader());
    environment();
    memory();
    TRY(files());
    remarks();
    return std::move(text_);
}

}  // namespace

Result<std::string> write_manifest(const Recording& recording, const TraceSurroundings& surroundings) {
    return Text{recording, surroundings}.write();
}

std::vector<std::string> unanswered(const Recording& recording) {
    std::vector<std::string> lines;
    for (const auto& [number, count] : recording.calls) {
        const LinuxCall call = linux_call(number);
        if (call.answer != CallAnswer::kAbsent) continue;
        const std::string name = call.name.empty() ? fmt::format("call {}", number) : std::string{call.name};
        const std::string_view purpose = call.name.empty() ? "is unknown" : purpose_of(call.name);
        lines.push_back(fmt::format("{}, {} {}: it {}", name, count, count == 1 ? "time" : "times", purpose));
    }
    for (const std::string& file : recording.shared_mappings) {
        // Of files in the enclave there are such mappings.
        if (!is_below_temporary(file))
            lines.push_back(fmt::format(
                "mmap of {} with MAP_SHARED and PROT_WRITE: it writes the file through memory", shown(file)));
    }
    return lines;
}

}  // namespace enclavisor::host
