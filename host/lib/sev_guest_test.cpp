#include "host/lib/sev_guest.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "host/lib/base64.hpp"
#include "host/lib/id_block.hpp"
#include "host/lib/measure.hpp"
#include "host/lib/test_firmware.hpp"
#include "host/lib/test_sev_host.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

class SevPlan : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "enclavisor-plan-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        const auto image = TestFirmware::amd_sev().bytes();
        rom_ = put("rom", {reinterpret_cast<const char*>(image.data()), image.size()});
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string put(const std::string& name, const std::string& bytes) {
        std::ofstream{folder_ / name, std::ios::binary} << bytes;
        return (folder_ / name).string();
    }
    std::string put_base64(const std::string& name, std::size_t size) {
        return put(name, to_base64(std::vector<std::byte>(size, std::byte{7})) + "\n");
    }
    SevOptions session() {
        SevOptions options;
        options.session = put_base64("session.b64", 0x80);
        options.dh_cert = put_base64("dh,cert.b64", 0x824);
        return options;
    }
    SevOptions owner(std::size_t secret) {
        SevOptions options = session();
        options.tik = put("tik", std::string(16, 'i'));
        options.tek = put("tek", std::string(16, 'e'));
        options.launch_secret = put("secret", std::string(secret, 's'));
        return options;
    }
    // For this VM, unless it is changed.
    SevOptions block(std::uint64_t policy, bool author, std::byte change = {}) {
        IdBlock block{.policy = policy};
        const auto digest = plan(Platform::kSevSnp, {}).value().digest;
        std::copy(digest.begin(), digest.end(), block.launch_digest.begin());
        block.launch_digest[0] ^= change;
        SevOptions options;
        options.id_block = put("block", {reinterpret_cast<const char*>(&block), sizeof(block)});
        std::string auth(4096, '\0');
        if (author) auth[0x880 + 0x403] = 1;
        options.id_auth = put("auth", auth);
        return options;
    }

    Result<SevGuest> plan(Platform platform, const SevOptions& options, std::pair<int, int> qemu = {10, 1},
                          const SevHost& host = milan_host(), unsigned cpus = 2) {
        return plan_sev_guest({platform, cpus, 512, rom_}, options, host, qemu_of(qemu));
    }
    void expect_refused(Platform platform, const SevOptions& options, const std::string& word,
                        std::pair<int, int> qemu = {10, 1}) {
        const auto planned = plan(platform, options, qemu);
        ASSERT_FALSE(planned) << word;
        EXPECT_NE(planned.error().text().find(word), std::string::npos) << planned.error().text();
        EXPECT_FALSE(planned.error().cure.empty());
        EXPECT_EQ(planned.error().text().find('\n'), std::string::npos);
    }
    std::string object(Platform platform, const SevOptions& options, std::pair<int, int> qemu = {10, 1}) {
        const auto planned = plan(platform, options, qemu);
        EXPECT_TRUE(planned) << planned.error().text();
        return planned ? sev_object(planned.value()) : "";
    }

    fs::path folder_;
    std::string rom_;
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_F(SevPlan, OptionsOfAnotherPlatform) {
    for (const SevOption& option : kSevOptions) {
        SevOptions options;
        options.*option.value = "x";
        for (const Platform platform : {Platform::kPlain, Platform::kSimulatedSev, Platform::kSimulatedSnp}) {
            if (option.fits(platform)) continue;
            const auto checked = check_sev_options(platform, options);
            ASSERT_FALSE(checked);
            EXPECT_TRUE(has(checked.error().cause, option.name)) << checked.error().cause;
        }
        EXPECT_EQ(check_sev_options(Platform::kSev, options).ok(), option.for_sev) << option.name;
        EXPECT_EQ(check_sev_options(Platform::kSevSnp, options).ok(), option.for_snp) << option.name;
        EXPECT_TRUE(option.for_sev || option.for_snp);
    }
    expect_refused(Platform::kSev, {.id_block = "x"}, "--id-block is for platforms sev-snp, not sev");
    expect_refused(Platform::kSevSnp, {.tik = "x"}, "--tik is for platforms sev and sev-es, not sev-snp");
    EXPECT_TRUE(check_sev_options(Platform::kPlain, {}));
    EXPECT_TRUE(check_sev_options(Platform::kSimulatedSnp, {.require = "x"}));
    EXPECT_FALSE(check_sev_options(Platform::kSimulatedSev, {.require = "x"}));
}

TEST_F(SevPlan, WhatTheMachineLacksComesFirst) {
    SevHost host = milan_host();
    host.sev_device = Access::kDenied;
    const auto planned = plan(Platform::kSevEs, {}, {9, 1}, host);
    ASSERT_FALSE(planned);
    EXPECT_EQ(planned.error().cause, "platform sev-es: you may not open /dev/sev");
    expect_refused(Platform::kSevSnp, {}, "platform sev-snp: QEMU 7.2.0 has no sev-snp-guest (use QEMU 9.1",
                   {7, 2});
}

TEST_F(SevPlan, Policies) {
    EXPECT_TRUE(has(object(Platform::kSev, {}), "policy=0xb,"));
    EXPECT_TRUE(has(object(Platform::kSevEs, {}), "policy=0xf,"));
    EXPECT_TRUE(has(object(Platform::kSevSnp, {}), "policy=0x30000,"));
    EXPECT_TRUE(has(object(Platform::kSevEs, {.policy = "0x1310005"}), "policy=0x1310005,"));
    expect_refused(Platform::kSev, {.policy = "5"},
                   "has bit 2, which makes a guest one of SEV-ES (give --platform sev-es)");
    expect_refused(Platform::kSevEs, {.policy = "1"}, "lacks bit 2");
    expect_refused(Platform::kSev, {.policy = "0x41"}, "sets bits that SEV has not");
    expect_refused(Platform::kSev, {.policy = "0x100000001"}, "sets bits that SEV has not");
    expect_refused(Platform::kSevSnp, {.policy = "0x10000"}, "lacks bit 17");
    expect_refused(Platform::kSevSnp, {.policy = "many"}, "--policy many is no number");
    const auto debugged = [&](Platform platform, const char* policy) {
        return allows_debugging(plan(platform, {.policy = policy}).value());
    };
    EXPECT_TRUE(debugged(Platform::kSev, "0"));
    EXPECT_FALSE(debugged(Platform::kSev, "1"));
    EXPECT_TRUE(debugged(Platform::kSevSnp, "0xb0000"));
    EXPECT_FALSE(debugged(Platform::kSevSnp, "0x30000"));
}

// The launch digest is the one that `measure` computes, for the VM that is started.
TEST_F(SevPlan, DigestsAndModels) {
    const auto digest = [&](Platform platform, std::pair<int, int> qemu, SevHost host, unsigned cpus,
                            const char* model = "") {
        const auto planned = plan(platform, {.cpu_model = model}, qemu, host, cpus);
        EXPECT_TRUE(planned) << planned.error().text();
        return to_hex(planned.value().digest);
    };
    const SevHost host = milan_host();
    SevHost older = host;
    older.linux_release = "6.9.0";
    const std::string es = digest(Platform::kSevEs, {9, 1}, host, 2);
    EXPECT_EQ(es.size(), 64u);
    EXPECT_EQ(es, digest(Platform::kSevEs, {10, 1}, host, 2, "EPYC-v4"));
    EXPECT_NE(es, digest(Platform::kSevEs, {9, 1}, older, 2)) << "KVM's older type of VM";
    EXPECT_EQ(digest(Platform::kSevEs, {9, 1}, older, 2), digest(Platform::kSevEs, {7, 2}, host, 2));
    EXPECT_NE(es, digest(Platform::kSevEs, {9, 1}, host, 3));
    EXPECT_NE(es, digest(Platform::kSevEs, {9, 1}, host, 2, "EPYC-Milan-v2"));
    EXPECT_EQ(digest(Platform::kSevSnp, {9, 1}, host, 2).size(), 96u);
    EXPECT_EQ(digest(Platform::kSev, {7, 2}, host, 1), digest(Platform::kSev, {9, 1}, host, 4));

    EXPECT_EQ(plan(Platform::kSev, {}, {7, 2}).value().cpu_model, "EPYC-v3");
    EXPECT_EQ(plan(Platform::kSev, {}, {8, 2}).value().cpu_model, "EPYC-v4");
    expect_refused(Platform::kSev, {.cpu_model = "EPYC-Millan"}, "did you mean 'EPYC-Milan'");
    expect_refused(Platform::kSevSnp, {.cpu_model = "host"}, "the CPU model 'host' is unknown");
    expect_refused(Platform::kSevSnp, {.cpu_model = "0xa00f11"}, "is not QEMU's name");
    EXPECT_TRUE(has(object(Platform::kSevEs, {}), ",legacy-vm-type=off"));
    EXPECT_FALSE(has(object(Platform::kSevEs, {}, {7, 2}), "legacy-vm-type"));
    EXPECT_TRUE(has(sev_object(plan(Platform::kSev, {}, {9, 1}, older).value()), ",legacy-vm-type=on"));
}

TEST_F(SevPlan, RequiredFeatures) {
    constexpr std::pair kNewest{10, 2};
    const SevOptions both{.require = "secure-tsc,debug-swap"}, swap{.require = "debug-swap"};
    EXPECT_TRUE(has(object(Platform::kSevSnp, both, kNewest), ",debug-swap=on,secure-tsc=on"));
    EXPECT_TRUE(has(object(Platform::kSevEs, swap, kNewest), ",debug-swap=on"));
    EXPECT_FALSE(has(object(Platform::kSevSnp, swap, kNewest), "secure-tsc"));
    const auto digest = [&](Platform platform, const SevOptions& options) {
        return plan(platform, options, kNewest).value().digest;
    };
    EXPECT_NE(digest(Platform::kSevSnp, both), digest(Platform::kSevSnp, {}));
    EXPECT_NE(digest(Platform::kSevSnp, both), digest(Platform::kSevSnp, swap));
    EXPECT_NE(digest(Platform::kSevEs, swap), digest(Platform::kSevEs, {}));

    expect_refused(Platform::kSevSnp, both, "QEMU 10.1.0 cannot turn on debug-swap");
    expect_refused(Platform::kSevEs, {.require = "secure-tsc"}, "platform sev-es has no such thing", kNewest);
    expect_refused(Platform::kSev, swap, "platform sev has no such thing", kNewest);
    expect_refused(Platform::kSevSnp, {.require = "secure-tcs"}, "did you mean 'secure-tsc'", kNewest);
    for (const char* words : {",", "debug-swap,", ",debug-swap", "debug-swap secure-tsc"})
        expect_refused(Platform::kSevSnp, {.require = words}, "there is no such feature", kNewest);
    SevHost older = milan_host();
    older.linux_release = "6.9.0";
    const auto planned = plan(Platform::kSevEs, swap, kNewest, older);
    ASSERT_FALSE(planned);
    EXPECT_TRUE(has(planned.error().text(), "Linux 6.9.0 has only the older kind")) << planned.error().text();
}

TEST_F(SevPlan, Sessions) {
    const std::string text = object(Platform::kSevEs, session());
    EXPECT_TRUE(has(text, ",session-file=" + (folder_ / "session.b64").string()));
    EXPECT_TRUE(has(text, ",dh-cert-file=" + (folder_ / "dh,,cert.b64").string())) << text;
    SevOptions options = session();
    options.dh_cert.clear();
    expect_refused(Platform::kSev, options, "--session and --dh-cert belong together");
    options = session();
    options.session = put_base64("short", 0x7f);
    expect_refused(Platform::kSev, options, "is not 128 bytes in Base64");
    options.session = put("raw", std::string(0x80, '\1'));
    expect_refused(Platform::kSev, options, "is not 128 bytes in Base64");
    options.session = "./absent";
    expect_refused(Platform::kSev, options, "./absent");
}

TEST_F(SevPlan, OwnersAndSecrets) {
    const auto planned = plan(Platform::kSev, owner(3072));  // all that this firmware has room for
    ASSERT_TRUE(planned) << planned.error().text();
    EXPECT_EQ(planned.value().secret.size(), 3072u);
    EXPECT_EQ(planned.value().owner->tik[15], std::byte{'i'});
    EXPECT_EQ(planned.value().owner->tek[0], std::byte{'e'});
    for (const std::size_t size : {0, 15, 3088})
        expect_refused(Platform::kSev, owner(size), "it must have a multiple of 16, at most 3072");
    SevOptions options = owner(16);
    options.tik = put("tik", std::string(17, 'i'));
    expect_refused(Platform::kSev, options, "has 17 bytes, not 16");
    options = owner(16);
    options.tik.clear();
    expect_refused(Platform::kSev, options, "--launch-secret needs the keys");
    options = owner(16);
    options.launch_secret.clear();
    expect_refused(Platform::kSev, options, "--tek is for --launch-secret");
    options.tek.clear();
    EXPECT_TRUE(plan(Platform::kSev, options)) << "measured, and no secret";
    options.session.clear();
    options.dh_cert.clear();
    expect_refused(Platform::kSev, options, "--tik is a session's key");
    const auto image = TestFirmware::ovmf_x64().bytes();
    rom_ = put("rom", {reinterpret_cast<const char*>(image.data()), image.size()});
    expect_refused(Platform::kSev, owner(16), "no place for a launch secret");
}

TEST_F(SevPlan, IdBlocks) {
    const std::string text = object(Platform::kSevSnp, block(0x3001f, true));
    EXPECT_TRUE(has(text, "policy=0x3001f,")) << "the block's";
    EXPECT_TRUE(has(text, ",author-key-enabled=on"));
    EXPECT_TRUE(has(object(Platform::kSevSnp, block(0x30000, false)), ",author-key-enabled=off"));
    SevOptions options = block(0x30000, false);
    options.policy = "0x20000";
    expect_refused(Platform::kSevSnp, options, "demands policy 0x30000, and --policy says 0x20000");
    expect_refused(Platform::kSevSnp, block(0x30000, false, std::byte{1}),
                   "is for another VM, of launch digest");
    options = block(0x30000, false);
    options.id_auth.clear();
    expect_refused(Platform::kSevSnp, options, "belong together");
    options.id_auth = put("auth", "short");
    expect_refused(Platform::kSevSnp, options, "has 5 bytes, not 4096");
    options.id_block = put("block", "short");
    expect_refused(Platform::kSevSnp, options, "has 5 bytes, not 96");
}

TEST_F(SevPlan, HostDataWorkaroundsAndCertificates) {
    SevOptions options{.host_data = std::string(64, 'f'), .workarounds = std::string(32, '0')};
    options.certificates = put("certificates", "table");
    const std::string text = object(Platform::kSevSnp, options);
    EXPECT_TRUE(has(text, ",host-data=//////////////////////////////////////////8=")) << text;
    EXPECT_TRUE(has(text, ",guest-visible-workarounds=AAAAAAAAAAAAAAAAAAAAAA=="));
    EXPECT_TRUE(has(text, ",certs-path=" + options.certificates));
    expect_refused(Platform::kSevSnp, options, "QEMU 9.1.0 hands no certificates to guests", {9, 1});
    expect_refused(Platform::kSevSnp, {.host_data = "ff"}, "write it with 64 hexadecimal digits");
    expect_refused(Platform::kSevSnp, {.workarounds = std::string(32, 'x')}, "is not 16 bytes");
    expect_refused(Platform::kSevSnp, {.certificates = "./absent"}, "./absent");
}

}  // namespace
}  // namespace enclavisor::host
