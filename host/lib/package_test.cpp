#include "host/lib/package.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "host/lib/trusted_files.hpp"

namespace enclavisor::host {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span{text});
}

Description description() {
    Description d;
    d.program = hash_bytes("/bin/app", bytes("app"));
    d.interpreter = hash_bytes("/lib64/ld.so", bytes("ld"));
    d.runtime = hash_bytes("", bytes("runtime"));
    Configuration& c = d.configuration;
    c.options.flags = abi::kHostIdentity | abi::kFreezeAtInput;
    c.options.stack_size = 1 << 20;
    c.options.memory_limit = 64 << 20;
    c.options.threads = 3;
    c.options.uid = 1000;
    c.executable = "/bin/app";
    c.arguments = {"app", "with \"quotes\"", ""};
    c.environment = {"A=1"};
    c.environment_from_host = {"TZ"};
    c.mounts = {{abi::MountType::kTrusted, "/data", "/srv/data"},
                {abi::MountType::kTmpfs, "/tmp", ""},
                {abi::MountType::kPassthrough, "/out", "/srv/out"}};
    TrustedFile file{};
    file.path = "/data/file";
    file.source = "/srv/data/file";
    file.size = 3 * abi::kTrustedChunk;
    file.mode = 0444;
    file.chunks.resize(3);
    file.chunks[1][0] = std::byte{7};
    file.root = root_of(file);
    c.trusted_files = {file};
    c.trusted_links = {{"/data/link", "file"}};
    c.may_execute = {{true, {"/data/file", "-x"}}, {false, {"/data/link"}}};
    d.measurement[0] = std::byte{0xab};
    return d;
}

Package package() {
    Package p;
    p.enclaves = {description()};
    p.measurement = p.enclaves[0].measurement;
    return p;
}

std::string refusal(const nlohmann::json& json) {
    const auto result = parse_package(json.dump(), "p.enclave");
    if (result) return "accepted";
    EXPECT_TRUE(result.error().cause.starts_with("p.enclave: ")) << result.error().cause;
    return result.error().cause;
}

TEST(Package, WhatIsWrittenIsRead) {
    const std::string text = json_text(package_json(package(), true)).take();
    const auto again = parse_package(text, "p.enclave");
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(json_text(package_json(again.value(), true)).value(), text);
    const Configuration& c = again.value().enclaves[0].configuration;
    EXPECT_EQ(serialise(c, {}), serialise(description().configuration, {}));
    EXPECT_EQ(c.trusted_files[0].chunks, description().configuration.trusted_files[0].chunks);
    EXPECT_EQ(c.trusted_files[0].source, "/srv/data/file");
    EXPECT_EQ(again.value().enclaves[0].interpreter, description().interpreter);
}

TEST(Package, AStaticProgramHasNoInterpreter) {
    Package p = package();
    p.enclaves[0].interpreter = {};
    const auto again = parse_package(json_text(package_json(p, true)).value(), "p");
    ASSERT_TRUE(again);
    EXPECT_EQ(again.value().enclaves[0].interpreter.path, "");
}

TEST(Package, AGroupHasTheMeasurementOfItsMembers) {
    Package p = package();
    p.is_group = true;
    p.enclaves.push_back(description());
    EXPECT_NE(refusal(package_json(p, true)).find("its measurement"), std::string::npos);
    const Measurement members[] = {p.enclaves[0].measurement, p.enclaves[1].measurement};
    p.measurement = measure_group(members);
    EXPECT_EQ(refusal(package_json(p, true)), "accepted");
    p.is_group = false;
    EXPECT_NE(refusal(package_json(p, true)).find("number of enclaves"), std::string::npos);
}

TEST(Package, EveryPartIsNeededAndOfItsKind) {
    const nlohmann::json good = package_json(package(), true);
    ASSERT_EQ(refusal(good), "accepted");
    const auto without = [&](const nlohmann::json::json_pointer& part) {
        for (const auto& [key, value] : good.at(part).items()) {
            if (key == "interpreter" || (key == "path" && part.to_string().find('m') == std::string::npos))
                continue;
            nlohmann::json bad = good;
            bad.at(part).erase(key);
            EXPECT_NE(refusal(bad), "accepted") << part << " without " << key;
            bad = good;
            bad.at(part)[key] = nlohmann::json::array({-1});
            EXPECT_NE(refusal(bad), "accepted") << part << " with another " << key;
        }
    };
    using Pointer = nlohmann::json::json_pointer;
    for (const char* part : {"", "/enclaves/0", "/enclaves/0/options", "/enclaves/0/trusted_files/0",
                             "/enclaves/0/mounts/0", "/enclaves/0/trusted_links/0"}) {
        without(Pointer{part});
    }
}

TEST(Package, WhatContradictsItselfIsRefused) {
    const nlohmann::json good = package_json(package(), true);
    const auto with = [&](const char* part, const nlohmann::json& value) {
        nlohmann::json bad = good;
        bad.at(nlohmann::json::json_pointer{part}) = value;
        return refusal(bad);
    };
    EXPECT_NE(with("/enclaves/0/trusted_files/0/size", 1).find("number of chunks"), std::string::npos);
    EXPECT_NE(with("/enclaves/0/trusted_files/0/size", 3 * abi::kTrustedChunk - 1).find("root"),
              std::string::npos);
    EXPECT_NE(with("/enclaves/0/mounts/0/type", "encrypted").find("no mount type"), std::string::npos);
    EXPECT_NE(with("/enclaves/0/executable", std::string("a\0b", 3)).find("zero byte"), std::string::npos);
    EXPECT_NE(with("/measurement", std::string(95, '0')).find("length"), std::string::npos);
    EXPECT_NE(with("/measurement", std::string(96, 'x')).find("hexadecimal"), std::string::npos);
    EXPECT_NE(with("/enclavisor_package", 2).find("another version"), std::string::npos);
}

TEST(Package, NoTextIsMoreThanRefused) {
    const std::string text = json_text(package_json(package(), true)).value();
    for (std::size_t size = 0; size + 2 < text.size(); size++)
        EXPECT_FALSE(parse_package(text.substr(0, size), "p"));
    for (const char* other : {"", "7", "null", "[]", "{}",
                              "\x7f"
                              "ELF",
                              "{\"enclavisor_package\":{}}"})
        EXPECT_FALSE(parse_package(other, "p")) << other;
    EXPECT_FALSE(parse_package(std::string(100'000, '['), "p"));
}

TEST(Package, NamesThatJsonCannotHoldAreRefused) {
    Package p = package();
    p.enclaves[0].configuration.arguments = {"\xff"};
    EXPECT_FALSE(json_text(package_json(p, true)));
}

}  // namespace
}  // namespace enclavisor::host
