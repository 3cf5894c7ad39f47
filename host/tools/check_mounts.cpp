#include "host/tools/check_mounts.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "host/lib/description.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

// Files of a passthrough mount that are looked at for code.
constexpr std::size_t kMostEntries = 20'000;

using Problems = std::vector<MountProblem>;

void add(Problems& problems, Finding::Weight weight, std::string what, std::string cure) {
    problems.push_back({weight, std::move(what), std::move(cure)});
}

bool within(const std::string& path, const std::string& mount) {
    return path == mount || mount == "/" || path.starts_with(mount + "/");
}

// A program, library or script.
bool is_code(const fs::directory_entry& entry) {
    std::error_code error;
    if (!entry.is_regular_file(error)) return false;
    char head[4] = {};
    std::ifstream{entry.path(), std::ios::binary}.read(head, sizeof(head));
    const std::string_view begin{head, sizeof(head)};
    if (begin ==
        "\x7f"
        "ELF")
        return true;
    const bool executable = (entry.status(error).permissions() & fs::perms::owner_exec) != fs::perms::none;
    return executable && begin.starts_with("#!");
}

// Calls `look` for all that is below `root`, or for `root` itself; stops when it says so.
template <typename Look>
void walk(const fs::path& root, Look look) {
    std::error_code error;
    if (!fs::is_directory(root, error)) {
        look(fs::directory_entry{root, error});
        return;
    }
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator at{root, options, error}, end; !error && at != end;
         at.increment(error)) {
        if (!look(*at)) return;
    }
}

void check_passthrough(const Mount& mount, const std::vector<Mount>& all, Problems& problems) {
    std::error_code error;
    using enum Finding::Weight;
    if (!fs::exists(mount.uri, error)) {
        return add(problems, kWarning, fmt::format("{} does not exist on this host", mount.uri),
                   "make it before the program runs, or correct the uri");
    }
    if (mount.path == "/") {
        add(problems, kWarning, "every file that no other mount covers is the host's",
            "mount only what the program needs");
    }
    std::size_t entries = 0, pieces = 0;
    std::string first;
    walk(mount.uri, [&](const fs::directory_entry& entry) {
        if (!is_code(entry)) return ++entries < kMostEntries;
        // Not where another mount stands before it.
        const std::string below = entry.path().string().substr(mount.uri == "/" ? 0 : mount.uri.size());
        if (mount_of(all, (mount.path == "/" ? "" : mount.path) + below) == &mount && pieces++ == 0)
            first = entry.path().string();
        return ++entries < kMostEntries;
    });
    if (pieces == 0) return;
    add(problems, kWarning,
        fmt::format("the host can change code that the program may load: {}{}", first,
                    pieces == 1 ? "" : fmt::format(" and {} more", pieces - 1)),
        "put data into a directory of its own, and mount code as trusted");
}

void check_trusted(const Mount& mount, Problems& problems, std::uint64_t& trusted_bytes) {
    std::error_code error;
    using enum Finding::Weight;
    if (!fs::exists(mount.uri, error)) {
        return add(problems, kError, fmt::format("{} does not exist", mount.uri),
                   "correct the mount's uri, or remove the mount");
    }
    if (within(mount.uri, "/proc") || within(mount.uri, "/sys") || within(mount.uri, "/dev")) {
        add(problems, kWarning,
            fmt::format("{} is the kernel's and changes: its hash will not fit", mount.uri),
            "remove the mount; the runtime has its own of the common ones");
        return;
    }
    std::string unreadable, other;
    std::size_t files = 0;
    walk(mount.uri, [&](const fs::directory_entry& entry) {
        std::error_code ignored;
        if (entry.is_symlink(ignored) && entry.path() != mount.uri) return true;
        if (entry.is_regular_file(ignored)) {
            files++;
            trusted_bytes += entry.file_size(ignored);
            if (unreadable.empty() && ::access(entry.path().c_str(), R_OK) != 0)
                unreadable = entry.path().string();
        } else if (!entry.is_directory(ignored) && other.empty()) {
            other = entry.path().string();
        }
        return true;
    });
    if (!unreadable.empty()) {
        add(problems, kError, fmt::format("{} cannot be read", unreadable),
            "make it readable, or name the files that are needed one by one");
    }
    if (!other.empty()) {
        add(problems, kWarning, fmt::format("{} is no file, directory or link: it will not be there", other),
            "mount the directory as passthrough if the program needs it");
    }
    if (files == 0 && other.empty()) {
        add(problems, kWarning,
            fmt::format("{} has no files: the enclave will not have the directory", mount.uri),
            "use a tmpfs if the program needs an empty directory");
    }
}

void check_overlaps(const Mount& mount, const std::vector<Mount>& all, Problems& problems) {
    std::error_code error;
    for (const Mount& outer : all) {
        if (&outer == &mount || !within(mount.path, outer.path)) continue;
        const std::string hidden = outer.uri.empty()
                                       ? ""
                                       : (outer.uri == "/" ? "" : outer.uri) +
                                             mount.path.substr(outer.path == "/" ? 0 : outer.path.size());
        if (outer.type == abi::MountType::kTrusted && mount.type != abi::MountType::kTrusted &&
            fs::exists(hidden, error)) {
            add(problems, Finding::Weight::kWarning,
                fmt::format("{} hides trusted files of the mount of {}", mount.path, outer.path),
                "remove one of the mounts, or mount beside it");
        }
        // A link of the host's on the way leads around the inner mount.
        if (outer.type == abi::MountType::kPassthrough && mount.type == abi::MountType::kTrusted &&
            outer.path == "/" && mount.uri == hidden && fs::canonical(mount.uri, error) != mount.uri &&
            !error) {
            add(problems, Finding::Weight::kWarning,
                fmt::format("{} is also {}, where the host's mount of / shows it", mount.path,
                            fs::canonical(mount.uri, error).string()),
                "mount it under that name too, or do not mount /");
        }
    }
}

}  // namespace

std::vector<MountProblem> mount_problems(const Mount& mount, const std::vector<Mount>& all,
                                         std::uint64_t& trusted_bytes) {
    Problems problems;
    for (const char* own :
         {"/proc/self", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/fd"}) {
        if (!within(mount.path, own)) continue;
        add(problems, Finding::Weight::kWarning,
            fmt::format("{} is the runtime's own, whatever is mounted", own), "remove the mount");
    }
    if (mount.type == abi::MountType::kPassthrough) check_passthrough(mount, all, problems);
    if (mount.type == abi::MountType::kTrusted) check_trusted(mount, problems, trusted_bytes);
    check_overlaps(mount, all, problems);
    return problems;
}

}  // namespace enclavisor::host
