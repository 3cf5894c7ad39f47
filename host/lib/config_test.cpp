#include "host/lib/config.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace enclavisor::host {
namespace {

template <typename T>
T at(const std::vector<std::byte>& bytes, std::size_t offset) {
    T value;
    EXPECT_LE(offset + sizeof(T), bytes.size());
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

TEST(Config, ItemsFollowEachOther) {
    Configuration configuration;
    configuration.executable = "/bin/app";
    configuration.arguments = {"app", "x"};
    configuration.environment = {"A=1"};
    configuration.environment_from_host = {"HOME"};
    configuration.mounts = {{abi::MountType::kTrusted, "/usr", "/srv/usr"}};
    configuration.trusted_files = {{"/usr/f", 5, {}, 0444, "", {}, 0}};
    configuration.may_execute = {{true, {"/bin/ls", "-l"}}};
    const auto bytes = serialise(configuration, {});

    EXPECT_EQ(at<abi::ConfigHeader>(bytes, 0).magic, abi::kConfigMagic);
    EXPECT_EQ(at<abi::ConfigHeader>(bytes, 0).size, bytes.size());
    std::vector<std::uint32_t> tags;
    std::size_t offset = sizeof(abi::ConfigHeader);
    while (offset < bytes.size()) {
        const auto item = at<abi::ConfigItem>(bytes, offset);
        tags.push_back(item.tag);
        const char* payload = reinterpret_cast<const char*>(bytes.data()) + offset + sizeof(item);
        if (item.tag == static_cast<std::uint32_t>(abi::ConfigTag::kMount)) {
            const auto mount = at<abi::ConfigMount>(bytes, offset + sizeof(item));
            EXPECT_EQ(std::string(payload + sizeof(mount), mount.path_size + mount.uri_size), "/usr/srv/usr");
            EXPECT_EQ(item.size, sizeof(mount) + mount.path_size + mount.uri_size);
        }
        if (item.tag == static_cast<std::uint32_t>(abi::ConfigTag::kHostMayExecute)) {
            const auto head = at<abi::ConfigMayExecute>(bytes, offset + sizeof(item));
            EXPECT_EQ(head.words, 2u);
            EXPECT_EQ(head.is_fixed, 1u);
            EXPECT_EQ(std::string(payload + sizeof(head), item.size - sizeof(head)),
                      std::string("/bin/ls\0-l\0", 11));
        }
        offset += sizeof(item) + (item.size + 7) / 8 * 8;
    }
    EXPECT_EQ(offset, bytes.size());
    EXPECT_EQ(tags, (std::vector<std::uint32_t>{1, 2, 8, 3, 3, 4, 5, 6, 7, 10}));
}

}  // namespace
}  // namespace enclavisor::host
