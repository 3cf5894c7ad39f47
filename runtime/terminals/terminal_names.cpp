#include "runtime/terminals/terminal_names.hpp"

#include <dirent.h>
#include <sys/sysmacros.h>

#include <charconv>

#include "runtime/objects/object_file.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::string_view kFolder = "/dev/pts/";
constexpr std::uint32_t kNoNumber = ~0u;

bool is_multiplexer(std::string_view path) {
    return path == "/dev/ptmx" || path == "/dev/pts/ptmx";
}

std::uint32_t number_in(std::string_view path) {
    if (!path.starts_with(kFolder)) return kNoNumber;
    const std::string_view digits = path.substr(kFolder.size());
    std::uint32_t number;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && end == digits.data() + digits.size() ? number : kNoNumber;
}

PseudoTerminal* terminal_at(std::string_view path) {
    return system().pseudo_terminals.find(number_in(path));
}

}  // namespace

bool has_terminal_name(std::string_view path) {
    if (path == "/dev/tty" || is_multiplexer(path)) return true;
    if (!path.starts_with(kFolder)) return false;
    return !system().names.host_only() || number_in(path) >= PseudoTerminals::kFirstNumber;
}

Opened open_terminal(std::string_view path, int flags) {
    if (is_multiplexer(path)) return system().pseudo_terminals.open_master(flags);
    if (path == "/dev/tty") {
        const Ref<Terminal> own = process().terminal;
        return own ? own->open(flags | O_NOCTTY) : Opened{failed(-ENXIO)};
    }
    PseudoTerminal* terminal = terminal_at(path);
    return terminal != nullptr ? terminal->open(flags) : Opened{failed(-ENOENT)};
}

std::int64_t stat_terminal(std::string_view path, struct stat& info) {
    if (const PseudoTerminal* terminal = terminal_at(path)) {
        terminal->describe(info);
        return 0;
    }
    if (path != "/dev/tty" && !is_multiplexer(path)) return -ENOENT;
    describe_object(info, S_IFCHR | 0666, 2);
    info.st_rdev = path == "/dev/tty" ? makedev(5, 0) : makedev(5, 2);
    return 0;
}

std::vector<Entry> terminal_entries() {
    std::vector<Entry> entries{{".", 1, DT_DIR}, {"..", 1, DT_DIR}, {"ptmx", 2, DT_CHR}};
    for (const PseudoTerminal* terminal : system().pseudo_terminals.all()) {
        entries.push_back({join(terminal->number), terminal->inode, DT_CHR});
    }
    return entries;
}

}  // namespace enclavisor::runtime
