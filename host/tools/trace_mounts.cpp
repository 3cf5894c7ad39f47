#include "host/tools/trace_mounts.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

using abi::MountType;

// What is made there is nobody else's business.
constexpr const char* kTemporary[] = {"/tmp", "/var/tmp", "/dev/shm"};

// A directory that was listed is trusted as a whole up to this.
constexpr std::uint64_t kMostFiles = 20'000, kMostBytes = 1ull << 30;

bool is_temporary(const std::string& path) {
    return std::find(std::begin(kTemporary), std::end(kTemporary), path) != std::end(kTemporary);
}

bool is_kernels(const std::string& path) {
    if (is_below(path, "/dev/shm")) return false;
    return is_below(path, "/proc") || is_below(path, "/sys") || is_below(path, "/dev");
}

std::string parent(const std::string& path) {
    return fs::path{path}.parent_path().string();
}

std::string canonical(const std::string& path) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    return error ? "" : real.string();
}

bool is_small(const std::string& directory) {
    std::uint64_t files = 0, bytes = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator at{directory, error}, end; !error && at != end;
         at.increment(error)) {
        std::error_code ignored;
        if (!at->is_regular_file(ignored) || at->is_symlink(ignored)) continue;
        bytes += at->file_size(ignored);
        if (++files > kMostFiles || bytes > kMostBytes) return false;
    }
    return !error;
}

class Planner {
public:
    explicit Planner(const Recording& recording) : recording_{recording} {}
    TraceMounts plan();

private:
    const NameUse* use_of(const std::string& path) const {
        const auto found = recording_.names.find(path);
        return found == recording_.names.end() ? nullptr : &found->second;
    }
    // It or a directory above it was made in the course of the trace.
    bool was_made(std::string path) const {
        for (; path.size() > 1; path = parent(path)) {
            if (const NameUse* use = use_of(path); use != nullptr && use->made) return true;
        }
        return false;
    }
    bool in(MountType type, const std::string& path) const {
        return std::any_of(plan_.mounts.begin(), plan_.mounts.end(), [&](const auto& mount) {
            return mount.second.type == type && is_below(path, mount.first);
        });
    }
    // The whole mount of `directory` shows `path` as the host does: no link on the way leads out.
    static bool shows(const std::string& directory, const std::string& path) {
        const std::string real = canonical(path);
        return path != directory && is_below(path, directory) && !real.empty() &&
               is_below(real, canonical(directory));
    }
    void add(const std::string& path, MountType type, const NameUse* use = nullptr) {
        const std::string uri = use == nullptr || use->source.empty() ? path : use->source;
        plan_.mounts.insert_or_assign(path, TraceMounts::Mount{type, type == MountType::kTmpfs ? "" : uri});
    }
    void written();
    void listed();
    void read();
    void entered();
    bool is_there(const std::string& directory) const;
    bool directory_matters() const;

    const Recording& recording_;
    TraceMounts plan_;
    std::set<std::string> whole_;  // trusted directories
};

void Planner::written() {
    add("/tmp", MountType::kTmpfs);
    std::set<std::string> places;
    for (const auto& [name, use] : recording_.names) {
        if (is_kernels(name)) continue;
        if (use.made || use.removed) {
            std::string place = parent(name);
            while (was_made(place)) place = parent(place);
            places.insert(place);
        } else if (use.changed) {
            places.insert(name);
        }
    }
    for (const std::string& place : places) {
        std::error_code error;
        if (is_temporary(place)) {
            add(place, MountType::kTmpfs);
        } else if (place != "/" && fs::exists(place, error) && !in(MountType::kPassthrough, place)) {
            add(place, MountType::kPassthrough, use_of(place));
        }
    }
}

void Planner::listed() {
    for (const auto& [name, use] : recording_.names) {
        if (!use.listed || name == "/" || is_kernels(name) || is_temporary(name) || was_made(name)) continue;
        if (in(MountType::kPassthrough, name)) continue;
        const auto covers = [&name = name](const std::string& outer) { return shows(outer, name); };
        if (std::any_of(whole_.begin(), whole_.end(), covers)) continue;
        if (!is_small(name)) {
            plan_.too_large.push_back(name);
            continue;
        }
        add(name, MountType::kTrusted, &use);
        whole_.insert(name);
    }
}

void Planner::read() {
    for (const auto& [name, use] : recording_.names) {
        if (!use.found || use.directory || name == "/") continue;
        if (is_kernels(name)) {
            plan_.kernel.push_back(name);
            continue;
        }
        if (!use.looked_at || use.changed || use.removed || was_made(name)) continue;
        std::error_code error;
        if (!fs::is_regular_file(use.source.empty() ? name : use.source, error)) continue;
        const auto covers = [&name = name](const std::string& outer) { return shows(outer, name); };
        if (use.source.empty() && std::any_of(whole_.begin(), whole_.end(), covers)) continue;
        add(name, MountType::kTrusted, &use);
    }
}

// Directories that lead to a mount are there, but not inside a tmpfs.
bool Planner::is_there(const std::string& directory) const {
    const auto begin = plan_.mounts.begin(), end = plan_.mounts.end();
    std::string inner;
    for (auto mount = begin; mount != end; ++mount) {
        if (is_below(directory, mount->first)) inner = mount->first;  // the longest comes last
    }
    if (!inner.empty()) return inner == directory || plan_.mounts.at(inner).type != MountType::kTmpfs;
    return std::any_of(begin, end, [&](const auto& mount) { return is_below(mount.first, directory); });
}

void Planner::entered() {
    plan_.need_directory = directory_matters();
    const auto need = [this](const std::string& directory) {
        if (!is_there(directory)) add(directory, MountType::kTmpfs);
    };
    if (plan_.need_directory) need(recording_.directory);
    for (const auto& [name, use] : recording_.names) {
        if (use.entered && name != "/" && !is_kernels(name) && !was_made(name)) need(name);
    }
}

bool Planner::directory_matters() const {
    const std::string& here = recording_.directory;
    if (here == "/") return false;
    return std::any_of(recording_.names.begin(), recording_.names.end(), [&](const auto& entry) {
        const auto& [name, use] = entry;
        if (!use.found || !is_below(name, here) || (name == here && !use.listed)) return false;
        return use.relative || recording_.asked_for_directory;
    });
}

TraceMounts Planner::plan() {
    written();
    listed();
    read();
    entered();
    return std::move(plan_);
}

}  // namespace

bool is_below(const std::string& path, const std::string& folder) {
    return folder == "/" || path == folder || path.starts_with(folder + "/");
}

bool is_below_temporary(const std::string& path) {
    return std::any_of(std::begin(kTemporary), std::end(kTemporary),
                       [&](const char* folder) { return is_below(path, folder); });
}

TraceMounts mounts_for(const Recording& recording) {
    return Planner{recording}.plan();
}

}  // namespace enclavisor::host
