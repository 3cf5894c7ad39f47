// The boot code of the kernels for hardware, from the reset vector to C++. What QEMU's processor lacks, the
// test does through the debugging stub: it answers CPUID and the GHCB's MSR in the hypervisor's place, and
// takes the C-bit out of the page tables as the processor takes it out of addresses.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <optional>

#include "abi/platform/snp_pages.hpp"
#include "kernel/boot/pages.hpp"
#include "tests/support/gdb.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"
#include "tests/support/server.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

constexpr std::uint32_t kEncryptionLeaf = 0x8000'001f, kHighestLeaf = 0x8000'0000, kGhcbMsr = 0xc001'0130;
constexpr std::uint64_t kTerminated = 0xe100;  // reason set 14, code 0
constexpr std::uint64_t kMemorySize = 64ull << 20;

struct Leaf {
    std::uint32_t eax, ebx;
};

enum class End { kKernel, kHalt, kSpin };

class Boot {
public:
    explicit Boot(const std::string& platform)
        : image_{(build_dir() / "kernel" / ("enclavisor-" + platform + ".elf")).string()},
          qemu_{command(platform), directory_ / "log"},
          gdb_{directory_ / "gdb"} {}

    std::function<std::optional<Leaf>(std::uint32_t)> cpuid = [](std::uint32_t) { return std::nullopt; };
    std::function<std::uint64_t(std::uint64_t)> ghcb_msr = [](std::uint64_t value) { return value; };

    Gdb& gdb() { return gdb_; }
    std::uint64_t symbol(const std::string& name) const { return image_.symbol(name); }
    const std::vector<std::uint64_t>& asked() const { return asked_; }

    // Every entry of the three pages at `table` that has bit `from`: without it, and with `to` instead.
    void exchange_bit(std::uint64_t table, unsigned from, std::optional<unsigned> to = std::nullopt,
                      std::uint64_t pages = 3) {
        unsigned changed = 0;
        for (std::uint64_t at = table; at < table + pages * 4096; at += 8) {
            std::uint64_t entry = gdb_.read_word(at);
            if ((entry >> from & 1) == 0) continue;
            entry &= ~(1ull << from);
            if (to) entry |= 1ull << *to;
            gdb_.write(at, &entry, sizeof(entry));
            changed++;
        }
        ASSERT_GT(changed, 0u);
    }

    // As a vCPU that is not the first: at the address that the table at the ROM's end names, with CS as
    // after a reset.
    void begin_as_another() { gdb_.set_rip(symbol("ap_reset16") & 0xffff); }

    // Runs until it is decided. `goal`: the symbol that it comes to.
    End run(const std::string& goal = "kernel_main") {
        const std::uint64_t long_mode = symbol("start64");
        while (true) {
            const Gdb::Registers r = gdb_.registers();
            const bool flat = r.cs != 0xf000;
            if (flat && r.rip == long_mode) break;
            const auto code = gdb_.read(flat ? r.rip : 0xffff'0000 + (r.rip & 0xffff), 4);
            if (code[0] == 0xf4) return End::kHalt;
            if (!flat || !instead(r, code)) gdb_.step();
        }
        if (gdb_.run_to(symbol(goal))) return End::kKernel;
        const auto stopped = gdb_.read(gdb_.registers().rip, 2);
        constexpr std::uint8_t kJumpToItself[] = {0x75, 0xfe};  // jne
        if (std::memcmp(stopped.data(), kJumpToItself, 2) == 0) return End::kSpin;
        throw std::runtime_error{"the boot code ends nowhere that is known"};
    }

private:
    enum { kRax = 0, kRcx = 1, kRdx = 2, kRbx = 3 };

    std::vector<std::string> command(const std::string& platform) const {
        std::vector<std::string> words{
            "qemu-system-x86_64",
            "-S",
            "-M",
            "q35",
            "-cpu",
            "max",
            "-accel",
            "tcg",
            "-m",
            "64",
            "-nodefaults",
            "-display",
            "none",
            "-bios",
            (build_dir() / "kernel" / ("enclavisor-" + platform + ".rom")).string()};
        for (const std::string& word : Gdb::arguments(directory_ / "gdb")) words.push_back(word);
        return words;
    }

    // Does what the processor here cannot do, and steps over it. False: it can.
    bool instead(const Gdb::Registers& r, const std::vector<std::uint8_t>& code) {
        const auto is = [&](std::initializer_list<std::uint8_t> bytes) {
            return std::equal(bytes.begin(), bytes.end(), code.begin());
        };
        const bool ghcb = (r.general[kRcx] & 0xffff'ffff) == kGhcbMsr;
        std::size_t size = 2;
        if (is({0x0f, 0xa2})) {  // cpuid
            const auto leaf = cpuid(static_cast<std::uint32_t>(r.general[kRax]));
            if (!leaf) return false;
            gdb_.set_general(kRax, leaf->eax);
            gdb_.set_general(kRbx, leaf->ebx);
        } else if (ghcb && is({0x0f, 0x30})) {  // wrmsr
            msr_ = r.general[kRdx] << 32 | (r.general[kRax] & 0xffff'ffff);
        } else if (is({0xf3, 0x0f, 0x01, 0xd9})) {  // vmgexit
            asked_.push_back(msr_);
            msr_ = ghcb_msr(msr_);
            size = 4;
        } else if (ghcb && is({0x0f, 0x32})) {  // rdmsr
            gdb_.set_general(kRax, msr_ & 0xffff'ffff);
            gdb_.set_general(kRdx, msr_ >> 32);
        } else {
            return false;
        }
        gdb_.set_rip(r.rip + size);
        return true;
    }

    TempDir directory_;
    NativeImage image_;
    Server qemu_;
    Gdb gdb_;
    std::uint64_t msr_ = 0;
    std::vector<std::uint64_t> asked_;
};

// A processor that has its C-bit there.
void has_c_bit(Boot& boot, unsigned bit) {
    const std::string root = "boot_pml4_" + std::to_string(bit);
    boot.exchange_bit(boot.symbol(root), bit);
}

// One whose C-bit is elsewhere: it decrypts instructions and page tables wherever they are, but what is
// read as data at an address with the wrong bit is not what was written.
void has_another_c_bit(Boot& boot, unsigned wrong) {
    const std::uint64_t root = boot.symbol("boot_pml4_" + std::to_string(wrong));
    constexpr unsigned kNoMemory = 38;
    boot.exchange_bit(root + 4096, wrong, kNoMemory, 1);
    boot.exchange_bit(root + 8192, wrong, std::nullopt, 1);
    const std::uint64_t open = boot.symbol("boot_shared") | 0x63;
    boot.gdb().write(root, &open, sizeof(open));
}

void expect_kernel(Boot& boot, unsigned bit) {
    ASSERT_EQ(boot.run(), End::kKernel);
    EXPECT_EQ(boot.gdb().registers().general[7] & 0xffff'ffff, bit) << "what kernel_main is told";
    EXPECT_NE(boot.gdb().read_word(boot.symbol("c_bit_probe") - KERNEL_BASE + BOOT_SHARED), 0u);
}

// --- SEV: by CPUID ----------------------------------------------------------

auto says(std::uint32_t eax, std::uint32_t ebx, std::uint32_t highest = kEncryptionLeaf) {
    return [=](std::uint32_t leaf) -> std::optional<Leaf> {
        if (leaf == kEncryptionLeaf) return Leaf{eax, ebx};
        if (leaf == kHighestLeaf) return Leaf{highest, 0};
        return std::nullopt;
    };
}

TEST(BootCode, SevFindsTheCBitByCpuid) {
    for (const unsigned bit : {51u, 47u}) {
        Boot boot{"sev"};
        has_c_bit(boot, bit);
        boot.cpuid = says(2, 0x180 | bit);
        expect_kernel(boot, bit);
    }
}

TEST(BootCode, SevHaltsWithoutEncryption) {
    const decltype(Boot::cpuid) kCases[] = {says(1, 51), says(2, 46), says(2, 0), says(2, 51, 0x8000'001e)};
    for (const auto& c : kCases) {
        Boot boot{"sev"};
        has_c_bit(boot, 51);
        boot.cpuid = c;
        EXPECT_EQ(boot.run(), End::kHalt);
    }
}

TEST(BootCode, SevSpinsAtTheWrongCBit) {
    for (const unsigned bit : {51u, 47u}) {
        Boot boot{"sev"};
        has_another_c_bit(boot, bit);
        boot.cpuid = says(2, bit);
        EXPECT_EQ(boot.run(), End::kSpin);
    }
}

// --- SEV-ES: by the GHCB's MSR ----------------------------------------------

constexpr std::uint64_t kAskedForEbx = std::uint64_t{kEncryptionLeaf} << 32 | 0x4000'0004;

TEST(BootCode, SevEsFindsTheCBitByTheMsr) {
    for (const unsigned bit : {51u, 47u}) {
        Boot boot{"sev-es"};
        has_c_bit(boot, bit);
        boot.ghcb_msr = [&](std::uint64_t) { return std::uint64_t{0x180 | bit} << 32 | 0x4000'0005; };
        expect_kernel(boot, bit);
        EXPECT_EQ(boot.asked(), std::vector<std::uint64_t>{kAskedForEbx});
    }
}

TEST(BootCode, SevEsEndsAtAWrongAnswer) {
    constexpr std::uint64_t kAnswers[] = {
        kAskedForEbx, 51ull << 32 | 0x004, 51ull << 32 | 0x015, 52ull << 32 | 0x005, 0x005, 0, ~0ull};
    for (const std::uint64_t answer : kAnswers) {
        Boot boot{"sev-es"};
        has_c_bit(boot, 51);
        boot.ghcb_msr = [&](std::uint64_t) { return answer; };
        EXPECT_EQ(boot.run(), End::kHalt) << std::hex << answer;
        EXPECT_EQ(boot.asked(), (std::vector<std::uint64_t>{kAskedForEbx, kTerminated}));
    }
}

TEST(BootCode, SevEsSpinsAtTheWrongCBit) {
    Boot boot{"sev-es"};
    has_another_c_bit(boot, 47);
    boot.ghcb_msr = [](std::uint64_t) { return 47ull << 32 | 0x005; };
    EXPECT_EQ(boot.run(), End::kSpin);
}

// --- SEV-SNP: from the page that the secure processor checked ----------------

// A page of so many leaves, one of them that with the C-bit.
void put_cpuid_page(Boot& boot, std::uint32_t count, std::optional<unsigned> place, std::uint32_t ebx) {
    abi::CpuidPage page{};
    page.count = count;
    for (std::uint32_t i = 0; i < std::size(page.entries); i++) page.entries[i].leaf = 0x4000'0000 + i;
    if (place) {
        page.entries[*place].leaf = kEncryptionLeaf;
        page.entries[*place].ebx = ebx;
    }
    boot.gdb().write(SEV_CPUID_PAGE, &page, sizeof(page));
}

TEST(BootCode, SnpFindsTheCBitInThePage) {
    for (const unsigned bit : {51u, 47u}) {
        for (const unsigned place : {0u, 17u, 63u}) {
            Boot boot{"sev-snp"};
            has_c_bit(boot, bit);
            put_cpuid_page(boot, place + 1, place, 0x180 | bit);
            expect_kernel(boot, bit);
            EXPECT_TRUE(boot.asked().empty());
        }
    }
}

TEST(BootCode, SnpEndsAtAWrongPage) {
    const struct {
        std::uint32_t count;
        std::optional<unsigned> place;
        std::uint32_t ebx;
    } kCases[] = {{0, 0, 51}, {64, std::nullopt, 0}, {17, 17, 51}, {65, 3, 51}, {~0u, 3, 51}, {64, 3, 50}};
    for (const auto& c : kCases) {
        Boot boot{"sev-snp"};
        has_c_bit(boot, 51);
        put_cpuid_page(boot, c.count, c.place, c.ebx);
        EXPECT_EQ(boot.run(), End::kHalt) << c.count;
        EXPECT_EQ(boot.asked(), std::vector<std::uint64_t>{kTerminated});
    }
}

// --- The other vCPUs ---------------------------------------------------------

TEST(BootCode, AnotherVcpuComesTheSameWay) {
    Boot boot{"sev-es"};
    has_c_bit(boot, 51);
    boot.ghcb_msr = [](std::uint64_t) { return 51ull << 32 | 0x005; };
    boot.begin_as_another();
    EXPECT_EQ(boot.run("ap_entry"), End::kKernel);
}

}  // namespace
}  // namespace enclavisor::tests
