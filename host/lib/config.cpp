#include "host/lib/config.hpp"

#include <cstring>
#include <span>

namespace enclavisor::host {
namespace {

class Writer {
public:
    template <typename T>
    void put(const T& value) {
        append(std::as_bytes(std::span{&value, 1}));
    }
    void item(abi::ConfigTag tag, std::initializer_list<std::span<const std::byte>> parts) {
        std::uint32_t size = 0;
        for (const auto& part : parts) size += static_cast<std::uint32_t>(part.size());
        put(abi::ConfigItem{static_cast<std::uint32_t>(tag), size});
        for (const auto& part : parts) append(part);
        bytes_.resize((bytes_.size() + 7) / 8 * 8);
    }
    std::vector<std::byte> take() {
        const std::uint64_t size = bytes_.size();
        std::memcpy(bytes_.data() + offsetof(abi::ConfigHeader, size), &size, sizeof(size));
        return std::move(bytes_);
    }

private:
    void append(std::span<const std::byte> part) { bytes_.insert(bytes_.end(), part.begin(), part.end()); }

    std::vector<std::byte> bytes_;
};

std::span<const std::byte> text(const std::string& string) {
    return std::as_bytes(std::span{string});
}

template <typename T>
std::span<const std::byte> raw(const T& value) {
    return std::as_bytes(std::span{&value, 1});
}

std::uint32_t size32(const std::string& string) {
    return static_cast<std::uint32_t>(string.size());
}

}  // namespace

std::vector<std::byte> serialise(const Configuration& configuration, const abi::ConfigProgram& program) {
    using Tag = abi::ConfigTag;
    Writer writer;
    writer.put(abi::ConfigHeader{abi::kConfigMagic, 0});
    writer.item(Tag::kProgram, {raw(program)});
    writer.item(Tag::kOptions, {raw(configuration.options)});
    writer.item(Tag::kExecutable, {text(configuration.executable)});
    for (const std::string& argument : configuration.arguments) writer.item(Tag::kArgument, {text(argument)});
    for (const std::string& variable : configuration.environment)
        writer.item(Tag::kEnvironment, {text(variable)});
    for (const std::string& name : configuration.environment_from_host) {
        writer.item(Tag::kEnvironmentFromHost, {text(name)});
    }
    for (const Mount& mount : configuration.mounts) {
        const abi::ConfigMount head{static_cast<std::uint32_t>(mount.type), size32(mount.path),
                                    size32(mount.uri), 0};
        writer.item(Tag::kMount, {raw(head), text(mount.path), text(mount.uri)});
    }
    for (const TrustedFile& file : configuration.trusted_files) {
        abi::ConfigTrustedFile head{};
        head.size = file.size;
        std::memcpy(head.root, file.root.data(), sizeof(head.root));
        head.mode = file.mode;
        writer.item(Tag::kTrustedFile, {raw(head), text(file.path)});
    }
    for (const TrustedLink& link : configuration.trusted_links) {
        const abi::ConfigTrustedLink head{size32(link.path), size32(link.target)};
        writer.item(Tag::kTrustedLink, {raw(head), text(link.path), text(link.target)});
    }
    for (const MayExecute& allowed : configuration.may_execute) {
        const abi::ConfigMayExecute head{static_cast<std::uint32_t>(allowed.words.size()), allowed.is_fixed};
        std::string words;
        for (const std::string& word : allowed.words) (words += word) += '\0';
        writer.item(Tag::kHostMayExecute, {raw(head), text(words)});
    }
    return writer.take();
}

}  // namespace enclavisor::host
