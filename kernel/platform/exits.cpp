#include "kernel/platform/exits.hpp"

#include <optional>

#include "abi/platform/guest_message.hpp"
#include "abi/platform/vmsa.hpp"
#include "kernel/arch/apic.hpp"
#include "kernel/arch/per_cpu.hpp"
#include "kernel/boot/pages.hpp"
#include "kernel/memory/kernel_map.hpp"
#include "kernel/panic.hpp"
#include "kernel/platform/accepted.hpp"
#include "kernel/platform/cpuid_page.hpp"
#include "kernel/platform/instructions.hpp"
#include "kernel/platform/sev_features.hpp"

extern "C" char kernel_begin[], kernel_end[];

namespace enclavisor::kernel::exits {
namespace {

using R = GhcbRefusal;

// The boot vCPU's page. Part of the image, as nothing else is usable when it is needed; the kernel's map
// leaves it out.
extern "C" {
alignas(abi::kPageSize) abi::Ghcb boot_ghcb;
}

constinit std::uint16_t ghcb_version = abi::kGhcbVersion;
constinit AcceptedMemory accepted{arch::pvalidate};
constinit std::optional<CpuidTable> cpuid_table;
constinit std::uint64_t launched_status = 0, secure_khz = 0;

GhcbChannel channel() {
    const PerCpu& cpu = this_cpu();
    return {arch::kGhcbInstructions, HostPtr<abi::Ghcb>{cpu.ghcb_virt}, cpu.ghcb, ghcb_version};
}

void believe(R refusal) {
    if (refusal != R::kNone) [[unlikely]]
        terminate(refusal);
}

PhysAddr image_address(const void* object) {
    return PhysAddr{reinterpret_cast<std::uint64_t>(object) - KERNEL_BASE};
}

void check_status() {
    const std::uint64_t status = arch::sev_status();
    believe(judge_status(status, CurrentPlatform::kAcceptsMemory));
    launched_status = status;
    if (!has_secure_tsc(status)) return;
    constexpr std::uint32_t kWithFactor = 3;
    const auto* page = direct<const abi::SecretsPage>(PhysAddr{SEV_SECRETS_PAGE});
    secure_khz =
        secure_tsc_khz(arch::guest_tsc_frequency(), page->version >= kWithFactor ? page->tsc_factor : 0);
    if (secure_khz == 0) terminate(R::kTscFrequency);
}

// What the processor was told at launch, before anything is asked of it.
void read_cpuid_page(unsigned c_bit) {
    const auto* page = direct<const abi::CpuidPage>(PhysAddr{SEV_CPUID_PAGE});
    if (CpuidTable::fault(*page) != nullptr) terminate(R::kCpuidPage);
    cpuid_table.emplace(*page);
    if (cpuid_table->c_bit() != c_bit) terminate(R::kCBit);
}

// From private to shared, of a page that was validated. It is never validated again.
void share(PhysAddr page, bool early) {
    const PvalidateResult result = arch::pvalidate(page, false, false);
    if (result.code != 0 || result.unchanged) terminate(R::kPvalidate);
    if (early) {
        believe(channel().share_early(page));
    } else {
        const std::uint64_t entry = page.value | abi::kPageShared;
        believe(channel().change_pages({&entry, 1}));
    }
}

}  // namespace

void begin(PerCpu& cpu, unsigned c_bit) {
    cpu.ghcb = image_address(&boot_ghcb);
    cpu.ghcb_virt = BOOT_SHARED + cpu.ghcb.value;
    check_status();
    if (CurrentPlatform::kAcceptsMemory) read_cpuid_page(c_bit);
    // Linux before 6.10 speaks version 1 alone, which has all that SEV-ES needs.
    GhcbChannel first = channel();
    believe(first.negotiate(c_bit, CurrentPlatform::kAcceptsMemory ? abi::kGhcbVersion : 1));
    ghcb_version = first.version();
    if (CurrentPlatform::kAcceptsMemory) {
        believe(channel().require(abi::kFeatureSnp | abi::kFeatureApCreation));
        // The pages that the secure processor filled stand right before the image.
        believe(accepted.note_launched(SEV_SECRETS_PAGE / abi::kPageSize,
                                       image_address(kernel_end).value / abi::kPageSize));
        share(cpu.ghcb, true);
    }
    begin_cpu(cpu);
}

void begin_cpu(PerCpu&) {
    if (arch::sev_status() != launched_status) terminate(R::kOtherFeatures);
    if (CurrentPlatform::kAcceptsMemory) believe(channel().register_page());
}

void use_kernel_map(PerCpu& cpu) {
    cpu.ghcb_virt = kSharedPagesVirt + cpu.index * abi::kPageSize;
}

namespace {

PhysAddr new_shared_page(FrameAllocator& frames, std::uint64_t at) {
    const auto frame = frames.allocate();
    check(frame.has_value(), "the VM has too little memory for what it shares with the hypervisor");
    if (CurrentPlatform::kAcceptsMemory) share(*frame, false);
    map_shared_page(frames, at, *frame);
    return *frame;
}

}  // namespace

void prepare_cpu(FrameAllocator& frames, PerCpu& cpu) {
    use_kernel_map(cpu);
    cpu.ghcb = new_shared_page(frames, cpu.ghcb_virt);
}

namespace {

// 64-bit mode at `entry` on the kernel's tables, interrupts off (APM2 appendix B, and 14.1.3 for the
// values after a reset).
void fill_vmsa(abi::Vmsa& vmsa, std::uint64_t entry) {
    constexpr std::uint16_t kCode = 0x29b, kData = 0xc93;        // APM2 15.5.1: attributes as VMCBs have them
    constexpr std::uint64_t kSvm = 1 << 12, kLongMode = 5 << 8;  // LME and LMA
    arch::clear_page(&vmsa);
    vmsa.cs = {SELECTOR_KERNEL_CODE, kCode, 0xffff'ffff, 0};
    vmsa.ss = vmsa.ds = vmsa.es = vmsa.fs = vmsa.gs = {SELECTOR_KERNEL_DATA, kData, 0xffff'ffff, 0};
    vmsa.ldtr = {0, 0x82, 0xffff, 0};
    vmsa.tr = {0, 0x8b, 0xffff, 0};
    vmsa.gdtr.limit = vmsa.idtr.limit = 0xffff;
    vmsa.efer = arch::kEferNoExecute | kLongMode | kSvm;
    vmsa.cr0 = arch::read_cr0();
    vmsa.cr3 = kernel_cr3();
    vmsa.cr4 = arch::read_cr4();
    vmsa.rip = entry;
    vmsa.rflags = 2;
    vmsa.dr6 = 0xffff'0ff0;
    vmsa.dr7 = 0x400;
    vmsa.g_pat = 0x0007'0406'0007'0406;
    vmsa.xcr0 = 1;
    vmsa.mxcsr = 0x1f80;
    vmsa.x87_fcw = 0x37f;
    vmsa.sev_features = arch::sev_status() >> abi::kSevStatusFeatures;
}

}  // namespace

void create_cpu(FrameAllocator& frames, PerCpu& cpu, std::uint64_t entry) {
    // Early processors take no VMSA at the beginning of a large page (AMD 57095, erratum 1467 and
    // what KVM does about it).
    std::optional<PhysAddr> frame = frames.allocate();
    if (frame && frame->value % (512 * abi::kPageSize) == 0) frame = frames.allocate();
    check(frame.has_value(), "the VM has too little memory for its vCPUs");
    auto* vmsa = direct<abi::Vmsa>(*frame);
    fill_vmsa(*vmsa, entry);
    if (arch::make_vmsa(*frame) != 0) terminate(R::kPvalidate);
    believe(channel().create_cpu(cpu.apic_id, *frame, arch::sev_status() >> abi::kSevStatusFeatures));
}

std::uint32_t port_read(std::uint16_t port, unsigned size) {
    std::uint32_t value = 0;
    believe(channel().port_in(port, size, value));
    return value;
}
void port_write(std::uint16_t port, unsigned size, std::uint32_t value) {
    believe(channel().port_out(port, size, value));
}

std::uint32_t register_read(std::uint64_t address) {
    std::uint32_t value = 0;
    believe(channel().mmio_read32(device_address(address), value));
    return value;
}
void register_write(std::uint64_t address, std::uint32_t value) {
    believe(channel().mmio_write32(device_address(address), value));
}

void write_msr(std::uint32_t number, std::uint64_t value) {
    believe(channel().write_msr(number, value));
}

CpuidValues cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
    const std::uint64_t xcr0 = arch::read_cr4() & arch::kCr4Xsave ? arch::read_xcr0() : 1;
    CpuidValues v{};
    if (CurrentPlatform::kAcceptsMemory) {
        v = cpuid_table->find(leaf, subleaf, xcr0, 0);
    } else {
        believe(channel().cpuid(leaf, subleaf, xcr0, v));
    }
    // As the processor has it by itself.
    constexpr std::uint32_t kFeatures = 1, kOsXsave = 1 << 27;
    if (leaf == kFeatures && (arch::read_cr4() & arch::kCr4Xsave)) v.ecx |= kOsXsave;
    return v;
}

void accept_frames(std::uint64_t begin, std::uint64_t end) {
    GhcbChannel asked = channel();
    believe(accepted.accept(asked, begin, end));
}

std::uint64_t tsc_khz() {
    return secure_khz;
}

abi::PlatformKey take_message_key() {
    constexpr std::uint32_t kOldest = 2, kNewest = 4;
    auto* page = direct<abi::SecretsPage>(PhysAddr{SEV_SECRETS_PAGE});
    abi::PlatformKey key{};
    __builtin_memcpy(key.key, page->message_keys[key.number], sizeof(key.key));
    std::uint8_t any = 0;
    for (const std::uint8_t byte : key.key) any |= byte;
    if (page->version < kOldest || page->version > kNewest || any == 0) terminate(R::kSecretsPage);
    arch::clear_page(page);
    return key;
}

namespace {
PhysAddr message_pages[2];  // request, response
}  // namespace

void prepare_messages(FrameAllocator& frames) {
    for (std::uint64_t i = 0; i < 2; i++)
        message_pages[i] = new_shared_page(frames, kMessagePagesVirt + i * abi::kPageSize);
}

std::uint64_t guest_request(void* message) {
    std::uint64_t error = 0;
    arch::copy_page(reinterpret_cast<void*>(kMessagePagesVirt), message);
    believe(channel().guest_request(message_pages[0], message_pages[1], error));
    if (error == 0)
        arch::copy_page(message, reinterpret_cast<const void*>(kMessagePagesVirt + abi::kPageSize));
    return error;
}

void terminate(GhcbRefusal reason) {
    channel().terminate(reason);
    arch::stop_forever();
}

}  // namespace enclavisor::kernel::exits
