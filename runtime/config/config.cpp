#include "runtime/config/config.hpp"

#include <cstring>

#include "base/checked.hpp"
#include "runtime/config/strings.hpp"

namespace enclavisor::runtime {
namespace {

template <typename T>
bool take(std::span<const std::byte>& bytes, T& value) {
    if (bytes.size() < sizeof(T)) return false;
    std::memcpy(&value, bytes.data(), sizeof(T));
    bytes = bytes.subspan(sizeof(T));
    return true;
}

std::string_view text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool add_mount(Config& config, std::span<const std::byte> payload) {
    abi::ConfigMount head;
    if (!take(payload, head)) return false;
    if (std::uint64_t{head.path_size} + head.uri_size != payload.size()) return false;
    if (head.type < 1 || head.type > 3) return false;
    const Mount mount{static_cast<abi::MountType>(head.type), text(payload.first(head.path_size)),
                      text(payload.subspan(head.path_size))};
    if (mount.path.empty() || mount.path[0] != '/') return false;
    config.mounts.push_back(mount);
    return true;
}

bool add_file(Config& config, std::span<const std::byte> payload) {
    TrustedFile file{};
    if (!take(payload, file.info) || payload.empty()) return false;
    file.path = text(payload);
    if (!config.trusted_files.empty()) {
        const TrustedFile& last = config.trusted_files.back();
        file.hashes_offset =
            last.hashes_offset + abi::trusted_chunks(last.info.size) * sizeof(last.info.root);
    }
    config.trusted_files.push_back(file);
    return true;
}

bool add_link(Config& config, std::span<const std::byte> payload) {
    abi::ConfigTrustedLink head;
    if (!take(payload, head) || std::uint64_t{head.path_size} + head.target_size != payload.size() ||
        head.path_size == 0 || head.target_size == 0) {
        return false;
    }
    config.trusted_links.push_back(
        {text(payload.first(head.path_size)), text(payload.subspan(head.path_size))});
    return true;
}

bool add_executable(Config& config, std::span<const std::byte> payload) {
    abi::ConfigMayExecute head;
    if (!take(payload, head) || head.words == 0 || head.is_fixed > 1) return false;
    MayExecute& added = config.may_execute.emplace_back(MayExecute{head.is_fixed != 0, {}});
    std::string_view rest = text(payload);
    return take_strings(rest, head.words, added.words) && rest.empty();
}

bool add_item(Config& config, abi::ConfigTag tag, std::span<const std::byte> payload) {
    switch (tag) {
        case abi::ConfigTag::kProgram:
            return take(payload, config.program) && payload.empty();
        case abi::ConfigTag::kOptions:
            return take(payload, config.options) && payload.empty();
        case abi::ConfigTag::kArgument:
            config.arguments.push_back(text(payload));
            return true;
        case abi::ConfigTag::kEnvironment:
            config.environment.push_back(text(payload));
            return true;
        case abi::ConfigTag::kEnvironmentFromHost:
            config.environment_from_host.push_back(text(payload));
            return true;
        case abi::ConfigTag::kMount:
            return add_mount(config, payload);
        case abi::ConfigTag::kTrustedFile:
            return add_file(config, payload);
        case abi::ConfigTag::kTrustedLink:
            return add_link(config, payload);
        case abi::ConfigTag::kHostMayExecute:
            return add_executable(config, payload);
        case abi::ConfigTag::kExecutable:
            config.executable = text(payload);
            return true;
    }
    return false;
}

}  // namespace

std::optional<Config> parse_config(std::span<const std::byte> bytes) {
    abi::ConfigHeader header;
    const auto whole = bytes;
    if (!take(bytes, header)) return std::nullopt;
    if (header.magic != abi::kConfigMagic || header.size < sizeof(header) || header.size > whole.size()) {
        return std::nullopt;
    }
    bytes = whole.subspan(sizeof(header), header.size - sizeof(header));
    Config config;
    while (!bytes.empty()) {
        abi::ConfigItem item;
        if (!take(bytes, item) || item.size > bytes.size()) return std::nullopt;
        if (!add_item(config, static_cast<abi::ConfigTag>(item.tag), bytes.first(item.size)))
            return std::nullopt;
        const std::size_t padded = base::round_up<std::size_t>(item.size, 8);
        bytes = bytes.subspan(padded < bytes.size() ? padded : bytes.size());
    }
    if (config.program.entry == 0 || config.options.stack_size == 0 ||
        config.options.stack_size % abi::kPageSize != 0) {
        return std::nullopt;
    }
    return config;
}

}  // namespace enclavisor::runtime
