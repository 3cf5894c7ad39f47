// Launch digests and VMSA pages that others have published or computed: the project's shared
// vectors, beside the source folder or where ENCLAVISOR_VECTORS says. launch_digest_test.cpp has
// those that need no file.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "host/lib/file.hpp"
#include "host/lib/id_block.hpp"
#include "host/lib/launch_digest.hpp"
#include "host/lib/measure.hpp"
#include "host/lib/sha.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class LaunchVectors : public testing::Test {
protected:
    void SetUp() override {
        const char* named = std::getenv("ENCLAVISOR_VECTORS");
        folder_ =
            (named != nullptr ? fs::path{named} : fs::path{ENCLAVISOR_SOURCE_DIR} / "../shared/vectors") /
            "measure";
        if (!fs::is_directory(folder_))
            GTEST_SKIP() << "no vectors in " << folder_ << "; set ENCLAVISOR_VECTORS";
    }

    std::vector<std::byte> file(const fs::path& name) { return read_file(folder_ / name).value(); }
    Json json(const fs::path& name) {
        const auto bytes = file(name);
        return Json::parse(reinterpret_cast<const char*>(bytes.data()),
                           reinterpret_cast<const char*>(bytes.data()) + bytes.size());
    }
    void check(const Json& vector);

    fs::path folder_;
};

std::uint64_t number(const Json& text) {
    return std::stoull(text.get<std::string>(), nullptr, 16);
}

// null: nothing; "empty"; or a JSON string with the contents.
std::string contents(const Json& value) {
    if (value.is_null() || value == "empty") return "";
    return Json::parse(value.get<std::string>()).get<std::string>();
}

std::string hex_of(std::string_view text, std::size_t at) {
    return std::string{text.substr(2 * at, 2)};
}

void LaunchVectors::check(const Json& vector) {
    const std::string mode = vector.at("mode");
    LaunchSpec spec;
    spec.kind = mode == "sev" ? LaunchKind::kSev : mode == "seves" ? LaunchKind::kSevEs : LaunchKind::kSevSnp;
    spec.vcpus = vector.at("vcpus");
    spec.vcpu_state.signature = static_cast<std::uint32_t>(number(vector.at("vcpu_sig")));
    if (vector.contains("vcpu_type")) {
        EXPECT_EQ(cpu_signature(vector.at("vcpu_type")).value(), spec.vcpu_state.signature);
    }
    // The file names them for SEV-ES too, where they are always 0.
    if (spec.kind == LaunchKind::kSevSnp) spec.vcpu_state.sev_features = number(vector.at("sev_features"));
    if (!vector.at("kernel").is_null()) {
        const std::string kernel = contents(vector.at("kernel")), initrd = contents(vector.at("initrd"));
        spec.kernel_hashes =
            KernelHashes::of(std::as_bytes(std::span{kernel}), std::as_bytes(std::span{initrd}),
                             vector.at("cmdline").get<std::string>());
    }
    const auto image = file(vector.at("firmware").get<std::string>());
    const Firmware firmware = parse_firmware(image, "vector").value();
    if (vector.value("ovmf_hash_seed", Json{}).is_null()) {
        EXPECT_EQ(to_hex(launch_digest(firmware, spec).value()), vector.at("expected"));
        return;
    }
    const std::string seed = vector.at("ovmf_hash_seed");
    SnpDigest begin;
    for (std::size_t i = 0; i < begin.size(); i++)
        begin[i] = static_cast<std::byte>(std::stoul(hex_of(seed, i), nullptr, 16));
    SnpLaunch launch{begin};
    ASSERT_TRUE(launch.add_sections(firmware, spec.kernel_hashes));
    ASSERT_TRUE(launch.add_vcpus(firmware, spec.vcpus, spec.vcpu_state));
    EXPECT_EQ(to_hex(launch.digest()), vector.at("expected"));
}

TEST_F(LaunchVectors, AllDigests) {
    const Json vectors = json("launch_digests.json");
    EXPECT_GE(vectors.size(), 35u);
    for (const Json& vector : vectors) {
        SCOPED_TRACE(vector.at("id").get<std::string>());
        check(vector);
    }
}

TEST_F(LaunchVectors, DebianOvmf) {
    const Json vectors = json("debian_ovmf.json");
    EXPECT_EQ(vectors.size(), 6u);
    for (const Json& vector : vectors) {
        const auto image = read_file(vector.at("firmware").get<std::string>());
        if (!image) GTEST_SKIP() << "the package ovmf is not installed";
        Sha sha{ShaKind::kSha256};
        sha.update(image.value());
        std::array<std::byte, 32> digest;
        sha.finish(digest);
        if (to_hex(digest) != vector.at("firmware_sha256"))
            GTEST_SKIP() << "the package ovmf is another version";
        SCOPED_TRACE(vector.dump());
        check(vector);
    }
}

TEST_F(LaunchVectors, Vmsas) {
    const struct {
        const char* name;
        std::uint32_t reset;
        VcpuState state;
    } cases[] = {
        {"vmsa_snp_bsp_epycv4_feat1.bin", kFirstVcpuReset, {0x800f12, 1}},
        {"vmsa_snp_ap_epycv4_feat1.bin", 0x80b004, {0x800f12, 1}},
        {"vmsa0_sev_es.bin", kFirstVcpuReset, {0xa00f11, 0, true}},
        {"vmsa1_sev_es.bin", 0x80b004, {0xa00f11, 0, true}},
    };
    for (const auto& [name, reset, state] : cases) {
        const abi::Vmsa page = initial_vmsa(reset, state);
        const auto bytes = std::as_bytes(std::span{&page, 1});
        const auto expected = file(name);
        for (std::size_t i = 0; i < bytes.size(); i++)
            ASSERT_EQ(bytes[i], expected[i]) << name << " at " << std::hex << i;
    }
}

TEST_F(LaunchVectors, IdBlocks) {
    const auto bytes = file("id_block.bin");
    ASSERT_EQ(bytes.size(), sizeof(IdBlock));
    IdBlock block;
    std::memcpy(&block, bytes.data(), sizeof block);
    EXPECT_EQ(to_hex(block.launch_digest).substr(0, 8), "a14d6383");
    EXPECT_EQ(block.version, 1u);
    EXPECT_EQ(block.guest_svn, 0u);
    EXPECT_EQ(block.policy, kSnpDefaultPolicy);
}

}  // namespace
}  // namespace enclavisor::host
