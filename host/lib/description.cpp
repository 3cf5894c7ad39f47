#include "host/lib/description.hpp"

#include "host/lib/sha.hpp"

namespace enclavisor::host {

FileHash hash_bytes(std::string path, std::span<const std::byte> bytes) {
    FileHash hash{std::move(path), bytes.size(), {}};
    Sha sha{ShaKind::kSha256};
    sha.update(bytes);
    sha.finish(hash.sha256);
    return hash;
}

namespace {

const Mount* longest(const std::vector<Mount>& mounts, const std::string& path, bool with_uri) {
    const Mount* best = nullptr;
    for (const Mount& mount : mounts) {
        const bool covers = mount.path == "/" || path == mount.path || path.starts_with(mount.path + "/");
        if (!covers || (with_uri && mount.uri.empty())) continue;
        if (best == nullptr || mount.path.size() > best->path.size()) best = &mount;
    }
    return best;
}

}  // namespace

const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path) {
    return longest(mounts, path, false);
}

std::string host_path(const std::vector<Mount>& mounts, const std::string& path) {
    const Mount* mount = longest(mounts, path, true);
    if (mount == nullptr) return path;
    return mount->uri + path.substr(mount->path == "/" ? 0 : mount->path.size());
}

std::vector<std::string> believed(const Configuration& configuration) {
    std::vector<std::string> words;
    const auto believe = [&](std::uint64_t flag, const char* what) {
        if ((configuration.options.flags & flag) != 0) words.emplace_back(what);
    };
    believe(abi::kHostArguments, "arguments");
    believe(abi::kHostEnvironment, "environment");
    believe(abi::kHostIdentity, "identity and working directory");
    for (const std::string& name : configuration.environment_from_host)
        words.push_back("environment variable " + name);
    for (const Mount& mount : configuration.mounts) {
        if (mount.type == abi::MountType::kPassthrough) words.push_back("files below " + mount.path);
    }
    believe(abi::kHostExecutes, "programs to start beside it");
    for (const MayExecute& allowed : configuration.may_execute) {
        words.push_back(allowed.is_fixed ? "starts of " + allowed.words[0]
                                         : "starts and arguments of " + allowed.words[0]);
    }
    return words;
}

}  // namespace enclavisor::host
