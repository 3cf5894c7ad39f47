#include "host/lib/launch_digest.hpp"

#include <gtest/gtest.h>

#include "host/lib/id_block.hpp"
#include "host/lib/measure.hpp"
#include "host/lib/snp_launch.hpp"
#include "host/lib/test_firmware.hpp"

namespace enclavisor::host {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text.data(), text.size()});
}

SnpDigest from_hex(std::string_view text) {
    SnpDigest digest{};
    const auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (std::size_t i = 0; i < digest.size(); i++)
        digest[i] = static_cast<std::byte>(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
    return digest;
}

std::string digest(const std::vector<std::byte>& image, const LaunchSpec& spec) {
    const auto firmware = parse_firmware(image, "fw.bin");
    EXPECT_TRUE(firmware) << firmware.error().text();
    const auto result = launch_digest(firmware.value(), spec);
    return result ? to_hex(result.value()) : result.error().text();
}

enum class Hashed { kNothing, kEmpty, kFiles };

std::optional<KernelHashes> hashes_of(Hashed hashed, std::string_view command_line = "") {
    if (hashed == Hashed::kNothing) return std::nullopt;
    if (hashed == Hashed::kEmpty) return KernelHashes::of({}, {}, command_line);
    return KernelHashes::of(bytes_of("fake vmlinuz\n"), bytes_of("fake initrd\n"), "root=/dev/enclave quiet");
}

const auto kSev = LaunchKind::kSev, kEs = LaunchKind::kSevEs, kSnp = LaunchKind::kSevSnp;

// As sev-snp-measure computes them over images that have OVMF's tables and no code.
TEST(LaunchDigest, KnownAnswers) {
    const struct {
        LaunchKind kind;
        bool amd_sev;  // else OvmfX64
        unsigned vcpus;
        const char* model;
        Hashed hashed;
        std::uint64_t features;
        const char* expected;
    } cases[] = {
        {kSnp, true, 1, "EPYC-v4", Hashed::kFiles, 0x1,
         "9d3a69b607b1ac77fc67d2112bd94bbf74d8b2f37692a9df72c5a05b9ce6f380ecf12c27bfde91f73e61bb5691a2e56d"},
        {kSnp, true, 1, "EPYC-v4", Hashed::kFiles, 0x21,
         "85550dd48e085939fb83767fea7cba9fbfcb4ff2a9346c763d2349fb3663275047f1ada296f73c1a2e5488567b1705e8"},
        {kSnp, true, 1, "EPYC-v4", Hashed::kNothing, 0x21,
         "a155ccc34b80bb2ffb5eb90caf643fc78a13d5dd8d0a46dd73afb3c90849384af76743e4fb76048656dd0b497076d6bf"},
        {kSnp, true, 2, "EPYC-Milan", Hashed::kFiles, 0x1,
         "75ae0e28be9487274035ed824e4e06ee786ae088b58c2b36697019cfd6a2393b029d15e131d67f63b58257cde2bef4ab"},
        {kSnp, true, 2, "EPYC-Milan", Hashed::kNothing, 0x1,
         "f94abbe0cd40dff777a83182bad8518b4cd66c77fd67505a790d26901408acec16b8577da747e6f1fbf3e0d8c5559b9b"},
        {kSnp, true, 2, "EPYC-Milan", Hashed::kNothing, 0x21,
         "e0189a7cdd2e92359b6f9f99a26388ec2893f960c63772a584f085b8410cfbe430db8bcf31eb75010e35574286c067bf"},
        {kSnp, true, 3, "EPYC-Genoa", Hashed::kFiles, 0x21,
         "0d76e9ea3a0f5f6ddbd1639883133c4a74e5ac03ea13a0a4022cb954406257cfd73f9957c87b60e3177d67a37f098d58"},
        {kSnp, true, 3, "EPYC-Genoa", Hashed::kNothing, 0x1,
         "4e67f6098c64d422cd3447699f1e891ed0447cbc2e03c71164941fe9d9628aa9339e715fbe86f32b3374b20b9c5a5512"},
        {kSnp, true, 4, "EPYC-Turin", Hashed::kFiles, 0x1,
         "d873e006fe529263245ccecb2d6dd102a8af2dce2e419f11b85c61f4264c3b95a2166da472bf795051dac80dec8ef7e6"},
        {kSnp, true, 4, "EPYC-Turin", Hashed::kFiles, 0x21,
         "af413fdbbeff89fbc161a3e410a644efa1b1dfd6cbafee3c48945c2cb17d88355d1868773a83f37564c64ace428e9779"},
        {kSnp, true, 4, "EPYC-Turin", Hashed::kNothing, 0x21,
         "85a0a995038e0a20e583de9f5cc0804d7cd2d7dc11705865f8e5636799f3df00735760f2bb75fb1d1f8f62eba458b8b5"},
        {kSnp, false, 1, "EPYC-v4", Hashed::kNothing, 0x1,
         "8ea53850d24c133e0e81a503e0adc9000b525c7d85b06bd350d5d58d5e1becb6bd768ca3d536e290f555422920dbefda"},
        {kSnp, false, 2, "EPYC-Milan", Hashed::kNothing, 0x1,
         "0f73e1709471fc9b5fb0392387d7088b28bebaae8099487fd6d66952c5ced739dcd66ce52b69c0fd11b84f7ee9663da6"},
        {kSnp, false, 2, "EPYC-Milan", Hashed::kNothing, 0x21,
         "f07d47e7913645d395e78b22c5d422dbfc3740ef969f07b7f1a48d14e047dd7e175eaf51a8524f9294e6955ae20f8ebe"},
        {kSnp, false, 3, "EPYC-Genoa", Hashed::kNothing, 0x21,
         "9b2286cc8ae9139eb574548aaeda20b113fba5049972e3bed946b0ae6064cbcdf51e0712f2e969e466be10acb1e5dbf3"},
        {kSnp, false, 4, "EPYC-Turin", Hashed::kNothing, 0x1,
         "003a051163fcc9b8e4d670195e33b2b7cbbf9d0051e659524db6b2ef3f628251f6164dbccefd116fae833bb7a07f8f5d"},
        {kEs, true, 1, "EPYC-v4", Hashed::kFiles, 0x0,
         "e5293fd88346cca461498c23d02b7a5f76acd87c884851a6d109d9a47831adb2"},
        {kEs, true, 1, "EPYC-v4", Hashed::kNothing, 0x0,
         "2abc08dbd72ece9a0533546d48777bcf0b8abd8a42b83a5b58e2629f5b318acb"},
        {kEs, true, 2, "EPYC-Milan", Hashed::kNothing, 0x0,
         "dcfb6be66a0ca087dca55024a936570c2e3acc7bb75f5c34a4cfc2d8cd1d8413"},
        {kEs, true, 3, "EPYC-Genoa", Hashed::kFiles, 0x0,
         "a4df1dd3d88e5705d1896ed9c34a145bab0992c90e96040850a3643c6877a8d7"},
        {kEs, true, 4, "EPYC-Turin", Hashed::kFiles, 0x0,
         "cb7095f8c55d55f3281848e0e0372b63ffb891eab91b6d52046d46e169eb1b27"},
        {kEs, true, 4, "EPYC-Turin", Hashed::kNothing, 0x0,
         "817ef5817361f59afc7e1dedefb974e6d65bc35ac2574bc33e45d65a108d87d8"},
        {kEs, false, 2, "EPYC-Milan", Hashed::kNothing, 0x0,
         "a402da43c896e0304b2b653503642bd851fcd2df91afcbf3c37b8d15b46b6c9d"},
        {kEs, false, 3, "EPYC-Genoa", Hashed::kNothing, 0x0,
         "2716ac8f7491857b7a4943a33ce4b81e53689f883ca892d71c2da92e707f2f6d"},
        {kSev, true, 1, "EPYC-v4", Hashed::kFiles, 0x0,
         "40c2c2c8a7bf2dc8ff2f59b5bf2c1b0409c3cd49ba8327c0dc08d19173ffa410"},
        {kSev, true, 1, "EPYC-v4", Hashed::kNothing, 0x0,
         "168d60135cd0f89b1e1cce9685bddca512b143f07be5927c1156516f88888ffd"},
    };
    const auto amd_sev = TestFirmware::amd_sev().bytes(), x64 = TestFirmware::ovmf_x64().bytes();
    for (const auto& c : cases) {
        const LaunchSpec spec{
            c.kind, c.vcpus, {cpu_signature(c.model).value(), c.features}, hashes_of(c.hashed)};
        EXPECT_EQ(digest(c.amd_sev ? amd_sev : x64, spec), c.expected) << c.model << ", " << c.vcpus;
    }
}

// Published with that tool: whole images of OVMF, of which the digest after the image's pages
// is given.
TEST(LaunchDigest, PublishedAnswers) {
    const char* amd_sev =
        "086e2e9149ebf45abdc3445fba5b2da8270bdbb04094d7a2c37faaa4b24af3aa16aff8c374c2a55c467a50da6d466b74";
    const char* x64 =
        "b91e6fec73d2bcc57ad5fd400a426ce02731c22ea92bc894ce675e7c9921a822977d6cf025b85f8ef4f264bff8839d20";
    const struct {
        const char* begin;
        unsigned vcpus;
        Hashed hashed;
        const char* command_line;
        std::uint64_t features;
        const char* expected;
    } cases[] = {
        {amd_sev, 1, Hashed::kEmpty, "", 0x21,
         "329c8ce0972ae52343b64d34a434a86f245dfd74f5ed7aae15d22efc78fb9683632b9b50e4e1d7fa41179ef98a7ef198"},
        {amd_sev, 1, Hashed::kEmpty, "", 0x1,
         "ddc5224521617a536ee7ce9dd6224d1b58a8d4fda1c741f3ac99fc4bfa04ba6e9fc98646d4a07a9079397fa3852819b5"},
        {amd_sev, 1, Hashed::kEmpty, "console=ttyS0 loglevel=7", 0x21,
         "803f691094946e42068aaa3a8f9e26a5c89f36f7b73ecfb28c653360fe4b3aba7e534442e7e1e17895dfe778d0228977"},
        {amd_sev, 1, Hashed::kEmpty, "console=ttyS0 loglevel=7", 0x1,
         "6d287813eb5222d770f75005c664e34c204f385ce832cc2ce7d0d6f354454362f390ef83a92046c042e706363b4b08fa"},
        {amd_sev, 4, Hashed::kEmpty, "", 0x21,
         "4953b1fb416fa874980e8442b3706d345926d5f38879134e00813c5d7abcbe78eafe7b422907be0b4698e2414a631942"},
        {amd_sev, 4, Hashed::kEmpty, "", 0x1,
         "5061fffb019493a903613d56d54b94912a1a2f9e4502385f5c194616753720a92441310ba6c4933de877c36e23046ad5"},
        {amd_sev, 1, Hashed::kNothing, "", 0x21,
         "e1e1ca029dd7973ab9513295be68198472dcd4fc834bd9af9b63f6e8a1674dbf281a9278a4a2ebe0eed9f22adbcd0e2b"},
        {amd_sev, 1, Hashed::kNothing, "", 0x1,
         "19358ba9a7615534a9a1e2f0dfc29384dcd4dcb7062ff9c6013b26869a5fc6ecabe033c48dd6f6db5d6d76e7c5df632d"},
        {x64, 1, Hashed::kNothing, "", 0x21,
         "28797ae0afaba4005a81e629acebfb59e6687949d6be44007cd5506823b0dd66f146aaae26ff291eed7b493d8a64c385"},
        {x64, 1, Hashed::kNothing, "", 0x1,
         "da0296de8193586a5512078dcd719eccecbd87e2b825ad4148c44f665dc87df21e5b49e21523a9ad993afdb6a30b4005"},
    };
    for (const auto& c : cases) {
        const auto image = (c.begin == amd_sev ? TestFirmware::amd_sev() : TestFirmware::ovmf_x64()).bytes();
        const Firmware firmware = parse_firmware(image, "fw.bin").value();
        SnpLaunch launch{from_hex(c.begin)};
        ASSERT_TRUE(launch.add_sections(firmware, hashes_of(c.hashed, c.command_line)));
        ASSERT_TRUE(launch.add_vcpus(firmware, c.vcpus, {cpu_signature("EPYC-v4").value(), c.features}));
        EXPECT_EQ(to_hex(launch.digest()), c.expected);
    }
}

TEST(LaunchDigest, EverythingCounts) {
    for (const LaunchKind kind : {kSev, kEs, kSnp}) {
        TestFirmware firmware = TestFirmware::amd_sev();
        firmware.size = 3 * 4096;
        const auto image = firmware.bytes();
        const LaunchSpec spec{kind, 2, {0x800f12, 1}, {}};
        const std::string plain = digest(image, spec);
        for (const std::size_t at : {0u, 4095u, 4096u, 12287u}) {
            auto changed = image;
            changed[at] ^= std::byte{1};
            EXPECT_NE(digest(changed, spec), plain) << at;
        }
        LaunchSpec other = spec;
        other.kernel_hashes = hashes_of(Hashed::kEmpty);
        EXPECT_NE(digest(image, other), plain);
        if (kind == kSev) continue;
        for (const unsigned vcpus : {1u, 3u}) {
            other = spec;
            other.vcpus = vcpus;
            EXPECT_NE(digest(image, other), plain) << vcpus;
        }
        for (const VcpuState state :
             {VcpuState{0x800f13, 1}, VcpuState{0x800f12, 0x21}, VcpuState{0x800f12, 1, true}}) {
            other = spec;
            other.vcpu_state = state;
            EXPECT_NE(digest(image, other), plain);
        }
        firmware.entries[0].second = {0x80b005};
        EXPECT_NE(digest(firmware.bytes(), spec), plain);
    }
}

TEST(LaunchDigest, WhatTheFirmwareLacksIsNamed) {
    const std::vector<std::byte> bare(4096);
    EXPECT_EQ(digest(bare, {kSev, 1, {}, {}}),
              "ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7");
    EXPECT_NE(digest(bare, {kEs, 1, {}, {}}).find("no SEV-ES reset block"), std::string::npos);
    EXPECT_NE(digest(bare, {kSnp, 1, {}, {}}).find("no SEV metadata"), std::string::npos);
    const auto hashes = hashes_of(Hashed::kEmpty);
    EXPECT_NE(digest(bare, {kSev, 1, {}, hashes}).find("no area for kernel hashes"), std::string::npos);
    const auto x64 = TestFirmware::ovmf_x64().bytes();
    EXPECT_NE(digest(x64, {kSnp, 1, {}, hashes}).find("no section for kernel hashes"), std::string::npos);
    EXPECT_NE(digest(x64, {kEs, 1, {}, hashes}).find("no area for kernel hashes"), std::string::npos);
    TestFirmware elsewhere = TestFirmware::amd_sev();
    elsewhere.entries[2].second = {0x811000, 0x400};
    EXPECT_NE(digest(elsewhere.bytes(), {kSnp, 1, {}, hashes}).find("not in its section"), std::string::npos);
}

TEST(LaunchDigest, ModelsOfCpus) {
    for (const char* name : {"EPYC", "EPYC-v4", "EPYC-IBPB"})
        EXPECT_EQ(cpu_signature(name).value(), 0x800f12u);
    EXPECT_EQ(cpu_signature("EPYC-Rome").value(), 0x830f10u);
    EXPECT_EQ(cpu_signature("EPYC-Milan-v2").value(), 0xa00f11u);
    EXPECT_EQ(cpu_signature("EPYC-Genoa").value(), 0xa10f10u);
    EXPECT_EQ(cpu_signature("EPYC-Turin").value(), 0xb00f00u);
    EXPECT_EQ(cpu_signature("0xa20f12").value(), 0xa20f12u);
    for (const char* name : {"", "-v4", "EPYC-v", "EPYC-vx", "0x", "0x0", "0x1g", "0x123456789", "host"})
        EXPECT_FALSE(cpu_signature(name)) << name;
    EXPECT_NE(cpu_signature("EPYC-Milano").error().text().find("did you mean 'EPYC-Milan'"),
              std::string::npos);
}

// The ID block is bytes that a key signs.
TEST(IdBlock, IsAsItIsSigned) {
    IdBlock block{.launch_digest = from_hex("a1" + std::string(94, '0')), .policy = kSnpDefaultPolicy};
    block.guest_svn = 7;
    const auto bytes = std::as_bytes(std::span{&block, 1});
    EXPECT_EQ(to_hex(bytes), "a1" + std::string(94 + 64, '0') + "0100000007000000" + "0000030000000000");
}

}  // namespace
}  // namespace enclavisor::host
