#include "host/lib/sev_host.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "host/lib/paths.hpp"
#include "host/lib/platform_choice.hpp"
#include "host/lib/test_sev_host.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

constexpr Platform kHardware[] = {Platform::kSev, Platform::kSevEs, Platform::kSevSnp};

std::vector<std::string> causes(Platform platform, const SevHost& host,
                                const Result<QemuFacts>& qemu = qemu_of({10, 1})) {
    std::vector<std::string> found;
    for (const Error& lack : lacks(platform, host, qemu, 512)) {
        EXPECT_FALSE(lack.cure.empty()) << lack.cause;
        found.push_back(lack.cause);
    }
    return found;
}
using Causes = std::vector<std::string>;

SevHost changed(const std::function<void(SevHost&)>& change) {
    SevHost host = milan_host();
    change(host);
    return host;
}

TEST(SevHost, Cpuid) {
    const SevCpu cpu = decode_sev_cpu(0x101fd3f, 0x4173);  // Milan's
    EXPECT_TRUE(cpu.sev && cpu.sev_es && cpu.sev_snp);
    EXPECT_EQ(cpu.c_bit, 51u);
    EXPECT_EQ(cpu.reduced_bits, 5u);
    const SevCpu naples = decode_sev_cpu(0xf, 0x16f);
    EXPECT_TRUE(naples.sev && naples.sev_es && !naples.sev_snp);
    EXPECT_EQ(naples.c_bit, 47u);
    const SevCpu none = decode_sev_cpu(0, 0);
    EXPECT_FALSE(none.sev || none.sev_es || none.sev_snp);
}

TEST(SevHost, OneThatHasEverythingLacksNothing) {
    for (const Platform platform : kHardware) EXPECT_EQ(causes(platform, milan_host()), Causes{});
    EXPECT_EQ(causes(Platform::kSev, milan_host(), qemu_of({7, 2})), Causes{});
    EXPECT_EQ(causes(Platform::kSevEs, milan_host(), qemu_of({7, 2})), Causes{});
}

TEST(SevHost, AnotherCpuIsTheOneReason) {
    const SevHost nothing;
    EXPECT_EQ(causes(Platform::kSev, nothing), Causes{"this CPU has no SEV"});
    EXPECT_EQ(causes(Platform::kSevEs, nothing), Causes{"this CPU has no SEV-ES"});
    EXPECT_EQ(causes(Platform::kSevSnp, nothing), Causes{"this CPU has no SEV-SNP"});
    const SevHost rome = changed([](SevHost& h) { h.cpu.sev_snp = false; });
    EXPECT_EQ(causes(Platform::kSevEs, rome), Causes{});
    EXPECT_EQ(causes(Platform::kSevSnp, rome), Causes{"this CPU has no SEV-SNP"});
}

TEST(SevHost, LinuxAndItsSetup) {
    const SevHost unloaded = changed([](SevHost& h) {
        h.has_kvm_amd = false;
        h.sev = h.sev_es = h.sev_snp = std::nullopt;
        h.kvm_device = Access::kAbsent;
    });
    EXPECT_EQ(causes(Platform::kSev, unloaded),
              (Causes{"Linux has no kvm_amd loaded", "there is no /dev/kvm"}));
    const SevHost old = changed([](SevHost& h) {
        h.sev_snp = std::nullopt;
        h.cpu_flags.erase("sev_snp");
        h.linux_release = "6.1.0-28-amd64";
    });
    EXPECT_EQ(causes(Platform::kSevSnp, old), Causes{"kvm_amd of Linux 6.1.0-28-amd64 knows no SEV-SNP"});
    EXPECT_EQ(causes(Platform::kSevEs, old), Causes{});
    const SevHost unused = changed([](SevHost& h) { h.cpu_flags.erase("sev_es"); });
    EXPECT_EQ(causes(Platform::kSevEs, unused),
              Causes{"the CPU has SEV-ES, and Linux does not use it: no 'sev_es' in /proc/cpuinfo"});
    const SevHost off = changed([](SevHost& h) { h.sev_snp = false; });
    EXPECT_EQ(causes(Platform::kSevSnp, off),
              Causes{"SEV-SNP is off: N in /sys/module/kvm_amd/parameters/sev_snp"});
    EXPECT_FALSE(has_newer_vm_type(old));
    EXPECT_TRUE(has_newer_vm_type(milan_host()));
    EXPECT_FALSE(has_newer_vm_type(changed([](SevHost& h) { h.linux_release = "?"; })));
}

TEST(SevHost, DevicesAndRights) {
    const SevHost absent = changed([](SevHost& h) { h.sev_device = Access::kAbsent; });
    EXPECT_EQ(causes(Platform::kSev, absent), Causes{"there is no /dev/sev"});
    const SevHost denied = changed([](SevHost& h) { h.sev_device = h.kvm_device = Access::kDenied; });
    EXPECT_EQ(causes(Platform::kSevSnp, denied),
              (Causes{"you may not open /dev/kvm", "you may not open /dev/sev"}));
}

TEST(SevHost, Qemu) {
    EXPECT_EQ(causes(Platform::kSevSnp, milan_host(), qemu_of({8, 2})),
              Causes{"QEMU 8.2.0 has no sev-snp-guest"});
    EXPECT_EQ(causes(Platform::kSev, milan_host(), qemu_of({7, 0})),
              Causes{"QEMU 7.0.0 does not encrypt what -bios names"});
    QemuFacts without = qemu_of({9, 1});
    without.sev.clear();
    EXPECT_EQ(causes(Platform::kSevEs, milan_host(), without), Causes{"QEMU 9.1.0 was built without SEV"});
    EXPECT_EQ(causes(Platform::kSev, milan_host(), fail("no QEMU", "install it")), Causes{"no QEMU"});
}

TEST(SevHost, MemoryThatMayBeLocked) {
    const SevHost little = changed([](SevHost& h) { h.lockable = 8 << 20; });
    EXPECT_EQ(causes(Platform::kSev, little),
              Causes{"you may lock 8192 KiB of memory, and this guest needs 590848"});
    EXPECT_EQ(causes(Platform::kSevSnp, little), Causes{}) << "KVM's own memory";
    EXPECT_EQ(causes(Platform::kSev, changed([](SevHost& h) { h.lockable = 1 << 30; })), Causes{});
}

// --- Read from files --------------------------------------------------------------

class FakeRoot : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "enclavisor-root-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root_ = name;
        fs::permissions(root_, fs::perms{0755});
        put("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu svm sev sev_es\nbugs\t\t: none\n");
        put("proc/sys/kernel/osrelease", "6.11.2\n");
        put("sys/module/kvm_amd/parameters/sev", "Y\n");
        put("sys/module/kvm_amd/parameters/sev_es", "N\n");
        put("dev/kvm", "");
        limits("8388608", "0000000000000000");
    }
    void TearDown() override { fs::remove_all(root_); }
    void put(const fs::path& path, const std::string& text) {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream{root_ / path} << text;
    }
    void limits(const std::string& soft, const std::string& capabilities) {
        put("proc/self/limits",
            "Limit                     Soft Limit           Hard Limit           Units     \n"
            "Max locked memory         " +
                soft + "              unlimited            bytes     \n");
        put("proc/self/status", "Name:\tx\nCapPrm:\tffff\nCapEff:\t" + capabilities + "\n");
    }

    fs::path root_;
};

TEST_F(FakeRoot, IsReadAsItIs) {
    const SevHost host = read_sev_host(root_);
    EXPECT_EQ(host.cpu_flags, (std::set<std::string>{"fpu", "svm", "sev", "sev_es"}));
    EXPECT_EQ(host.linux_release, "6.11.2");
    EXPECT_TRUE(host.has_kvm_amd);
    EXPECT_EQ(host.sev, true);
    EXPECT_EQ(host.sev_es, false);
    EXPECT_EQ(host.sev_snp, std::nullopt);
    EXPECT_EQ(host.kvm_device, Access::kGranted);
    EXPECT_EQ(host.sev_device, Access::kAbsent);
    EXPECT_EQ(host.lockable, 8388608u);
    put("sys/module/kvm_amd/parameters/sev_snp", "1\n");
    EXPECT_EQ(read_sev_host(root_).sev_snp, true);
}

TEST_F(FakeRoot, NoLimitAndNoFiles) {
    limits("unlimited", "0");
    EXPECT_EQ(read_sev_host(root_).lockable, std::nullopt);
    limits("8388608", "000001ffffffffff");  // root's
    EXPECT_EQ(read_sev_host(root_).lockable, std::nullopt);
    const SevHost host = read_sev_host(root_ / "absent");
    EXPECT_TRUE(host.cpu_flags.empty());
    EXPECT_FALSE(host.has_kvm_amd);
    EXPECT_EQ(host.kvm_device, Access::kAbsent);
}

TEST_F(FakeRoot, NoRights) {
    put("dev/sev", "");
    fs::permissions(root_ / "dev/sev", fs::perms{0});
    // Root may open everything: as somebody else.
    const bool root = ::geteuid() == 0;
    if (root) {
        ASSERT_EQ(::seteuid(65534), 0);
    }
    const SevHost host = read_sev_host(root_);
    if (root) {
        ASSERT_EQ(::seteuid(0), 0);
    }
    EXPECT_EQ(host.sev_device, Access::kDenied);
}

// --- What "auto" is ----------------------------------------------------------------

TEST(PlatformChoice, TheStrongestAndWhyNotAStrongerOne) {
    const Lacks none;
    const auto one = [](const char* cause) { return Lacks{Error{cause, "cure", kExitFailure}}; };
    const auto chosen = [](const PlatformChoice& choice) {
        return std::string{platform_name(choice.platform)} + ", " + choice.reason;
    };
    EXPECT_EQ(chosen(strongest_platform(none, none, none)), "sev-snp, the strongest there is");
    EXPECT_EQ(chosen(strongest_platform(one("a"), none, none)), "sev-es, sev-snp is not possible: a");
    EXPECT_EQ(chosen(strongest_platform(one("a"), one("b"), none)), "sev, sev-es is not possible: b");
    EXPECT_EQ(chosen(strongest_platform(one("a"), one("b"), one("c"))),
              "sim-sev, a model that hides nothing from the host, as no SEV guest can be started: c");
}

TEST(QemuFacts, OfTheQemuHere) {
    const auto qemu = find_qemu();
    if (!qemu) GTEST_SKIP() << qemu.error().text();
    const auto facts = ask_qemu(qemu.value());
    ASSERT_TRUE(facts) << facts.error().text();
    EXPECT_GE(facts.value().release, (std::pair{7, 0}));
    EXPECT_TRUE(facts.value().version.starts_with(std::to_string(facts.value().release.first) + "."));
    // The description of its generation has nothing that it has not.
    const QemuFacts described = qemu_of(facts.value().release);
    for (const std::string& name : described.sev) EXPECT_TRUE(facts.value().sev.contains(name)) << name;
    if (facts.value().release < std::pair{9, 1}) {
        EXPECT_TRUE(facts.value().snp.empty());
    }
}

TEST(QemuFacts, OfWhatIsNone) {
    const auto facts = ask_qemu("/bin/true");
    ASSERT_FALSE(facts);
    EXPECT_EQ(facts.error().cause, "QEMU's monitor is gone");
}

}  // namespace
}  // namespace enclavisor::host
