#include "host/tools/recording.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "host/lib/elf.hpp"
#include "host/lib/file.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

std::string link_of(pid_t thread, const std::string& what) {
    std::error_code error;
    const fs::path target = fs::read_symlink(fmt::format("/proc/{}/{}", thread, what), error);
    return error ? "" : target.string();
}

std::string normal(const std::string& path) {
    std::string text = fs::path{path}.lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    if (text.starts_with("//")) text.erase(0, 1);
    return text;
}

bool exists(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0;
}

bool writes(std::uint64_t flags) {
    return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
}

}  // namespace

void Recorder::executed(pid_t process) {
    // The call that did it returns to another program.
    if (const auto found = pending_.find(process); found != pending_.end()) {
        for (const Named& named : found->second.names) note(named, 0);
        pending_.erase(found);
    }
    if (!recording_.executable.empty()) return;
    recording_.executable = link_of(process, "exe");
    recording_.directory = link_of(process, "cwd");
    std::ifstream file{fmt::format("/proc/{}/cmdline", process), std::ios::binary};
    for (std::string word; std::getline(file, word, '\0');) recording_.arguments.push_back(word);
}

void Recorder::entered(pid_t thread, const TracedCall& call) {
    recording_.calls[call.number]++;
    Pending& pending = pending_[thread];
    pending.call = call;
    pending.names.clear();
    for (const PathArgument& argument : path_arguments(call.number)) {
        const auto word = [&](int index) { return call.arguments[static_cast<std::size_t>(index)]; };
        const std::string path = read_text(thread, word(argument.path));
        if (path.empty()) continue;  // a bad address, or a descriptor's own file
        Named named{argument, 0, path, !path.starts_with('/'), false};
        if (named.relative) {
            const int descriptor =
                argument.directory < 0 ? AT_FDCWD : static_cast<int>(word(argument.directory));
            const std::string base =
                link_of(thread, descriptor == AT_FDCWD ? "cwd" : fmt::format("fd/{}", descriptor));
            if (!base.starts_with('/')) continue;
            named.asked.insert(0, base + "/");
        }
        if (argument.flags >= 0) named.flags = word(argument.flags);
        if (call.number == SYS_openat2) read_memory(thread, word(2), &named.flags, sizeof(named.flags));
        named.existed = exists(named.asked);
        pending.names.push_back(std::move(named));
    }
}

void Recorder::left(pid_t thread, std::int64_t result) {
    const auto found = pending_.find(thread);
    if (found == pending_.end()) return;
    const Pending pending = std::move(found->second);
    pending_.erase(found);
    for (const Named& named : pending.names) note(named, result);
    if (result < 0) return;
    const auto& arguments = pending.call.arguments;
    switch (pending.call.number) {
        case SYS_getdents:
        case SYS_getdents64:
            return note_listing(thread, arguments[0]);
        case SYS_getcwd:
            recording_.asked_for_directory = true;
            return;
        case SYS_mremap:
            return note_size(arguments[2]);
        case SYS_mmap:
            return note_mapping(thread, pending.call);
        default:
            return;
    }
}

void Recorder::note(const Named& named, std::int64_t result) {
    const std::string name = normal(named.asked);
    NameUse& use = recording_.names[name];
    if (result < 0) {
        if (!use.found && use.error == 0) use.error = static_cast<int>(-result);
        return;
    }
    use.found = true;
    use.relative = use.relative || named.relative;
    std::error_code error;
    use.directory = fs::is_directory(named.asked, error);
    // "a/../b" where a is a link.
    if (use.source.empty() && !fs::equivalent(named.asked, name, error) && fs::exists(named.asked, error)) {
        const fs::path source = fs::canonical(named.asked, error);
        if (!error) use.source = source.string();
    }
    switch (named.argument.access) {
        case Access::kOpen:
            if ((named.flags & O_CREAT) != 0 && !named.existed) {
                use.made = true;
            } else if (writes(named.flags)) {
                use.changed = true;
            } else {
                use.looked_at = true;
            }
            return;
        case Access::kExecute:
            use.looked_at = true;
            return note_interpreter(named.asked);
        case Access::kLook:
            use.looked_at = true;
            return;
        case Access::kEnter:
            use.entered = true;
            return;
        case Access::kMake:
            (named.existed ? use.changed : use.made) = true;
            return;
        case Access::kRemove:
            use.removed = true;
            return;
        case Access::kChange:
            use.changed = true;
            return;
    }
}

void Recorder::note_interpreter(const std::string& file) {
    const auto bytes = read_file(file);
    if (!bytes) return;
    std::string interpreter;
    if (const auto elf = parse_elf(bytes.value(), file)) {
        interpreter = elf.value().interpreter;
    } else {
        const std::string_view text{reinterpret_cast<const char*>(bytes.value().data()),
                                    bytes.value().size()};
        if (!text.starts_with("#!")) return;
        const std::string_view line = text.substr(2, text.find('\n') - 2);
        const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
        interpreter = line.substr(begin, line.find_first_of(" \t", begin) - begin);
    }
    if (!interpreter.starts_with('/')) return;
    NameUse& use = recording_.names[normal(interpreter)];
    const bool known = use.found && use.looked_at;
    use.found = use.looked_at = true;
    if (!known) note_interpreter(interpreter);
}

void Recorder::note_listing(pid_t thread, std::uint64_t descriptor) {
    const std::string path = link_of(thread, fmt::format("fd/{}", static_cast<int>(descriptor)));
    if (!path.starts_with('/')) return;
    // Under each name by which it was asked for.
    std::error_code error;
    for (auto& [name, use] : recording_.names) {
        if (use.directory && (name == path || fs::equivalent(name, path, error))) use.listed = true;
    }
}

void Recorder::note_mapping(pid_t thread, const TracedCall& call) {
    const std::uint64_t flags = call.arguments[3];
    if ((call.arguments[2] & PROT_WRITE) == 0) return;
    if ((flags & MAP_NORESERVE) == 0) note_size(call.arguments[1]);
    const bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
    if (!shared || (flags & MAP_ANONYMOUS) != 0) return;
    const std::string file = link_of(thread, fmt::format("fd/{}", static_cast<int>(call.arguments[4])));
    if (file.starts_with('/') && !file.starts_with("/memfd:")) recording_.shared_mappings.insert(file);
}

void Recorder::note_size(std::uint64_t size) {
    recording_.largest_mapping = std::max(recording_.largest_mapping, size);
}

}  // namespace enclavisor::host
