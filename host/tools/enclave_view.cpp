#include "host/tools/enclave_view.hpp"

#include <deque>
#include <filesystem>

#include "host/lib/description.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLinks = 40;

void put_before(std::deque<std::string>& parts, const fs::path& path) {
    std::size_t at = 0;
    for (const fs::path& part : path)
        parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(at++), part.string());
}

}  // namespace

EnclaveView::Seen EnclaveView::find(const std::string& path) const {
    std::deque<std::string> parts;
    put_before(parts, path);
    std::string at;
    std::error_code error;
    for (int links = 0; !parts.empty();) {
        const std::string part = parts.front();
        parts.pop_front();
        if (part.empty() || part == "/" || part == ".") continue;
        if (part == "..") {
            at.erase(at.empty() ? 0 : at.rfind('/'));
            continue;
        }
        at += "/" + part;
        const Mount* mount = mount_of(mounts_, at);
        // What a mount's uri leads to was read through the link.
        if (mount == nullptr || mount->type != abi::MountType::kTrusted || mount->path == at) continue;
        const fs::path target = fs::read_symlink(host_path(mounts_, at), error);
        if (error) continue;
        if (++links > kMaxLinks) return {};
        put_before(parts, target);
        at.erase(target.is_absolute() ? 0 : at.rfind('/'));
    }
    const Mount* mount = mount_of(mounts_, at.empty() ? "/" : at);
    if (mount == nullptr || mount->uri.empty()) return {};
    std::string source = host_path(mounts_, at.empty() ? "/" : at);
    if (!fs::exists(source, error)) return {};
    return {mount, std::move(source)};
}

}  // namespace enclavisor::host
