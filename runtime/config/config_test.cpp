#include "runtime/config/config.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace enclavisor::runtime {
namespace {

class Builder {
public:
    Builder() { add(abi::ConfigHeader{abi::kConfigMagic, 0}); }
    template <typename T>
    Builder& add(const T& value) {
        return raw({reinterpret_cast<const char*>(&value), sizeof(value)});
    }
    Builder& raw(std::string_view text) {
        bytes_ += text;
        return *this;
    }
    Builder& item(abi::ConfigTag tag, std::string_view payload) {
        add(abi::ConfigItem{static_cast<std::uint32_t>(tag), static_cast<std::uint32_t>(payload.size())})
            .raw(payload);
        bytes_.resize((bytes_.size() + 7) / 8 * 8);
        return *this;
    }
    Builder& usual() {
        const abi::ConfigProgram program{0x401000, 0, 0x400040, 4, 0x500000, 0x400000};
        const abi::ConfigOptions options{abi::kHostArguments, 1 << 20, 1 << 28, 1, 5, 6};
        item(abi::ConfigTag::kProgram, {reinterpret_cast<const char*>(&program), sizeof(program)});
        return item(abi::ConfigTag::kOptions, {reinterpret_cast<const char*>(&options), sizeof(options)});
    }
    std::optional<Config> parse() {
        const std::uint64_t size = bytes_.size();
        std::memcpy(bytes_.data() + 8, &size, 8);
        return parse_config(std::as_bytes(std::span{bytes_}));
    }

private:
    std::string bytes_;
};

TEST(Config, ReadsItems) {
    std::string mount(sizeof(abi::ConfigMount), '\0');
    const abi::ConfigMount head{2, 4, 0, 0};
    std::memcpy(mount.data(), &head, sizeof(head));
    Builder builder;
    const auto config = builder.usual()
                            .item(abi::ConfigTag::kExecutable, "/bin/x")
                            .item(abi::ConfigTag::kEnvironment, "A=b")
                            .item(abi::ConfigTag::kMount, mount + "/tmp")
                            .parse();
    ASSERT_TRUE(config);
    EXPECT_EQ(config->executable, "/bin/x");
    EXPECT_EQ(config->environment.at(0), "A=b");
    EXPECT_EQ(config->mounts.at(0).path, "/tmp");
    EXPECT_EQ(config->options.uid, 5u);
}

TEST(Config, RefusesWhatItDoesNotKnow) {
    EXPECT_FALSE(Builder{}.parse());  // no program
    EXPECT_FALSE(Builder{}.usual().item(static_cast<abi::ConfigTag>(99), "x").parse());
    EXPECT_FALSE(Builder{}.usual().item(abi::ConfigTag::kMount, "short").parse());
    EXPECT_FALSE(Builder{}.usual().item(abi::ConfigTag::kTrustedFile, "short").parse());
    const auto link = [](std::uint32_t path, std::uint32_t target) {
        const abi::ConfigTrustedLink head{path, target};
        return std::string{reinterpret_cast<const char*>(&head), sizeof(head)} + "/ltarget";
    };
    Builder whole;
    const auto parsed = whole.usual().item(abi::ConfigTag::kTrustedLink, link(2, 6)).parse();
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->trusted_links.at(0).path, "/l");
    EXPECT_EQ(parsed->trusted_links.at(0).target, "target");
    for (const auto& [path, target] : {std::pair{8u, 0u}, {0u, 8u}, {2u, 7u}, {~0u, 9u}}) {
        EXPECT_FALSE(Builder{}.usual().item(abi::ConfigTag::kTrustedLink, link(path, target)).parse());
    }
    EXPECT_FALSE(Builder{}.usual().raw("1234").parse());
    EXPECT_FALSE(Builder{}.usual().add(abi::ConfigItem{3, 1000}).parse());
}

}  // namespace
}  // namespace enclavisor::runtime
